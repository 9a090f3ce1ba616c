//! From files to what a trainer takes: split, scale, number the classes.

use super::config::{DataConfig, RealLikelihood, Targets};
use super::source::{DataSource, Loaded};
use crate::data::{
    DataError, Dataset, Labels, ReadOptions, Scaler, ScalingKind, TargetScaler, TargetScaling, best_period,
};
use crate::error::{Error, Result};
use crate::train::{TrainingConfig, TrainingData};

/// The parts of a run's data, scaled.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What the model is trained on.
    pub train: TrainingData,
    /// What it is watched on; `None` if nothing is held out.
    pub validation: Option<TrainingData>,
    /// What its predictions are recalibrated by; `None` if nothing is kept for that.
    pub calibration: Option<TrainingData>,
    /// What it is scored on.
    pub test: Option<TrainingData>,
}

/// Splits the training data, fits the scaling on what is trained on, and applies it to every part. `likelihood` is for
/// real targets.
///
/// # Errors
/// [`DataError`] for data that cannot be trained on or parts that do not fit each other; [`Error::InvalidArgument`] for a
/// scaling that does not go with the targets.
pub fn prepare(
    source: DataSource,
    read: ReadOptions,
    scaling: ScalingKind,
    likelihood: RealLikelihood,
    training: &TrainingConfig,
) -> Result<(DataConfig, Parts)> {
    let loaded = source.load(&read, training)?;
    prepare_loaded(loaded, source, read, scaling, likelihood)
}

/// The same of data that are read and cut already.
pub(super) fn prepare_loaded(
    Loaded { train, validation, calibration, test, fingerprint }: Loaded,
    source: DataSource,
    read: ReadOptions,
    scaling: ScalingKind,
    likelihood: RealLikelihood,
) -> Result<(DataConfig, Parts)> {
    if scaling == ScalingKind::PerFeature && matches!(source, DataSource::Series { .. }) {
        let expected = "another than per_feature for a series, whose rows are times";
        return Err(Error::argument("data", "scaling", expected, "per_feature"));
    }
    let known = || [&train, &validation, &calibration].into_iter();
    let equal_length = known().all(Dataset::has_equal_lengths) && one_length(known());
    let config = DataConfig {
        name: train.name.clone(),
        channels: train.channels,
        length: known().map(longest).max().unwrap_or(0).max(longest_of_unequal(equal_length, test.as_ref())),
        equal_length,
        fingerprint,
        source,
        read,
        targets: targets(&train, likelihood)?,
        scaler: Scaler::fit(scaling, &train)?,
    };
    let held_out = |part: Dataset| (!part.is_empty()).then(|| config.labelled(part)).transpose();
    let (validation, calibration) = (held_out(validation)?, held_out(calibration)?);
    let test = test.map(|test| config.labelled(test)).transpose()?;
    let parts = Parts { train: config.labelled(train)?, validation, calibration, test };
    Ok((config, parts))
}

impl DataConfig {
    /// The parts again, as the run began with them.
    ///
    /// # Errors
    /// [`Error::ModelDescription`] if the training file has changed since; those of [`prepare`].
    pub fn reload(&self, training: &TrainingConfig) -> Result<Parts> {
        let (source, read, likelihood) = (self.source.clone(), self.read.clone(), self.targets.real_likelihood());
        let (config, parts) = prepare(source, read, self.scaler.kind, likelihood, training)?;
        self.check_fingerprint(&config.fingerprint)?;
        Ok(parts)
    }

    /// That data of this SHA-256 are those that the run began with.
    pub(super) fn check_fingerprint(&self, found: &str) -> Result<()> {
        if found == self.fingerprint {
            return Ok(());
        }
        let expected = &self.fingerprint;
        Err(Error::ModelDescription {
            origin: "config.toml".into(),
            reason: format!("the data have changed since the run began: expected SHA-256 {expected}, found {found}"),
        })
    }

    /// Scales series for the network.
    ///
    /// # Errors
    /// [`DataError`] for another number of channels.
    pub fn scaled(&self, data: &Dataset) -> Result<Dataset> {
        self.check_shape(data)?;
        Ok(self.scaler.apply(data)?)
    }

    /// Scales series and numbers their labels for the likelihood.
    ///
    /// # Errors
    /// [`DataError`] for another number of channels, an unknown class or labels of another kind.
    pub fn labelled(&self, data: Dataset) -> Result<TrainingData> {
        self.check_shape(&data)?;
        match &self.targets {
            Targets::Classes { names } => {
                let data = data.with_classes(names)?;
                TrainingData::classes(self.scaler.apply(&data)?)
            }
            Targets::Real { scaler, .. } => {
                let data = self.scaler.apply(&as_real(data)?)?;
                TrainingData::real(data, *scaler)
            }
            Targets::Horizon { names, steps, season, .. } => {
                check_horizon(&data, names, *steps)?;
                TrainingData::horizon(self.scaler.apply(&data)?, self.target_scaling(&data), *season)
            }
        }
    }

    /// Names of the classes, if classes are predicted.
    #[must_use]
    pub fn class_names(&self) -> Option<&[String]> {
        match &self.targets {
            Targets::Classes { names } => Some(names),
            Targets::Real { .. } | Targets::Horizon { .. } => None,
        }
    }

    /// Names of what is predicted: of the classes, or of the variables that are forecast; none of a single real target.
    #[must_use]
    pub fn target_names(&self) -> &[String] {
        match &self.targets {
            Targets::Classes { names } | Targets::Horizon { names, .. } => names,
            Targets::Real { .. } => &[],
        }
    }

    /// How the targets of `data`, not scaled yet, are scaled for the model.
    #[must_use]
    pub fn target_scaling(&self, data: &Dataset) -> TargetScaling {
        match &self.targets {
            Targets::Classes { .. } => TargetScaling::None,
            Targets::Real { scaler, .. } => TargetScaling::Same(*scaler),
            Targets::Horizon { names, .. } => TargetScaling::following(&self.scaler, data, names.len()),
        }
    }

    /// Series of another shape than those trained on are most likely other data, or a label column read as a value.
    fn check_shape(&self, data: &Dataset) -> Result<()> {
        let fail = |what, expected: String, found: String| {
            Err(Error::Input { layer: data.name.clone(), what, expected, found })
        };
        if data.channels != self.channels {
            let expected = format!("{} as in the training data", self.channels);
            return fail("number of channels", expected, data.channels.to_string());
        }
        let other = |&i: &usize| data.example_length(i) != self.length;
        match (0..data.len()).find(other).filter(|_| self.equal_length) {
            Some(i) => fail(
                "length",
                format!(
                    "{} as all series of the training data (in a CSV file, is the label column the right one?)",
                    self.length
                ),
                format!("{} in series `{}`", data.example_length(i), data.examples[i].id),
            ),
            None => Ok(()),
        }
    }
}

fn longest(data: &Dataset) -> usize {
    data.length_range().map_or(0, |(_, longest)| longest)
}

/// Whether the longest series of all sets that are not empty have one length.
fn one_length<'a>(sets: impl Iterator<Item = &'a Dataset>) -> bool {
    let mut lengths = sets.filter(|set| !set.is_empty()).map(longest);
    let first = lengths.next();
    lengths.all(|length| Some(length) == first)
}

/// Where lengths differ, the network must take the longest test series too. (Its values play no part.)
fn longest_of_unequal(equal: bool, test: Option<&Dataset>) -> usize {
    test.filter(|_| !equal).map_or(0, longest)
}

/// What the training part says about targets.
fn targets(train: &Dataset, likelihood: RealLikelihood) -> Result<Targets> {
    match &train.labels {
        Labels::Classes { names, .. } => Ok(Targets::Classes { names: names.clone() }),
        Labels::Real(values) => Ok(Targets::Real { scaler: TargetScaler::fit(values), likelihood }),
        Labels::Horizon { names, steps, .. } => {
            Ok(Targets::Horizon { names: names.clone(), steps: *steps, season: best_period(train), likelihood })
        }
        Labels::None => Err(no_labels(train)),
    }
}

/// That the horizon is the one that is forecast.
fn check_horizon(data: &Dataset, names: &[String], steps: usize) -> Result<()> {
    let said = |names: &[String], steps| format!("{steps} steps of {}", names.join(", "));
    let found = match &data.labels {
        Labels::Horizon { names: others, steps: found, .. } if others == names && *found == steps => return Ok(()),
        Labels::Horizon { names, steps, .. } => said(names, *steps),
        other => other.kind().to_owned(),
    };
    Err(Error::Targets { likelihood: "forecast", expected: said(names, steps), found })
}

/// Labels that look like classes because all are whole numbers, read as the numbers they are.
fn as_real(mut data: Dataset) -> Result<Dataset> {
    let values = match &data.labels {
        Labels::Real(_) => return Ok(data),
        Labels::None => return Err(no_labels(&data)),
        Labels::Horizon { .. } => return Err(Error::labels("gaussian", "real targets", &data.labels)),
        Labels::Classes { names, labels } => {
            let number = |&label: &usize| names[label].parse::<f64>().ok().filter(|value| value.is_finite());
            labels.iter().map(number).collect::<Option<Vec<f64>>>()
        }
    };
    let found = data.labels.kind();
    let values = values.ok_or_else(|| Error::Targets {
        likelihood: "gaussian",
        expected: format!("real targets in {}", data.name),
        found: found.to_owned(),
    })?;
    data.labels = Labels::Real(values);
    Ok(data)
}

fn no_labels(data: &Dataset) -> Error {
    let expected = "a class or a target for every example".to_owned();
    Error::Data(DataError::MissingLabel { place: crate::data::Place::whole(&data.name), expected })
}

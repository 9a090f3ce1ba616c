//! Where the data of a run come from, and which of them it is trained on.

use crate::data::{
    Dataset, HeldOut, ReadOptions, SeriesColumns, TimeSeries, WindowShape, chronological, embedded, random_split,
    read_series, read_with, stratified_split,
};
use crate::error::{Error, Result};
use crate::record::hex;
use crate::train::TrainingConfig;
use elbo_kernels::Stream;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// Where data come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum DataSource {
    /// A data set that is part of the program.
    Embedded {
        /// Its name.
        dataset: String,
    },
    /// Files.
    Files {
        /// The training part.
        train: PathBuf,
        /// The test part, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<PathBuf>,
    },
    /// One series, to be forecast.
    Series {
        /// A CSV file with a time column.
        series: PathBuf,
        /// Window and horizon.
        shape: WindowShape,
        /// The part of the rows, the last ones, that the model is scored on.
        test_fraction: f64,
        /// What the columns are.
        #[serde(default)]
        columns: SeriesColumns,
    },
}

/// The parts of a run's data as they are read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the model is trained on.
    pub train: Dataset,
    /// What is held out; without examples if nothing is.
    pub validation: Dataset,
    /// What is kept for recalibration and conformal prediction; without examples if nothing is.
    pub calibration: Dataset,
    /// What it is scored on.
    pub test: Option<Dataset>,
    /// SHA-256 of all of it.
    pub fingerprint: String,
}

impl DataSource {
    /// Reads the data and cuts them into parts: of files random parts of the examples are held out, for validation the
    /// same of every class, for calibration whatever comes; of a series the last rows before the test part, those for
    /// calibration after those for validation.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an unknown embedded data set or a calibration part without an example; those of the
    /// reader; those of data that cannot be trained on.
    pub fn load(&self, options: &ReadOptions, training: &TrainingConfig) -> Result<Loaded> {
        match self {
            Self::Embedded { dataset } => {
                let (train, test) = embedded(dataset).ok_or_else(|| {
                    let expected = format!("one of {}", crate::data::NAMES.join(", "));
                    Error::argument("data", "dataset", expected, dataset)
                })?;
                held_out(&train, Some(test), training)
            }
            Self::Files { train, test } => {
                let train = read_with(train, options)?;
                let test = test.as_ref().map(|path| read_with(path, options)).transpose()?;
                held_out(&train, test, training)
            }
            Self::Series { series, shape, test_fraction, columns } => {
                windows(&read_series(series, columns)?, *shape, *test_fraction, training)
            }
        }
    }
}

fn held_out(whole: &Dataset, test: Option<Dataset>, training: &TrainingConfig) -> Result<Loaded> {
    whole.check_trainable()?;
    let (rest, calibration) = kept(whole, training)?;
    let of_rest = part_of(training.validation_fraction, 1.0 - training.calibration_fraction);
    let (train, validation) = stratified_split(&rest, of_rest, training.seed)?;
    let fingerprint = fingerprint([Some(whole), test.as_ref()].into_iter().flatten());
    Ok(Loaded { train: rest.subset(&train), validation: rest.subset(&validation), calibration, test, fingerprint })
}

/// Cuts the calibration part off. It comes first, so that it does not depend on what is held out for validation: after a
/// sweep nothing is, and no example by which settings were chosen may be among those that intervals are sized by.
fn kept(whole: &Dataset, training: &TrainingConfig) -> Result<(Dataset, Dataset)> {
    let fraction = training.calibration_fraction;
    let (rest, calibration) = random_split(whole, fraction, Stream::named(training.seed, "data/calibration"));
    if calibration.is_empty() && fraction != 0.0 {
        let expected = format!("large enough to keep one of {} examples", whole.len());
        return Err(Error::argument("training", "calibration_fraction", expected, fraction));
    }
    Ok((whole.subset(&rest), whole.subset(&calibration)))
}

/// What part of the rest is `fraction` of the whole.
fn part_of(fraction: f64, rest: f64) -> f64 {
    (fraction / rest).min(1.0 - f64::EPSILON)
}

fn windows(series: &TimeSeries, shape: WindowShape, test_fraction: f64, training: &TrainingConfig) -> Result<Loaded> {
    let (validation, calibration) = (training.validation_fraction, training.calibration_fraction);
    let parts = chronological(series, shape, HeldOut { validation, calibration, test: test_fraction })?;
    let train = series.windows(shape, parts.train)?;
    train.check_trainable()?;
    let test = series.windows(shape, parts.test)?;
    let validation = series.windows(shape, parts.validation)?;
    let calibration = series.windows(shape, parts.calibration)?;
    let kept = (!calibration.is_empty()).then_some(&calibration);
    let fingerprint = fingerprint([&train, &validation, &test].into_iter().chain(kept));
    Ok(Loaded { train, validation, calibration, test: (!test.is_empty()).then_some(test), fingerprint })
}

/// SHA-256 over the values and labels of data sets.
fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a Dataset>) -> String {
    let mut hasher = Sha256::new();
    for data in parts {
        hasher.update(format!("{}\0{}\0", data.channels, data.examples.len()));
        for example in &data.examples {
            hasher.update(format!("{}\0{}\0", example.id, example.values.len()));
            example.values.iter().for_each(|value| hasher.update(value.to_le_bytes()));
        }
        hasher.update(format!("{:?}", data.labels));
    }
    hex(hasher)
}

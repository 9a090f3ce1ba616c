//! `config.toml`: what a run is made of.

use super::adjustments::Shares;
use super::calibration::CalibrationMethod;
use super::conformal::ConformalConfig;
use super::source::DataSource;
use super::sweep::SweepConfig;
use crate::data::{ReadOptions, Scaler, TargetScaler};
use crate::error::{Error, Result};
use crate::model::{InputShape, Model, ModelDescription};
use crate::objective::{Likelihood, likelihood::Gaussian};
use crate::output::Output;
use crate::train::{TrainingConfig, TrainingData};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

/// Everything needed to repeat a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The version of `elbo` that began the run.
    pub elbo_version: String,
    /// How the model is trained.
    pub training: TrainingConfig,
    /// How it predicts.
    pub prediction: PredictionConfig,
    /// How its settings were chosen, if by a sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepConfig>,
    /// The data, and how they are scaled.
    pub data: DataConfig,
    /// The network.
    pub model: ModelDescription,
}

/// How a run predicts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictionConfig {
    /// Weight samples of a prediction.
    pub samples: usize,
    /// How predictions are recalibrated after training; `None` if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrate: Option<CalibrationMethod>,
    /// What sets or intervals are made after training; `None` if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conformal: Option<ConformalConfig>,
}

impl Default for PredictionConfig {
    fn default() -> Self {
        Self { samples: 100, calibrate: None, conformal: None }
    }
}

/// The data of a run: where from, and what the training part fixed for all data that come later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Name of the data set.
    pub name: String,
    /// Channels of a series.
    pub channels: usize,
    /// Length that the network takes: the longest of the training series, and of the test series where lengths differ.
    pub length: usize,
    /// Whether all training series have that length; then all later ones must.
    pub equal_length: bool,
    /// SHA-256 of the data, as read.
    pub fingerprint: String,
    /// Where the data come from.
    pub source: DataSource,
    /// How files are read.
    #[serde(default)]
    pub read: ReadOptions,
    /// What is predicted.
    pub targets: Targets,
    /// How series are scaled.
    pub scaler: Scaler,
}

/// What is predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Targets {
    /// One of these classes, in the order of the model's outputs.
    Classes {
        /// Names.
        names: Vec<String>,
    },
    /// A real number, scaled for the model.
    Real {
        /// The scaling.
        scaler: TargetScaler,
        /// The distribution of the target.
        #[serde(default)]
        likelihood: RealLikelihood,
    },
    /// What follows a series: its first channels, scaled as the series.
    Horizon {
        /// Names of the variables.
        names: Vec<String>,
        /// Time steps.
        steps: usize,
        /// Rows after which the training part repeats itself best ([`best_period`](crate::data::best_period)).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        season: Option<usize>,
        /// The distribution of each value.
        #[serde(default)]
        likelihood: RealLikelihood,
    },
}

/// What kind of target is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A class.
    Classes,
    /// A real number.
    Real,
    /// The steps of a horizon.
    Forecast,
}

/// The distribution of real targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RealLikelihood {
    /// Normal, with a standard deviation that is trained: one for each target value.
    #[default]
    Gaussian,
    /// Student's with 4 degrees of freedom and a scale that the network predicts: for targets with outliers.
    StudentT,
}

/// Degrees of freedom of [`RealLikelihood::StudentT`].
const DF: f64 = 4.0;

impl DataConfig {
    /// The shape of the network's input.
    #[must_use]
    pub fn input_shape(&self) -> InputShape {
        InputShape { channels: self.channels, length: self.length }
    }

    /// Steps that are forecast, 1 of other targets: so many examples in a row share rows of a series.
    #[must_use]
    pub fn steps(&self) -> usize {
        match &self.targets {
            Targets::Horizon { steps, .. } => (*steps).max(1),
            Targets::Classes { .. } | Targets::Real { .. } => 1,
        }
    }
}

impl PredictionConfig {
    /// That what is asked for after training goes with the targets, and that there are examples for it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] naming the first setting that is not allowed.
    pub fn check(&self, targets: &Targets, part: Option<&TrainingData>, training: &TrainingConfig) -> Result<()> {
        self.calibrate.map_or(Ok(()), |method| method.check(targets.kind()))?;
        self.conformal.map_or(Ok(()), |conformal| conformal.check(targets.kind()))?;
        let shares = usize::from(self.calibrate.is_some()) + usize::from(self.conformal.is_some());
        let examples = part.map_or(0, TrainingData::len);
        if examples >= shares && Shares::new(self, part, training.seed).are_there() {
            return Ok(());
        }
        let expected = "above 0, large enough to keep examples for recalibration or conformal prediction";
        Err(Error::argument("training", "calibration_fraction", expected, training.calibration_fraction))
    }
}

impl RunConfig {
    /// The model before training: initial values from the seed.
    ///
    /// # Errors
    /// Those of the description.
    pub fn build_model(&self, device: &Device) -> Result<Model> {
        let likelihood = self.data.targets.likelihood(device)?;
        Model::new(&self.model, self.data.input_shape(), likelihood, self.training.seed, device)
    }
}

impl Targets {
    /// The kind.
    #[must_use]
    pub fn kind(&self) -> TargetKind {
        match self {
            Self::Classes { .. } => TargetKind::Classes,
            Self::Real { .. } => TargetKind::Real,
            Self::Horizon { .. } => TargetKind::Forecast,
        }
    }

    /// The weight of the divergence that the presets train with, chosen by cross-validation on training parts (see
    /// `docs/defaults.md`); 1 would be the ELBO.
    #[must_use]
    pub fn default_kl_weight(&self) -> f64 {
        match self {
            Self::Classes { .. } => 0.01,
            Self::Real { .. } | Self::Horizon { .. } => 0.3,
        }
    }

    /// The distribution of real targets; the default for classes.
    #[must_use]
    pub fn real_likelihood(&self) -> RealLikelihood {
        match self {
            Self::Classes { .. } => RealLikelihood::default(),
            Self::Real { likelihood, .. } | Self::Horizon { likelihood, .. } => *likelihood,
        }
    }

    /// The likelihood that fits.
    fn likelihood(&self, device: &Device) -> Result<Likelihood> {
        match self {
            Self::Classes { names } => Ok(Likelihood::categorical(names.len())),
            Self::Real { likelihood, .. } => likelihood.of(1, device),
            Self::Horizon { names, steps, likelihood, .. } => likelihood.of(names.len() * steps, device),
        }
    }
}

impl RealLikelihood {
    /// Over `values` target values. They have standard deviation 1 after scaling: the noise starts at half of it.
    fn of(self, values: usize, device: &Device) -> Result<Likelihood> {
        match self {
            Self::Gaussian => Ok(Likelihood::Gaussian(Gaussian::learned(values, 0.5, device)?)),
            Self::StudentT => Likelihood::output(Output::StudentT { event: values, df: Some(DF) }),
        }
    }
}

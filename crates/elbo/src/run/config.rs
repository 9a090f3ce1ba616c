//! `config.toml`: what a run is made of.

use crate::data::{Dataset, ReadOptions, Scaler, TargetScaler, embedded, read_with};
use crate::error::{Error, Result};
use crate::model::{InputShape, Model, ModelDescription};
use crate::objective::{Likelihood, likelihood::Gaussian};
use crate::record::hex;
use crate::train::TrainingConfig;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

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
    /// The data, and how they are scaled.
    pub data: DataConfig,
    /// The network.
    pub model: ModelDescription,
}

/// How a run predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictionConfig {
    /// Weight samples of a prediction.
    pub samples: usize,
}

impl Default for PredictionConfig {
    fn default() -> Self {
        Self { samples: 100 }
    }
}

/// Where data come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    },
}

impl DataSource {
    /// Training and test part.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an unknown embedded data set; those of the reader.
    pub fn load(&self, options: &ReadOptions) -> Result<(Dataset, Option<Dataset>)> {
        match self {
            Self::Embedded { dataset } => {
                let (train, test) = embedded(dataset).ok_or_else(|| {
                    let expected = format!("one of {}", crate::data::NAMES.join(", "));
                    Error::argument("data", "dataset", expected, dataset)
                })?;
                Ok((train, Some(test)))
            }
            Self::Files { train, test } => {
                let train = read_with(train, options)?;
                let test = test.as_ref().map(|path| read_with(path, options)).transpose()?;
                Ok((train, test))
            }
        }
    }
}

impl DataConfig {
    /// The shape of the network's input.
    #[must_use]
    pub fn input_shape(&self) -> InputShape {
        InputShape { channels: self.channels, length: self.length }
    }
}

/// SHA-256 over the values and labels of data sets.
#[must_use]
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a Dataset>) -> String {
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
    /// The weight of the divergence that the presets train with, chosen by cross-validation on training parts (see
    /// `docs/defaults.md`); 1 would be the ELBO.
    #[must_use]
    pub fn default_kl_weight(&self) -> f64 {
        match self {
            Self::Classes { .. } => 0.01,
            Self::Real { .. } => 0.3,
        }
    }

    /// The likelihood that fits. Real targets have standard deviation 1 after scaling: the noise starts at half of it.
    fn likelihood(&self, device: &Device) -> Result<Likelihood> {
        match self {
            Self::Classes { names } => Ok(Likelihood::categorical(names.len())),
            Self::Real { .. } => Ok(Likelihood::Gaussian(Gaussian::learned(1, 0.5, device)?)),
        }
    }
}

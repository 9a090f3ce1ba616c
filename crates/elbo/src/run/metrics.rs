//! `metrics.json`, schema 1.
//!
//! Scores stand at `test.posterior_predictive.<score>.value`, `.low`, `.high` and the same under `test.mean_network`.
//! Classification has `accuracy`, `nll`, `brier`, `ece`; regression `rmse`, `nll`, `coverage_90`. Everything but
//! `timing` is a function of configuration and data.

use super::evaluate::Scores;
use crate::train::EpochReport;
use serde::{Deserialize, Serialize};

/// The scores of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Version of this layout: 1.
    pub schema: u32,
    /// Name of the data set.
    pub dataset: String,
    /// Numbers of examples.
    pub examples: PartSizes,
    /// The model in numbers.
    pub model: ModelSummary,
    /// How training ended.
    pub training: TrainingSummary,
    /// Scores on the test part; `null` without one.
    pub test: Option<TestScores>,
    /// Wall-clock times and their device: the only part that differs from run to run.
    pub timing: Timing,
}

/// Numbers of examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSizes {
    /// Trained on: N of the objective.
    pub train: usize,
    /// Held out.
    pub validation: usize,
    /// Scored on.
    pub test: usize,
}

/// The model in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// Trained numbers: location and scale of every weight count twice.
    pub parameters: usize,
}

/// How training ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// Epochs done.
    pub epochs: usize,
    /// Steps done.
    pub steps: u64,
    /// The last epoch.
    pub last_epoch: Option<EpochReport>,
}

/// Scores on the test part, with 95 % bootstrap intervals over its examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestScores {
    /// Weight samples of the posterior predictive.
    pub samples: usize,
    /// The average over the posterior.
    pub posterior_predictive: Scores,
    /// The network of posterior means.
    pub mean_network: Scores,
}

/// Wall-clock times in seconds, and where they were taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Name of the device of the last process that worked on the run. Files of a version that had but one have none.
    #[serde(default = "cpu")]
    pub device: String,
    /// Training, of the last process that worked on the run.
    pub training_seconds: f64,
    /// Predicting and scoring the test part.
    pub evaluation_seconds: f64,
}

/// What runs were on before there was a choice.
pub(super) fn cpu() -> String {
    crate::device::DeviceName::FLEX.to_string()
}

//! `metrics.json`, schema 2.
//!
//! Scores stand at `test.posterior_predictive.<score>.value`, `.low`, `.high` and the same under `test.mean_network`.
//! Classification has `accuracy`, `nll`, `brier`, `ece`, `squared_ece_debiased`, `spherical`, `error_auroc`, `aurc`,
//! `excess_aurc`, `ece_equal_mass`, `ece_classwise`, `ece_smooth`, `brier_reliability`, `brier_resolution`, `brier_uncertainty`, `error_aupr`,
//! `error_fpr95`; regression `rmse`, `nll`, `coverage_90`, `mae`, `crps`, `interval_score_90`, `width_90`,
//! `error_spearman`; forecasts `rmse`, `mae`, `crps`, `nll`, `coverage_90`, `persistence_rmse`, `relative_rmse`, `seasonal_naive`, `by_step`, and of several variables `by_variable`. A score that cannot be had from the predictions is `null`. Runs
//! that recalibrate (classes or real targets) have the same scores of the recalibrated posterior predictive under
//! `test.calibrated`; runs with sets
//! or intervals have `test.conformal`: [`ConformalScores`]. Everything but `timing` is a function of configuration and
//! data.
//!
//! Schema 1 had the first four and the first three. Its files are read: the other scores are `None` then, for nobody
//! computed them. Files of a schema above 2 are refused.

use super::conformal::ConformalScores;
use super::evaluate::Scores;
use crate::train::EpochReport;
use serde::{Deserialize, Serialize};

/// Version of the layout that is written.
pub const METRICS_SCHEMA: u32 = 2;

/// The scores of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Version of this layout: [`METRICS_SCHEMA`], or 1 if read from the file of an earlier version.
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
    /// Kept for recalibration and conformal prediction.
    #[serde(default)]
    pub calibration: usize,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestScores {
    /// Weight samples of the posterior predictive.
    pub samples: usize,
    /// The average over the posterior.
    pub posterior_predictive: Scores,
    /// The network of posterior means.
    pub mean_network: Scores,
    /// The average over the posterior, recalibrated; `None` if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<Scores>,
    /// Its sets or intervals; `None` if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conformal: Option<ConformalScores>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunFolder;

    /// What version 0.1.0 wrote.
    const SCHEMA_1: &str = r#"{
        "schema": 1, "dataset": "a", "examples": {"train": 2, "validation": 0, "test": 3}, "model": {"parameters": 4},
        "training": {"epochs": 1, "steps": 1, "last_epoch": null},
        "test": {"samples": 5,
            "posterior_predictive": {
                "accuracy": {"value": 1.0, "low": 1.0, "high": 1.0}, "nll": {"value": "inf", "low": 0.5, "high": "inf"},
                "brier": {"value": 0.5, "low": 0.25, "high": 0.75}, "ece": {"value": 0.5, "low": 0.25, "high": 0.75}},
            "mean_network": {
                "rmse": {"value": 1.0, "low": 1.0, "high": 1.0}, "nll": {"value": 0.5, "low": 0.5, "high": 0.5},
                "coverage_90": {"value": 0.5, "low": 0.25, "high": 0.75}}},
        "timing": {"training_seconds": 1.0, "evaluation_seconds": 1.0}}"#;

    fn read(text: &str) -> crate::Result<Metrics> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("metrics.json"), text).unwrap();
        RunFolder::new(folder.path()).metrics()
    }

    #[test]
    fn files_of_schema_1_are_read_without_the_scores_that_they_lack() {
        let metrics = read(SCHEMA_1).unwrap();
        let test = metrics.test.unwrap();
        assert_eq!(metrics.schema, 1);
        let Scores::Classification(scores) = &test.posterior_predictive else { panic!("{test:?}") };
        assert_eq!((scores.accuracy.value, scores.spherical, scores.aurc), (1.0, None, None));
        let Scores::Regression(scores) = &test.mean_network else { panic!("{test:?}") };
        assert_eq!((scores.coverage_90.high, scores.crps, scores.mae), (0.75, None, None));
    }

    #[test]
    fn files_of_another_schema_are_refused() {
        for other in ["0", "3"] {
            let text = SCHEMA_1.replace(r#""schema": 1"#, &format!(r#""schema": {other}"#));
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(&format!("expected schema 1 to 2, found {other}")), "{error}");
        }
        assert!(read("{}").unwrap_err().to_string().contains("schema"));
    }
}

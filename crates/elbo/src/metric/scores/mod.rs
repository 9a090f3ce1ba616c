//! The scores of a test set, each with its interval, from one set of resamples: what `metrics.json` and reports hold.
//!
//! A run of an earlier version has fewer of them: those are `None` after reading it. `None` is also what a score is that
//! cannot be had from such predictions; written down it is `null`, while an earlier version's file lacks the key.

mod classification;
mod detection;
mod forecast;
mod regression;

pub use classification::{ClassificationScores, classification_differences, classification_scores};
pub use detection::{DetectionScores, detection_scores};
pub use forecast::{ForecastPredictions, ForecastScores, SeasonalNaive, StepScores, VariableScores, forecast_scores};
pub use regression::{RegressionPredictions, RegressionScores, regression_differences, regression_scores};

use super::Estimate;
use serde::{Deserialize, Serialize};

/// How a score of two models differs on the same examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreDifference {
    /// Name of the score, as in `metrics.json`.
    pub score: String,
    /// The first model's score less the second's, with its paired bootstrap interval; `None` if it is not a number, as
    /// that of two infinite scores.
    pub difference: Option<Estimate>,
}

/// Names beside differences.
fn named<const M: usize>(names: [&str; M], difference: impl Fn(usize) -> Option<Estimate>) -> Vec<ScoreDifference> {
    let row = |(m, score): (usize, &str)| ScoreDifference { score: score.to_owned(), difference: difference(m) };
    names.into_iter().enumerate().map(row).collect()
}

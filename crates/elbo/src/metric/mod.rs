//! How good predictions are: proper scores, calibration and uncertainty, with intervals.
//!
//! | score | file | range | unit | proper |
//! | --- | --- | --- | --- | --- |
//! | [`accuracy`](fn@accuracy) | `accuracy.rs` | 0 to 1 | share of the examples | no |
//! | [`nll`](fn@nll) | `nll.rs` | 0 to +inf | nats per example | strictly |
//! | [`brier`](fn@brier) | `brier.rs` | 0 to 2 | squared probability, summed over classes | strictly |
//! | [`expected_calibration_error`] | `calibration.rs` | 0 to 1 | probability | no |
//! | [`rmse`] | `regression.rs` | 0 to +inf | that of the target | for the mean |
//! | [`coverage`] | `regression.rs` | 0 to 1 | share of the examples | no |
//!
//! A score is *proper* if no forecast has a better expectation than the truth (Gneiting and Raftery 2007, section 2).
//! [`classification_scores`] and [`regression_scores`] give every score with a [`Bootstrap`] interval over the
//! examples; [`ClassUncertainty`] splits the entropy of a prediction into its aleatoric and epistemic parts.

mod accuracy;
mod bootstrap;
mod brier;
mod calibration;
mod error;
mod nll;
pub(crate) mod number;
mod probabilities;
mod regression;
mod scores;
mod uncertainty;

pub use accuracy::{accuracy, correct_per_example};
pub use bootstrap::{Bootstrap, Estimate};
pub use brier::{brier, brier_per_example};
pub use calibration::{ReliabilityBin, expected_calibration_error, reliability};
pub use error::MetricError;
pub use nll::{nll, nll_per_example};
pub use probabilities::Probabilities;
pub use regression::{coverage, mean_nll, rmse};
pub use scores::{
    ClassificationScores, RegressionPredictions, RegressionScores, classification_scores, regression_scores,
};
pub use uncertainty::{ClassUncertainty, UncertaintySplit, entropy};

/// A number of things as a number to divide by.
#[allow(clippy::cast_precision_loss)] // exact below 2^53 examples
pub(crate) fn count(n: usize) -> f64 {
    n as f64
}

/// `Σ x / n`; not a number for an empty list.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

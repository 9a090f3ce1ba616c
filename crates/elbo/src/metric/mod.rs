//! How good predictions are: proper scores, calibration, ranking and uncertainty, with intervals.
//!
//! | score | file | range | unit | proper |
//! | --- | --- | --- | --- | --- |
//! | [`accuracy`](fn@accuracy), [`top_k_accuracy`] | `classification/accuracy.rs` | 0 to 1 | share of the examples | no |
//! | [`nll`](fn@nll) | `classification/nll.rs` | 0 to +inf | nats per example | strictly |
//! | [`brier`](fn@brier) | `classification/brier.rs` | 0 to 2 | squared probability, summed over classes | strictly |
//! | [`BrierDecomposition`] | `classification/decomposition.rs` | as its parts | squared probability | |
//! | [`spherical`](fn@spherical) | `classification/spherical.rs` | 0 to 1, larger is better | none | strictly |
//! | [`ClassUncertainty`] | `classification/uncertainty.rs` | 0 to `ln K`; 0 to 1 | nats; squared probability | |
//! | [`expected_calibration_error`] and its kin | `calibration/gaps.rs` | 0 to 1 | probability | no |
//! | [`classwise_calibration_error`] | `calibration/classwise.rs` | 0 to 1 | probability | no |
//! | [`smooth_calibration_error`], [`SmoothGaps`] | `calibration/smooth.rs` | 0 to 1 | probability | no |
//! | [`QuantileBuckets`] | `calibration/quantile_buckets.rs` | 0 to 1 | probability | no |
//! | [`reliability`](fn@reliability), [`reliability_diagram`] | `calibration/reliability.rs`, `bands.rs` | 0 to 1 | probability | |
//! | [`rmse`], [`mae`] | `regression/errors.rs` | 0 to +inf | that of the target | for mean, median |
//! | [`mean_nll`], [`Forecasts::nll`] | `regression/nll.rs` | real | nats per example | strictly |
//! | [`Forecasts::crps`], [`ensemble_crps`], [`fair_ensemble_crps`] | `regression/crps.rs`, `ensemble.rs` | 0 to +inf | that of the target | strictly |
//! | [`coverage`], [`interval_score`], [`level_coverages`] | `regression/interval.rs` | 0 to 1; 0 to +inf | share; that of the target | no; for the interval |
//! | [`pinball`](fn@pinball) | `regression/pinball.rs` | 0 to +inf | that of the target | for the quantile |
//! | [`Forecasts::pit`], [`PitHistogram`] | `regression/pit.rs` | 0 to 1 | probability | |
//! | [`Detection`]: AUROC, AUPR, FPR95 | `ranking/detection.rs` | 0 to 1 | share | |
//! | [`Selective`]: AURC, excess AURC | `ranking/selective.rs` | as the loss | that of the loss | |
//! | [`Spearman`] | `ranking/spearman.rs` | -1 to 1 | none | |
//!
//! A score is *proper* if no forecast has a better expectation than the truth (Gneiting and Raftery 2007, section 2).
//!
//! Every score can have a [`Bootstrap`] interval. Those that are means come as one value per example
//! (`.._per_example`), for [`Bootstrap::mean`]; the others as a type that is prepared once and has, beside each score
//! `x()`, the score `x_of(chosen)` of a choice of examples, for [`Bootstrap::estimate`] and
//! [`Bootstrap::difference`], the paired comparison of two models. ([`QuantileBuckets`], there to compare with TensorFlow
//! Probability, are made anew of every choice.) [`classification_scores`], [`regression_scores`],
//! [`forecast_scores`] and [`detection_scores`] give what a report shows from one set of resamples.

mod binomial;
mod calibration;
mod classification;
mod error;
mod lists;
pub(crate) mod number;
mod order;
mod ranking;
mod regression;
mod resampling;
mod scores;

use calibration::of_classes;
pub use calibration::{
    BandedBin, BinnedGaps, Binning, QuantileBuckets, ReliabilityBin, SmoothGaps, classwise_calibration_error,
    debiased_squared_calibration_error, equal_mass_calibration_error, expected_calibration_error,
    max_calibration_error, reliability, reliability_diagram, smooth_calibration_error, wilson_interval,
};
pub use classification::{
    BrierDecomposition, BrierStrata, ClassUncertainty, Probabilities, ProbabilityIntervals, UncertaintySplit,
    VarianceSplit, accuracy, among_top_k_per_example, brier, brier_per_example, correct_per_example, entropy, nll,
    nll_per_example, spherical, spherical_per_example, top_k_accuracy, variation_ratio,
};
pub use error::MetricError;
pub use ranking::{Detection, RiskCoverage, Selective, Spearman, spearman};
pub use regression::{
    Forecasts, LevelCoverage, PitHistogram, absolute_errors, coverage, covered_per_example, ensemble_crps,
    fair_ensemble_crps, interval_score, interval_score_per_example, level_coverages, mae, mean_nll, mean_width,
    pinball, pinball_per_example, pit_histogram, randomized_pit, rmse, squared_errors,
};
pub(crate) use regression::{mean_size, student_t_size};
pub use resampling::{Bootstrap, Estimate};
pub use scores::{
    ClassificationScores, DetectionScores, ForecastPredictions, ForecastScores, RegressionPredictions,
    RegressionScores, ScoreDifference, SeasonalNaive, StepScores, VariableScores, classification_differences,
    classification_scores, detection_scores, forecast_scores, regression_differences, regression_scores,
};

/// A number of things as a number to divide by.
#[allow(clippy::cast_precision_loss)] // exact below 2^53 examples
pub(crate) fn count(n: usize) -> f64 {
    n as f64
}

/// `Σ x / n`; not a number for an empty list.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

/// Mean of the chosen values; not a number for none.
fn mean_of(values: &[f64], chosen: &[usize]) -> f64 {
    chosen.iter().map(|&i| values[i]).sum::<f64>() / count(chosen.len())
}

/// The numbers of all `n` examples.
fn all(n: usize) -> Vec<usize> {
    (0..n).collect()
}

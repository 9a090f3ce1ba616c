//! The scores of a test set, each with its interval, from one set of resamples.

use super::calibration::Gaps;
use super::regression::{covered, squared_errors};
use super::{
    Bootstrap, Estimate, MetricError, Probabilities, brier_per_example, correct_per_example, count, mean_nll,
    nll_per_example,
};
use serde::{Deserialize, Serialize};

/// Bins of the calibration error in [`ClassificationScores`].
const BINS: usize = 15;

/// Scores of class probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassificationScores {
    /// Share of right predictions.
    pub accuracy: Estimate,
    /// Negative log likelihood, nats per example.
    pub nll: Estimate,
    /// Brier score, 0 to 2.
    pub brier: Estimate,
    /// Expected calibration error with 15 bins.
    ///
    /// Its interval is not a percentile interval. Resampling adds noise to every bin and the absolute value turns it
    /// upward, as sampling did before (the plug-in error is biased upward: Kumar, Liang and Ma 2019, section 4), so the
    /// resampled errors can all exceed the value. The interval is the basic one (Davison and Hinkley 1997, section
    /// 5.2.1) with the bootstrap estimate of bias removed from the resampled errors, clipped to `[0, 1]`. It contains
    /// the value; it says how far the value would move with other test examples, not that the calibration error of the
    /// model lies within: of a perfectly calibrated model all of it may be above 0.
    pub ece: Estimate,
}

/// All scores of class probabilities. Values come from per-example contributions that are computed once.
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if the labels do not fit,
/// [`MetricError::Setting`] for a bad `bootstrap`.
pub fn classification_scores(
    probs: &Probabilities,
    labels: &[usize],
    bootstrap: &Bootstrap,
) -> Result<ClassificationScores, MetricError> {
    let correct = correct_per_example(probs, labels)?;
    let nll = nll_per_example(probs, labels)?;
    let brier = brier_per_example(probs, labels)?;
    let gaps = Gaps::new(probs, labels, BINS)?;
    let resampled = bootstrap.resample(labels.len(), |chosen| {
        let ece = gaps.error(chosen.iter().copied());
        [mean_of(&correct, chosen), mean_of(&nll, chosen), mean_of(&brier, chosen), ece]
    })?;
    Ok(ClassificationScores {
        accuracy: resampled.percentile(0),
        nll: resampled.percentile(1),
        brier: resampled.percentile(2),
        ece: clip(resampled.centred(3)),
    })
}

/// What a regression predicts for each example: all lists `[B]`.
#[derive(Clone, Copy, Debug)]
pub struct RegressionPredictions<'a> {
    /// Predictive means, in the unit of the target.
    pub means: &'a [f64],
    /// Negative log densities of the targets, in nats.
    pub nll: &'a [f64],
    /// Lower ends of central 90 % intervals.
    pub low: &'a [f64],
    /// Upper ends of central 90 % intervals.
    pub high: &'a [f64],
}

/// Scores of a regression.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegressionScores {
    /// Root of the mean squared error, in the unit of the target.
    pub rmse: Estimate,
    /// Negative log density, nats per example.
    pub nll: Estimate,
    /// Share of the targets within their central 90 % interval; 0.9 if calibrated.
    pub coverage_90: Estimate,
}

/// All scores of a regression, with percentile intervals.
///
/// # Shapes
/// - `targets` and every list of `predictions`: `[B]`
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Value`] if a list does not fit,
/// [`MetricError::Setting`] for a bad `bootstrap`.
pub fn regression_scores(
    predictions: &RegressionPredictions<'_>,
    targets: &[f64],
    bootstrap: &Bootstrap,
) -> Result<RegressionScores, MetricError> {
    let squares = squared_errors(predictions.means, targets)?;
    let covered = covered(predictions.low, predictions.high, targets)?;
    let nll = predictions.nll;
    if nll.len() != targets.len() {
        return Err(MetricError::Length { what: "nll", expected: targets.len(), found: nll.len() });
    }
    mean_nll(nll)?;
    let resampled = bootstrap.resample(targets.len(), |chosen| {
        [mean_of(&squares, chosen).sqrt(), mean_of(nll, chosen), mean_of(&covered, chosen)]
    })?;
    Ok(RegressionScores {
        rmse: resampled.percentile(0),
        nll: resampled.percentile(1),
        coverage_90: resampled.percentile(2),
    })
}

/// Mean of the chosen values.
fn mean_of(values: &[f64], chosen: &[usize]) -> f64 {
    chosen.iter().map(|&i| values[i]).sum::<f64>() / count(chosen.len())
}

/// An estimate of a quantity between 0 and 1.
fn clip(Estimate { value, low, high }: Estimate) -> Estimate {
    // The value itself may exceed 1 by rounding.
    Estimate { value, low: low.max(0.0).min(value), high: high.min(1.0).max(value) }
}

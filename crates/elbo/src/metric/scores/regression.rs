//! Scores of a regression.

use super::super::lists::check_numbers;
use super::super::{
    Bootstrap, Estimate, Forecasts, MetricError, Spearman, absolute_errors, covered_per_example,
    interval_score_per_example, mean_of, squared_errors,
};
use super::{ScoreDifference, named};
use serde::{Deserialize, Serialize};

/// Level of the intervals in [`RegressionPredictions`].
const LEVEL: f64 = 0.9;

/// What a regression predicts for each example: all lists `[B]`.
#[derive(Clone, Copy, Debug)]
pub struct RegressionPredictions<'a> {
    /// Predictive means, in the unit of the target.
    pub means: &'a [f64],
    /// Predictive standard deviations, in the unit of the target, above 0.
    pub stddevs: &'a [f64],
    /// Negative log densities of the targets, in nats.
    pub nll: &'a [f64],
    /// Lower ends of central 90 % intervals.
    pub low: &'a [f64],
    /// Upper ends of central 90 % intervals.
    pub high: &'a [f64],
    /// Continuous ranked probability scores, where the predictive distribution gives them; else they are those of the
    /// normal with mean and standard deviation.
    pub crps: Option<&'a [f64]>,
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
    /// Mean absolute error of the mean, in the unit of the target.
    #[serde(default)]
    pub mae: Option<Estimate>,
    /// Continuous ranked probability score, in the unit of the target.
    #[serde(default)]
    pub crps: Option<Estimate>,
    /// Interval score of the central 90 % intervals, in the unit of the target.
    #[serde(default)]
    pub interval_score_90: Option<Estimate>,
    /// Mean length of the central 90 % intervals, in the unit of the target.
    #[serde(default)]
    pub width_90: Option<Estimate>,
    /// Rank correlation of predictive standard deviation and absolute error; `None` if all of one are equal.
    #[serde(default)]
    pub error_spearman: Option<Estimate>,
}

/// Names of the scores, in the order in which they are resampled.
const NAMES: [&str; 8] =
    ["rmse", "nll", "coverage_90", "mae", "crps", "interval_score_90", "width_90", "error_spearman"];

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
    let terms = Terms::new(predictions, targets)?;
    let resampled = bootstrap.resample(targets.len(), |chosen| terms.scores_of(chosen))?;
    Ok(RegressionScores {
        rmse: resampled.percentile(0)?,
        nll: resampled.percentile(1)?,
        coverage_90: resampled.percentile(2)?,
        mae: Some(resampled.percentile(3)?),
        crps: Some(resampled.percentile(4)?),
        interval_score_90: Some(resampled.percentile(5)?),
        width_90: Some(resampled.percentile(6)?),
        error_spearman: resampled.where_defined(7),
    })
}

/// How the scores of two models on the same examples differ, `a - b`: paired bootstrap. Example at
/// [`classification_differences`](super::classification_differences).
///
/// # Shapes
/// - `targets` and every list of the predictions: `[B]`
///
/// # Errors
/// As [`regression_scores`].
pub fn regression_differences(
    a: &RegressionPredictions<'_>,
    b: &RegressionPredictions<'_>,
    targets: &[f64],
    bootstrap: &Bootstrap,
) -> Result<Vec<ScoreDifference>, MetricError> {
    let (a, b) = (Terms::new(a, targets)?, Terms::new(b, targets)?);
    let resampled = bootstrap.resample(targets.len(), |chosen| {
        let (a, b) = (a.scores_of(chosen), b.scores_of(chosen));
        core::array::from_fn::<_, { NAMES.len() }, _>(|m| a[m] - b[m])
    })?;
    Ok(named(NAMES, |m| resampled.where_defined(m)))
}

/// What each example adds to the scores.
struct Terms {
    squares: Vec<f64>,
    nll: Vec<f64>,
    covered: Vec<f64>,
    errors: Vec<f64>,
    crps: Vec<f64>,
    interval_scores: Vec<f64>,
    widths: Vec<f64>,
    spearman: Spearman,
}

impl Terms {
    fn new(predictions: &RegressionPredictions<'_>, targets: &[f64]) -> Result<Self, MetricError> {
        let &RegressionPredictions { means, stddevs, nll, low, high, crps } = predictions;
        let errors = absolute_errors(means, targets)?;
        check_numbers("nll", nll, targets.len())?;
        Ok(Self {
            squares: squared_errors(means, targets)?,
            nll: nll.to_vec(),
            covered: covered_per_example(low, high, targets)?,
            crps: match crps {
                Some(crps) => {
                    check_numbers("crps", crps, targets.len())?;
                    crps.to_vec()
                }
                None => Forecasts::normal(means, stddevs)?.crps(targets)?,
            },
            interval_scores: interval_score_per_example(low, high, targets, LEVEL)?,
            widths: low.iter().zip(high).map(|(low, high)| high - low).collect(),
            spearman: Spearman::new(stddevs, &errors)?,
            errors,
        })
    }

    /// The scores of a choice of examples, in the order of [`NAMES`].
    fn scores_of(&self, chosen: &[usize]) -> [f64; NAMES.len()] {
        [
            mean_of(&self.squares, chosen).sqrt(),
            mean_of(&self.nll, chosen),
            mean_of(&self.covered, chosen),
            mean_of(&self.errors, chosen),
            mean_of(&self.crps, chosen),
            mean_of(&self.interval_scores, chosen),
            mean_of(&self.widths, chosen),
            self.spearman.value_of(chosen),
        ]
    }
}

//! Intervals `[low, high]`: how many targets they hold, how long they are, and both in one proper score.

use super::super::lists::{check_finite, check_level, check_numbers};
use super::super::{MetricError, mean};
use super::Forecasts;
use serde::{Deserialize, Serialize};

/// Share of the targets in their interval `[low, high]`, ends included; 0 to 1. A calibrated central 90 % interval
/// covers 0.9 on average.
///
/// ```
/// use elbo::metric::coverage;
/// assert_eq!(coverage(&[0.0, 0.0], &[1.0, 1.0], &[1.0, 1.5])?, 0.5);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `low`, `high`, `targets`: `[B]`
///
/// # Errors
/// [`MetricError::Length`] or [`MetricError::Empty`] if the lists do not fit, [`MetricError::Value`] if an end is not a
/// number or above the other one, or a target is not finite.
pub fn coverage(low: &[f64], high: &[f64], targets: &[f64]) -> Result<f64, MetricError> {
    Ok(mean(&covered_per_example(low, high, targets)?))
}

/// 1 where a target is in its interval, else 0: `[B]`.
///
/// # Errors
/// As [`coverage`].
pub fn covered_per_example(low: &[f64], high: &[f64], targets: &[f64]) -> Result<Vec<f64>, MetricError> {
    check_intervals(low, high, targets)?;
    let inside = |i: usize| (low[i]..=high[i]).contains(&targets[i]);
    Ok((0..low.len()).map(|i| f64::from(u8::from(inside(i)))).collect())
}

/// Mean length of intervals, in the unit of the target: sharpness (Gneiting, Balabdaoui and Raftery 2007, section 3.3).
/// Shorter is better among forecasts that cover as they should.
///
/// ```
/// use elbo::metric::mean_width;
/// assert_eq!(mean_width(&[0.0, 1.0], &[2.0, 2.0])?, 1.5);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `low`, `high`: `[B]`
///
/// # Errors
/// As [`coverage`].
pub fn mean_width(low: &[f64], high: &[f64]) -> Result<f64, MetricError> {
    check_ends(low, high, low.len())?;
    Ok(mean(&low.iter().zip(high).map(|(low, high)| high - low).collect::<Vec<_>>()))
}

/// Mean interval score (Winkler 1972; Gneiting and Raftery 2007, eq. 43): with `α = 1 - level`,
///
/// `high - low + 2/α (low - y)₊ + 2/α (y - high)₊`,
///
/// in the unit of the target. Proper for the central interval of `level`: the expectation is least at its quantiles.
///
/// ```
/// use elbo::metric::interval_score;
/// let score = interval_score(&[0.0, 0.0], &[2.0, 2.0], &[1.0, 2.5], 0.8)?;
/// assert!((score - (2.0 + 2.0 + 10.0 * 0.5) / 2.0).abs() < 1e-12);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `low`, `high`, `targets`: `[B]`
///
/// # Errors
/// As [`coverage`]; [`MetricError::Setting`] unless `0 < level < 1`.
pub fn interval_score(low: &[f64], high: &[f64], targets: &[f64], level: f64) -> Result<f64, MetricError> {
    Ok(mean(&interval_score_per_example(low, high, targets, level)?))
}

/// The interval score of every example: `[B]`.
///
/// # Errors
/// As [`interval_score`].
pub fn interval_score_per_example(
    low: &[f64],
    high: &[f64],
    targets: &[f64],
    level: f64,
) -> Result<Vec<f64>, MetricError> {
    check_level("level", level)?;
    check_intervals(low, high, targets)?;
    let price = 2.0 / (1.0 - level);
    let score = |i: usize| {
        let outside = (low[i] - targets[i]).max(0.0) + (targets[i] - high[i]).max(0.0);
        high[i] - low[i] + price * outside
    };
    Ok((0..low.len()).map(score).collect())
}

/// Central intervals of one level: a row of a coverage table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelCoverage {
    /// Share of the targets that intervals should hold.
    pub level: f64,
    /// Share that they hold.
    pub coverage: f64,
    /// Their mean length, in the unit of the target.
    pub mean_width: f64,
    /// Mean interval score, in the unit of the target.
    pub interval_score: f64,
}

/// Coverage, sharpness and interval score of the central intervals of any levels.
///
/// ```
/// use elbo::metric::{Forecasts, level_coverages};
/// let forecasts = Forecasts::normal(&[0.0; 3], &[1.0; 3])?;
/// let table = level_coverages(&forecasts, &[0.5, -1.0, 2.0], &[0.5, 0.9])?;
/// assert_eq!((table[0].coverage, table[1].coverage), (1.0 / 3.0, 2.0 / 3.0));
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `targets`: `[B]`; `levels`: any number of them
///
/// # Errors
/// [`MetricError::Length`] or [`MetricError::Value`] if the targets do not fit, [`MetricError::Setting`] for a level
/// that is not between 0 and 1.
pub fn level_coverages(
    forecasts: &Forecasts<'_>,
    targets: &[f64],
    levels: &[f64],
) -> Result<Vec<LevelCoverage>, MetricError> {
    let row = |&level: &f64| {
        let (low, high) = forecasts.central_intervals(level)?;
        Ok(LevelCoverage {
            level,
            coverage: coverage(&low, &high, targets)?,
            mean_width: mean_width(&low, &high)?,
            interval_score: interval_score(&low, &high, targets, level)?,
        })
    };
    levels.iter().map(row).collect()
}

fn check_intervals(low: &[f64], high: &[f64], targets: &[f64]) -> Result<(), MetricError> {
    check_finite("targets", targets, targets.len())?;
    check_ends(low, high, targets.len())
}

fn check_ends(low: &[f64], high: &[f64], rows: usize) -> Result<(), MetricError> {
    check_numbers("low", low, rows)?;
    check_numbers("high", high, rows)?;
    match (0..rows).find(|&i| low[i] > high[i]) {
        Some(row) => Err(MetricError::Value { what: "high", row, expected: "at least `low`", found: high[row] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let (low, high, targets) = ([0.0, 0.0, f64::NEG_INFINITY], [1.0, 1.0, 0.0], [1.0, 1.5, -9.0]);
        assert!((coverage(&low, &high, &targets).unwrap() - 2.0 / 3.0).abs() < 1e-15);
        assert_eq!(mean_width(&low, &high).unwrap(), f64::INFINITY);
        let scores = interval_score_per_example(&[0.0; 3], &[1.0; 3], &[0.5, 1.5, -0.1], 0.9).unwrap();
        for (score, expected) in scores.iter().zip([1.0, 1.0 + 20.0 * 0.5, 1.0 + 20.0 * 0.1]) {
            assert!((score - expected).abs() < 1e-12, "{score}");
        }
    }

    #[test]
    fn bad_lists_are_named() {
        let text = |result: Result<f64, MetricError>| result.unwrap_err().to_string();
        assert_eq!(text(coverage(&[2.0], &[1.0], &[0.0])), "high of example 0: expected at least `low`, found 1");
        assert_eq!(text(coverage(&[f64::NAN], &[1.0], &[0.0])), "low of example 0: expected a number, found NaN");
        assert_eq!(text(mean_width(&[], &[])), "low: expected at least one example, found none");
        assert_eq!(text(interval_score(&[0.0], &[1.0], &[0.0], 1.0)), "`level` must be above 0 and below 1, found 1");
    }
}

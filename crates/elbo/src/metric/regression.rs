//! Scores of numbers: `rmse = sqrt(Σ_i (μ_i - y_i)² / B)`, mean negative log density, interval coverage.

use super::{MetricError, mean};

/// Root of the mean squared error, in the unit of the target.
///
/// # Shapes
/// - `means`, `targets`: `[B]`
///
/// # Errors
/// [`MetricError::Length`] or [`MetricError::Empty`] if the lists do not fit, [`MetricError::Value`] if a value is not
/// finite.
pub fn rmse(means: &[f64], targets: &[f64]) -> Result<f64, MetricError> {
    Ok(mean(&squared_errors(means, targets)?).sqrt())
}

/// `(μ_i - y_i)²`: `[B]`.
pub(super) fn squared_errors(means: &[f64], targets: &[f64]) -> Result<Vec<f64>, MetricError> {
    check_finite("targets", targets, targets.len())?;
    check_finite("means", means, targets.len())?;
    Ok(means.iter().zip(targets).map(|(mean, target)| (mean - target) * (mean - target)).collect())
}

/// Mean of negative log densities `-ln p_i(y_i)`, in nats per example. Depends on the unit of the target: `ln c` more
/// if targets are multiplied by c. `+inf` if one is.
///
/// # Shapes
/// - `per_example`: `[B]`
///
/// # Errors
/// [`MetricError::Empty`] without examples, [`MetricError::Value`] if one is not a number.
pub fn mean_nll(per_example: &[f64]) -> Result<f64, MetricError> {
    check("nll", per_example, per_example.len(), |x| !x.is_nan(), "a number")?;
    Ok(mean(per_example))
}

/// Share of the targets in their interval `[low, high]`, ends included; 0 to 1. A calibrated central 90 % interval
/// covers 0.9 on average.
///
/// # Shapes
/// - `low`, `high`, `targets`: `[B]`
///
/// # Errors
/// [`MetricError::Length`] or [`MetricError::Empty`] if the lists do not fit, [`MetricError::Value`] if an end is not a
/// number or above the other one, or a target is not finite.
pub fn coverage(low: &[f64], high: &[f64], targets: &[f64]) -> Result<f64, MetricError> {
    Ok(mean(&covered(low, high, targets)?))
}

/// 1 where a target is in its interval, else 0: `[B]`.
pub(super) fn covered(low: &[f64], high: &[f64], targets: &[f64]) -> Result<Vec<f64>, MetricError> {
    check_finite("targets", targets, targets.len())?;
    check("low", low, targets.len(), |x| !x.is_nan(), "a number")?;
    check("high", high, targets.len(), |x| !x.is_nan(), "a number")?;
    if let Some(row) = (0..low.len()).find(|&i| low[i] > high[i]) {
        return Err(MetricError::Value { what: "high", row, expected: "at least `low`", found: high[row] });
    }
    let inside = |i: usize| (low[i]..=high[i]).contains(&targets[i]);
    Ok((0..low.len()).map(|i| f64::from(u8::from(inside(i)))).collect())
}

fn check_finite(what: &'static str, values: &[f64], expected: usize) -> Result<(), MetricError> {
    check(what, values, expected, f64::is_finite, "a finite number")
}

/// Length and values of one list.
fn check(
    what: &'static str,
    values: &[f64],
    length: usize,
    allowed: impl Fn(f64) -> bool,
    expected: &'static str,
) -> Result<(), MetricError> {
    if values.len() != length {
        return Err(MetricError::Length { what, expected: length, found: values.len() });
    }
    if values.is_empty() {
        return Err(MetricError::Empty { what });
    }
    match values.iter().position(|&x| !allowed(x)) {
        Some(row) => Err(MetricError::Value { what, row, expected, found: values[row] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert!((rmse(&[1.0, 2.0, 3.0], &[1.0, 4.0, 2.0]).unwrap() - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((mean_nll(&[1.0, -0.5]).unwrap() - 0.25).abs() < 1e-15);
        let covered = coverage(&[0.0, 0.0, f64::NEG_INFINITY], &[1.0, 1.0, 0.0], &[1.0, 1.5, -9.0]).unwrap();
        assert!((covered - 2.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn an_infinite_nll_stays_infinite() {
        assert_eq!(mean_nll(&[1.0, f64::INFINITY]).unwrap().to_bits(), f64::INFINITY.to_bits());
    }

    #[test]
    fn bad_lists_are_named() {
        let text = |result: Result<f64, MetricError>| result.unwrap_err().to_string();
        assert_eq!(text(rmse(&[1.0], &[1.0, 2.0])), "means: expected 2 values, found 1");
        assert_eq!(text(rmse(&[], &[])), "targets: expected at least one example, found none");
        assert_eq!(text(rmse(&[f64::NAN], &[0.0])), "means of example 0: expected a finite number, found NaN");
        assert_eq!(text(mean_nll(&[0.0, f64::NAN])), "nll of example 1: expected a number, found NaN");
        assert_eq!(text(coverage(&[2.0], &[1.0], &[0.0])), "high of example 0: expected at least `low`, found 1");
        assert_eq!(text(coverage(&[f64::NAN], &[1.0], &[0.0])), "low of example 0: expected a number, found NaN");
    }
}

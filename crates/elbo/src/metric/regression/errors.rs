//! Errors of a point: `rmse = sqrt(Σ_i (μ_i - y_i)² / B)`, `mae = Σ_i |μ_i - y_i| / B`.

use super::super::lists::check_finite;
use super::super::{MetricError, mean};

/// Root of the mean squared error, in the unit of the target; least for the mean.
///
/// ```
/// use elbo::metric::{mae, rmse};
/// let (means, targets) = ([1.0, 2.0], [1.0, 5.0]);
/// assert_eq!((rmse(&means, &targets)?, mae(&means, &targets)?), (4.5_f64.sqrt(), 1.5));
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
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

/// Mean absolute error, in the unit of the target; least for the median. Example at [`rmse`].
///
/// # Shapes
/// - `points`, `targets`: `[B]`
///
/// # Errors
/// As [`rmse`].
pub fn mae(points: &[f64], targets: &[f64]) -> Result<f64, MetricError> {
    Ok(mean(&absolute_errors(points, targets)?))
}

/// `(μ_i - y_i)²`: `[B]`.
///
/// # Errors
/// As [`rmse`].
pub fn squared_errors(means: &[f64], targets: &[f64]) -> Result<Vec<f64>, MetricError> {
    errors(means, targets, |error| error * error)
}

/// `|μ_i - y_i|`: `[B]`.
///
/// # Errors
/// As [`rmse`].
pub fn absolute_errors(points: &[f64], targets: &[f64]) -> Result<Vec<f64>, MetricError> {
    errors(points, targets, f64::abs)
}

fn errors(points: &[f64], targets: &[f64], size: impl Fn(f64) -> f64) -> Result<Vec<f64>, MetricError> {
    check_finite("targets", targets, targets.len())?;
    check_finite("means", points, targets.len())?;
    Ok(points.iter().zip(targets).map(|(point, target)| size(point - target)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert!((rmse(&[1.0, 2.0, 3.0], &[1.0, 4.0, 2.0]).unwrap() - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((mae(&[1.0, 2.0, 3.0], &[1.0, 4.0, 2.0]).unwrap() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn bad_lists_are_named() {
        let text = |result: Result<f64, MetricError>| result.unwrap_err().to_string();
        assert_eq!(text(rmse(&[1.0], &[1.0, 2.0])), "means: expected 2 values, found 1");
        assert_eq!(text(mae(&[], &[])), "targets: expected at least one example, found none");
        assert_eq!(text(rmse(&[f64::NAN], &[0.0])), "means of example 0: expected a finite number, found NaN");
    }
}

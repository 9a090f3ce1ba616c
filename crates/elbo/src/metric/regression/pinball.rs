//! The pinball loss of a predicted quantile (Koenker and Bassett 1978; Gneiting and Raftery 2007, eq. 41 and 42):
//! `pinball_p(q, y) = (y - q) p` if `y >= q`, `(q - y) (1 - p)` if not.

use super::super::lists::{check_finite, check_level};
use super::super::{MetricError, mean};

/// Mean pinball loss of predictions of the `p` quantile, in the unit of the target, at least 0. Proper for the
/// quantile; for `p = ½` half the absolute error. Twice its integral over p is the continuous ranked probability score.
///
/// ```
/// use elbo::metric::pinball;
/// assert!((pinball(&[1.0, 1.0], &[2.0, 0.0], 0.9)? - (0.9 + 0.1) / 2.0).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `quantiles`, `targets`: `[B]`
///
/// # Errors
/// [`MetricError::Setting`] unless `0 < p < 1`; [`MetricError::Length`], [`MetricError::Empty`] or
/// [`MetricError::Value`] if the lists do not fit or a value is not finite.
pub fn pinball(quantiles: &[f64], targets: &[f64], p: f64) -> Result<f64, MetricError> {
    Ok(mean(&pinball_per_example(quantiles, targets, p)?))
}

/// The pinball loss of every example: `[B]`.
///
/// # Errors
/// As [`pinball`].
pub fn pinball_per_example(quantiles: &[f64], targets: &[f64], p: f64) -> Result<Vec<f64>, MetricError> {
    check_level("p", p)?;
    check_finite("targets", targets, targets.len())?;
    check_finite("quantiles", quantiles, targets.len())?;
    let loss = |(q, y): (&f64, &f64)| if y >= q { (y - q) * p } else { (q - y) * (1.0 - p) };
    Ok(quantiles.iter().zip(targets).map(loss).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Forecasts;
    use super::*;

    #[test]
    fn by_hand() {
        let losses = pinball_per_example(&[1.0, 1.0, 1.0], &[3.0, 1.0, 0.0], 0.25).unwrap();
        assert_eq!(losses, [0.5, 0.0, 0.75]);
        assert!(pinball(&[1.0], &[1.0], 1.0).is_err() && pinball(&[f64::INFINITY], &[1.0], 0.5).is_err());
    }

    /// Gneiting and Ranjan 2011, eq. 9: the score is twice the integral of the loss over all quantiles.
    #[test]
    fn the_integral_over_quantiles_is_the_crps() {
        let forecasts = Forecasts::logistic(&[0.4], &[0.7]).unwrap();
        let steps = 20_000;
        let at = |k: i32| {
            let p = (f64::from(k) + 0.5) / f64::from(steps);
            pinball(&forecasts.quantiles(p).unwrap(), &[1.3], p).unwrap()
        };
        let integral = 2.0 * (0..steps).map(at).sum::<f64>() / f64::from(steps);
        assert!((integral - forecasts.crps(&[1.3]).unwrap()[0]).abs() < 1e-4, "{integral}");
    }
}

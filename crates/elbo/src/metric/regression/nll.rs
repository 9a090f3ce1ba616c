//! `-ln p_i(y_i)`, the logarithmic score of a density (Good 1952; Gneiting and Raftery 2007, section 4.1).

use super::super::lists::check_numbers;
use super::super::{MetricError, mean};
use super::Forecasts;
use super::forecast::Law;
use crate::output::special::{incomplete_beta, normal};

/// Mean of negative log densities `-ln p_i(y_i)`, in nats per example. Depends on the unit of the target: `ln c` more
/// if targets are multiplied by c. `+inf` if one is.
///
/// ```
/// use elbo::metric::{Forecasts, mean_nll};
/// let nll = Forecasts::normal(&[0.0, 3.0], &[1.0, 1.0])?.nll(&[0.0, 1.0])?;
/// assert!((mean_nll(&nll)? - (0.5 * core::f64::consts::TAU.ln() + 1.0)).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `per_example`: `[B]`
///
/// # Errors
/// [`MetricError::Empty`] without examples, [`MetricError::Value`] if one is not a number.
pub fn mean_nll(per_example: &[f64]) -> Result<f64, MetricError> {
    check_numbers("nll", per_example, per_example.len())?;
    Ok(mean(per_example))
}

impl Forecasts<'_> {
    /// Negative log density of every target, in nats: `[B]`. Strictly proper. Of a mixture that of the mixture itself,
    /// `-ln Σ_s w_s N(y; μ_s, σ_s²)`.
    ///
    /// # Errors
    /// [`MetricError::Setting`] for ensembles, which have no density; [`MetricError::Length`] or [`MetricError::Value`]
    /// if the targets do not fit.
    pub fn nll(&self, targets: &[f64]) -> Result<Vec<f64>, MetricError> {
        self.check_targets(targets)?;
        let log_density = |i: usize, y: f64| match self.law {
            Law::Normal { means, stddevs } => Ok(log_normal(y, means[i], stddevs[i])),
            Law::StudentT { df, locs, scales } => {
                Ok(incomplete_beta::log_density((y - locs[i]) / scales[i], df[i]) - scales[i].ln())
            }
            Law::Logistic { locs, scales } => {
                let z = (y - locs[i]).abs() / scales[i];
                Ok(-z - 2.0 * (-z).exp().ln_1p() - scales[i].ln())
            }
            Law::NormalMixture { .. } => Ok(self.log_mixture(i, y)),
            Law::Ensemble { .. } => {
                let expected = "of a family with a density";
                Err(MetricError::Setting { name: "forecasts", expected, found: "an ensemble".into() })
            }
        };
        targets.iter().enumerate().map(|(i, &y)| Ok(0.0 - log_density(i, y)?)).collect()
    }

    /// `ln Σ_s w_s N(y; μ_s, σ_s²)`, the largest term taken out.
    fn log_mixture(&self, i: usize, y: f64) -> f64 {
        let terms = self.components(i).map(|[weight, mean, stddev]| weight.ln() + log_normal(y, mean, stddev));
        let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
        largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln()
    }
}

fn log_normal(y: f64, mean: f64, stddev: f64) -> f64 {
    normal::log_density((y - mean) / stddev) - stddev.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_infinities() {
        assert!((mean_nll(&[1.0, -0.5]).unwrap() - 0.25).abs() < 1e-15);
        assert_eq!(mean_nll(&[1.0, f64::INFINITY]).unwrap().to_bits(), f64::INFINITY.to_bits());
        let error = mean_nll(&[0.0, f64::NAN]).unwrap_err();
        assert_eq!(error.to_string(), "nll of example 1: expected a number, found NaN");
    }

    /// Densities integrate to 1 and are the slope of the distribution function.
    #[test]
    fn densities_are_slopes() {
        let (loc, scale, df) = ([0.4], [1.3], [3.0]);
        let (weights, means, stddevs) = ([0.2, 0.8], [-1.0, 2.0], [0.5, 1.5]);
        for forecasts in [
            Forecasts::normal(&loc, &scale).unwrap(),
            Forecasts::student_t(&df, &loc, &scale).unwrap(),
            Forecasts::logistic(&loc, &scale).unwrap(),
            Forecasts::normal_mixture(&weights, &means, &stddevs).unwrap(),
        ] {
            for y in [-3.0, -0.2, 0.4, 1.9, 6.0] {
                let h = 1e-4;
                let slope = (forecasts.cdf(0, y + h) - forecasts.cdf(0, y - h)) / (2.0 * h);
                let density = (-forecasts.nll(&[y]).unwrap()[0]).exp();
                assert!((slope - density).abs() < 1e-8, "{forecasts:?} at {y}: {density}, slope {slope}");
            }
        }
    }

    #[test]
    fn far_mixtures_do_not_vanish_and_ensembles_have_no_density() {
        let nll = Forecasts::normal_mixture(&[1.0, 0.0], &[0.0, 0.0], &[1.0, 1.0]).unwrap().nll(&[100.0]).unwrap()[0];
        assert!((nll - 5000.0 - 0.5 * core::f64::consts::TAU.ln()).abs() < 1e-9);
        let error = Forecasts::ensemble(&[0.0], 1).unwrap().nll(&[0.0]).unwrap_err();
        assert_eq!(error.to_string(), "`forecasts` must be of a family with a density, found an ensemble");
    }
}

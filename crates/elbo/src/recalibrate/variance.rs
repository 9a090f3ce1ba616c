//! Variance scaling of real predictions (Levi, Gispan, Giladi and Fetaya 2022): `σ² ← s² σ²` with
//! `s² = 1/n Σ_i (y_i - μ_i)² / σ_i²`, which maximises the likelihood of the normal with the predictive's moments.
//!
//! With B bins of equally many examples by predicted variance, each bin has its own `s_b²`. The scaled variances
//! `s_b² m_b` at the bins' mean variances `m_b` are made monotone by isotonic regression and joined by lines; beyond
//! the first and the last the factor stays. One bin is one factor.

use super::check_finite;
use super::curve::{MonotoneCurve, Point, isotonic};
use super::error::RecalibrationError;
use crate::metric::{MetricError, count, mean};
use serde::{Deserialize, Serialize};

/// A monotone map of predictive variances.
///
/// ```
/// use elbo::recalibrate::VarianceScaling;
/// let map = VarianceScaling::fit(&[0.0, 0.0], &[1.0, 4.0], &[3.0, -6.0], 1)?; // errors of 3 standard deviations
/// assert_eq!(map.apply(2.0), 18.0);
/// # Ok::<(), elbo::recalibrate::RecalibrationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct VarianceScaling {
    variances: MonotoneCurve,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    variances: MonotoneCurve,
}

impl TryFrom<Stored> for VarianceScaling {
    type Error = RecalibrationError;

    fn try_from(Stored { variances }: Stored) -> Result<Self, RecalibrationError> {
        Self::checked(variances)
    }
}

impl VarianceScaling {
    /// Fits the map to held-out targets, with `bins` bins of predicted variance.
    ///
    /// # Shapes
    /// - `means`, `variances`, `targets`: `[n]`
    ///
    /// # Errors
    /// [`RecalibrationError::Metric`] for lists that do not fit, variances that are not positive, no bins or more than
    /// examples; [`RecalibrationError::NoOptimum`] if all errors of a bin with the lowest variances are 0.
    pub fn fit(means: &[f64], variances: &[f64], targets: &[f64], bins: usize) -> Result<Self, RecalibrationError> {
        let n = targets.len();
        check_finite("targets", targets, n)?;
        check_finite("means", means, n)?;
        check_finite("variances", variances, n)?;
        if let Some(row) = variances.iter().position(|&v| v <= 0.0) {
            let found = variances[row];
            return Err(MetricError::Value { what: "variances", row, expected: "a positive number", found }.into());
        }
        if !(1..=n).contains(&bins) {
            let expected = "at least 1 and at most the number of examples";
            return Err(MetricError::Setting { name: "bins", expected, found: bins.to_string() }.into());
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| variances[a].total_cmp(&variances[b]));
        let point = |b: usize| {
            let members = &order[b * n / bins..(b + 1) * n / bins];
            let variance = mean(&members.iter().map(|&i| variances[i]).collect::<Vec<_>>());
            let factors = members.iter().map(|&i| (targets[i] - means[i]).powi(2) / variances[i]);
            Point { x: variance, y: variance * mean(&factors.collect::<Vec<_>>()), weight: count(members.len()) }
        };
        let curve = isotonic((0..bins).map(point).collect())?;
        if curve.y()[0] > 0.0 {
            return Self::checked(curve);
        }
        let reason = "the predictions of a bin are exactly right, so no variance is small enough";
        Err(RecalibrationError::NoOptimum { method: "variance scaling", reason })
    }

    /// The recalibrated variance, for a positive one.
    #[must_use]
    pub fn apply(&self, variance: f64) -> f64 {
        let (x, last) = (self.variances.x(), self.variances.x().len() - 1);
        if variance > x[0] && variance < x[last] {
            return self.variances.at(variance);
        }
        variance * self.factor(variance)
    }

    /// What it multiplies a variance by, be it 0 or infinite.
    pub(super) fn factor(&self, variance: f64) -> f64 {
        let (x, last) = (self.variances.x(), self.variances.x().len() - 1);
        let inside = variance > x[0] && variance < x[last];
        let at = if inside { variance } else { x[if variance < x[last] { 0 } else { last }] };
        self.variances.at(at) / at
    }

    /// The map at the bins' mean variances.
    #[must_use]
    pub fn variances(&self) -> &MonotoneCurve {
        &self.variances
    }

    fn checked(variances: MonotoneCurve) -> Result<Self, RecalibrationError> {
        if variances.x()[0] > 0.0 && variances.y()[0] > 0.0 {
            return Ok(Self { variances });
        }
        let found = format!("{} to {}", variances.x()[0], variances.y()[0]);
        Err(RecalibrationError::Stored { what: "variances", expected: "a map of positive numbers to such", found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_by_hand() {
        // Factors 4 at mean variance 1, 1 at mean variance 2.5: 4 and 2.5 are pooled, each with two examples.
        let targets = [2.0, 2.0, 2.0_f64.sqrt(), 3.0_f64.sqrt()];
        let map = VarianceScaling::fit(&[0.0; 4], &[1.0, 1.0, 2.0, 3.0], &targets, 2).unwrap();
        assert_eq!(map.variances().x(), [1.0, 2.5]);
        assert!(map.variances().y().iter().all(|y| (y - 3.25).abs() < 1e-14));
        assert!((map.apply(0.5) - 1.625).abs() < 1e-14 && (map.apply(5.0) - 6.5).abs() < 1e-14);
        assert!((map.apply(2.0) - 3.25).abs() < 1e-14);
    }

    #[test]
    fn what_has_no_scale_is_explained() {
        let text = |variances: &[f64], targets: &[f64], bins| {
            VarianceScaling::fit(&[0.0; 2], variances, targets, bins).unwrap_err().to_string()
        };
        assert!(text(&[1.0; 2], &[0.0; 2], 1).contains("exactly right"));
        assert_eq!(text(&[1.0, 0.0], &[1.0; 2], 1), "variances of example 1: expected a positive number, found 0");
        assert!(text(&[1.0; 2], &[1.0; 2], 3).starts_with("`bins` must be at least 1"));
        assert!(serde_json::from_str::<VarianceScaling>(r#"{"variances":{"x":[1],"y":[0]}}"#).is_err());
    }
}

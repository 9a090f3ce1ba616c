//! Quantile recalibration of real predictions (Kuleshov, Fenner and Ermon 2018, algorithm 1).
//!
//! With `u_i = F_i(y_i)`, the predictive distribution function at the held-out target, `R(p)` is the share of the `u_i`
//! that are at most p, and `R ∘ F` the recalibrated distribution function. If predictions are calibrated, the `u_i`
//! are uniform and `R(p) = p`. R is linear between `(u_(i), i / (n + 1))`, `(0, 0)` and `(1, 1)`; the paper divides by
//! n, which puts all mass below the largest target that was seen.

use super::check_finite;
use super::curve::MonotoneCurve;
use super::error::RecalibrationError;
use crate::metric::{MetricError, count};
use serde::{Deserialize, Serialize};

/// A monotone map of levels: predicted to observed.
///
/// ```
/// use elbo::recalibrate::QuantileRecalibration;
/// let map = QuantileRecalibration::fit(&[0.4, 0.5, 0.6])?; // intervals are too wide
/// assert_eq!(map.apply(0.4), 0.25);
/// assert_eq!(map.quantile_level(0.25), 0.4); // the 25 % quantile is what was called the 40 % quantile
/// # Ok::<(), elbo::recalibrate::RecalibrationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct QuantileRecalibration {
    levels: MonotoneCurve,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    levels: MonotoneCurve,
}

impl TryFrom<Stored> for QuantileRecalibration {
    type Error = RecalibrationError;

    fn try_from(Stored { levels }: Stored) -> Result<Self, RecalibrationError> {
        let (first, last) = (levels.x()[0], levels.x()[levels.x().len() - 1]);
        if first == 0.0 && last == 1.0 && levels.y()[0] >= 0.0 && levels.at(1.0) == 1.0 {
            return Ok(Self { levels });
        }
        let found = format!("one of [{first}, {last}] to [{}, {}]", levels.at(first), levels.at(last));
        Err(RecalibrationError::Stored { what: "levels", expected: "a map of [0, 1] that ends at 1", found })
    }
}

impl QuantileRecalibration {
    /// Fits the map to `pit`, the predictive distribution functions at held-out targets: `[n]`.
    ///
    /// Values of 0, of targets that the prediction thought impossibly low, stay at level 0: `R(0)` is their share. Values of
    /// 1, of targets more than 8.2 standard deviations above a normal say, are told from each other no more: R has their share
    /// between the two numbers before 1.
    ///
    /// # Errors
    /// [`RecalibrationError::Metric`] without values, or if one is not between 0 and 1.
    pub fn fit(pit: &[f64]) -> Result<Self, RecalibrationError> {
        check_finite("pit", pit, pit.len())?;
        if let Some(row) = pit.iter().position(|u| !(0.0..=1.0).contains(u)) {
            return Err(MetricError::Value { what: "pit", row, expected: "between 0 and 1", found: pit[row] }.into());
        }
        let mut sorted = pit.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (mut x, mut y) = (vec![0.0], vec![0.0]);
        let (n, almost) = (pit.len(), 1.0_f64.next_down());
        let below = sorted.partition_point(|&u| u < almost.next_down());
        for (i, &u) in (1..).zip(&sorted[..below]) {
            // Equal values are one knot, with the level of the last of them.
            if u > x[x.len() - 1] {
                x.push(u);
                y.push(0.0);
            }
            let last = y.len() - 1;
            y[last] = count(i) / count(n + 1);
        }
        if below < n {
            x.extend([almost.next_down(), almost]);
            y.extend([below + 1, n].map(|rank| count(rank) / count(n + 1)));
        }
        x.push(1.0);
        y.push(1.0);
        Ok(Self { levels: MonotoneCurve::new(x, y)? })
    }

    /// `R(p)`: the recalibrated value of a distribution function.
    #[must_use]
    pub fn apply(&self, p: f64) -> f64 {
        self.levels.at(p)
    }

    /// `R⁻¹(p)`: the recalibrated p-quantile is the model's own quantile of this level.
    #[must_use]
    pub fn quantile_level(&self, p: f64) -> f64 {
        self.levels.inverse(p)
    }

    /// `R'(F(y))`, by which the predictive density at y is multiplied. A piecewise constant estimate from few targets:
    /// expect a noisy likelihood.
    #[must_use]
    pub fn density_factor(&self, p: f64) -> f64 {
        self.levels.slope(p.min(1.0_f64.next_down()))
    }

    /// The map of levels.
    #[must_use]
    pub fn levels(&self) -> &MonotoneCurve {
        &self.levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_and_ends() {
        let map = QuantileRecalibration::fit(&[0.0, 0.5, 0.5]).unwrap();
        assert_eq!((map.levels().x(), map.levels().y()), (&[0.0, 0.5, 1.0][..], &[0.25, 0.75, 1.0][..]));
        assert_eq!((map.quantile_level(0.1), map.quantile_level(0.75), map.quantile_level(1.0)), (0.0, 0.5, 1.0));
        assert!((map.density_factor(1.0) - 0.5).abs() < 1e-15);
        // A target beyond everything keeps its share at the very end.
        let map = QuantileRecalibration::fit(&[0.0, 0.5, 0.5, 1.0]).unwrap();
        let almost = 1.0_f64.next_down();
        assert_eq!([0.0, 0.5, almost.next_down(), almost, 1.0].map(|p| map.apply(p)), [0.2, 0.6, 0.8, 0.8, 1.0]);
        assert_eq!((map.quantile_level(0.8), map.quantile_level(1.0)), (almost.next_down(), 1.0));
        for bad in [&[][..], &[0.5, 1.5], &[f64::NAN]] {
            assert!(QuantileRecalibration::fit(bad).is_err());
        }
        assert!(serde_json::from_str::<QuantileRecalibration>(r#"{"levels":{"x":[0,1],"y":[0,0.9]}}"#).is_err());
    }
}

//! Conformal prediction on the predictive distribution function (Chernozhukov, Wüthrich and Zhu 2021): the score of a
//! target is `|F(y) - ½|`, and the interval lies between the quantiles of levels `½ - q` and `½ + q`.
//!
//! Any predictive distribution will do, a mixture over weight samples too; its intervals keep their shape and only
//! their level moves.

use super::threshold::Threshold;
use crate::metric::MetricError;
use serde::{Deserialize, Serialize};

/// Between which levels of the predictive distribution the target lies with probability at least `1 - α`, over held-out
/// and new examples that are exchangeable.
///
/// ```
/// use elbo::conformal::DistributionConformal;
/// let pit = [0.1, 0.35, 0.5, 0.7]; // predictive distribution functions at held-out targets
/// let conformal = DistributionConformal::fit(&pit, 0.4)?; // number ⌈5 * 0.6⌉ = 3 of 0, 0.15, 0.2, 0.4
/// let (low, high) = conformal.levels();
/// assert!((low - 0.3).abs() < 1e-15 && (high - 0.7).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistributionConformal {
    threshold: Threshold,
}

impl DistributionConformal {
    /// The threshold of `pit`, predictive distribution functions at held-out targets: `[n]`.
    ///
    /// # Errors
    /// [`MetricError::Empty`] without values, [`MetricError::Value`] if one is not between 0 and 1,
    /// [`MetricError::Setting`] unless `0 < α < 1`.
    pub fn fit(pit: &[f64], alpha: f64) -> Result<Self, MetricError> {
        if pit.is_empty() {
            return Err(MetricError::Empty { what: "pit" });
        }
        if let Some(row) = pit.iter().position(|u| !(0.0..=1.0).contains(u)) {
            return Err(MetricError::Value { what: "pit", row, expected: "between 0 and 1", found: pit[row] });
        }
        let scores: Vec<f64> = pit.iter().map(|u| (u - 0.5).abs()).collect();
        Ok(Self { threshold: Threshold::fit(&scores, alpha)? })
    }

    /// The levels, 0 and 1 if nothing can be left out.
    #[must_use]
    pub fn levels(&self) -> (f64, f64) {
        let half = self.threshold.value().clamp(0.0, 0.5);
        (0.5 - half, 0.5 + half)
    }

    /// The threshold; not finite if there were too few held-out examples.
    #[must_use]
    pub fn threshold(&self) -> &Threshold {
        &self.threshold
    }
}

//! Adaptive conformal inference for series, whose examples are not exchangeable (Gibbs and Candès 2021): the level
//! itself learns. After each time `α_{t+1} = α_t + γ (α - err_t)`, `err_t` being 1 if the target was missed, else 0.
//!
//! Whatever the series, `|1/T Σ_t err_t - α| <= (max(α_1, 1 - α_1) + γ) / (γ T)` (proposition 4.1): in the long run `α`
//! of the targets are missed. This needs intervals that are everything for `α_t < 0` and nothing for `α_t > 1`, as
//! [`threshold_at`] makes them. It is an average over time: it says nothing of one time or one kind of time.

use super::check_alpha;
use super::threshold::Threshold;
use crate::metric::{MetricError, count};
use serde::{Deserialize, Serialize};

/// The threshold of past scores at any level: `+inf` for a level of at most 0, `-inf` for one of at least 1.
///
/// # Errors
/// [`MetricError::Setting`] for a level that is not a number, [`MetricError::Value`] for such a score.
pub fn threshold_at(past: &[f64], level: f64) -> Result<f64, MetricError> {
    match level {
        _ if level <= 0.0 => Ok(f64::INFINITY),
        _ if level >= 1.0 => Ok(f64::NEG_INFINITY),
        _ => Ok(Threshold::fit(past, level)?.value()),
    }
}

/// The level from which on the target of this score is missed: `(1 + #{past >= score}) / (n + 1)`, from `1/(n + 1)` to
/// 1; the conformal p-value.
#[must_use]
pub fn p_value(past: &[f64], score: f64) -> f64 {
    count(1 + past.iter().filter(|&&other| other >= score).count()) / count(past.len() + 1)
}

/// A level that learns with step γ.
///
/// ```
/// use elbo::conformal::AdaptiveConformal;
/// let mut adaptive = AdaptiveConformal::new(0.1, 0.05)?;
/// let mut past: Vec<f64> = (0..20).map(f64::from).collect();
/// for score in [30.0, 31.0, 32.0] { // worse and worse
///     adaptive.observe(&past, score)?;
///     past.push(score);
/// }
/// assert!(adaptive.level() < 0.05); // intervals have grown
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct AdaptiveConformal {
    alpha: f64,
    gamma: f64,
    level: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    alpha: f64,
    gamma: f64,
    level: f64,
}

impl TryFrom<Stored> for AdaptiveConformal {
    type Error = MetricError;

    fn try_from(Stored { alpha, gamma, level }: Stored) -> Result<Self, MetricError> {
        let new = Self::new(alpha, gamma)?;
        if (-gamma..=1.0 + gamma).contains(&level) {
            return Ok(Self { level, ..new });
        }
        let expected = "between -gamma and 1 + gamma";
        Err(MetricError::Setting { name: "level", expected, found: level.to_string() })
    }
}

impl AdaptiveConformal {
    /// Starts at level α. The authors use `γ = 0.005`; a larger step follows changes faster and varies more.
    ///
    /// # Errors
    /// [`MetricError::Setting`] unless `0 < α < 1` and `0 < γ <= 1`.
    pub fn new(alpha: f64, gamma: f64) -> Result<Self, MetricError> {
        check_alpha(alpha)?;
        check_gamma(gamma)?;
        Ok(Self { alpha, gamma, level: alpha })
    }

    /// `α_t`, from `-γ` to `1 + γ`.
    #[must_use]
    pub fn level(&self) -> f64 {
        self.level
    }

    /// The threshold of the next score.
    ///
    /// # Errors
    /// [`MetricError::Value`] for a score that is not a number.
    pub fn threshold(&self, past: &[f64]) -> Result<f64, MetricError> {
        threshold_at(past, self.level)
    }

    /// Learns from the next score; whether it was covered.
    ///
    /// # Errors
    /// [`MetricError::Value`] for a score that is not a number.
    pub fn observe(&mut self, past: &[f64], score: f64) -> Result<bool, MetricError> {
        check_score(score, past.len())?;
        let covered = score <= self.threshold(past)?;
        self.update(covered);
        Ok(covered)
    }

    /// Learns whether the target was covered. The guarantee needs `true` at a level below 0 and `false` above 1.
    pub fn update(&mut self, covered: bool) {
        self.level = moved(self.level, self.alpha, self.gamma, covered);
    }

    /// How far the share of missed targets can be from α after `steps` steps: `(max(α, 1 - α) + γ) / (γ steps)`.
    #[must_use]
    pub fn error_bound(&self, steps: usize) -> f64 {
        (self.alpha.max(1.0 - self.alpha) + self.gamma) / (self.gamma * count(steps))
    }
}

/// `α_t + γ (α - err_t)`.
pub(super) fn moved(level: f64, alpha: f64, gamma: f64, covered: bool) -> f64 {
    level + gamma * (alpha - f64::from(u8::from(!covered)))
}

pub(super) fn check_gamma(gamma: f64) -> Result<(), MetricError> {
    if gamma > 0.0 && gamma <= 1.0 {
        return Ok(());
    }
    Err(MetricError::Setting { name: "gamma", expected: "above 0 and at most 1", found: gamma.to_string() })
}

pub(super) fn check_score(score: f64, row: usize) -> Result<(), MetricError> {
    match score.is_nan() {
        true => Err(MetricError::Value { what: "scores", row, expected: "a number", found: score }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `p_value` is the level at which `threshold_at` begins to miss.
    #[test]
    fn p_values_are_where_thresholds_miss() {
        let past = [3.0, 1.0, 2.0, 2.0, 5.0];
        for score in [0.0, 1.0, 2.0, 2.5, 5.0, 6.0] {
            let p = p_value(&past, score);
            assert!(score <= threshold_at(&past, p - 1e-9).unwrap(), "{score}");
            assert!(score > threshold_at(&past, p).unwrap(), "{score}");
        }
        assert_eq!(p_value(&[], 1.0), 1.0);
    }

    #[test]
    fn steps_by_hand() {
        let mut adaptive = AdaptiveConformal::new(0.25, 0.5).unwrap();
        assert!(!adaptive.observe(&[1.0, 2.0, 3.0], 9.0).unwrap());
        assert_eq!(adaptive.level(), -0.125);
        assert!(adaptive.observe(&[1.0, 2.0, 3.0, 9.0], 1e300).unwrap());
        assert_eq!(adaptive.level(), 0.0);
        let json = serde_json::to_string(&adaptive).unwrap();
        assert_eq!(serde_json::from_str::<AdaptiveConformal>(&json).unwrap(), adaptive);
        assert!(serde_json::from_str::<AdaptiveConformal>(&json.replace("0.0}", "2.0}")).is_err());
        for gamma in [0.0, f64::NAN, 1.5] {
            assert!(AdaptiveConformal::new(0.1, gamma).is_err());
        }
        assert!(adaptive.observe(&[], f64::NAN).is_err());
    }
}

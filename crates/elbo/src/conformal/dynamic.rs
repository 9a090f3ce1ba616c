//! Adaptive conformal inference that chooses its step by itself: `DtACI` (Gibbs and Candès 2024; first as
//! arXiv 2208.08401, 2022).
//!
//! One expert for each step `γ_i` runs adaptive conformal inference; the level is their weighted mean. With `β_t` the
//! level from which on the target at t is missed, an expert's loss is the pinball loss
//! `ℓ(β, θ) = α (β - θ) - min(0, β - θ)`, and weights follow `w_i ← (1 - σ) w̄_i + σ/k`,
//! `w̄_i ∝ w_i e^{-η ℓ(β_t, α_t^i)}` over k experts. For an interval of I times
//! `σ = 1/(2 I)` and `η = sqrt(3/I) sqrt((ln(k I) + 2) / ((1 - α)² α³ + α² (1 - α)³))`, the paper's choices.

use super::adaptive::{check_gamma, check_score, moved, p_value, threshold_at};
use super::check_alpha;
use crate::metric::{MetricError, count};
use serde::{Deserialize, Serialize};

/// The steps of the paper.
const GAMMAS: [f64; 8] = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128];

/// A level that learns, and learns how fast to.
///
/// ```
/// use elbo::conformal::DynamicConformal;
/// let mut dynamic = DynamicConformal::with_usual_steps(0.1, 500)?;
/// let past: Vec<f64> = (0..50).map(f64::from).collect();
/// for _ in 0..30 {
///     dynamic.observe(&past, 100.0)?; // everything is missed
/// }
/// assert!(dynamic.level() < 0.1);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct DynamicConformal {
    alpha: f64,
    times: usize,
    gammas: Vec<f64>,
    levels: Vec<f64>,
    weights: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    alpha: f64,
    times: usize,
    gammas: Vec<f64>,
    levels: Vec<f64>,
    weights: Vec<f64>,
}

impl TryFrom<Stored> for DynamicConformal {
    type Error = MetricError;

    fn try_from(stored: Stored) -> Result<Self, MetricError> {
        let new = Self::new(stored.alpha, &stored.gammas, stored.times)?;
        for (what, list) in [("levels", &stored.levels), ("weights", &stored.weights)] {
            if list.len() != new.gammas.len() {
                return Err(MetricError::Length { what, expected: new.gammas.len(), found: list.len() });
            }
        }
        if let Some(row) = stored.levels.iter().position(|level| !(-1.0..=2.0).contains(level)) {
            let expected = "between -1 and 2";
            return Err(MetricError::Value { what: "levels", row, expected, found: stored.levels[row] });
        }
        if let Some(row) = stored.weights.iter().position(|w| !(w.is_finite() && *w > 0.0)) {
            let expected = "a positive finite number";
            return Err(MetricError::Value { what: "weights", row, expected, found: stored.weights[row] });
        }
        Ok(Self { levels: stored.levels, weights: stored.weights, ..new })
    }
}

impl DynamicConformal {
    /// An expert for each step of `gammas`; `times` is I, over how many times the level is to be right.
    ///
    /// # Errors
    /// [`MetricError::Empty`] without steps, [`MetricError::Setting`] unless `0 < α < 1`, `0 < γ <= 1` and `I >= 1`.
    pub fn new(alpha: f64, gammas: &[f64], times: usize) -> Result<Self, MetricError> {
        check_alpha(alpha)?;
        gammas.iter().try_for_each(|&gamma| check_gamma(gamma))?;
        if gammas.is_empty() {
            return Err(MetricError::Empty { what: "gammas" });
        }
        if times == 0 {
            return Err(MetricError::Setting { name: "times", expected: "at least 1", found: "0".into() });
        }
        let k = gammas.len();
        Ok(Self { alpha, times, gammas: gammas.to_vec(), levels: vec![alpha; k], weights: vec![1.0 / count(k); k] })
    }

    /// The steps of the paper: 0.001, 0.002, .. 0.128. It has `I = 500`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_usual_steps(alpha: f64, times: usize) -> Result<Self, MetricError> {
        Self::new(alpha, &GAMMAS, times)
    }

    /// The same for targets that are known only `ahead` times later: steps of `1 / ahead` of those, for as many errors are
    /// underway that the level does not know of.
    pub(super) fn ahead(alpha: f64, times: usize, ahead: usize) -> Result<Self, MetricError> {
        Self::new(alpha, &GAMMAS.map(|gamma| gamma / count(ahead)), times)
    }

    /// α: how often a target may be missed.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The weighted mean of the experts' levels.
    #[must_use]
    pub fn level(&self) -> f64 {
        let sum: f64 = self.weights.iter().sum();
        self.weights.iter().zip(&self.levels).map(|(w, level)| w * level).sum::<f64>() / sum
    }

    /// The threshold of the next score.
    ///
    /// # Errors
    /// [`MetricError::Value`] for a score that is not a number.
    pub fn threshold(&self, past: &[f64]) -> Result<f64, MetricError> {
        threshold_at(past, self.level())
    }

    /// Learns from the next score; whether it was covered.
    ///
    /// # Errors
    /// [`MetricError::Value`] for a score that is not a number.
    pub fn observe(&mut self, past: &[f64], score: f64) -> Result<bool, MetricError> {
        check_score(score, past.len())?;
        let covered = score <= self.threshold(past)?;
        let levels = self.levels.clone();
        self.learn(&levels, p_value(past, score));
        Ok(covered)
    }

    /// The experts' levels.
    pub(super) fn levels(&self) -> &[f64] {
        &self.levels
    }

    /// Learns `β_t`, the level from which on a target was missed that was predicted when the experts' levels were these.
    pub(super) fn learn(&mut self, levels: &[f64], beta: f64) {
        let (alpha, k) = (self.alpha, count(self.gammas.len()));
        let eta = self.learning_rate();
        let losses = levels.iter().map(|level| alpha * (beta - level) - (beta - level).min(0.0));
        let least = losses.clone().fold(f64::INFINITY, f64::min);
        let scaled: Vec<f64> = losses.zip(&self.weights).map(|(loss, w)| w * (-eta * (loss - least)).exp()).collect();
        let sum: f64 = scaled.iter().sum();
        let sigma = 0.5 / count(self.times);
        self.weights = scaled.iter().map(|w| (1.0 - sigma) * w / sum + sigma / k).collect();
        for ((level, &gamma), then) in self.levels.iter_mut().zip(&self.gammas).zip(levels) {
            *level = moved(*level, alpha, gamma, *then < beta);
        }
    }

    /// η.
    fn learning_rate(&self) -> f64 {
        let (a, times, k) = (self.alpha, count(self.times), count(self.gammas.len()));
        let spread = (1.0 - a).powi(2) * a.powi(3) + a.powi(2) * (1.0 - a).powi(3);
        (3.0 / times).sqrt() * (((k * times).ln() + 2.0) / spread).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_expert_is_adaptive_conformal_inference() {
        let mut dynamic = DynamicConformal::new(0.2, &[0.05], 100).unwrap();
        let mut adaptive = super::super::AdaptiveConformal::new(0.2, 0.05).unwrap();
        let mut past = vec![0.5, 1.0, 0.2];
        for i in 0..200 {
            let score = (f64::from(i) * 2.3).sin() * (1.0 + f64::from(i) / 50.0);
            assert_eq!(dynamic.observe(&past, score).unwrap(), adaptive.observe(&past, score).unwrap(), "{i}");
            assert!((dynamic.level() - adaptive.level()).abs() < 1e-12, "{i}");
            past.push(score);
        }
    }

    #[test]
    fn the_weight_goes_to_the_better_step() {
        // The level from which targets are missed drops from 1/2 to 0.01: the fast expert is there first.
        let mut dynamic = DynamicConformal::new(0.1, &[0.001, 0.128], 50).unwrap();
        for _ in 0..40 {
            let levels = dynamic.levels().to_vec();
            dynamic.learn(&levels, 0.01);
        }
        assert!(dynamic.weights[1] > 0.9, "{dynamic:?}");
        assert!((dynamic.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let json = serde_json::to_string(&dynamic).unwrap();
        assert_eq!(serde_json::from_str::<DynamicConformal>(&json).unwrap(), dynamic);
        assert!((dynamic.learning_rate() - (0.06_f64 * (100.0_f64.ln() + 2.0) / 0.0081).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn misuse_is_named() {
        assert!(DynamicConformal::new(0.1, &[], 10).is_err());
        assert!(DynamicConformal::new(0.1, &[0.1, -1.0], 10).is_err());
        assert!(DynamicConformal::new(0.1, &[0.1], 0).is_err());
        assert!(DynamicConformal::new(1.0, &[0.1], 10).is_err());
    }
}

//! The quantile of conformity scores.

use super::check_alpha;
use crate::metric::{MetricError, count, number};
use serde::{Deserialize, Serialize};

/// The `⌈(n + 1)(1 - α)⌉`-th smallest of n calibration scores, or `+inf` if there are not so many.
///
/// If the n scores and the score of a new example are exchangeable, the new one is at most the threshold with
/// probability at least `1 - α`, and at most `1 - α + 1/(n + 1)` if no two scores are equal (Vovk, Gammerman and Shafer
/// 2005; Romano, Patterson and Candès 2019, theorem 1). An `(n + 1) α` that is a whole number up to rounding counts as
/// that number.
///
/// ```
/// use elbo::conformal::Threshold;
/// let scores = [0.3, 0.1, 0.4, 0.2];
/// assert_eq!(Threshold::fit(&scores, 0.2)?.value(), 0.4); // number ⌈5 * 0.8⌉ = 4
/// assert!(!Threshold::fit(&scores, 0.1)?.is_finite()); // number 5 of 4: everything is allowed
/// assert_eq!(Threshold::minimum_examples(0.1)?, 9);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Threshold {
    alpha: f64,
    examples: usize,
    #[serde(with = "number")]
    value: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    alpha: f64,
    examples: usize,
    #[serde(with = "number")]
    value: f64,
}

impl TryFrom<Stored> for Threshold {
    type Error = MetricError;

    fn try_from(Stored { alpha, examples, value }: Stored) -> Result<Self, MetricError> {
        check_alpha(alpha)?;
        if value.is_nan() || value != f64::INFINITY && rank(examples, alpha) > examples {
            let expected = "a number, infinite if there are too few examples";
            return Err(MetricError::Setting { name: "value", expected, found: value.to_string() });
        }
        Ok(Self { alpha, examples, value })
    }
}

impl Threshold {
    /// The threshold of calibration scores `[n]`, which may be infinite. Without scores it is `+inf`.
    ///
    /// # Errors
    /// [`MetricError::Setting`] unless `0 < α < 1`, [`MetricError::Value`] for a score that is not a number.
    pub fn fit(scores: &[f64], alpha: f64) -> Result<Self, MetricError> {
        check_alpha(alpha)?;
        if let Some(row) = scores.iter().position(|score| score.is_nan()) {
            return Err(MetricError::Value { what: "scores", row, expected: "a number", found: scores[row] });
        }
        let (examples, rank) = (scores.len(), rank(scores.len(), alpha));
        let mut scores = scores.to_vec();
        let value = match rank <= examples {
            true => *scores.select_nth_unstable_by(rank - 1, f64::total_cmp).1,
            false => f64::INFINITY,
        };
        Ok(Self { alpha, examples, value })
    }

    /// The largest score that is allowed.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// α: how often a new score may exceed it.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Number n of calibration scores.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// Whether it excludes anything. If not, sets hold every class and intervals are the whole line: with fewer than
    /// [`minimum_examples`](Self::minimum_examples) there is no other guarantee.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.value < f64::INFINITY
    }

    /// The fewest calibration examples that give a finite threshold: `⌈1/α⌉ - 1`.
    ///
    /// # Errors
    /// [`MetricError::Setting`] unless `0 < α < 1`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates for the smallest α
    pub fn minimum_examples(alpha: f64) -> Result<usize, MetricError> {
        check_alpha(alpha)?;
        let guess = (1.0 / alpha).round() as usize;
        Ok((guess.saturating_sub(2)..=guess + 1).find(|&n| rank(n, alpha) <= n).unwrap_or(guess))
    }
}

/// `⌈(n + 1)(1 - α)⌉ = n + 1 - ⌊(n + 1) α⌋`: from 1 to n + 1 for `0 < α < 1`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at least 0 and at most n + 1
pub(super) fn rank(n: usize, alpha: f64) -> usize {
    let product = count(n + 1) * alpha;
    let missed = (product * (1.0 + 4.0 * f64::EPSILON)).floor() as usize;
    n + 1 - missed.min(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_exact() {
        let cases = [(9, 0.1, 9), (8, 0.1, 9), (99, 0.29, 71), (99, 0.07, 93), (0, 0.5, 1), (1, 0.5, 1), (4, 0.99, 1)];
        for (n, alpha, expected) in cases {
            assert_eq!(rank(n, alpha), expected, "{n}, {alpha}");
        }
        // All n and all α = i/100: against whole numbers.
        for n in 0..300_usize {
            for i in 1..100_usize {
                assert_eq!(rank(n, count(i) / 100.0), ((n + 1) * (100 - i)).div_ceil(100).max(1), "{n}, {i}");
            }
        }
    }

    #[test]
    fn the_fewest_examples() {
        let fewest = [(0.1, 9), (0.05, 19), (0.5, 1), (0.9, 1), (0.3, 3), (0.01, 99), (1e-6, 999_999)];
        for (alpha, n) in fewest {
            assert_eq!(Threshold::minimum_examples(alpha).unwrap(), n);
            assert!(Threshold::fit(&vec![0.0; n], alpha).unwrap().is_finite());
            assert!(!Threshold::fit(&vec![0.0; n - 1], alpha).unwrap().is_finite());
        }
    }

    #[test]
    fn misuse_is_named() {
        for alpha in [0.0, 1.0, -0.1, f64::NAN] {
            let error = Threshold::fit(&[1.0], alpha).unwrap_err().to_string();
            assert!(error.starts_with("`alpha` must be above 0 and below 1, found"), "{error}");
        }
        let error = Threshold::fit(&[1.0, f64::NAN], 0.5).unwrap_err().to_string();
        assert_eq!(error, "scores of example 1: expected a number, found NaN");
        let none = Threshold::fit(&[], 0.1).unwrap();
        let json = serde_json::to_string(&none).unwrap();
        assert_eq!(json, r#"{"alpha":0.1,"examples":0,"value":"inf"}"#);
        assert_eq!(serde_json::from_str::<Threshold>(&json).unwrap(), none);
        for bad in [r#"{"alpha":0.1,"examples":0,"value":1.0}"#, r#"{"alpha":1.0,"examples":9,"value":1.0}"#] {
            assert!(serde_json::from_str::<Threshold>(bad).is_err());
        }
    }
}

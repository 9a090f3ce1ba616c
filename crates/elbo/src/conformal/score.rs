//! Conformity scores of classes: how unlikely a prediction makes a class. With classes ordered by probability, the
//! first of equal ones first, `o(k)` the place of class k counted from 1 and u uniform on (0, 1):
//!
//! | name | score | source |
//! | --- | --- | --- |
//! | `thr` | `1 - p_k` | Sadinle, Lei and Wasserman 2019 (LAC) |
//! | `aps` | `Σ_{o(j) < o(k)} p_j + u p_k` | Romano, Sesia and Candès 2020, section 2 |
//! | `raps` | that of `aps` `+ λ max(0, o(k) - r)` | Angelopoulos, Bates, Malik and Jordan 2021, section 2 |
//!
//! Without randomisation `u = 1`.

use crate::metric::{MetricError, Probabilities, count};
use serde::{Deserialize, Serialize};

/// Which score, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClassScore {
    /// `1 - p_k`: the smallest sets on average; empty ones where no class is likely enough.
    Thr,
    /// The probability of all classes up to this one: sets grow where the prediction is unsure.
    Aps {
        /// Whether a part of the class's own probability is left to chance. If not, sets are larger than they need be
        /// and more than `1 - α` is covered.
        randomised: bool,
    },
    /// `aps` with a price for every class beyond the r-th: without the long tail of unlikely classes.
    Raps {
        /// As for `aps`.
        randomised: bool,
        /// λ, at least 0.
        penalty: f64,
        /// r.
        free: usize,
    },
}

/// The names of [`ClassScore`].
pub const CLASS_SCORES: [&str; 3] = ["thr", "aps", "raps"];

impl ClassScore {
    /// The score of this name: randomised; `raps` with `λ = 0.01` and `r = 5`, which are for many classes (for few,
    /// choose both on examples of their own).
    ///
    /// # Errors
    /// [`MetricError::Setting`] for another name.
    pub fn named(name: &str) -> Result<Self, MetricError> {
        match name {
            "thr" => Ok(Self::Thr),
            "aps" => Ok(Self::Aps { randomised: true }),
            "raps" => Ok(Self::Raps { randomised: true, penalty: 0.01, free: 5 }),
            _ => Err(MetricError::Setting { name: "score", expected: "thr, aps or raps", found: name.to_owned() }),
        }
    }

    pub(super) fn check(&self) -> Result<(), MetricError> {
        match *self {
            Self::Raps { penalty, .. } if !(penalty.is_finite() && penalty >= 0.0) => {
                let expected = "finite and not negative";
                Err(MetricError::Setting { name: "penalty", expected, found: penalty.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// The scores of all classes of one example, `u` being its uniform number: `[K]`.
    ///
    /// # Panics
    /// If there is no example `i`.
    #[must_use]
    pub fn of(&self, probs: &Probabilities, i: usize, u: f64) -> Vec<f64> {
        let row = probs.row(i);
        match *self {
            Self::Thr => row.iter().map(|p| 1.0 - p).collect(),
            Self::Aps { randomised } => cumulative(row, if randomised { u } else { 1.0 }, |_| 0.0),
            Self::Raps { randomised, penalty, free } => {
                let price = |place: usize| penalty * count(place.saturating_sub(free));
                cumulative(row, if randomised { u } else { 1.0 }, price)
            }
        }
    }
}

/// `Σ_{o(j) < o(k)} p_j + u p_k + price(o(k))`.
fn cumulative(row: &[f64], u: f64, price: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    let (mut before, mut scores) = (0.0, vec![0.0; row.len()]);
    for (place, class) in (1..).zip(order) {
        scores[class] = before + u * row[class] + price(place);
        before += row[class];
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_by_hand() {
        let probs = Probabilities::new(vec![0.25, 0.5, 0.25], 3).unwrap();
        let of = |score: ClassScore| score.of(&probs, 0, 0.5);
        assert_eq!(of(ClassScore::Thr), [0.75, 0.5, 0.75]);
        assert_eq!(of(ClassScore::Aps { randomised: true }), [0.625, 0.25, 0.875]);
        assert_eq!(of(ClassScore::Aps { randomised: false }), [0.75, 0.5, 1.0]);
        assert_eq!(of(ClassScore::Raps { randomised: false, penalty: 0.5, free: 1 }), [1.25, 0.5, 2.0]);
        assert_eq!(CLASS_SCORES.map(|name| ClassScore::named(name).unwrap().check()), [const { Ok(()) }; 3]);
        assert!(ClassScore::named("x").is_err());
        assert!(ClassScore::Raps { randomised: true, penalty: -1.0, free: 0 }.check().is_err());
    }
}

//! Which trial is chosen.

use super::OWNER;
use super::table::TrialRow;
use crate::error::{Error, Result};
use core::cmp::Ordering;
use serde::{Deserialize, Serialize};

/// Which trial is chosen; see the [module](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The one with the best score; of equal ones the first.
    #[default]
    Minimum,
    /// The most regularized one of those that the best does not beat by more than a standard error.
    OneStandardError,
}

/// The row with the best score, the first of equal ones.
pub(super) fn best(rows: &[TrialRow]) -> Result<&TrialRow> {
    let finite = rows.iter().filter(|row| row.nll.is_finite());
    let best = finite.min_by(|a, b| a.nll.total_cmp(&b.nll));
    let expected = "such that a trial has a finite score (try lower learning rates)";
    best.ok_or_else(|| Error::argument(OWNER, "space", expected, format!("none of {}", rows.len())))
}

impl Choice {
    /// The chosen row. Rows have their gaps to the best.
    pub(super) fn of(self, rows: &[TrialRow]) -> Result<&TrialRow> {
        let best = best(rows)?;
        let near = rows.iter().filter(|row| row.nll.is_finite() && row.gap <= row.gap_standard_error);
        match self {
            Self::Minimum => Ok(best),
            Self::OneStandardError => Ok(near.min_by(|a, b| by_regularization(a, b)).unwrap_or(best)),
        }
    }
}

/// The more regularized one first: the higher KL weight, then the lower prior scale, then the better score.
fn by_regularization(a: &TrialRow, b: &TrialRow) -> Ordering {
    let of = |row: &TrialRow, name: &str| row.settings.get(name).copied().unwrap_or(0.0);
    let weight = of(b, "kl-weight").total_cmp(&of(a, "kl-weight"));
    let scale = of(a, "prior-scale").total_cmp(&of(b, "prior-scale"));
    weight.then(scale).then(a.nll.total_cmp(&b.nll))
}

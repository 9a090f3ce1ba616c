//! Priors with the same few numbers for every element: plain data, of no rank.

use super::{CauchyPrior, HorseshoePrior, LaplacePrior, Prior, ScaleMixturePrior, StudentTPrior};
use crate::divergence::Divergence;
use serde::{Deserialize, Serialize};

/// A prior that is the same for every element of every weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScalarPrior {
    /// `N(loc, scale²)`
    Normal {
        /// Mean.
        loc: f64,
        /// Standard deviation.
        scale: f64,
    },
    /// [`LaplacePrior`]
    Laplace {
        /// Centre.
        loc: f64,
        /// Mean distance from the centre.
        scale: f64,
    },
    /// [`StudentTPrior`]
    StudentT {
        /// Degrees of freedom.
        df: f64,
        /// Centre.
        loc: f64,
        /// Scale.
        scale: f64,
    },
    /// [`CauchyPrior`]
    Cauchy {
        /// Centre.
        loc: f64,
        /// Half width at half height.
        scale: f64,
    },
    /// [`ScaleMixturePrior`]
    ScaleMixture {
        /// Weight of the first component, in (0, 1).
        pi: f64,
        /// Standard deviation of the first component.
        scale1: f64,
        /// Standard deviation of the second component.
        scale2: f64,
    },
    /// [`HorseshoePrior`]
    Horseshoe {
        /// Scale.
        scale: f64,
    },
}

impl ScalarPrior {
    /// The prior of a weight of rank `D`.
    #[must_use]
    pub fn of_rank<const D: usize>(self) -> Prior<D> {
        match self {
            Self::Normal { loc, scale } => Prior::normal(loc, scale),
            Self::Laplace { loc, scale } => Prior::Laplace(LaplacePrior::new(loc, scale)),
            Self::StudentT { df, loc, scale } => Prior::StudentT(StudentTPrior::new(df, loc, scale)),
            Self::Cauchy { loc, scale } => Prior::Cauchy(CauchyPrior::new(loc, scale)),
            Self::ScaleMixture { pi, scale1, scale2 } => {
                Prior::ScaleMixture(ScaleMixturePrior::new(pi, scale1, scale2))
            }
            Self::Horseshoe { scale } => Prior::Horseshoe(HorseshoePrior::new(scale)),
        }
    }

    /// The divergence of a mean-field normal from it: closed form where there is one, else Monte Carlo.
    pub(crate) fn divergence<Q, const D: usize>(self) -> Divergence<Q, D> {
        match self {
            Self::Normal { .. } | Self::Laplace { .. } => Divergence::Kl,
            Self::StudentT { .. } | Self::Cauchy { .. } | Self::ScaleMixture { .. } | Self::Horseshoe { .. } => {
                Divergence::MonteCarlo
            }
        }
    }
}

//! What else a backward pass has of weights whose divergence it has.

use crate::noise::Draws;

/// What the gradient belongs to that comes beside a divergence's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightUse {
    /// There is none.
    Nothing,
    /// Draws `[S, n]`.
    Draws {
        /// The noise they were made with.
        draws: Draws,
        /// Whether they were made around the location, not around 0.
        shifted: bool,
    },
    /// The variances `[1, n]`.
    Variance,
}

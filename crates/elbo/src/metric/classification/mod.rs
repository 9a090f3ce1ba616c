//! Scores of class probabilities.

mod accuracy;
mod brier;
mod decomposition;
mod nll;
mod probabilities;
mod spherical;
mod uncertainty;

pub use accuracy::{accuracy, correct_per_example};
pub use brier::{brier, brier_per_example};
pub use decomposition::{BrierDecomposition, BrierStrata};
pub use nll::{nll, nll_per_example};
pub use probabilities::Probabilities;
pub use spherical::{spherical, spherical_per_example};
pub use uncertainty::{ClassUncertainty, UncertaintySplit, VarianceSplit, entropy, variation_ratio};

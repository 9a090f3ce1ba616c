//! Intervals of scores over the examples of a test set.

mod bootstrap;
mod estimate;

pub use bootstrap::Bootstrap;
pub use estimate::Estimate;

pub(super) use bootstrap::choose;
pub(super) use estimate::Resampled;

//! Scores of an order: whether what is uncertain is what is wrong, or foreign. Only the order of values counts, never
//! their size, and equal values are dealt with exactly.

mod detection;
mod selective;
mod spearman;

pub use detection::Detection;
pub use selective::{RiskCoverage, Selective};
pub use spearman::{Spearman, spearman};

//! Networks that a file can describe: presets, TOML descriptions, and the Burn module built from them.
//!
//! A [`ModelDescription`] is plain data: layers in order, the prior and the posterior of their kernels. Built for an
//! input (channels and length of a series) and a likelihood it becomes a [`Model`]: a network that takes a
//! [`SeriesBatch`] and the likelihood that reads its outputs, both trained together.

mod description;
mod layer;
mod network;
mod plan;
mod preset;
mod series;
mod weights;

pub use description::{LayerDescription, ModelDescription};
pub use layer::{Flatten, GlobalAveragePooling, LastStep, NetworkLayer};
pub use network::{Model, Network};
pub use preset::{PRESETS, preset};
pub use series::{InputShape, SeriesBatch};
pub use weights::{PosteriorDescription, PosteriorFamily, PriorDescription, Size};

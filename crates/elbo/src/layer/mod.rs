//! Variational layers: configuration, layer, forward pass.

mod arguments;
mod convolution;
mod dense;
mod forward;
mod options;
mod weight;

pub use arguments::{Choice, Sizes};
pub(crate) use convolution::class as convolution_class;
pub use convolution::{
    Conv, Conv1d, Conv1dConfig, Conv1dOptions, Conv2d, Conv2dConfig, Conv2dOptions, Conv3d, Conv3dConfig,
    Conv3dOptions, ConvConfig, ConvOptions,
};
pub(crate) use dense::CLASS as DENSE;
pub use dense::{Dense, DenseConfig, DenseOptions};
pub use options::{LayerOptions, Settings, WeightOptions};
pub(crate) use weight::Extras;
pub use weight::{TensorFn, Weight};

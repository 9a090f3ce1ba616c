//! Variational layers: configuration, layer, forward pass.

mod arguments;
mod convolution;
mod dense;
mod forward;
mod options;
mod spatial;
mod transposed_convolution;
mod weight;

pub use arguments::{Choice, Sizes};
pub use convolution::{
    Conv, Conv1d, Conv1dConfig, Conv1dOptions, Conv2d, Conv2dConfig, Conv2dOptions, Conv3d, Conv3dConfig,
    Conv3dOptions, ConvConfig, ConvOptions,
};
pub use dense::{Dense, DenseConfig, DenseOptions};
pub use options::{LayerOptions, Settings, WeightOptions};
pub use transposed_convolution::{
    ConvTranspose, ConvTranspose1d, ConvTranspose1dConfig, ConvTranspose2d, ConvTranspose2dConfig, ConvTranspose3d,
    ConvTranspose3dConfig, ConvTransposeConfig,
};
pub use weight::{TensorFn, Weight};

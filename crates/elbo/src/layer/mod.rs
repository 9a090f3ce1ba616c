//! Variational layers: configuration, layer, forward pass.

mod arguments;
mod convolution;
mod dense;
mod dense_variational;
mod forward;
mod losses;
mod options;
mod single;
mod spatial;
mod transposed_convolution;
mod variable;
mod weight;

pub use arguments::{Choice, Sizes};
pub(crate) use convolution::config::class as convolution_class;
pub use convolution::{
    Conv, Conv1d, Conv1dConfig, Conv1dOptions, Conv2d, Conv2dConfig, Conv2dOptions, Conv3d, Conv3dConfig,
    Conv3dOptions, ConvConfig, ConvOptions,
};
pub(crate) use dense::CLASS as DENSE;
pub use dense::{Dense, DenseConfig, DenseOptions};
pub(crate) use dense_variational::CLASS as DENSE_VARIATIONAL;
pub use dense_variational::{DenseVariational, DenseVariationalConfig, DenseVariationalOptions};
pub use options::{LayerOptions, Settings, WeightOptions};
pub(crate) use transposed_convolution::config::class as transposed_class;
pub use transposed_convolution::{
    ConvTranspose, ConvTranspose1d, ConvTranspose1dConfig, ConvTranspose2d, ConvTranspose2dConfig, ConvTranspose3d,
    ConvTranspose3dConfig, ConvTransposeConfig,
};
pub(crate) use variable::CLASS as VARIABLE_LAYER;
pub use variable::{VariableLayer, VariableLayerConfig, VariableLayerOptions};
pub(crate) use weight::Extras;
pub use weight::{TensorFn, Weight};

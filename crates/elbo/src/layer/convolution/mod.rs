//! Convolutional layers of rank 1, 2 and 3: `y = activation(x ⋆ W + b)`, W and b random.
//!
//! `out[b, o, f] = Σ_{k, c} in[b, o s - p + k d, c] W[k, c, f]` per spatial axis: cross-correlation, zero outside the
//! input. Kernels are `[K.., C / G, F]` in both layouts. With G groups, filter f sees the C / G channels of its own
//! group, `floor(f G / F)`.

pub(super) mod config;
pub(super) mod options;

pub use config::{Conv1dConfig, Conv2dConfig, Conv3dConfig, ConvConfig};
pub use options::{Conv1dOptions, Conv2dOptions, Conv3dOptions, ConvOptions};

use super::forward::{Pass, kernel_and_bias_methods};
use super::options::Settings;
use super::spatial::{check_size, output_shape};
use super::weight::Weight;
use crate::error::{Error, Result};
use crate::op::ConvOp;
use crate::posterior::{Family, Posterior};
use crate::trace::Trace;
use burn::module::Module;
use burn::tensor::Tensor;
use elbo_kernels::{ConvGeometry, GeometryError};

/// A convolution with random kernel `[K.., C / G, F]` and bias `[F]`; inputs have `D = rank + 2` axes.
#[derive(Module, Debug)]
pub struct Conv<const D: usize, Q: Module = Family<D>> {
    /// The kernel.
    pub kernel: Weight<Q, D>,
    /// The bias.
    pub bias: Option<Weight<Family<1>, 1>>,
    #[module(skip)]
    op: ConvOp,
    #[module(skip)]
    settings: Settings,
}

/// A temporal convolution: inputs `[batch, length, channels]`.
pub type Conv1d<Q = Family<3>> = Conv<3, Q>;
/// A planar convolution: inputs `[batch, height, width, channels]`.
pub type Conv2d<Q = Family<4>> = Conv<4, Q>;
/// A volumetric convolution: inputs `[batch, depth, height, width, channels]`.
pub type Conv3d<Q = Family<5>> = Conv<5, Q>;

impl<const D: usize, Q: Posterior<D>> Conv<D, Q> {
    /// `activation(x ⋆ W + b)`.
    ///
    /// # Shapes
    /// - input: `[batch, spatial.., C]` or `[batch, C, spatial..]`; lengths may differ from call to call
    /// - output: `[S batch, spatial.., F]` or `[S batch, F, spatial..]` for S weight samples
    ///
    /// # Panics
    /// Where [`try_forward`](Self::try_forward) gives an error.
    #[must_use]
    pub fn forward(&self, input: Tensor<D>, trace: &mut Trace) -> Tensor<D> {
        self.try_forward(input, trace).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward), for an input of any number of axes.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) for a wrong rank, number of channels, dtype, or an input shorter than the
    /// kernel under valid padding; [`Error::TooLarge`](crate::Error::TooLarge) if the padded input or the output is
    /// beyond all memory; [`Error::DuplicateName`](crate::Error::DuplicateName);
    /// [`Error::Replay`](crate::Error::Replay).
    pub fn try_forward<const X: usize>(&self, input: Tensor<X>, trace: &mut Trace) -> Result<Tensor<X>> {
        let pass = Pass { settings: &self.settings, kernel: &self.kernel, bias: self.bias.as_ref() };
        output_shape(self.settings.owner(), &self.op.geometry, &input.dims().map(Some))?;
        self.check_size(&input.dims(), trace.samples())?;
        pass.run(&self.op, input, trace)
    }

    /// The shape of an output; unknown lengths stay unknown.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) for a wrong rank or number of channels, or too short an input.
    pub fn output_shape(&self, input: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
        output_shape(self.settings.owner(), &self.op.geometry, input)
    }

    /// Checks that the padded input and the output of a pass with `samples` weight samples can be had at all.
    fn check_size(&self, shape: &[usize], samples: usize) -> Result<()> {
        let geometry = &self.op.geometry;
        let extent = match geometry.extent(geometry.spatial(shape)) {
            Ok(extent) => extent,
            Err(error @ GeometryError::Overflow { .. }) => {
                return Err(Error::argument(self.settings.owner(), "dilation_rate", "a size memory can hold", error));
            }
            // Told where the operation checks its input.
            Err(_) => return Ok(()),
        };
        let outputs = shape[0].saturating_mul(samples);
        check_size(self.settings.owner(), "the padded input", shape[0], extent.padded(), geometry.channels)?;
        check_size(self.settings.owner(), "the output", outputs, extent.output, geometry.filters)
    }

    kernel_and_bias_methods!();

    /// Geometry and settings.
    #[must_use]
    pub fn settings(&self) -> (&ConvGeometry, &Settings) {
        (&self.op.geometry, &self.settings)
    }
}

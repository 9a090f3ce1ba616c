//! Transposed convolutional layers of rank 1, 2 and 3: `y = activation(x ⋆ᵀ W + b)`, W and b random. The adjoint of a
//! convolution: what upsamples where a convolution with strides downsamples.
//!
//! `out[b, o, f] = Σ in[b, i, c] W[k, c, f]` over all i, k with `i s + k d - p = o` per spatial axis, and over the
//! channels c of the filter's group. Lengths:
//!
//! | padding | output length | with output padding q, `0 <= q < s` | p |
//! | --- | --- | --- | --- |
//! | valid | `(L - 1) s + K_e` | `(L - 1) s + K_e + q` | 0 |
//! | same | `L s` | `(L - 1) s + 1 + q` | `floor(max((L - 1) s + K_e - out, 0) / 2)` |
//!
//! These are the s lengths that a convolution of the same padding maps to L. Kernels are `[K.., C / G, F]` in both
//! layouts, as in convolutions, so that the last axis of every kernel is the layer's outputs: what a bias and the fans
//! of an initialiser go by. (Keras has `[K.., F, C]`, `PyTorch` `[C, F / G, K..]`.)

pub(super) mod config;

pub use config::{ConvTranspose1dConfig, ConvTranspose2dConfig, ConvTranspose3dConfig, ConvTransposeConfig};

use super::forward::{Pass, kernel_and_bias_methods};
use super::options::Settings;
use super::spatial::{check_size, output_shape};
use super::weight::Weight;
use crate::error::Result;
use crate::op::TransposedConvOp;
use crate::posterior::{Family, Posterior};
use crate::trace::Trace;
use burn::module::Module;
use burn::tensor::Tensor;
use elbo_kernels::TransposedGeometry;

/// A transposed convolution with random kernel `[K.., C / G, F]` and bias `[F]`; inputs have `D = rank + 2` axes.
#[derive(Module, Debug)]
pub struct ConvTranspose<const D: usize, Q: Module = Family<D>> {
    /// The kernel.
    pub kernel: Weight<Q, D>,
    /// The bias.
    pub bias: Option<Weight<Family<1>, 1>>,
    #[module(skip)]
    op: TransposedConvOp,
    #[module(skip)]
    settings: Settings,
}

/// A temporal transposed convolution: inputs `[batch, length, channels]`.
pub type ConvTranspose1d<Q = Family<3>> = ConvTranspose<3, Q>;
/// A planar transposed convolution: inputs `[batch, height, width, channels]`.
pub type ConvTranspose2d<Q = Family<4>> = ConvTranspose<4, Q>;
/// A volumetric transposed convolution: inputs `[batch, depth, height, width, channels]`.
pub type ConvTranspose3d<Q = Family<5>> = ConvTranspose<5, Q>;

impl<const D: usize, Q: Posterior<D>> ConvTranspose<D, Q> {
    /// `activation(x ⋆ᵀ W + b)`.
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
    /// [`Error::Input`](crate::Error::Input) for a wrong rank, number of channels, dtype, or a length of 0 under valid
    /// padding; [`Error::TooLarge`](crate::Error::TooLarge) if the output before it is cut is beyond all memory;
    /// [`Error::DuplicateName`](crate::Error::DuplicateName); [`Error::Replay`](crate::Error::Replay).
    pub fn try_forward<const X: usize>(&self, input: Tensor<X>, trace: &mut Trace) -> Result<Tensor<X>> {
        let pass = Pass { settings: &self.settings, kernel: &self.kernel, bias: self.bias.as_ref() };
        output_shape(self.settings.owner(), &self.op.geometry, &input.dims().map(Some))?;
        self.check_size(&input.dims(), trace.samples())?;
        pass.run(&self.op, input, trace)
    }

    /// The shape of an output; unknown lengths stay unknown.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) for a wrong rank or number of channels, or a length of 0 under valid
    /// padding.
    pub fn output_shape(&self, input: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
        output_shape(self.settings.owner(), &self.op.geometry, input)
    }

    /// Checks that the output of a pass with `samples` weight samples, before it is cut, can be had at all.
    fn check_size(&self, shape: &[usize], samples: usize) -> Result<()> {
        let geometry = &self.op.geometry;
        let Ok(lengths) = geometry.output_lengths(geometry.sizes.spatial(shape)) else { return Ok(()) };
        let Ok(extent) = geometry.convolution().extent(&lengths[3 - geometry.sizes.rank..]) else { return Ok(()) };
        let outputs = shape[0].saturating_mul(samples);
        check_size(
            self.settings.owner(),
            "the output with what is cut from it",
            outputs,
            extent.padded(),
            geometry.sizes.filters,
        )
    }

    kernel_and_bias_methods!();

    /// Geometry and settings.
    #[must_use]
    pub fn settings(&self) -> (&TransposedGeometry, &Settings) {
        (&self.op.geometry, &self.settings)
    }
}

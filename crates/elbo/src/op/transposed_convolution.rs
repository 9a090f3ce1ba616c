//! Transposed convolution of rank 1 to 3: `X = rank + 2` axes.

use super::LinearOp;
use burn::tensor::Tensor;
use elbo_kernels::{Epilogue, TransposedGeometry, transposed_convolution};

/// A transposed convolution; output lengths are computed from each input's own lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransposedConvOp {
    /// Sizes, strides, padding, output padding, layout.
    pub geometry: TransposedGeometry,
}

impl<const X: usize> LinearOp<X> for TransposedConvOp {
    fn apply(
        &self,
        input: Tensor<X>,
        kernel: Tensor<2>,
        bias: Tensor<2>,
        shared: bool,
        epilogue: Epilogue,
    ) -> Tensor<X> {
        transposed_convolution(input, kernel, bias, self.geometry, shared, epilogue)
    }

    fn units(&self) -> usize {
        self.geometry.sizes.filters
    }

    fn channel_axis(&self) -> usize {
        self.geometry.sizes.channel_axis()
    }
}

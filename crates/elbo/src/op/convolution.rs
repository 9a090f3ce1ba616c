//! Convolution (cross-correlation) of rank 1 to 3: `X = rank + 2` axes.

use super::LinearOp;
use burn::tensor::Tensor;
use elbo_kernels::{ConvGeometry, Epilogue, convolution};

/// A convolution; paddings are computed from each input's own lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvOp {
    /// Sizes, strides, padding, groups, layout.
    pub geometry: ConvGeometry,
}

impl<const X: usize> LinearOp<X> for ConvOp {
    fn apply(
        &self,
        input: Tensor<X>,
        kernel: Tensor<2>,
        bias: Tensor<2>,
        shared: bool,
        epilogue: Epilogue,
    ) -> Tensor<X> {
        convolution(input, kernel, bias, self.geometry, shared, epilogue)
    }

    fn units(&self) -> usize {
        self.geometry.filters
    }

    fn channel_axis(&self) -> usize {
        self.geometry.channel_axis()
    }
}

//! `x W`, over the last axis of an input of any rank.

use super::LinearOp;
use burn::tensor::Tensor;
use elbo_kernels::{ChannelLayout, Epilogue, dense, reshape};

/// A matrix product over the last axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DenseOp {
    /// Length of the last axis.
    pub inputs: usize,
    /// Length of the output's last axis.
    pub units: usize,
}

impl<const X: usize> LinearOp<X> for DenseOp {
    fn apply(
        &self,
        input: Tensor<X>,
        kernel: Tensor<2>,
        bias: Tensor<2>,
        shared: bool,
        epilogue: Epilogue,
    ) -> Tensor<X> {
        let samples = kernel.dims()[0];
        let mut shape = input.dims();
        let rows = shape[..X - 1].iter().product::<usize>();
        if shared {
            shape[0] *= samples;
        }
        shape[X - 1] = self.units;
        let rows = reshape(input, [rows, self.inputs]);
        reshape(dense(rows, kernel, bias, shared, epilogue), shape)
    }

    fn units(&self) -> usize {
        self.units
    }

    fn channel_axis(&self) -> usize {
        X - 1
    }

    /// Every position is a row.
    fn layout(&self, shape: [usize; X]) -> ChannelLayout {
        let rows = shape[..X - 1].iter().product();
        ChannelLayout { rows, before: 1, channels: shape[X - 1], after: 1 }
    }
}

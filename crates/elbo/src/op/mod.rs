//! The deterministic part of a layer: an operation that is linear in its kernel. Estimators are written once against
//! this trait.

mod convolution;
mod dense;
mod transposed_convolution;

pub use convolution::ConvOp;
pub use dense::DenseOp;
pub use transposed_convolution::TransposedConvOp;

use burn::tensor::Tensor;
use elbo_kernels::{ChannelLayout, Epilogue};

/// `epilogue(op(x, W) + b)` for S kernels at once.
pub trait LinearOp<const X: usize> {
    /// Applies kernels `[S, weights]` and biases `[S, units]`. An input that is `shared` is read by every sample, else
    /// its batch is split among them, sample-major; the output's batch always has all samples.
    fn apply(
        &self,
        input: Tensor<X>,
        kernel: Tensor<2>,
        bias: Tensor<2>,
        shared: bool,
        epilogue: Epilogue,
    ) -> Tensor<X>;

    /// Number of output channels: the bias's length.
    fn units(&self) -> usize;

    /// The axis of the output that the bias belongs to.
    fn channel_axis(&self) -> usize;

    /// How flipout sees a tensor of this shape, input or output: what has signs of its own, and where its channels are.
    fn layout(&self, shape: [usize; X]) -> ChannelLayout {
        let axis = self.channel_axis();
        ChannelLayout {
            rows: shape[0],
            before: shape[1..axis].iter().product(),
            channels: shape[axis],
            after: shape[axis + 1..].iter().product(),
        }
    }
}

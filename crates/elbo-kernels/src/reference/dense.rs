//! Dense products: `x W + b`.

use super::product;
use crate::geometry::Epilogue;
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

/// See [`VariationalOps::dense`](crate::VariationalOps::dense).
pub fn dense<B: Backend>(
    input: FloatTensor<B>,
    kernel: FloatTensor<B>,
    bias: FloatTensor<B>,
    shared: bool,
    epilogue: Epilogue,
) -> FloatTensor<B> {
    let [inputs, units] = [input.shape()[1], bias.shape()[1]];
    let kernel = matrices::<B>(kernel, inputs, units);
    product::finish::<B>(product::forward::<B>(input, kernel, shared), bias, epilogue)
}

/// See [`VariationalOps::dense_backward_input`](crate::VariationalOps::dense_backward_input).
pub fn dense_backward_input<B: Backend>(kernel: FloatTensor<B>, grad: FloatTensor<B>, shared: bool) -> FloatTensor<B> {
    let units = grad.shape()[1];
    let inputs = kernel.shape()[1] / units;
    product::backward_rows::<B>(matrices::<B>(kernel, inputs, units), grad, shared)
}

/// See [`VariationalOps::dense_backward_kernel`](crate::VariationalOps::dense_backward_kernel).
pub fn dense_backward_kernel<B: Backend>(
    input: FloatTensor<B>,
    grad: FloatTensor<B>,
    samples: usize,
    shared: bool,
) -> FloatTensor<B> {
    product::backward_kernel::<B>(input, grad, samples, shared)
}

/// Flat kernels as matrices `[S, in, units]`.
fn matrices<B: Backend>(kernel: FloatTensor<B>, inputs: usize, units: usize) -> FloatTensor<B> {
    let samples = kernel.shape()[0];
    B::float_reshape(kernel, Shape::from([samples, inputs, units]))
}

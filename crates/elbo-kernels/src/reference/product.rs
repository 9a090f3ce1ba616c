//! The matrix products behind dense layers and unfolded convolutions, for S kernels at once.
//!
//! Rows are `[rows, depth]` when shared by all samples, else `[S rows, depth]`, sample-major; kernels `[S, depth, F]`.

use crate::geometry::Epilogue;
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

/// `[.. , depth] x [S, depth, F] -> [S rows, F]`.
pub fn forward<B: Backend>(rows: FloatTensor<B>, kernel: FloatTensor<B>, shared: bool) -> FloatTensor<B> {
    let [samples, depth, filters] = dims3(&kernel.shape());
    let rows = split::<B>(rows, if shared { 1 } else { samples }, depth);
    let count = rows.shape()[1];
    B::float_reshape(B::float_matmul(rows, kernel), Shape::from([samples * count, filters]))
}

/// Gradient in the rows: `g Wᵀ`, summed over samples if the rows were shared.
pub fn backward_rows<B: Backend>(kernel: FloatTensor<B>, grad: FloatTensor<B>, shared: bool) -> FloatTensor<B> {
    let [samples, depth, filters] = dims3(&kernel.shape());
    let grad = split::<B>(grad, samples, filters);
    let count = grad.shape()[1];
    let rows = B::float_matmul(grad, B::float_swap_dims(kernel, 1, 2));
    if shared && samples > 1 {
        return B::float_reshape(B::float_sum_dim(rows, 0), Shape::from([count, depth]));
    }
    B::float_reshape(rows, Shape::from([samples * count, depth]))
}

/// Gradient in the kernels: `xᵀ g` per sample, flat `[S, depth F]`.
pub fn backward_kernel<B: Backend>(
    rows: FloatTensor<B>,
    grad: FloatTensor<B>,
    samples: usize,
    shared: bool,
) -> FloatTensor<B> {
    let (depth, filters) = (rows.shape()[1], grad.shape()[1]);
    let rows = split::<B>(rows, if shared { 1 } else { samples }, depth);
    let grad = split::<B>(grad, samples, filters);
    let kernel = B::float_matmul(B::float_swap_dims(rows, 1, 2), grad);
    B::float_reshape(kernel, Shape::from([samples, depth * filters]))
}

/// Adds the bias `[S, F]` to `[S rows, F]` and applies the activation.
pub fn finish<B: Backend>(output: FloatTensor<B>, bias: FloatTensor<B>, epilogue: Epilogue) -> FloatTensor<B> {
    let shape = output.shape();
    let [samples, filters] = [bias.shape()[0], bias.shape()[1]];
    let bias = B::float_reshape(bias, Shape::from([samples, 1, filters]));
    let sum = B::float_add(split::<B>(output, samples, filters), bias);
    let sum = B::float_reshape(sum, shape);
    match epilogue {
        Epilogue::Linear => sum,
        Epilogue::Relu => B::relu(sum),
    }
}

/// See [`VariationalOps::bias_backward`](crate::VariationalOps::bias_backward).
pub fn bias_backward<B: Backend>(grad: FloatTensor<B>, samples: usize, channel_axis: usize) -> FloatTensor<B> {
    let shape = grad.shape();
    let filters = shape[channel_axis];
    let before: usize = shape[1..channel_axis].iter().product();
    let after: usize = shape[channel_axis + 1..].iter().product();
    let rows = shape[0] / samples;
    let grad = B::float_reshape(grad, Shape::from([samples, rows * before, filters, after]));
    let grad = B::float_sum_dim(B::float_sum_dim(grad, 3), 1);
    B::float_reshape(grad, Shape::from([samples, filters]))
}

/// `[groups rows, width] -> [groups, rows, width]`.
fn split<B: Backend>(rows: FloatTensor<B>, groups: usize, width: usize) -> FloatTensor<B> {
    let count = rows.shape()[0] / groups;
    B::float_reshape(rows, Shape::from([groups, count, width]))
}

fn dims3(shape: &Shape) -> [usize; 3] {
    [shape[0], shape[1], shape[2]]
}

//! Squares and their sums.

use super::kl::sum;
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

/// See [`VariationalOps::square`](crate::VariationalOps::square).
pub fn square<B: Backend>(values: FloatTensor<B>) -> FloatTensor<B> {
    B::float_mul(values.clone(), values)
}

/// See [`VariationalOps::square_backward`](crate::VariationalOps::square_backward).
pub fn square_backward<B: Backend>(values: FloatTensor<B>, grad: FloatTensor<B>) -> FloatTensor<B> {
    // Last, so that large numbers do not overflow on the way.
    B::float_mul_scalar(B::float_mul(values, grad), 2.0.into())
}

/// See [`VariationalOps::sum_squares`](crate::VariationalOps::sum_squares).
pub fn sum_squares<B: Backend>(values: FloatTensor<B>) -> FloatTensor<B> {
    let n = values.shape().num_elements();
    let values = B::float_reshape(values, Shape::from([n]));
    sum::<B>(B::float_mul(values.clone(), values))
}

/// See [`VariationalOps::sum_squares_backward`](crate::VariationalOps::sum_squares_backward).
pub fn sum_squares_backward<B: Backend>(values: FloatTensor<B>, grad: FloatTensor<B>) -> FloatTensor<B> {
    let ones = Shape::from(vec![1; values.shape().num_dims()]);
    let grad = B::float_mul_scalar(B::float_reshape(grad, ones), 2.0.into());
    B::float_mul(values, grad)
}

//! What estimators make of independent normals besides draws, and all gradients of a pass together.

use super::kl::kl_normal_backward_posterior;
use super::sample::sample_normal_backward;
use super::scale::{scale, scale_slope};
use crate::weight_use::WeightUse;
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

/// All elements in one axis.
pub(crate) fn flat<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let n = x.shape().num_elements();
    B::float_reshape(x, Shape::from([n]))
}

/// All elements in one row, `[1, n]`.
pub(crate) fn row<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let n = x.shape().num_elements();
    B::float_reshape(x, Shape::from([1, n]))
}

/// See [`VariationalOps::normal_variance`](crate::VariationalOps::normal_variance).
pub fn normal_variance<B: Backend>(u: FloatTensor<B>) -> FloatTensor<B> {
    let scale = row::<B>(scale::<B>(u));
    B::float_mul(scale.clone(), scale)
}

/// See [`VariationalOps::normal_variance_backward`](crate::VariationalOps::normal_variance_backward).
pub fn normal_variance_backward<B: Backend>(u: FloatTensor<B>, grad: FloatTensor<B>) -> FloatTensor<B> {
    let grad = B::float_reshape(grad, u.shape());
    let slope = B::float_mul(scale::<B>(u.clone()), scale_slope::<B>(u));
    // Last, so that a large gradient does not overflow on the way.
    B::float_mul_scalar(B::float_mul(slope, grad), 2.0.into())
}

/// See [`VariationalOps::normal_backward`](crate::VariationalOps::normal_backward).
#[allow(clippy::too_many_arguments)]
pub fn normal_backward<B: Backend>(
    loc: FloatTensor<B>,
    u: FloatTensor<B>,
    prior_loc: FloatTensor<B>,
    prior_scale: FloatTensor<B>,
    grad: FloatTensor<B>,
    of_loc: FloatTensor<B>,
    of_use: FloatTensor<B>,
    weight_use: WeightUse,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let (mut sum_loc, mut sum_u) = kl_normal_backward_posterior::<B>(loc, u.clone(), prior_loc, prior_scale, grad);
    match weight_use {
        WeightUse::Nothing => {}
        WeightUse::Draws { draws, shifted } => {
            let (of_loc, of_u) = sample_normal_backward::<B>(u, of_use, draws);
            sum_u = B::float_add(sum_u, of_u);
            if shifted {
                sum_loc = B::float_add(sum_loc, of_loc);
            }
        }
        WeightUse::Variance => sum_u = B::float_add(sum_u, normal_variance_backward::<B>(u, of_use)),
    }
    if of_loc.shape().num_elements() > 0 {
        let shape = sum_loc.shape();
        sum_loc = B::float_add(sum_loc, B::float_reshape(of_loc, shape));
    }
    (sum_loc, sum_u)
}

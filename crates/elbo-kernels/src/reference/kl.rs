//! Divergence of independent normals, in closed form:
//! `KL = ½ (((μ_q - μ_p) / σ_p)² + r² - 1) - ln r`, `r = σ_q / σ_p`, summed, in nats.

use super::scale::{scale, scale_slope};
use super::weights::flat;
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{Shape, Slice};

/// Terms of one partial sum; partial sums are then added, which keeps `f32` accurate for long tensors.
const CHUNK: usize = 4096;

/// See [`VariationalOps::kl_normal`](crate::VariationalOps::kl_normal).
pub fn kl_normal<B: Backend>(
    loc: FloatTensor<B>,
    u: FloatTensor<B>,
    prior_loc: FloatTensor<B>,
    prior_scale: FloatTensor<B>,
) -> FloatTensor<B> {
    let (loc, u) = (flat::<B>(loc), flat::<B>(u));
    let (distance, ratio) = standardised::<B>(loc, u, prior_loc, prior_scale);
    let squares = B::float_add(square::<B>(distance), square::<B>(ratio.clone()));
    let half = B::float_mul_scalar(B::float_add_scalar(squares, (-1.0).into()), 0.5.into());
    sum::<B>(B::float_sub(half, B::float_log(ratio)))
}

/// See [`VariationalOps::kl_normal_backward`](crate::VariationalOps::kl_normal_backward).
///
/// With `d = (μ_q - μ_p) / σ_p` and `r = σ_q / σ_p`: `∂μ_q = d / σ_p`, `∂σ_q = (r - 1/r) / σ_p`, `∂μ_p = -d / σ_p`,
/// `∂σ_p = (1 - d² - r²) / σ_p`.
pub fn kl_normal_backward<B: Backend>(
    loc: FloatTensor<B>,
    u: FloatTensor<B>,
    prior_loc: FloatTensor<B>,
    prior_scale: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let (prior_shape, shape) = ((prior_loc.shape(), prior_scale.shape()), loc.shape());
    let (loc, u) = (flat::<B>(loc), flat::<B>(u));
    let (distance, ratio) = standardised::<B>(loc, u.clone(), prior_loc, prior_scale.clone());
    let per_scale = B::float_mul(grad, B::float_recip(prior_scale));

    let grad_loc = B::float_mul(distance.clone(), per_scale.clone());
    let grad_u = scale_gradient::<B>(u, ratio.clone(), per_scale.clone());

    let squares = B::float_add(square::<B>(distance), square::<B>(ratio));
    let shrink = B::float_add_scalar(B::float_neg(squares), 1.0.into());
    let grad_prior_loc = reduce_to::<B>(B::float_neg(grad_loc.clone()), &prior_shape.0);
    let grad_prior_scale = reduce_to::<B>(B::float_mul(shrink, per_scale), &prior_shape.1);
    let back = |grad| B::float_reshape(grad, shape.clone());
    (back(grad_loc), back(grad_u), grad_prior_loc, grad_prior_scale)
}

/// See [`VariationalOps::kl_normal_backward_posterior`](crate::VariationalOps::kl_normal_backward_posterior).
pub fn kl_normal_backward_posterior<B: Backend>(
    loc: FloatTensor<B>,
    u: FloatTensor<B>,
    prior_loc: FloatTensor<B>,
    prior_scale: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let shape = loc.shape();
    let (loc, u) = (flat::<B>(loc), flat::<B>(u));
    let (distance, ratio) = standardised::<B>(loc, u.clone(), prior_loc, prior_scale.clone());
    let per_scale = B::float_mul(grad, B::float_recip(prior_scale));
    let of_loc = B::float_mul(distance, per_scale.clone());
    let of_u = scale_gradient::<B>(u, ratio, per_scale);
    (B::float_reshape(of_loc, shape.clone()), B::float_reshape(of_u, shape))
}

/// `(r - 1/r) / σ_p · d σ_q / d u`, times the gradient.
fn scale_gradient<B: Backend>(u: FloatTensor<B>, ratio: FloatTensor<B>, per_scale: FloatTensor<B>) -> FloatTensor<B> {
    let spread = B::float_sub(ratio.clone(), B::float_recip(ratio));
    B::float_mul(B::float_mul(spread, per_scale), scale_slope::<B>(u))
}

/// `((μ_q - μ_p) / σ_p, σ_q / σ_p)`, element-wise.
fn standardised<B: Backend>(
    loc: FloatTensor<B>,
    u: FloatTensor<B>,
    prior_loc: FloatTensor<B>,
    prior_scale: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let distance = B::float_div(B::float_sub(loc, prior_loc), prior_scale.clone());
    (distance, B::float_div(scale::<B>(u), prior_scale))
}

fn square<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_mul(x.clone(), x)
}

/// The gradient of a broadcast argument: summed if it had one element.
fn reduce_to<B: Backend>(grad: FloatTensor<B>, shape: &Shape) -> FloatTensor<B> {
    if grad.shape() == *shape { grad } else { sum::<B>(grad) }
}

/// Sum of a vector in two stages.
pub(crate) fn sum<B: Backend>(values: FloatTensor<B>) -> FloatTensor<B> {
    let n = values.shape()[0];
    let whole = n / CHUNK * CHUNK;
    if whole == 0 || whole == CHUNK {
        return B::float_sum(values);
    }
    let head = B::float_slice(values.clone(), &[Slice::from(0..whole)]);
    let partial = B::float_sum_dim(B::float_reshape(head, Shape::from([whole / CHUNK, CHUNK])), 1);
    let head = B::float_sum(partial);
    if whole == n {
        return head;
    }
    let tail = B::float_slice(values, &[Slice::from(whole..n)]);
    B::float_add(head, B::float_sum(tail))
}

//! Reparameterised draws from independent normals.

use super::scale::{scale, scale_slope};
use super::weights::row;
use crate::noise::Draws;
use crate::noise::normal::{normals_f32, normals_f64};
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{DType, Shape, TensorData};

/// Host noise, uploaded. Half precision gets the rounded `f32` values.
pub fn normal_noise<B: Backend>(like: &FloatTensor<B>, draws: Draws, n: usize) -> FloatTensor<B> {
    let shape = Shape::from([draws.samples, n]);
    let dtype = like.dtype();
    if dtype == DType::F64 {
        return B::float_from_data(TensorData::new(normals_f64(draws, n), shape), &like.device());
    }
    let noise = B::float_from_data(TensorData::new(normals_f32(draws, n), shape), &like.device());
    if dtype == DType::F32 { noise } else { B::float_cast(noise, dtype.into()) }
}

/// `[..], [..] -> [samples, n]`.
pub fn sample_normal<B: Backend>(loc: FloatTensor<B>, u: FloatTensor<B>, draws: Draws) -> FloatTensor<B> {
    let noise = normal_noise::<B>(&u, draws, u.shape().num_elements());
    let scale = row::<B>(scale::<B>(u));
    B::float_add(row::<B>(loc), B::float_mul(noise, scale))
}

/// `dloc = Σ_s g_s`, `du = sigmoid(u) Σ_s g_s noise_s`.
pub fn sample_normal_backward<B: Backend>(
    u: FloatTensor<B>,
    grad: FloatTensor<B>,
    draws: Draws,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let shape = u.shape();
    let noise = normal_noise::<B>(&u, draws, shape.num_elements());
    let grad_scale = sum_samples::<B>(B::float_mul(grad.clone(), noise), &shape);
    let grad_loc = sum_samples::<B>(grad, &shape);
    (grad_loc, B::float_mul(grad_scale, scale_slope::<B>(u)))
}

/// `[samples, n] -> [..]`.
fn sum_samples<B: Backend>(values: FloatTensor<B>, shape: &Shape) -> FloatTensor<B> {
    let summed = if values.shape()[0] == 1 { values } else { B::float_sum_dim(values, 0) };
    B::float_reshape(summed, shape.clone())
}

//! The scale's transform: `scale = eps + softplus(u)`, `softplus(u) = max(u, 0) + ln(1 + e^-|u|)`, which neither
//! overflows for large `u` nor vanishes for small ones.

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::DType;

/// The machine epsilon of a floating-point type: the smallest scale a posterior can have.
///
/// # Panics
/// If `dtype` is not a floating-point type.
#[must_use]
pub fn machine_epsilon(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => f64::EPSILON,
        DType::F32 | DType::Flex32 => f64::from(f32::EPSILON),
        DType::F16 => 9.765_625e-4,
        DType::BF16 => 7.812_5e-3,
        other => panic!("a scale needs a floating-point type, found {other:?}"),
    }
}

/// `ln(1 + e^u)`.
pub fn softplus<B: Backend>(u: FloatTensor<B>) -> FloatTensor<B> {
    let tail = B::float_log1p(B::float_exp(B::float_neg(B::float_abs(u.clone()))));
    B::float_add(B::float_clamp_min(u, 0.0.into()), tail)
}

/// `eps + softplus(u)`.
pub fn scale<B: Backend>(u: FloatTensor<B>) -> FloatTensor<B> {
    let epsilon = machine_epsilon(u.dtype());
    B::float_add_scalar(softplus::<B>(u), epsilon.into())
}

/// `d scale / d u = 1 / (1 + e^-u) = exp(-softplus(-u))`.
pub fn scale_slope<B: Backend>(u: FloatTensor<B>) -> FloatTensor<B> {
    B::float_exp(B::float_neg(softplus::<B>(B::float_neg(u))))
}

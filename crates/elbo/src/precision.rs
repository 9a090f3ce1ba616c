//! Half precision where it does not suffice: squares overflow beyond 256, sums of more than some ten thousand terms
//! overflow or stand still, and uniform numbers round to 0 and 1.

use burn::tensor::{DType, Tensor};

/// In `f64` where that is the type, else in `f32`.
pub(crate) fn wide<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    match values.dtype() {
        DType::F64 | DType::F32 => values,
        _ => values.cast(DType::F32),
    }
}

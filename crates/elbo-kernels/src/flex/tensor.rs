//! Between tensors and slices.

use crate::switch::{Kernels, kernels};
use burn::backend::{TensorMetadata, flex::FlexTensor};
use burn::tensor::{Shape, TensorData};

/// The tensor with its elements in order, without gaps.
pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The `f32` values of dense tensors; `None` if one has another type, or [the default bodies](crate::switch) are wanted.
pub(super) fn floats<const N: usize>(tensors: [&FlexTensor; N]) -> Option<[&[f32]; N]> {
    if !fused() {
        return None;
    }
    let mut out = [&[][..]; N];
    for (out, tensor) in out.iter_mut().zip(tensors) {
        *out = tensor.as_slice()?;
    }
    Some(out)
}

/// Whether the operations of this backend have bodies of their own.
pub(super) fn fused() -> bool {
    kernels() == Kernels::Fused
}

/// A tensor of these values.
pub(super) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The tensor, alone in its memory.
pub(super) fn own(x: FlexTensor) -> FlexTensor {
    let x = contiguous(x);
    let whole = x.bytes().len() == x.shape().num_elements() * size_of::<f32>();
    if whole && x.is_unique() {
        return x;
    }
    let values = x.as_slice::<f32>().expect("a dense tensor of this type").to_vec();
    tensor(values, x.shape())
}

/// In the precision of fused operations.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // the tensors' precision
pub(super) fn single(x: f64) -> f32 {
    x as f32
}

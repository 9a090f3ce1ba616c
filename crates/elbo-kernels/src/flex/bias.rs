//! Gradient of the biases: sums over all axes but samples and channels, in one pass.

use super::tensor::{contiguous, floats, tensor};
use crate::buffer::ALONE;
use crate::reference;
use crate::simd::vectorised;
use burn::backend::{Flex, TensorMetadata, flex::FlexTensor};
use rayon::prelude::*;

/// Elements of a partial sum, which is single precision; partial sums are added in double precision and in order.
const PART: usize = 1 << 14;

/// See [`VariationalOps::bias_backward`](crate::VariationalOps::bias_backward).
pub(super) fn bias_backward(grad: FlexTensor, samples: usize, channel_axis: usize) -> FlexTensor {
    let grad = contiguous(grad);
    let (shape, Some([g])) = (grad.shape(), floats([&grad])) else {
        return reference::product::bias_backward::<Flex>(grad, samples, channel_axis);
    };
    let (channels, after) = (shape[channel_axis], shape[channel_axis + 1..].iter().product());
    let sums = match g.len() {
        0 => vec![0.0; samples * channels],
        n => g.chunks(n / samples).flat_map(|sample| of_sample(sample, channels, after)).collect(),
    };
    tensor(sums, [samples, channels])
}

/// The sums of one sample's gradient `[.., channels, after]`.
fn of_sample(grad: &[f32], channels: usize, after: usize) -> Vec<f32> {
    let row = channels * after;
    let part = |part: &[f32]| if after == 1 { columns(part, channels) } else { rows(part, channels, after) };
    let size = PART.div_ceil(row) * row;
    let parts: Vec<Vec<f32>> = match grad.len() > ALONE {
        true => grad.par_chunks(size).map(part).collect(),
        false => grad.chunks(size).map(part).collect(),
    };
    let total = |channel| parts.iter().map(|sums| f64::from(sums[channel])).sum::<f64>();
    #[allow(clippy::cast_possible_truncation)] // the sum's own precision is no longer needed
    (0..channels).map(|channel| total(channel) as f32).collect()
}

/// `[.., channels]`: a few short rows are summed as one long row first.
fn columns(grad: &[f32], channels: usize) -> Vec<f32> {
    let copies = 64_usize.div_ceil(channels);
    let mut wide = vec![0.0; copies * channels];
    add_rows(grad, &mut wide);
    let mut sums = vec![0.0; channels];
    add_rows(&wide, &mut sums);
    sums
}

/// `[.., channels, after]`
fn rows(grad: &[f32], channels: usize, after: usize) -> Vec<f32> {
    let mut sums = vec![0.0; channels];
    add_runs(grad, after, &mut sums);
    sums
}

vectorised! {
    fn add_rows(grad: &[f32], sums: &mut [f32]) {
        for row in grad.chunks(sums.len()) {
            for (sum, g) in sums.iter_mut().zip(row) {
                *sum += g;
            }
        }
    }

    fn add_runs(grad: &[f32], after: usize, sums: &mut [f32]) {
        for row in grad.chunks_exact(after * sums.len()) {
            for (sum, run) in sums.iter_mut().zip(row.chunks_exact(after)) {
                *sum += lanes(run);
            }
        }
    }
}

/// Sum in 16 lanes.
#[inline(always)]
fn lanes(values: &[f32]) -> f32 {
    let mut lanes = [0.0; 16];
    let (whole, rest) = values.as_chunks::<16>();
    for chunk in whole {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane += value;
    }
    lanes.iter().sum()
}

//! Depthwise convolutions: each filter sees one channel, and a matrix product of that depth would only copy. For each
//! kernel position, one product element by element.
//!
//! With `F = C m` filters and n places of a sample: windows at one kernel position are `[T, n, C, 1]`, T being 1 where
//! samples share the input and S where not, kernels there `[S, 1, C, m]`, outputs `[S, n, C, m]`.

use super::windows::{crop, pad, taps, with_whole_ends};
use crate::geometry::{ConvGeometry, Extent};
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{Shape, Slice};

/// Volume `[T N, d, h, w, C]` and kernel `[S, K F]` to `[S n, F]`.
pub fn forward<B: Backend>(
    volume: FloatTensor<B>,
    kernel: &FloatTensor<B>,
    geometry: &ConvGeometry,
    extent: &Extent,
    shared: bool,
) -> FloatTensor<B> {
    let samples = kernel.shape()[0];
    let products = windows::<B>(volume, geometry, extent, if shared { 1 } else { samples })
        .zip(kernels::<B>(kernel, geometry))
        .map(|(windows, kernel)| B::float_mul(windows, kernel));
    let sum = products.reduce(B::float_add).expect("a kernel has at least one position");
    let rows = sum.shape()[0] * sum.shape()[1];
    B::float_reshape(sum, Shape::from([rows, geometry.filters]))
}

/// Gradient in the volume, from that in the outputs, `[S n, F]`.
pub fn backward_volume<B: Backend>(
    kernel: &FloatTensor<B>,
    grad: FloatTensor<B>,
    geometry: &ConvGeometry,
    extent: &Extent,
    shared: bool,
) -> FloatTensor<B> {
    let samples = kernel.shape()[0];
    let grad = outputs::<B>(grad, geometry, samples);
    let batch = grad.shape()[1] / extent.positions() * if shared { 1 } else { samples };
    let ([d, h, w], [pd, ph, pw]) = (extent.output, extent.padded());
    let zeros = Shape::from([batch, pd, ph, pw, geometry.channels]);
    let mut volume = B::float_zeros(zeros, &grad.device(), grad.dtype().into());
    for (slices, kernel) in taps(geometry, extent).zip(kernels::<B>(kernel, geometry)) {
        let part = sum_axis::<B>(B::float_mul(grad.clone(), kernel), 3);
        let part = if shared { sum_axis::<B>(part, 0) } else { part };
        let part = B::float_reshape(part, Shape::from([batch, d, h, w, geometry.channels]));
        let target = with_whole_ends(slices, batch, geometry.channels);
        let sum = B::float_add(B::float_slice(volume.clone(), &target), part);
        volume = B::float_slice_assign(volume, &target, sum);
    }
    crop::<B>(volume, extent)
}

/// Gradient in the kernels, flat `[S, K F]`.
pub fn backward_kernel<B: Backend>(
    volume: FloatTensor<B>,
    grad: FloatTensor<B>,
    geometry: &ConvGeometry,
    extent: &Extent,
    samples: usize,
    shared: bool,
) -> FloatTensor<B> {
    let grad = outputs::<B>(grad, geometry, samples);
    let parts = windows::<B>(volume, geometry, extent, if shared { 1 } else { samples })
        .map(|windows| sum_axis::<B>(B::float_mul(windows, grad.clone()), 1))
        .map(|part| B::float_reshape(part, Shape::from([samples, geometry.filters])));
    B::float_cat(parts.collect(), 1)
}

/// What the kernel meets at each of its positions: `[T, n, C, 1]`.
fn windows<B: Backend>(
    volume: FloatTensor<B>,
    geometry: &ConvGeometry,
    extent: &Extent,
    separate: usize,
) -> impl Iterator<Item = FloatTensor<B>> {
    let (batch, channels) = (volume.shape()[0], geometry.channels);
    let shape = Shape::from([separate, batch / separate * extent.positions(), channels, 1]);
    let padded = pad::<B>(volume, extent);
    taps(geometry, extent).map(move |slices| {
        let windows = B::float_slice(padded.clone(), &with_whole_ends(slices, batch, channels));
        B::float_reshape(windows, shape.clone())
    })
}

/// The kernels at each position: `[S, 1, C, m]`.
fn kernels<B: Backend>(kernel: &FloatTensor<B>, geometry: &ConvGeometry) -> impl Iterator<Item = FloatTensor<B>> {
    let (samples, filters, channels) = (kernel.shape()[0], geometry.filters, geometry.channels);
    let positions = geometry.kernel.iter().product();
    (0..positions).map(move |tap| {
        let places = [Slice::from(0..samples), Slice::from(tap * filters..(tap + 1) * filters)];
        let part = B::float_slice(kernel.clone(), &places);
        B::float_reshape(part, Shape::from([samples, 1, channels, filters / channels]))
    })
}

/// `[S n, F] -> [S, n, C, m]`.
fn outputs<B: Backend>(rows: FloatTensor<B>, geometry: &ConvGeometry, samples: usize) -> FloatTensor<B> {
    let (count, channels) = (rows.shape()[0] / samples, geometry.channels);
    B::float_reshape(rows, Shape::from([samples, count, channels, geometry.filters / channels]))
}

/// The sum along an axis, which is kept; nothing to do for one entry.
fn sum_axis<B: Backend>(x: FloatTensor<B>, axis: usize) -> FloatTensor<B> {
    if x.shape()[axis] == 1 { x } else { B::float_sum_dim(x, axis) }
}

//! Windows of volumes `[batch, d, h, w, channels]`: cutting them out, and adding them up where they came from.

use crate::geometry::{ConvGeometry, Extent};
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::{Shape, Slice};

/// All windows of a volume: `[batch, d, h, w, C / G] -> [batch positions, K1 K2 K3 (C / G)]`.
pub fn unfold<B: Backend>(x: FloatTensor<B>, geometry: &ConvGeometry, extent: &Extent) -> FloatTensor<B> {
    let batch = x.shape()[0];
    let padded = pad::<B>(x, extent);
    let taps = taps(geometry, extent)
        .map(|slices| B::float_slice(padded.clone(), &with_whole_ends(slices, batch, geometry.group_channels())))
        .collect::<Vec<_>>();
    let windows = if taps.len() == 1 { taps.into_iter().next().expect("one tap") } else { B::float_cat(taps, 4) };
    B::float_reshape(windows, Shape::from([batch * extent.positions(), geometry.window()]))
}

/// The adjoint of [`unfold`]: every window's values are added where they came from.
pub fn fold<B: Backend>(rows: FloatTensor<B>, geometry: &ConvGeometry, extent: &Extent) -> FloatTensor<B> {
    let channels = geometry.group_channels();
    let batch = rows.shape()[0] / extent.positions();
    let [d, h, w] = extent.output;
    let windows = B::float_reshape(rows, Shape::from([batch, d, h, w, geometry.window()]));
    let [pd, ph, pw] = extent.padded();
    let mut volume =
        B::float_zeros(Shape::from([batch, pd, ph, pw, channels]), &windows.device(), windows.dtype().into());
    for (tap, slices) in taps(geometry, extent).enumerate() {
        let mut part = [d, h, w].map(|length| Slice::from(0..length)).to_vec();
        part.insert(0, Slice::from(0..batch));
        part.push(Slice::from(tap * channels..(tap + 1) * channels));
        let values = B::float_slice(windows.clone(), &part);
        let target = with_whole_ends(slices, batch, channels);
        let sum = B::float_add(B::float_slice(volume.clone(), &target), values);
        volume = B::float_slice_assign(volume, &target, sum);
    }
    crop::<B>(volume, extent)
}

/// For each kernel position, the slices of the padded volume that it meets.
pub fn taps(geometry: &ConvGeometry, extent: &Extent) -> impl Iterator<Item = [Slice; 3]> {
    let (kernel, strides, dilation, output) = (geometry.kernel, geometry.strides, geometry.dilation, extent.output);
    let positions =
        (0..kernel[0]).flat_map(move |i| (0..kernel[1]).flat_map(move |j| (0..kernel[2]).map(move |k| [i, j, k])));
    positions.map(move |tap| {
        core::array::from_fn(|axis| {
            let start = tap[axis] * dilation[axis];
            let end = start + (output[axis].max(1) - 1) * strides[axis] + usize::from(output[axis] > 0);
            Slice::new(signed(start), Some(signed(end)), signed(strides[axis]))
        })
    })
}

/// `[batch, .., channels]` around three spatial slices.
pub fn with_whole_ends([d, h, w]: [Slice; 3], batch: usize, channels: usize) -> [Slice; 5] {
    [Slice::from(0..batch), d, h, w, Slice::from(0..channels)]
}

/// Zeros around a volume.
pub fn pad<B: Backend>(x: FloatTensor<B>, extent: &Extent) -> FloatTensor<B> {
    if extent.padded() == extent.input {
        return x;
    }
    let shape = x.shape();
    let [d, h, w] = extent.padded();
    let zeros = B::float_zeros(Shape::from([shape[0], d, h, w, shape[4]]), &x.device(), x.dtype().into());
    B::float_slice_assign(zeros, &interior(extent, shape[0], shape[4]), x)
}

/// The volume without its padding.
pub fn crop<B: Backend>(x: FloatTensor<B>, extent: &Extent) -> FloatTensor<B> {
    if extent.padded() == extent.input {
        return x;
    }
    let shape = x.shape();
    B::float_slice(x, &interior(extent, shape[0], shape[4]))
}

/// The slices of a padded volume that hold the input.
fn interior(extent: &Extent, batch: usize, channels: usize) -> [Slice; 5] {
    let spatial =
        core::array::from_fn(|axis| Slice::from(extent.before[axis]..extent.before[axis] + extent.input[axis]));
    with_whole_ends(spatial, batch, channels)
}

fn signed(value: usize) -> isize {
    isize::try_from(value).expect("tensor sizes fit into isize")
}

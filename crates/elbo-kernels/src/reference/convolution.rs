//! Convolutions of rank 1 to 3 as one matrix product over unfolded windows.
//!
//! Every rank and layout becomes `[batch, d, h, w, channels]`; a window of `K1 K2 K3 C` values is one row, in the
//! order of the kernel `[K1, K2, K3, C, F]`. With groups, each has rows and kernels of its own; a depthwise
//! convolution is no matrix product but one product per kernel position, element by element.

use super::groups::Groups;
use super::windows::{fold, unfold};
use super::{depthwise, product};
use crate::geometry::{ConvGeometry, DataFormat, Epilogue, Extent};
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

/// See [`VariationalOps::convolution`](crate::VariationalOps::convolution).
pub fn convolution<B: Backend>(
    input: FloatTensor<B>,
    kernel: FloatTensor<B>,
    bias: FloatTensor<B>,
    geometry: &ConvGeometry,
    shared: bool,
    epilogue: Epilogue,
) -> FloatTensor<B> {
    let extent = extent_of(geometry, &input.shape());
    let groups = Groups::new(geometry.groups, kernel.shape()[0], shared);
    if is_empty::<B>(&input) {
        let batch = input.shape()[0] * if shared { kernel.shape()[0] } else { 1 };
        return zeros::<B>(&input, geometry.output_shape(batch, &extent));
    }
    let volume = to_volume::<B>(input, geometry);
    let output = if geometry.is_depthwise() {
        depthwise::forward::<B>(volume, &kernel, geometry, &extent, shared)
    } else {
        let rows = unfold::<B>(groups.split_channels::<B>(volume), geometry, &extent);
        groups.forward::<B>(rows, matrices::<B>(kernel, geometry))
    };
    from_rows::<B>(product::finish::<B>(output, bias, epilogue), geometry, &extent)
}

/// See [`VariationalOps::convolution_backward_input`](crate::VariationalOps::convolution_backward_input).
///
/// # Panics
/// If a window does not fit into `spatial` under valid padding; the forward pass has checked that.
pub fn convolution_backward_input<B: Backend>(
    kernel: FloatTensor<B>,
    grad: FloatTensor<B>,
    geometry: &ConvGeometry,
    spatial: [usize; 3],
    shared: bool,
) -> FloatTensor<B> {
    let extent = geometry.extent(&spatial[3 - geometry.rank..]).expect("the forward pass had this extent");
    let groups = Groups::new(geometry.groups, kernel.shape()[0], shared);
    if is_empty::<B>(&grad) {
        let batch = grad.shape()[0] / if shared { kernel.shape()[0] } else { 1 };
        return zeros::<B>(&grad, geometry.shape(batch, &spatial, geometry.channels));
    }
    let grad = to_rows::<B>(grad, geometry);
    let volume = if geometry.is_depthwise() {
        depthwise::backward_volume::<B>(&kernel, grad, geometry, &extent, shared)
    } else {
        let rows = groups.backward_rows::<B>(matrices::<B>(kernel, geometry), grad);
        groups.merge_channels::<B>(fold::<B>(rows, geometry, &extent))
    };
    from_volume::<B>(volume, geometry, geometry.channels)
}

/// See [`VariationalOps::convolution_backward_kernel`](crate::VariationalOps::convolution_backward_kernel).
pub fn convolution_backward_kernel<B: Backend>(
    input: FloatTensor<B>,
    grad: FloatTensor<B>,
    geometry: &ConvGeometry,
    samples: usize,
    shared: bool,
) -> FloatTensor<B> {
    let extent = extent_of(geometry, &input.shape());
    if is_empty::<B>(&input) {
        return zeros::<B>(&input, vec![samples, geometry.window() * geometry.filters]);
    }
    let groups = Groups::new(geometry.groups, samples, shared);
    let (volume, grad) = (to_volume::<B>(input, geometry), to_rows::<B>(grad, geometry));
    if geometry.is_depthwise() {
        return depthwise::backward_kernel::<B>(volume, grad, geometry, &extent, samples, shared);
    }
    let rows = unfold::<B>(groups.split_channels::<B>(volume), geometry, &extent);
    groups.backward_kernel::<B>(rows, grad)
}

/// Whether there is no example or no place: nothing to compute, and not every backend slices an empty tensor.
fn is_empty<B: Backend>(x: &FloatTensor<B>) -> bool {
    x.shape().num_elements() == 0
}

/// Zeros in the dtype and on the device of `like`.
fn zeros<B: Backend>(like: &FloatTensor<B>, shape: Vec<usize>) -> FloatTensor<B> {
    B::float_zeros(Shape::from(shape), &like.device(), like.dtype().into())
}

/// The extent of an input whose shape was checked before.
fn extent_of(geometry: &ConvGeometry, shape: &Shape) -> Extent {
    geometry.extent(geometry.spatial(shape)).expect("checked before the operation was called")
}

/// Flat kernels as matrices `[S, K1 K2 K3 (C / G), F]`.
fn matrices<B: Backend>(kernel: FloatTensor<B>, geometry: &ConvGeometry) -> FloatTensor<B> {
    let samples = kernel.shape()[0];
    B::float_reshape(kernel, Shape::from([samples, geometry.window(), geometry.filters]))
}

/// Any rank and layout to `[batch, d, h, w, channels]`.
fn to_volume<B: Backend>(x: FloatTensor<B>, geometry: &ConvGeometry) -> FloatTensor<B> {
    let x = channels_last::<B>(x, geometry);
    let shape = x.shape();
    let mut volume = [1; 5];
    volume[0] = shape[0];
    volume[4 - geometry.rank..].copy_from_slice(&shape[1..]);
    B::float_reshape(x, Shape::from(volume))
}

/// `[batch, d, h, w, channels]` back to the geometry's rank and layout.
fn from_volume<B: Backend>(x: FloatTensor<B>, geometry: &ConvGeometry, channels: usize) -> FloatTensor<B> {
    let shape = x.shape();
    let mut dims = vec![shape[0]];
    dims.extend_from_slice(&shape[4 - geometry.rank..4]);
    dims.push(channels);
    let x = B::float_reshape(x, Shape::from(dims));
    match geometry.format {
        DataFormat::ChannelsLast => x,
        DataFormat::ChannelsFirst => {
            let last = geometry.rank + 1;
            let axes: Vec<usize> = [0, last].into_iter().chain(1..last).collect();
            B::float_permute(x, &axes)
        }
    }
}

/// `[batch, channels, spatial..]` to `[batch, spatial.., channels]` where needed.
fn channels_last<B: Backend>(x: FloatTensor<B>, geometry: &ConvGeometry) -> FloatTensor<B> {
    match geometry.format {
        DataFormat::ChannelsLast => x,
        DataFormat::ChannelsFirst => {
            let axes: Vec<usize> = core::iter::once(0).chain(2..geometry.rank + 2).chain([1]).collect();
            B::float_permute(x, &axes)
        }
    }
}

/// An output-shaped tensor to `[batch positions, filters]`.
fn to_rows<B: Backend>(grad: FloatTensor<B>, geometry: &ConvGeometry) -> FloatTensor<B> {
    let grad = channels_last::<B>(grad, geometry);
    let rows = grad.shape()[..=geometry.rank].iter().product();
    B::float_reshape(grad, Shape::from([rows, geometry.filters]))
}

/// `[batch positions, filters]` to an output.
fn from_rows<B: Backend>(rows: FloatTensor<B>, geometry: &ConvGeometry, extent: &Extent) -> FloatTensor<B> {
    let batch = rows.shape()[0] / extent.positions();
    let [d, h, w] = extent.output;
    let volume = B::float_reshape(rows, Shape::from([batch, d, h, w, geometry.filters]));
    from_volume::<B>(volume, geometry, geometry.filters)
}

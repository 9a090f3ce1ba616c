//! Transposed convolutions, by the operations of the convolution whose adjoint they are.
//!
//! Kernels are `[K.., C / G, F]`, as everywhere: the last axis is the outputs, which is what a bias, an initialiser's
//! fans and a conversion go by. The convolution from outputs to inputs has `[K.., F / G, C]`. The two differ by a
//! transposition in every group, a copy of the weights only, which is its own inverse with C and F exchanged.

use crate::VariationalOps;
use crate::geometry::{ConvGeometry, Epilogue, TransposedGeometry};
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

/// See [`VariationalOps::transposed_convolution`].
///
/// # Panics
/// If the input's lengths do not fit the geometry; the caller has checked that.
pub fn transposed_convolution<B: VariationalOps>(
    input: FloatTensor<B>,
    kernel: FloatTensor<B>,
    bias: FloatTensor<B>,
    geometry: &TransposedGeometry,
    shared: bool,
    epilogue: Epilogue,
) -> FloatTensor<B> {
    let sizes = &geometry.sizes;
    let lengths = geometry.output_lengths(sizes.spatial(&input.shape())).expect("checked before the call");
    let input = if shared { repeat::<B>(input, kernel.shape()[0]) } else { input };
    let kernel = transpose::<B>(kernel, sizes);
    let output = B::convolution_backward_input(kernel, input, geometry.convolution(), lengths, false);
    finish::<B>(output, bias, sizes.channel_axis(), epilogue)
}

/// See [`VariationalOps::transposed_convolution_backward_input`].
pub fn transposed_convolution_backward_input<B: VariationalOps>(
    kernel: FloatTensor<B>,
    grad: FloatTensor<B>,
    geometry: &TransposedGeometry,
    shared: bool,
) -> FloatTensor<B> {
    let sizes = &geometry.sizes;
    let samples = kernel.shape()[0];
    let zeros = B::float_zeros(Shape::from([samples, sizes.channels]), &kernel.device(), kernel.dtype().into());
    let kernel = transpose::<B>(kernel, sizes);
    let gradient = B::convolution(grad, kernel, zeros, geometry.convolution(), false, Epilogue::Linear);
    if shared { sum_samples::<B>(gradient, samples) } else { gradient }
}

/// See [`VariationalOps::transposed_convolution_backward_kernel`].
pub fn transposed_convolution_backward_kernel<B: VariationalOps>(
    input: FloatTensor<B>,
    grad: FloatTensor<B>,
    geometry: &TransposedGeometry,
    samples: usize,
    shared: bool,
) -> FloatTensor<B> {
    let input = if shared { repeat::<B>(input, samples) } else { input };
    let convolution = geometry.convolution();
    let kernel = B::convolution_backward_kernel(grad, input, convolution, samples, false);
    transpose::<B>(kernel, &convolution)
}

/// Flat kernels `[S, K.. (C / G) F]` to `[S, K.. (F / G) C]`, where C and F are those of `sizes`.
fn transpose<B: Backend>(kernel: FloatTensor<B>, sizes: &ConvGeometry) -> FloatTensor<B> {
    let shape = kernel.shape();
    let taps = sizes.kernel.iter().product();
    let (inner, outer) = (sizes.channels / sizes.groups, sizes.filters / sizes.groups);
    if inner == 1 && outer == 1 {
        return kernel;
    }
    let kernel = B::float_reshape(kernel, Shape::from([shape[0], taps, inner, sizes.groups, outer]));
    B::float_reshape(B::float_swap_dims(kernel, 2, 4), shape)
}

/// The batch once for every sample, sample-major.
fn repeat<B: Backend>(x: FloatTensor<B>, samples: usize) -> FloatTensor<B> {
    if samples == 1 { x } else { B::float_repeat_dim(x, 0, samples) }
}

/// The sum over samples of a sample-major batch.
fn sum_samples<B: Backend>(x: FloatTensor<B>, samples: usize) -> FloatTensor<B> {
    if samples == 1 {
        return x;
    }
    let mut shape = x.shape().to_vec();
    shape[0] /= samples;
    let rest = shape.iter().product();
    let sum = B::float_sum_dim(B::float_reshape(x, Shape::from([samples, rest])), 0);
    B::float_reshape(sum, Shape::from(shape))
}

/// Adds the bias `[S, F]` along the channel axis and applies the activation.
fn finish<B: Backend>(x: FloatTensor<B>, bias: FloatTensor<B>, axis: usize, epilogue: Epilogue) -> FloatTensor<B> {
    let (shape, [samples, filters]) = (x.shape(), bias.shape().dims());
    let before = shape[0] / samples * shape[1..axis].iter().product::<usize>();
    let after = shape[axis + 1..].iter().product();
    let bias = B::float_reshape(bias, Shape::from([samples, 1, filters, 1]));
    let sum = B::float_add(B::float_reshape(x, Shape::from([samples, before, filters, after])), bias);
    let sum = B::float_reshape(sum, shape);
    match epilogue {
        Epilogue::Linear => sum,
        Epilogue::Relu => B::relu(sum),
    }
}

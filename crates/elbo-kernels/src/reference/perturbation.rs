//! What flipout and local reparameterization do to inputs and outputs: signs, noise, bias and activation.

use super::sample::normal_noise;
use crate::geometry::Epilogue;
use crate::layout::ChannelLayout;
use crate::noise::{Draws, sign};
use burn::backend::{Backend, TensorMetadata, get_device_settings, tensor::FloatTensor};
use burn::tensor::{Shape, TensorData};

/// Host signs `[samples, n]`, uploaded.
pub fn sign_noise<B: Backend>(like: &FloatTensor<B>, draws: Draws, n: usize) -> FloatTensor<B> {
    let data = TensorData::new(sign::signs(draws, n), Shape::from([draws.samples, n]));
    B::float_cast(B::float_from_data(data, &like.device()), like.dtype().into())
}

/// See [`VariationalOps::perturb_signs`](crate::VariationalOps::perturb_signs).
pub fn perturb_signs<B: Backend>(
    input: FloatTensor<B>,
    draws: Draws,
    layout: ChannelLayout,
    shared: bool,
) -> FloatTensor<B> {
    let mut shape = input.shape();
    if shared {
        shape[0] *= draws.samples;
    }
    let signs = signs_of::<B>(&input, draws, layout);
    let input = parts::<B>(input, if shared { 1 } else { draws.samples }, layout);
    B::float_reshape(B::float_mul(input, signs), shape)
}

/// See [`VariationalOps::perturb_signs_backward`](crate::VariationalOps::perturb_signs_backward).
pub fn perturb_signs_backward<B: Backend>(
    grad: FloatTensor<B>,
    draws: Draws,
    layout: ChannelLayout,
    shared: bool,
) -> FloatTensor<B> {
    let grad = perturb_signs::<B>(grad, draws, layout, false);
    if shared { sum_samples::<B>(grad, draws.samples) } else { grad }
}

/// See [`VariationalOps::add_perturbation`](crate::VariationalOps::add_perturbation).
pub fn add_perturbation<B: Backend>(
    mean: FloatTensor<B>,
    perturbation: FloatTensor<B>,
    bias: FloatTensor<B>,
    draws: Draws,
    layout: ChannelLayout,
    epilogue: Epilogue,
) -> FloatTensor<B> {
    let shape = perturbation.shape();
    let signs = signs_of::<B>(&perturbation, draws, layout);
    let perturbation = B::float_mul(parts::<B>(perturbation, draws.samples, layout), signs);
    finish::<B>(mean, perturbation, bias, layout, epilogue, shape)
}

/// See [`VariationalOps::add_noise`](crate::VariationalOps::add_noise).
pub fn add_noise<B: Backend>(
    mean: FloatTensor<B>,
    variance: FloatTensor<B>,
    bias: FloatTensor<B>,
    draws: Draws,
    layout: ChannelLayout,
    epilogue: Epilogue,
) -> FloatTensor<B> {
    let mut shape = variance.shape();
    shape[0] = shape[0] / samples_of(&shape, layout) * draws.samples;
    let noise = noise_of::<B>(&mean, draws, layout);
    let samples = samples_of(&variance.shape(), layout);
    let scale = in_dtype_of::<B>(B::float_sqrt(variance), &mean);
    let noise = B::float_mul(parts::<B>(scale, samples, layout), noise);
    finish::<B>(mean, noise, bias, layout, epilogue, shape)
}

/// `g ε / (2 sqrt v)`, and 0 where `v` is 0. See
/// [`VariationalOps::add_noise_backward_variance`](crate::VariationalOps::add_noise_backward_variance).
pub fn add_noise_backward_variance<B: Backend>(
    variance: FloatTensor<B>,
    grad: FloatTensor<B>,
    draws: Draws,
    layout: ChannelLayout,
) -> FloatTensor<B> {
    let shape = variance.shape();
    let samples = samples_of(&shape, layout);
    let noise = in_dtype_of::<B>(noise_of::<B>(&grad, draws, layout), &variance);
    let grad = in_dtype_of::<B>(parts::<B>(grad, draws.samples, layout), &variance);
    let grad = B::float_mul(grad, noise);
    let grad = if samples == draws.samples { grad } else { B::float_sum_dim(grad, 0) };
    let bool_dtype = get_device_settings::<B>(&variance.device()).bool_dtype;
    let zero = B::float_equal_elem(variance.clone(), 0.0.into(), bool_dtype);
    let root = B::float_sqrt(B::float_mask_fill(variance, zero.clone(), 1.0.into()));
    let slope = B::float_div(B::float_reshape(grad, shape), B::float_mul_scalar(root, 2.0.into()));
    B::float_mask_fill(slope, zero, 0.0.into())
}

/// `[S N, ..] -> [N, ..]`: what the gradient of something shared by all samples is.
pub fn sum_samples<B: Backend>(grad: FloatTensor<B>, samples: usize) -> FloatTensor<B> {
    if samples == 1 {
        return grad;
    }
    let mut shape = grad.shape();
    let parts = shape.num_elements() / samples;
    shape[0] /= samples;
    let grad = B::float_reshape(grad, Shape::from([samples, parts]));
    B::float_reshape(B::float_sum_dim(grad, 0), shape)
}

/// `epilogue(mean + random + bias)` of tensors in parts, in the shape of an output.
fn finish<B: Backend>(
    mean: FloatTensor<B>,
    random: FloatTensor<B>,
    bias: FloatTensor<B>,
    layout: ChannelLayout,
    epilogue: Epilogue,
    shape: Shape,
) -> FloatTensor<B> {
    let samples = samples_of(&mean.shape(), layout);
    let biases = Shape::from([bias.shape()[0], 1, 1, layout.channels, 1]);
    let bias = B::float_reshape(bias, biases);
    let sum = B::float_add(B::float_add(parts::<B>(mean, samples, layout), random), bias);
    let sum = B::float_reshape(sum, shape);
    match epilogue {
        Epilogue::Linear => sum,
        Epilogue::Relu => B::relu(sum),
    }
}

/// A wider variance beside values of half precision is what this is for.
fn in_dtype_of<B: Backend>(x: FloatTensor<B>, like: &FloatTensor<B>) -> FloatTensor<B> {
    if x.dtype() == like.dtype() { x } else { B::float_cast(x, like.dtype().into()) }
}

/// `[samples, rows, before, channels, after]`
fn parts<B: Backend>(x: FloatTensor<B>, samples: usize, layout: ChannelLayout) -> FloatTensor<B> {
    let ChannelLayout { rows, before, channels, after } = layout;
    B::float_reshape(x, Shape::from([samples, rows, before, channels, after]))
}

/// How many samples a tensor has: 1 if it has no elements.
fn samples_of(shape: &Shape, layout: ChannelLayout) -> usize {
    shape.num_elements().checked_div(layout.elements()).unwrap_or(1)
}

/// Signs `[samples, rows, 1, channels, 1]`.
fn signs_of<B: Backend>(like: &FloatTensor<B>, draws: Draws, layout: ChannelLayout) -> FloatTensor<B> {
    let signs = sign_noise::<B>(like, draws, layout.signs());
    B::float_reshape(signs, Shape::from([draws.samples, layout.rows, 1, layout.channels, 1]))
}

/// Normals `[samples, rows, before, channels, after]`.
fn noise_of<B: Backend>(like: &FloatTensor<B>, draws: Draws, layout: ChannelLayout) -> FloatTensor<B> {
    parts::<B>(normal_noise::<B>(like, draws, layout.elements()), draws.samples, layout)
}

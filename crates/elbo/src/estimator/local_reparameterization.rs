//! `y = m + sqrt(v) * noise + b`, `m = op(x, loc)`, `v = op(x², scale²)`: outputs are drawn from their own normal
//! distributions, each independently (Kingma, Salimans and Welling 2015).
//!
//! For a dense layer this is the law of the outputs but for the correlation between rows. A convolution also drops the
//! correlation between the positions of an example, which share a kernel; every position keeps its mean and variance.
//! Where `v` is 0 the output is `m`, and the slope in `v` is taken to be 0. Variances of half precision are in `f32`.

use super::draw::{each_sample, linear, parts, rows};
use super::{
    Affine, Draw, Estimate,
    affine::{AffineNormal, root},
};
use crate::error::Result;
use crate::layer::TensorFn;
use crate::noise::{LayerNoise, WeightNoise};
use crate::op::LinearOp;
use crate::posterior::Posterior;
use crate::precision::wide;
use burn::tensor::Tensor;
use elbo_kernels::{ChannelLayout, Draws, Epilogue, add_noise, reshape, square};

/// Means and variances of outputs before the bias, of every sample or shared by all.
struct Moments<const X: usize> {
    mean: Tensor<X>,
    variance: Tensor<X>,
    layout: ChannelLayout,
}

pub(super) fn apply<Q, O, const K: usize, const X: usize>(
    op: &O,
    input: Tensor<X>,
    draw: &Draw<'_, Q, K>,
    noise: &LayerNoise,
) -> Result<Estimate<X>>
where
    Q: Posterior<K>,
    O: LinearOp<X>,
{
    let moments = moments(op, input, draw)?;
    let bias = draw.bias(noise)?;
    let mut noise = noise.examples("output", moments.layout.elements());
    let drawn = match (draw.kernel.tensor_fn(), noise.clone().draws()) {
        (Some(tensor_fn), _) => by_function(&moments, draw, tensor_fn, &noise)?,
        (None, Some(draws)) => return Ok(fused(op, moments, bias, draw, draws)),
        (None, None) => {
            let noise = noise.normals(&moments.mean, moments.layout.elements())?;
            let scale = root(moments.variance.clone(), moments.mean.dtype());
            let mean = rows(moments.mean.clone(), draw.copies());
            mean + rows(scale, draw.copies()) * noise
        }
    };
    Ok(given(op, moments, drawn, bias, draw))
}

fn moments<Q, O, const K: usize, const X: usize>(op: &O, input: Tensor<X>, draw: &Draw<'_, Q, K>) -> Result<Moments<X>>
where
    Q: Posterior<K>,
    O: LinearOp<X>,
{
    let posterior = &draw.kernel.posterior;
    let of_weights = posterior.variance_row().ok_or_else(|| draw.unsupported("local reparameterization"))?;
    let variance = linear(op, square(wide(input.clone())), of_weights, true);
    let mean = linear(op, input, posterior.mean_row(), true);
    let mut shape = mean.dims();
    shape[0] /= draw.copies();
    Ok(Moments { mean, variance, layout: op.layout(shape) })
}

/// The output with noise from a seed.
fn fused<Q, O, const K: usize, const X: usize>(
    op: &O,
    moments: Moments<X>,
    bias: Option<Tensor<2>>,
    draw: &Draw<'_, Q, K>,
    draws: Draws,
) -> Estimate<X>
where
    Q: Posterior<K>,
    O: LinearOp<X>,
{
    let Moments { mean, variance, layout } = moments;
    let zeros = Tensor::zeros([draw.samples, op.units()], (&mean.device(), mean.dtype()));
    let added = bias.clone().unwrap_or_else(|| zeros.clone());
    let output = add_noise(mean.clone(), variance.clone(), added, draws, layout, draw.activation.epilogue());
    let output = draw.activation.after_epilogue(output, op.channel_axis());
    let (loc, width) = (rows(mean.clone(), draw.copies()), rows(variance.clone(), draw.copies()));
    let sample = move || {
        let drawn = add_noise(mean.clone(), variance.clone(), zeros.clone(), draws, layout, Epilogue::Linear);
        rows(drawn, draws.samples)
    };
    Estimate { output, kernel: None, affine: Some(Affine::of_moments(loc, width, sample)), bias }
}

/// The output where the values before bias and activation are given, `[S, elements]`.
fn given<Q, O, const K: usize, const X: usize>(
    op: &O,
    moments: Moments<X>,
    drawn: Tensor<2>,
    bias: Option<Tensor<2>>,
    draw: &Draw<'_, Q, K>,
) -> Estimate<X>
where
    Q: Posterior<K>,
    O: LinearOp<X>,
{
    let Moments { mean, variance, layout } = moments;
    let mut shape = mean.dims();
    shape[0] = shape[0] / draw.copies() * draw.samples;
    let output = draw.finish(op, parts(drawn.clone(), draw.samples, layout), bias.clone(), shape);
    let (loc, variance) = (rows(mean, draw.copies()), rows(variance, draw.copies()));
    let affine = Affine::of_moments(loc, variance, move || drawn.clone());
    Estimate { output, kernel: None, affine: Some(affine), bias }
}

/// One call of the tensor function per sample, on the distribution of its outputs, `[S, elements]`. Leading axes of an
/// output with more axes than the kernel are joined.
fn by_function<Q: Posterior<K>, const K: usize, const X: usize>(
    moments: &Moments<X>,
    draw: &Draw<'_, Q, K>,
    tensor_fn: &TensorFn<K>,
    noise: &WeightNoise,
) -> Result<Tensor<2>> {
    let examples = moments.mean.dims()[0] / draw.copies();
    let mut shape = moments.mean.dims();
    shape[0] = examples;
    let shape = joined::<X, K>(shape);
    let of_sample = |x: &Tensor<X>, s: usize| {
        let first = if draw.shared { 0 } else { s * examples };
        reshape(x.clone().narrow(0, first, examples), shape)
    };
    let call = |s: usize, noise: &mut WeightNoise| {
        let (loc, variance) = (of_sample(&moments.mean, s), of_sample(&moments.variance, s));
        let scale = root(variance, loc.dtype());
        tensor_fn(&AffineNormal { loc, scale }, noise)
    };
    each_sample((draw.owner, "kernel_posterior_tensor_fn"), shape, noise, call)
}

/// A shape of `X` axes as one of `K`: the leading ones joined.
fn joined<const X: usize, const K: usize>(shape: [usize; X]) -> [usize; K] {
    let mut joined = [1; K];
    for (place, size) in shape.iter().rev().enumerate() {
        joined[K - 1 - place.min(K - 1)] *= size;
    }
    joined
}

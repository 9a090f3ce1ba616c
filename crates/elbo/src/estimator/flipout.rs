//! `y = op(x, loc) + op(x ∘ r, Δ) ∘ q + b`, `Δ = scale * noise`: one perturbation of the kernel per weight sample, turned
//! into uncorrelated ones for the examples of a batch by random signs r and q (Wen et al. 2018).
//!
//! Signs belong to examples and channels, and are constant over a convolution's positions; in a dense layer every row of
//! the input has signs of its own. Mean and variance of an output are those of reparameterization; outputs of different
//! examples are uncorrelated.

use super::draw::{each_sample, linear, parts};
use super::{Affine, Draw, Estimate, affine::AffineNormal};
use crate::error::Result;
use crate::noise::{LayerNoise, WeightNoise};
use crate::op::LinearOp;
use crate::posterior::{Posterior, row};
use burn::tensor::Tensor;
use elbo_kernels::{ChannelLayout, add_perturbation, perturb_signs, reshape};

const NAME: &str = "flipout";

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
    let perturbation = noise.weight("kernel").once(|noise| perturbation(draw, noise))?;
    let bias = draw.bias(noise)?;
    let mean = linear(op, input.clone(), draw.kernel.posterior.mean_row(), true);
    let flipped = flipped(op, input, draw, noise)?;
    let random = linear(op, flipped, perturbation.clone(), false);
    let output = end(op, (mean, random, bias.clone()), draw, noise)?;
    let posterior = draw.kernel.posterior.clone();
    let scale = move || row(posterior.loc_scale().expect("what was drawn from has a scale").1);
    let affine = Affine::of_scale(scale, perturbation);
    Ok(Estimate { output, kernel: None, affine: Some(affine), bias })
}

/// `Δ` of every sample, `[S, elements]`: from `N(0, scale²)`, by the tensor function if there is one.
fn perturbation<Q: Posterior<K>, const K: usize>(draw: &Draw<'_, Q, K>, noise: &mut WeightNoise) -> Result<Tensor<2>> {
    let Some(tensor_fn) = draw.kernel.tensor_fn() else {
        let drawn = draw.kernel.posterior.sample_perturbation(noise)?;
        return drawn.map_or_else(|| Err(draw.unsupported(NAME)), Ok);
    };
    let (_, scale) = draw.loc_scale(NAME)?;
    let affine = AffineNormal { loc: scale.zeros_like(), scale };
    let call = |_, noise: &mut WeightNoise| tensor_fn(&affine, noise);
    each_sample((draw.owner, "kernel_posterior_tensor_fn"), affine.scale.dims(), noise, call)
}

/// `x ∘ r`: `[S N, ..]`.
fn flipped<Q, O, const K: usize, const X: usize>(
    op: &O,
    input: Tensor<X>,
    draw: &Draw<'_, Q, K>,
    noise: &LayerNoise,
) -> Result<Tensor<X>>
where
    Q: Posterior<K>,
    O: LinearOp<X>,
{
    let mut shape = input.dims();
    shape[0] /= draw.copies();
    let layout = op.layout(shape);
    let mut noise = noise.examples("sign_input", layout.signs());
    if let Some(draws) = noise.draws() {
        return Ok(perturb_signs(input, draws, layout, draw.shared));
    }
    let signs = spread(noise.signs(&input, layout.signs())?, layout);
    shape[0] *= draw.samples;
    Ok(reshape(parts(input, draw.copies(), layout) * signs, shape))
}

/// `activation(mean + random ∘ q + b)`.
fn end<Q, O, const K: usize, const X: usize>(
    op: &O,
    (mean, random, bias): (Tensor<X>, Tensor<X>, Option<Tensor<2>>),
    draw: &Draw<'_, Q, K>,
    noise: &LayerNoise,
) -> Result<Tensor<X>>
where
    Q: Posterior<K>,
    O: LinearOp<X>,
{
    let shape = random.dims();
    let mut one = shape;
    one[0] /= draw.samples;
    let layout = op.layout(one);
    let mut noise = noise.examples("sign_output", layout.signs());
    if let Some(draws) = noise.draws() {
        let zeros = || Tensor::zeros([draw.samples, op.units()], (&mean.device(), mean.dtype()));
        let bias = bias.unwrap_or_else(zeros);
        let output = add_perturbation(mean, random, bias, draws, layout, draw.activation.epilogue());
        return Ok(draw.activation.after_epilogue(output, op.channel_axis()));
    }
    let signs = spread(noise.signs(&random, layout.signs())?, layout);
    let random = parts(random, draw.samples, layout) * signs;
    Ok(draw.finish(op, parts(mean, draw.copies(), layout) + random, bias, shape))
}

/// Signs `[S, rows channels]` as they meet values: `[S, rows, 1, channels, 1]`.
fn spread(signs: Tensor<2>, layout: ChannelLayout) -> Tensor<5> {
    let samples = signs.dims()[0];
    reshape(signs, [samples, layout.rows, 1, layout.channels, 1])
}

//! Variances of weights, and all gradients of a pass in one: noise, softplus and its slope are computed once, and nothing
//! is added up in memory.
//!
//! With the gradients `g` of the divergence, `γ` of the location, and `w` of the scale (`Σ_s g_s noise_s` of draws,
//! `2 σ g` of variances): `∂loc = g d / σ_p + γ`, `∂u = σ' (g (r - 1/r) / σ_p + w)`, the rest as in [`super::kl`].

use super::kl::Prior;
use super::sample::{add_sample, at};
use super::softplus::{scale_and_slope, scales};
use super::tensor::{contiguous, floats, tensor};
use crate::buffer::{BLOCK, pass};
use crate::noise::Draws;
use crate::reference::weights as reference;
use crate::simd::vectorised;
use crate::weight_use::WeightUse;
use burn::backend::{Flex, TensorMetadata, flex::FlexTensor};
use core::ops::Range;

/// See [`VariationalOps::normal_variance`](crate::VariationalOps::normal_variance).
pub(super) fn normal_variance(u: FlexTensor) -> FlexTensor {
    let u = contiguous(u);
    let Some([values]) = floats([&u]) else {
        return reference::normal_variance::<Flex>(u);
    };
    let ([out], _) = pass(values.len(), 1, |part, [out]| variances(&values[part], out));
    tensor(out, [1, values.len()])
}

/// See [`VariationalOps::normal_variance_backward`](crate::VariationalOps::normal_variance_backward).
pub(super) fn normal_variance_backward(u: FlexTensor, grad: FlexTensor) -> FlexTensor {
    let [u, grad] = [u, grad].map(contiguous);
    let Some([values, g]) = floats([&u, &grad]) else {
        return reference::normal_variance_backward::<Flex>(u, grad);
    };
    let ([out], _) = pass(values.len(), 1, |part, [out]| variances_back(&values[part.clone()], &g[part], out));
    tensor(out, u.shape())
}

/// See [`VariationalOps::normal_backward`](crate::VariationalOps::normal_backward).
pub(super) fn normal_backward(
    of_divergence: [FlexTensor; 5],
    of_rest: [FlexTensor; 2],
    weight_use: WeightUse,
) -> (FlexTensor, FlexTensor) {
    let [loc, u, prior_loc, prior_scale, grad] = of_divergence.map(contiguous);
    let [of_loc, of_use] = of_rest.map(contiguous);
    let Some([m, v, prior_m, prior_s, &[grad_kl], rest, used]) =
        floats([&loc, &u, &prior_loc, &prior_scale, &grad, &of_loc, &of_use])
    else {
        return reference::normal_backward::<Flex>(loc, u, prior_loc, prior_scale, grad, of_loc, of_use, weight_use);
    };
    let prior = Prior::new(prior_m, prior_s);
    let weights = Weights { loc: m, u: v, prior, grad: grad_kl, of_loc: rest, of_use: used, weight_use };
    let reads = if let WeightUse::Draws { draws, .. } = weight_use { 1 + draws.samples } else { 1 };
    let ([of_loc, of_u], _) = pass(m.len(), reads, |part, [of_loc, of_u]| weights.block(part, of_loc, of_u));
    (tensor(of_loc, loc.shape()), tensor(of_u, u.shape()))
}

struct Weights<'a> {
    loc: &'a [f32],
    u: &'a [f32],
    prior: Prior<'a>,
    grad: f32,
    of_loc: &'a [f32],
    of_use: &'a [f32],
    weight_use: WeightUse,
}

impl Weights<'_> {
    /// Writes a block of both gradients over zeros.
    fn block(&self, part: Range<usize>, of_loc: &mut [f32], of_u: &mut [f32]) {
        let mut of_scale = [0.0; BLOCK];
        let of_scale = &mut of_scale[..part.len()];
        match self.weight_use {
            WeightUse::Nothing => {}
            WeightUse::Draws { draws, shifted: true } => self.draws(draws, &part, of_loc, of_scale),
            WeightUse::Draws { draws, shifted: false } => {
                self.draws(draws, &part, &mut [0.0; BLOCK][..part.len()], of_scale);
            }
            WeightUse::Variance => of_scale.copy_from_slice(&self.of_use[part.clone()]),
        }
        let rest = if self.of_loc.is_empty() { self.of_loc } else { &self.of_loc[part.clone()] };
        let (loc, u) = (&self.loc[part.clone()], &self.u[part.clone()]);
        let squared = self.weight_use == WeightUse::Variance;
        back(loc, u, self.prior.block(part, &mut None), self.grad, rest, (of_scale, squared), [of_loc, of_u]);
    }

    /// Adds `Σ_s g_s` and `Σ_s g_s noise_s`.
    fn draws(&self, draws: Draws, part: &Range<usize>, sum: &mut [f32], weighted: &mut [f32]) {
        for sample in 0..draws.samples {
            let (stream, draw, element) = at(draws, sample, part.start);
            let grad = &self.of_use[sample * self.loc.len()..][part.clone()];
            add_sample(stream, draw, element, grad, sum, weighted);
        }
    }
}

vectorised! {
    fn variances(u: &[f32], out: &mut [f32]) {
        scales(u, out);
        for out in out {
            *out *= *out;
        }
    }

    fn variances_back(u: &[f32], grad: &[f32], out: &mut [f32]) {
        for ((out, u), g) in out.iter_mut().zip(u).zip(grad) {
            let (scale, slope) = scale_and_slope(*u);
            *out = 2.0 * (scale * slope * g);
        }
    }

    /// Adds the divergence's gradient and the rest to that in the location, and makes that in `u` of the scale's, or of
    /// the squared scale's.
    fn back(
        loc: &[f32],
        u: &[f32],
        prior: [&[f32]; 2],
        grad: f32,
        rest: &[f32],
        use_of_scale: (&[f32], bool),
        out: [&mut [f32]; 2],
    ) {
        let (n, [prior_loc, inverse]) = (loc.len(), prior);
        let (u, prior_loc, inverse, of_scale) = (&u[..n], &prior_loc[..n], &inverse[..n], &use_of_scale.0[..n]);
        let [of_loc, of_u] = out.map(|out| &mut out[..n]);
        for i in 0..n {
            let (scale, slope) = scale_and_slope(u[i]);
            let (distance, ratio, unit) = ((loc[i] - prior_loc[i]) * inverse[i], scale * inverse[i], grad * inverse[i]);
            of_loc[i] += distance * unit;
            let chain = if use_of_scale.1 { 2.0 * scale } else { 1.0 };
            of_u[i] = ((ratio - 1.0 / ratio) * unit + chain * of_scale[i]) * slope;
        }
        for (of_loc, rest) in of_loc.iter_mut().zip(rest) {
            *of_loc += rest;
        }
    }
}

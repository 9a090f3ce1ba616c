//! Divergence of independent normals: one pass to a scalar, one pass back to all gradients.
//!
//! `KL = Σ ½ (d² + r² - 1) - ln r` in nats with `d = (μ_q - μ_p) / σ_p`, `r = σ_q / σ_p`; the gradients are those of
//! [`reference::kl`]. Terms are `f32`, sums `f64` in a fixed order.

use super::softplus::{scale_and_slope, scales};
use super::sum::{single, sum};
use super::tensor::{contiguous, floats, tensor};
use crate::buffer::{BLOCK, pass};
use crate::noise::polynomial::single::ln;
use crate::reference;
use crate::simd::vectorised;
use burn::backend::{Flex, TensorMetadata, flex::FlexTensor};
use core::ops::Range;

/// See [`VariationalOps::kl_normal`](crate::VariationalOps::kl_normal).
pub(super) fn kl_normal(loc: FlexTensor, u: FlexTensor, prior_loc: FlexTensor, prior_scale: FlexTensor) -> FlexTensor {
    let [loc, u, prior_loc, prior_scale] = [loc, u, prior_loc, prior_scale].map(contiguous);
    let Some([m, v, prior_m, prior_s]) = floats([&loc, &u, &prior_loc, &prior_scale]) else {
        return reference::kl::kl_normal::<Flex>(loc, u, prior_loc, prior_scale);
    };
    let prior = Prior::new(prior_m, prior_s);
    let ([], sums) =
        pass(m.len(), 1, |part, []| divergence(&m[part.clone()], &v[part.clone()], prior.block(part, &mut None)));
    tensor(vec![single(sums.into_iter().sum())], [1])
}

/// See [`VariationalOps::kl_normal_backward`](crate::VariationalOps::kl_normal_backward).
pub(super) fn kl_normal_backward(
    loc: FlexTensor,
    u: FlexTensor,
    prior_loc: FlexTensor,
    prior_scale: FlexTensor,
    grad: FlexTensor,
) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
    let [loc, u, prior_loc, prior_scale, grad] = [loc, u, prior_loc, prior_scale, grad].map(contiguous);
    let Some([m, v, prior_m, prior_s, &[g]]) = floats([&loc, &u, &prior_loc, &prior_scale, &grad]) else {
        return reference::kl::kl_normal_backward::<Flex>(loc, u, prior_loc, prior_scale, grad);
    };
    let weights = Weights { loc: m, u: v, prior: Prior::new(prior_m, prior_s), grad: g };
    let [of_loc, of_u, of_prior_loc, of_prior_scale] = weights.gradients();
    (
        tensor(of_loc, loc.shape()),
        tensor(of_u, u.shape()),
        tensor(of_prior_loc, prior_loc.shape()),
        tensor(of_prior_scale, prior_scale.shape()),
    )
}

/// See [`VariationalOps::kl_normal_backward_posterior`](crate::VariationalOps::kl_normal_backward_posterior).
pub(super) fn kl_normal_backward_posterior(
    loc: FlexTensor,
    u: FlexTensor,
    prior_loc: FlexTensor,
    prior_scale: FlexTensor,
    grad: FlexTensor,
) -> (FlexTensor, FlexTensor) {
    let [loc, u, prior_loc, prior_scale, grad] = [loc, u, prior_loc, prior_scale, grad].map(contiguous);
    let Some([m, v, prior_m, prior_s, &[g]]) = floats([&loc, &u, &prior_loc, &prior_scale, &grad]) else {
        return reference::kl::kl_normal_backward_posterior::<Flex>(loc, u, prior_loc, prior_scale, grad);
    };
    let prior = Prior::new(prior_m, prior_s);
    let ([of_loc, of_u], _) = pass(m.len(), 1, |part, [of_loc, of_u]| {
        back_posterior(&m[part.clone()], &v[part.clone()], prior.block(part, &mut None), g, of_loc, of_u);
    });
    (tensor(of_loc, loc.shape()), tensor(of_u, u.shape()))
}

/// A prior's locations and inverse scales for the weights of a block.
type PriorBlock = [[f32; BLOCK]; 2];

/// A prior's location and scale: one each, or as many as weights.
pub(super) struct Prior<'a> {
    loc: &'a [f32],
    scale: &'a [f32],
    /// What is the same for all blocks.
    constant: PriorBlock,
}

impl<'a> Prior<'a> {
    pub(super) fn new(loc: &'a [f32], scale: &'a [f32]) -> Self {
        let constant = [loc.first().copied(), scale.first().map(|scale| 1.0 / scale)];
        Self { loc, scale, constant: constant.map(|value| [value.unwrap_or_default(); BLOCK]) }
    }

    /// Whether there is one location for all weights, and one scale.
    fn shared(&self) -> [bool; 2] {
        [self.loc.len() == 1, self.scale.len() == 1]
    }

    /// The part of these weights; inverses are written to the buffer if there are many.
    pub(super) fn block<'b>(&'b self, part: Range<usize>, buffer: &'b mut Option<[f32; BLOCK]>) -> [&'b [f32]; 2] {
        let [shared_loc, shared_scale] = self.shared();
        let [loc, inverses] = &self.constant;
        let loc = if shared_loc { loc } else { &self.loc[part.clone()] };
        if shared_scale {
            return [loc, inverses];
        }
        let inverses = buffer.insert([0.0; BLOCK]);
        inverses.iter_mut().zip(&self.scale[part]).for_each(|(inverse, scale)| *inverse = 1.0 / scale);
        [loc, inverses]
    }
}

struct Weights<'a> {
    loc: &'a [f32],
    u: &'a [f32],
    prior: Prior<'a>,
    /// The gradient of the divergence.
    grad: f32,
}

impl Weights<'_> {
    /// The gradients in location, untransformed scale, and the prior's location and scale.
    fn gradients(&self) -> [Vec<f32>; 4] {
        let (n, [shared_loc, shared_scale]) = (self.loc.len(), self.prior.shared());
        if shared_loc && shared_scale {
            let ([of_loc, of_u], sums) =
                pass(n, 1, |part, [of_loc, of_u]| self.block(part, of_loc, of_u, &mut [0.0; BLOCK]));
            let [sum_loc, sum_scale] = total(sums);
            return [of_loc, of_u, vec![-sum_loc], vec![sum_scale]];
        }
        let ([of_loc, of_u, of_prior_loc, of_prior_scale], sums) = pass(n, 1, |part, [of_loc, of_u, of_m, of_s]| {
            let sums = self.block(part, of_loc, of_u, of_s);
            of_m.iter_mut().zip(of_loc).for_each(|(of_m, of_loc)| *of_m = -*of_loc);
            sums
        });
        let [sum_loc, sum_scale] = total(sums);
        let of_prior_loc = if shared_loc { vec![-sum_loc] } else { of_prior_loc };
        [of_loc, of_u, of_prior_loc, if shared_scale { vec![sum_scale] } else { of_prior_scale }]
    }

    /// Writes a block's gradients in location, untransformed scale and prior scale. The sums of the first and the last.
    fn block(&self, part: Range<usize>, of_loc: &mut [f32], of_u: &mut [f32], of_scale: &mut [f32]) -> [f64; 2] {
        let (loc, u) = (&self.loc[part.clone()], &self.u[part.clone()]);
        back(loc, u, self.prior.block(part, &mut None), self.grad, of_loc, of_u, of_scale)
    }
}

fn total(blocks: Vec<[f64; 2]>) -> [f32; 2] {
    blocks.into_iter().fold([0.0; 2], |[a, b], [c, d]| [a + c, b + d]).map(single)
}

vectorised! {
    fn divergence(loc: &[f32], u: &[f32], prior: [&[f32]; 2]) -> f64 {
        let [prior_loc, inverse] = prior;
        let mut terms = [0.0; BLOCK];
        scales(u, &mut terms);
        for (((term, loc), prior_loc), inverse) in terms.iter_mut().zip(loc).zip(prior_loc).zip(inverse) {
            let (distance, ratio) = ((loc - prior_loc) * inverse, *term * inverse);
            *term = 0.5 * (distance * distance + ratio * ratio - 1.0) - ln_any(ratio);
        }
        sum(&terms[..loc.len()])
    }

    fn back_posterior(
        loc: &[f32],
        u: &[f32],
        prior: [&[f32]; 2],
        grad: f32,
        of_loc: &mut [f32],
        of_u: &mut [f32],
    ) {
        let (n, [prior_loc, inverse]) = (loc.len(), prior);
        let (u, prior_loc, inverse) = (&u[..n], &prior_loc[..n], &inverse[..n]);
        let (of_loc, of_u) = (&mut of_loc[..n], &mut of_u[..n]);
        for i in 0..n {
            let (scale, slope) = scale_and_slope(u[i]);
            let (distance, ratio, unit) = ((loc[i] - prior_loc[i]) * inverse[i], scale * inverse[i], grad * inverse[i]);
            of_loc[i] = distance * unit;
            of_u[i] = (ratio - 1.0 / ratio) * unit * slope;
        }
    }

    fn back(
        loc: &[f32],
        u: &[f32],
        prior: [&[f32]; 2],
        grad: f32,
        of_loc: &mut [f32],
        of_u: &mut [f32],
        of_scale: &mut [f32],
    ) -> [f64; 2] {
        let (n, [prior_loc, inverse]) = (loc.len(), prior);
        let (u, prior_loc, inverse) = (&u[..n], &prior_loc[..n], &inverse[..n]);
        let (of_loc, of_u, of_scale) = (&mut of_loc[..n], &mut of_u[..n], &mut of_scale[..n]);
        for i in 0..n {
            let (scale, slope) = scale_and_slope(u[i]);
            let (distance, ratio, unit) = ((loc[i] - prior_loc[i]) * inverse[i], scale * inverse[i], grad * inverse[i]);
            of_loc[i] = distance * unit;
            of_u[i] = (ratio - 1.0 / ratio) * unit * slope;
            of_scale[i] = (1.0 - distance * distance - ratio * ratio) * unit;
        }
        [sum(of_loc), sum(of_scale)]
    }
}

/// `ln x` for all x as IEEE 754 has it, but of infinity, of which it is finite; a divergence has its square as well.
#[inline(always)]
fn ln_any(x: f32) -> f32 {
    const TINY: f32 = f32::MIN_POSITIVE;
    const UP: f32 = 16_777_216.0;
    let (up, down) = if x < TINY { (UP, 24.0 * core::f32::consts::LN_2) } else { (1.0, 0.0) };
    let finite = ln(x * up) - down;
    let outside = if x == 0.0 { f32::NEG_INFINITY } else { f32::NAN };
    if x > 0.0 { finite } else { outside }
}

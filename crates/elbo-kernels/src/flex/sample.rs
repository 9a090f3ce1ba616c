//! Reparameterised draws in one pass over the weights, and their backward pass in another.

use super::softplus::{self, slope};
use super::tensor::{contiguous, floats, tensor};
use crate::buffer::{BLOCK, built, pass};
use crate::noise::normal::normals_into;
use crate::noise::{Draws, Stream};
use crate::reference;
use crate::simd::vectorised;
use burn::backend::{Flex, TensorMetadata, flex::FlexTensor};
use core::ops::Range;

/// `loc + (eps + softplus(u)) noise`; the scale of a block is computed once for all samples.
pub(super) fn sample_normal(loc: FlexTensor, u: FlexTensor, draws: Draws) -> FlexTensor {
    let (loc, u) = (contiguous(loc), contiguous(u));
    match floats([&loc, &u]) {
        Some([loc, u]) => tensor(samples(loc, u, draws), [draws.samples, u.len()]),
        None => reference::sample::sample_normal::<Flex>(loc, u, draws),
    }
}

/// `dloc = Σ_s g_s`, which is g itself for one sample, and `du = sigmoid(u) Σ_s g_s noise_s`.
pub(super) fn sample_normal_backward(u: FlexTensor, grad: FlexTensor, draws: Draws) -> (FlexTensor, FlexTensor) {
    let (u, grad) = (contiguous(u), contiguous(grad));
    let shape = u.shape();
    match floats([&u, &grad]) {
        Some([values, g]) if draws.samples == 1 => {
            let grad_u = gradient_of_one(values, g, draws);
            (grad.reshape(shape.clone()), tensor(grad_u, shape))
        }
        Some([u, g]) => {
            let [grad_loc, grad_u] = gradients(u, g, draws);
            (tensor(grad_loc, shape.clone()), tensor(grad_u, shape))
        }
        None => reference::sample::sample_normal_backward::<Flex>(u, grad, draws),
    }
}

fn samples(loc: &[f32], u: &[f32], draws: Draws) -> Vec<f32> {
    let begin = |part: Range<usize>| {
        let mut scale = [0.0; BLOCK];
        scales(&u[part], &mut scale);
        scale
    };
    built(draws.samples, u.len(), begin, |scale, sample, first, out| {
        let (stream, draw, element) = at(draws, sample, first);
        match loc {
            &[loc] => draw_block_around(stream, draw, element, loc, scale, out),
            _ => draw_block(stream, draw, element, &loc[first..first + out.len()], scale, out),
        }
    })
}

fn gradient_of_one(u: &[f32], grad: &[f32], draws: Draws) -> Vec<f32> {
    let ([out], _) = pass(u.len(), 1, |part, [out]| {
        let (stream, draw, element) = at(draws, 0, part.start);
        weighted_noise(stream, draw, element, &grad[part.clone()], out);
        times_slope(&u[part], out);
    });
    out
}

fn gradients(u: &[f32], grad: &[f32], draws: Draws) -> [Vec<f32>; 2] {
    let n = u.len();
    let (out, _) = pass(n, draws.samples, |part, [grad_loc, grad_u]| {
        for sample in 0..draws.samples {
            let (stream, draw, element) = at(draws, sample, part.start);
            let grad = &grad[sample * n..][part.clone()];
            add_sample(stream, draw, element, grad, grad_loc, grad_u);
        }
        times_slope(&u[part], grad_u);
    });
    out
}

/// Stream, draw and element of a sample's element.
pub(super) fn at(draws: Draws, sample: usize, element: usize) -> (Stream, u64, u64) {
    (draws.stream, draws.first + sample as u64, draws.skipped + element as u64)
}

vectorised! {
    fn scales(u: &[f32], out: &mut [f32]) {
        softplus::scales(u, out);
    }

    fn draw_block(stream: Stream, draw: u64, first: u64, loc: &[f32], scale: &[f32], out: &mut [f32]) {
        normals_into(stream, draw, first, out);
        for ((out, loc), scale) in out.iter_mut().zip(loc).zip(scale) {
            *out = loc + *out * scale;
        }
    }

    /// The same for one location.
    fn draw_block_around(stream: Stream, draw: u64, first: u64, loc: f32, scale: &[f32], out: &mut [f32]) {
        normals_into(stream, draw, first, out);
        for (out, scale) in out.iter_mut().zip(scale) {
            *out = loc + *out * scale;
        }
    }

    /// `g noise`
    fn weighted_noise(stream: Stream, draw: u64, first: u64, grad: &[f32], out: &mut [f32]) {
        normals_into(stream, draw, first, out);
        for (out, g) in out.iter_mut().zip(grad) {
            *out *= g;
        }
    }

    /// Adds `g` and `g noise`.
    pub(super) fn add_sample(stream: Stream, draw: u64, first: u64, grad: &[f32], sum: &mut [f32], weighted: &mut [f32]) {
        let mut noise = [0.0; BLOCK];
        normals_into(stream, draw, first, &mut noise[..grad.len()]);
        for (((sum, weighted), g), z) in sum.iter_mut().zip(weighted).zip(grad).zip(&noise) {
            *sum += g;
            *weighted += g * z;
        }
    }

    fn times_slope(u: &[f32], out: &mut [f32]) {
        for (out, u) in out.iter_mut().zip(u) {
            *out *= slope(*u);
        }
    }
}

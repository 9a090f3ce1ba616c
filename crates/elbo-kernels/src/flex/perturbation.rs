//! Signs, noise, bias and activation in one pass over inputs and outputs.

use super::runs::{Runs, for_channels};
use super::sample::at;
use super::tensor::{contiguous, floats, tensor};
use crate::buffer::{BLOCK, built};
use crate::geometry::Epilogue;
use crate::layout::ChannelLayout;
use crate::noise::normal::normals_into;
use crate::noise::sign::{signs, signs_into};
use crate::noise::{Draws, Stream};
use crate::reference::perturbation as reference;
use crate::simd::vectorised;
use burn::backend::{Flex, TensorMetadata, flex::FlexTensor};

/// See [`VariationalOps::perturb_signs`](crate::VariationalOps::perturb_signs).
pub(super) fn perturb_signs(input: FlexTensor, draws: Draws, layout: ChannelLayout, shared: bool) -> FlexTensor {
    let input = contiguous(input);
    let Some([x]) = floats([&input]) else {
        return reference::perturb_signs::<Flex>(input, draws, layout, shared);
    };
    let mut shape = input.shape();
    if shared {
        shape[0] *= draws.samples;
    }
    let signs = Signs::new(draws, layout);
    let out = built(draws.samples, layout.elements(), nothing, |(), sample, first, out| {
        out.copy_from_slice(part(x, layout, sample, first, out.len()));
        signs.multiply(sample, first, out);
    });
    tensor(out, shape)
}

/// See [`VariationalOps::perturb_signs_backward`](crate::VariationalOps::perturb_signs_backward).
pub(super) fn perturb_signs_backward(
    grad: FlexTensor,
    draws: Draws,
    layout: ChannelLayout,
    shared: bool,
) -> FlexTensor {
    if !shared || draws.samples == 1 {
        return perturb_signs(grad, draws, layout, false);
    }
    let grad = contiguous(grad);
    let Some([g]) = floats([&grad]) else {
        return reference::perturb_signs_backward::<Flex>(grad, draws, layout, shared);
    };
    let mut shape = grad.shape();
    shape[0] = shape[0].checked_div(draws.samples).unwrap_or(0);
    let signs = Signs::new(draws, layout);
    let out = built(1, layout.elements(), nothing, |(), _, first, out| {
        let mut buffer = [0.0; BLOCK];
        for sample in 0..draws.samples {
            let term = &mut buffer[..out.len()];
            term.copy_from_slice(part(g, layout, sample, first, out.len()));
            signs.multiply(sample, first, term);
            out.iter_mut().zip(term).for_each(|(out, term)| *out += *term);
        }
    });
    tensor(out, shape)
}

/// See [`VariationalOps::add_perturbation`](crate::VariationalOps::add_perturbation).
pub(super) fn add_perturbation(
    mean: FlexTensor,
    perturbation: FlexTensor,
    bias: FlexTensor,
    draws: Draws,
    layout: ChannelLayout,
    epilogue: Epilogue,
) -> FlexTensor {
    let [mean, perturbation, bias] = [mean, perturbation, bias].map(contiguous);
    let Some([m, p, b]) = floats([&mean, &perturbation, &bias]) else {
        return reference::add_perturbation::<Flex>(mean, perturbation, bias, draws, layout, epilogue);
    };
    let signs = Signs::new(draws, layout);
    let out = built(draws.samples, layout.elements(), nothing, |(), sample, first, out| {
        out.copy_from_slice(part(p, layout, sample, first, out.len()));
        signs.multiply(sample, first, out);
        finish(part(m, layout, sample, first, out.len()), of_sample(b, layout, sample), layout, epilogue, first, out);
    });
    tensor(out, perturbation.shape())
}

/// See [`VariationalOps::add_noise`](crate::VariationalOps::add_noise).
pub(super) fn add_noise(
    mean: FlexTensor,
    variance: FlexTensor,
    bias: FlexTensor,
    draws: Draws,
    layout: ChannelLayout,
    epilogue: Epilogue,
) -> FlexTensor {
    let [mean, variance, bias] = [mean, variance, bias].map(contiguous);
    let Some([m, v, b]) = floats([&mean, &variance, &bias]) else {
        return reference::add_noise::<Flex>(mean, variance, bias, draws, layout, epilogue);
    };
    let mut shape = variance.shape();
    if v.len() == layout.elements() {
        shape[0] *= draws.samples;
    }
    let out = built(draws.samples, layout.elements(), nothing, |(), sample, first, out| {
        let (stream, draw, element) = at(draws, sample, first);
        let [m, v] = [m, v].map(|x| part(x, layout, sample, first, out.len()));
        noise(stream, draw, element, v, out);
        finish(m, of_sample(b, layout, sample), layout, epilogue, first, out);
    });
    tensor(out, shape)
}

/// See [`VariationalOps::add_noise_backward_variance`](crate::VariationalOps::add_noise_backward_variance).
pub(super) fn add_noise_backward_variance(
    variance: FlexTensor,
    grad: FlexTensor,
    draws: Draws,
    layout: ChannelLayout,
) -> FlexTensor {
    let [variance, grad] = [variance, grad].map(contiguous);
    let Some([v, g]) = floats([&variance, &grad]) else {
        return reference::add_noise_backward_variance::<Flex>(variance, grad, draws, layout);
    };
    let elements = layout.elements();
    let copies = v.len().checked_div(elements).unwrap_or(1);
    let out = built(copies, elements, nothing, |(), copy, first, out| {
        // The samples that read this copy of the variance: one, or all.
        let samples = if copies == draws.samples { copy..copy + 1 } else { 0..draws.samples };
        for sample in samples {
            let (stream, draw, element) = at(draws, sample, first);
            add_weighted_noise(stream, draw, element, part(g, layout, sample, first, out.len()), out);
        }
        over_twice_root(part(v, layout, copy, first, out.len()), out);
    });
    tensor(out, variance.shape())
}

/// Nothing to prepare for a block of all samples.
fn nothing(_: core::ops::Range<usize>) {}

/// Elements `first ..` of a sample, of a tensor that has its batch once or for every sample.
fn part(x: &[f32], layout: ChannelLayout, sample: usize, first: usize, len: usize) -> &[f32] {
    let start = if x.len() == layout.elements() { first } else { sample * layout.elements() + first };
    &x[start..start + len]
}

/// The biases of a sample, which may be those of all samples.
fn of_sample(bias: &[f32], layout: ChannelLayout, sample: usize) -> &[f32] {
    let start = if bias.len() == layout.channels { 0 } else { sample * layout.channels };
    &bias[start..start + layout.channels]
}

/// The signs of flipout: one for every element, then made where they are needed, or fewer, then kept.
struct Signs {
    draws: Draws,
    layout: ChannelLayout,
    kept: Option<Vec<f32>>,
}

impl Signs {
    fn new(draws: Draws, layout: ChannelLayout) -> Self {
        let each = layout.before == 1 && layout.after == 1;
        Self { draws, layout, kept: (!each).then(|| signs(draws, layout.signs())) }
    }

    /// Gives the elements `first ..` of a sample their signs.
    fn multiply(&self, sample: usize, first: usize, out: &mut [f32]) {
        if let Some(signs) = &self.kept {
            multiply_runs(&signs[sample * self.layout.signs()..], self.layout, first, out);
        } else {
            let (stream, draw, element) = at(self.draws, sample, first);
            multiply_each(stream, draw, element, out);
        }
    }
}

vectorised! {
    fn multiply_each(stream: Stream, draw: u64, first: u64, out: &mut [f32]) {
        let mut signs = [0.0; BLOCK];
        signs_into(stream, draw, first, &mut signs[..out.len()]);
        for (out, sign) in out.iter_mut().zip(&signs) {
            *out *= sign;
        }
    }

    fn multiply_runs(signs: &[f32], layout: ChannelLayout, first: usize, out: &mut [f32]) {
        for run in Runs::new(layout, first, out.len()) {
            for_channels!(out[run.at..run.at + run.len], signs, run.sign, layout.after == 1, |x: f32, sign: f32| x * sign);
        }
    }

    /// `sqrt(v) ε`
    fn noise(stream: Stream, draw: u64, first: u64, variance: &[f32], out: &mut [f32]) {
        normals_into(stream, draw, first, out);
        for (out, variance) in out.iter_mut().zip(variance) {
            *out *= variance.sqrt();
        }
    }

    /// Adds `g ε`.
    fn add_weighted_noise(stream: Stream, draw: u64, first: u64, grad: &[f32], out: &mut [f32]) {
        let mut noise = [0.0; BLOCK];
        normals_into(stream, draw, first, &mut noise[..out.len()]);
        for ((out, g), z) in out.iter_mut().zip(grad).zip(&noise) {
            *out += g * z;
        }
    }

    /// `out / (2 sqrt v)`, 0 where v is 0.
    fn over_twice_root(variance: &[f32], out: &mut [f32]) {
        for (out, &variance) in out.iter_mut().zip(variance) {
            let slope = *out / (2.0 * variance.sqrt());
            *out = if variance == 0.0 { 0.0 } else { slope };
        }
    }

    /// `epilogue(mean + out + bias)`
    fn finish(
        mean: &[f32],
        bias: &[f32],
        layout: ChannelLayout,
        epilogue: Epilogue,
        first: usize,
        out: &mut [f32],
    ) {
        for (out, mean) in out.iter_mut().zip(mean) {
            *out += mean;
        }
        for run in Runs::new(layout, first, out.len()) {
            for_channels!(out[run.at..run.at + run.len], bias, run.channel, layout.after == 1, |x: f32, b: f32| x + b);
        }
        if epilogue == Epilogue::Relu {
            for out in out {
                *out = if *out < 0.0 { 0.0 } else { *out };
            }
        }
    }
}

//! Signs and noise on inputs and outputs: values, gradients, samples, layouts.

mod support;

use burn::tensor::{DType, Tensor};
use elbo_kernels::{
    ChannelLayout, Draws, Epilogue, Stream, add_noise, add_perturbation, normal_noise, perturb_signs, sign_noise,
};
use proptest::prelude::*;
use support::{assert_close, device, device_with, normals, parameter, tensor, values};

const ANY: ChannelLayout = ChannelLayout { rows: 3, before: 2, channels: 4, after: 3 };

fn draws(samples: usize) -> Draws {
    Stream::named(20_261_124, "conv/sign_input").draws(5, samples)
}

fn double() -> Tensor<1> {
    Tensor::zeros([1], (&device(), DType::F64))
}

/// The position of a value of one sample among the signs.
fn sign_index(layout: ChannelLayout, i: usize) -> usize {
    let channel = i / layout.after % layout.channels;
    let row = i / (layout.after * layout.channels * layout.before);
    row * layout.channels + channel
}

/// The sign of every value of every sample, `[S, elements]`.
fn expanded_signs(layout: ChannelLayout, draws: Draws) -> Vec<f64> {
    let signs = values(sign_noise(&double(), draws, layout.signs()));
    let of = |s: usize| (0..layout.elements()).map(move |i| (s, i));
    (0..draws.samples).flat_map(of).map(|(s, i)| signs[s * layout.signs() + sign_index(layout, i)]).collect()
}

/// `[copies rows, before, channels, after]` of pseudo-random values.
fn input(layout: ChannelLayout, copies: usize, name: &str) -> (Vec<f64>, [usize; 4]) {
    let shape = [copies * layout.rows, layout.before, layout.channels, layout.after];
    (normals(11, name, shape.iter().product()), shape)
}

/// Sums over samples if there is one copy of what is asked for.
fn gathered(per_sample: &[f64], copies: usize, samples: usize) -> Vec<f64> {
    let n = per_sample.len() / samples;
    if copies == samples {
        return per_sample.to_vec();
    }
    (0..n).map(|i| (0..samples).map(|s| per_sample[s * n + i]).sum()).collect()
}

#[test]
fn signs_multiply_rows_and_channels() {
    for (samples, shared) in [(1, true), (1, false), (3, true), (3, false)] {
        let copies = if shared { 1 } else { samples };
        let (x, shape) = input(ANY, copies, "x");
        let x_tensor = parameter(&x, shape);
        let output = perturb_signs(x_tensor.clone(), draws(samples), ANY, shared);
        assert_eq!(output.dims()[0], samples * ANY.rows);
        let signs = expanded_signs(ANY, draws(samples));
        let expected: Vec<f64> = signs.iter().enumerate().map(|(i, sign)| sign * x[i % x.len()]).collect();
        assert_eq!(values(output.clone()), expected);

        let g = normals(12, "g", expected.len());
        let grads = (output.clone() * tensor(&g, output.dims(), &output.device())).sum().backward();
        let per_sample: Vec<f64> = g.iter().zip(&signs).map(|(g, sign)| g * sign).collect();
        let expected = gathered(&per_sample, copies, samples);
        assert_close("input", &values(x_tensor.grad(&grads).unwrap()), &expected, 1e-14);
    }
}

/// `act(m + p q + b)` and its gradients, written out.
#[test]
fn perturbations_are_added_with_signs() {
    for (samples, copies, epilogue) in
        [(1, 1, Epilogue::Linear), (3, 1, Epilogue::Relu), (3, 3, Epilogue::Linear), (2, 2, Epilogue::Relu)]
    {
        let ((m, m_shape), (p, p_shape)) = (input(ANY, copies, "m"), input(ANY, samples, "p"));
        let b = normals(13, "b", samples * ANY.channels);
        let tensors = (parameter(&m, m_shape), parameter(&p, p_shape), parameter(&b, [samples, ANY.channels]));
        let (mean, perturbation, bias) = tensors.clone();
        let output = add_perturbation(mean, perturbation, bias, draws(samples), ANY, epilogue);
        let signs = expanded_signs(ANY, draws(samples));
        let random: Vec<f64> = p.iter().zip(&signs).map(|(p, sign)| p * sign).collect();
        let g = normals(14, "g", random.len());
        let (expected, slopes) = finished(&m, &random, &b, &g, epilogue);
        assert_close("output", &values(output.clone()), &expected, 1e-14);

        let grads = (output.clone() * tensor(&g, output.dims(), &output.device())).sum().backward();
        let of_perturbation: Vec<f64> = slopes.iter().zip(&signs).map(|(g, sign)| g * sign).collect();
        assert_close("perturbation", &values(tensors.1.grad(&grads).unwrap()), &of_perturbation, 1e-14);
        let of_mean = gathered(&slopes, copies, samples);
        assert_close("mean", &values(tensors.0.grad(&grads).unwrap()), &of_mean, 1e-14);
        assert_close("bias", &values(tensors.2.grad(&grads).unwrap()), &of_bias(&slopes, samples), 1e-13);
    }
}

/// `act(m + sqrt(v) ε + b)` and its gradients, written out; a variance of 0 has slope 0.
#[test]
fn noise_is_added_with_its_variance() {
    for (samples, copies, epilogue) in
        [(1, 1, Epilogue::Linear), (3, 1, Epilogue::Relu), (3, 3, Epilogue::Linear), (2, 2, Epilogue::Relu)]
    {
        let ((m, shape), (mut v, _)) = (input(ANY, copies, "m"), input(ANY, copies, "v"));
        v.iter_mut().enumerate().for_each(|(i, v)| *v = if i % 5 == 0 { 0.0 } else { *v * *v });
        let b = normals(13, "b", samples * ANY.channels);
        let tensors = (parameter(&m, shape), parameter(&v, shape), parameter(&b, [samples, ANY.channels]));
        let (mean, variance, bias) = tensors.clone();
        let output = add_noise(mean, variance, bias, draws(samples), ANY, epilogue);
        let noise = values(normal_noise(&double(), draws(samples), ANY.elements()));
        let random: Vec<f64> = noise.iter().enumerate().map(|(i, z)| z * v[i % v.len()].sqrt()).collect();
        let g = normals(14, "g", random.len());
        let (expected, slopes) = finished(&m, &random, &b, &g, epilogue);
        assert_close("output", &values(output.clone()), &expected, 1e-14);

        let grads = (output.clone() * tensor(&g, output.dims(), &output.device())).sum().backward();
        let slope = |(i, z): (usize, &f64)| match v[i % v.len()] {
            0.0 => 0.0,
            v => slopes[i] * z / (2.0 * v.sqrt()),
        };
        let of_variance: Vec<f64> = noise.iter().enumerate().map(slope).collect();
        let of_variance = gathered(&of_variance, copies, samples);
        assert_close("variance", &values(tensors.1.grad(&grads).unwrap()), &of_variance, 1e-13);
        let of_mean = gathered(&slopes, copies, samples);
        assert_close("mean", &values(tensors.0.grad(&grads).unwrap()), &of_mean, 1e-14);
        assert_close("bias", &values(tensors.2.grad(&grads).unwrap()), &of_bias(&slopes, samples), 1e-13);
    }
}

/// Output, and the gradient before the activation.
fn finished(mean: &[f64], random: &[f64], bias: &[f64], g: &[f64], epilogue: Epilogue) -> (Vec<f64>, Vec<f64>) {
    let channel = |i: usize| i / ANY.elements() * ANY.channels + i % ANY.elements() / ANY.after % ANY.channels;
    let sums: Vec<f64> =
        random.iter().enumerate().map(|(i, random)| mean[i % mean.len()] + random + bias[channel(i)]).collect();
    let active = |sum: f64| epilogue == Epilogue::Linear || sum > 0.0;
    let output = sums.iter().map(|&sum| if active(sum) { sum } else { 0.0 }).collect();
    let slopes = sums.iter().zip(g).map(|(&sum, &g)| if active(sum) { g } else { 0.0 }).collect();
    (output, slopes)
}

/// Sums over all but samples and channels.
fn of_bias(slopes: &[f64], samples: usize) -> Vec<f64> {
    let mut sums = vec![0.0; samples * ANY.channels];
    for (i, slope) in slopes.iter().enumerate() {
        sums[i / ANY.elements() * ANY.channels + i % ANY.elements() / ANY.after % ANY.channels] += slope;
    }
    sums
}

#[test]
fn a_chunk_of_rows_is_a_part_of_the_whole() {
    let layout = ChannelLayout { rows: 8, before: 1, channels: 5, after: 1 };
    let (x, _) = input(layout, 1, "x");
    let device = device();
    let run = |rows: core::ops::Range<usize>| {
        let part = ChannelLayout { rows: rows.len(), ..layout };
        let draws = draws(2).skipping((rows.start * 5) as u64);
        let x = tensor(&x[rows.start * 5..rows.end * 5], [rows.len(), 5], &device);
        let (zero, bias) = (x.zeros_like(), Tensor::zeros([2, 5], (&device, DType::F64)));
        let signed = values(perturb_signs(x.clone(), draws, part, true));
        (signed, values(add_noise(zero, x.square(), bias, draws, part, Epilogue::Linear)))
    };
    let (whole, first, second) = (run(0..8), run(0..3), run(3..8));
    for s in 0..2 {
        let joined = |a: &[f64], b: &[f64]| [&a[s * 15..(s + 1) * 15], &b[s * 25..(s + 1) * 25]].concat();
        assert_eq!(joined(&first.0, &second.0), whole.0[s * 40..(s + 1) * 40]);
        assert_eq!(joined(&first.1, &second.1), whole.1[s * 40..(s + 1) * 40]);
    }
}

#[test]
fn no_rows_and_half_precision() {
    let empty = ChannelLayout { rows: 0, ..ANY };
    let x = Tensor::<4>::zeros([0, 2, 4, 3], &device());
    let bias = Tensor::<2>::zeros([2, 4], &device());
    assert_eq!(perturb_signs(x.clone(), draws(2), empty, true).dims(), [0, 2, 4, 3]);
    let noisy = add_noise(x.clone(), x.clone(), bias.clone(), draws(2), empty, Epilogue::Relu);
    assert_eq!(noisy.dims(), [0, 2, 4, 3]);
    assert_eq!(add_perturbation(x.clone(), x, bias, draws(2), empty, Epilogue::Relu).dims(), [0, 2, 4, 3]);

    let half = Tensor::<2>::ones([3, 4], (&device_with(DType::F16), DType::F16));
    let layout = ChannelLayout { before: 1, after: 1, ..ANY };
    let signed = perturb_signs(half, draws(1), layout, false);
    assert_eq!(signed.dtype(), DType::F16);
    assert_eq!(values(signed), values(sign_noise(&double(), draws(1), 12)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// S samples at once are S passes of one sample each.
    #[test]
    fn samples_are_single_passes(
        rows in 1_usize..5, before in 1_usize..4, channels in 1_usize..7, after in 1_usize..4, samples in 1_usize..5,
        shared: bool,
    ) {
        let layout = ChannelLayout { rows, before, channels, after };
        let copies = if shared { 1 } else { samples };
        let (x, shape) = input(layout, copies, "x");
        let (p, whole) = input(layout, samples, "p");
        let b = normals(13, "b", samples * channels);
        let device = device();
        let n = layout.elements();
        let together = {
            let (x, p) = (tensor(&x, shape, &device), tensor(&p, whole, &device));
            let b = tensor(&b, [samples, channels], &device);
            let signed = perturb_signs(x.clone(), draws(samples), layout, shared);
            let flipped = add_perturbation(x.clone(), p, b.clone(), draws(samples), layout, Epilogue::Relu);
            let noisy = add_noise(x.clone(), x.square(), b, draws(samples), layout, Epilogue::Relu);
            [values(signed), values(flipped), values(noisy)]
        };
        for s in 0..samples {
            let draws = Draws { first: 5 + s as u64, ..draws(1) };
            let at = if shared { 0 } else { s * n };
            let one = [rows, before, channels, after];
            let (x, p) = (tensor(&x[at..at + n], one, &device), tensor(&p[s * n..(s + 1) * n], one, &device));
            let b = tensor(&b[s * channels..(s + 1) * channels], [1, channels], &device);
            let signed = perturb_signs(x.clone(), draws, layout, true);
            let flipped = add_perturbation(x.clone(), p, b.clone(), draws, layout, Epilogue::Relu);
            let noisy = add_noise(x.clone(), x.square(), b, draws, layout, Epilogue::Relu);
            for (together, apart) in together.iter().zip([values(signed), values(flipped), values(noisy)]) {
                prop_assert_eq!(&together[s * n..(s + 1) * n], &apart[..]);
            }
        }
    }
}

//! Noise and reparameterised draws: values, laws, gradients, chunks and threads.

mod support;

use burn::tensor::{DType, Tensor, TensorData};
use elbo_kernels::noise::{normal, sign, uniform};
use elbo_kernels::reference::scale::machine_epsilon;
use elbo_kernels::{Stream, normal_noise, sample_normal, sign_noise, uniform_noise};
use support::{assert_close, device, device_with, dot, has_f64, message, normals, parameter, tensor, types, values};

fn stream() -> Stream {
    Stream::named(20_261_124, "conv1d/kernel")
}

fn empty(dtype: DType) -> Tensor<1> {
    Tensor::zeros([1], (&device_with(dtype), dtype))
}

fn softplus(u: f64) -> f64 {
    u.max(0.0) + (-u.abs()).exp().ln_1p()
}

/// The first values of a named stream, bit for bit. A change here is value-breaking: it changes every result of every
/// user and must be announced as such.
#[test]
fn values_are_stable() {
    let draws = Stream::named(42, "conv1d/kernel").draws(3, 1);
    let short = normal_noise(&empty(DType::F32), draws, 5).into_data().try_into_vec::<f32>().unwrap();
    let long = normal_noise(&empty(DType::F64), draws, 3).into_data().try_into_vec::<f64>().unwrap();
    assert_eq!(short.iter().map(|z| z.to_bits()).collect::<Vec<_>>(), STABLE_F32);
    assert_eq!(long.iter().map(|z| z.to_bits()).collect::<Vec<_>>(), STABLE_F64);
}
const STABLE_F32: [u32; 5] = [0x3ef6_ab25, 0xbedd_ac96, 0x3f37_f1a7, 0xc007_c697, 0x3fa0_59cc];
const STABLE_F64: [u64; 3] = [0x3fe2_1366_eb69_c539, 0x3fd4_498e_7a89_2f90, 0xbff6_df95_762e_aa53];

/// The same bits on every device as on the host, of every kind of noise.
#[test]
fn devices_do_not_matter() {
    let (n, draws) = (10_007, stream().draws((1 << 32) - 1, 3));
    let (single, double) = (empty(DType::F32), empty(DType::F64));
    let found = [normal_noise(&single, draws, n), uniform_noise(&single, draws, n), sign_noise(&single, draws, n)];
    let expected = [normal::normals_f32(draws, n), uniform::uniforms_f32(draws, n), sign::signs(draws, n)];
    for (found, expected) in found.into_iter().zip(expected) {
        let found = found.into_data().try_into_vec::<f32>().unwrap();
        assert!(found.iter().map(|x| x.to_bits()).eq(expected.iter().map(|x| x.to_bits())));
    }
    let found = [normal_noise(&double, draws, n), uniform_noise(&double, draws, n)];
    let expected = [normal::normals_f64(draws, n), uniform::uniforms_f64(draws, n)];
    for (found, expected) in found.into_iter().zip(expected) {
        let found = found.into_data().try_into_vec::<f64>().unwrap();
        assert!(found.iter().map(|x| x.to_bits()).eq(expected.iter().map(|x| x.to_bits())));
    }
}

/// Twelve pairs of streams or draws that differ in one thing. A correlation of n independent pairs of normals has
/// standard error `1 / sqrt(n)`; 5.2 of them make an error rate below 3e-6 for all pairs in both types (fixed seed).
#[test]
fn streams_and_draws_are_independent() {
    let n = 100_000;
    let base = stream();
    let others = [
        base.draws(1, 1),
        base.draws(2, 1),
        base.draws(1 << 32, 1),
        base.draws(1 << 24, 1),
        Stream { seed: base.seed + 1, ..base }.draws(0, 1),
        Stream { seed: base.seed ^ (1 << 40), ..base }.draws(0, 1),
        Stream { id: base.id + 1, ..base }.draws(0, 1),
        Stream { id: base.id ^ (1 << 63), ..base }.draws(0, 1),
        Stream::named(base.seed, "conv1d/bias").draws(0, 1),
        Stream::named(base.seed, "conv2d/kernel").draws(0, 1),
        Stream::named(base.seed, "conv1d/kernel#1").draws(0, 1),
        Stream::named(base.seed, "").draws(0, 1),
    ];
    for dtype in [DType::F32, DType::F64] {
        let first = values(normal_noise(&empty(dtype), base.draws(0, 1), n));
        for other in others {
            let second = values(normal_noise(&empty(dtype), other, n));
            let z = dot(&first, &second) / f64::from(100_000).sqrt();
            assert!(z.abs() < 5.2, "{dtype:?}, {other:?}: {z} standard errors");
        }
    }
}

/// Kolmogorov-Smirnov: the distance times `sqrt(n)` exceeds 2.7 with probability `2 exp(-2 · 2.7²) < 1e-6`. The
/// moments: those of z, z², z³, z⁴ have variance 1, 2, 15, 96; 5.2 standard errors each, 2e-7 (fixed seeds).
#[test]
#[allow(clippy::cast_precision_loss)] // 100 000 is exact
fn every_draw_is_normal() {
    let n = 100_000;
    let root = (n as f64).sqrt();
    for (dtype, draw) in [(DType::F32, 0), (DType::F32, 7), (DType::F64, 0), (DType::F64, 1 << 33)] {
        let mut z = values(normal_noise(&empty(dtype), stream().draws(draw, 1), n));
        for (power, mean, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0_f64)] {
            let found = z.iter().map(|z| z.powi(power)).sum::<f64>() / n as f64;
            assert!((found - mean).abs() * root < 5.2 * variance.sqrt(), "{dtype:?}: moment {power} is {found}");
        }
        z.sort_by(f64::total_cmp);
        let gap = |(i, z): (usize, &f64)| {
            let law = 0.5 * libm::erfc(-z / core::f64::consts::SQRT_2);
            (law - i as f64 / n as f64).abs().max((law - (i + 1) as f64 / n as f64).abs())
        };
        let distance = z.iter().enumerate().map(gap).fold(0.0, f64::max);
        assert!(distance * root < 2.7, "{dtype:?}, draw {draw}: distance {distance}");
    }
}

#[test]
fn a_sample_is_loc_plus_scale_times_noise() {
    if !has_f64() {
        return;
    }
    let (n, draws) = (1001, stream().draws(4, 3));
    let (loc, u) = (normals(1, "loc", n), normals(1, "u", n));
    let device = device();
    let found = sample_normal(tensor(&loc, [7, 143], &device), tensor(&u, [7, 143], &device), draws);
    assert_eq!(found.dims(), [3, n]);
    let noise = values(normal_noise(&empty(DType::F64), draws, n));
    let expected: Vec<f64> = (0..3 * n).map(|i| loc[i % n] + (f64::EPSILON + softplus(u[i % n])) * noise[i]).collect();
    assert_close("sample", &values(found), &expected, 1e-14);
}

/// `dloc = Σ_s g_s`, `du = Σ_s g_s noise_s / (1 + e^-u)`.
#[test]
fn gradients_are_the_closed_forms() {
    if !has_f64() {
        return;
    }
    let n = 57;
    for samples in [1, 4] {
        let draws = stream().draws(9, samples);
        let (loc, u) = (normals(2, "loc", n), normals(2, "u", n));
        let g = normals(2, "g", samples * n);
        let parameters = [parameter(&loc, [n]), parameter(&u, [n])];
        let sample = sample_normal(parameters[0].clone(), parameters[1].clone(), draws);
        let weights = tensor(&g, [samples, n], &sample.device());
        let grads = (sample * weights).sum().backward();
        let noise = values(normal_noise(&empty(DType::F64), draws, n));
        let over_samples = |f: &dyn Fn(usize) -> f64, i: usize| (0..samples).map(|s| f(s * n + i)).sum::<f64>();
        let dloc: Vec<f64> = (0..n).map(|i| over_samples(&|at| g[at], i)).collect();
        let slope = |i: usize| 1.0 / (1.0 + (-u[i]).exp());
        let du: Vec<f64> = (0..n).map(|i| slope(i) * over_samples(&|at| g[at] * noise[at], i)).collect();
        assert_close("loc", &values(parameters[0].grad(&grads).unwrap()), &dloc, 1e-13);
        assert_close("u", &values(parameters[1].grad(&grads).unwrap()), &du, 1e-13);
    }
}

#[test]
fn chunks_of_draws_are_rows_of_the_whole() {
    for dtype in types([DType::F32, DType::F64]) {
        let make = |name| {
            Tensor::<1>::from_data(TensorData::from(normals(3, name, 33).as_slice()), (&device_with(dtype), dtype))
        };
        let draw = |first, samples| values(sample_normal(make("loc"), make("u"), stream().draws(first, samples)));
        let whole = draw(5, 6);
        assert_eq!([draw(5, 1), draw(6, 3), draw(9, 2)].concat(), whole, "{dtype:?}");
        assert!(draw(5, 0).is_empty());
    }
}

/// Half precision works on the rounded `f32` noise. Five roundings (loc, u, softplus, noise, product) and the sum, each
/// half a unit of `eps` relative to a term: 6 eps of `|loc| + scale |z|` is ample, and no other draw would pass.
#[test]
fn half_precision_draws_and_differentiates() {
    let (n, draws) = (200, stream().draws(0, 2));
    let (loc, u) = (normals(4, "loc", n), normals(4, "u", n));
    let noise = values(normal_noise(&empty(DType::F32), draws, n));
    for dtype in types([DType::F16, DType::BF16]) {
        let epsilon = machine_epsilon(dtype);
        let device = device_with(dtype).autodiff();
        let make = |x: &[f64]| Tensor::<1>::from_data(TensorData::from(x), (&device, dtype)).require_grad();
        let (loc_tensor, u_tensor) = (make(&loc), make(&u));
        let sample = sample_normal(loc_tensor.clone(), u_tensor.clone(), draws);
        assert_eq!(sample.dtype(), dtype);
        for (i, found) in values(sample.clone()).into_iter().enumerate() {
            let term = (epsilon + softplus(u[i % n])) * noise[i];
            let bound = 6.0 * epsilon * (loc[i % n].abs() + term.abs() + noise[i].abs());
            assert!((found - loc[i % n] - term).abs() <= bound, "{dtype:?} {i}: {found}");
        }
        let grads = sample.sum().backward();
        assert_close("loc", &values(loc_tensor.grad(&grads).unwrap()), &vec![2.0; n], 0.0);
        for (i, found) in values(u_tensor.grad(&grads).unwrap()).into_iter().enumerate() {
            let expected = (noise[i] + noise[n + i]) / (1.0 + (-u[i]).exp());
            let bound = 6.0 * epsilon * (noise[i].abs() + noise[n + i].abs());
            assert!((found - expected).abs() <= bound, "{dtype:?} {i}: {found}, expected {expected}");
        }
    }
}

/// Samples and gradients on more than one task's elements.
#[test]
fn threads_do_not_matter() {
    if !has_f64() {
        return;
    }
    let n = 100_003;
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let x = [parameter(&normals(5, "loc", n), [n]), parameter(&normals(5, "u", n), [n])];
            let sample = sample_normal(x[0].clone(), x[1].clone(), stream().draws(1, 2));
            let grads = sample.clone().square().sum().backward();
            [values(sample), values(x[0].grad(&grads).unwrap()), values(x[1].grad(&grads).unwrap())].concat()
        })
    };
    assert!(run(1) == run(2), "one and two threads differ");
}

#[test]
fn shapes_must_agree() {
    let make = |n: usize| tensor(&vec![1.0; n], [n], &device());
    let found = message(|| sample_normal(make(3), make(2), stream().draws(0, 1)));
    assert!(found.contains("untransformed_scale: expected the shape of `loc`"), "{found}");
}

/// Before memory is asked for.
#[test]
fn more_than_can_be_addressed_is_refused() {
    let many = message(|| normal::normals_f32(stream().draws(0, usize::MAX / 2), 3));
    assert!(many.contains("the draws of all samples fit into memory"), "{many}");
}

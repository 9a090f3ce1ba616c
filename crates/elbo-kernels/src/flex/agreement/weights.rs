//! What is done to weights: noise, samples, divergences, squares, steps.

use super::{Case, TYPES, absolute, draws, numbers, random, tensor, values};
use crate::VariationalOps;
use crate::adam::AdamStep;
use crate::reference::{adam, kl, perturbation, sample, sgd, squares};
use crate::sgd::SgdStep;
use burn::backend::{Flex, flex::FlexTensor};
use burn::tensor::DType;

/// None, one, a block and a bit, and enough for threads.
pub(super) const SIZES: [usize; 4] = if cfg!(miri) { [0, 1, 17, 300] } else { [0, 1, 1025, 40_003] };

/// The largest standard normal that `f32` noise has, and more than `f64` noise will show.
pub(super) const LARGEST: f64 = 7.0;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (n, dtype) in SIZES.into_iter().flat_map(|n| TYPES.map(|dtype| (n, dtype))) {
        for samples in [0, 1, 3] {
            cases.extend(noise(n, samples, dtype));
            cases.extend(sampling(n, samples, dtype));
        }
        for prior in [[1, 1], [n, 1], [1, n], [n, n]] {
            if n > 0 {
                cases.extend(divergences(n, prior, dtype));
            }
        }
        cases.extend([sum_squares(n, dtype), sum_squares_backward(n, dtype), adam_step(n, dtype)]);
        cases.extend([false, true].map(|nesterov| sgd_step(n, nesterov, dtype)));
    }
    cases
}

/// Bits: noise is the same on every path.
fn noise(n: usize, samples: usize, dtype: DType) -> [Case; 2] {
    let (sizes, like, draws) = ((n, samples, dtype), random("like", [2], dtype), draws(samples));
    [
        Case::new(
            "normal_noise",
            sizes,
            [like.clone()],
            move |x| vec![Flex::normal_noise(x[0].clone(), draws, n)],
            move |x| vec![sample::normal_noise::<Flex>(&x[0], draws, n)],
        ),
        Case::new(
            "sign_noise",
            sizes,
            [like],
            move |x| vec![Flex::sign_noise(x[0].clone(), draws, n)],
            move |x| vec![perturbation::sign_noise::<Flex>(&x[0], draws, n)],
        ),
    ]
}

/// Softplus and slope err by four units, the default's by about as much.
fn sampling(n: usize, samples: usize, dtype: DType) -> Vec<Case> {
    let sizes = (n, samples, dtype);
    let draws = draws(samples);
    let [loc, u, grad] = [random("loc", [n], dtype), random("u", [n], dtype), random("g", [samples, n], dtype)];
    let sample = Case::new(
        "sample_normal",
        sizes,
        [loc.clone(), u.clone()],
        move |x| vec![Flex::sample_normal(x[0].clone(), x[1].clone(), draws)],
        move |x| vec![sample::sample_normal::<Flex>(x[0].clone(), x[1].clone(), draws)],
    );
    let of_weight = |(loc, u): (f64, f64)| loc.abs() + LARGEST * (1.0 + u.abs());
    let size = || values(&loc).into_iter().zip(values(&u)).map(of_weight);
    let sample = only_rounded(sample, dtype, 16, || vec![(0..samples).flat_map(|_| size()).collect()]);
    if samples == 0 {
        return vec![sample];
    }
    let backward = Case::new(
        "sample_normal_backward",
        sizes,
        [u, grad.clone()],
        move |x| pair(Flex::sample_normal_backward(x[0].clone(), x[1].clone(), draws)),
        move |x| pair(sample::sample_normal_backward::<Flex>(x[0].clone(), x[1].clone(), draws)),
    );
    let sums = || columns(&values(&absolute(&grad)), n);
    let larger = || sums().into_iter().map(|sum| sum * LARGEST).collect();
    vec![sample, only_rounded(backward, dtype, 16 + 2 * samples, || vec![sums(), larger()])]
}

fn pair((a, b): (FlexTensor, FlexTensor)) -> Vec<FlexTensor> {
    vec![a, b]
}

/// Sums over the rows of `[_, n]`.
pub(super) fn columns(values: &[f64], n: usize) -> Vec<f64> {
    let mut sums = vec![0.0; n];
    for row in values.chunks(n.max(1)) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    sums
}

/// Types without code of their own have the default body's bits.
pub(super) fn only_rounded(case: Case, dtype: DType, roundings: usize, sizes: impl FnOnce() -> Vec<Vec<f64>>) -> Case {
    if dtype == DType::F32 { case.rounding(roundings, sizes()) } else { case }
}

/// Sums are at most 4096 terms long before they are added, by default.
fn in_chunks(n: usize) -> usize {
    n.min(4096) + n / 4096 + 16
}

fn divergences(n: usize, [locs, scales]: [usize; 2], dtype: DType) -> [Case; 3] {
    let sizes = (n, locs, scales, dtype);
    let scale = numbers("prior scale", scales).iter().map(|z| 0.5 + z.abs()).collect();
    let (loc, u) = (random("loc", [n], dtype), random("u", [n], dtype));
    let weights = [loc, u, random("prior", [locs], dtype), tensor(scale, [scales], dtype)];
    let grad = tensor(vec![0.7], [1], dtype);
    let with_grad = || weights.clone().into_iter().chain([grad.clone()]);
    let terms = Terms::new(&weights);
    let forward = Case::new(
        "kl_normal",
        sizes,
        weights.clone(),
        |x| vec![Flex::kl_normal(x[0].clone(), x[1].clone(), x[2].clone(), x[3].clone())],
        |x| vec![kl::kl_normal::<Flex>(x[0].clone(), x[1].clone(), x[2].clone(), x[3].clone())],
    );
    let backward = Case::new(
        "kl_normal_backward",
        sizes,
        with_grad(),
        |x| {
            let [m, u, p, s, g] = five(x);
            let (a, b, c, d) = Flex::kl_normal_backward(m, u, p, s, g);
            vec![a, b, c, d]
        },
        |x| {
            let [m, u, p, s, g] = five(x);
            let (a, b, c, d) = kl::kl_normal_backward::<Flex>(m, u, p, s, g);
            vec![a, b, c, d]
        },
    );
    let posterior = Case::new(
        "kl_normal_backward_posterior",
        sizes,
        with_grad(),
        |x| {
            let [m, u, p, s, g] = five(x);
            pair(Flex::kl_normal_backward_posterior(m, u, p, s, g))
        },
        |x| {
            let [m, u, p, s, g] = five(x);
            pair(kl::kl_normal_backward_posterior::<Flex>(m, u, p, s, g))
        },
    );
    let summed = |sizes: &[f64], len: usize| if len == n { sizes.to_vec() } else { vec![sizes.iter().sum()] };
    let Terms { value, of_loc, of_u, of_scale } = &terms;
    let [roundings, of_sums] = [32, 32 + 2 * in_chunks(n)];
    let gradients = [of_loc.clone(), of_u.clone(), summed(of_loc, locs), summed(of_scale, scales)].to_vec();
    [
        only_rounded(forward, dtype, of_sums, || {
            vec![value.iter().sum::<f64>()].into_iter().map(|x| vec![x]).collect()
        }),
        only_rounded(backward, dtype, if locs + scales == 2 * n { roundings } else { of_sums }, || gradients),
        only_rounded(posterior, dtype, roundings, || vec![of_loc.clone(), of_u.clone()]),
    ]
}

fn five(x: Vec<FlexTensor>) -> [FlexTensor; 5] {
    x.try_into().unwrap_or_else(|_| panic!("five arguments"))
}

/// What the terms of a divergence and of its gradients are made of.
struct Terms {
    value: Vec<f64>,
    of_loc: Vec<f64>,
    of_u: Vec<f64>,
    of_scale: Vec<f64>,
}

impl Terms {
    fn new(weights: &[FlexTensor; 4]) -> Self {
        let [loc, u, prior_loc, prior_scale] = weights.each_ref().map(values);
        let n = loc.len();
        let at = |values: &[f64], i: usize| values[if values.len() == 1 { 0 } else { i }];
        let mut terms = Self { value: vec![], of_loc: vec![], of_u: vec![], of_scale: vec![] };
        for i in 0..n {
            let (m, scale) = (at(&prior_loc, i), at(&prior_scale, i));
            let distance = (loc[i].abs() + m.abs()) / scale;
            let ratio = u[i].exp().ln_1p() / scale;
            let squares = distance * distance + ratio * ratio + 1.0;
            terms.value.push(squares + ratio.ln().abs());
            terms.of_loc.push(distance / scale);
            terms.of_u.push((ratio + 1.0 / ratio) / scale);
            terms.of_scale.push(squares / scale);
        }
        terms
    }
}

fn sum_squares(n: usize, dtype: DType) -> Case {
    let x = random("x", [n], dtype);
    let size = values(&x).into_iter().map(|x| x * x).sum();
    let case = Case::new(
        "sum_squares",
        (n, dtype),
        [x],
        |x| vec![Flex::sum_squares(x[0].clone())],
        |x| vec![squares::sum_squares::<Flex>(x[0].clone())],
    );
    only_rounded(case, dtype, 2 * in_chunks(n), || vec![vec![size]])
}

fn sum_squares_backward(n: usize, dtype: DType) -> Case {
    let x = random("x", [n], dtype);
    let sizes = values(&absolute(&x));
    let case = Case::new(
        "sum_squares_backward",
        (n, dtype),
        [x, tensor(vec![0.3], [1], dtype)],
        |x| vec![Flex::sum_squares_backward(x[0].clone(), x[1].clone())],
        |x| vec![squares::sum_squares_backward::<Flex>(x[0].clone(), x[1].clone())],
    );
    only_rounded(case, dtype, 4, || vec![sizes])
}

/// The same operations in the same order.
fn adam_step(n: usize, dtype: DType) -> Case {
    let step = AdamStep::new(0.01, [0.9, 0.999], 1e-6, 3);
    let second = numbers("v", n).iter().map(|x| x * x).collect();
    let [p, g, m] = ["p", "g", "m"].map(|name| random(name, [n], dtype));
    let all = |(a, b, c): (FlexTensor, FlexTensor, FlexTensor)| vec![a, b, c];
    Case::new(
        "adam_step",
        (n, dtype),
        [p, g, m, tensor(second, [n], dtype)],
        move |x| all(Flex::adam_step(x[0].clone(), x[1].clone(), x[2].clone(), x[3].clone(), step)),
        move |x| all(adam::adam_step::<Flex>(x[0].clone(), x[1].clone(), x[2].clone(), x[3].clone(), step)),
    )
}

/// The same operations in the same order.
fn sgd_step(n: usize, nesterov: bool, dtype: DType) -> Case {
    let step = SgdStep { learning_rate: 0.01, momentum: 0.9, nesterov };
    let both = |(a, b): (FlexTensor, FlexTensor)| vec![a, b];
    Case::new(
        "sgd_step",
        (n, nesterov, dtype),
        ["p", "g", "v"].map(|name| random(name, [n], dtype)),
        move |x| both(Flex::sgd_step(x[0].clone(), x[1].clone(), x[2].clone(), step)),
        move |x| both(sgd::sgd_step::<Flex>(x[0].clone(), x[1].clone(), x[2].clone(), step)),
    )
}

/// More samples than a task has rows, on enough elements for threads.
#[test]
fn many_samples() {
    let n = if cfg!(miri) { 20 } else { 2500 };
    sampling(n, 17, DType::F32).iter().for_each(Case::check);
}

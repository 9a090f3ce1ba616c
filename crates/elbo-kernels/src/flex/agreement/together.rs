//! What else estimators make of weights, and all gradients of a pass together.

use super::weights::{LARGEST, SIZES, columns, only_rounded};
use super::{Case, TYPES, absolute, draws, random, tensor, values};
use crate::VariationalOps;
use crate::reference::{squares, weights};
use crate::weight_use::WeightUse;
use burn::backend::{Flex, flex::FlexTensor};
use burn::tensor::DType;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (n, dtype) in SIZES.into_iter().flat_map(|n| TYPES.map(|dtype| (n, dtype))) {
        cases.extend(moments(n, dtype));
        cases.extend(square(n, dtype));
        for samples in [1, 3] {
            for shifted in [true, false] {
                cases.push(gradients(n, dtype, WeightUse::Draws { draws: draws(samples), shifted }));
            }
        }
        for weight_use in [WeightUse::Nothing, WeightUse::Variance] {
            cases.push(gradients(n, dtype, weight_use));
        }
    }
    cases
}

/// Softplus and its slope err by some units, both ways.
fn moments(n: usize, dtype: DType) -> [Case; 3] {
    let [loc, u, grad] = [random("loc", [n], dtype), random("u", [n], dtype), random("g", [1, n], dtype)];
    let scale = |u: &FlexTensor| values(u).into_iter().map(|u| 1.0 + u.abs()).collect::<Vec<f64>>();
    let squares: Vec<f64> = scale(&u).into_iter().map(|scale| scale * scale).collect();
    let slopes: Vec<f64> = scale(&u).into_iter().zip(values(&absolute(&grad))).map(|(s, g)| 2.0 * s * g).collect();
    let mean = Case::new(
        "normal_mean",
        (n, dtype),
        [loc, u.clone()],
        |x| vec![Flex::normal_mean(x[0].clone(), x[1].clone())],
        |x| vec![weights::row::<Flex>(x[0].clone())],
    );
    let variance = Case::new(
        "normal_variance",
        (n, dtype),
        [u.clone()],
        |x| vec![Flex::normal_variance(x[0].clone())],
        |x| vec![weights::normal_variance::<Flex>(x[0].clone())],
    );
    let backward = Case::new(
        "normal_variance_backward",
        (n, dtype),
        [u, grad],
        |x| vec![Flex::normal_variance_backward(x[0].clone(), x[1].clone())],
        |x| vec![weights::normal_variance_backward::<Flex>(x[0].clone(), x[1].clone())],
    );
    [mean, only_rounded(variance, dtype, 32, || vec![squares]), only_rounded(backward, dtype, 32, || vec![slopes])]
}

/// The same operations in the same order.
fn square(n: usize, dtype: DType) -> [Case; 2] {
    let [x, grad] = [random("x", [n], dtype), random("g", [n], dtype)];
    let [forward, backward] = [
        Case::new(
            "square",
            (n, dtype),
            [x.clone()],
            |x| vec![Flex::square(x[0].clone())],
            |x| vec![squares::square::<Flex>(x[0].clone())],
        ),
        Case::new(
            "square_backward",
            (n, dtype),
            [x.clone(), grad.clone()],
            |x| vec![Flex::square_backward(x[0].clone(), x[1].clone())],
            |x| vec![squares::square_backward::<Flex>(x[0].clone(), x[1].clone())],
        ),
    ];
    let products: Vec<f64> = values(&x).into_iter().zip(values(&grad)).map(|(x, g)| 2.0 * (x * g).abs()).collect();
    [forward, only_rounded(backward, dtype, 4, || vec![products])]
}

/// Under a prior with one location and scale.
fn gradients(n: usize, dtype: DType, weight_use: WeightUse) -> Case {
    let rows = match weight_use {
        WeightUse::Nothing => 0,
        WeightUse::Draws { draws, .. } => draws.samples,
        WeightUse::Variance => 1,
    };
    let of_use = if rows == 0 { random("use", [0], dtype) } else { random("use", [rows, n], dtype) };
    let (loc, u, of_loc) = (random("loc", [n], dtype), random("u", [n], dtype), random("mean", [1, n], dtype));
    let [prior_loc, prior_scale, grad] = [0.3, 0.8, 0.7].map(|x| tensor(vec![x], [1], dtype));
    let sums = if rows == 0 { vec![0.0; n] } else { columns(&values(&absolute(&of_use)), n) };
    let (locs, us, means) = (values(&loc), values(&u), values(&of_loc));
    let of_locs = (0..n).map(|i| (locs[i].abs() + 0.3) / 0.64 + means[i].abs() + sums[i]).collect();
    let of_u = |i: usize| {
        let ratio = us[i].exp().ln_1p() / 0.8;
        (ratio + 1.0 / ratio) / 0.8 + sums[i] * LARGEST.max(2.0 + 2.0 * us[i].abs())
    };
    let of_us = (0..n).map(of_u).collect();
    let case = Case::new(
        "normal_backward",
        (n, dtype, weight_use),
        [loc, u, prior_loc, prior_scale, grad, of_loc, of_use],
        move |x| {
            let [m, u, p, s, g, l, w] = seven(x);
            pair(Flex::normal_backward(m, u, p, s, g, l, w, weight_use))
        },
        move |x| {
            let [m, u, p, s, g, l, w] = seven(x);
            pair(weights::normal_backward::<Flex>(m, u, p, s, g, l, w, weight_use))
        },
    );
    only_rounded(case, dtype, 48 + 2 * rows, || vec![of_locs, of_us])
}

fn pair((a, b): (FlexTensor, FlexTensor)) -> Vec<FlexTensor> {
    vec![a, b]
}

fn seven(x: Vec<FlexTensor>) -> [FlexTensor; 7] {
    x.try_into().unwrap_or_else(|_| panic!("seven arguments"))
}

//! Training finds what is known: the posterior of a linear model with known noise is a normal with full covariance.
//!
//! Data `y = x w + noise`, noise variance [`VARIANCE`], prior `N(0, 1)`: precision `P = 1 + Xᵀ X / v`, mean
//! `P⁻¹ Xᵀ y / v`.

use crate::fixture::*;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{DType, Tensor};
use elbo::distribution::Distribution;
use elbo::layer::{DenseVariational, DenseVariationalConfig};
use elbo::posterior::{
    Family, LocScaleOptions, LowRankOptions, PosteriorFn, TriLOptions, default_mean_field_normal_fn,
    low_rank_normal_fn, multivariate_normal_tril_fn,
};
use elbo::{Noise, Trace};

const VARIANCE: f64 = 0.5;
const EXAMPLES: usize = 12;

/// Inputs whose two columns, and the constant, are correlated.
fn data() -> (Vec<f64>, Vec<f64>) {
    let a = wave(EXAMPLES, 0.0, 1.0);
    let x: Vec<f64> = a.iter().zip(wave(EXAMPLES, 1.0, 0.5)).flat_map(|(a, b)| [a + 0.5, a + b]).collect();
    let y = x.chunks(2).zip(wave(EXAMPLES, 5.0, 0.4)).map(|(x, e)| 0.8 * x[0] - 0.5 * x[1] + 0.3 + e).collect();
    (x, y)
}

/// Mean and covariance of the three weights (two of the kernel, the bias), by Cramer's rule.
fn exact() -> ([f64; 3], [[f64; 3]; 3]) {
    let (x, y) = data();
    let row = |x: &[f64]| [x[0], x[1], 1.0];
    let mut p = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let mut b = [0.0; 3];
    for (x, y) in x.chunks(2).zip(&y) {
        let x = row(x);
        for i in 0..3 {
            b[i] += x[i] * y / VARIANCE;
            (0..3).for_each(|j| p[i][j] += x[i] * x[j] / VARIANCE);
        }
    }
    let minor = |i: usize, j: usize| {
        let (r, c) = ([(i + 1) % 3, (i + 2) % 3], [(j + 1) % 3, (j + 2) % 3]);
        p[r[0]][c[0]] * p[r[1]][c[1]] - p[r[0]][c[1]] * p[r[1]][c[0]]
    };
    let det: f64 = (0..3).map(|j| p[0][j] * minor(0, j)).sum();
    let covariance: [[f64; 3]; 3] = core::array::from_fn(|i| core::array::from_fn(|j| minor(j, i) / det));
    let mean = core::array::from_fn(|i| (0..3).map(|j| covariance[i][j] * b[j]).sum());
    (mean, covariance)
}

/// `Σ (y - x w)² / 2v + KL`, over 16 draws; first and last losses.
fn train(posterior_fn: PosteriorFn<1>, steps: usize) -> (DenseVariational, f64, f64) {
    let mut layer = DenseVariationalConfig::new(2, 1)
        .with_posterior_fn(posterior_fn)
        .with_kl_use_exact(true)
        .with_name("linear")
        .with_seed(8)
        .with_dtype(DType::F64)
        .init(&device())
        .unwrap();
    let (x, y) = data();
    let (x, y) = (tensor([EXAMPLES, 2], x), tensor([EXAMPLES, 1], y));
    let (mut optimizer, mut noise, mut losses) = (AdamConfig::new().init(), Noise::seeded(6), Vec::new());
    for step in 0..steps {
        let mut trace = Trace::sampling(&mut noise).with_samples(16);
        let distance: Tensor<2> = layer.forward(x.clone(), &mut trace) - y.clone().repeat_dim(0, 16);
        let squares = (distance.clone() * distance).sum().mul_scalar(0.5 / VARIANCE / 16.0);
        let loss = squares + trace.losses()[0].value.clone();
        losses.push(scalar(&loss));
        let grads = GradientsParams::from_grads(loss.backward(), &layer);
        assert_eq!(grads.len(), layer.variables().len(), "every parameter has a gradient");
        let rate = 0.03 * 0.01_f64.powf(float(step) / float(steps));
        layer = optimizer.step(rate, layer, grads);
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / float(losses.len());
    (layer, mean(&losses[..10]), mean(&losses[steps - 100..]))
}

#[test]
fn training_lowers_the_loss_of_every_kind() {
    let kinds: [PosteriorFn<1>; 3] = [
        default_mean_field_normal_fn(LocScaleOptions::default()),
        multivariate_normal_tril_fn(TriLOptions::default()),
        low_rank_normal_fn(LowRankOptions::new(1)),
    ];
    let last: Vec<f64> = kinds
        .into_iter()
        .map(|kind| {
            let (layer, first, last) = train(kind, 600);
            assert!(last < 0.7 * first, "{}: from {first} to {last}", layer.weights.posterior.name());
            last
        })
        .collect();
    // Correlations are worth something here.
    assert!(last[1] < last[0] - 0.1 && last[2] < last[0] - 0.1, "{last:?}");
}

#[test]
fn a_full_covariance_finds_the_exact_posterior() {
    let (mean, covariance) = exact();
    let (layer, ..) = train(multivariate_normal_tril_fn(TriLOptions::default()), 3000);
    let Family::MultivariateNormalTriL(q) = &layer.weights.posterior else { panic!("another family") };
    let (found_mean, found) = (values(&q.mean()), values(&q.covariance()));
    for i in 0..3 {
        let deviation = covariance[i][i].sqrt();
        assert!((found_mean[i] - mean[i]).abs() < 0.05 * deviation, "mean {i}: {} for {}", found_mean[i], mean[i]);
        for j in 0..3 {
            let scale = deviation * covariance[j][j].sqrt();
            let distance = (found[3 * i + j] - covariance[i][j]) / scale;
            assert!(distance.abs() < 0.05, "{i}, {j}: {} for {}", found[3 * i + j], covariance[i][j]);
        }
    }
    // They are correlated: a mean-field normal could not.
    assert!(covariance[0][1].abs() > 0.3 * (covariance[0][0] * covariance[1][1]).sqrt(), "{covariance:?}");
}

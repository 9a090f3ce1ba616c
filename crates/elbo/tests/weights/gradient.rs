//! Gradients of draws, densities and divergences against central differences.

use crate::fixture::*;
use burn::module::Module;
use burn::tensor::{DType, Tensor, TensorData};
use elbo::distribution::Distribution;
use elbo::layer::{DenseVariational, DenseVariationalConfig};
use elbo::posterior::{
    Family, LocScaleOptions, LowRankOptions, Posterior, PosteriorFn, TriLOptions, default_mean_field_normal_fn,
    low_rank_normal_fn, multivariate_normal_tril_fn,
};
use elbo::prior::{
    HorseshoePrior, LaplacePrior, Learned, LearnedNormalOptions, Prior, PriorFn, StudentTPrior, fixed_prior,
    learned_normal_prior_fn,
};
use elbo::record::{load_parameters, parameters};
use elbo::variable::Initializer;
use elbo::{Activation, Noise, Trace};
use std::path::Path;

/// Step of the central differences: they err by `h²` and by `1e-16 |loss| / h`.
const STEP: f64 = 1e-5;
/// What that leaves, for losses of some hundred nats.
const TOLERANCE: f64 = 2e-7;

/// Compares the gradients of `loss` in every parameter and in `x`.
fn check<M: Module + Clone>(what: &str, module: &M, x: &Tensor<2>, loss: impl Fn(&M, Tensor<2>) -> Tensor<1>) {
    let tracked = x.clone().detach().require_grad();
    let of_x = tracked.grad(&loss(module, tracked.clone()).backward()).map(|g| values(&g));
    let of_parameters = gradients(module, &loss(module, x.clone()));
    let start = parameters(module);
    assert_eq!(of_parameters.len(), start.len(), "{what}: every parameter has a gradient");
    for (name, data) in &start {
        let slope = |values: Vec<f64>| {
            let mut moved = start.clone();
            moved.insert(name.clone(), TensorData::new(values, data.shape().clone()));
            let module = load_parameters(module.clone(), &moved, Path::new("moved")).unwrap();
            scalar(&loss(&module, x.clone()))
        };
        let at = data.clone().try_into_vec_as::<f64>().unwrap();
        close(&format!("{what}, {name}"), &of_parameters[name], &differences(&at, slope));
    }
    if let Some(of_x) = of_x {
        let slope = |values| scalar(&loss(module, tensor(x.dims(), values)));
        close(&format!("{what}, x"), &of_x, &differences(&values(x), slope));
    }
}

fn close(what: &str, got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= TOLERANCE * (1.0 + want.abs()), "{what}: expected {want}, found {got}");
    }
}

fn differences(at: &[f64], f: impl Fn(Vec<f64>) -> f64) -> Vec<f64> {
    let moved = |i: usize, by: f64| {
        let mut values = at.to_vec();
        values[i] += by;
        f(values)
    };
    (0..at.len()).map(|i| (moved(i, STEP) - moved(i, -STEP)) / (2.0 * STEP)).collect()
}

#[test]
fn log_densities_have_the_slopes_of_their_values() {
    let x = tensor([3, N], wave(3 * N, 0.9, 1.5));
    for (posterior, _) in normals() {
        // Weights make the slopes of the three values different.
        let weights = tensor([3], vec![1.0, -0.4, 0.7]);
        check(posterior.name(), &posterior, &x, |q: &Family<2>, x| (q.log_prob(x) * weights.clone()).sum());
    }
}

#[test]
fn divergences_have_the_slopes_of_their_values() {
    let x = tensor([1, N], vec![0.0; N]);
    let laplace = Prior::Laplace(LaplacePrior::new(0.2, 0.6));
    for (posterior, _) in normals() {
        for prior in [Prior::normal(0.3, 0.8), laplace.clone()] {
            let what = format!("{} to {}", posterior.name(), prior.name());
            // A term in x, so that it is on the tape.
            check(&what, &posterior, &x, |q: &Family<2>, x| q.kl(&prior).unwrap() + (x.clone() * x).sum());
        }
    }
}

fn posteriors() -> [PosteriorFn<1>; 3] {
    let loc_scale = LocScaleOptions {
        untransformed_scale_initializer: Initializer::Normal { mean: -0.5, stddev: 0.3 },
        ..LocScaleOptions::default()
    };
    let wide = Initializer::Normal { mean: 0.0, stddev: 0.4 };
    let tril =
        TriLOptions { loc_scale: loc_scale.clone(), off_diagonal_initializer: wide.clone(), ..TriLOptions::default() };
    let low_rank = LowRankOptions { loc_scale: loc_scale.clone(), factor_initializer: wide, ..LowRankOptions::new(2) };
    [default_mean_field_normal_fn(loc_scale), multivariate_normal_tril_fn(tril), low_rank_normal_fn(low_rank)]
}

/// Priors, and whether there is a closed form from normals.
fn priors() -> Vec<(PriorFn<1>, bool)> {
    let learned = LearnedNormalOptions {
        loc: Learned::PerLayer(0.1),
        scale: Learned::PerElement(0.7),
        ..LearnedNormalOptions::default()
    };
    let scale = LearnedNormalOptions { scale: Learned::PerLayer(0.7), ..LearnedNormalOptions::default() };
    vec![
        (fixed_prior(Prior::normal(0.1, 0.9)), true),
        (learned_normal_prior_fn(learned), true),
        (learned_normal_prior_fn(scale), true),
        (fixed_prior(Prior::Laplace(LaplacePrior::new(0.1, 0.5))), true),
        (fixed_prior(Prior::StudentT(StudentTPrior::new(4.0, 0.0, 0.6))), false),
        (fixed_prior(Prior::Horseshoe(HorseshoePrior::new(0.4))), false),
    ]
}

/// A pass of a joint layer: draws, output and divergence together, in closed form and from the draws.
#[test]
fn layers_have_the_slopes_of_their_losses() {
    let x = tensor([2, 3], wave(6, 0.0, 1.0));
    for posterior_fn in posteriors() {
        for (prior_fn, has_kl) in priors() {
            for (exact, samples) in [(false, 1), (false, 3), (has_kl, 2)] {
                let layer = DenseVariationalConfig::new(3, 2)
                    .with_posterior_fn(posterior_fn.clone())
                    .with_prior_fn(Some(prior_fn.clone()))
                    .with_kl_use_exact(exact)
                    .with_kl_weight(0.7)
                    .with_activation(Activation::Tanh)
                    .with_name("dense")
                    .with_seed(5)
                    .with_dtype(DType::F64)
                    .init(&device())
                    .unwrap();
                let what = format!("{} to {:?}", layer.weights.posterior.name(), layer.weights.prior);
                check(&what, &layer, &x, |layer: &DenseVariational, x| {
                    let mut trace = Trace::sampling(&mut Noise::seeded(2)).with_samples(samples);
                    let output = layer.forward(x, &mut trace);
                    (output.clone() * output).sum() + trace.losses()[0].value.clone()
                });
            }
        }
    }
}

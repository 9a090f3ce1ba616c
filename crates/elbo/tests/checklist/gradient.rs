//! Rows 37, 43, 49: gradients of location, untransformed scale, bias and input against finite differences, noise held
//! fixed.

use crate::fixture::*;
use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use elbo::layer::{Conv, ConvConfig, DenseConfig};
use elbo::prior::Prior;
use elbo::record::{load_parameters, parameters};
use elbo::{Activation, Estimator, Trace};
use std::path::Path;

/// Step of the central differences: they err by `h²` and by `1e-16 |loss| / h`.
const STEP: f64 = 1e-5;
/// What that leaves, for losses of some hundred nats.
const TOLERANCE: f64 = 1e-7;

#[allow(clippy::needless_pass_by_value)] // inputs are made for the call
/// Compares the gradients of `loss` in every parameter and in the input.
fn check<M: Module + Clone, const X: usize>(module: &M, input: Tensor<X>, loss: impl Fn(&M, Tensor<X>) -> Tensor<1>) {
    let x = input.clone().require_grad();
    let value = loss(module, x.clone());
    let of_x = values(&x.grad(&value.backward()).unwrap());
    let of_parameters = gradients(module, &loss(module, input.clone()));

    let start = parameters(module);
    assert_eq!(of_parameters.len(), start.len(), "every parameter has a gradient");
    for (name, data) in &start {
        let at = data.clone().try_into_vec_as::<f64>().unwrap();
        let slope = |values: Vec<f64>| {
            let mut moved = start.clone();
            moved.insert(name.clone(), TensorData::new(values, data.shape().clone()));
            let module = load_parameters(module.clone(), &moved, Path::new("moved")).unwrap();
            scalar(&loss(&module, input.clone()))
        };
        assert_close(&of_parameters[name], &differences(&at, slope), TOLERANCE);
    }
    let slope = |values| scalar(&loss(module, tensor(input.dims(), values)));
    assert_close(&of_x, &differences(&values(&input), slope), TOLERANCE);
}

/// Central differences in every element.
fn differences(at: &[f64], f: impl Fn(Vec<f64>) -> f64) -> Vec<f64> {
    let moved = |i: usize, by: f64| {
        let mut values = at.to_vec();
        values[i] += by;
        f(values)
    };
    (0..at.len()).map(|i| (moved(i, STEP) - moved(i, -STEP)) / (2.0 * STEP)).collect()
}

/// `Σ y² + Σ losses`.
fn objective<const X: usize>(output: Tensor<X>, trace: &Trace) -> Tensor<1> {
    trace.losses().into_iter().fold((output.clone() * output).sum(), |sum, loss| sum + loss.value)
}

fn check_conv<const D: usize>(config: ConvConfig<D>, input: [usize; D], (estimator, samples): (Estimator, usize)) {
    let layer = config
        .with_estimator(estimator)
        .with_bias_posterior_fn(Some(normal()))
        .with_bias_prior(Prior::normal(0.1, 2.0))
        .with_activation(Activation::Tanh)
        .init(&device())
        .unwrap();
    check(&layer, wave(input, 0.0), |layer: &Conv<D>, x| {
        let mut trace = pass(1).with_samples(samples);
        objective(layer.forward(x, &mut trace), &trace)
    });
}

fn check_convolutions(estimator: Estimator) {
    for pass in [(estimator, 1), (estimator, 3)] {
        check_conv(conv1d(2, 3, 3).with_padding("same").with_strides(2), [2, 6, 2], pass);
        check_conv(conv1d(2, 2, 2).with_dilation_rate(2).with_data_format("channels_first"), [2, 2, 5], pass);
        check_conv(conv2d(2, 2, [2, 3]).with_padding("same"), [2, 3, 4, 2], pass);
        check_conv(conv3d(1, 2, [2, 1, 2]), [1, 3, 2, 3, 1], pass);
    }
}

#[test]
fn l37_convolution_gradients_match_differences() {
    check_convolutions(Estimator::Reparameterization);
}

#[test]
fn l43_flipout_gradients_match_differences() {
    check_convolutions(Estimator::Flipout);
    check_denses(Estimator::Flipout);
}

#[test]
fn l49_local_gradients_match_differences() {
    check_convolutions(Estimator::LocalReparameterization);
    check_denses(Estimator::LocalReparameterization);
}

fn check_dense(config: DenseConfig, samples: usize) {
    let layer = config.with_bias_posterior_fn(Some(normal())).with_bias_prior(Prior::standard_normal());
    let layer = layer.init(&device()).unwrap();
    check(&layer, wave([2, 2, 3], 0.0), |layer, x| {
        let mut trace = pass(1).with_samples(samples);
        objective(layer.forward(x, &mut trace), &trace)
    });
}

fn check_denses(estimator: Estimator) {
    for samples in [1, 3] {
        for activation in [Activation::Linear, Activation::Relu, Activation::Sigmoid, Activation::Softplus] {
            check_dense(dense(3, 2).with_estimator(estimator).with_activation(activation), samples);
        }
        let laplace = Prior::Laplace(elbo::prior::LaplacePrior::new(0.1, 0.8));
        let monte_carlo = Some(elbo::divergence::Divergence::MonteCarlo);
        let config = dense(3, 2).with_estimator(estimator).with_kernel_prior(laplace);
        check_dense(config.with_kernel_divergence(monte_carlo), samples);
    }
}

#[test]
fn l37_dense_gradients_match_differences() {
    check_denses(Estimator::Reparameterization);
}

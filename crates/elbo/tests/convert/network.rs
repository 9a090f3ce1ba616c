//! Whole networks of any Burn module.

use crate::fixture::*;
use burn::module::{Module, Param, RunningState};
use burn::nn::{BatchNorm, BatchNormConfig, Linear};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{DType, Tensor, activation};
use elbo::convert::{Bayesian, ConvertOptions, PriorRule, ScaleRule, Selection, bayesianize};
use elbo::objective::{Elbo, Likelihood, Targets};
use elbo::prior::ScalarPrior;
use elbo::record::{load_parameters, parameters};
use elbo::{Noise, Trace};
use std::path::Path;

/// Two layers with normalisation between them; the second is applied twice.
#[derive(Module, Debug)]
struct Net {
    first: Linear,
    norm: BatchNorm,
    last: Linear,
}

impl Net {
    fn new(phase: f64) -> Self {
        let linear = |inputs, units, phase| Linear {
            weight: Param::from_tensor(wave([inputs, units], phase)),
            bias: Some(Param::from_tensor(wave([units], phase + 0.5))),
        };
        let mut norm = BatchNormConfig::new(2).init(&device());
        norm.gamma = Param::from_tensor(tensor([2], vec![1.5, 0.5]));
        norm.beta = Param::from_tensor(tensor([2], vec![0.1, -0.1]));
        norm.running_mean = RunningState::new(Tensor::zeros([2], (&device(), DType::F64)));
        norm.running_var = RunningState::new(Tensor::ones([2], (&device(), DType::F64)));
        Self { first: linear(3, 2, phase), norm, last: linear(2, 2, phase + 1.0) }
    }

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let [batch, _] = input.dims();
        let hidden: Tensor<2> = activation::tanh(self.first.forward(input));
        let hidden = self.norm.forward(hidden.reshape([batch, 2, 1])).reshape([batch, 2]);
        self.last.forward(self.last.forward(hidden))
    }
}

fn options() -> ConvertOptions {
    ConvertOptions::default().with_scale(ScaleRule::Fixed(0.3))
}

fn build(options: &ConvertOptions) -> Bayesian<Net> {
    bayesianize(Net::new(0.2), options).unwrap()
}

fn paths(selection: Selection, random_bias: bool) -> Vec<String> {
    let bayesian = build(&options().with_selection(selection).with_random_bias(random_bias));
    bayesian.weights().into_iter().map(|weight| weight.name).collect()
}

#[test]
fn the_pass_of_means_is_the_network() {
    let (network, input) = (Net::new(0.2).valid(), wave([4, 3], 0.1).without_autodiff());
    let bayesian = bayesianize(network.clone(), &options()).unwrap();
    let mut trace = Trace::mean();
    let got = bayesian.pass(&mut trace, |network| network.forward(input.clone())).unwrap();
    assert_eq!(values(&got), values(&network.forward(input)));
    assert_eq!(trace.divergences().len(), 2);
}

#[test]
fn samples_are_passes() {
    let bayesian = build(&options().with_random_bias(true));
    let input = wave([4, 3], 0.1);
    let run =
        |trace: &mut Trace| values(&bayesian.pass(trace, |network| network.first.forward(input.clone())).unwrap());
    let all = run(&mut pass(5).with_samples(3));
    let each: Vec<f64> = (0..3).flat_map(|s| run(&mut pass(5).with_sample_range(s..s + 1))).collect();
    assert_eq!(all, each);
    assert_eq!(all.len(), 3 * 4 * 2);
    assert_ne!(all[..8], all[8..16]);
    assert_ne!(all, run(&mut pass(6).with_samples(3)));
}

/// By hand: `x (M + S E) + b` with recorded noise.
#[test]
fn draws_are_location_plus_scale_times_noise_everywhere_a_weight_is_read() {
    let bayesian = build(&options().with_name("net").with_selection(Selection::paths(["last"]).unwrap()));
    let noise = wave::<2>([2, 2], 0.9);
    let mut replay = Noise::replay([("net.last.weight/kernel", noise.clone().into_data())]);
    let mut trace = Trace::sampling(&mut replay);
    let input = wave([4, 2], 0.1);
    let got = bayesian.pass(&mut trace, |network| network.last.forward(network.last.forward(input.clone()))).unwrap();
    let last = &bayesian.network().last;
    let weight = last.weight.val() + noise.mul_scalar(0.3);
    let bias: Tensor<2> = last.bias.as_ref().unwrap().val().unsqueeze_dim(0);
    let once = input.matmul(weight.clone()) + bias.clone();
    assert_close(&values(&got), &values(&(once.matmul(weight) + bias)), EXACT);
}

#[test]
fn weights_are_chosen_by_path() {
    assert_eq!(paths(Selection::All, false), ["first.weight", "last.weight"]);
    assert_eq!(paths(Selection::All, true), ["first.weight", "first.bias", "last.weight", "last.bias"]);
    assert_eq!(paths(Selection::Last, false), ["last.weight"]);
    assert_eq!(paths(Selection::Last, true), ["last.weight", "last.bias"]);
    assert_eq!(paths(Selection::paths(["first"]).unwrap(), true), ["first.weight", "first.bias"]);
    assert_eq!(paths(Selection::paths(["first.weight"]).unwrap(), true), ["first.weight"]);
    assert_eq!(paths(Selection::regex("^l.st").unwrap(), false), ["last.weight"]);
    let none = options().with_selection(Selection::paths(["firs", "fi.st", "norm"]).unwrap());
    assert_error(bayesianize(Net::new(0.2), &none), &["selection", "first.weight", "last.weight"]);
    assert_error(Selection::regex("("), &["regular expression"]);
}

#[test]
fn divergences_go_by_path_and_match_their_formula() {
    let bayesian = build(&options().with_name("net"));
    let mut trace = pass(1).with_samples(2);
    let input = wave([4, 3], 0.1);
    for _ in 0..2 {
        let _ = bayesian.pass(&mut trace, |network| network.forward(input.clone())).unwrap();
    }
    let losses = trace.divergences();
    let found: Vec<&str> = losses.iter().map(|loss| loss.path.as_str()).collect();
    assert_eq!(found, ["net.first.weight", "net.last.weight"]);
    let formula = |w: &f64| 0.5 * (w * w + 0.09 - 1.0) - 0.3_f64.ln();
    let expected: f64 = values(&bayesian.network().first.weight.val()).iter().map(formula).sum();
    assert_close(&[scalar(&losses[0].value)], &[expected], EXACT);
    assert_close(&values(&bayesian.scale("first.weight").unwrap()), &[0.3; 6], EXACT);
}

#[test]
fn a_network_follows_layers_that_made_samples() {
    let bayesian = build(&options());
    let dense = dense(3, 3).init(&device()).unwrap();
    let mut trace = pass(3).with_samples(2);
    let hidden = dense.forward(wave::<2>([4, 3], 0.1), &mut trace);
    let got = bayesian.forward(hidden, &mut trace, |network, x| network.first.forward(x)).unwrap();
    assert_eq!(got.dims(), [8, 2]);
    let mut second = pass(3).with_sample_range(1..2);
    let hidden = dense.forward(wave::<2>([4, 3], 0.1), &mut second);
    let part = bayesian.forward(hidden, &mut second, |network, x| network.first.forward(x)).unwrap();
    assert_close(&values(&got)[8..], &values(&part), EXACT);
    let mut trace = pass(3).with_samples(2);
    let hidden = dense.forward(wave::<2>([4, 3], 0.1), &mut trace);
    assert_error(bayesian.pass(&mut trace, |network| network.first.forward(hidden.clone())), &["batch", "found 8"]);
}

#[test]
fn two_networks_of_one_name_in_a_pass_are_an_error() {
    let (one, other) = (build(&options()), build(&options()));
    let (mut trace, input) = (pass(1), wave([4, 3], 0.1));
    let _ = one.pass(&mut trace, |network| network.forward(input.clone())).unwrap();
    let second = other.pass(&mut trace, |network| network.forward(input.clone()));
    assert_error(second, &["first.weight", "two different layers"]);
}

/// Central differences of the loss in one element of every parameter, with the noise held fixed.
#[test]
fn gradients_match_finite_differences() {
    let bayesian = build(&options().with_random_bias(true));
    let input = wave([4, 3], 0.1);
    let loss = |bayesian: &Bayesian<Net>| {
        let mut trace = pass(8).with_samples(2);
        let run = |network: &Net| network.last.forward(activation::tanh(network.first.forward(input.clone())));
        let output = bayesian.pass(&mut trace, run).unwrap();
        let kl = trace.divergences().into_iter().map(|loss| loss.value).reduce(|a, b| a + b).unwrap();
        (output.clone() * output).sum() + kl
    };
    let gradients = gradients(&bayesian, &loss(&bayesian));
    assert_eq!(gradients.len(), 8, "four locations and four scales: {:?}", gradients.keys());
    let all = parameters(&bayesian);
    let step = 1e-6;
    for (name, gradient) in gradients {
        let shifted = |by: f64| {
            let mut all = all.clone();
            let data = all.get_mut(&name).unwrap();
            let mut numbers: Vec<f64> = data.try_to_vec().unwrap();
            numbers[1] += by;
            *data = burn::tensor::TensorData::new(numbers, data.shape().clone());
            scalar(&loss(&load_parameters(bayesian.clone(), &all, Path::new("memory")).unwrap()))
        };
        let difference = (shifted(step) - shifted(-step)) / (2.0 * step);
        assert!(
            (gradient[1] - difference).abs() < 1e-6 * (1.0 + difference.abs()),
            "{name}: {} {difference}",
            gradient[1]
        );
    }
}

#[test]
fn training_lowers_the_loss_and_moves_locations_and_scales() {
    let mut bayesian = build(&options().with_prior(PriorRule::moped(1.0, 0.1)));
    let before = parameters(&bayesian);
    let (input, labels) = (wave([8, 3], 0.1), Targets::classes(&[0, 1, 1, 0, 1, 0, 0, 1], &device()));
    let (mut noise, mut optimizer) = (Noise::seeded(4), AdamConfig::new().init());
    let mut losses = Vec::new();
    for _ in 0..60 {
        let mut trace = Trace::sampling(&mut noise).with_samples(4);
        let logits = bayesian.pass(&mut trace, |network| network.forward(input.clone())).unwrap();
        let terms = Elbo::new(8).unwrap().negative(&Likelihood::categorical(2), logits, &labels, &trace).unwrap();
        losses.push(scalar(&terms.loss));
        let gradients = GradientsParams::from_grads(terms.loss.backward(), &bayesian);
        bayesian = optimizer.step(0.02, bayesian, gradients);
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / float(part.len());
    assert!(mean(&losses[50..]) < mean(&losses[..10]) - 0.2, "{losses:?}");
    let after = parameters(&bayesian);
    for (name, value) in before {
        let is_constant = name.contains(".prior.");
        assert_eq!(after[&name] == value, is_constant, "{name}");
    }
}

#[test]
fn records_hold_locations_scales_and_priors() {
    let options = options().with_prior(PriorRule::moped(0.5, 0.1)).with_random_bias(true);
    let (bayesian, other) = (build(&options), bayesianize(Net::new(0.4), &options).unwrap());
    let run = |bayesian: &Bayesian<Net>| {
        let mut trace = pass(9);
        let output = bayesian.pass(&mut trace, |network| network.last.forward(wave([4, 2], 0.1))).unwrap();
        [values(&output), trace.losses().iter().map(|loss| scalar(&loss.value)).collect()].concat()
    };
    assert_ne!(run(&bayesian), run(&other));
    let named = load_parameters(other.clone(), &parameters(&bayesian), Path::new("memory")).unwrap();
    assert_eq!(run(&bayesian), run(&named));
    let bytes = bayesian.clone().into_record().into_bytes().unwrap();
    let record = burn::store::ModuleRecord::from_bytes(bytes).unwrap();
    assert_eq!(run(&bayesian), run(&other.load_record(record)));
    let names: Vec<String> = parameters(&bayesian).into_keys().collect();
    assert!(names.contains(&"weights.first.weight.untransformed_scale".to_owned()), "{names:?}");
    assert!(names.contains(&"weights.first.weight.prior.scale".to_owned()), "{names:?}");
}

#[test]
fn a_parameter_in_two_fields_is_drawn_once() {
    let mut network = Net::new(0.2);
    network.first = Linear { weight: Param::from_tensor(wave([2, 2], 0.2)), bias: None };
    network.last = network.first.clone();
    let bayesian = bayesianize(network, &options()).unwrap();
    assert_eq!(bayesian.weights().len(), 1);
    let (mut trace, input) = (pass(1), wave::<2>([3, 2], 0.1));
    let run = |network: &Net| network.first.forward(input.clone()) - network.last.forward(input.clone());
    let got = bayesian.pass(&mut trace, run).unwrap();
    assert_eq!(values(&got), [0.0; 6]);
    assert_eq!(trace.divergences().len(), 1);
}

#[test]
fn running_statistics_are_kept_when_training() {
    let bayesian = build(&options());
    let _ = bayesian.pass(&mut pass(1).with_samples(2), |network| network.forward(wave([4, 3], 0.1))).unwrap();
    let mean = values(&bayesian.network().norm.running_mean.value_sync());
    assert!(mean.iter().any(|value| *value != 0.0), "{mean:?}");
}

#[test]
fn other_priors_take_monte_carlo_of_the_draws() {
    let prior = ScalarPrior::Cauchy { loc: 0.0, scale: 1.0 };
    let bayesian = build(&options().with_prior(PriorRule::Given(prior)));
    let mut trace = pass(1).with_samples(2);
    let _ = bayesian.pass(&mut trace, |network| network.forward(wave([4, 3], 0.1))).unwrap();
    let draws = values(trace.layer("first.weight").unwrap().kernel_posterior_tensor.as_ref().unwrap());
    let means = means_of(&bayesian);
    let log_ratio = |(i, w): (usize, &f64)| {
        let z = (w - means[i % 6]) / 0.3;
        -0.5 * z * z - (0.3 * core::f64::consts::TAU.sqrt()).ln() + (w * w).ln_1p() + core::f64::consts::PI.ln()
    };
    let expected = draws.iter().enumerate().map(log_ratio).sum::<f64>() / 2.0;
    assert_close(&[scalar(&trace.divergences()[0].value)], &[expected], 1e-9);
    // Without draws the divergence is estimated from one of its own, the same in every pass of means.
    let means = || {
        let mut trace = Trace::mean();
        let _ = bayesian.pass(&mut trace, |network| network.forward(wave([4, 3], 0.1))).unwrap();
        scalar(&trace.divergences()[0].value)
    };
    assert_eq!(means(), means());
    let at_means: f64 = means_of(&bayesian)
        .iter()
        .map(|w| -(0.3 * core::f64::consts::TAU.sqrt()).ln() + (w * w).ln_1p() + core::f64::consts::PI.ln())
        .sum();
    assert!((means() - at_means).abs() > 1e-3);
}

fn means_of(bayesian: &Bayesian<Net>) -> Vec<f64> {
    values(&bayesian.network().first.weight.val())
}

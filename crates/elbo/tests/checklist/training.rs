//! Rows 71 and 73: optimizer steps.

use crate::fixture::*;
use crate::kinds::{AnyLayer, Belief, Kind, ROWS, Setting, Shape};
use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Tensor, TensorData};
use elbo::layer::{Conv1d, Dense};
use elbo::objective::{Elbo, Likelihood, Targets};
use elbo::posterior::Posterior;
use elbo::record::parameters;
use elbo::{Activation, Estimator, Noise, Trace};
use std::collections::BTreeMap;

/// Convolution, then dense.
#[derive(Module, Debug)]
struct Net {
    convolution: Conv1d,
    dense: Dense,
}

impl Net {
    fn new() -> Self {
        let convolution = conv1d(1, 4, 3).with_padding("SAME").with_activation(Activation::Relu);
        let random = dense(32, 2).with_bias_posterior_fn(Some(normal()));
        Self { convolution: convolution.init(&device()).unwrap(), dense: random.init(&device()).unwrap() }
    }

    fn forward(&self, x: Tensor<3>, trace: &mut Trace) -> Tensor<2> {
        self.dense.forward(self.convolution.forward(x, trace).flatten(1, 2), trace)
    }
}

/// Rising and falling lines, and their classes.
fn lines() -> (Tensor<3>, Targets) {
    let value =
        |i: usize, t: usize| (float(t) / 7.0 - 0.5) * if i.is_multiple_of(2) { 1.0 } else { -1.0 } + 0.05 * float(i);
    let values = (0..16).flat_map(|i| (0..8).map(move |t| value(i, t))).collect();
    let classes: Vec<usize> = (0..16).map(|i| i % 2).collect();
    (tensor([16, 8, 1], values), Targets::classes(&classes, &device()))
}

/// 40 steps of Adam: the losses and the parameters.
fn train(seed: u64) -> (Vec<f64>, BTreeMap<String, TensorData>) {
    let (mut net, mut noise) = (Net::new(), Noise::seeded(seed));
    let (mut optimizer, elbo, likelihood) =
        (AdamConfig::new().init(), Elbo::new(1000).unwrap(), Likelihood::categorical(2));
    let (x, targets) = lines();
    let mut losses = Vec::new();
    for _ in 0..40 {
        let mut trace = Trace::sampling(&mut noise).with_samples(2);
        let logits = net.forward(x.clone(), &mut trace);
        let loss = elbo.negative(&likelihood, logits, &targets, &trace).unwrap().loss;
        losses.push(scalar(&loss));
        let grads = GradientsParams::from_grads(loss.backward(), &net);
        assert_eq!(grads.len(), 7, "every parameter has a gradient");
        net = optimizer.step(0.02, net, grads);
    }
    (losses, parameters(&net))
}

#[test]
fn l73_training_a_stack_lowers_the_loss() {
    let (losses, _) = train(1);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / float(losses.len());
    let (first, last) = (mean(&losses[..5]), mean(&losses[35..]));
    assert!(last < 0.6 * first, "from {first} to {last}");
}

/// Upstream's regression test: one unit, input zero.
#[test]
fn l73_every_variable_has_a_gradient_even_for_zeros() {
    let layer = dense(1, 1).with_bias_posterior_fn(Some(normal())).init(&device()).unwrap();
    let mut trace = pass(1);
    let output = layer.forward(tensor([1, 1], vec![0.0]), &mut trace);
    let found = gradients(&layer, &(output.sum() + trace.losses()[0].value.clone()));
    assert_eq!(found.len(), 4);
    assert!(found.values().flatten().all(|g| g.is_finite() && *g != 0.0), "{found:?}");
}

/// Three dense layers, one with a point-mass kernel.
#[test]
fn l73_a_dense_stack_trains() {
    let build = |name: &str, inputs, units| dense(inputs, units).with_name(name);
    let point = elbo::posterior::LocScaleOptions::singular();
    let mut stack = vec![
        build("a", 8, 6).with_activation(Activation::Tanh).init(&device()).unwrap(),
        build("b", 6, 4)
            .with_kernel_posterior_fn(elbo::posterior::default_mean_field_normal_fn(point))
            .init(&device())
            .unwrap(),
        build("c", 4, 2).init(&device()).unwrap(),
    ];
    let (x, targets) = lines();
    let x: Tensor<2> = x.flatten(1, 2);
    let (mut optimizer, elbo, mut noise) = (AdamConfig::new().init(), Elbo::new(1000).unwrap(), Noise::seeded(2));
    let mut losses = Vec::new();
    for _ in 0..60 {
        let mut trace = Trace::sampling(&mut noise);
        let logits = stack.iter().fold(x.clone(), |x, layer| layer.forward(x, &mut trace));
        assert_eq!(trace.divergences().len(), 3);
        let loss = elbo.negative(&Likelihood::categorical(2), logits, &targets, &trace).unwrap().loss;
        losses.push(scalar(&loss));
        let grads = GradientsParams::from_grads(loss.backward(), &stack);
        assert_eq!(grads.len(), 8);
        stack = optimizer.step(0.02, stack, grads);
    }
    assert!(losses[55..].iter().sum::<f64>() < 0.6 * losses[..5].iter().sum::<f64>(), "{losses:?}");
}

#[test]
fn l71_one_seed_reproduces_a_training_run_bit_for_bit() {
    let (losses, trained) = train(5);
    let (again, trained_again) = train(5);
    assert_eq!(losses, again);
    assert_eq!(trained, trained_again);
    assert_ne!(losses, train(6).0);
}

/// Without data, the posterior goes to the prior.
#[test]
fn l73_the_divergence_alone_leads_to_the_prior() {
    let mut layer = dense(3, 2).init(&device()).unwrap();
    let mut optimizer = AdamConfig::new().init();
    for _ in 0..400 {
        let kl = layer.kernel.divergence(None).unwrap();
        let grads = GradientsParams::from_grads(kl.backward(), &layer);
        layer = optimizer.step(0.05, layer, grads);
    }
    let (loc, scale) = layer.kernel.posterior.loc_scale().unwrap();
    assert_close(&values(&loc), &[0.0; 6], 1e-3);
    assert_close(&values(&scale), &[1.0; 6], 1e-3);
}

/// Two layers of a kind; what ignores its input comes first, before a dense layer.
fn stack(setting: Setting) -> Vec<AnyLayer> {
    let second = match setting.kind {
        Kind::VariableLayer => Setting::new(Kind::Dense, setting.estimator),
        _ => setting,
    };
    vec![setting.build("first"), second.build("second")]
}

/// 120 steps of Adam towards `y = x + 0.5`, per row of 1000 examples: the squared errors of the means before and after,
/// and the loss over the first and the last five steps.
fn fit(setting: Setting) -> ([f64; 2], [f64; 2]) {
    let mut layers = stack(setting);
    let (mut optimizer, mut noise, mut losses) = (AdamConfig::new().init(), Noise::seeded(4), Vec::new());
    let x: Tensor<2> = wave([ROWS, setting.kind.row()], 0.0);
    let run = |layers: &[AnyLayer], trace: &mut Trace| {
        let target = trace.expand(x.clone() + 0.5); // first: a tensor that is a layer has as many rows as samples ask for
        layers.iter().fold(x.clone(), |x, layer| layer.forward(x, trace)) - target
    };
    let of_means = |layers: &[AnyLayer]| scalar(&run(layers, &mut Trace::mean()).square().mean());
    let before = of_means(&layers);
    let trained = parameters(&layers).len();
    for _ in 0..120 {
        let mut trace = Trace::sampling(&mut noise).with_samples(2);
        let error = run(&layers, &mut trace).square().mean();
        let losses_of_weights = trace.losses().into_iter();
        let loss = losses_of_weights.fold(error, |loss, weight| loss + weight.value.mul_scalar(1e-3));
        losses.push(scalar(&loss));
        let grads = GradientsParams::from_grads(loss.backward(), &layers);
        let found = by_name(&layers, &grads);
        assert_eq!(found.len(), trained, "{setting:?}: every parameter has a gradient");
        assert!(found.values().flatten().all(|gradient| gradient.is_finite()), "{setting:?}: {found:?}");
        assert!(found.values().all(|of| of.iter().any(|gradient| *gradient != 0.0)), "{setting:?}: {found:?}");
        layers = optimizer.step(0.02, layers, grads);
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / float(losses.len());
    ([before, of_means(&layers)], [mean(&losses[..5]), mean(&losses[115..])])
}

/// The error of the means falls to a twentieth, the loss with its divergences to three tenths.
fn check_fit(setting: Setting) {
    let ([before, after], [first, last]) = fit(setting);
    assert!(after < 0.05 * before, "{setting:?}: error of the means from {before} to {after}");
    assert!(last < 0.3 * first, "{setting:?}: loss from {first} to {last}");
}

#[test]
fn l73_stacks_of_every_kind_train_under_every_estimator() {
    for kind in Kind::ALL {
        for &estimator in kind.estimators() {
            check_fit(Setting::new(kind, estimator));
        }
    }
}

#[test]
fn l73_stacks_train_with_every_posterior_and_prior() {
    for kind in [Kind::Conv1d, Kind::ConvTranspose1d, Kind::Dense, Kind::DenseVariational, Kind::VariableLayer] {
        for shape in Shape::ALL {
            check_fit(Setting { shape, ..Setting::new(kind, Estimator::Reparameterization) });
        }
        for belief in Belief::ALL {
            check_fit(Setting { belief, ..Setting::new(kind, Estimator::Reparameterization) });
        }
    }
}

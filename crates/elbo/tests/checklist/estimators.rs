//! Row 51 and what else holds for all estimators: the law of outputs, gradients, samples, chunks, divergences.

use crate::fixture::*;
use crate::kinds::{Kind, ROWS, Setting, Shape};
use burn::tensor::{DType, Tensor};
use elbo::distribution::Distribution;
use elbo::divergence::Divergence;
use elbo::layer::{Conv1d, Dense};
use elbo::noise::WeightNoise;
use elbo::posterior::{Family, Posterior};
use elbo::prior::Prior;
use elbo::trace::LossKind;
use elbo::{Activation, Estimator, Noise, Trace};
use std::sync::{Arc, Mutex};

const RANDOM: [Estimator; 3] = [Estimator::Reparameterization, Estimator::Flipout, Estimator::LocalReparameterization];

const DRAWS: usize = 20_000;

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0), |(sum, n), value| (sum + value, n + 1));
    sum / float(n)
}

/// Mean of products and its standard error.
fn covariance(a: &[f64], b: &[f64]) -> (f64, f64) {
    let products: Vec<f64> = a.iter().zip(b).map(|(a, b)| a * b).collect();
    let centre = mean(products.iter().copied());
    (centre, (mean(products.iter().map(|p| (p - centre).powi(2))) / float(products.len())).sqrt())
}

/// Every output's draws less its mean; outputs row-major.
fn centred(drawn: &[f64], plug_in: &[f64]) -> Vec<Vec<f64>> {
    let of = |(i, mean): (usize, &f64)| drawn.iter().skip(i).step_by(plug_in.len()).map(|y| y - mean).collect();
    plug_in.iter().enumerate().map(of).collect()
}

/// z-scores beyond 5 have an error rate of 6e-7 each, for 10 numbers per estimator.
#[test]
fn l51_one_variance_and_covariance_over_examples() {
    let layer = dense(3, 2).with_bias_posterior_fn(None).init(&device()).unwrap();
    let x = wave([2, 3], 0.0);
    let (_, scale) = layer.kernel.posterior.loc_scale().unwrap();
    let (xs, scale) = (values(&x), values(&scale));
    let exact = |b: usize, c: usize, unit: usize| {
        (0..3).map(|i| xs[3 * b + i] * xs[3 * c + i] * scale[2 * i + unit].powi(2)).sum::<f64>()
    };
    let plug_in = values(&layer.forward(x.clone(), &mut Trace::mean()));
    for estimator in RANDOM {
        let layer = layer.clone().with_estimator(estimator);
        let outputs = centred(&values(&layer.forward(x.clone(), &mut pass(8).with_samples(DRAWS))), &plug_in);
        for unit in 0..2 {
            for b in 0..2 {
                let z = mean(outputs[2 * b + unit].iter().copied()) / (exact(b, b, unit) / float(DRAWS)).sqrt();
                assert!(z.abs() < 5.0, "{estimator:?}: mean of example {b}, unit {unit}, z {z}");
            }
            for (b, c) in [(0, 0), (1, 1), (0, 1)] {
                let (found, error) = covariance(&outputs[2 * b + unit], &outputs[2 * c + unit]);
                let shared = b == c || estimator == Estimator::Reparameterization;
                let expected = if shared { exact(b, c, unit) } else { 0.0 };
                let z = (found - expected) / error;
                assert!(z.abs() < 5.0, "{estimator:?}: examples {b}, {c}, unit {unit}: {found}, {expected}, z {z}");
            }
        }
    }
    assert!(exact(0, 1, 0).abs() > 0.2 * exact(0, 0, 0), "examples are far from orthogonal");
}

/// The positions of one example: reparameterization and flipout keep their covariance, local reparameterization drops
/// it; between examples only reparameterization has one. Kernel 2, one channel, positions 0 and 1 share `x₁`.
#[test]
fn l51_convolutions_and_covariance_over_positions() {
    let layer = conv1d(1, 1, 2).with_bias_posterior_fn(None).init(&device()).unwrap();
    let x = tensor([2, 3, 1], vec![0.8, 1.1, -0.7, 0.9, -1.2, 0.6]);
    let (_, scale) = layer.kernel.posterior.loc_scale().unwrap();
    let (xs, scale) = (values(&x), values(&scale));
    let exact = |(b, t): (usize, usize), (c, u): (usize, usize)| {
        (0..2).map(|k| xs[3 * b + t + k] * xs[3 * c + u + k] * scale[k].powi(2)).sum::<f64>()
    };
    let plug_in = values(&layer.forward(x.clone(), &mut Trace::mean()));
    for estimator in RANDOM {
        let layer = layer.clone().with_estimator(estimator);
        let outputs = centred(&values(&layer.forward(x.clone(), &mut pass(8).with_samples(DRAWS))), &plug_in);
        for (i, j) in (0..4).flat_map(|i| (0..=i).map(move |j| (i, j))) {
            let ((b, t), (c, u)) = ((i / 2, i % 2), (j / 2, j % 2));
            let kept = match estimator {
                Estimator::Reparameterization => true,
                Estimator::Flipout => b == c,
                _ => i == j,
            };
            let expected = if kept { exact((b, t), (c, u)) } else { 0.0 };
            let (found, error) = covariance(&outputs[i], &outputs[j]);
            let z = (found - expected) / error;
            assert!(z.abs() < 5.0, "{estimator:?}: outputs {i}, {j}: {found}, expected {expected}, z {z}");
        }
    }
    assert!(exact((0, 0), (0, 1)).abs() > 0.1 * exact((0, 0), (0, 0)), "positions are correlated");
}

/// Gradients of the mean of `tanh(x W + b)²` over a batch: equal in expectation, unequal in variance.
///
/// Run with `--nocapture` for the table. z-scores of differences of means beyond 5.5: error rate 4e-8 each, 60 of them.
#[test]
fn l51_gradients_have_one_mean_and_unequal_variances() {
    const PASSES: usize = 1_000;
    const BATCH: usize = 64;
    let layer = dense(5, 3).with_activation(Activation::Tanh).init(&device()).unwrap();
    let x = wave([BATCH, 5], 0.0);
    let names = ["kernel.posterior.loc", "kernel.posterior.untransformed_scale"];
    // Mean and variance of every element's gradient, by variable.
    let moments = |estimator| {
        let layer = layer.clone().with_estimator(estimator);
        let mut noise = Noise::seeded(17);
        let passes: Vec<_> = (0..PASSES)
            .map(|_| {
                let output = layer.forward(x.clone(), &mut Trace::sampling(&mut noise));
                gradients(&layer, &(output.clone() * output).mean())
            })
            .collect();
        names.map(|name| {
            let of = |i: usize| {
                let centre = mean(passes.iter().map(|pass| pass[name][i]));
                (centre, mean(passes.iter().map(|pass| (pass[name][i] - centre).powi(2))))
            };
            (0..15).map(of).collect::<Vec<_>>()
        })
    };
    let found = RANDOM.map(moments);
    println!("variance of the gradient, mean over elements, batch {BATCH}");
    println!("{:<24} {:>12} {:>20}", "estimator", "loc", "untransformed scale");
    let variance = |of: &[Vec<(f64, f64)>; 2], v: usize| mean(of[v].iter().map(|(_, variance)| *variance));
    for (estimator, of) in RANDOM.iter().zip(&found) {
        println!("{:<24} {:>12.3e} {:>20.3e}", format!("{estimator:?}"), variance(of, 0), variance(of, 1));
    }
    for other in &found[1..] {
        for (variable, name) in names.iter().enumerate() {
            for ((a, va), (b, vb)) in found[0][variable].iter().zip(&other[variable]) {
                let z = (a - b) / ((va + vb) / float(PASSES)).sqrt();
                assert!(z.abs() < 5.5, "{name}: means {a} and {b}, z {z}");
            }
            assert!(variance(other, variable) < 0.25 * variance(&found[0], variable), "{name}");
        }
    }
}

/// Convolution, then dense on every position, then dense: what comes between is batch-wise.
struct Stack {
    convolution: Conv1d,
    positions: Dense,
    output: Dense,
}

impl Stack {
    fn new(estimator: Estimator) -> Self {
        let random = || Some(normal());
        let convolution = conv1d(2, 4, 3).with_activation(Activation::Relu).with_bias_posterior_fn(random());
        let positions = dense(4, 3).with_name("positions").with_activation(Activation::Tanh);
        let output = dense(3, 2).with_bias_posterior_fn(random());
        Self {
            convolution: convolution.with_estimator(estimator).init(&device()).unwrap(),
            positions: positions.with_estimator(estimator).init(&device()).unwrap(),
            output: output.with_estimator(estimator).init(&device()).unwrap(),
        }
    }

    fn forward(&self, x: Tensor<3>, trace: &mut Trace) -> Vec<f64> {
        let x = self.positions.forward(self.convolution.forward(x, trace), trace);
        let [batch, _, channels] = x.dims();
        values(&self.output.forward(x.mean_dim(1).reshape([batch, channels]), trace))
    }
}

#[test]
fn l71_samples_and_their_chunks_equal_single_passes_under_every_estimator() {
    let x = wave([3, 6, 2], 0.0);
    for estimator in RANDOM {
        let stack = Stack::new(estimator);
        let run = |range| stack.forward(x.clone(), &mut pass(7).with_sample_range(range));
        let together = run(0..5);
        let apart: Vec<f64> = (0..5).flat_map(|s| run(s..s + 1)).collect();
        assert_close(&together, &apart, EXACT);
        assert_close(&together, &[run(0..2), run(2..5)].concat(), EXACT);
        assert!(together.chunks(6).skip(1).all(|sample| sample != &together[..6]));
    }
}

/// Every kind under every estimator, posterior, layout and number of groups that it has.
fn settings() -> Vec<Setting> {
    let mut settings = Vec::new();
    for kind in Kind::ALL {
        for &layout in kind.layouts() {
            settings
                .extend(kind.estimators().iter().map(|&estimator| Setting { layout, ..Setting::new(kind, estimator) }));
            let others = Shape::ALL.into_iter().filter(|shape| *shape != Shape::MeanField);
            let drawn = Setting { layout, ..Setting::new(kind, Estimator::Reparameterization) };
            settings.extend(others.map(|shape| Setting { shape, ..drawn }));
        }
    }
    settings
}

/// Two layers of a kind: the second has an input with a part for each sample.
#[test]
fn l71_samples_of_every_kind_equal_single_passes_in_outputs_and_gradients() {
    for setting in settings() {
        let layers = vec![setting.build("first"), setting.build("second")];
        let x = wave([ROWS, setting.kind.row()], 0.0);
        let run = |range| {
            let mut trace = pass(7).with_sample_range(range).with_batch(ROWS);
            let output = layers.iter().fold(x.clone(), |x, layer| layer.forward(x, &mut trace).tanh());
            let of = gradients(&layers, &output.clone().square().sum());
            (values(&output), of)
        };
        let (together, of_all) = run(0..3);
        let apart: Vec<_> = (0..3).map(|s| run(s..s + 1)).collect();
        assert_close(&together, &apart.iter().flat_map(|(output, _)| output.clone()).collect::<Vec<_>>(), EXACT);
        let is_random = setting.shape != Shape::Point && setting.estimator != Estimator::Mean;
        assert_eq!(apart[0].0 != apart[1].0, is_random, "{setting:?}: samples differ");
        assert!(!of_all.is_empty(), "{setting:?}");
        for (name, gradient) in of_all {
            assert!(apart.iter().all(|(_, of)| of.contains_key(&name)), "{setting:?}: {name}");
            let sum: Vec<f64> = (0..gradient.len()).map(|i| apart.iter().map(|(_, of)| of[&name][i]).sum()).collect();
            assert_close(&gradient, &sum, EXACT);
        }
    }
}

/// An example has the noise of its number, not of its place in a batch.
#[test]
fn l71_batches_of_examples_are_parts_of_the_whole() {
    let x = wave([5, 6, 2], 0.0);
    for estimator in RANDOM {
        let stack = Stack::new(estimator);
        let run = |from: usize, to: usize| {
            let mut trace = pass(7).with_samples(2).with_first_example(from);
            stack.forward(x.clone().narrow(0, from, to - from), &mut trace)
        };
        let (whole, first, second) = (run(0, 5), run(0, 2), run(2, 5));
        for s in 0..2 {
            let parts = [&first[s * 4..(s + 1) * 4], &second[s * 6..(s + 1) * 6]].concat();
            assert_close(&whole[s * 10..(s + 1) * 10], &parts, EXACT);
        }
    }
}

#[test]
fn l25_flipout_and_local_have_no_sample_of_the_kernel() {
    for estimator in [Estimator::Flipout, Estimator::LocalReparameterization, Estimator::Mean] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = seen.clone();
        let watch = Divergence::custom(move |q: &Family<2>, _: &Prior<2>, sample: Option<Tensor<2>>| {
            noted.lock().unwrap().push(sample.is_some());
            q.mean()
        });
        let config = dense(3, 2).with_estimator(estimator).with_kernel_divergence(Some(watch));
        let bias = Divergence::custom(|q: &Family<1>, _: &Prior<1>, sample: Option<Tensor<1>>| match sample {
            Some(sample) => sample,
            None => q.mean().zeros_like(),
        });
        let config = config.with_bias_posterior_fn(Some(normal())).with_bias_prior(Prior::standard_normal());
        let layer = config.with_bias_divergence(Some(bias)).init(&device()).unwrap();
        let mut trace = pass(1);
        let _ = layer.forward(wave([2, 3], 0.0), &mut trace);
        let losses = trace.losses();
        assert_eq!(*seen.lock().unwrap(), [false], "{estimator:?}");
        let drawn: f64 = values(trace.layer("dense").unwrap().bias_posterior_tensor.as_ref().unwrap()).iter().sum();
        let expected = if estimator == Estimator::Mean { 0.0 } else { drawn };
        assert_eq!(losses[1].kind, LossKind::BiasDivergence);
        assert_close(&[scalar(&losses[1].value)], &[expected], EXACT);
    }
}

/// Where a pass draws no weights, a Monte Carlo divergence draws its own: unbiased under every estimator, and always
/// the same in a pass of means. z-score beyond 5: 6e-7 for each of 4.
#[test]
fn l25_monte_carlo_divergences_are_unbiased_under_every_estimator() {
    let config = dense(3, 2).with_kernel_divergence(Some(Divergence::MonteCarlo));
    let layer = config.init(&device()).unwrap();
    let exact = scalar(&layer.kernel.posterior.kl(&Prior::standard_normal()).unwrap());
    for estimator in RANDOM.into_iter().chain([Estimator::Mean]) {
        let layer = layer.clone().with_estimator(estimator);
        let mut noise = Noise::seeded(5);
        let estimates: Vec<f64> = (0..500)
            .map(|_| {
                let mut trace = Trace::sampling(&mut noise).with_samples(4);
                let _ = layer.forward(wave([1, 3], 0.0), &mut trace);
                scalar(&trace.divergences()[0].value)
            })
            .collect();
        let centre = mean(estimates.iter().copied());
        let error = (mean(estimates.iter().map(|e| (e - centre).powi(2))) / 500.0).sqrt();
        assert!(error > 1e-3 && (centre - exact).abs() < 5.0 * error, "{estimator:?}: {centre}, {exact}, {error}");
    }
    let of_means = || {
        let mut trace = Trace::mean();
        let _ = layer.forward(wave([1, 3], 0.0), &mut trace);
        scalar(&trace.divergences()[0].value)
    };
    assert_eq!(of_means(), of_means());
    // Six weights: the draw's density ratio differs from its mean by a few nats, not by the tens of the mode's.
    assert!((of_means() - exact).abs() < 10.0, "{} for {exact}", of_means());
}

#[test]
fn l52_attributes_of_every_estimator() {
    for (estimator, elements) in [(Estimator::Flipout, 6), (Estimator::LocalReparameterization, 8)] {
        let layer = dense(3, 2).with_estimator(estimator).init(&device()).unwrap();
        let mut trace = pass(1).with_samples(2);
        let _ = layer.forward(wave([4, 3], 0.0), &mut trace);
        let record = trace.layer("dense").unwrap();
        assert!(record.kernel_posterior_tensor.is_none());
        let affine = record.kernel_posterior_affine.as_ref().unwrap();
        assert_eq!(affine.sample().dims(), [2, elements]);
        assert_eq!(affine.scale().dims()[1], elements);
        assert_eq!(record.bias_posterior_tensor.as_ref().unwrap().dims(), [2, 2]);
    }
    let layer = dense(3, 2).with_estimator(Estimator::Flipout).init(&device()).unwrap();
    let mut trace = pass(1);
    let _ = layer.forward(wave([4, 3], 0.0), &mut trace);
    let affine = trace.layer("dense").unwrap().kernel_posterior_affine.as_ref().unwrap();
    let (_, scale) = layer.kernel.posterior.loc_scale().unwrap();
    assert_eq!((values(&affine.scale()), values(&affine.loc())), (values(&scale), vec![0.0; 6]));
}

/// A tensor function sees the posterior, or the distribution that stands in for it.
#[test]
fn l52_tensor_functions_see_what_is_drawn_from() {
    for (estimator, expected) in [
        (Estimator::Reparameterization, "[3, 2] mean 0"),
        (Estimator::Flipout, "[3, 2] mean 0"),
        (Estimator::LocalReparameterization, "[4, 2] mean 0"),
    ] {
        let seen = Arc::new(Mutex::new(String::new()));
        let noted = seen.clone();
        let config = dense(3, 2).with_estimator(estimator);
        let config = config
            .with_kernel_posterior_fn(posterior(&tensor([3, 2], vec![0.0; 6]), Some(&tensor([3, 2], vec![-1.0; 6]))));
        let layer = config
            .with_kernel_posterior_tensor_fn(Arc::new(move |q: &dyn Distribution<2>, noise: &mut WeightNoise| {
                *noted.lock().unwrap() = format!("{:?} mean {}", q.shape(), scalar(&q.mean().sum().abs()));
                Ok(q.sample(noise)?.reshape(q.shape()))
            }))
            .init(&device())
            .unwrap();
        let _ = layer.forward(wave([4, 3], 0.0), &mut pass(1));
        assert_eq!(*seen.lock().unwrap(), expected, "{estimator:?}");
    }
}

#[test]
fn l67_estimators_work_in_every_float_type_and_without_rows() {
    for estimator in RANDOM {
        for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
            let layer = conv1d(2, 3, 3).with_estimator(estimator).with_dtype(dtype).init(&device()).unwrap();
            let run = |batch: usize| {
                let x = if batch == 0 { tensor([0, 5, 2], Vec::new()) } else { wave([batch, 5, 2], 0.0) };
                layer.forward(x.cast(dtype), &mut pass(1).with_samples(2))
            };
            let output = run(3);
            assert_eq!((output.dtype(), output.dims()), (dtype, [6, 3, 3]));
            let found = gradients(&layer, &output.sum());
            assert!(found.len() == 3 && found.values().flatten().all(|g| g.is_finite()), "{estimator:?} {dtype:?}");
            assert_eq!(run(0).dims(), [0, 3, 3], "{estimator:?}");
        }
    }
}

/// Recorded noise and tensor functions go another way than noise from a seed: batch 0 there too.
#[test]
fn l68_no_rows_with_recorded_noise_and_tensor_functions() {
    for estimator in RANDOM {
        let own: elbo::layer::TensorFn<2> =
            Arc::new(|q: &dyn Distribution<2>, noise: &mut WeightNoise| Ok(q.sample(noise)?.reshape(q.shape())));
        let layer = dense(3, 2).with_estimator(estimator).init(&device()).unwrap();
        let empty = tensor([0, 4, 3], Vec::new());
        let roles = [("kernel", 6), ("sign_input", 0), ("sign_output", 0), ("output", 0)];
        let recorded =
            roles.map(|(role, n)| (format!("dense/{role}"), burn::tensor::TensorData::new(vec![0.5_f64; n], [n])));
        let mut trace = Trace::sampling(&mut Noise::replay(recorded));
        assert_eq!(layer.forward(empty.clone(), &mut trace).dims(), [0, 4, 2], "{estimator:?}");
        let layer = dense(3, 2).with_estimator(estimator);
        if estimator != Estimator::LocalReparameterization {
            let layer = layer.with_kernel_posterior_tensor_fn(own).init(&device()).unwrap();
            assert_eq!(layer.forward(empty, &mut pass(1).with_samples(2)).dims(), [0, 4, 2], "{estimator:?}");
        }
    }
}

/// No steps, in layouts with the empty axis at any place; to Burn's `reshape` a 0 has another meaning.
#[test]
fn l68_no_steps_give_no_outputs_and_no_slopes() {
    let empty = |shape: [usize; 3]| tensor(shape, Vec::new());
    for estimator in RANDOM.into_iter().chain([Estimator::Mean]) {
        for (samples, activation) in [(1, Activation::Linear), (3, Activation::custom(Tensor::tanh))] {
            let layer = dense(3, 2).with_estimator(estimator).with_activation(activation.clone());
            let layer = layer.init(&device()).unwrap();
            let output = layer.forward(empty([2, 0, 3]), &mut pass(1).with_samples(samples));
            assert_eq!(output.dims(), [2 * samples, 0, 2], "{estimator:?}");
            assert!(gradients(&layer, &output.sum()).values().flatten().all(|g| *g == 0.0));
            let line = conv1d(3, 2, 2).with_padding("same").with_estimator(estimator).with_activation(activation);
            let last = line.clone().init(&device()).unwrap();
            let first = line.with_data_format("channels_first").init(&device()).unwrap();
            let run = |layer: &Conv1d, x| layer.forward(x, &mut pass(1).with_samples(samples)).dims();
            assert_eq!(run(&last, empty([2, 0, 3])), [2 * samples, 0, 2]);
            assert_eq!(run(&first, empty([2, 3, 0])), [2 * samples, 2, 0]);
        }
    }
}

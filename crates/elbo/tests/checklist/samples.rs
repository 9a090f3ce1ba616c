//! Rows 70, 71, 75: streams of noise, many samples in one pass, and the law that they follow.

use crate::fixture::*;
use burn::module::Module;
use burn::tensor::Tensor;
use elbo::functional::{Scope, dense_reparameterization};
use elbo::layer::{Conv1d, Dense, DenseOptions, DenseVariationalConfig, VariableLayerConfig};
use elbo::posterior::{LocScaleOptions, Posterior, default_mean_field_normal_fn};
use elbo::prior::Prior;
use elbo::{Activation, Estimator, Noise, Trace};

/// Convolution, pooling over time, dense, dense.
#[derive(Module, Debug)]
struct Stack {
    convolution: Conv1d,
    hidden: Dense,
    output: Dense,
}

impl Stack {
    fn new(activation: &Activation) -> Self {
        let random = || Some(normal());
        let convolution = conv1d(2, 4, 3).with_activation(activation.clone()).with_bias_posterior_fn(random());
        let hidden = dense(4, 3).with_name("hidden").with_activation(activation.clone());
        let output = dense(3, 2).with_bias_posterior_fn(random()).with_bias_prior(Prior::standard_normal());
        let device = device();
        Self {
            convolution: convolution.init(&device).unwrap(),
            hidden: hidden.init(&device).unwrap(),
            output: output.init(&device).unwrap(),
        }
    }

    fn forward(&self, x: Tensor<3>, trace: &mut Trace) -> Tensor<2> {
        let x = self.convolution.forward(x, trace);
        let [batch, _, channels] = x.dims();
        let pooled = x.mean_dim(1).reshape([batch, channels]);
        self.output.forward(self.hidden.forward(pooled, trace), trace)
    }
}

fn chunk(seed: u64, range: core::ops::Range<u64>) -> Trace {
    pass(seed).with_sample_range(range)
}

#[test]
fn l71_many_samples_in_one_pass_equal_as_many_passes() {
    let (stack, x) = (Stack::new(&Activation::Relu), wave([3, 6, 2], 0.0));
    let together = values(&stack.forward(x.clone(), &mut pass(7).with_samples(5)));
    let apart: Vec<f64> = (0..5).flat_map(|s| values(&stack.forward(x.clone(), &mut chunk(7, s..s + 1)))).collect();
    assert_close(&together, &apart, EXACT);
    let chunks = [0..2, 2..3, 3..5].map(|range| values(&stack.forward(x.clone(), &mut chunk(7, range)))).concat();
    assert_close(&together, &chunks, EXACT);
    // The samples do differ.
    assert!(together.chunks(6).skip(1).all(|sample| sample != &together[..6]));
}

/// What a pass knows of its batch: rows of several steps, copies made beforehand, what joins from beside.
#[test]
fn l71_a_batch_can_be_announced() {
    let (first, second) = (dense(2, 3).with_name("first").init(&device()), dense(3, 2).init(&device()));
    let (first, second) = (first.unwrap(), second.unwrap());
    let x = wave([4, 3, 2], 0.0);
    let mut trace = pass(7).with_samples(3);
    let steps = second.forward(first.forward(x.clone(), &mut trace), &mut trace);
    assert_eq!((steps.dims(), trace.batch()), ([12, 3, 2], Some(4)));

    // The steps of four examples as twelve rows: a multiple of S, and yet not S parts.
    let mut trace = pass(7).with_samples(3).with_batch(4);
    let rows = second.forward(first.forward(x.clone().reshape([12, 2]), &mut trace), &mut trace);
    assert_eq!(rows.dims(), [36, 2]);
    assert_close(&values(&rows), &values(&steps), EXACT);

    let mut trace = pass(7).with_samples(3);
    let copies = trace.expand(x);
    assert_eq!(copies.dims(), [12, 3, 2]);
    let found = second.forward(first.forward(copies, &mut trace), &mut trace);
    assert_close(&values(&found), &values(&steps), EXACT);
    let odd = second.try_forward(wave([5, 3], 0.0), &mut trace);
    assert_error(odd, &["batch", "4 rows for all weight samples, or rows for each of 3 weight samples", "found 5"]);
}

/// Eight rows after three are no four samples of two examples, though 4 divides 8.
#[test]
fn l71_rows_of_no_known_example_are_refused() {
    let (first, second) = (dense(3, 2).with_name("first").init(&device()), dense(3, 2).init(&device()));
    let (first, second) = (first.unwrap(), second.unwrap());
    let mut trace = pass(7).with_samples(4);
    let _ = first.forward(wave([3, 3], 0.0), &mut trace);
    let odd = second.try_forward(wave([8, 3], 0.0), &mut trace);
    assert_error(odd, &["batch", "4 weight samples of 3 examples", "found 8"]);
    assert_eq!(second.forward(wave([24, 3], 0.0), &mut trace).dims(), [24, 2]);
}

/// The call after one that failed is the first: it has that noise, and its layer's name is free.
#[test]
fn l71_a_call_that_fails_leaves_the_pass_as_it_was() {
    let point = LocScaleOptions::singular();
    let fixed = dense(3, 2).with_kernel_posterior_fn(default_mean_field_normal_fn(point)).with_kernel_prior_fn(None);
    let layer = fixed.with_bias_posterior_fn(Some(normal())).with_estimator(Estimator::Flipout);
    let layer = layer.init(&device()).unwrap();
    let mut trace = pass(1);
    assert_error(layer.try_forward(wave([5, 3], 0.0), &mut trace), &["independent normals"]);
    assert_eq!((trace.batch(), trace.layers().len()), (None, 0));
    let layer = layer.with_estimator(Estimator::Reparameterization);
    let x = wave([2, 3], 0.0);
    let found = values(&layer.forward(x.clone(), &mut trace));
    assert_eq!(found, values(&layer.forward(x.clone(), &mut pass(1))));
    let again = layer.clone().with_estimator(Estimator::Flipout).try_forward(x.clone(), &mut trace);
    assert!(again.is_err() && trace.layers()[0].calls() == 1);
    let other = dense(3, 2).init(&device()).unwrap();
    assert_error(other.try_forward(x.clone(), &mut trace), &["two different layers are called `dense`"]);
    let mut once = pass(1);
    let _ = layer.forward(x.clone(), &mut once);
    assert_eq!(values(&layer.forward(x.clone(), &mut trace)), values(&layer.forward(x, &mut once)));
}

#[test]
fn l71_gradients_of_many_samples_are_the_sum_over_passes() {
    let (stack, x) = (Stack::new(&Activation::Tanh), wave([3, 6, 2], 0.0));
    let of = |range| {
        let output = stack.forward(x.clone(), &mut chunk(7, range));
        gradients(&stack, &(output.clone() * output).sum())
    };
    let together = of(0..4);
    assert_eq!(together.len(), 11);
    let apart: Vec<_> = (0..4).map(|s| of(s..s + 1)).collect();
    for (name, gradient) in &together {
        let sum: Vec<f64> = (0..gradient.len()).map(|i| apart.iter().map(|g| g[name][i]).sum()).collect();
        assert_close(gradient, &sum, EXACT);
    }
}

#[test]
fn l71_one_seed_reproduces_a_pass_and_another_does_not() {
    let (stack, x) = (Stack::new(&Activation::Relu), wave([3, 6, 2], 0.0));
    let run = |trace: &mut Trace| values(&stack.forward(x.clone(), trace));
    assert_eq!(run(&mut pass(1)), run(&mut pass(1)));
    assert_ne!(run(&mut pass(1)), run(&mut pass(2)));
    let mut noise = Noise::seeded(1);
    let (first, second) = (run(&mut Trace::sampling(&mut noise)), run(&mut Trace::sampling(&mut noise)));
    assert_ne!(first, second, "passes differ");
    let mut resumed = Noise::seeded(1).starting_at(1);
    assert_eq!(run(&mut Trace::sampling(&mut resumed)), second, "a run resumes at its pass number");
    assert_ne!(run(&mut Trace::sampling(&mut Noise::seeded(1).fork("predict"))), first, "purposes differ");
}

/// The kernel of a dense layer `dense` with location 0 and scale 1 to rounding: its draws are the noise itself.
fn draws(seed: u64, bias: bool) -> (Vec<f64>, Option<Vec<f64>>) {
    let unit = 1.0_f64.exp_m1().ln();
    let (loc, u) = (tensor([2, 2], vec![0.0; 4]), tensor([2, 2], vec![unit; 4]));
    let random = posterior(&tensor([2], vec![0.0; 2]), Some(&tensor([2], vec![unit; 2])));
    let layer = dense(2, 2).with_kernel_posterior_fn(posterior(&loc, Some(&u)));
    let layer = layer.with_bias_posterior_fn(bias.then_some(random)).init(&device()).unwrap();
    let mut trace = pass(seed);
    let _ = layer.forward(wave([1, 2], 0.0), &mut trace);
    let record = trace.layer("dense").unwrap();
    let bias = record.bias_posterior_tensor.as_ref().map(values);
    (values(record.kernel_posterior_tensor.as_ref().unwrap()), bias)
}

/// Kernel and bias have streams of their own, so there is no order to get wrong.
#[test]
fn l70_streams_are_named_and_independent() {
    let (kernel, bias) = draws(7, true);
    assert_eq!(draws(7, false).0, kernel, "whether the bias is random does not matter to the kernel");
    let bias = bias.unwrap();
    assert!(bias.iter().all(|b| kernel.iter().all(|k| (k - b).abs() > 1e-6)));
    // The streams are called `<layer>/kernel` and `<layer>/bias`.
    let stream =
        |name: &str| elbo_kernels::noise::normal::normals_f64(elbo_kernels::Stream::named(7, name).draws(0, 1), 4);
    assert_close(&kernel, &stream("dense/kernel"), EXACT);
    assert_close(&bias, &stream("dense/bias")[..2], EXACT);
}

/// The second call of `a` draws from `a@1/kernel`, another purpose from `<purpose>:a/kernel`, a second request from
/// `a/kernel#1`: names have none of these characters, or two layers would have the same noise.
#[test]
fn l70_names_do_not_hold_what_tells_streams_apart() {
    let device = device();
    for name in ["a@1", "predict:a", "a#1"] {
        let expected = ["`name` must be without `@`, `#` and `:`", name];
        assert_error(dense(2, 2).with_name(name).init(&device), &expected);
        assert_error(conv1d(2, 2, 2).with_name(name).init(&device), &expected);
        assert_error(DenseVariationalConfig::new(2, 2).with_name(name).init(&device), &expected);
        assert_error(VariableLayerConfig::new([2]).with_name(name).init(&device), &expected);
        let options = DenseOptions::default().with_name(name);
        let mut scope = Scope::new(&device, 1);
        assert_error(dense_reparameterization(&mut scope, &mut pass(1), wave([1, 2], 0.0), 2, options), &expected);
    }
    assert!(dense(2, 2).with_name("encoder.0/dense-1").init(&device).is_ok());
}

/// A change of these numbers changes every seeded result: it belongs in the changelog.
#[test]
fn l70_draws_of_a_seed_are_fixed() {
    assert_close(&draws(7, false).0, &PINNED, EXACT);
}

const PINNED: [f64; 4] =
    [0.572_175_917_546_229_8, -2.099_630_189_737_590_4, -1.660_038_453_099_006, -0.045_897_479_514_214_79];

/// z-scores of means over draws beyond 5: error rate 6e-7 each, 6 outputs.
#[test]
fn l75_the_mean_of_predictions_is_the_prediction_of_means() {
    const DRAWS: usize = 20_000;
    let (stack, x) = (Stack::new(&Activation::Linear), wave([3, 6, 2], 0.0));
    let plug_in = values(&stack.forward(x.clone(), &mut Trace::mean()));
    let drawn = values(&stack.forward(x, &mut pass(5).with_samples(DRAWS)));
    assert_eq!(drawn.len(), DRAWS * 6);
    for (i, expected) in plug_in.into_iter().enumerate() {
        let of_output: Vec<f64> = drawn.iter().skip(i).step_by(6).copied().collect();
        let (mean, variance) = moments(&of_output);
        let z = (mean - expected) / (variance / float(DRAWS)).sqrt();
        assert!(variance > 1e-4 && z.abs() < 5.0, "output {i}: mean {mean}, expected {expected}, z {z}");
    }
}

/// Mean and variance of a convolution's outputs, normal with known moments: `Σ x loc` and `Σ x² scale² + bias scale²`.
/// z-scores beyond 5: error rate 6e-7 for each of 24 numbers.
#[test]
fn l75_outputs_have_the_moments_of_the_weights() {
    const DRAWS: usize = 20_000;
    let layer = conv1d(2, 3, 3).with_bias_posterior_fn(Some(normal())).init(&device()).unwrap();
    let x = wave([1, 6, 2], 0.0);
    let drawn = values(&layer.forward(x.clone(), &mut pass(6).with_samples(DRAWS)));
    let (loc, scale) = layer.kernel.posterior.loc_scale().unwrap();
    let (bias_loc, bias_scale) = layer.bias.as_ref().unwrap().posterior.loc_scale().unwrap();
    let apply = |kernel: &Tensor<3>, bias: &Tensor<1>, x: Tensor<3>| {
        values(&fixed(conv1d(2, 3, 3), kernel, bias).init(&device()).unwrap().forward(x, &mut pass(1)))
    };
    let mean = apply(&loc, &bias_loc, x.clone());
    let square = |t: Tensor<3>| t.clone() * t;
    let variance = apply(&square(scale), &(bias_scale.clone() * bias_scale), square(x));
    assert_eq!(mean.len(), 12);
    for (i, (mean, variance)) in mean.into_iter().zip(variance).enumerate() {
        let of_output: Vec<f64> = drawn.iter().skip(i).step_by(12).copied().collect();
        let (found_mean, found_variance) = moments(&of_output);
        let z_mean = (found_mean - mean) / (variance / float(DRAWS)).sqrt();
        let z_variance = (found_variance / variance - 1.0) / (2.0 / float(DRAWS)).sqrt();
        assert!(z_mean.abs() < 5.0 && z_variance.abs() < 5.0, "output {i}: z {z_mean}, {z_variance}");
    }
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = float(values.len());
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n)
}

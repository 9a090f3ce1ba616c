//! Rows 30, 35, 36, 52 to 55, 69: what a call computes, and what it leaves behind.

use crate::fixture::*;
use burn::tensor::{DType, Tensor};
use elbo::distribution::Distribution;
use elbo::layer::TensorFn;
use elbo::noise::WeightNoise;
use elbo::trace::LossKind;
use elbo::variable::Regularizer;
use elbo::{Activation, Trace};
use std::sync::{Arc, Mutex};

/// A tensor function that returns a fixed value and notes what it was given.
fn constant<const D: usize>(value: &Tensor<D>, seen: &Arc<Mutex<Vec<String>>>) -> TensorFn<D> {
    let (value, seen) = (value.clone(), seen.clone());
    Arc::new(move |q: &dyn Distribution<D>, noise: &mut WeightNoise| {
        seen.lock().unwrap().push(format!("{} {:?} x {}", q.name(), q.shape(), noise.samples()));
        Ok(value.clone())
    })
}

#[allow(clippy::many_single_char_names)] // the letters of the formula
/// `Σ_{k, c} x[b, o - p + k, c] W[k, c, f] + b[f]` in channels-last, stride 1, over three spatial axes.
fn correlate(x: (&[f64], [usize; 5]), w: (&[f64], [usize; 5]), bias: &[f64], before: [usize; 3]) -> Vec<f64> {
    let ([n, d, h, wd, c], [k1, k2, k3, _, f]) = (x.1, w.1);
    let mut out = Vec::new();
    for (b, od, oh, ow) in grid([n, d, h, wd]) {
        for (filter, bias) in bias.iter().enumerate() {
            let mut sum = *bias;
            for (i, j, k, channel) in grid([k1, k2, k3, c]) {
                let at = [od + i, oh + j, ow + k];
                let inside = (0..3).all(|axis| (before[axis]..before[axis] + [d, h, wd][axis]).contains(&at[axis]));
                if inside {
                    let [p, q, r] = core::array::from_fn(|axis| at[axis] - before[axis]);
                    let value = x.0[(((b * d + p) * h + q) * wd + r) * c + channel];
                    sum += value * w.0[(((i * k2 + j) * k3 + k) * c + channel) * f + filter];
                }
            }
            out.push(sum);
        }
    }
    out
}

fn grid([a, b, c, d]: [usize; 4]) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..a * b * c * d).map(move |i| (i / (b * c * d), i / (c * d) % b, i / d % c, i % d))
}

/// Batch 2, side 4, 3 channels, 5 filters, kernel 2 per axis, "SAME" in upper case; rank from the axes.
fn fixed_sample_case<const D: usize>(
    config: elbo::layer::ConvConfig<D>,
    input: [usize; D],
    kernel: [usize; D],
    volumes: ([usize; 5], [usize; 5]),
) {
    let (x, w, b) = (wave(input, 0.0), wave(kernel, 1.0), wave([5], 2.0));
    let seen = Arc::default();
    let layer = config
        .with_padding("SAME")
        .with_kernel_posterior_tensor_fn(constant(&w, &seen))
        .with_bias_posterior_tensor_fn(constant(&b, &seen))
        .init(&device())
        .unwrap();
    let mut trace = pass(1);
    let output = layer.forward(x.clone(), &mut trace);
    let (before, x, w, b) = ([0; 3], values(&x), values(&w), values(&b));
    assert_close(&values(&output), &correlate((&x, volumes.0), (&w, volumes.1), &b, before), EXACT);
    let record = trace.layer("conv").unwrap();
    assert_eq!(values(record.kernel_posterior_tensor.as_ref().unwrap()), w);
    assert_eq!(values(record.bias_posterior_tensor.as_ref().unwrap()), b);
    assert_eq!(*seen.lock().unwrap(), [format!("Normal {kernel:?} x 1"), "Deterministic [5] x 1".to_owned()]);
}

#[test]
fn l35_convolutions_with_a_fixed_sample() {
    let volumes = |side: [usize; 3], kernel: [usize; 3]| {
        ([2, side[0], side[1], side[2], 3], [kernel[0], kernel[1], kernel[2], 3, 5])
    };
    fixed_sample_case(conv1d(3, 5, 2), [2, 4, 3], [2, 3, 5], volumes([1, 1, 4], [1, 1, 2]));
    fixed_sample_case(conv2d(3, 5, [2, 2]), [2, 4, 4, 3], [2, 2, 3, 5], volumes([1, 4, 4], [1, 2, 2]));
    fixed_sample_case(conv3d(3, 5, [2, 2, 2]), [2, 4, 4, 4, 3], [2, 2, 2, 3, 5], volumes([4; 3], [2; 3]));
}

#[test]
fn l35_dense_with_a_fixed_sample() {
    let (x, w, b) = (wave([4, 3], 0.0), wave([3, 2], 1.0), wave([2], 2.0));
    let seen = Arc::default();
    let layer = dense(3, 2)
        .with_kernel_posterior_tensor_fn(constant(&w, &seen))
        .with_bias_posterior_tensor_fn(constant(&b, &seen))
        .init(&device())
        .unwrap();
    let output = layer.forward(x.clone(), &mut pass(1));
    let (x, w, b) = (values(&x), values(&w), values(&b));
    let product = |row: usize, unit: usize| (0..3).map(|i| x[3 * row + i] * w[2 * i + unit]).sum::<f64>() + b[unit];
    let expected: Vec<f64> = (0..8).map(|i| product(i / 2, i % 2)).collect();
    assert_close(&values(&output), &expected, EXACT);
}

#[test]
fn l36_one_kernel_for_the_whole_batch() {
    let layer = dense(3, 2).with_bias_posterior_fn(Some(normal())).init(&device()).unwrap();
    let rows = wave([1, 3], 0.0).repeat_dim(0, 4);
    let output = values(&layer.forward(rows, &mut pass(1)));
    assert!(output.chunks(2).all(|row| row == &output[..2]));
    let layer = conv1d(2, 3, 2).init(&device()).unwrap();
    let output = values(&layer.forward(wave([1, 5, 2], 0.0).repeat_dim(0, 3), &mut pass(1)));
    assert!(output.chunks(12).all(|example| example == &output[..12]));
}

#[test]
fn l52_tensor_functions_draw_from_the_posterior() {
    let mean: TensorFn<3> = Arc::new(|q: &dyn Distribution<3>, _: &mut WeightNoise| Ok(q.mean()));
    let layer = conv1d(2, 3, 2).with_kernel_posterior_tensor_fn(mean).init(&device()).unwrap();
    let x = wave([1, 5, 2], 0.0);
    let (drawn, plug_in) = (layer.forward(x.clone(), &mut pass(1)), layer.forward(x.clone(), &mut Trace::mean()));
    assert_eq!(values(&drawn), values(&plug_in));
    let own: TensorFn<3> =
        Arc::new(|q: &dyn Distribution<3>, noise: &mut WeightNoise| Ok(q.sample(noise)?.reshape(q.shape())));
    let plain = conv1d(2, 3, 2).init(&device()).unwrap();
    let same = conv1d(2, 3, 2).with_kernel_posterior_tensor_fn(own).init(&device()).unwrap();
    let run =
        |layer: &elbo::layer::Conv1d, samples| values(&layer.forward(x.clone(), &mut pass(4).with_samples(samples)));
    assert_eq!(run(&plain, 1), run(&same, 1));
    assert_eq!(run(&plain, 3), run(&same, 3), "a tensor function is called once per weight sample");
    let chunk = |layer: &elbo::layer::Conv1d| values(&layer.forward(x.clone(), &mut pass(4).with_sample_range(2..4)));
    assert_eq!(chunk(&plain), chunk(&same), "a chunk has its own samples");
}

#[test]
fn l52_attributes_of_a_call() {
    let mut trace = pass(1);
    let layer = dense(3, 2).with_bias_posterior_fn(None).init(&device()).unwrap();
    let _ = layer.forward(wave([2, 3], 0.0), &mut trace);
    let record = trace.layer("dense").unwrap();
    assert_eq!(record.kernel_posterior_tensor.as_ref().unwrap().dims(), [1, 6]);
    assert!(record.bias_posterior_tensor.is_none());
}

/// The output with a bias minus that without is the bias along the channel axis.
fn bias_case<const D: usize>(config: elbo::layer::ConvConfig<D>, input: [usize; D], axis: usize) {
    let build = |config: elbo::layer::ConvConfig<D>| config.init(&device()).unwrap();
    let (with, without) = (build(config.clone()), build(config.with_bias_posterior_fn(None)));
    let x = wave(input, 0.0);
    let (a, b) = (with.forward(x.clone(), &mut pass(1)), without.forward(x, &mut pass(1)));
    let bias = with.bias.as_ref().unwrap().posterior.mean();
    assert_eq!(a.dims()[axis], bias.dims()[0]);
    for (filter, bias) in values(&bias).into_iter().enumerate() {
        let difference = values(&(a.clone() - b.clone()).narrow(axis, filter, 1));
        assert_close(&difference, &vec![bias; difference.len()], EXACT);
    }
}

#[test]
fn l53_biases_lie_on_the_channel_axis() {
    bias_case(conv1d(2, 3, 2), [2, 4, 2], 2);
    bias_case(conv1d(2, 3, 2).with_data_format("channels_first"), [2, 2, 4], 1);
    bias_case(conv2d(2, 3, [2, 1]), [2, 3, 4, 2], 3);
    bias_case(conv2d(2, 3, [2, 1]).with_data_format("channels_first"), [2, 2, 3, 4], 1);
    bias_case(conv3d(2, 3, [2, 1, 2]), [2, 3, 2, 4, 2], 4);
    bias_case(conv3d(2, 3, [2, 1, 2]).with_data_format("channels_first"), [2, 2, 3, 2, 4], 1);
}

#[test]
fn l54_a_random_bias_is_drawn_once_per_call() {
    let layer = dense(3, 2).with_bias_posterior_fn(Some(normal())).init(&device()).unwrap();
    let zeros = Tensor::zeros_like(&wave([5, 3], 0.0));
    let output = values(&layer.forward(zeros.clone(), &mut pass(1)));
    assert!(output.chunks(2).all(|row| row == &output[..2]));
    assert_ne!(output, values(&layer.forward(zeros, &mut pass(2))));
}

#[test]
fn l55_dense_takes_two_or_more_axes() {
    let layer = dense(3, 2).init(&device()).unwrap();
    let x = wave([4, 3], 0.0);
    let rows = values(&layer.forward(x.clone(), &mut pass(1)));
    let three = layer.forward(x.clone().reshape([2, 2, 3]), &mut pass(1));
    let four = layer.forward(x.reshape([2, 1, 2, 3]), &mut pass(1));
    assert_eq!((three.dims(), four.dims()), ([2, 2, 2], [2, 1, 2, 2]));
    assert_close(&values(&three), &rows, EXACT);
    assert_close(&values(&four), &rows, EXACT);
    assert_error(layer.try_forward(wave([3], 0.0), &mut pass(1)), &["rank", "at least 2 axes", "[3]"]);
}

#[test]
fn l69_the_activation_comes_once_after_the_bias() {
    let (plus, minus) = (tensor([1, 1], vec![2.0]), tensor([1], vec![-3.0]));
    let of = |activation: Activation| {
        let layer = dense(1, 1)
            .with_kernel_posterior_fn(posterior(&plus, None))
            .with_bias_posterior_fn(Some(posterior(&minus, None)))
            .with_kernel_prior_fn(None)
            .with_activation(activation);
        values(&layer.init(&device()).unwrap().forward(tensor([2, 1], vec![1.0, 2.0]), &mut pass(1)))
    };
    // 2 x - 3 is -1 and 1.
    assert_eq!(of(Activation::Linear), [-1.0, 1.0]);
    assert_eq!(of(Activation::Relu), [0.0, 1.0]);
    assert_eq!(of(Activation::custom(|y| y.add_scalar(10.0))), [9.0, 11.0]);
    assert_close(&of(Activation::Tanh), &[-(1.0_f64.tanh()), 1.0_f64.tanh()], EXACT);
    let sigmoid = |y: f64| 1.0 / (1.0 + (-y).exp());
    assert_close(&of(Activation::Sigmoid), &[sigmoid(-1.0), sigmoid(1.0)], EXACT);
    assert_close(&of(Activation::Softplus), &[(-1.0_f64).exp().ln_1p(), 1.0_f64.exp().ln_1p()], EXACT);
    assert_close(&of(Activation::Elu), &[(-1.0_f64).exp_m1(), 1.0], EXACT);
    assert_close(&of(Activation::Silu), &[-sigmoid(-1.0), sigmoid(1.0)], EXACT);
}

/// Far from 0 a slope is 0 or 1, and no overflow on the way to it shows; at 0 that of the exponential unit is 1.
#[test]
fn l69_activations_have_finite_slopes_everywhere() {
    let slope = |activation: Activation, dtype: DType, at: f64| {
        let unit = posterior(&tensor([1, 1], vec![1.0]), None);
        let layer = dense(1, 1).with_kernel_posterior_fn(unit).with_bias_posterior_fn(None).with_dtype(dtype);
        let layer = layer.with_kernel_prior_fn(None).with_activation(activation).init(&device()).unwrap();
        let x = tensor([1, 1], vec![at]).cast(dtype).require_grad();
        scalar(&x.grad(&layer.forward(x.clone(), &mut Trace::mean()).sum().backward()).unwrap())
    };
    for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
        for name in &Activation::NAMES[1..] {
            let above = if ["tanh", "sigmoid"].contains(name) { 0.0 } else { 1.0 };
            for (at, expected) in [(-30_000.0, 0.0), (-1000.0, 0.0), (1000.0, above), (30_000.0, above)] {
                assert_eq!(slope(name.parse().unwrap(), dtype, at), expected, "{name} {dtype:?} at {at}");
            }
        }
        assert_eq!(slope(Activation::Elu, dtype, 0.0), 1.0);
    }
}

#[test]
fn l30_activity_penalties_see_the_output_of_each_call() {
    let layer = dense(3, 2)
        .with_activation(Activation::Relu)
        .with_activity_regularizer(Regularizer::L2(0.5))
        .init(&device())
        .unwrap();
    let mut trace = pass(1);
    let outputs = [layer.forward(wave([4, 3], 0.0), &mut trace), layer.forward(wave([4, 3], 1.0), &mut trace)];
    let expected = outputs.map(|y| 0.5 * values(&y).iter().map(|v| v * v).sum::<f64>());
    let activity = trace.activity();
    let found: Vec<f64> = activity.iter().map(|loss| scalar(&loss.value)).collect();
    assert_close(&found, &expected, EXACT);
    assert!(expected.iter().all(|&penalty| penalty > 0.0));
    assert_eq!(trace.divergences().len(), 1, "kept apart from the divergences");
    assert!(matches!(trace.losses().last().unwrap().kind, LossKind::Activity(_)), "after the divergences");
}

#[test]
fn l30_activity_penalties_of_many_samples_are_averaged() {
    let layer = conv1d(2, 3, 2).with_activity_regularizer(Regularizer::L1(1.0)).init(&device()).unwrap();
    let mut trace = pass(1).with_samples(4);
    let output = layer.forward(wave([2, 5, 2], 0.0), &mut trace);
    let sum: f64 = values(&output).iter().map(|v| v.abs()).sum();
    assert_close(&[scalar(&trace.activity()[0].value)], &[sum / 4.0], EXACT);
}

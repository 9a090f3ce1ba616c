//! Rows 38 to 46: flipout.

use crate::fixture::*;
use burn::tensor::{Tensor, TensorData};
use elbo::distribution::Distribution;
use elbo::layer::{ConvConfig, TensorFn};
use elbo::noise::WeightNoise;
use elbo::posterior::Posterior;
use elbo::{Activation, Estimator, Noise, Trace};
use elbo_kernels::Stream;
use elbo_kernels::noise::sign::signs;
use std::sync::Arc;

/// The signs of a stream in pass 0.
fn stream(seed: u64, name: &str, n: usize) -> Vec<f64> {
    signs(Stream::named(seed, name).draws(0, 1), n).into_iter().map(f64::from).collect()
}

/// A pattern of signs without symmetry.
fn pattern<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let n = shape.iter().product::<usize>();
    tensor(shape, (0..n).map(|i| if (i * i + i / 3) % 5 < 2 { -1.0 } else { 1.0 }).collect())
}

fn data<const D: usize>(tensor: &Tensor<D>) -> TensorData {
    TensorData::new(values(tensor), tensor.dims())
}

/// `activation(x ⋆ M + ((x ∘ r) ⋆ Δ) ∘ q + b)` by layers whose weights are fixed.
fn convolution_case<const D: usize>(config: &ConvConfig<D>, input: [usize; D], channel_axis: usize) {
    let layer = config.clone().with_estimator(Estimator::Flipout).with_activation(Activation::Tanh);
    let layer = layer.init(&device()).unwrap();
    let (loc, scale) = layer.kernel.posterior.loc_scale().unwrap();
    let bias = layer.bias.as_ref().unwrap().posterior.mean();
    let (x, noise) = (wave(input, 0.0), wave(loc.dims(), 5.0));
    let spread = |channels: usize| {
        let mut shape = [1; D];
        (shape[0], shape[channel_axis]) = (input[0], channels);
        shape
    };
    let (r, q) = (pattern(spread(input[channel_axis])), pattern(spread(bias.dims()[0])).neg());
    let recorded = [("conv/kernel", data(&noise)), ("conv/sign_input", data(&r)), ("conv/sign_output", data(&q))];
    let found = layer.forward(x.clone(), &mut Trace::sampling(&mut Noise::replay(recorded)));

    let zero = Tensor::zeros_like(&bias);
    let apply = |kernel: &Tensor<D>, bias: &Tensor<1>, x: Tensor<D>| {
        fixed(config.clone(), kernel, bias).init(&device()).unwrap().forward(x, &mut Trace::mean())
    };
    let mean = apply(&loc, &bias, x.clone());
    let random = apply(&(scale * noise), &zero, x * r) * q;
    assert_close(&values(&found), &values(&(mean + random).tanh()), EXACT);
}

#[test]
fn l38_convolutions_follow_the_formula() {
    convolution_case(&conv1d(2, 3, 3).with_padding("same").with_strides(2), [3, 7, 2], 2);
    convolution_case(&conv1d(2, 3, 2).with_dilation_rate(2).with_data_format("channels_first"), [3, 2, 7], 1);
    convolution_case(&conv2d(2, 3, [2, 3]).with_padding("same"), [2, 3, 4, 2], 3);
    convolution_case(&conv2d(2, 3, [2, 3]).with_data_format("channels_first"), [2, 2, 3, 4], 1);
    convolution_case(&conv3d(2, 3, [2, 1, 2]), [2, 3, 2, 3, 2], 4);
}

#[test]
fn l38_dense_follows_the_formula() {
    let layer = dense(3, 2).with_estimator(Estimator::Flipout).init(&device()).unwrap();
    let (loc, scale) = layer.kernel.posterior.loc_scale().unwrap();
    let (x, noise) = (wave([4, 3], 0.0), wave([3, 2], 5.0));
    let (r, q) = (pattern([4, 3]), pattern([4, 2]).neg());
    let recorded = [("dense/kernel", data(&noise)), ("dense/sign_input", data(&r)), ("dense/sign_output", data(&q))];
    let found = layer.forward(x.clone(), &mut Trace::sampling(&mut Noise::replay(recorded)));
    let bias = layer.bias.as_ref().unwrap().posterior.mean().unsqueeze_dim::<2>(0);
    let expected = x.clone().matmul(loc) + (x * r).matmul(scale * noise) * q + bias;
    assert_close(&values(&found), &values(&expected), EXACT);
}

/// Recorded signs of other sizes are refused, so these are the sizes.
#[test]
fn l39_signs_belong_to_examples_and_channels() {
    let replay = |kernel: usize, r: usize, q: usize, name: &str| {
        let ones = |n: usize| TensorData::new(vec![1.0_f64; n], [n]);
        let roles = [("kernel", kernel), ("sign_input", r), ("sign_output", q)];
        Trace::sampling(&mut Noise::replay(roles.map(|(role, n)| (format!("{name}/{role}"), ones(n)))))
    };
    let layer = dense(3, 2).with_estimator(Estimator::Flipout).init(&device()).unwrap();
    let x = wave([4, 5, 3], 0.0);
    assert!(layer.try_forward(x.clone(), &mut replay(6, 60, 40, "dense")).is_ok());
    for (r, q, stream) in [(12, 40, "sign_input"), (60, 8, "sign_output")] {
        let message = [&format!("dense/{stream}"), "expected 1 x"];
        assert_error(layer.try_forward(x.clone(), &mut replay(6, r, q, "dense")), &message);
    }
    let layer = conv1d(3, 2, 2).with_estimator(Estimator::Flipout).init(&device()).unwrap();
    assert!(layer.try_forward(x.clone(), &mut replay(12, 12, 8, "conv")).is_ok());
    assert_error(layer.try_forward(x.clone(), &mut replay(12, 30, 8, "conv")), &["sign_input", "found 30"]);
    assert_error(layer.try_forward(x, &mut replay(12, 12, 20, "conv")), &["sign_output", "found 20"]);

    // Equal positions stay equal.
    let constant = wave([2, 1, 3], 0.0).repeat_dim(1, 6);
    let output = values(&layer.forward(constant, &mut pass(1)));
    assert!(output.chunks(10).all(|example| example.chunks(2).all(|position| position == &example[..2])));
}

/// The signs that a layer uses are those of its streams. Sums of n products of independent signs have standard
/// deviation `sqrt(n)`; 5 of them are an error rate of 6e-7 for each of 7 sums.
#[test]
fn l40_signs_are_balanced_and_independent() {
    const ROWS: usize = 40_000;
    let one = tensor([2, 1], vec![1.0, 0.0]);
    let layer = dense(2, 1)
        .with_estimator(Estimator::Flipout)
        .with_kernel_posterior_fn(posterior(&tensor([2, 1], vec![0.0; 2]), Some(&one)))
        .with_kernel_posterior_tensor_fn(Arc::new(move |_: &dyn Distribution<2>, _: &mut WeightNoise| Ok(one.clone())))
        .with_bias_posterior_fn(None)
        .init(&device())
        .unwrap();
    // With Δ = (1, 0) and ones as input, an output is the product of its row's first input sign and its output sign.
    let products = values(&layer.forward(tensor([ROWS, 2], vec![1.0; 2 * ROWS]), &mut pass(9)));
    let (r, q) = (stream(9, "dense/sign_input", 2 * ROWS), stream(9, "dense/sign_output", ROWS));
    let expected: Vec<f64> = (0..ROWS).map(|row| r[2 * row] * q[row]).collect();
    assert_eq!(products, expected);
    assert!(r.iter().chain(&q).all(|sign| sign.abs() == 1.0));

    let neighbours = |signs: &[f64], lag: usize| signs.windows(lag + 1).map(|w| w[0] * w[lag]).sum::<f64>();
    let sums = [
        (r.iter().sum::<f64>(), 2 * ROWS),
        (q.iter().sum(), ROWS),
        (products.iter().sum(), ROWS),
        (neighbours(&r, 1), 2 * ROWS),
        (neighbours(&r, 2), 2 * ROWS),
        (neighbours(&q, 1), ROWS),
        (neighbours(&products, 1), ROWS),
    ];
    for (sum, n) in sums {
        assert!(sum.abs() < 5.0 * float(n).sqrt(), "{sum} over {n}");
    }
}

#[test]
fn l41_dense_has_signs_for_every_step() {
    let rows = wave([1, 1, 4], 0.0).repeat_dim(1, 50);
    let layer = dense(4, 3).with_estimator(Estimator::Flipout).init(&device()).unwrap();
    let output = values(&layer.forward(rows.clone(), &mut pass(1)));
    let mut distinct: Vec<Vec<u64>> = output.chunks(3).map(|row| row.iter().map(|v| v.to_bits()).collect()).collect();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() > 20, "{} distinct rows of 50", distinct.len());
    let layer = conv1d(4, 3, 1).with_estimator(Estimator::Flipout).init(&device()).unwrap();
    let output = values(&layer.forward(rows, &mut pass(1)));
    assert!(output.chunks(3).all(|row| row == &output[..3]));
}

#[test]
fn l42_a_tensor_function_that_returns_the_mean_leaves_the_mean() {
    let mean: TensorFn<3> = Arc::new(|q: &dyn Distribution<3>, _: &mut WeightNoise| Ok(q.mean()));
    let config = conv1d(2, 3, 3).with_estimator(Estimator::Flipout).with_kernel_posterior_tensor_fn(mean);
    let layer = config.init(&device()).unwrap();
    let x = wave([2, 5, 2], 0.0);
    let found = values(&layer.forward(x.clone(), &mut pass(1).with_samples(2)));
    let plug_in = values(&layer.forward(x, &mut Trace::mean()));
    assert_eq!(found[..plug_in.len()], plug_in);
    assert_eq!(found[plug_in.len()..], plug_in);
}

#[test]
fn l44_the_seed_alone_decides() {
    let line = conv1d(2, 3, 3).with_estimator(Estimator::Flipout).init(&device()).unwrap();
    let dense = dense(3, 8).with_estimator(Estimator::Flipout).init(&device()).unwrap();
    let of_line = |seed| values(&line.forward(wave([2, 6, 2], 0.0), &mut pass(seed)));
    let of_dense = |seed| values(&dense.forward(wave([1, 3], 0.0), &mut pass(seed)));
    assert_eq!((of_line(44), of_dense(44)), (of_line(44), of_dense(44)));
    assert!(of_line(44).iter().zip(of_line(45)).all(|(a, b)| *a != b));
    assert!(of_dense(44).iter().zip(of_dense(45)).all(|(a, b)| *a != b));
}

/// One seed gives examples and channels the same signs in both layouts.
#[test]
fn l45_channels_first_is_channels_last_transposed() {
    let config = || conv2d(2, 3, [2, 3]).with_padding("same").with_estimator(Estimator::Flipout);
    let last = config().init(&device()).unwrap();
    let first = config().with_data_format("channels_first").init(&device()).unwrap();
    let x = wave([3, 4, 5, 2], 0.0);
    let transposed = x.clone().permute([0, 3, 1, 2]);
    for samples in [1, 3] {
        let pass = || pass(1).with_samples(samples);
        let expected = last.forward(x.clone(), &mut pass()).permute([0, 3, 1, 2]);
        assert_close(&values(&first.forward(transposed.clone(), &mut pass())), &values(&expected), EXACT);
    }
}

#[test]
fn l46_other_posteriors_are_refused_by_name() {
    let point = tensor([3, 2], vec![0.5; 6]);
    let config = dense(3, 2).with_kernel_posterior_fn(posterior(&point, None)).with_kernel_prior_fn(None);
    let layer = config.init(&device()).unwrap();
    for (estimator, name) in
        [(Estimator::Flipout, "flipout"), (Estimator::LocalReparameterization, "local reparameterization")]
    {
        let layer = layer.clone().with_estimator(estimator);
        let refused = layer.try_forward(wave([2, 3], 0.0), &mut pass(1));
        assert_error(refused, &["dense: ", name, "independent normals", "Deterministic"]);
        assert!(layer.try_forward(wave([2, 3], 0.0), &mut Trace::mean()).is_ok(), "means need no draw");
    }
}

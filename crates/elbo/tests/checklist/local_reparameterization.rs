//! Rows 47 to 50: local reparameterization. (Row 46 is beside flipout's.)

use crate::fixture::*;
use burn::tensor::{DType, Tensor, TensorData};
use elbo::distribution::Distribution;
use elbo::layer::{ConvConfig, TensorFn};
use elbo::noise::WeightNoise;
use elbo::posterior::Posterior;
use elbo::{Activation, Estimator, Noise, Trace};
use std::sync::{Arc, Mutex};

const LOCAL: Estimator = Estimator::LocalReparameterization;

fn recorded<const D: usize>(name: &str, noise: &Tensor<D>) -> Trace {
    let data = TensorData::new(values(noise), noise.dims());
    Trace::sampling(&mut Noise::replay([(format!("{name}/output"), data)]))
}

#[test]
fn l47_the_distribution_of_outputs_is_known() {
    let layer = dense(3, 2).with_estimator(LOCAL).init(&device()).unwrap();
    let x = wave([4, 3], 0.0);
    let mut trace = pass(1).with_samples(2);
    let output = layer.forward(x.clone(), &mut trace);
    let (loc, scale) = layer.kernel.posterior.loc_scale().unwrap();
    let affine = trace.layer("dense").unwrap().kernel_posterior_affine.as_ref().unwrap();
    let variance = (x.clone() * x.clone()).matmul(scale.clone() * scale);
    assert_close(&values(&affine.loc()), &values(&x.matmul(loc)), EXACT);
    assert_close(&values(&affine.scale()), &values(&variance.sqrt()), EXACT);
    let bias = layer.bias.as_ref().unwrap().posterior.mean().unsqueeze_dim::<2>(0);
    assert_close(&values(&affine.sample()), &values(&(output - bias)), EXACT);
}

/// z-scores of standardised outputs: rows, units and samples are independent. 5 standard errors, 6e-7 for each.
#[test]
fn l47_rows_are_drawn_independently() {
    const DRAWS: usize = 20_000;
    let layer = dense(3, 2).with_estimator(LOCAL).with_bias_posterior_fn(None).init(&device()).unwrap();
    let x = wave([1, 3], 0.0).repeat_dim(0, 2);
    let mut trace = pass(3).with_samples(DRAWS);
    let drawn = values(&layer.forward(x, &mut trace));
    let affine = trace.layer("dense").unwrap().kernel_posterior_affine.as_ref().unwrap();
    let (loc, scale) = (values(&affine.loc()), values(&affine.scale()));
    let z = |s: usize, i: usize| (drawn[4 * s + i] - loc[i]) / scale[i];
    for (i, j) in (0..4).flat_map(|i| (0..=i).map(move |j| (i, j))) {
        let mean = (0..DRAWS).map(|s| z(s, i) * z(s, j)).sum::<f64>() / float(DRAWS);
        let (expected, variance) = if i == j { (1.0, 2.0_f64) } else { (0.0, 1.0) };
        let score = (mean - expected) / (variance / float(DRAWS)).sqrt();
        assert!(score.abs() < 5.0, "outputs {i} and {j}: {mean}, z {score}");
    }
}

/// `activation(m + sqrt(v) ε + b)` by layers whose weights are fixed.
fn convolution_case<const D: usize>(config: &ConvConfig<D>, input: [usize; D]) {
    let layer = config.clone().with_estimator(LOCAL).with_activation(Activation::Relu).init(&device()).unwrap();
    let (loc, scale) = layer.kernel.posterior.loc_scale().unwrap();
    let bias = layer.bias.as_ref().unwrap().posterior.mean();
    let apply = |kernel: &Tensor<D>, bias: &Tensor<1>, x: Tensor<D>| {
        fixed(config.clone(), kernel, bias).init(&device()).unwrap().forward(x, &mut Trace::mean())
    };
    let x = wave(input, 0.0);
    let mean = apply(&loc, &bias, x.clone());
    let variance = apply(&(scale.clone() * scale), &Tensor::zeros_like(&bias), x.clone() * x.clone());
    let noise = wave(mean.dims(), 7.0);
    let found = layer.forward(x, &mut recorded("conv", &noise));
    assert_close(&values(&found), &values(&(mean + variance.sqrt() * noise).clamp_min(0.0)), EXACT);
}

#[test]
fn l48_outputs_follow_the_formula() {
    let layer = dense(3, 2).with_estimator(LOCAL).with_activation(Activation::Tanh).init(&device()).unwrap();
    let (loc, scale) = layer.kernel.posterior.loc_scale().unwrap();
    let bias = layer.bias.as_ref().unwrap().posterior.mean().unsqueeze_dim::<2>(0);
    let (x, noise) = (wave([4, 3], 0.0), wave([4, 2], 7.0));
    let found = layer.forward(x.clone(), &mut recorded("dense", &noise));
    let variance = (x.clone() * x.clone()).matmul(scale.clone() * scale);
    let expected = x.matmul(loc) + variance.sqrt() * noise + bias;
    assert_close(&values(&found), &values(&expected.tanh()), EXACT);

    convolution_case(&conv1d(2, 3, 3).with_padding("same").with_strides(2), [3, 7, 2]);
    convolution_case(&conv1d(2, 3, 2).with_data_format("channels_first"), [3, 2, 7]);
    convolution_case(&conv2d(2, 3, [2, 3]).with_padding("same"), [2, 3, 4, 2]);
    convolution_case(&conv3d(2, 3, [2, 1, 2]), [2, 3, 2, 3, 2]);
}

/// The tensor function sees the output's distribution, leading axes joined where the kernel has fewer.
#[test]
fn l48_tensor_functions_draw_outputs() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let own: TensorFn<2> = Arc::new(move |q: &dyn Distribution<2>, noise: &mut WeightNoise| {
        noted.lock().unwrap().push(format!("{} {:?}", q.name(), q.shape()));
        Ok(q.sample(noise)?.reshape(q.shape()))
    });
    let config = dense(3, 2).with_estimator(LOCAL);
    let layer = config.clone().with_kernel_posterior_tensor_fn(own).init(&device()).unwrap();
    let plain = config.clone().init(&device()).unwrap();
    let x = wave([4, 5, 3], 0.0);
    let run = |layer: &elbo::layer::Dense| values(&layer.forward(x.clone(), &mut pass(1).with_samples(2)));
    assert_close(&run(&layer), &run(&plain), EXACT);
    assert_eq!(*seen.lock().unwrap(), ["Normal [20, 2]", "Normal [20, 2]"]);

    let wrong: TensorFn<2> = Arc::new(|q: &dyn Distribution<2>, _: &mut WeightNoise| Ok(q.mean().narrow(0, 0, 1)));
    let layer = config.with_kernel_posterior_tensor_fn(wrong).init(&device()).unwrap();
    let refused = layer.try_forward(x, &mut pass(1));
    assert_error(refused, &["dense", "kernel_posterior_tensor_fn", "[20, 2]", "[1, 2]"]);
}

/// A row of zeros has outputs without variance, whose square root has no slope.
#[test]
fn l50_rows_of_zeros_give_finite_gradients() {
    for samples in [1, 3] {
        let layer = dense(3, 2).with_estimator(LOCAL).init(&device()).unwrap();
        let x = tensor([2, 3], vec![0.0, 0.0, 0.0, 0.3, -0.2, 0.9]).require_grad();
        let output = layer.forward(x.clone(), &mut pass(1).with_samples(samples));
        let bias = values(&layer.bias.as_ref().unwrap().posterior.mean());
        for sample in values(&output).chunks(4) {
            assert_eq!(sample[..2], bias, "exactly the mean");
        }
        let loss = (output.clone() * output).sum();
        let of_x = x.grad(&loss.backward()).unwrap();
        assert!(values(&of_x).iter().all(|g| g.is_finite()));
        let loss = layer.forward(x.detach(), &mut pass(1).with_samples(samples)).sum();
        let found = gradients(&layer, &loss);
        assert_eq!(found.len(), 3);
        assert!(found.values().flatten().all(|g| g.is_finite()), "{found:?}");
    }
    // With recorded noise too.
    let layer = dense(1, 1).with_estimator(LOCAL).init(&device()).unwrap();
    let loss = layer.forward(tensor([1, 1], vec![0.0]), &mut recorded("dense", &tensor([1, 1], vec![1.3]))).sum();
    assert!(gradients(&layer, &loss).values().flatten().all(|g| g.is_finite()));
}

/// Squares of inputs and scales are beyond half precision where outputs are not: 300² above, the square of a scale of its
/// machine epsilon below. Standardised outputs are then the noise. (Scales are rounded thrice, means once.)
#[test]
fn l67_half_precision_holds_outputs_whose_variances_it_does_not() {
    let unit = 1.0_f64.exp_m1().ln();
    for (dtype, epsilon) in [(DType::F16, 9.765_625e-4), (DType::BF16, 7.812_5e-3)] {
        for (x, u, scale) in [(300.0, unit, 1.0 + epsilon), (20_000.0, unit, 1.0 + epsilon), (1.0, -100.0, epsilon)] {
            let kernel = posterior(&tensor([1, 1], vec![0.0]), Some(&tensor([1, 1], vec![u])));
            let config = dense(1, 1).with_kernel_posterior_fn(kernel).with_bias_posterior_fn(None);
            let layer = config.with_estimator(LOCAL).with_dtype(dtype).init(&device()).unwrap();
            let input = tensor([1, 1], vec![x]).cast(dtype);
            let noise = tensor([1, 1], vec![1.5]);
            let output = layer.forward(input.clone(), &mut recorded("dense", &noise));
            assert_eq!(output.dtype(), dtype);
            assert_close(&[scalar(&output) / (x * scale)], &[1.5], 2.0 * epsilon);

            let mut trace = pass(1);
            let output = layer.forward(input, &mut trace);
            let affine = trace.layer("dense").unwrap().kernel_posterior_affine.as_ref().unwrap();
            assert_eq!((affine.scale().dtype(), affine.sample().dtype()), (dtype, dtype));
            assert_close(&[scalar(&affine.scale()) / (x * scale)], &[1.0], 2.0 * epsilon);
            // dy/dscale = x ε, with ε = y / (x scale); the slope of the scale in u is sigmoid(u).
            let drawn = scalar(&output);
            let slope = gradients(&layer, &output.sum())["kernel.posterior.untransformed_scale"][0];
            assert_close(&[slope], &[drawn / scale / (1.0 + (-u).exp())], 4.0 * epsilon);
        }
    }
}

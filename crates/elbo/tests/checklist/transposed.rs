//! Transposed convolutions: layers beyond the module.

use crate::fixture::*;
use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{DType, Tensor};
use elbo::distribution::Distribution;
use elbo::divergence::Divergence;
use elbo::layer::{
    Conv1d, ConvTranspose1d, ConvTranspose1dConfig, ConvTranspose2dConfig, ConvTranspose3dConfig, ConvTransposeConfig,
};
use elbo::posterior::Deterministic;
use elbo::variable::{Initializer, VariableOptions};
use elbo::{Activation, Error, Estimator, Noise, Padding, Trace};

/// A layer in `f64` called `up`.
fn up<const D: usize>(config: ConvTransposeConfig<D>) -> ConvTransposeConfig<D> {
    config.with_name("up").with_seed(3).with_dtype(DType::F64)
}

/// Output with given kernel and no bias.
fn apply<const D: usize>(config: ConvTransposeConfig<D>, kernel: &Tensor<D>, x: Tensor<D>) -> Tensor<D> {
    let config = up(config).with_kernel_posterior_fn(posterior(kernel, None)).with_kernel_prior_fn(None);
    config.with_bias_posterior_fn(None).init(&device()).unwrap().forward(x, &mut pass(1))
}

/// Of ones in one channel, and a kernel that counts its places: 1, 2, 4, ..
#[test]
fn lengths_and_places_are_the_published_ones() {
    let of = |length: usize, kernel: usize, stride, padding: &str, p: Option<usize>| {
        let weights = (0..kernel).map(|k| 2_f64.powi(i32::try_from(k).unwrap())).collect();
        let config = ConvTranspose1dConfig::new(1, 1, kernel).with_strides(stride).with_padding(padding);
        let config = ConvTranspose1dConfig { output_padding: p.map(Into::into), ..config };
        values(&apply(config, &tensor([kernel, 1, 1], weights), tensor([1, length, 1], vec![1.0; length])))
    };
    // Kernel 1 2 4 every other place: 1 2 4+1 2 4. PyTorch: (2 - 1) 2 - 0 + 3 = 5 places.
    assert_eq!(of(2, 3, 2, "valid", None), [1.0, 2.0, 5.0, 2.0, 4.0]);
    assert_eq!(of(2, 3, 2, "valid", Some(1)), [1.0, 2.0, 5.0, 2.0, 4.0, 0.0]);
    // TensorFlow's SAME: 2 * 2 places, P = 2 + 3 - 4 = 1 cut, none of it before.
    assert_eq!(of(2, 3, 2, "SAME", None), [1.0, 2.0, 5.0, 2.0]);
    // 3 places, P = 2 + 3 - 3 = 2, one before. PyTorch: padding 1, (2 - 1) 2 - 2 + 3 = 3.
    assert_eq!(of(2, 3, 2, "same", Some(0)), [2.0, 5.0, 2.0]);
    // Stride 1: 1 2+1 4+2+1 4+2 4 without its ends.
    assert_eq!(of(3, 3, 1, "same", None), [3.0, 7.0, 6.0]);
    // Kernel 1 2 4 8, stride 3: 6 places of 1 2 4 8+1 2 4 8, P = 3 + 4 - 6 = 1 after.
    assert_eq!(of(2, 4, 3, "same", None), [1.0, 2.0, 4.0, 9.0, 2.0, 4.0]);
}

/// `<up(x), y> = <x, down(y)>` for a convolution of the kernel with C and F exchanged, of the same settings.
#[test]
fn layers_are_adjoints_of_convolutions() {
    let w = wave([3, 2, 2, 4], 1.0);
    for (padding, format) in [("valid", "channels_last"), ("same", "channels_first")] {
        let config = ConvTranspose2dConfig::new(2, 4, [3, 2]).with_strides([2, 1]).with_dilation_rate([1, 2]);
        let config = config.with_padding(padding).with_data_format(format);
        let last = format == "channels_last";
        let x: Tensor<4> = if last { wave([2, 3, 4, 2], 0.0) } else { wave([2, 2, 3, 4], 0.0) };
        let output = apply(config, &w, x.clone());
        let y = wave(output.dims(), 2.0);
        let down = conv2d(4, 2, [3, 2]).with_strides([2, 1]).with_dilation_rate([1, 2]).allow_strides_with_dilation();
        let down = down.with_padding(padding).with_data_format(format);
        let zeros = Tensor::zeros_like(&wave([2], 0.0));
        let down = fixed(down, &w.clone().swap_dims(2, 3), &zeros).init(&device()).unwrap();
        let back = down.forward(y.clone(), &mut pass(1));
        assert_eq!(back.dims(), x.dims());
        assert_close(&[scalar(&(output * y).sum())], &[scalar(&(x * back).sum())], EXACT);
    }
}

#[test]
fn a_line_is_a_plane_of_height_one_and_a_volume() {
    let (x, w) = (wave([2, 5, 4], 0.0), wave([3, 2, 6], 1.0));
    for (padding, p) in [("valid", 0), ("valid", 1), ("same", 0), ("same", 1)] {
        let line = ConvTranspose1dConfig::new(4, 6, 3).with_groups(2).with_padding(padding).with_strides(2);
        let plane = ConvTranspose2dConfig::new(4, 6, [1, 3]).with_groups(2).with_padding(padding).with_strides([1, 2]);
        let volume = ConvTranspose3dConfig::new(4, 6, [1, 1, 3]).with_groups(2).with_padding(padding);
        let volume = volume.with_strides([1, 1, 2]).with_output_padding([0, 0, p]);
        let of_line = values(&apply(line.with_output_padding(p), &w, x.clone()));
        let plane = plane.with_output_padding([0, p]);
        let of_plane = apply(plane, &w.clone().reshape([1, 3, 2, 6]), x.clone().reshape([2, 1, 5, 4]));
        let of_volume = apply(volume, &w.clone().reshape([1, 1, 3, 2, 6]), x.clone().reshape([2, 1, 1, 5, 4]));
        assert_close(&values(&of_plane), &of_line, EXACT);
        assert_close(&values(&of_volume), &of_line, EXACT);
    }
}

#[test]
fn shapes_are_known_before_the_layer_is() {
    let config = ConvTranspose3dConfig::new(2, 4, [3, 2, 1]).with_groups(2).with_strides([2, 3, 1]);
    for padding in ["valid", "same"] {
        for p in [None, Some([1, 2, 0])] {
            let config = ConvTransposeConfig { output_padding: p.map(Into::into), ..config.clone() };
            let config = up(config).with_padding(padding);
            let layer = config.init(&device()).unwrap();
            let output = layer.forward(wave([2, 3, 1, 4, 2], 0.0), &mut pass(1));
            let known = [2, 3, 1, 4, 2].map(Some);
            assert_eq!(config.output_shape(&known).unwrap(), output.dims().map(Some));
            assert_eq!(layer.output_shape(&known).unwrap(), output.dims().map(Some));
            let unknown = layer.output_shape(&[None, None, Some(1), None, None]).unwrap();
            assert_eq!(unknown, [None, None, Some(output.dims()[2]), None, Some(4)]);
        }
    }
    let first = up(ConvTranspose1dConfig::new(2, 3, 3)).with_data_format("channels_first");
    assert_eq!(first.output_shape(&[None, Some(2), Some(5)]).unwrap(), [None, Some(3), Some(7)]);
}

#[test]
fn variables_are_named_and_shaped_as_in_convolutions() {
    let layer = up(ConvTranspose1dConfig::new(4, 6, 3)).with_groups(2).init(&device()).unwrap();
    let found: Vec<_> = layer.variables().into_iter().map(|variable| (variable.name, variable.shape)).collect();
    let expected = [
        ("kernel_posterior_loc", vec![3, 2, 6]),
        ("kernel_posterior_untransformed_scale", vec![3, 2, 6]),
        ("bias_posterior_loc", vec![6]),
    ];
    assert_eq!(found, expected.map(|(name, shape)| (name.to_owned(), shape)));
    let mut trace = pass(1);
    let _ = layer.forward(wave([1, 2, 4], 0.0), &mut trace);
    assert_eq!((trace.losses().len(), trace.layers()[0].path.as_str()), (1, "up"));
    let unnamed = ConvTranspose1dConfig::new(1, 1, 1).init(&device()).unwrap();
    assert_eq!(unnamed.settings().1.class, "conv_transpose1d");
}

/// Noise held fixed, so that the loss is a smooth function of the input.
#[test]
fn gradients_are_difference_quotients() {
    let config = up(ConvTranspose1dConfig::new(2, 4, 3)).with_groups(2).with_strides(2).with_padding("same");
    let layer =
        config.with_activation(Activation::Tanh).with_bias_posterior_fn(Some(normal())).init(&device()).unwrap();
    let loss = |x: Tensor<3>| layer.forward(x, &mut pass(5).with_samples(2)).square().sum();
    let x = wave([1, 3, 2], 0.0).require_grad();
    let found = values(&x.grad(&loss(x.clone()).backward()).unwrap());
    let at = |i: usize, step: f64| {
        let mut moved = values(&x);
        moved[i] += step;
        scalar(&loss(tensor([1, 3, 2], moved)))
    };
    // The third derivative times h² / 6 is below 1e-8, the rounding of a loss of order 10 over h below 1e-9.
    let expected: Vec<f64> = (0..6).map(|i| (at(i, 1e-5) - at(i, -1e-5)) / 2e-5).collect();
    assert_close(&found, &expected, 1e-8);
    let of = gradients(&layer, &loss(x));
    assert_eq!(of.len(), 4);
    assert!(of.values().flatten().all(|gradient| gradient.is_finite() && *gradient != 0.0));
}

#[test]
fn many_samples_in_one_pass_equal_as_many_passes() {
    let first = up(ConvTranspose1dConfig::new(4, 4, 2)).with_groups(2).with_strides(2).with_name("first");
    let second = up(ConvTranspose1dConfig::new(4, 2, 3)).with_padding("same").with_activation(Activation::Relu);
    let (first, second) = (first.init(&device()).unwrap(), second.init(&device()).unwrap());
    let x = wave([2, 3, 4], 0.0);
    let run = |range: core::ops::Range<u64>| {
        let mut trace = pass(7).with_sample_range(range);
        let output = second.forward(first.forward(x.clone(), &mut trace), &mut trace);
        let of = gradients(&first, &output.clone().square().sum());
        (values(&output), of)
    };
    let (together, of_all) = run(0..3);
    let apart: Vec<_> = (0..3).map(|s| run(s..s + 1)).collect();
    assert_close(&together, &apart.iter().flat_map(|(output, _)| output.clone()).collect::<Vec<_>>(), EXACT);
    for (name, gradient) in of_all {
        let sum: Vec<f64> = (0..gradient.len()).map(|i| apart.iter().map(|(_, of)| of[&name][i]).sum()).collect();
        assert_close(&gradient, &sum, EXACT);
    }
}

#[test]
fn estimators_share_the_weights() {
    let layer = up(ConvTranspose1dConfig::new(1, 2, 3)).init(&device()).unwrap();
    let x = wave([1, 4, 1], 0.0);
    let plug_in = layer.clone().with_estimator(Estimator::Mean).forward(x.clone(), &mut pass(1));
    assert_eq!(values(&plug_in), values(&layer.forward(x.clone(), &mut Trace::mean())));
    assert_ne!(values(&plug_in), values(&layer.forward(x, &mut pass(1))));
}

#[test]
fn a_posterior_of_ones_own_builds_the_kernel() {
    let built = up(ConvTranspose1dConfig::new(1, 1, 2)).init_with(
        &device(),
        |request, scope| {
            let options = VariableOptions::new(request, Initializer::Constant(2.0));
            Ok(Deterministic { loc: scope.add_variable(request.name, request.shape, options)? })
        },
        None::<Divergence<_, 3>>,
    );
    let layer = built.unwrap();
    let output = layer.forward(tensor([1, 1, 1], vec![3.0]), &mut Trace::mean());
    let bias = values(&layer.bias.as_ref().unwrap().posterior.mean());
    assert_close(&values(&output), &[6.0 + bias[0]; 2], EXACT);
}

#[test]
fn empty_batches_and_lengths() {
    let empty = |shape: [usize; 3]| Tensor::<3>::zeros(shape, (&device(), DType::F64));
    let config = up(ConvTranspose1dConfig::new(2, 4, 3)).with_strides(2).with_groups(2);
    let valid = config.clone().init(&device()).unwrap();
    let same = config.with_padding("same").init(&device()).unwrap();
    for samples in [1, 3] {
        let mut trace = pass(1).with_samples(samples);
        assert_eq!(valid.forward(empty([0, 4, 2]), &mut trace).dims(), [0, 9, 4]);
        let mut trace = pass(1).with_samples(samples);
        assert_eq!(same.forward(empty([2, 0, 2]), &mut trace).dims(), [2 * samples, 0, 4]);
    }
    assert_error(valid.try_forward(empty([2, 0, 2]), &mut pass(1)), &["length", "at least 1 on spatial axis 0"]);
    assert_error(valid.output_shape(&[None, Some(0), None]), &["length", "at least 1"]);
}

#[test]
fn layers_work_in_every_float_type() {
    // Machine epsilons. Sums of at most six terms below 1: ten half-units.
    for (dtype, epsilon) in [(DType::F64, 2.220_446e-16), (DType::F32, 1.192_093e-7), (DType::F16, 9.765_625e-4)] {
        let config = ConvTranspose1dConfig::new(2, 3, 3).with_strides(2);
        let (exact, layer) = (up(config.clone()), up(config).with_dtype(dtype));
        let x = wave([2, 5, 2], 0.0);
        let exact = values(&exact.init(&device()).unwrap().forward(x.clone(), &mut Trace::mean()));
        let layer = layer.init(&device()).unwrap();
        let output = layer.forward(x.cast(dtype), &mut Trace::mean());
        assert_eq!(output.dtype(), dtype);
        assert_close(&values(&output), &exact, 10.0 * epsilon);
    }
    let layer = up(ConvTranspose1dConfig::new(2, 3, 3)).init(&device()).unwrap();
    let error = layer.try_forward(wave([1, 2, 2], 0.0).cast(DType::F32), &mut pass(1)).unwrap_err();
    assert!(matches!(error, Error::Input { what: "dtype", .. }), "{error}");
}

#[test]
fn bad_arguments_are_named() {
    let device = device();
    let line = || ConvTranspose1dConfig::new(4, 6, 3).with_strides(2);
    assert_error(ConvTranspose1dConfig::new(0, 6, 3).init(&device), &["channels_in", "found 0"]);
    assert_error(ConvTranspose1dConfig::new(4, 0, 3).init(&device), &["filters", "found 0"]);
    assert_error(ConvTranspose2dConfig::new(4, 6, [3, 0]).init(&device), &["kernel_size", "[3, 0]"]);
    assert_error(line().with_strides(0).init(&device), &["strides", "[0]"]);
    assert_error(line().with_strides([1, 1]).init(&device), &["strides", "2 sizes"]);
    assert_error(line().with_dilation_rate(0).init(&device), &["dilation_rate", "[0]"]);
    assert_error(line().with_dilation_rate(usize::MAX).init(&device), &["dilation_rate"]);
    assert_error(line().with_groups(4).init(&device), &["groups", "found 4"]);
    for padding in ["causal", "full"] {
        let expected = ["padding", "one of \"valid\", \"same\", found", padding];
        assert_error(line().with_padding(padding).init(&device), &expected);
    }
    assert_error(line().with_padding(Padding::Causal).init(&device), &["padding", "found Causal"]);
    assert_error(line().with_data_format("NCW").init(&device), &["data_format", "\"NCW\""]);
    let below = ["output_padding", "below the strides [2]", "found [2]"];
    assert_error(line().with_output_padding(2).init(&device), &below);
    assert_error(line().with_output_padding(2).output_shape(&[None; 3]), &below);
    assert_error(line().with_output_padding([0, 1]).init(&device), &["output_padding", "2 sizes"]);
    assert_error(line().with_output_padding(usize::MAX).init(&device), &["output_padding"]);
    assert_error(line().with_dtype(DType::I32).init(&device), &["dtype"]);
    assert_error(line().with_seed(1).init(&device), &["name", "seed"]);
    assert_error(ConvTranspose3dConfig::new(1 << 30, 1 << 30, 1 << 30).init(&device), &["filters", "overflows"]);
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let layer = up(ConvTranspose1dConfig::new(2, 1, 2)).init(&device()).unwrap();
    assert_error(layer.try_forward(wave([4, 2], 0.0), &mut pass(1)), &["rank", "3 axes", "2 in [4, 2]"]);
    assert_error(layer.try_forward(wave([1, 1, 4, 2], 0.0), &mut pass(1)), &["rank", "3 axes", "4 in"]);
    assert_error(layer.try_forward(wave([1, 4, 3], 0.0), &mut pass(1)), &["channels", "2 on axis 2", "3 in [1, 4, 3]"]);
    assert_error(layer.output_shape(&[None, Some(4)]), &["rank", "3 axes"]);
    let far = up(ConvTranspose1dConfig::new(1, 1, 3)).with_strides(1 << 40).init(&device()).unwrap();
    assert_error(far.try_forward(wave([1, 5, 1], 0.0), &mut pass(1)), &["the output with what is cut", "too large"]);
    assert_error(far.output_shape(&[None, Some(1 << 30), Some(1)]), &["length", "overflows"]);
}

/// Down by two and up again.
#[derive(Module, Debug)]
struct Net {
    down: Conv1d,
    up: ConvTranspose1d,
}

impl Net {
    fn forward(&self, x: Tensor<3>, trace: &mut Trace) -> Tensor<3> {
        self.up.forward(self.down.forward(x, trace), trace)
    }
}

/// Squared error of waves rebuilt from half as many places of two channels.
#[test]
fn an_autoencoder_learns() {
    let down = conv1d(1, 2, 3).with_strides(2).with_padding("same").with_activation(Activation::Tanh);
    let up = up(ConvTranspose1dConfig::new(2, 1, 3)).with_strides(2).with_padding("same");
    let mut net = Net { down: down.init(&device()).unwrap(), up: up.init(&device()).unwrap() };
    let (mut optimizer, mut noise) = (AdamConfig::new().init(), Noise::seeded(1));
    let x = wave([8, 6, 1], 0.0);
    let mut losses = Vec::new();
    for _ in 0..60 {
        let error = net.forward(x.clone(), &mut Trace::sampling(&mut noise)) - x.clone();
        let loss = error.square().mean();
        losses.push(scalar(&loss));
        let grads = GradientsParams::from_grads(loss.backward(), &net);
        assert_eq!(grads.len(), 6, "every parameter has a gradient");
        net = optimizer.step(0.02, net, grads);
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / float(part.len());
    assert!(mean(&losses[50..]) < 0.5 * mean(&losses[..10]), "{losses:?}");
}

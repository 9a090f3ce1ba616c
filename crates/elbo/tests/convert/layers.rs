//! Layer by layer: Burn's layers to this crate's.

use crate::fixture::*;
use burn::module::{Module, Param};
use burn::nn::conv::{
    Conv1d as BurnConv1d, Conv1dConfig, Conv2dConfig, Conv3dConfig, ConvTranspose1d as BurnConvTranspose1d,
    ConvTranspose1dConfig, ConvTranspose2dConfig, ConvTranspose3dConfig,
};
use burn::nn::{Linear, PaddingConfig1d, PaddingConfig2d, PaddingConfig3d};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Tensor, activation::relu};
use elbo::convert::{ConvertOptions, PriorRule, ScaleRule};
use elbo::distribution::Distribution;
use elbo::layer::{Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, Dense};
use elbo::objective::{Elbo, Likelihood, Targets};
use elbo::posterior::{Family, Posterior};
use elbo::prior::ScalarPrior;
use elbo::{DataFormat, Noise, Padding, Trace};
use proptest::prelude::*;

fn linear(inputs: usize, units: usize) -> Linear {
    Linear {
        weight: Param::from_tensor(wave([inputs, units], 0.3)),
        bias: Some(Param::from_tensor(wave([units], 0.7))),
    }
}

/// A convolution in `f64`; Burn builds in `f32`.
fn burn_conv1d(config: &Conv1dConfig) -> BurnConv1d {
    let mut conv = config.init(&device());
    conv.weight = Param::from_tensor(wave(conv.weight.val().dims(), 0.3));
    conv.bias = conv.bias.map(|bias| Param::from_tensor(wave(bias.val().dims(), 0.7)));
    conv
}

fn options() -> ConvertOptions {
    ConvertOptions::default().with_name("layer")
}

fn scales<const D: usize>(posterior: &Family<D>) -> Vec<f64> {
    values(&posterior.loc_scale().unwrap().1)
}

#[test]
fn a_linear_layer_keeps_its_mean_outputs() {
    let linear = linear(3, 2);
    let dense = Dense::from_linear(&linear, &options()).unwrap();
    let input = wave([4, 3], 0.1);
    let got = dense.forward(input.clone(), &mut Trace::mean());
    assert_close(&values(&got), &values(&linear.forward(input)), EXACT);
    assert_eq!(values(&dense.kernel.posterior.mean()), values(&linear.weight.val()));
}

#[test]
fn a_linear_layer_without_bias_has_none() {
    let linear = Linear { bias: None, ..linear(3, 2) };
    assert!(Dense::from_linear(&linear, &options()).unwrap().bias.is_none());
}

#[test]
fn moped_numbers_by_hand() {
    let weight = tensor([1, 3], vec![2.0, -0.5, 0.0]);
    let linear = Linear { weight: Param::from_tensor(weight), bias: None };
    let rule = ScaleRule::Moped { delta: 0.1, floor: 0.01 };
    let options = options().with_scale(rule).with_prior(PriorRule::moped(0.2, 0.01));
    let dense = Dense::from_linear(&linear, &options).unwrap();
    assert_close(&scales(&dense.kernel.posterior), &[0.2, 0.05, 0.01], EXACT);
    // Around the same mean: ln(σp/σq) + σq²/(2 σp²) - ½, with σp = 2 σq twice and σp = σq once.
    let half = 2.0_f64.ln() + 0.125 - 0.5;
    let elementwise = dense.kernel.elementwise_kl().unwrap();
    assert_close(&values(&elementwise), &[half, half, 0.0], EXACT);
    assert_close(&[scalar(&dense.kernel.divergence(None).unwrap())], &[2.0 * half], EXACT);
}

#[test]
fn a_fixed_scale_and_a_standard_normal_prior_by_hand() {
    let linear = Linear { weight: Param::from_tensor(tensor([1, 1], vec![0.3])), bias: None };
    let dense = Dense::from_linear(&linear, &options().with_scale(ScaleRule::Fixed(0.7))).unwrap();
    assert_close(&scales(&dense.kernel.posterior), &[0.7], EXACT);
    assert_close(&[scalar(&dense.kernel.divergence(None).unwrap())], &[0.146_674_943_938_732], 1e-9);
}

#[test]
fn priors_around_weights_are_not_trained_but_recorded() {
    let dense = Dense::from_linear(&linear(3, 2), &options().with_prior(PriorRule::moped(0.2, 0.01))).unwrap();
    let variables: Vec<_> = dense.variables().into_iter().map(|v| (v.name, v.trainable)).collect();
    let expected = [
        ("kernel_posterior_loc", true),
        ("kernel_posterior_untransformed_scale", true),
        ("kernel_prior_loc", false),
        ("kernel_prior_scale", false),
        ("bias_posterior_loc", true),
    ];
    assert_eq!(variables, expected.map(|(name, trainable)| (name.to_owned(), trainable)));
    assert!(elbo::record::parameters(&dense).contains_key("kernel.prior.loc"));
    let gradients = gradients(&dense, &dense.kernel.divergence(None).unwrap());
    let names: Vec<&str> = gradients.keys().map(String::as_str).collect();
    assert_eq!(names, ["kernel.posterior.loc", "kernel.posterior.untransformed_scale"]);
}

#[test]
fn random_biases_have_scale_and_prior() {
    let dense = Dense::from_linear(&linear(3, 2), &options().with_random_bias(true)).unwrap();
    let mut trace = pass(1).with_samples(3);
    let _ = dense.forward(wave([4, 3], 0.1), &mut trace);
    let paths: Vec<String> = trace.divergences().iter().map(elbo::trace::Loss::weight_path).collect();
    assert_eq!(paths, ["layer/kernel", "layer/bias"]);
    let bias = dense.bias.unwrap();
    let expected: Vec<f64> = values(&bias.posterior.mean()).iter().map(|b| 0.1 * b.abs()).collect();
    assert_close(&scales(&bias.posterior), &expected, EXACT);
}

#[test]
fn other_priors_take_monte_carlo() {
    let prior = PriorRule::Given(ScalarPrior::Laplace { loc: 0.0, scale: 1.0 });
    let dense = Dense::from_linear(&linear(3, 2), &options().with_prior(prior)).unwrap();
    let mut trace = pass(1).with_samples(3);
    let _ = dense.forward(wave([4, 3], 0.1), &mut trace);
    assert!(scalar(&trace.divergences()[0].value).is_finite());
    assert_eq!(dense.kernel.prior.unwrap().name(), "Laplace");
    let none = Dense::from_linear(&linear(3, 2), &options().with_prior(PriorRule::None)).unwrap();
    assert!(!none.kernel.has_divergence());
}

#[test]
fn bad_weights_and_options_are_errors() {
    let infinite = Linear { weight: Param::from_tensor(tensor([1, 1], vec![f64::INFINITY])), bias: None };
    assert_error(Dense::from_linear(&infinite, &options()), &["Linear", "`weight` must be finite", "inf"]);
    for scale in [ScaleRule::Fixed(0.0), ScaleRule::Fixed(f64::NAN), ScaleRule::Moped { delta: -1.0, floor: 0.1 }] {
        let converted = Dense::from_linear(&linear(1, 1), &options().with_scale(scale));
        assert_error(converted, &["`scale` must be made of positive finite numbers"]);
    }
    let single = Linear { weight: Param::from_tensor(Tensor::ones([1, 1], &device())), bias: None };
    let wide = Dense::from_linear(&single, &options().with_scale(ScaleRule::Fixed(1e39)));
    assert_error(wide, &["`scale` must be a scale that F32 can hold"]);
    let wide = Dense::from_linear(&single, &options().with_prior(PriorRule::Around(ScaleRule::Fixed(1e39))));
    assert_error(wide, &["`prior` must be a scale that F32 can hold"]);
    let prior = PriorRule::Given(ScalarPrior::Normal { loc: 0.0, scale: -1.0 });
    assert_error(Dense::from_linear(&linear(1, 1), &options().with_prior(prior)), &["scale", "positive"]);
}

#[test]
fn paddings_that_differ_are_errors() {
    let error = |config: Conv1dConfig, parts: &[&str]| {
        assert_error(Conv1d::from_conv1d(&config.init(&device()), &options()), parts);
    };
    let config = || Conv1dConfig::new(2, 4, 3);
    error(config().with_padding(PaddingConfig1d::Explicit(0, 2)), &["`padding`", "(0, 2)"]);
    error(config().with_padding(PaddingConfig1d::Explicit(1, 1)).with_stride(2), &["`padding`", "stride 1"]);
    error(config().with_padding(PaddingConfig1d::Same).with_dilation(2), &["`padding`", "dilation [2]"]);
}

/// Groups, strides together with dilation, and zeros that all come first.
#[test]
fn grouped_strided_dilated_and_causal_convolutions_convert() {
    let config = || Conv1dConfig::new(4, 6, 3);
    let cases = [
        config().with_groups(2),
        Conv1dConfig::new(4, 4, 3).with_groups(4),
        config().with_stride(2).with_dilation(3),
        config().with_padding(PaddingConfig1d::Explicit(2, 0)),
        config().with_padding(PaddingConfig1d::Explicit(4, 0)).with_dilation(2).with_stride(2).with_groups(2),
    ];
    for config in cases {
        let conv = burn_conv1d(&config);
        let ours = Conv1d::from_conv1d(&conv, &options()).unwrap();
        let input = wave::<3>([2, 4, 11], 0.2);
        let got = ours.forward(input.clone(), &mut Trace::mean());
        assert_close(&values(&got), &values(&conv.forward(input)), EXACT);
    }
    let plane = burn::nn::conv::Conv2dConfig::new([4, 6], [3, 2]).with_groups(2).with_stride([1, 2]);
    let mut plane = plane.with_dilation([2, 1]).with_bias(false).init(&device());
    plane.weight = Param::from_tensor(wave(plane.weight.val().dims(), 0.3));
    let ours = elbo::layer::Conv2d::from_conv2d(&plane, &options()).unwrap();
    let input = wave::<4>([2, 4, 7, 6], 0.2);
    let got = ours.forward(input.clone(), &mut Trace::mean());
    assert_close(&values(&got), &values(&plane.forward(input)), EXACT);
}

fn burn_up(config: &ConvTranspose1dConfig) -> BurnConvTranspose1d {
    let mut conv = config.init(&device());
    conv.weight = Param::from_tensor(wave(conv.weight.val().dims(), 0.3));
    conv.bias = conv.bias.map(|bias| Param::from_tensor(wave(bias.val().dims(), 0.7)));
    conv
}

/// Settings by hand: which padding they become, and that outputs are the same at more than one length.
#[test]
fn transposed_convolutions_keep_their_mean_outputs() {
    let config = |kernel, stride| ConvTranspose1dConfig::new([4, 6], kernel).with_stride(stride);
    let cases = [
        (config(3, 1), Padding::Valid, 0),
        (config(2, 3), Padding::Valid, 0),
        (config(3, 3).with_padding_out(2).with_bias(false), Padding::Valid, 2),
        (config(3, 2).with_dilation(3).with_groups(2), Padding::Valid, 0),
        // K_e = 4: one element is cut on both sides.
        (config(4, 2).with_padding(1), Padding::Same, 1),
        (config(3, 1).with_padding(1).with_groups(2), Padding::Same, 0),
        (config(3, 2).with_padding(1), Padding::Same, 0),
        (config(5, 3).with_padding(1), Padding::Same, 2),
        (config(3, 1).with_dilation(2).with_padding(2), Padding::Same, 0),
    ];
    for (config, padding, output_padding) in cases {
        let conv = burn_up(&config);
        let ours = ConvTranspose1d::from_conv_transpose1d(&conv, &options()).unwrap();
        let geometry = ours.settings().0;
        assert_eq!((geometry.sizes.padding, geometry.output_padding), (padding, Some([0, 0, output_padding])));
        assert_eq!(ours.bias.is_some(), config.bias);
        for length in [1, 2, 5] {
            let input = wave::<3>([2, 4, length], 0.2);
            let (got, want) = (ours.forward(input.clone(), &mut Trace::mean()), conv.forward(input));
            assert_eq!(got.dims(), want.dims(), "{config}");
            assert_close(&values(&got), &values(&want), EXACT);
        }
    }
}

#[test]
fn planes_and_volumes_that_are_transposed_convert() {
    let plane = ConvTranspose2dConfig::new([4, 6], [4, 3]).with_stride([2, 3]).with_groups(2).with_dilation([1, 2]);
    let mut plane = plane.with_padding([1, 1]).with_padding_out([0, 0]).init(&device());
    plane.weight = Param::from_tensor(wave(plane.weight.val().dims(), 0.3));
    plane.bias = Some(Param::from_tensor(wave([6], 0.7)));
    let input = wave::<4>([2, 4, 3, 2], 0.2);
    for format in [DataFormat::ChannelsFirst, DataFormat::ChannelsLast] {
        let ours = ConvTranspose2d::from_conv_transpose2d(&plane, &options().with_data_format(format)).unwrap();
        assert_eq!(ours.settings().0.output_padding, Some([0, 1, 2]));
        let got = match format {
            DataFormat::ChannelsFirst => ours.forward(input.clone(), &mut Trace::mean()),
            DataFormat::ChannelsLast => {
                let last = input.clone().permute([0, 2, 3, 1]);
                ours.forward(last, &mut Trace::mean()).permute([0, 3, 1, 2])
            }
        };
        let want = plane.forward(input.clone());
        assert_eq!(got.dims(), want.dims());
        assert_close(&values(&got), &values(&want), EXACT);
    }
    let volume = ConvTranspose3dConfig::new([2, 3], [2, 1, 3]).with_stride([1, 2, 2]).with_padding_out([0, 1, 0]);
    let mut volume = volume.with_bias(false).init(&device());
    volume.weight = Param::from_tensor(wave(volume.weight.val().dims(), 0.3));
    let ours = ConvTranspose3d::from_conv_transpose3d(&volume, &options()).unwrap();
    let input = wave::<5>([2, 2, 2, 3, 2], 0.2);
    let got = ours.forward(input.clone(), &mut Trace::mean());
    assert_close(&values(&got), &values(&volume.forward(input)), EXACT);
}

#[test]
fn transposed_paddings_that_differ_are_errors() {
    let error = |config: ConvTranspose1dConfig, parts: &[&str]| {
        assert_error(ConvTranspose1d::from_conv_transpose1d(&config.init(&device()), &options()), parts);
    };
    let config = |kernel, stride| ConvTranspose1dConfig::new([4, 6], kernel).with_stride(stride);
    // The custom of doubling a length: the odd element is cut before the output here, after it in TensorFlow.
    error(config(3, 2).with_padding(1).with_padding_out(1), &["`padding`", "padding [1] and output padding [1]"]);
    error(config(3, 2).with_padding_out(2), &["`padding`", "output padding [2]"]);
    error(config(3, 2).with_padding(2), &["`padding`", "padding [2]"]);
    error(config(5, 2).with_padding(1), &["`padding`", "padding [1]"]);
    let mut conv = burn_up(&config(3, 1));
    for groups in [0, 3, 5] {
        conv.groups = groups;
        let converted = ConvTranspose1d::from_conv_transpose1d(&conv, &options());
        assert_error(converted, &["`groups`", "divisor of 4", &format!("found {groups}")]);
    }
    conv.groups = 1;
    conv.weight = Param::from_tensor(wave([4, 6, 3], 0.3) * f64::INFINITY);
    assert_error(ConvTranspose1d::from_conv_transpose1d(&conv, &options()), &["ConvTranspose1d", "`weight`", "finite"]);
}

#[test]
fn a_converted_convolution_can_be_channels_last() {
    let conv = burn_conv1d(&Conv1dConfig::new(2, 3, 3).with_stride(2).with_padding(PaddingConfig1d::Same));
    let ours = Conv1d::from_conv1d(&conv, &options().with_data_format(DataFormat::ChannelsLast)).unwrap();
    let input = wave::<3>([2, 2, 8], 0.2);
    let got = ours.forward(input.clone().swap_dims(1, 2), &mut Trace::mean()).swap_dims(1, 2);
    assert_close(&values(&got), &values(&conv.forward(input)), EXACT);
}

#[test]
fn a_converted_layer_trains() {
    let conv = burn_conv1d(&Conv1dConfig::new(2, 3, 3));
    let conv = Conv1d::from_conv1d(&conv, &options()).unwrap();
    let mut trace = pass(2).with_samples(2);
    let output: Tensor<3> = conv.forward(wave([2, 2, 6], 0.2), &mut trace);
    let gradients = gradients(&conv, &output.sum());
    let names: Vec<&str> = gradients.keys().map(String::as_str).collect();
    let expected = ["bias.posterior.loc", "kernel.posterior.loc", "kernel.posterior.untransformed_scale"];
    assert_eq!(names, expected);
}

/// A network of one's own, before and after.
#[derive(Module, Debug)]
struct Trained {
    conv: BurnConv1d,
    linear: Linear,
}

#[derive(Module, Debug)]
struct Random {
    conv: Conv1d,
    dense: Dense,
}

impl Random {
    /// The last layer gets MOPED's prior, the first a standard normal.
    fn new(trained: &Trained) -> Self {
        let options = |name: &str| ConvertOptions::default().with_name(name);
        let moped = options("dense").with_prior(PriorRule::moped(0.5, 0.1));
        Self {
            conv: Conv1d::from_conv1d(&trained.conv, &options("conv")).unwrap(),
            dense: Dense::from_linear(&trained.linear, &moped).unwrap(),
        }
    }

    fn forward(&self, x: Tensor<3>, trace: &mut Trace) -> Tensor<2> {
        self.dense.forward(relu(self.conv.forward(x, trace)).flatten(1, 2), trace)
    }
}

#[test]
fn a_network_of_converted_layers_starts_where_the_other_stopped_and_trains_on() {
    let config = Conv1dConfig::new(2, 3, 3).with_padding(PaddingConfig1d::Same);
    let trained = Trained { conv: burn_conv1d(&config), linear: linear(18, 2) };
    let mut random = Random::new(&trained);
    let input = wave([8, 2, 6], 0.2);
    let want = trained.linear.forward(relu(trained.conv.forward(input.clone())).flatten::<2>(1, 2));
    assert_close(&values(&random.forward(input.clone(), &mut Trace::mean())), &values(&want), EXACT);

    let labels = Targets::classes(&[0, 1, 1, 0, 1, 0, 0, 1], &device());
    let (mut noise, mut optimizer, mut losses) = (Noise::seeded(4), AdamConfig::new().init(), Vec::new());
    for _ in 0..60 {
        let mut trace = Trace::sampling(&mut noise).with_samples(4);
        let logits = random.forward(input.clone(), &mut trace);
        let terms = Elbo::new(8).unwrap().negative(&Likelihood::categorical(2), logits, &labels, &trace).unwrap();
        losses.push(scalar(&terms.loss));
        let gradients = GradientsParams::from_grads(terms.loss.backward(), &random);
        random = optimizer.step(0.02, random, gradients);
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / float(part.len());
    assert!(mean(&losses[50..]) < mean(&losses[..10]) - 0.2, "{losses:?}");
}

/// Stride or dilation on every axis, never both above 1.
fn steps() -> impl Strategy<Value = (usize, usize)> {
    prop_oneof![(1..4_usize, Just(1)), (Just(1), 1..4_usize)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn conv1d_keeps_its_mean_outputs(
        (channels, filters, kernel, length) in (1..4_usize, 1..4_usize, 1..5_usize, 13..18_usize),
        (stride, dilation) in steps(),
        padding in 0..3_usize,
    ) {
        let total = (kernel - 1) * dilation;
        let padding = match padding {
            0 => PaddingConfig1d::Valid,
            1 if dilation == 1 => PaddingConfig1d::Same,
            2 if stride == 1 => PaddingConfig1d::Explicit(total / 2, total.div_ceil(2)),
            _ => PaddingConfig1d::Explicit(0, 0),
        };
        let config = Conv1dConfig::new(channels, filters, kernel).with_stride(stride).with_dilation(dilation);
        let conv = burn_conv1d(&config.with_padding(padding));
        let ours = Conv1d::from_conv1d(&conv, &options()).unwrap();
        let input = wave([2, channels, length], 0.2);
        let got = ours.forward(input.clone(), &mut Trace::mean());
        let want = conv.forward(input);
        prop_assert_eq!(got.dims(), want.dims());
        assert_close(&values(&got), &values(&want), EXACT);
    }

    /// Either the same numbers at every length, or an error that says why not.
    #[test]
    fn transposed_convolutions_keep_their_mean_outputs_or_are_refused(
        (per_group, filters, groups) in (1..3_usize, 1..3_usize, 1..3_usize),
        (kernel, stride, dilation) in (1..5_usize, 1..4_usize, 1..3_usize),
        (padding, padding_out, length) in (0..3_usize, 0..3_usize, 2..6_usize),
    ) {
        let reach = (kernel - 1) * dilation;
        prop_assume!(2 * padding <= reach + padding_out && padding_out < stride.max(dilation));
        let channels = [per_group * groups, filters * groups];
        let config = ConvTranspose1dConfig::new(channels, kernel).with_stride(stride).with_dilation(dilation);
        let conv = burn_up(&config.with_groups(groups).with_padding(padding).with_padding_out(padding_out));
        let input = wave([2, channels[0], length], 0.2);
        let want = conv.forward(input.clone());
        match ConvTranspose1d::from_conv_transpose1d(&conv, &options()) {
            Ok(ours) => {
                let got = ours.forward(input, &mut Trace::mean());
                prop_assert_eq!(got.dims(), want.dims());
                assert_close(&values(&got), &values(&want), EXACT);
            }
            Err(error) => {
                prop_assert!(error.to_string().contains("`padding`"), "{error}");
                // Without padding everything below the strides converts, as do zeros that `same` cuts evenly.
                let even = padding_out == 0 && reach >= 2 * padding && reach - 2 * padding < stride;
                let valid = padding == 0 && padding_out < stride;
                prop_assert!(!valid && !even, "{error}");
            }
        }
    }

    #[test]
    fn conv2d_keeps_its_mean_outputs(
        (channels, filters) in (1..4_usize, 1..4_usize),
        kernel in prop::array::uniform2(1..4_usize),
        stride in prop::array::uniform2(1..3_usize),
        same in any::<bool>(),
    ) {
        let padding = if same { PaddingConfig2d::Same } else { PaddingConfig2d::Valid };
        let config = Conv2dConfig::new([channels, filters], kernel).with_stride(stride).with_padding(padding);
        let mut conv = config.init(&device());
        conv.weight = Param::from_tensor(wave(conv.weight.val().dims(), 0.3));
        conv.bias = Some(Param::from_tensor(wave([filters], 0.7)));
        let ours = Conv2d::from_conv2d(&conv, &options()).unwrap();
        let input = wave([2, channels, 6, 7], 0.2);
        let got = ours.forward(input.clone(), &mut Trace::mean());
        assert_close(&values(&got), &values(&conv.forward(input)), EXACT);
    }

    #[test]
    fn conv3d_keeps_its_mean_outputs(
        (channels, filters) in (1..3_usize, 1..3_usize),
        kernel in prop::array::uniform3(0..2_usize),
        same in any::<bool>(),
    ) {
        let kernel = kernel.map(|k| 2 * k + 1); // Burn pads volumes the same on both sides only
        let padding = if same { PaddingConfig3d::Same } else { PaddingConfig3d::Valid };
        let config = Conv3dConfig::new([channels, filters], kernel).with_padding(padding);
        let mut conv = config.init(&device());
        conv.weight = Param::from_tensor(wave(conv.weight.val().dims(), 0.3));
        conv.bias = Some(Param::from_tensor(wave([filters], 0.7)));
        let ours = Conv3d::from_conv3d(&conv, &options()).unwrap();
        let input = wave([2, channels, 4, 3, 5], 0.2);
        let got = ours.forward(input.clone(), &mut Trace::mean());
        assert_close(&values(&got), &values(&conv.forward(input)), EXACT);
    }
}

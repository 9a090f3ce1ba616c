//! What convolutions can beyond the module: groups, causal padding, strides together with dilation rates.

use crate::fixture::*;
use burn::tensor::{DType, Tensor};
use elbo::layer::ConvConfig;
use elbo::model::{InputShape, Model, ModelDescription, Network, SeriesBatch};
use elbo::objective::Likelihood;
use elbo::{Error, Padding, Trace};

/// Output of a convolution with given kernel and no bias.
fn apply<const D: usize>(config: ConvConfig<D>, kernel: &Tensor<D>, x: Tensor<D>) -> Tensor<D> {
    let zeros = Tensor::zeros_like(&wave([kernel.dims()[D - 1]], 0.0));
    fixed(config, kernel, &zeros).init(&device()).unwrap().forward(x, &mut pass(1))
}

#[test]
fn groups_are_layers_side_by_side() {
    let (x, w) = (wave([2, 4, 3, 6], 0.0), wave([2, 2, 2, 9], 1.0));
    let whole = conv2d(6, 9, [2, 2]).with_groups(3).with_padding("same").with_strides([2, 1]);
    let part = conv2d(2, 3, [2, 2]).with_padding("same").with_strides([2, 1]);
    let parts = (0..3).map(|g| apply(part.clone(), &w.clone().narrow(3, 3 * g, 3), x.clone().narrow(3, 2 * g, 2)));
    let expected = Tensor::cat(parts.collect(), 3);
    let found = apply(whole.clone(), &w, x.clone());
    assert_eq!(found.dims(), expected.dims());
    assert_close(&values(&found), &values(&expected), EXACT);
    let first = apply(whole.with_data_format("channels_first"), &w, x.movedim(3, 1));
    assert_close(&values(&first.movedim(1, 3)), &values(&expected), EXACT);
}

#[test]
fn as_many_groups_as_channels_keep_channels_apart() {
    let layer = conv1d(3, 6, 2).with_groups(3).init(&device()).unwrap();
    assert_eq!(layer.variables()[0].shape, [2, 1, 6]);
    let x = wave([1, 5, 3], 0.0).require_grad();
    for filter in 0..6 {
        let output = layer.forward(x.clone(), &mut pass(1)).narrow(2, filter, 1).sum();
        let gradient = values(&x.grad(&output.backward()).unwrap());
        for (i, gradient) in gradient.iter().enumerate() {
            assert_eq!(*gradient != 0.0, i % 3 == filter / 2, "filter {filter}, channel {}", i % 3);
        }
    }
}

#[test]
fn groups_that_do_not_divide_are_refused() {
    for (channels, filters, groups) in [(4, 6, 3), (6, 4, 3), (2, 2, 0), (2, 4, 4), (1, 1, usize::MAX)] {
        let expected = ["groups", "a divisor of both", "(`channels_in`)", &format!("found {groups}")];
        let config = conv1d(channels, filters, 2).with_groups(groups);
        assert_error(config.init(&device()), &expected);
        assert_error(config.output_shape(&[None, None, None]), &expected);
    }
}

/// S samples, shared and not, equal S passes; gradients are sums over them. Two grouped layers: the second one's input
/// is no longer shared.
#[test]
fn samples_of_grouped_layers_are_separate_passes() {
    let first = conv1d(4, 4, 2).with_groups(2).with_name("first").with_padding("causal").init(&device()).unwrap();
    let second = conv1d(4, 8, 3).with_groups(4).with_name("second").with_padding("same").init(&device()).unwrap();
    let x = wave([2, 5, 4], 0.0);
    let run = |range: core::ops::Range<u64>| {
        let mut trace = pass(7).with_sample_range(range);
        let output = second.forward(first.forward(x.clone(), &mut trace), &mut trace);
        let of = gradients(&second, &(output.clone() * output.clone()).sum());
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

/// Causal padding is `K_e - 1` zeros before a valid convolution.
#[test]
fn causal_padding_is_zeros_before() {
    let (x, w) = (wave([2, 7, 2], 0.0), wave([3, 2, 4], 1.0));
    for (stride, dilation) in [(1, 1), (2, 1), (1, 2), (3, 2)] {
        let plain = conv1d(2, 4, 3).with_strides(stride).with_dilation_rate(dilation).allow_strides_with_dilation();
        let zeros = Tensor::zeros_like(&wave([2, 2 * dilation, 2], 0.0));
        let expected = apply(plain.clone(), &w, Tensor::cat(vec![zeros, x.clone()], 1));
        let found = apply(plain.clone().with_padding("Causal"), &w, x.clone());
        assert_eq!(found.dims(), [2, 7_usize.div_ceil(stride), 4]);
        assert_close(&values(&found), &values(&expected), EXACT);
        let by_value = apply(plain.with_padding(Padding::Causal), &w, x.clone());
        assert_eq!(values(&by_value), values(&found));
    }
}

/// No output depends on a later input.
#[test]
fn causal_outputs_do_not_see_the_future() {
    let layer = conv1d(1, 1, 3).with_padding("causal").with_dilation_rate(2).init(&device()).unwrap();
    let x = wave([1, 8, 1], 0.0).require_grad();
    for t in 0..8 {
        let output = layer.forward(x.clone(), &mut pass(1)).narrow(1, t, 1).sum();
        let gradient = values(&x.grad(&output.backward()).unwrap());
        for (i, gradient) in gradient.iter().enumerate() {
            let seen = i <= t && (t - i).is_multiple_of(2) && t - i <= 4;
            assert_eq!(*gradient != 0.0, seen, "output {t}, input {i}");
        }
    }
}

#[test]
fn causal_padding_is_along_time_only() {
    let expected = ["padding", "one of \"valid\", \"same\", found"];
    assert_error(conv2d(1, 1, [2, 2]).with_padding("causal").init(&device()), &expected);
    assert_error(conv3d(1, 1, [2, 2, 2]).with_padding(Padding::Causal).init(&device()), &expected);
    assert_error(conv1d(1, 1, 2).with_padding("casual").init(&device()), &["\"valid\", \"same\", \"causal\", found"]);
}

/// The network of a description with causal strides: `flatten` and `dense` get the length that the convolution gives,
/// and a short series gives the same beside a long one as alone, since nothing depends on what comes after it.
#[test]
fn descriptions_know_causal_padding() {
    let network = |middle: &str| {
        let text = format!(
            "[[layer]]\nkind = 'conv1d'\nfilters = 3\nkernel_size = 3\nstrides = 2\npadding = 'Causal'\n\
             [[layer]]\nkind = '{middle}'\n[[layer]]\nkind = 'dense'\n"
        );
        let description = ModelDescription::from_toml(&text, "test").unwrap();
        let input = InputShape { channels: 2, length: 7 };
        Model::new(&description, input, Likelihood::categorical(2), 1, &device()).unwrap().network
    };
    let x = wave([2, 7, 2], 0.0).cast(DType::F32);
    let run = |network: &Network, batch: SeriesBatch| network.forward(batch, &mut Trace::mean()).unwrap();
    assert_eq!(run(&network("flatten"), SeriesBatch::new(x.clone())).dims(), [2, 2]);
    let pooled = network("global_average_pooling");
    let short = x.clone().slice([1..2, 0..4]);
    let padded = Tensor::cat(vec![short.clone(), Tensor::zeros_like(&x.clone().slice([1..2, 4..7]))], 1);
    let beside = Tensor::cat(vec![x.narrow(0, 0, 1), padded], 0);
    let beside = run(&pooled, SeriesBatch { values: beside, lengths: Some(vec![7, 4]) });
    let alone = run(&pooled, SeriesBatch::new(short));
    assert_close(&values(&beside)[2..], &values(&alone), 1e-6); // f32, sums of a dozen terms of order 1
}

/// Strides with dilation: every s-th output of the dilated convolution without strides.
#[test]
fn strides_with_dilation_are_outputs_left_out() {
    let (x, w) = (wave([1, 9, 8, 2], 0.0), wave([2, 3, 2, 3], 1.0));
    let dilated = conv2d(2, 3, [2, 3]).with_dilation_rate([3, 2]);
    let dense = apply(dilated.clone(), &w, x.clone());
    let strided = dilated.with_strides([2, 3]);
    assert_error(strided.init(&device()), &["dilation_rate", "[3, 2] with strides [2, 3]"]);
    assert_error(strided.output_shape(&[None; 4]), &["dilation_rate"]);
    let allowed = strided.allow_strides_with_dilation();
    let output = apply(allowed.clone(), &w, x);
    assert_eq!(allowed.output_shape(&[1, 9, 8, 2].map(Some)).unwrap(), output.dims().map(Some));
    assert_eq!((dense.dims(), output.dims()), ([1, 6, 4, 3], [1, 3, 2, 3]));
    let kept: Vec<f64> = [0, 2, 4]
        .iter()
        .flat_map(|i| [0, 3].map(|j| (*i, j)))
        .flat_map(|(i, j)| values(&dense.clone().slice([0..1, i..i + 1, j..j + 1, 0..3])))
        .collect();
    assert_close(&values(&output), &kept, EXACT);
}

/// A length of 0 once lost the batch.
#[test]
fn a_length_of_zero_keeps_the_batch() {
    let x = Tensor::<3>::zeros([4, 0, 2], (&device(), DType::F64));
    for padding in ["same", "causal"] {
        let layer = conv1d(2, 6, 3).with_padding(padding).with_groups(2).init(&device()).unwrap();
        for samples in [1, 3] {
            let output = layer.forward(x.clone(), &mut pass(1).with_samples(samples));
            assert_eq!(output.dims(), [4 * samples, 0, 6]);
        }
        assert_eq!(layer.output_shape(&[4, 0, 2].map(Some)).unwrap(), [Some(4), Some(0), Some(6)]);
    }
    let error = conv1d(2, 6, 3).init(&device()).unwrap().try_forward(x, &mut pass(1)).unwrap_err();
    assert!(matches!(error, Error::Input { what: "length", .. }), "{error}");
}

/// Beyond the limit memory is not even asked for.
#[test]
fn variables_have_a_largest_size() {
    assert_error(dense(1 << 17, (1 << 16) + 1).init(&device()), &["too large", "the limit is 8589934592"]);
}

/// A mean over no time steps is not a number; lengths of other series would be taken for those of weight samples.
#[test]
fn networks_check_the_lengths_of_series() {
    let description =
        ModelDescription::from_toml("[[layer]]\nkind = 'global_average_pooling'\n[[layer]]\nkind = 'dense'", "");
    let input = InputShape { channels: 1, length: 3 };
    let model = Model::new(&description.unwrap(), input, Likelihood::categorical(2), 1, &device()).unwrap();
    let run = |length: usize, lengths: Option<Vec<usize>>| {
        let values = Tensor::ones([2, length, 1], (&device(), DType::F32));
        model.network.forward(SeriesBatch { values, lengths }, &mut pass(1).with_samples(2))
    };
    assert_error(run(0, None), &["network", "length", "at least 1", "found 0"]);
    assert_error(run(3, Some(vec![3])), &["number of lengths", "2, one for each series", "found 1"]);
    assert_error(run(3, Some(vec![3; 4])), &["number of lengths", "found 4"]);
    assert_error(run(3, Some(vec![3, 4])), &["length", "1 to 3 for each series", "found 4"]);
    assert_error(run(3, Some(vec![0, 3])), &["length", "found 0"]);
    assert_eq!(run(3, Some(vec![1, 3])).unwrap().dims(), [4, 2]);
}

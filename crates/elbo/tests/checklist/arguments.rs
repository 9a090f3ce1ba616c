//! Rows 1 to 7: names, defaults, and the shapes in which arguments may be written.

use crate::fixture::*;
use elbo::functional::{Scope, conv1d_reparameterization};
use elbo::layer::{
    Conv1dConfig, Conv1dOptions, Conv2dConfig, Conv2dOptions, Conv3dConfig, Conv3dOptions, DenseConfig, DenseOptions,
};
use elbo::posterior::{LocScaleFn, LocScaleOptions, PosteriorFn, default_loc_scale_fn, default_mean_field_normal_fn};
use elbo::{Activation, DataFormat, Estimator, Padding};

/// An alias is the same function: its unnamed calls are numbered together with those under the other name.
#[test]
fn l1_functions_and_their_aliases_are_one() {
    use elbo::functional::*;
    let (mut scope, mut trace) = (Scope::new(&device(), 1), pass(1));
    let (line, plane, volume) = (wave([1, 4, 1], 0.0), wave([1, 3, 3, 1], 0.0), wave([1, 2, 2, 2, 1], 0.0));
    macro_rules! call {
        ($x:expr, $options:ty: $($name:ident),+) => {
            $($name(&mut scope, &mut trace, $x.clone(), 1, 2, <$options>::default()).unwrap();)+
        };
    }
    call!(line, Conv1dOptions: conv1d_reparameterization, convolution1d_reparameterization, conv1d_flipout,
        convolution1d_flipout, conv1d_local_reparameterization, convolution1d_local_reparameterization);
    call!(plane, Conv2dOptions: conv2d_reparameterization, convolution2d_reparameterization, conv2d_flipout,
        convolution2d_flipout, conv2d_local_reparameterization, convolution2d_local_reparameterization);
    call!(volume, Conv3dOptions: conv3d_reparameterization, convolution3d_reparameterization, conv3d_flipout,
        convolution3d_flipout, conv3d_local_reparameterization, convolution3d_local_reparameterization);
    let rows = || wave([1, 2], 0.0);
    dense_reparameterization(&mut scope, &mut trace, rows(), 1, DenseOptions::default()).unwrap();
    dense_flipout(&mut scope, &mut trace, rows(), 1, DenseOptions::default()).unwrap();
    dense_local_reparameterization(&mut scope, &mut trace, rows(), 1, DenseOptions::default()).unwrap();

    let mut expected = Vec::new();
    for rank in 1..=3 {
        for estimator in ["reparameterization", "flipout", "local_reparameterization"] {
            let name = format!("conv{rank}d_{estimator}");
            expected.extend([name.clone(), format!("{name}_1")]);
        }
    }
    expected.extend(["reparameterization", "flipout", "local_reparameterization"].map(|e| format!("dense_{e}")));
    let layers = trace.layers();
    assert_eq!(layers.iter().map(|layer| layer.path.clone()).collect::<Vec<_>>(), expected);
    for layer in layers {
        let draws_kernel = !layer.path.contains("flipout") && !layer.path.contains("local");
        assert_eq!(layer.kernel_posterior_tensor.is_some(), draws_kernel, "{}", layer.path);
        assert_eq!(layer.kernel_posterior_affine.is_none(), draws_kernel, "{}", layer.path);
    }
}

/// The nine classes: one layer per operation, one estimator per suffix, and the module's two builders.
#[test]
fn l1_every_class_is_a_layer_with_an_estimator() {
    let device = device();
    let line = Conv1dConfig::new(1, 2, 3).with_name("layer");
    let plane = Conv2dConfig::new(1, 2, 3).with_name("layer");
    let volume = Conv3dConfig::new(1, 2, 3).with_name("layer");
    let dense = DenseConfig::new(1, 2).with_name("layer");
    for estimator in [Estimator::Reparameterization, Estimator::Flipout, Estimator::LocalReparameterization] {
        let found = [
            line.clone().with_estimator(estimator).init(&device).unwrap().settings().1.estimator,
            plane.clone().with_estimator(estimator).init(&device).unwrap().settings().1.estimator,
            volume.clone().with_estimator(estimator).init(&device).unwrap().settings().1.estimator,
            dense.clone().with_estimator(estimator).init(&device).unwrap().settings().1.estimator,
        ];
        assert_eq!(found, [estimator; 4]);
    }
    let _: LocScaleFn<2> = default_loc_scale_fn(LocScaleOptions::default());
    let _: PosteriorFn<2> = default_mean_field_normal_fn(LocScaleOptions::default());
}

#[test]
fn l2_defaults_are_stride_one_valid_channels_last_linear() {
    let device = device();
    let layer = Conv3dConfig::new(2, 4, [3, 2, 1]).init(&device).unwrap();
    let (geometry, settings) = layer.settings();
    assert_eq!((geometry.strides, geometry.dilation), ([1, 1, 1], [1, 1, 1]));
    assert_eq!((geometry.padding, geometry.format), (Padding::Valid, DataFormat::ChannelsLast));
    assert!(matches!(settings.activation, Activation::Linear));
    assert!(settings.activity_regularizer.is_none());
    assert!(layer.variables().iter().all(|variable| variable.trainable));
    let dense = DenseConfig::new(2, 4).init(&device).unwrap();
    assert!(matches!(dense.settings().1.activation, Activation::Linear));
}

#[test]
fn l3_a_number_expands_and_a_list_is_taken_as_it_is() {
    let one = Conv2dConfig::new(1, 1, 3).with_strides(2).init(&device()).unwrap();
    assert_eq!((one.settings().0.kernel, one.settings().0.strides), ([1, 3, 3], [1, 2, 2]));
    let each = Conv2dConfig::new(1, 1, [3, 5]).with_dilation_rate([1, 2]).init(&device()).unwrap();
    assert_eq!((each.settings().0.kernel, each.settings().0.dilation), ([1, 3, 5], [1, 1, 2]));
    let line = Conv1dConfig::new(1, 1, vec![4]).init(&device()).unwrap();
    assert_eq!(line.settings().0.kernel, [1, 1, 4]);
}

#[test]
fn l4_a_list_of_another_length_is_an_error_with_the_argument() {
    let device = device();
    assert_error(Conv1dConfig::new(1, 1, [3, 3]).init(&device), &["kernel_size", "one size or 1", "2 sizes"]);
    assert_error(Conv2dConfig::new(1, 1, 3).with_strides([1, 1, 1]).init(&device), &["strides", "3 sizes"]);
    assert_error(Conv3dConfig::new(1, 1, 3).with_dilation_rate([1]).init(&device), &["dilation_rate", "1 sizes"]);
    assert_error(Conv1dConfig::new(1, 1, Vec::new()).init(&device), &["kernel_size", "0 sizes"]);
}

#[test]
fn l5_words_are_taken_in_any_case_and_others_refused() {
    let device = device();
    let of = |padding: &str, format: &str| Conv1dConfig::new(1, 1, 3).with_padding(padding).with_data_format(format);
    for (word, padding) in [("SAME", Padding::Same), ("Valid", Padding::Valid), ("same", Padding::Same)] {
        let layer = of(word, "Channels_FIRST").init(&device).unwrap();
        let geometry = layer.settings().0;
        assert_eq!((geometry.padding, geometry.format), (padding, DataFormat::ChannelsFirst));
    }
    for word in ["full", "", " same"] {
        assert_error(of(word, "channels_last").init(&device), &["padding", "\"valid\", \"same\"", word]);
    }
    // The module's functions know two words; layers know a third.
    for word in ["causal", "full"] {
        let (mut scope, mut trace) = (Scope::new(&device, 1), pass(1));
        let options = Conv1dOptions::default().with_padding(word);
        let output = conv1d_reparameterization(&mut scope, &mut trace, wave([1, 4, 1], 0.0), 1, 2, options);
        assert_error(output, &["padding", "\"valid\", \"same\", found", word]);
    }
    for word in ["NHWC", "last", ""] {
        let choices = "\"channels_last\", \"channels_first\"";
        assert_error(of("same", word).init(&device), &["data_format", choices, word]);
    }
}

#[test]
fn l6_sizes_of_zero_are_refused_with_the_argument() {
    let device = device();
    assert_error(Conv1dConfig::new(0, 1, 1).init(&device), &["channels_in", "found 0"]);
    assert_error(Conv1dConfig::new(1, 0, 1).init(&device), &["filters", "found 0"]);
    assert_error(Conv2dConfig::new(1, 1, [2, 0]).init(&device), &["kernel_size", "[2, 0]"]);
    assert_error(Conv1dConfig::new(1, 1, 1).with_strides(0).init(&device), &["strides", "[0]"]);
    assert_error(Conv3dConfig::new(1, 1, 1).with_dilation_rate(0).init(&device), &["dilation_rate", "[0, 0, 0]"]);
    assert_error(DenseConfig::new(3, 0).init(&device), &["units", "found 0"]);
    assert_error(DenseConfig::new(0, 3).init(&device), &["inputs", "found 0"]);
}

#[test]
fn l7_strides_and_dilation_exclude_each_other_on_all_axes() {
    let device = device();
    let line = Conv1dConfig::new(1, 1, 3).with_strides(2).with_dilation_rate(2);
    assert_error(line.init(&device), &["dilation_rate", "[2]"]);
    let plane = Conv2dConfig::new(1, 1, 3).with_strides([2, 1]).with_dilation_rate([1, 3]);
    assert_error(plane.init(&device), &["dilation_rate", "[1, 3]", "[2, 1]"]);
    let (mut scope, mut trace) = (Scope::new(&device, 1), pass(1));
    let options = Conv1dOptions::default().with_strides(2).with_dilation_rate(2);
    let output = conv1d_reparameterization(&mut scope, &mut trace, wave([1, 9, 1], 0.0), 1, 3, options);
    assert_error(output, &["dilation_rate", "[2]"]);
    assert!(Conv2dConfig::new(1, 1, 3).with_strides([2, 1]).init(&device).is_ok());
    assert!(Conv2dConfig::new(1, 1, 3).with_dilation_rate([1, 3]).init(&device).is_ok());
}

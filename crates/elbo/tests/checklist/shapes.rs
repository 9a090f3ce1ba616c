//! Rows 56, 61, 63 to 65, 68: shapes of outputs, and inputs that do not fit.

use crate::fixture::*;
use burn::tensor::Tensor;
use elbo::Error;

/// Every length, kernel, stride and dilation of a small grid, against the formulas.
#[test]
fn l56_output_lengths_follow_the_formulas() {
    let mut checked = 0;
    for (length, kernel, stride, dilation) in settings() {
        let config = conv1d(1, 1, kernel).with_strides(stride).with_dilation_rate(dilation);
        let window = (kernel - 1) * dilation + 1;
        let x = wave([1, length, 1], 0.0);
        let same = config.clone().with_padding("same").init(&device()).unwrap();
        assert_eq!(same.forward(x.clone(), &mut pass(1)).dims(), [1, length.div_ceil(stride), 1]);
        let valid = config.init(&device()).unwrap();
        if length < window {
            assert_error(valid.try_forward(x, &mut pass(1)), &["length", &window.to_string()]);
        } else {
            let expected = (length - window + 1).div_ceil(stride);
            assert_eq!(valid.forward(x, &mut pass(1)).dims(), [1, expected, 1]);
        }
        checked += 1;
    }
    assert_eq!(checked, 8 * 4 * 5);
}

fn settings() -> impl Iterator<Item = (usize, usize, usize, usize)> {
    let steps = [(1, 1), (2, 1), (3, 1), (1, 2), (1, 3)];
    (1..=8).flat_map(move |length| {
        (1..=4).flat_map(move |kernel| steps.map(|(stride, dilation)| (length, kernel, stride, dilation)))
    })
}

#[test]
fn l61_valid_padding_needs_one_whole_window() {
    let layer = conv1d(1, 1, 3).with_dilation_rate(2).init(&device()).unwrap();
    assert_eq!(layer.forward(wave([1, 5, 1], 0.0), &mut pass(1)).dims(), [1, 1, 1]);
    assert_error(layer.try_forward(wave([1, 4, 1], 0.0), &mut pass(1)), &["conv", "length", "5", "4"]);
    let plane = conv2d(1, 1, [1, 3]).init(&device()).unwrap();
    assert_error(plane.try_forward(wave([1, 4, 2, 1], 0.0), &mut pass(1)), &["axis 1", "3", "2"]);
}

#[test]
fn l63_another_number_of_channels_is_an_error() {
    let layer = conv1d(2, 1, 2).init(&device()).unwrap();
    let _ = layer.forward(wave([1, 4, 2], 0.0), &mut pass(1));
    assert_error(layer.try_forward(wave([1, 4, 3], 0.0), &mut pass(1)), &["channels", "2 on axis 2", "3 in [1, 4, 3]"]);
    let first = conv2d(2, 1, [1, 1]).with_data_format("channels_first").init(&device()).unwrap();
    let error = first.try_forward(wave([1, 3, 4, 2], 0.0), &mut pass(1));
    assert_error(error, &["channels", "2 on axis 1", "3 in [1, 3, 4, 2]"]);
    let dense = dense(2, 1).init(&device()).unwrap();
    assert_error(dense.try_forward(wave([5, 3], 0.0), &mut pass(1)), &["features", "2 on axis 1", "3 in [5, 3]"]);
    assert_error(layer.try_forward(wave([1, 4, 0], 0.0), &mut pass(1)), &["channels", "0 in"]);
}

#[test]
fn l64_another_rank_is_an_error() {
    let line = conv1d(2, 1, 2).init(&device()).unwrap();
    assert_error(line.try_forward(wave([4, 2], 0.0), &mut pass(1)), &["rank", "3 axes", "2 in [4, 2]"]);
    assert_error(line.try_forward(wave([1, 1, 4, 2], 0.0), &mut pass(1)), &["rank", "3 axes", "4 in"]);
    let volume = conv3d(2, 1, [1, 1, 1]).init(&device()).unwrap();
    assert_error(volume.try_forward(wave([1, 4, 2], 0.0), &mut pass(1)), &["rank", "5 axes", "3 in"]);
    let dense = dense(2, 1).init(&device()).unwrap();
    assert!(matches!(dense.try_forward(wave([2], 0.0), &mut pass(1)), Err(Error::Input { what: "rank", .. })));
}

#[test]
fn l65_shapes_are_known_before_the_layer_is() {
    let config = conv2d(2, 5, [3, 2]).with_padding("same").with_strides([2, 1]);
    let layer = config.init(&device()).unwrap();
    let output = layer.forward(wave([2, 5, 4, 2], 0.0), &mut pass(1));
    let known = [2, 5, 4, 2].map(Some);
    assert_eq!(config.output_shape(&known).unwrap(), output.dims().map(Some));
    assert_eq!(layer.output_shape(&known).unwrap(), output.dims().map(Some));
    let unknown = [None, None, Some(4), Some(2)];
    assert_eq!(config.output_shape(&unknown).unwrap(), [None, None, Some(4), Some(5)]);
    let first = config.with_data_format("channels_first");
    assert_eq!(first.output_shape(&[None, Some(2), None, Some(4)]).unwrap(), [None, Some(5), None, Some(4)]);
    assert_error(first.output_shape(&[None, Some(3), None, None]), &["channels"]);
    assert_error(first.output_shape(&[None, Some(2), None]), &["rank"]);
    assert_error(conv1d(1, 1, 4).output_shape(&[None, Some(3), Some(1)]), &["length"]);
    assert_eq!(dense(3, 7).output_shape(&[None, Some(4), Some(3)]).unwrap(), [None, Some(4), Some(7)]);
    assert_eq!(dense(3, 7).output_shape(&[None, None]).unwrap(), [None, Some(7)]);
    let built = dense(3, 7).init(&device()).unwrap();
    assert_eq!(built.output_shape(&[Some(4), Some(3)]).unwrap(), [Some(4), Some(7)]);
    for (shape, parts) in [
        (vec![], ["rank", "at least 2 axes", "0 in []"]),
        (vec![Some(3)], ["rank", "at least 2 axes", "1 in [3]"]),
        (vec![None, Some(4)], ["number of features", "3 on axis 1", "4 in [?, 4]"]),
    ] {
        assert_error(dense(3, 7).output_shape(&shape), &parts);
        assert_error(built.output_shape(&shape), &parts);
    }
    assert_error(dense(0, 7).output_shape(&[None, None]), &["inputs", "found 0"]);
}

#[test]
fn l68_an_empty_batch_gives_an_empty_output() {
    let conv = conv1d(2, 3, 2).with_activation(elbo::Activation::Relu).init(&device()).unwrap();
    let dense = dense(3, 4).init(&device()).unwrap();
    let empty = |shape: [usize; 3]| Tensor::<3>::zeros(shape, (&device(), burn::tensor::DType::F64));
    for samples in [1, 3] {
        let mut trace = pass(1).with_samples(samples);
        let hidden = conv.forward(empty([0, 5, 2]), &mut trace);
        assert_eq!(hidden.dims(), [0, 4, 3]);
        assert_eq!(dense.forward(hidden, &mut trace).dims(), [0, 4, 4]);
        assert_eq!(trace.divergences().len(), 2);
    }
}

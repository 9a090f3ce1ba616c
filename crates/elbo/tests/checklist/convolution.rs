//! Rows 57 to 60, 62, 66 and both layouts: the arithmetic of convolutions.

use crate::fixture::*;
use burn::tensor::Tensor;
use elbo::layer::{Conv, ConvConfig};

/// Output of a convolution with given kernel and no bias.
fn apply<const D: usize>(config: ConvConfig<D>, kernel: &Tensor<D>, x: Tensor<D>) -> Tensor<D> {
    let zeros = Tensor::zeros_like(&wave([kernel.dims()[D - 1]], 0.0));
    fixed(config, kernel, &zeros).init(&device()).unwrap().forward(x, &mut pass(1))
}

/// The zeros that same padding puts before and after, seen from outside: a kernel of ones counts the real inputs.
#[test]
fn l57_same_padding_puts_the_extra_zero_at_the_end() {
    let count = |length: usize, kernel: usize, stride: usize| {
        let ones = tensor([kernel, 1, 1], vec![1.0; kernel]);
        let config = conv1d(1, 1, kernel).with_padding("same").with_strides(stride);
        values(&apply(config, &ones, tensor([1, length, 1], vec![1.0; length])))
    };
    assert_eq!(count(6, 3, 2), [3.0, 3.0, 2.0]); // P = 1: 0 before, 1 after
    assert_eq!(count(5, 3, 2), [2.0, 3.0, 2.0]); // P = 2: 1 and 1
    assert_eq!(count(7, 2, 3), [2.0, 2.0, 1.0]); // P = 1: 0 and 1
    assert_eq!(count(8, 2, 3), [2.0, 2.0, 2.0]); // P = 0
    assert_eq!(count(5, 4, 1), [3.0, 4.0, 4.0, 3.0, 2.0]); // P = 3: 1 and 2
}

#[test]
fn l58_same_padding_with_a_kernel_below_the_stride_skips_inputs() {
    let config = conv1d(1, 1, 1).with_padding("same").with_strides(3);
    let x = tensor([1, 7, 1], (0..7).map(float).collect()).require_grad();
    let output = apply(config, &tensor([1, 1, 1], vec![1.0]), x.clone());
    assert_eq!(values(&output), [0.0, 3.0, 6.0]);
    let gradient = x.grad(&output.sum().backward()).unwrap();
    assert_eq!(values(&gradient), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn l59_dilation_is_a_kernel_with_zeros_between() {
    let kernel = wave([3, 2, 2], 0.0);
    for dilation in [2, 3] {
        let span = 2 * dilation + 1;
        let rows: Vec<Tensor<3>> = (0..span)
            .map(|i| match i % dilation {
                0 => kernel.clone().narrow(0, i / dilation, 1),
                _ => kernel.clone().narrow(0, 0, 1).zeros_like(),
            })
            .collect();
        let stuffed = Tensor::cat(rows, 0);
        for padding in ["valid", "same"] {
            let x = wave([2, 9, 2], 1.0);
            let dilated = conv1d(2, 2, 3).with_dilation_rate(dilation).with_padding(padding);
            let plain = conv1d(2, 2, span).with_padding(padding);
            let (a, b) = (apply(dilated, &kernel, x.clone()), apply(plain, &stuffed, x));
            assert_eq!(a.dims(), b.dims());
            assert_close(&values(&a), &values(&b), EXACT);
        }
    }
}

#[test]
fn l60_kernels_are_not_flipped() {
    let x = tensor([1, 5, 1], vec![10.0, 11.0, 12.0, 13.0, 14.0]);
    for tap in 0..3 {
        let mut hot = vec![0.0; 3];
        hot[tap] = 1.0;
        let output = values(&apply(conv1d(1, 1, 3), &tensor([3, 1, 1], hot), x.clone()));
        assert_eq!(output, [0, 1, 2].map(|o| 10.0 + float(o + tap)));
    }
    // In two dimensions: one-hot at row 1, column 0.
    let x = tensor([1, 3, 3, 1], (0..9).map(float).collect());
    let kernel = tensor([2, 2, 1, 1], vec![0.0, 0.0, 1.0, 0.0]);
    assert_eq!(values(&apply(conv2d(1, 1, [2, 2]), &kernel, x)), [3.0, 4.0, 6.0, 7.0]);
}

#[test]
fn l62_one_layer_takes_any_length() {
    for dilation in [1, 2, 3] {
        let config = conv1d(2, 3, 3).with_padding("same").with_dilation_rate(dilation);
        let layer = config.init(&device()).unwrap();
        for length in [9, 5, 12, 1, 7] {
            let x = wave([2, length, 2], 0.5);
            let fresh = config.init(&device()).unwrap();
            let (a, b) = (layer.forward(x.clone(), &mut pass(1)), fresh.forward(x, &mut pass(1)));
            assert_eq!(a.dims(), [2, length, 3]);
            assert_eq!(values(&a), values(&b));
        }
    }
}

#[test]
fn l66_a_line_is_a_plane_of_height_one_and_a_volume() {
    let (x, w) = (wave([2, 7, 2], 0.0), wave([3, 2, 4], 1.0));
    for (padding, stride, dilation) in [("valid", 1, 1), ("same", 2, 1), ("same", 1, 2)] {
        let line = conv1d(2, 4, 3).with_padding(padding).with_strides(stride).with_dilation_rate(dilation);
        let plane = conv2d(2, 4, [1, 3]).with_padding(padding).with_strides([1, stride]);
        let plane = plane.with_dilation_rate([1, dilation]);
        let volume = conv3d(2, 4, [1, 1, 3]).with_padding(padding).with_strides([1, 1, stride]);
        let volume = volume.with_dilation_rate([1, 1, dilation]);
        let of_line = values(&apply(line, &w, x.clone()));
        let of_plane = apply(plane, &w.clone().reshape([1, 3, 2, 4]), x.clone().reshape([2, 1, 7, 2]));
        let of_volume = apply(volume, &w.clone().reshape([1, 1, 3, 2, 4]), x.clone().reshape([2, 1, 1, 7, 2]));
        assert_close(&values(&of_plane), &of_line, EXACT);
        assert_close(&values(&of_volume), &of_line, EXACT);
    }
}

/// Output, and gradients of `Σ y²`, of channels first against channels last, transposed.
fn layouts_agree<const D: usize>(config: &ConvConfig<D>, input: [usize; D]) {
    let build = |format: &str| config.clone().with_data_format(format).init(&device()).unwrap();
    let (last, first) = (build("channels_last"), build("channels_first"));
    let run = |layer: &Conv<D>, x: Tensor<D>| {
        let y = layer.forward(x, &mut pass(1));
        (y.clone(), gradients(layer, &(y.clone() * y).sum()))
    };
    let x = wave(input, 0.0);
    let (a, of_a) = run(&last, x.clone());
    let (b, of_b) = run(&first, x.movedim(D - 1, 1));
    assert_close(&values(&b.movedim(1, D - 1)), &values(&a), EXACT);
    for (name, gradient) in of_a {
        assert_close(&of_b[&name], &gradient, EXACT);
    }
}

#[test]
fn l66_layouts_differ_by_a_transposition_only() {
    layouts_agree(&conv1d(2, 3, 3).with_padding("same").with_strides(2), [2, 7, 2]);
    layouts_agree(&conv2d(2, 3, [3, 2]).with_dilation_rate([2, 1]), [2, 6, 4, 2]);
    layouts_agree(&conv3d(2, 3, [1, 2, 2]).with_padding("same"), [2, 3, 4, 2, 2]);
}

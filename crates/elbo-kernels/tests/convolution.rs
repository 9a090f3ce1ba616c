//! Convolution against the sum that defines it, its gradients, and Burn's own convolutions.

mod support;

use burn::tensor::Tensor;
use burn::tensor::module::{conv1d, conv2d};
use burn::tensor::ops::ConvOptions;
use elbo_kernels::{ConvGeometry, DataFormat, Epilogue, Padding, convolution};
use proptest::prelude::*;
use support::case::{Arrays, Case, Direction, by_rank, convolutions};
use support::{assert_close, device, laws, message, tensor, values};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn forward_is_the_sum(case in convolutions(0)) {
        laws::forward_is_the_sum(&case);
    }

    #[test]
    fn backward_is_the_difference_quotient(case in convolutions(1)) {
        laws::backward_is_the_difference_quotient(&case);
    }

    #[test]
    fn backward_is_the_adjoint(case in convolutions(1)) {
        laws::backward_is_the_adjoint(&case);
    }

    #[test]
    fn samples_are_separate_calls(case in convolutions(1)) {
        laws::samples_are_separate_calls(&case);
    }

    #[test]
    fn every_type_is_as_exact_as_it_can_be(case in convolutions(1)) {
        laws::every_type_is_as_exact_as_it_can_be(&case);
    }

    #[test]
    fn zeros_give_the_bias(case in convolutions(0)) {
        laws::zeros_give_the_bias(&case);
    }

    /// A group is a convolution of its own, of its run of channels to its run of filters.
    #[test]
    fn groups_are_separate_convolutions(case in convolutions(1)) {
        let mut case = Case { samples: 1, shared: true, ..case };
        case.geometry.format = DataFormat::ChannelsLast;
        case.geometry.rank = 1;
        for axis in 0..2 {
            let g = &mut case.geometry;
            (g.kernel[axis], g.strides[axis], g.dilation[axis], case.lengths[axis]) = (1, 1, 1, 1);
        }
        let arrays = case.arrays();
        let g = case.geometry;
        let device = device();
        let whole = {
            let [input, kernel, bias] = &arrays;
            let input = tensor(input, case.input_shape(), &device);
            let kernel = tensor(kernel, [1, case.kernel_len()], &device);
            case.run::<3>(input, kernel, tensor(bias, [1, g.filters], &device))
        };
        let (channels, filters) = (g.channels / g.groups, g.filters / g.groups);
        let part = |group: usize| {
            let [input, kernel, bias] = &arrays;
            let input: Tensor<3> = tensor(input, case.input_shape(), &device).narrow(2, group * channels, channels);
            let kernel: Tensor<3> = tensor(kernel, [g.kernel[2], channels, g.filters], &device);
            let kernel = kernel.narrow(2, group * filters, filters).reshape([1, g.kernel[2] * channels * filters]);
            let bias = tensor(bias, [1, g.filters], &device).narrow(1, group * filters, filters);
            let geometry = ConvGeometry { channels, filters, groups: 1, ..g };
            convolution(input, kernel, bias, geometry, true, case.epilogue)
        };
        let parts = Tensor::cat((0..g.groups).map(part).collect(), 2);
        assert_close("output", &values(whole), &values(parts), 1e-12);
    }

    /// Burn's convolution takes kernels `[F, C / G, K..]` and any padding; ours are `[K.., C / G, F]`.
    #[test]
    fn agrees_with_burn(case in convolutions(1), two in any::<bool>()) {
        let mut case = Case { samples: 1, shared: true, epilogue: Epilogue::Linear, ..case };
        case.geometry.format = DataFormat::ChannelsFirst;
        case.geometry.rank = if two { 2 } else { 1 };
        for axis in 0..3 - case.geometry.rank {
            let g = &mut case.geometry;
            (g.kernel[axis], g.strides[axis], g.dilation[axis], case.lengths[axis]) = (1, 1, 1, 1);
        }
        if two && case.geometry.padding == Padding::Causal {
            case.geometry.padding = Padding::Same;
        }
        // Axes that the case's rank did not use have kernel and length 1, which fits.
        let arrays = case.arrays();
        let expected = if two { burn_2d(&case, &arrays) } else { burn_1d(&case, &arrays) };
        assert_close("output", &by_rank!(case, forward(&arrays)), &expected, 1e-10);
    }
}

/// Zeros before and after, from the output length.
fn padding(case: &Case, axis: usize) -> (usize, usize) {
    let (output, before) = case.axis(axis);
    let g = &case.geometry;
    let covered = (output - 1) * g.strides[axis] + case.window(axis);
    let after = covered.saturating_sub(case.lengths[axis] + before);
    (before, if g.padding == Padding::Same { after } else { 0 })
}

fn burn_1d(case: &Case, [input, kernel, bias]: &Arrays) -> Vec<f64> {
    let (g, device) = (&case.geometry, device());
    let weight = tensor(kernel, [g.kernel[2], g.channels / g.groups, g.filters], &device).permute([2, 1, 0]);
    let options = ConvOptions {
        stride: [g.strides[2]],
        padding: [padding(case, 2)],
        dilation: [g.dilation[2]],
        groups: g.groups,
    };
    let bias = tensor(bias, [g.filters], &device);
    values(conv1d(tensor(input, case.input_shape(), &device), weight, Some(bias), options))
}

fn burn_2d(case: &Case, [input, kernel, bias]: &Arrays) -> Vec<f64> {
    let (g, device) = (&case.geometry, device());
    let weight =
        tensor(kernel, [g.kernel[1], g.kernel[2], g.channels / g.groups, g.filters], &device).permute([3, 2, 0, 1]);
    let options = ConvOptions {
        stride: [g.strides[1], g.strides[2]],
        padding: [padding(case, 1), padding(case, 2)],
        dilation: [g.dilation[1], g.dilation[2]],
        groups: g.groups,
    };
    let bias = tensor(bias, [g.filters], &device);
    values(conv2d(tensor(input, case.input_shape(), &device), weight, Some(bias), options))
}

/// A valid rank-1 convolution, length 5, kernel 3, 2 channels, 3 filters.
fn line() -> Case {
    let geometry = ConvGeometry {
        rank: 1,
        kernel: [1, 1, 3],
        strides: [1; 3],
        dilation: [1; 3],
        padding: Padding::Valid,
        format: DataFormat::ChannelsLast,
        channels: 2,
        filters: 3,
        groups: 1,
    };
    Case {
        geometry,
        direction: Direction::Convolution,
        lengths: [1, 1, 5],
        batch: 2,
        samples: 2,
        shared: true,
        epilogue: Epilogue::Linear,
        seed: 1,
    }
}

#[test]
fn an_empty_batch_has_an_empty_output_and_zero_gradients() {
    for shared in [true, false] {
        let case = Case { batch: 0, shared, ..line() };
        let arrays = case.arrays();
        assert!(case.forward::<3>(&arrays).is_empty());
        let [input, kernel, bias] = case.gradients::<3>(&arrays, &[]);
        assert!(input.is_empty());
        assert_eq!((kernel, bias), (vec![0.0; 36], vec![0.0; 6]));
    }
}

#[test]
fn a_kernel_as_long_as_the_input_gives_one_output() {
    let mut case = line();
    case.lengths[2] = 3;
    let arrays = case.arrays();
    let output = case.forward::<3>(&arrays);
    assert_eq!(output.len(), 2 * 2 * 3);
    assert_close("output", &output, &case.linear(&arrays), 1e-12);
}

/// The tensors of [`line`] with other sizes: input `[batch, length, C]`, kernel `[S, weights]`, bias `[biases, F]`.
fn call(input: [usize; 3], kernel: [usize; 2], bias: [usize; 2], shared: bool) -> Tensor<3> {
    let device = device();
    let zeros = |n: usize| vec![0.0; n];
    let input = tensor(&zeros(input.iter().product()), input, &device);
    let kernel = tensor(&zeros(kernel.iter().product()), kernel, &device);
    let bias = tensor(&zeros(bias.iter().product()), bias, &device);
    convolution(input, kernel, bias, line().geometry, shared, Epilogue::Linear)
}

#[test]
fn what_does_not_fit_is_named() {
    let fails = [
        (message(|| call([2, 5, 2], [2, 17], [2, 3], true)), "kernel and bias do not fit the geometry"),
        (message(|| call([2, 5, 2], [2, 18], [2, 4], true)), "kernel and bias do not fit the geometry"),
        (message(|| call([2, 5, 2], [2, 18], [1, 3], true)), "bias: expected 2 samples, found 1"),
        (message(|| call([3, 5, 2], [2, 18], [2, 3], false)), "a batch divisible by 2 weight samples, found 3"),
        (message(|| call([2, 5, 2], [0, 18], [0, 3], true)), "at least one weight sample is needed"),
        (message(|| call([2, 2, 2], [2, 18], [2, 3], true)), "valid padding needs a length of at least 3"),
    ];
    for (found, expected) in fails {
        assert!(found.contains(expected), "expected `{expected}`, found `{found}`");
    }
}

/// More channels than the kernel has used to be cut off silently.
#[test]
fn wrong_channels_are_named() {
    for channels in [1, 4] {
        let found = message(|| call([2, 5, channels], [2, 18], [2, 3], true));
        assert!(found.contains(&format!("input: expected 2 channels, found {channels}")), "{found}");
    }
}

/// A length of 0 has no windows; what is left is the batch, also of a group.
#[test]
fn an_input_without_places_keeps_its_batch() {
    for (padding, groups, shared) in [(Padding::Same, 1, true), (Padding::Causal, 2, true), (Padding::Same, 2, false)] {
        let mut case = Case { lengths: [1, 1, 0], shared, ..line() };
        case.geometry = ConvGeometry { padding, groups, channels: 4, filters: 6, ..case.geometry };
        let arrays = [vec![], vec![1.0; 2 * 3 * 4 / groups * 6], vec![1.0; 12]];
        let input = support::parameter::<3>(&[], [if shared { 2 } else { 4 }, 0, 4]);
        let kernel = support::parameter(&arrays[1], [2, 3 * 4 / groups * 6]);
        let bias = support::parameter(&arrays[2], [2, 6]);
        let output = convolution(input.clone(), kernel.clone(), bias.clone(), case.geometry, shared, Epilogue::Relu);
        assert_eq!(output.dims(), [4, 0, 6]);
        let grads = output.sum().backward();
        assert_eq!(input.grad(&grads).unwrap().dims(), input.dims());
        assert!(values(kernel.grad(&grads).unwrap()).iter().all(|g| *g == 0.0));
        assert_eq!(values(bias.grad(&grads).unwrap()), vec![0.0; 12]);
    }
}

/// One example of one axis: input `[L, C]`, kernel `[K, C / G, F]`, no bias.
fn by_hand(geometry: ConvGeometry, input: &[f64], kernel: &[f64]) -> Vec<f64> {
    let device = device();
    let length = input.len() / geometry.channels;
    let input = tensor(input, [1, length, geometry.channels], &device);
    let (kernel, bias) = (
        tensor(kernel, [1, kernel.len()], &device),
        tensor(&vec![0.0; geometry.filters], [1, geometry.filters], &device),
    );
    values(convolution(input, kernel, bias, geometry, true, Epilogue::Linear))
}

/// Filters go to groups in order, as in `PyTorch` (`weight[f]` sees channels of group `f / (F / G)`) and TensorFlow.
#[test]
fn groups_by_hand() {
    // Four channels 1, 10, 100, 1000 at one place; two groups; a kernel of one place; filters 0, 1 | 2, 3. The kernel
    // [C / G = 2, F = 4] has rows (1 2 3 4) and (5 6 7 8).
    let geometry = ConvGeometry { kernel: [1; 3], channels: 4, filters: 4, groups: 2, ..line().geometry };
    let output = by_hand(geometry, &[1.0, 10.0, 100.0, 1000.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    // 1 + 10 * 5, 2 + 10 * 6, 100 * 3 + 1000 * 7, 100 * 4 + 1000 * 8
    assert_eq!(output, [51.0, 62.0, 7300.0, 8400.0]);
    // Depthwise, two filters per channel: channels 1, 10; kernel [1, 4] = (1 2 3 4).
    let geometry = ConvGeometry { channels: 2, groups: 2, ..geometry };
    assert_eq!(by_hand(geometry, &[1.0, 10.0], &[1.0, 2.0, 3.0, 4.0]), [1.0, 2.0, 30.0, 40.0]);
}

/// Keras's `padding="causal"`: `out[t] = Σ_k in[t s - (K - 1) d + k d] W[k]`, zero before the start.
#[test]
fn causal_by_hand() {
    let of = |stride, dilation| {
        let geometry = ConvGeometry {
            strides: [1, 1, stride],
            dilation: [1, 1, dilation],
            padding: Padding::Causal,
            channels: 1,
            filters: 1,
            ..line().geometry
        };
        by_hand(geometry, &[1.0, 2.0, 3.0, 4.0, 5.0], &[100.0, 10.0, 1.0])
    };
    assert_eq!(of(1, 1), [1.0, 12.0, 123.0, 234.0, 345.0]);
    assert_eq!(of(1, 2), [1.0, 2.0, 13.0, 24.0, 135.0]);
    assert_eq!(of(2, 1), [1.0, 123.0, 345.0]);
    assert_eq!(of(2, 2), [1.0, 13.0, 135.0]);
    assert_eq!(of(3, 2), [1.0, 24.0]);
}

#[test]
fn geometries_that_contradict_themselves_are_named() {
    let of = |geometry: ConvGeometry| {
        let device = device();
        let input = tensor(&[0.0; 20], [2, 5, 2], &device);
        let kernel = tensor(&[0.0; 18], [1, 18], &device);
        message(|| convolution(input, kernel, tensor(&[0.0; 3], [1, 3], &device), geometry, true, Epilogue::Linear))
    };
    let found = of(ConvGeometry { groups: 2, ..line().geometry });
    assert!(found.contains("groups must divide the 2 input channels and the 3 filters, found 2"), "{found}");
    let found = of(ConvGeometry { groups: 0, ..line().geometry });
    assert!(found.contains("found 0"), "{found}");
    let found = of(ConvGeometry { rank: 2, padding: Padding::Causal, ..line().geometry });
    assert!(found.contains("causal padding is for one spatial axis, found 2"), "{found}");
}

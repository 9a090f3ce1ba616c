//! Transposed convolution against the sum that defines it, its gradients, the convolution it is the adjoint of, and
//! Burn's own.

mod support;

use burn::tensor::Tensor;
use burn::tensor::module::{conv_transpose1d, conv_transpose2d, conv_transpose3d};
use burn::tensor::ops::ConvTransposeOptions;
use elbo_kernels::{ConvGeometry, DataFormat, Epilogue, Padding, TransposedGeometry, transposed_convolution};
use proptest::prelude::*;
use support::case::{Arrays, Case, Direction, by_rank, transposed_convolutions};
use support::{assert_close, device, dot, laws, message, normals, parameter, tensor, values};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn forward_is_the_sum(case in transposed_convolutions(0)) {
        laws::forward_is_the_sum(&case);
    }

    #[test]
    fn backward_is_the_difference_quotient(case in transposed_convolutions(1)) {
        laws::backward_is_the_difference_quotient(&case);
    }

    #[test]
    fn backward_is_the_adjoint(case in transposed_convolutions(1)) {
        laws::backward_is_the_adjoint(&case);
    }

    #[test]
    fn samples_are_separate_calls(case in transposed_convolutions(1)) {
        laws::samples_are_separate_calls(&case);
    }

    #[test]
    fn every_type_is_as_exact_as_it_can_be(case in transposed_convolutions(1)) {
        laws::every_type_is_as_exact_as_it_can_be(&case);
    }

    #[test]
    fn zeros_give_the_bias(case in transposed_convolutions(0)) {
        laws::zeros_give_the_bias(&case);
    }

    /// `<op(x), y> = <x, convolution(y)>`, where the convolution's kernel `[K.., F / G, C]` is ours with C and F
    /// exchanged within each group.
    #[test]
    fn it_is_the_adjoint_of_a_convolution(case in transposed_convolutions(1)) {
        let case = Case { epilogue: Epilogue::Linear, samples: 1, shared: true, ..case };
        let mut arrays = case.arrays();
        arrays[2].fill(0.0);
        let output = by_rank!(case, forward(&arrays));
        let y = normals(case.seed, "y", output.len());
        let convolution = Case {
            geometry: ConvGeometry { channels: case.geometry.filters, filters: case.geometry.channels, ..case.geometry },
            direction: Direction::Convolution,
            lengths: case.outputs(),
            ..case
        };
        let exchanged = exchange(&case.geometry, &arrays[1]);
        let back = by_rank!(convolution, forward(&[y.clone(), exchanged, vec![0.0; case.geometry.channels]]));
        assert_close("products", &[dot(&output, &y)], &[dot(&arrays[0], &back)], 1e-10);
    }

    /// Burn's takes kernels `[C, F / G, K..]`; `padding_out` is our output padding where nothing is padded.
    #[test]
    fn agrees_with_burn(case in transposed_convolutions(1)) {
        let mut case = Case { samples: 1, shared: true, epilogue: Epilogue::Linear, ..case };
        case.geometry.format = DataFormat::ChannelsFirst;
        case.geometry.padding = Padding::Valid;
        let arrays = case.arrays();
        let expected = match case.geometry.rank {
            1 => burn_1d(&case, &arrays),
            2 => burn_2d(&case, &arrays),
            _ => burn_3d(&case, &arrays),
        };
        assert_close("output", &by_rank!(case, forward(&arrays)), &expected, 1e-10);
    }
}

/// `[K.., C / G, F]` to `[K.., F / G, C]`, element by element.
fn exchange(g: &ConvGeometry, kernel: &[f64]) -> Vec<f64> {
    let (channels, filters) = (g.channels / g.groups, g.filters / g.groups);
    let mut out = vec![0.0; kernel.len()];
    for (at, weight) in kernel.iter().enumerate() {
        let (tap, c, f) = (at / (channels * g.filters), at / g.filters % channels, at % g.filters);
        let (group, f) = (f / filters, f % filters);
        out[(tap * filters + f) * g.channels + group * channels + c] = *weight;
    }
    out
}

/// `[K.. (C / G) F]` to `[C, F / G, K..]`.
fn burn_weight<const D: usize>(g: &ConvGeometry, kernel: &[f64]) -> Tensor<D> {
    let (channels, filters) = (g.channels / g.groups, g.filters / g.groups);
    let taps: usize = g.kernel.iter().product();
    let weight = tensor(kernel, [taps, channels, g.groups, filters], &device()).permute([2, 1, 3, 0]);
    let mut shape = [0; D];
    (shape[0], shape[1]) = (g.channels, filters);
    shape[2..].copy_from_slice(&g.kernel[3 - g.rank..]);
    weight.reshape(shape)
}

/// Strides, dilation, output padding and so on.
fn burn_options<const N: usize>(case: &Case) -> ConvTransposeOptions<N> {
    let Direction::Transposed { output_padding } = case.direction else { unreachable!("transposed cases") };
    let last = |sizes: [usize; 3]| core::array::from_fn(|axis| sizes[3 - N + axis]);
    ConvTransposeOptions {
        stride: last(case.geometry.strides),
        padding: [0; N],
        padding_out: last(output_padding.unwrap_or([0; 3])),
        dilation: last(case.geometry.dilation),
        groups: case.geometry.groups,
    }
}

fn burn_1d(case: &Case, [input, kernel, bias]: &Arrays) -> Vec<f64> {
    let (g, device) = (&case.geometry, device());
    let (x, bias) = (tensor(input, case.input_shape(), &device), tensor(bias, [g.filters], &device));
    values(conv_transpose1d(x, burn_weight(g, kernel), Some(bias), burn_options(case)))
}

fn burn_2d(case: &Case, [input, kernel, bias]: &Arrays) -> Vec<f64> {
    let (g, device) = (&case.geometry, device());
    let (x, bias) = (tensor(input, case.input_shape(), &device), tensor(bias, [g.filters], &device));
    values(conv_transpose2d(x, burn_weight(g, kernel), Some(bias), burn_options(case)))
}

fn burn_3d(case: &Case, [input, kernel, bias]: &Arrays) -> Vec<f64> {
    let (g, device) = (&case.geometry, device());
    let (x, bias) = (tensor(input, case.input_shape(), &device), tensor(bias, [g.filters], &device));
    values(conv_transpose3d(x, burn_weight(g, kernel), Some(bias), burn_options(case)))
}

/// Rank 1, one channel in and out unless changed.
fn line(kernel: usize, stride: usize, padding: Padding, output_padding: Option<usize>) -> TransposedGeometry {
    let sizes = ConvGeometry {
        rank: 1,
        kernel: [1, 1, kernel],
        strides: [1, 1, stride],
        dilation: [1; 3],
        padding,
        format: DataFormat::ChannelsLast,
        channels: 1,
        filters: 1,
        groups: 1,
    };
    TransposedGeometry { sizes, output_padding: output_padding.map(|p| [0, 0, p]) }
}

/// One example: input `[L, C]`, kernel `[K, C / G, F]`, bias 0.
fn by_hand(geometry: TransposedGeometry, input: &[f64], kernel: &[f64]) -> Vec<f64> {
    let (device, filters) = (device(), geometry.sizes.filters);
    let input = tensor(input, [1, input.len() / geometry.sizes.channels, geometry.sizes.channels], &device);
    let bias = tensor(&vec![0.0; filters], [1, filters], &device);
    let kernel = tensor(kernel, [1, kernel.len()], &device);
    values(transposed_convolution(input, kernel, bias, geometry, true, Epilogue::Linear))
}

/// Every input lays the kernel, times itself, from `i s` on; overlaps add up. Inputs 1, 2, 3; kernel (100, 10, 1). This
/// is `PyTorch`'s `conv_transpose1d`, whose `padding` p cuts p places from either end.
#[test]
fn valid_by_hand() {
    let of = |stride, p| by_hand(line(3, stride, Padding::Valid, p), &[1.0, 2.0, 3.0], &[100.0, 10.0, 1.0]);
    // 100 10 1 + . 200 20 2 + . . 300 30 3
    assert_eq!(of(1, None), [100.0, 210.0, 321.0, 32.0, 3.0]);
    // 100 10 1 | 200 20 2 | 300 30 3, two places apart
    assert_eq!(of(2, None), [100.0, 10.0, 201.0, 20.0, 302.0, 30.0, 3.0]);
    assert_eq!(of(2, Some(1)), [100.0, 10.0, 201.0, 20.0, 302.0, 30.0, 3.0, 0.0]);
    assert_eq!(of(4, None), [100.0, 10.0, 1.0, 0.0, 200.0, 20.0, 2.0, 0.0, 300.0, 30.0, 3.0]);
}

/// TensorFlow's `SAME`, L = 3: of the full length `2 s + 3` the zeros P that a same convolution of the output would add
/// are cut, `floor(P / 2)` of them before.
#[test]
fn same_by_hand() {
    let of = |stride, p| by_hand(line(3, stride, Padding::Same, p), &[1.0, 2.0, 3.0], &[100.0, 10.0, 1.0]);
    // Output 3, P = 2 + 3 - 3 = 2: 1 cut before, 1 after.
    assert_eq!(of(1, None), [210.0, 321.0, 32.0]);
    // Output 6, P = 4 + 3 - 6 = 1: none before, 1 after.
    assert_eq!(of(2, None), [100.0, 10.0, 201.0, 20.0, 302.0, 30.0]);
    // Output 5, P = 4 + 3 - 5 = 2: 1 before, 1 after. PyTorch: padding 1.
    assert_eq!(of(2, Some(0)), [10.0, 201.0, 20.0, 302.0, 30.0]);
    // Output 12, P = 8 + 3 - 12 < 0: none; a last place that nothing reaches.
    assert_eq!(of(4, None), [100.0, 10.0, 1.0, 0.0, 200.0, 20.0, 2.0, 0.0, 300.0, 30.0, 3.0, 0.0]);
}

/// Two groups: channels 1, 10 | 100, 1000 at one place to filters 0, 1 | 2, 3; kernel [C / G = 2, F = 4] with rows
/// (1 2 3 4) and (5 6 7 8). At one place the transposed convolution is the convolution.
#[test]
fn groups_by_hand() {
    let mut geometry = line(1, 1, Padding::Valid, None);
    (geometry.sizes.channels, geometry.sizes.filters, geometry.sizes.groups) = (4, 4, 2);
    let output = by_hand(geometry, &[1.0, 10.0, 100.0, 1000.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    assert_eq!(output, [51.0, 62.0, 7300.0, 8400.0]);
}

/// Kernel (10, 1) three places apart.
#[test]
fn dilation_by_hand() {
    let mut geometry = line(2, 2, Padding::Valid, None);
    geometry.sizes.dilation[2] = 3;
    assert_eq!(by_hand(geometry, &[1.0, 2.0], &[10.0, 1.0]), [10.0, 0.0, 20.0, 1.0, 0.0, 2.0]);
}

#[test]
fn an_empty_batch_or_length_keeps_the_other_sizes() {
    for (batch, length, shared) in [(0, 4, true), (0, 4, false), (2, 0, true), (4, 0, false)] {
        let mut geometry = line(3, 2, Padding::Same, None);
        (geometry.sizes.channels, geometry.sizes.filters, geometry.sizes.groups) = (2, 4, 2);
        let x = parameter::<3>(&[], [batch, length, 2]);
        let (kernel, bias) = (parameter(&[1.0; 24], [2, 12]), parameter(&[1.0; 8], [2, 4]));
        let y = transposed_convolution(x.clone(), kernel.clone(), bias.clone(), geometry, shared, Epilogue::Relu);
        assert_eq!(y.dims(), [if shared { 2 * batch } else { batch }, 2 * length, 4]);
        let grads = y.sum().backward();
        assert_eq!(x.grad(&grads).unwrap().dims(), x.dims());
        assert_eq!(values(kernel.grad(&grads).unwrap()), vec![0.0; 24]);
        assert_eq!(values(bias.grad(&grads).unwrap()), vec![0.0; 8]);
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let call = |input: [usize; 3], weights: usize, filters: usize, geometry: TransposedGeometry| {
        let device = device();
        let input = tensor(&vec![0.0; input.iter().product()], input, &device);
        let kernel = tensor(&vec![0.0; weights], [1, weights], &device);
        let bias = tensor(&vec![0.0; filters], [1, filters], &device);
        message(|| transposed_convolution(input, kernel, bias, geometry, true, Epilogue::Linear))
    };
    let valid = line(3, 2, Padding::Valid, None);
    let fails = [
        (call([1, 5, 2], 3, 1, valid), "input: expected 1 channels, found 2"),
        (call([1, 5, 1], 4, 1, valid), "kernel and bias do not fit the geometry"),
        (call([1, 5, 1], 3, 2, valid), "kernel and bias do not fit the geometry"),
        (call([1, 0, 1], 3, 1, valid), "valid padding needs a length of at least 1"),
        (call([1, 5, 1], 3, 1, line(3, 2, Padding::Causal, None)), "have valid or same padding, found Causal"),
        (call([1, 5, 1], 3, 1, line(3, 2, Padding::Same, Some(2))), "output padding must be below the strides"),
    ];
    for (found, expected) in fails {
        assert!(found.contains(expected), "expected `{expected}`, found `{found}`");
    }
}

//! Convolution against the sum that defines it, its gradients, and Burn's own convolutions.

mod support;

use burn::tensor::module::{conv1d, conv2d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};
use elbo_kernels::{ConvGeometry, DataFormat, Epilogue, Padding, convolution};
use proptest::prelude::*;
use support::{assert_close, differences, dot, message, normals, parameter, tensor, values};

/// A convolution with its input's sizes.
#[derive(Clone, Copy, Debug)]
struct Case {
    geometry: ConvGeometry,
    lengths: [usize; 3],
    batch: usize,
    samples: usize,
    shared: bool,
    epilogue: Epilogue,
    seed: u64,
}

/// Flat input, kernel and bias.
type Arrays = [Vec<f64>; 3];

impl Case {
    /// `(output length, zeros before)` per axis, from the definitions of the paddings.
    fn axis(&self, axis: usize) -> (usize, usize) {
        let g = &self.geometry;
        let (length, stride) = (self.lengths[axis], g.strides[axis]);
        let window = (g.kernel[axis] - 1) * g.dilation[axis] + 1;
        match g.padding {
            Padding::Valid => ((length - window) / stride + 1, 0),
            Padding::Same => {
                let output = length.div_ceil(stride);
                (output, ((output - 1) * stride + window).saturating_sub(length) / 2)
            }
        }
    }

    fn outputs(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.axis(axis).0)
    }

    fn input_batch(&self) -> usize {
        if self.shared { self.batch } else { self.samples * self.batch }
    }

    /// `[batch, lengths.., channels]` in the case's layout and rank.
    fn shape<const D: usize>(&self, batch: usize, lengths: [usize; 3], channels: usize) -> [usize; D] {
        let spatial = &lengths[3 - self.geometry.rank..];
        let shape = match self.geometry.format {
            DataFormat::ChannelsLast => [&[batch], spatial, &[channels]].concat(),
            DataFormat::ChannelsFirst => [&[batch, channels], spatial].concat(),
        };
        shape.try_into().unwrap()
    }

    /// Position of `[n, i, c]` in such a tensor.
    fn index(&self, n: usize, i: [usize; 3], c: usize, lengths: [usize; 3], channels: usize) -> usize {
        let place = (i[0] * lengths[1] + i[1]) * lengths[2] + i[2];
        let places: usize = lengths.iter().product();
        match self.geometry.format {
            DataFormat::ChannelsLast => (n * places + place) * channels + c,
            DataFormat::ChannelsFirst => (n * channels + c) * places + place,
        }
    }

    fn kernel_len(&self) -> usize {
        self.geometry.kernel.iter().product::<usize>() * self.geometry.channels * self.geometry.filters
    }

    fn output_len(&self) -> usize {
        self.samples * self.batch * self.outputs().iter().product::<usize>() * self.geometry.filters
    }

    fn arrays(&self) -> Arrays {
        let input = self.input_batch() * self.lengths.iter().product::<usize>() * self.geometry.channels;
        let n = [input, self.samples * self.kernel_len(), self.samples * self.geometry.filters];
        core::array::from_fn(|i| normals(self.seed, ["input", "kernel", "bias"][i], n[i]))
    }

    /// `out[b,o,f] = bias[f] + Σ in[b, o s - before + k d, c] W[k,c,f]`, without the activation.
    fn linear(&self, [input, kernel, bias]: &Arrays) -> Vec<f64> {
        let (g, outputs) = (&self.geometry, self.outputs());
        let mut out = vec![0.0; self.output_len()];
        for (s, n) in (0..self.samples).flat_map(|s| (0..self.batch).map(move |n| (s, n))) {
            let row = if self.shared { n } else { s * self.batch + n };
            for o in positions(outputs) {
                for f in 0..g.filters {
                    let mut sum = bias[s * g.filters + f];
                    for k in positions(g.kernel) {
                        let Some(i) = self.source(o, k) else { continue };
                        for c in 0..g.channels {
                            let tap = (k[0] * g.kernel[1] + k[1]) * g.kernel[2] + k[2];
                            let weight = s * self.kernel_len() + (tap * g.channels + c) * g.filters + f;
                            sum += input[self.index(row, i, c, self.lengths, g.channels)] * kernel[weight];
                        }
                    }
                    out[self.index(s * self.batch + n, o, f, outputs, g.filters)] = sum;
                }
            }
        }
        out
    }

    /// The input position that output `o` meets with kernel position `k`, unless it is padding.
    fn source(&self, o: [usize; 3], k: [usize; 3]) -> Option<[usize; 3]> {
        let g = &self.geometry;
        let at = |axis: usize| {
            let moved = (o[axis] * g.strides[axis] + k[axis] * g.dilation[axis]).checked_sub(self.axis(axis).1)?;
            (moved < self.lengths[axis]).then_some(moved)
        };
        Some([at(0)?, at(1)?, at(2)?])
    }

    fn activate(&self, linear: Vec<f64>) -> Vec<f64> {
        match self.epilogue {
            Epilogue::Linear => linear,
            Epilogue::Relu => linear.into_iter().map(|x| x.max(0.0)).collect(),
        }
    }

    fn run<const D: usize>(&self, input: Tensor<D>, kernel: Tensor<2>, bias: Tensor<2>) -> Tensor<D> {
        let output = convolution(input, kernel, bias, self.geometry, self.shared, self.epilogue);
        let expected = self.shape(self.samples * self.batch, self.outputs(), self.geometry.filters);
        assert_eq!(output.dims(), expected);
        output
    }

    fn forward<const D: usize>(&self, [input, kernel, bias]: &Arrays) -> Vec<f64> {
        let device = Device::flex();
        let input = tensor::<D>(input, self.input_shape(), &device);
        let kernel = tensor(kernel, [self.samples, self.kernel_len()], &device);
        let bias = tensor(bias, [self.samples, self.geometry.filters], &device);
        values(self.run(input, kernel, bias))
    }

    fn input_shape<const D: usize>(&self) -> [usize; D] {
        self.shape(self.input_batch(), self.lengths, self.geometry.channels)
    }

    /// Gradients of `Σ output weights` in input, kernel and bias.
    fn gradients<const D: usize>(&self, [input, kernel, bias]: &Arrays, weights: &[f64]) -> Arrays {
        let input = parameter::<D>(input, self.input_shape());
        let kernel = parameter(kernel, [self.samples, self.kernel_len()]);
        let bias = parameter(bias, [self.samples, self.geometry.filters]);
        let output = self.run(input.clone(), kernel.clone(), bias.clone());
        let weights = tensor::<D>(weights, output.dims(), &output.device());
        let grads = (output * weights).sum().backward();
        [values(input.grad(&grads).unwrap()), values(kernel.grad(&grads).unwrap()), values(bias.grad(&grads).unwrap())]
    }
}

fn positions([a, b, c]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| [i, j, k])))
}

macro_rules! by_rank {
    ($case:expr, $method:ident($($argument:expr),*)) => {
        match $case.geometry.rank {
            1 => $case.$method::<3>($($argument),*),
            2 => $case.$method::<4>($($argument),*),
            _ => $case.$method::<5>($($argument),*),
        }
    };
}

/// Any small convolution. `extra` lengthens an input beyond one window: 0 makes length and window equal.
fn cases(smallest_batch: usize) -> impl Strategy<Value = Case> {
    let axis = (0_usize..5, 1_usize..4, 1_usize..4, 1_usize..4);
    let modes = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let sizes = (1_usize..=3, 1_usize..4, 1_usize..4, smallest_batch..3, 1_usize..4, any::<u64>());
    (prop::array::uniform3(axis), modes, sizes).prop_map(
        |(axes, modes, (rank, channels, filters, batch, samples, seed))| {
            let used = |axis: usize| axis + rank >= 3;
            let pick = |f: fn((usize, usize, usize, usize)) -> usize| {
                core::array::from_fn(|axis| if used(axis) { f(axes[axis]) } else { 1 })
            };
            let padding = if modes.0 { Padding::Valid } else { Padding::Same };
            let lengths =
                if modes.0 { pick(|(extra, k, _, d)| (k - 1) * d + 1 + extra) } else { pick(|(extra, ..)| extra + 1) };
            let format = if modes.1 { DataFormat::ChannelsLast } else { DataFormat::ChannelsFirst };
            let geometry = ConvGeometry {
                rank,
                channels,
                filters,
                padding,
                format,
                kernel: pick(|a| a.1),
                strides: pick(|a| a.2),
                dilation: pick(|a| a.3),
            };
            let epilogue = if modes.3 { Epilogue::Linear } else { Epilogue::Relu };
            Case { geometry, lengths, batch, samples, shared: modes.2, epilogue, seed }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn forward_is_the_sum(case in cases(0)) {
        let arrays = case.arrays();
        let expected = case.activate(case.linear(&arrays));
        assert_close("output", &by_rank!(case, forward(&arrays)), &expected, 1e-10);
    }

    /// The loss `Σ out g` is linear in each argument alone, so central differences with step 1 have no truncation
    /// error. With fewer than 2^14 terms below 2^7, their rounding is below `2^14 2^7 2^-53 < 1e-9`. The activation is
    /// put into g: the gradient of `max(z, 0)` is that of z where `z > 0`.
    #[test]
    fn backward_is_the_difference_quotient(case in cases(1)) {
        let arrays = case.arrays();
        let linear = case.linear(&arrays);
        let weights = normals(case.seed, "weights", linear.len());
        let open = |z: f64| case.epilogue == Epilogue::Linear || z > 0.0;
        let passed: Vec<f64> = linear.iter().zip(&weights).map(|(z, g)| if open(*z) { *g } else { 0.0 }).collect();
        let found = by_rank!(case, gradients(&arrays, &weights));
        for (i, name) in ["input", "kernel", "bias"].into_iter().enumerate() {
            let loss = |x: &[f64]| {
                let mut moved = arrays.clone();
                moved[i] = x.to_vec();
                dot(&case.linear(&moved), &passed)
            };
            assert_close(name, &found[i], &differences(loss, &arrays[i], 1.0), 1e-9);
        }
    }

    /// `<conv(x), g> = <x, backward_input(g)> = <W, backward_kernel(g)>` without bias and activation.
    #[test]
    fn backward_is_the_adjoint(case in cases(1)) {
        let case = Case { epilogue: Epilogue::Linear, ..case };
        let mut arrays = case.arrays();
        arrays[2].fill(0.0);
        let output = by_rank!(case, forward(&arrays));
        let weights = normals(case.seed, "weights", output.len());
        let found = by_rank!(case, gradients(&arrays, &weights));
        let product = dot(&output, &weights);
        assert_close("products", &[dot(&arrays[0], &found[0]), dot(&arrays[1], &found[1])], &[product; 2], 1e-10);
    }

    /// Burn's convolution takes kernels `[F, C, K..]` and any padding; ours are `[K.., C, F]`.
    #[test]
    fn agrees_with_burn(case in cases(1), two in any::<bool>()) {
        let mut case = Case { samples: 1, shared: true, epilogue: Epilogue::Linear, ..case };
        case.geometry.format = DataFormat::ChannelsFirst;
        case.geometry.rank = if two { 2 } else { 1 };
        for axis in 0..3 - case.geometry.rank {
            let g = &mut case.geometry;
            (g.kernel[axis], g.strides[axis], g.dilation[axis], case.lengths[axis]) = (1, 1, 1, 1);
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
    let window = (g.kernel[axis] - 1) * g.dilation[axis] + 1;
    let covered = (output - 1) * g.strides[axis] + window;
    let after = covered.saturating_sub(case.lengths[axis] + before);
    (before, if g.padding == Padding::Same { after } else { 0 })
}

fn burn_1d(case: &Case, [input, kernel, bias]: &Arrays) -> Vec<f64> {
    let (g, device) = (&case.geometry, Device::flex());
    let weight = tensor(kernel, [g.kernel[2], g.channels, g.filters], &device).permute([2, 1, 0]);
    let options =
        ConvOptions { stride: [g.strides[2]], padding: [padding(case, 2)], dilation: [g.dilation[2]], groups: 1 };
    let bias = tensor(bias, [g.filters], &device);
    values(conv1d(tensor(input, case.input_shape(), &device), weight, Some(bias), options))
}

fn burn_2d(case: &Case, [input, kernel, bias]: &Arrays) -> Vec<f64> {
    let (g, device) = (&case.geometry, Device::flex());
    let weight = tensor(kernel, [g.kernel[1], g.kernel[2], g.channels, g.filters], &device).permute([3, 2, 0, 1]);
    let options = ConvOptions {
        stride: [g.strides[1], g.strides[2]],
        padding: [padding(case, 1), padding(case, 2)],
        dilation: [g.dilation[1], g.dilation[2]],
        groups: 1,
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
    };
    Case { geometry, lengths: [1, 1, 5], batch: 2, samples: 2, shared: true, epilogue: Epilogue::Linear, seed: 1 }
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
    let device = Device::flex();
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

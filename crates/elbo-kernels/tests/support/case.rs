//! Any small convolution or transposed convolution, with the sum that defines it.

use super::{device, device_with, normals, parameter, tensor, values};
use burn::tensor::{DType, Tensor, TensorData};
use elbo_kernels::{
    ConvGeometry, DataFormat, Epilogue, Padding, TransposedGeometry, convolution, transposed_convolution,
};
use proptest::prelude::*;

/// Which of the two operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Direction {
    Convolution,
    Transposed { output_padding: Option<[usize; 3]> },
}

/// An operation with its input's sizes.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub geometry: ConvGeometry,
    pub direction: Direction,
    pub lengths: [usize; 3],
    pub batch: usize,
    pub samples: usize,
    pub shared: bool,
    pub epilogue: Epilogue,
    pub seed: u64,
}

/// Flat input, kernel and bias.
pub type Arrays = [Vec<f64>; 3];

impl Case {
    /// `(output length, zeros before)` per axis, from the definitions of the paddings.
    pub fn axis(&self, axis: usize) -> (usize, usize) {
        let (length, stride, window) = (self.lengths[axis], self.geometry.strides[axis], self.window(axis));
        let same = |coarse: usize, fine: usize| ((coarse - 1) * stride + window).saturating_sub(fine) / 2;
        match (self.direction, self.geometry.padding) {
            (Direction::Convolution, Padding::Valid) => ((length - window) / stride + 1, 0),
            (Direction::Convolution, Padding::Same) => (length.div_ceil(stride), same(length.div_ceil(stride), length)),
            (Direction::Convolution, Padding::Causal) => (length.div_ceil(stride), window - 1),
            (Direction::Transposed { output_padding: p }, Padding::Valid) => {
                ((length - 1) * stride + window + p.map_or(0, |p| p[axis]), 0)
            }
            (Direction::Transposed { output_padding: p }, _) => {
                let output = p.map_or(length * stride, |p| (length - 1) * stride + 1 + p[axis]);
                (output, same(length, output))
            }
        }
    }

    /// Places that a window spans.
    pub fn window(&self, axis: usize) -> usize {
        (self.geometry.kernel[axis] - 1) * self.geometry.dilation[axis] + 1
    }

    pub fn outputs(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.axis(axis).0)
    }

    fn input_batch(&self) -> usize {
        if self.shared { self.batch } else { self.samples * self.batch }
    }

    /// `[batch, lengths.., channels]` in the case's layout and rank.
    pub fn shape<const D: usize>(&self, batch: usize, lengths: [usize; 3], channels: usize) -> [usize; D] {
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

    pub fn kernel_len(&self) -> usize {
        let g = &self.geometry;
        g.kernel.iter().product::<usize>() * g.channels / g.groups * g.filters
    }

    pub fn output_len(&self) -> usize {
        self.samples * self.batch * self.outputs().iter().product::<usize>() * self.geometry.filters
    }

    pub fn arrays(&self) -> Arrays {
        let input = self.input_batch() * self.lengths.iter().product::<usize>() * self.geometry.channels;
        let n = [input, self.samples * self.kernel_len(), self.samples * self.geometry.filters];
        core::array::from_fn(|i| normals(self.seed, ["input", "kernel", "bias"][i], n[i]))
    }

    /// `out[b, o, f] = bias[f] + Σ in[b, i, c] W[k, c, f]` without the activation, over the channels c of the filter's
    /// group and all places with `i = o s - before + k d`; transposed, `o = i s - before + k d`.
    pub fn linear(&self, [input, kernel, bias]: &Arrays) -> Vec<f64> {
        let (g, outputs) = (&self.geometry, self.outputs());
        let (channels, filters) = (g.channels / g.groups, g.filters / g.groups);
        let mut out = vec![0.0; self.output_len()];
        for (s, n) in pairs(self.samples, self.batch) {
            let (row, target) = (if self.shared { n } else { s * self.batch + n }, s * self.batch + n);
            for (f, o) in (0..g.filters).flat_map(|f| positions(outputs).map(move |o| (f, o))) {
                out[self.index(target, o, f, outputs, g.filters)] = bias[s * g.filters + f];
            }
            for (i, o, k) in self.meetings() {
                let tap = (k[0] * g.kernel[1] + k[1]) * g.kernel[2] + k[2];
                for (c, f) in pairs(channels, g.filters) {
                    let weight = kernel[s * self.kernel_len() + (tap * channels + c) * g.filters + f];
                    let channel = f / filters * channels + c;
                    out[self.index(target, o, f, outputs, g.filters)] +=
                        input[self.index(row, i, channel, self.lengths, g.channels)] * weight;
                }
            }
        }
        out
    }

    /// All `(input place, output place, kernel place)` that meet.
    fn meetings(&self) -> Vec<([usize; 3], [usize; 3], [usize; 3])> {
        let transposed = self.direction != Direction::Convolution;
        let (coarse, fine) = if transposed { (self.lengths, self.outputs()) } else { (self.outputs(), self.lengths) };
        let mut meetings = Vec::new();
        for (a, k) in positions(coarse).flat_map(|a| positions(self.geometry.kernel).map(move |k| (a, k))) {
            if let Some(b) = self.fine(a, k, fine) {
                meetings.push(if transposed { (a, b, k) } else { (b, a, k) });
            }
        }
        meetings
    }

    /// `a s - before + k d`, unless it is padding.
    fn fine(&self, a: [usize; 3], k: [usize; 3], lengths: [usize; 3]) -> Option<[usize; 3]> {
        let g = &self.geometry;
        let at = |axis: usize| {
            let moved = (a[axis] * g.strides[axis] + k[axis] * g.dilation[axis]).checked_sub(self.axis(axis).1)?;
            (moved < lengths[axis]).then_some(moved)
        };
        Some([at(0)?, at(1)?, at(2)?])
    }

    pub fn activate(&self, linear: Vec<f64>) -> Vec<f64> {
        match self.epilogue {
            Epilogue::Linear => linear,
            Epilogue::Relu => linear.into_iter().map(|x| x.max(0.0)).collect(),
        }
    }

    pub fn run<const D: usize>(&self, input: Tensor<D>, kernel: Tensor<2>, bias: Tensor<2>) -> Tensor<D> {
        let (sizes, shared, epilogue) = (self.geometry, self.shared, self.epilogue);
        let output = match self.direction {
            Direction::Convolution => convolution(input, kernel, bias, sizes, shared, epilogue),
            Direction::Transposed { output_padding } => {
                let geometry = TransposedGeometry { sizes, output_padding };
                transposed_convolution(input, kernel, bias, geometry, shared, epilogue)
            }
        };
        let expected = self.shape(self.samples * self.batch, self.outputs(), self.geometry.filters);
        assert_eq!(output.dims(), expected);
        output
    }

    pub fn forward<const D: usize>(&self, [input, kernel, bias]: &Arrays) -> Vec<f64> {
        let device = device();
        let input = tensor::<D>(input, self.input_shape(), &device);
        let kernel = tensor(kernel, [self.samples, self.kernel_len()], &device);
        let bias = tensor(bias, [self.samples, self.geometry.filters], &device);
        values(self.run(input, kernel, bias))
    }

    /// Input, kernel and bias as tensors.
    fn tensors<const D: usize>(&self, dtype: DType, arrays: &Arrays) -> (Tensor<D>, Tensor<2>, Tensor<2>) {
        let device = device_with(dtype).autodiff();
        let [input, kernel, bias] =
            arrays.clone().map(|values| Tensor::<1>::from_data(TensorData::from(values.as_slice()), (&device, dtype)));
        let kernel = kernel.reshape([self.samples, self.kernel_len()]).require_grad();
        let bias = bias.reshape([self.samples, self.geometry.filters]).require_grad();
        (input.reshape(self.input_shape::<D>()).require_grad(), kernel, bias)
    }

    /// Output, and gradients of `Σ output weights`, in another type.
    pub fn results_in<const D: usize>(&self, dtype: DType, arrays: &Arrays, weights: &[f64]) -> [Vec<f64>; 4] {
        let (input, kernel, bias) = self.tensors::<D>(dtype, arrays);
        let output = self.run(input.clone(), kernel.clone(), bias.clone());
        assert_eq!(output.dtype(), dtype);
        let weights = Tensor::<1>::from_data(TensorData::from(weights), (&output.device(), dtype));
        let grads = (output.clone() * weights.reshape(output.dims())).sum().backward();
        let gradients = [
            values(input.grad(&grads).unwrap()),
            values(kernel.grad(&grads).unwrap()),
            values(bias.grad(&grads).unwrap()),
        ];
        let [of_input, of_kernel, of_bias] = gradients;
        [values(output), of_input, of_kernel, of_bias]
    }

    pub fn input_shape<const D: usize>(&self) -> [usize; D] {
        self.shape(self.input_batch(), self.lengths, self.geometry.channels)
    }

    /// Gradients of `Σ output weights`.
    pub fn gradients<const D: usize>(&self, [input, kernel, bias]: &Arrays, weights: &[f64]) -> Arrays {
        let input = parameter::<D>(input, self.input_shape());
        let kernel = parameter(kernel, [self.samples, self.kernel_len()]);
        let bias = parameter(bias, [self.samples, self.geometry.filters]);
        let output = self.run(input.clone(), kernel.clone(), bias.clone());
        let weights = tensor::<D>(weights, output.dims(), &output.device());
        let grads = (output * weights).sum().backward();
        [values(input.grad(&grads).unwrap()), values(kernel.grad(&grads).unwrap()), values(bias.grad(&grads).unwrap())]
    }

    /// The same call for weight sample `s` alone, with its part of the arguments.
    pub fn of_sample(&self, s: usize, arrays: &Arrays) -> (Self, Arrays) {
        let alone = Self { samples: 1, shared: true, ..*self };
        let part = |values: &[f64], parts: usize, at: usize| {
            let n = values.len() / parts;
            values[at * n..(at + 1) * n].to_vec()
        };
        let [input, kernel, bias] = arrays;
        let input = if self.shared { input.clone() } else { part(input, self.samples, s) };
        (alone, [input, part(kernel, self.samples, s), part(bias, self.samples, s)])
    }
}

pub fn positions([a, b, c]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| [i, j, k])))
}

fn pairs(a: usize, b: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..a).flat_map(move |i| (0..b).map(move |j| (i, j)))
}

/// Calls a method of a case with the number of axes of its rank.
macro_rules! by_rank {
    ($case:expr, $method:ident($($argument:expr),*)) => {
        match $case.geometry.rank {
            1 => $case.$method::<3>($($argument),*),
            2 => $case.$method::<4>($($argument),*),
            _ => $case.$method::<5>($($argument),*),
        }
    };
}
pub(crate) use by_rank;

/// Sizes of one axis: what is drawn for it.
type Axis = (usize, usize, usize, usize, usize);

/// Any small case of one direction.
fn any_case(transposed: bool, smallest_batch: usize) -> impl Strategy<Value = Case> {
    let axis = (0_usize..5, 1_usize..4, 1_usize..4, 1_usize..4, 0_usize..3);
    let modes = (0_usize..3, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let channels = prop_oneof![
        (Just(1_usize), 1_usize..4, 1_usize..4),
        (2_usize..4, 1_usize..3, 1_usize..3),
        (2_usize..6, Just(1), 1_usize..3), // depthwise
    ];
    let sizes = (1_usize..=3, channels, smallest_batch..3, 1_usize..4, any::<u64>());
    (prop::array::uniform3(axis), modes, sizes).prop_map(move |(axes, modes, sizes)| {
        let (rank, (groups, channels, filters), batch, samples, seed) = sizes;
        let pick = |f: fn(Axis) -> usize, unused| {
            core::array::from_fn(|axis| if axis + rank >= 3 { f(axes[axis]) } else { unused })
        };
        let padding = match (modes.0, transposed || rank > 1) {
            (0, _) => Padding::Valid,
            (1, false) => Padding::Causal,
            _ => Padding::Same,
        };
        let whole_windows = padding == Padding::Valid && !transposed;
        let lengths =
            pick(if whole_windows { |(more, k, _, d, _)| (k - 1) * d + 1 + more } else { |(more, ..)| more + 1 }, 1);
        let strides = pick(|a| a.2, 1);
        let chosen = pick(|a| a.4, 0);
        let output_padding = modes.4.then(|| core::array::from_fn(|axis| chosen[axis] % strides[axis]));
        let geometry = ConvGeometry {
            rank,
            kernel: pick(|a| a.1, 1),
            strides,
            dilation: pick(|a| a.3, 1),
            padding,
            format: if modes.1 { DataFormat::ChannelsLast } else { DataFormat::ChannelsFirst },
            channels: groups * channels,
            filters: groups * filters,
            groups,
        };
        Case {
            geometry,
            direction: if transposed { Direction::Transposed { output_padding } } else { Direction::Convolution },
            lengths,
            batch,
            samples,
            shared: modes.2,
            epilogue: if modes.3 { Epilogue::Linear } else { Epilogue::Relu },
            seed,
        }
    })
}

/// Any small convolution. Under valid padding an input can be as short as one window.
pub fn convolutions(smallest_batch: usize) -> impl Strategy<Value = Case> {
    any_case(false, smallest_batch)
}

/// Any small transposed convolution.
pub fn transposed_convolutions(smallest_batch: usize) -> impl Strategy<Value = Case> {
    any_case(true, smallest_batch)
}

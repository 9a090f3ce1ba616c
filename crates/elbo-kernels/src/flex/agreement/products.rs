//! Dense layers, convolutions, transposed convolutions, and the gradients of their biases.

use super::{Case, TYPES, random};
use crate::VariationalOps;
use crate::geometry::{ConvGeometry, DataFormat, Epilogue, Padding, TransposedGeometry};
use crate::gradient::{self, Gradients};
use crate::reference::{convolution, dense, product, transposed_convolution as transposed};
use burn::backend::{Flex, flex::FlexTensor};
use burn::tensor::{DType, Shape};

/// Weight samples, and whether they share their input.
const SAMPLES: [(usize, bool); 4] = [(1, false), (1, true), (3, false), (3, true)];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (samples, shared) in SAMPLES {
        for dtype in TYPES {
            let dense =
                |[rows, inputs, units]: [usize; 3]| Dense { rows, inputs, units, samples, shared, dtype }.cases();
            cases.extend(dense_sizes().into_iter().flat_map(dense));
            let line = |(geometry, lengths)| Convolution { geometry, lengths, batch: 2, samples, shared, dtype };
            cases.extend(geometries().into_iter().map(line).flat_map(Convolution::cases));
            cases.extend(geometries().into_iter().map(line).flat_map(Convolution::transposed_cases));
        }
        let many = Convolution { batch: 33, samples, shared, dtype: DType::F32, ..large() };
        cases.extend(if cfg!(miri) { vec![] } else { many.cases() });
    }
    cases.extend(empty());
    cases
}

/// One of each, a bit more than a tile, a vector and a strip, several blocks of the sum, and enough for threads.
fn dense_sizes() -> Vec<[usize; 3]> {
    if cfg!(miri) {
        return vec![[1, 1, 1], [5, 7, 9]];
    }
    vec![[1, 1, 1], [5, 7, 3], [15, 9, 33], [33, 300, 65], [128, 1024, 20]]
}

/// No examples.
fn empty() -> Vec<Case> {
    let (geometry, lengths) = geometries()[0];
    let none = Convolution { geometry, lengths, batch: 0, samples: 2, shared: false, dtype: DType::F32 };
    let dense = Dense { rows: 0, inputs: 3, units: 2, samples: 2, shared: false, dtype: DType::F32 };
    none.cases().into_iter().chain(dense.cases()).collect()
}

#[derive(Clone, Copy, Debug)]
struct Dense {
    rows: usize,
    inputs: usize,
    units: usize,
    samples: usize,
    shared: bool,
    dtype: DType,
}

fn some((input, kernel, bias): Gradients<Flex>) -> Vec<FlexTensor> {
    [input, kernel, bias].into_iter().flatten().collect()
}

fn take<const N: usize>(x: Vec<FlexTensor>) -> [FlexTensor; N] {
    x.try_into().unwrap_or_else(|_| panic!("{N} arguments"))
}

impl Dense {
    fn cases(self) -> Vec<Case> {
        let Self { rows, inputs, units, samples, shared, dtype } = self;
        let batch = if shared { rows } else { samples * rows };
        let x = random("x", [batch, inputs], dtype);
        let kernel = random("kernel", [samples, inputs * units], dtype);
        let bias = random("bias", [samples, units], dtype);
        let [output, grad] = ["output", "grad"].map(|name| random(name, [samples * rows, units], dtype));
        let of_input = if shared { samples } else { 1 } * units;
        let forward = |epilogue| {
            Case::new(
                "dense",
                (self, epilogue),
                [x.clone(), kernel.clone(), bias.clone()],
                move |x| {
                    let [x, kernel, bias] = take(x);
                    vec![Flex::dense(x, kernel, bias, shared, epilogue)]
                },
                move |x| {
                    let [x, kernel, bias] = take(x);
                    vec![dense::dense::<Flex>(x, kernel, bias, shared, epilogue)]
                },
            )
            .sums(&[inputs])
        };
        let backward = |epilogue| {
            Case::new(
                "dense_backward",
                (self, epilogue),
                [x.clone(), kernel.clone(), output.clone(), grad.clone()],
                move |x| {
                    let [x, kernel, output, grad] = take(x);
                    some(Flex::dense_backward(x, kernel, output, grad, shared, epilogue, [true; 3]))
                },
                move |x| some(gradient::dense_by_parts::<Flex>(take(x), shared, epilogue, [true; 3])),
            )
            .sums(&[of_input, rows, rows])
        };
        let input = Case::new(
            "dense_backward_input",
            self,
            [kernel.clone(), grad.clone()],
            move |x| vec![Flex::dense_backward_input(x[0].clone(), x[1].clone(), shared)],
            move |x| vec![dense::dense_backward_input::<Flex>(x[0].clone(), x[1].clone(), shared)],
        );
        let of_kernel = Case::new(
            "dense_backward_kernel",
            self,
            [x.clone(), grad.clone()],
            move |x| vec![Flex::dense_backward_kernel(x[0].clone(), x[1].clone(), samples, shared)],
            move |x| vec![dense::dense_backward_kernel::<Flex>(x[0].clone(), x[1].clone(), samples, shared)],
        );
        let [input, of_kernel] = [input.sums(&[of_input]), of_kernel.sums(&[rows])];
        let [a, b] = [Epilogue::Linear, Epilogue::Relu].map(forward);
        let [c, d] = [Epilogue::Linear, Epilogue::Relu].map(backward);
        vec![a, b, c, d, input, of_kernel, bias_backward(grad.clone(), samples, 1, rows)]
    }
}

fn bias_backward(grad: FlexTensor, samples: usize, axis: usize, terms: usize) -> Case {
    let sizes = format!("{:?}", (grad.layout().shape(), samples, axis));
    Case::new(
        "bias_backward",
        sizes,
        [grad],
        move |x| vec![Flex::bias_backward(x[0].clone(), samples, axis)],
        move |x| vec![product::bias_backward::<Flex>(x[0].clone(), samples, axis)],
    )
    .sums(&[terms])
}

const PLAIN: ConvGeometry = ConvGeometry {
    rank: 1,
    kernel: [1, 1, 1],
    strides: [1; 3],
    dilation: [1; 3],
    padding: Padding::Valid,
    format: DataFormat::ChannelsLast,
    channels: 1,
    filters: 1,
    groups: 1,
};

/// All ranks, paddings and formats, strides, dilation, groups and depthwise, with lengths.
fn geometries() -> Vec<(ConvGeometry, [usize; 3])> {
    use DataFormat::ChannelsFirst;
    use Padding::{Causal, Same};
    let wide = ConvGeometry { kernel: [1, 1, 5], padding: Same, channels: 3, filters: 33, ..PLAIN };
    let plane = ConvGeometry { rank: 2, kernel: [1, 3, 2], padding: Same, channels: 4, filters: 6, ..PLAIN };
    let volume = ConvGeometry { rank: 3, kernel: [2, 1, 3], channels: 2, filters: 3, ..PLAIN };
    let all = vec![
        (PLAIN, [1, 1, 1]),
        (ConvGeometry { strides: [1, 1, 2], dilation: [1, 1, 3], padding: Causal, ..wide }, [1, 1, 17]),
        (ConvGeometry { strides: [1, 1, 3], format: ChannelsFirst, ..wide }, [1, 1, 19]),
        (ConvGeometry { channels: 4, filters: 6, groups: 2, ..wide }, [1, 1, 9]),
        (ConvGeometry { channels: 4, filters: 8, groups: 4, format: ChannelsFirst, ..wide }, [1, 1, 9]),
        (ConvGeometry { strides: [1, 2, 1], dilation: [1, 1, 2], ..plane }, [1, 7, 6]),
        (ConvGeometry { format: ChannelsFirst, groups: 2, ..plane }, [1, 5, 4]),
        (ConvGeometry { strides: [1, 2, 3], padding: Padding::Valid, format: ChannelsFirst, ..plane }, [1, 6, 8]),
        (ConvGeometry { strides: [2, 1, 1], dilation: [1, 1, 2], ..volume }, [4, 2, 7]),
        (ConvGeometry { padding: Same, format: ChannelsFirst, ..volume }, [3, 2, 4]),
        // No window is that far apart from the next, and one input is as long as the window.
        (ConvGeometry { strides: [1, 1, 7], padding: Padding::Valid, ..wide }, [1, 1, 5]),
        (wide, [1, 1, 70]),
    ];
    all.into_iter().take(if cfg!(miri) { 5 } else { 12 }).collect()
}

/// Enough for threads.
fn large() -> Convolution {
    let geometry = ConvGeometry { kernel: [1, 1, 5], padding: Padding::Same, channels: 9, filters: 40, ..PLAIN };
    Convolution { geometry, lengths: [1, 1, 90], batch: 33, samples: 1, shared: false, dtype: DType::F32 }
}

#[derive(Clone, Copy, Debug)]
struct Convolution {
    geometry: ConvGeometry,
    lengths: [usize; 3],
    batch: usize,
    samples: usize,
    shared: bool,
    dtype: DType,
}

impl Convolution {
    fn copies(&self) -> usize {
        if self.shared { self.batch } else { self.samples * self.batch }
    }

    fn shape(&self, batch: usize, lengths: [usize; 3], channels: usize) -> Shape {
        let spatial = &lengths[3 - self.geometry.rank..];
        Shape::from(match self.geometry.format {
            DataFormat::ChannelsLast => [&[batch], spatial, &[channels]].concat(),
            DataFormat::ChannelsFirst => [&[batch, channels], spatial].concat(),
        })
    }

    /// Kernel and bias.
    fn weights(&self) -> [FlexTensor; 2] {
        let weights = self.geometry.kernel_len().unwrap();
        let (samples, filters) = (self.samples, self.geometry.filters);
        [random("kernel", [samples, weights], self.dtype), random("bias", [samples, filters], self.dtype)]
    }

    /// The most terms of a sum over one side's channels, of both samples and taps where they count.
    fn terms(&self, channels: usize) -> usize {
        self.geometry.kernel.iter().product::<usize>() * channels * if self.shared { self.samples } else { 1 }
    }

    fn cases(self) -> Vec<Case> {
        let Self { geometry: g, lengths, batch, samples, shared, dtype } = self;
        let outputs = g.extent(&lengths[3 - g.rank..]).unwrap().output;
        let x = random("x", self.shape(self.copies(), lengths, g.channels), dtype);
        let [kernel, bias] = self.weights();
        let target = || self.shape(samples * batch, outputs, g.filters);
        let [output, grad] = ["output", "grad"].map(|name| random(name, target(), dtype));
        let places = batch * outputs.iter().product::<usize>();
        let forward = |epilogue| {
            Case::new(
                "convolution",
                (self, epilogue),
                [x.clone(), kernel.clone(), bias.clone()],
                move |x| {
                    let [x, kernel, bias] = take(x);
                    vec![Flex::convolution(x, kernel, bias, g, shared, epilogue)]
                },
                move |x| {
                    let [x, kernel, bias] = take(x);
                    vec![convolution::convolution::<Flex>(x, kernel, bias, &g, shared, epilogue)]
                },
            )
            .sums(&[self.terms(g.channels)])
        };
        let backward = |epilogue, wanted: [bool; 3]| {
            let terms = [self.terms(g.filters), places, places];
            let terms: Vec<usize> =
                terms.into_iter().zip(wanted).filter_map(|(n, wanted)| wanted.then_some(n)).collect();
            Case::new(
                "convolution_backward",
                (self, epilogue, wanted),
                [x.clone(), kernel.clone(), output.clone(), grad.clone()],
                move |x| {
                    let [x, kernel, output, grad] = take(x);
                    some(Flex::convolution_backward(x, kernel, output, grad, g, shared, epilogue, wanted))
                },
                move |x| some(gradient::convolution_by_parts::<Flex>(take(x), g, shared, epilogue, wanted)),
            )
            .sums(&terms)
        };
        let input = Case::new(
            "convolution_backward_input",
            self,
            [kernel.clone(), grad.clone()],
            move |x| vec![Flex::convolution_backward_input(x[0].clone(), x[1].clone(), g, lengths, shared)],
            move |x| {
                let (kernel, grad) = (x[0].clone(), x[1].clone());
                vec![convolution::convolution_backward_input::<Flex>(kernel, grad, &g, lengths, shared)]
            },
        );
        let of_kernel = Case::new(
            "convolution_backward_kernel",
            self,
            [x.clone(), grad.clone()],
            move |x| vec![Flex::convolution_backward_kernel(x[0].clone(), x[1].clone(), g, samples, shared)],
            move |x| {
                let (x, grad) = (x[0].clone(), x[1].clone());
                vec![convolution::convolution_backward_kernel::<Flex>(x, grad, &g, samples, shared)]
            },
        );
        vec![
            forward(Epilogue::Linear),
            forward(Epilogue::Relu),
            backward(Epilogue::Linear, [true; 3]),
            backward(Epilogue::Relu, [true; 3]),
            backward(Epilogue::Relu, [true, false, true]),
            backward(Epilogue::Relu, [false, true, false]),
            input.sums(&[self.terms(g.filters)]),
            of_kernel.sums(&[places]),
            bias_backward(grad.clone(), samples, g.channel_axis(), places),
        ]
    }

    /// The same with inputs and outputs exchanged, where there is such an operation.
    fn transposed_cases(self) -> Vec<Case> {
        let Self { geometry: sizes, lengths, batch, samples, shared, dtype } = self;
        let g = TransposedGeometry { sizes, output_padding: None };
        if g.check().is_err() {
            return vec![];
        }
        let outputs = g.output_lengths(&lengths[3 - sizes.rank..]).unwrap();
        let x = random("x", self.shape(self.copies(), lengths, sizes.channels), dtype);
        let [kernel, bias] = self.weights();
        let grad = random("grad", self.shape(samples * batch, outputs, sizes.filters), dtype);
        let places = batch * lengths.iter().product::<usize>();
        let forward = |epilogue| {
            Case::new(
                "transposed_convolution",
                (self, epilogue),
                [x.clone(), kernel.clone(), bias.clone()],
                move |x| {
                    let [x, kernel, bias] = take(x);
                    vec![Flex::transposed_convolution(x, kernel, bias, g, shared, epilogue)]
                },
                move |x| {
                    let [x, kernel, bias] = take(x);
                    vec![transposed::transposed_convolution::<Flex>(x, kernel, bias, &g, shared, epilogue)]
                },
            )
            .sums(&[self.terms(sizes.channels)])
        };
        let input = Case::new(
            "transposed_convolution_backward_input",
            self,
            [kernel.clone(), grad.clone()],
            move |x| vec![Flex::transposed_convolution_backward_input(x[0].clone(), x[1].clone(), g, shared)],
            move |x| {
                let (kernel, grad) = (x[0].clone(), x[1].clone());
                vec![transposed::transposed_convolution_backward_input::<Flex>(kernel, grad, &g, shared)]
            },
        );
        let of_kernel = Case::new(
            "transposed_convolution_backward_kernel",
            self,
            [x.clone(), grad.clone()],
            move |x| vec![Flex::transposed_convolution_backward_kernel(x[0].clone(), x[1].clone(), g, samples, shared)],
            move |x| {
                let (x, grad) = (x[0].clone(), x[1].clone());
                vec![transposed::transposed_convolution_backward_kernel::<Flex>(x, grad, &g, samples, shared)]
            },
        );
        let [input, of_kernel] = [input.sums(&[self.terms(sizes.filters)]), of_kernel.sums(&[places])];
        vec![forward(Epilogue::Linear), forward(Epilogue::Relu), input, of_kernel]
    }
}

//! The CPU backend's own dense layers and convolutions against the reference, on sizes that take every path.

mod support;

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::backend::ops::ActivationOps;
use burn::tensor::{DType, Shape, TensorData};
use elbo_kernels::reference::scale::machine_epsilon;
use elbo_kernels::{ConvGeometry, DataFormat, Epilogue, Padding, VariationalOps, reference};
use proptest::prelude::*;
use support::normals;

/// A convolution with its sizes.
#[derive(Clone, Copy, Debug)]
struct Case {
    geometry: ConvGeometry,
    lengths: [usize; 3],
    batch: usize,
    samples: usize,
    shared: bool,
    epilogue: Epilogue,
    dtype: DType,
    seed: u64,
}

fn values(tensor: &FlexTensor) -> Vec<f64> {
    tensor.to_contiguous().into_data().try_into_vec_as::<f64>().unwrap()
}

fn tensor(values: Vec<f64>, shape: &[usize], dtype: DType) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, Shape::from(shape.to_vec())).convert_dtype(dtype))
}

fn random(seed: u64, name: &str, shape: &[usize], dtype: DType) -> FlexTensor {
    tensor(normals(seed, name, shape.iter().product()), shape, dtype)
}

/// `|x|` as `f64`, and zero in place of what a gate stops is left out: only the size matters.
fn absolute(x: &FlexTensor) -> FlexTensor {
    tensor(values(x).into_iter().map(f64::abs).collect(), &x.layout().shape()[..], DType::F64)
}

/// A sum of n products errs by at most `n eps / 2 Σ |x w|` in any order, to first order in eps (Higham 2002, section
/// 4.2); both versions do, and two terms more are the bias and the products' own rounding.
fn compare(what: &str, found: &FlexTensor, expected: &FlexTensor, sizes: &FlexTensor, terms: usize, dtype: DType) {
    assert_eq!(found.layout().shape(), expected.layout().shape(), "{what}");
    assert_eq!((found.dtype(), expected.dtype()), (dtype, dtype), "{what}");
    let unit = machine_epsilon(dtype) * f64::from(u32::try_from(terms + 2).unwrap());
    let (found, expected, sizes) = (values(found), values(expected), values(sizes));
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() <= unit * sizes[i], "{what} {i}: expected {expected}, found {found}");
    }
}

impl Case {
    fn arguments(&self) -> [FlexTensor; 3] {
        let g = &self.geometry;
        let batch = if self.shared { self.batch } else { self.samples * self.batch };
        let input = match g.format {
            DataFormat::ChannelsLast => [&[batch], &self.lengths[3 - g.rank..], &[g.channels]].concat(),
            DataFormat::ChannelsFirst => [&[batch, g.channels], &self.lengths[3 - g.rank..]].concat(),
        };
        let of = |name, shape: &[usize]| random(self.seed, name, shape, self.dtype);
        let kernel = [self.samples, g.window() * g.filters];
        [of("input", &input), of("kernel", &kernel), of("bias", &[self.samples, g.filters])]
    }

    fn forward(&self, [input, kernel, bias]: [FlexTensor; 3]) -> FlexTensor {
        Flex::convolution(input, kernel, bias, self.geometry, self.shared, self.epilogue)
    }

    fn forward_of_reference(&self, [input, kernel, bias]: [FlexTensor; 3], epilogue: Epilogue) -> FlexTensor {
        reference::convolution::convolution::<Flex>(input, kernel, bias, &self.geometry, self.shared, epilogue)
    }

    fn backward(&self, output: &FlexTensor, grad: &FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let ([input, kernel, _], output, grad) = (self.arguments(), output.clone(), grad.clone());
        let (geometry, shared, epilogue) = (self.geometry, self.shared, self.epilogue);
        Flex::convolution_backward(input, kernel, output, grad, geometry, shared, epilogue, wanted).into()
    }

    /// From the gradient before the activation.
    fn backward_of_reference(&self, [input, kernel, _]: [FlexTensor; 3], grad: &FlexTensor) -> [FlexTensor; 3] {
        let (g, shared, samples) = (&self.geometry, self.shared, self.samples);
        let grad = || grad.clone();
        [
            reference::convolution::convolution_backward_input::<Flex>(kernel, grad(), g, self.lengths, shared),
            reference::convolution::convolution_backward_kernel::<Flex>(input, grad(), g, samples, shared),
            reference::product::bias_backward::<Flex>(grad(), samples, g.channel_axis()),
        ]
    }

    /// The most products in a value of output, and of the gradients in input, kernel and bias.
    fn terms(&self) -> [usize; 4] {
        let g = &self.geometry;
        let outputs = g.extent(&self.lengths[3 - g.rank..]).unwrap().positions();
        let samples = if self.shared { self.samples } else { 1 };
        let taps: usize = g.kernel.iter().product();
        [g.window(), samples * taps * g.filters, self.batch * outputs, self.batch * outputs]
    }
}

/// Sizes beyond a tile, a strip and a block of the sum in every direction.
fn cases() -> impl Strategy<Value = Case> {
    let axis = (1_usize..6, 1_usize..4, 1_usize..3, 0_usize..40);
    let channels = prop_oneof![1_usize..5, 1_usize..40];
    let filters = prop_oneof![Just(32_usize), 1_usize..5, 1_usize..80, Just(520_usize)];
    let modes = (0_usize..3, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (prop::array::uniform3(axis), channels, filters, modes, (1_usize..=3, 1_usize..4, 1_usize..4, any::<u64>()))
        .prop_map(|(axes, channels, filters, (padding, last, shared, relu, wide), (rank, batch, samples, seed))| {
            let pick = |f: fn((usize, usize, usize, usize)) -> usize| {
                core::array::from_fn(|axis| if axis + rank >= 3 { f(axes[axis]) } else { 1 })
            };
            let limit = [300, 16, 6][rank - 1];
            let lengths = pick(|(k, _, d, more)| (k - 1) * d + 1 + more);
            Case {
                geometry: ConvGeometry {
                    rank,
                    kernel: pick(|axis| axis.0),
                    strides: pick(|axis| axis.1),
                    dilation: pick(|axis| axis.2),
                    padding: match (padding, rank) {
                        (0, _) => Padding::Valid,
                        (1, 1) => Padding::Causal,
                        _ => Padding::Same,
                    },
                    format: if last { DataFormat::ChannelsLast } else { DataFormat::ChannelsFirst },
                    channels,
                    filters: if rank == 1 { filters } else { filters.min(40) },
                    groups: 1,
                },
                lengths: core::array::from_fn(|axis| match axis + rank >= 3 {
                    true if rank == 1 => lengths[axis] * (1 + axes[0].3 % 7),
                    true => lengths[axis].min(limit.max((axes[axis].0 - 1) * axes[axis].2 + 1)),
                    false => 1,
                }),
                batch,
                samples,
                shared,
                epilogue: if relu { Epilogue::Relu } else { Epilogue::Linear },
                dtype: if wide { DType::F64 } else { DType::F32 },
                seed,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(120) })]

    #[test]
    fn convolutions_agree_with_the_reference(case in cases(), wanted in any::<[bool; 3]>()) {
        let arguments = case.arguments();
        let expected = case.forward_of_reference(arguments.clone(), case.epilogue);
        let sizes = arguments.each_ref().map(absolute);
        let size = case.forward_of_reference(sizes.clone(), Epilogue::Linear);
        let terms = case.terms();
        compare("output", &case.forward(arguments.clone()), &expected, &size, terms[0], case.dtype);

        // Both passes go through the activation by the same output.
        let grad = random(case.seed, "grad", &expected.layout().shape()[..], case.dtype);
        let passed = match case.epilogue {
            Epilogue::Linear => grad.clone(),
            Epilogue::Relu => Flex::relu_backward(expected.clone(), grad.clone()),
        };
        let gradients = case.backward_of_reference(arguments, &passed);
        let sizes = case.backward_of_reference(sizes, &absolute(&passed));
        for (i, found) in case.backward(&expected, &grad, wanted).into_iter().enumerate() {
            assert_eq!(found.is_some(), wanted[i]);
            if let Some(found) = found {
                let name = ["input", "kernel", "bias"][i];
                compare(name, &found, &gradients[i], &sizes[i], terms[i + 1], case.dtype);
            }
        }
    }

    /// Inputs of 1024 and 2048 take the copy that keeps lines out of each other's sets of the cache.
    #[test]
    fn dense_layers_agree_with_the_reference(
        rows in 1_usize..200,
        inputs in prop_oneof![1_usize..300, Just(1024_usize), Just(2048)],
        units in prop_oneof![1_usize..40, 1_usize..140, Just(1024_usize)],
        (samples, shared, relu, wide) in (1_usize..4, any::<bool>(), any::<bool>(), any::<bool>()),
        seed in any::<u64>(),
    ) {
        let dtype = if wide { DType::F64 } else { DType::F32 };
        let epilogue = if relu { Epilogue::Relu } else { Epilogue::Linear };
        let batch = if shared { rows } else { samples * rows };
        let x = random(seed, "input", &[batch, inputs], dtype);
        let kernel = random(seed, "kernel", &[samples, inputs * units], dtype);
        let bias = random(seed, "bias", &[samples, units], dtype);
        let grad = random(seed, "grad", &[samples * rows, units], dtype);
        let sizes = [&x, &kernel, &bias, &grad].map(absolute);
        let [size_x, size_kernel, size_bias, size_grad] = sizes;

        let found = Flex::dense(x.clone(), kernel.clone(), bias.clone(), shared, epilogue);
        let expected = reference::dense::dense::<Flex>(x.clone(), kernel.clone(), bias, shared, epilogue);
        let size =
            reference::dense::dense::<Flex>(size_x.clone(), size_kernel.clone(), size_bias, shared, Epilogue::Linear);
        compare("output", &found, &expected, &size, inputs, dtype);

        let found = Flex::dense_backward_input(kernel.clone(), grad.clone(), shared);
        let expected = reference::dense::dense_backward_input::<Flex>(kernel, grad.clone(), shared);
        let size = reference::dense::dense_backward_input::<Flex>(size_kernel, size_grad.clone(), shared);
        compare("input", &found, &expected, &size, units * if shared { samples } else { 1 }, dtype);

        let found = Flex::dense_backward_kernel(x.clone(), grad.clone(), samples, shared);
        let expected = reference::dense::dense_backward_kernel::<Flex>(x, grad, samples, shared);
        let size = reference::dense::dense_backward_kernel::<Flex>(size_x, size_grad, samples, shared);
        compare("kernel", &found, &expected, &size, rows, dtype);
    }
}

/// The network's own first layer, and one whose kernel is copied into strips, both large enough for many tasks.
fn large() -> [Case; 2] {
    let geometry = ConvGeometry {
        rank: 1,
        kernel: [1, 1, 5],
        strides: [1; 3],
        dilation: [1; 3],
        padding: Padding::Same,
        format: DataFormat::ChannelsLast,
        channels: 1,
        filters: 64,
        groups: 1,
    };
    let small = Case {
        geometry,
        lengths: [1, 1, 128],
        batch: 37,
        samples: 2,
        shared: true,
        epilogue: Epilogue::Relu,
        dtype: DType::F32,
        seed: 5,
    };
    [small, Case { geometry: ConvGeometry { channels: 24, filters: 40, ..geometry }, ..small }]
}

fn bits(tensor: &FlexTensor) -> Vec<u32> {
    tensor.as_slice::<f32>().unwrap().iter().map(|x| x.to_bits()).collect()
}

#[test]
fn the_number_of_threads_does_not_matter() {
    for case in large() {
        let all = || {
            let output = case.forward(case.arguments());
            let grad = random(case.seed, "grad", &output.layout().shape()[..], case.dtype);
            let [input, kernel, bias] = case.backward(&output, &grad, [true; 3]).map(Option::unwrap);
            let rows = 2 * case.batch;
            let x = random(case.seed, "x", &[rows, 4096], case.dtype);
            let weights = random(case.seed, "weights", &[2, 4096 * 10], case.dtype);
            let dense = Flex::dense(x.clone(), weights, random(1, "bias", &[2, 10], case.dtype), false, Epilogue::Relu);
            let of_weights = Flex::dense_backward_kernel(x, dense.clone(), 2, false);
            [output, input, kernel, bias, dense, of_weights].map(|tensor| bits(&tensor))
        };
        let with = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all);
        let one = with(1);
        assert!(one == with(2) && one == with(8));
    }
}

/// As the reference: NaN is no reason to stop a gradient, and no activation hides it.
#[test]
fn nan_stays_visible() {
    for case in large() {
        let mut arguments = case.arguments();
        let mut bias = values(&arguments[2]);
        bias[3] = f64::NAN;
        arguments[2] = tensor(bias, &[2, case.geometry.filters], DType::F32);
        let output = case.forward(arguments);
        assert!(values(&output)[3].is_nan() && !values(&output)[4].is_nan());
        let ones = values(&output).iter().map(|_| 1.0).collect();
        let grad = tensor(ones, &output.layout().shape()[..], DType::F32);
        let [_, _, bias] = case.backward(&output, &grad, [false, true, true]);
        assert_eq!(values(&bias.unwrap())[3], f64::from(37 * 128));
    }
}

/// Views that are not in order, and types without products, go on working.
#[test]
fn views_and_other_types_are_taken() {
    let x = random(1, "x", &[6, 4], DType::F32).transpose(0, 1);
    let (kernel, bias) = (random(1, "k", &[1, 18], DType::F32), random(1, "b", &[1, 3], DType::F32));
    let plain = Flex::dense(x.to_contiguous(), kernel.clone(), bias.clone(), true, Epilogue::Linear);
    assert_eq!(values(&Flex::dense(x, kernel.clone(), bias.clone(), true, Epilogue::Linear)), values(&plain));
    let [x, kernel, bias] = [random(1, "x", &[4, 6], DType::F16), kernel, bias]
        .map(|tensor| FlexTensor::from_data(tensor.into_data().convert_dtype(DType::F16)));
    assert_eq!(Flex::dense(x, kernel, bias, true, Epilogue::Linear).dtype(), DType::F16);
}

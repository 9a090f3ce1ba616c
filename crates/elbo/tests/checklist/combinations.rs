//! Rows 37, 43, 49, 71 for every combination of operation, layout, padding, stride, dilation, groups and estimator:
//! slopes along random directions against central differences, and samples against single passes, by property tests.

use crate::fixture::*;
use burn::module::Module;
use burn::tensor::{DType, Tensor, TensorData};
use elbo::layer::{ConvConfig, ConvTransposeConfig, Dense};
use elbo::prior::Prior;
use elbo::record::{load_parameters, parameters};
use elbo::{Activation, Estimator, Trace};
use proptest::prelude::*;
use std::path::Path;

/// One combination. What a rank or an operation does not have is ignored.
#[derive(Clone, Debug)]
struct Case {
    transposed: bool,
    estimator: Estimator,
    padding: &'static str,
    format: &'static str,
    strides: [usize; 3],
    dilation: [usize; 3],
    kernel: [usize; 3],
    lengths: [usize; 3],
    output_padding: Option<[usize; 3]>,
    groups: usize,
    channels: usize,
    filters: usize,
    batch: usize,
    samples: usize,
    phase: f64,
}

fn cases() -> impl Strategy<Value = Case> {
    let estimator = prop::sample::select(vec![
        Estimator::Reparameterization,
        Estimator::Flipout,
        Estimator::LocalReparameterization,
        Estimator::Mean,
    ]);
    let padding = prop::sample::select(vec!["valid", "same", "causal"]);
    let format = prop::sample::select(vec!["channels_last", "channels_first"]);
    let sizes = || prop::array::uniform3(1_usize..3);
    let output_padding = prop::option::of(prop::array::uniform3(0_usize..2));
    let axes = (sizes(), sizes(), prop::array::uniform3(1_usize..4), prop::array::uniform3(0_usize..4), output_padding);
    let counts = (1_usize..3, 1_usize..3, 1_usize..3, 1_usize..3, 1_usize..4);
    (any::<bool>(), estimator, padding, format, axes, counts, 0.0..6.0).prop_map(
        |(transposed, estimator, padding, format, (strides, dilation, kernel, more, output_padding), counts, phase)| {
            let (groups, channels, filters, batch, samples) = counts;
            // Windows fit where they have to.
            let shortest = |axis: usize| if padding == "valid" { (kernel[axis] - 1) * dilation[axis] + 1 } else { 1 };
            let lengths = core::array::from_fn(|axis| shortest(axis) + more[axis]);
            let output_padding =
                output_padding.map(|p: [usize; 3]| core::array::from_fn(|axis| p[axis] % strides[axis]));
            let (channels, filters) = (channels * groups, filters * groups);
            Case {
                transposed,
                estimator,
                padding,
                format,
                strides,
                dilation,
                kernel,
                lengths,
                output_padding,
                groups,
                channels,
                filters,
                batch,
                samples,
                phase,
            }
        },
    )
}

impl Case {
    fn padding(&self, rank: usize) -> &'static str {
        match self.padding {
            "causal" if rank > 1 || self.transposed => "same",
            padding => padding,
        }
    }

    fn shape<const D: usize>(&self) -> [usize; D] {
        let mut shape = [self.batch; D];
        let (channel, first) = if self.format == "channels_last" { (D - 1, 1) } else { (1, 2) };
        shape[channel] = self.channels;
        shape[first..first + D - 2].copy_from_slice(&self.lengths[..D - 2]);
        shape
    }

    fn convolution<const D: usize>(&self) -> Result<(), TestCaseError> {
        let of = |sizes: [usize; 3]| sizes[..D - 2].to_vec();
        // Two types with the same setters.
        macro_rules! check_layer {
            ($config:expr) => {
                self.check(
                    &$config
                        .with_name("conv")
                        .with_seed(3)
                        .with_dtype(DType::F64)
                        .with_padding(self.padding(D - 2))
                        .with_data_format(self.format)
                        .with_strides(of(self.strides))
                        .with_dilation_rate(of(self.dilation))
                        .with_groups(self.groups)
                        .with_estimator(self.estimator)
                        .with_activation(Activation::Tanh)
                        .with_bias_posterior_fn(Some(normal()))
                        .with_bias_prior(Prior::normal(0.1, 2.0))
                        .init(&device())
                        .unwrap(),
                    self.shape::<D>(),
                    |layer, x, trace| layer.forward(x, trace),
                )
            };
        }
        if self.transposed {
            let config = ConvTransposeConfig::<D>::new(self.channels, self.filters, of(self.kernel));
            let output_padding = self.output_padding.map(|p| of(p).into());
            return check_layer!(ConvTransposeConfig { output_padding, ..config });
        }
        let config = ConvConfig::<D>::new(self.channels, self.filters, of(self.kernel));
        check_layer!(config.allow_strides_with_dilation())
    }

    fn dense<const D: usize>(&self) -> Result<(), TestCaseError> {
        let layer = dense(self.channels, self.filters)
            .with_estimator(self.estimator)
            .with_activation(Activation::Sigmoid)
            .with_bias_posterior_fn(Some(normal()))
            .with_bias_prior(Prior::normal(0.1, 2.0));
        let mut shape = [self.batch; D];
        shape[D - 1] = self.channels;
        self.check(&layer.init(&device()).unwrap(), shape, Dense::forward)
    }

    /// S samples in one pass are as many passes, whether they share the input or have copies of it.
    fn check_samples<M: Module, const X: usize>(
        &self,
        layer: &M,
        x: &Tensor<X>,
        forward: impl Fn(&M, Tensor<X>, &mut Trace) -> Tensor<X>,
    ) -> Result<(), TestCaseError> {
        let run = |range: core::ops::Range<u64>, copies: bool| {
            let mut trace = pass(1).with_sample_range(range);
            let x = if copies { trace.expand(x.clone()) } else { x.clone() };
            values(&forward(layer, x, &mut trace))
        };
        let samples = self.samples as u64;
        let apart: Vec<f64> = (0..samples).flat_map(|s| run(s..s + 1, false)).collect();
        for copies in [false, true] {
            let together = run(0..samples, copies);
            prop_assert_eq!(together.len(), apart.len());
            let close = together.iter().zip(&apart).all(|(a, b)| (a - b).abs() <= EXACT * (1.0 + b.abs()));
            prop_assert!(close, "copies {copies}: {together:?}, {apart:?}");
        }
        Ok(())
    }

    /// The slopes of `Σ y² + Σ losses`, and its samples.
    fn check<M: Module + Clone, const X: usize>(
        &self,
        layer: &M,
        shape: [usize; X],
        forward: impl Fn(&M, Tensor<X>, &mut Trace) -> Tensor<X>,
    ) -> Result<(), TestCaseError> {
        self.check_samples(layer, &wave(shape, self.phase), &forward)?;
        slopes(layer, &wave(shape, self.phase), |layer, x| {
            let mut trace = pass(1).with_samples(self.samples);
            let output = forward(layer, x, &mut trace);
            trace.losses().into_iter().fold((output.clone() * output).sum(), |sum, loss| sum + loss.value)
        })
    }
}

/// The slope in each parameter along a random direction of it, and in the input. Central differences of step `h` err by
/// `h²` and by `1e-16 |loss| / h`: 1e-6 is ample for losses of some hundred nats and `h = 1e-5`.
fn slopes<M: Module + Clone, const X: usize>(
    module: &M,
    input: &Tensor<X>,
    loss: impl Fn(&M, Tensor<X>) -> Tensor<1>,
) -> Result<(), TestCaseError> {
    const STEP: f64 = 1e-5;
    let direction = |n: usize| (0..n).map(|i| (0.7 + 1.9 * float(i)).cos()).collect::<Vec<f64>>();
    let along = |at: &[f64], by: f64| -> Vec<f64> {
        at.iter().zip(direction(at.len())).map(|(value, d)| value + by * d).collect()
    };
    let agree = |what: &str, gradient: &[f64], value: &dyn Fn(f64) -> f64| {
        let slope: f64 = gradient.iter().zip(direction(gradient.len())).map(|(g, d)| g * d).sum();
        let difference = (value(STEP) - value(-STEP)) / (2.0 * STEP);
        let close = (slope - difference).abs() <= 1e-6 * (1.0 + difference.abs());
        prop_assert!(close, "{what}: slope {slope}, difference {difference}");
        Ok(())
    };
    let start = parameters(module);
    let found = gradients(module, &loss(module, input.clone()));
    prop_assert!(found.keys().all(|name| start.contains_key(name)) && !found.is_empty());
    for (name, data) in &start {
        let at = data.clone().try_into_vec_as::<f64>().unwrap();
        let gradient = found.get(name).cloned().unwrap_or_else(|| vec![0.0; at.len()]);
        agree(name, &gradient, &|by| {
            let mut moved = start.clone();
            moved.insert(name.clone(), TensorData::new(along(&at, by), data.shape().clone()));
            scalar(&loss(&load_parameters(module.clone(), &moved, Path::new("moved")).unwrap(), input.clone()))
        })?;
    }
    let x = input.clone().require_grad();
    let of_x = values(&x.grad(&loss(module, x.clone()).backward()).unwrap());
    let at = values(input);
    agree("input", &of_x, &|by| scalar(&loss(module, tensor(input.dims(), along(&at, by)))))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn l37_l43_l49_slopes_of_lines(case in cases()) {
        case.convolution::<3>()?;
    }

    #[test]
    fn l37_l43_l49_slopes_of_planes(case in cases()) {
        case.convolution::<4>()?;
    }

    #[test]
    fn l37_l43_l49_slopes_of_volumes(case in cases()) {
        case.convolution::<5>()?;
    }

    #[test]
    fn l37_l43_l49_slopes_of_rows(case in cases()) {
        case.dense::<2>()?;
        case.dense::<3>()?;
    }
}

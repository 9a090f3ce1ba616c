//! Training and prediction give the same bits for any number of threads: every estimator, ranks 1 and 2, `f32` and `f64`, one weight
//! sample and several, with layers that are large enough for every operation to be shared out.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{DType, Device, Tensor, TensorData};
use elbo::divergence::Divergence;
use elbo::layer::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, Dense, DenseConfig};
use elbo::objective::{Elbo, Likelihood, Targets};
use elbo::predict::{PassSize, PosteriorPredictive};
use elbo::train::Adam;
use elbo::{Activation, Estimator, Noise, Trace};

const EXAMPLES: usize = 48;
const CHANNELS: usize = 48;
const LENGTH: usize = 64;
const SIDE: usize = 8;

/// Numbers of threads.
const POOLS: [usize; 4] = [1, 2, 3, 8];

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// A convolution over time, one over the plane, and two dense layers.
#[derive(Module, Debug)]
struct Net {
    line: Conv1d,
    plane: Conv2d,
    hidden: Dense,
    output: Dense,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    estimator: Estimator,
    dtype: DType,
    samples: usize,
    closed_form: bool,
}

impl Net {
    fn new(case: Case, device: &Device) -> Self {
        let Case { estimator, dtype, closed_form, .. } = case;
        let line = Conv1dConfig::new(CHANNELS, CHANNELS, 5).with_padding("same").with_activation(Activation::Relu);
        let plane =
            Conv2dConfig::new(CHANNELS, CHANNELS, [3, 3]).with_padding("same").with_activation(Activation::Tanh);
        let hidden = DenseConfig::new(LENGTH * CHANNELS, 384).with_activation(Activation::Softplus);
        let output = DenseConfig::new(384, 10);
        macro_rules! built {
            ($config:expr, $name:literal) => {
                $config
                    .with_estimator(estimator)
                    .with_dtype(dtype)
                    .with_kernel_divergence(Some(if closed_form { Divergence::Kl } else { Divergence::MonteCarlo }))
                    .with_name($name)
                    .with_seed(1)
                    .init(device)
                    .unwrap()
            };
        }
        Self {
            line: built!(line, "line"),
            plane: built!(plane, "plane"),
            hidden: built!(hidden, "hidden"),
            output: built!(output, "output"),
        }
    }

    fn forward(&self, x: Tensor<3>, trace: &mut Trace) -> Tensor<2> {
        let x = self.line.forward(x, trace);
        let batch = x.dims()[0];
        let x = self.plane.forward(x.reshape([batch, SIDE, SIDE, CHANNELS]), trace);
        let x = self.hidden.forward(x.reshape([batch, LENGTH * CHANNELS]), trace);
        self.output.forward(x, trace)
    }
}

/// All parameters, as bits.
struct Bits(Vec<u64>);

impl ModuleVisitor for Bits {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = param.val().into_data().try_into_vec_as::<f64>().unwrap();
        self.0.extend(values.into_iter().map(f64::to_bits));
    }
}

/// The loss and all parameters after some steps of Adam.
fn trained(case: Case) -> Vec<u64> {
    let device = Device::flex().autodiff();
    let mut net = Net::new(case, &device);
    let mut optimizer = ModuleOptimizer::from(Adam::default());
    let x = series(&device, case.dtype);
    let labels: Vec<usize> = (0..EXAMPLES).map(|i| i % 10).collect();
    let (likelihood, elbo) = (Likelihood::categorical(10), Elbo::new(1000).unwrap());
    let (mut noise, mut bits) = (Noise::seeded(1), Bits(vec![]));
    for _ in 0..2 {
        let mut trace = Trace::sampling(&mut noise).with_samples(case.samples);
        let outputs = net.forward(x.clone(), &mut trace);
        let loss = elbo.negative(&likelihood, outputs, &Targets::classes(&labels, &device), &trace).unwrap().loss;
        bits.0.push(loss.clone().into_scalar::<f64>().to_bits());
        let grads = GradientsParams::from_grads(loss.backward(), &net);
        net = optimizer.step(1e-3, net, grads);
    }
    net.visit(&mut bits);
    bits.0
}

/// Series without pattern.
fn series(device: &Device, dtype: DType) -> Tensor<3> {
    let value = |i: usize| f64::from(u32::try_from(i * 7919 % 10_007).unwrap()).sin();
    let x: Vec<f64> = (0..EXAMPLES * LENGTH * CHANNELS).map(value).collect();
    Tensor::from_data(TensorData::new(x, [EXAMPLES, LENGTH, CHANNELS]), (device, dtype))
}

/// The outputs of all examples under every weight sample, as bits.
fn predicted(case: Case) -> Vec<u64> {
    let device = Device::flex();
    let (net, x) = (Net::new(case, &device), series(&device, case.dtype));
    let mut outputs = vec![vec![]; EXAMPLES];
    let predictive = PosteriorPredictive::new(case.samples, Noise::seeded(1)).unwrap().with_memory_budget(1 << 26);
    // As large as makes several parts of the examples.
    let size = PassSize { examples: EXAMPLES, values: 1 << 17, weights: 1 << 17, outputs: 10 };
    let forward = |rows: std::ops::Range<usize>, trace: &mut Trace| {
        Ok(net.forward(x.clone().narrow(0, rows.start, rows.len()), trace))
    };
    predictive
        .for_each_part(size, forward, |rows, found| {
            assert!(rows.len() < EXAMPLES);
            for (row, found) in rows.zip(found.chunks_exact(10)) {
                outputs[row].extend(found.iter().map(|x| x.to_bits()));
            }
            Ok(())
        })
        .unwrap();
    outputs.concat()
}

#[test]
fn predictions_are_bit_identical_for_any_number_of_threads() {
    for estimator in [Estimator::Reparameterization, Estimator::Flipout, Estimator::LocalReparameterization] {
        let case = Case { estimator, dtype: DType::F32, samples: 5, closed_form: true };
        let [one, others @ ..] = POOLS.map(|threads| pool(threads).install(|| predicted(case)));
        assert_eq!(one.len(), EXAMPLES * 5 * 10);
        assert!(others.iter().all(|other| *other == one), "{estimator:?}");
    }
}

#[test]
fn training_is_bit_identical_for_any_number_of_threads() {
    let plain = Case { estimator: Estimator::Reparameterization, dtype: DType::F32, samples: 1, closed_form: true };
    let cases = [
        plain,
        Case { closed_form: false, ..plain },
        Case { samples: 3, ..plain },
        Case { estimator: Estimator::Flipout, ..plain },
        Case { estimator: Estimator::Flipout, samples: 2, ..plain },
        Case { estimator: Estimator::LocalReparameterization, ..plain },
        Case { estimator: Estimator::LocalReparameterization, samples: 2, ..plain },
        Case { dtype: DType::F64, ..plain },
        Case { estimator: Estimator::Flipout, dtype: DType::F64, samples: 2, ..plain },
        Case { estimator: Estimator::LocalReparameterization, dtype: DType::F64, ..plain },
    ];
    for case in cases {
        let [one, others @ ..] = POOLS.map(|threads| pool(threads).install(|| trained(case)));
        assert!(one.len() > 2_000_000 && one.iter().all(|&bits| f64::from_bits(bits).is_finite()));
        for (found, threads) in others.iter().zip(&POOLS[1..]) {
            let differing = found.iter().zip(&one).filter(|(a, b)| a != b).count();
            assert_eq!(differing, 0, "{case:?} on {threads} threads");
        }
    }
}

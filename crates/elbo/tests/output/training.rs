//! A network with each output learns what made the data.
//!
//! Targets are drawn from the distribution whose outputs are `x W*`, so the optimum is known: the maximum likelihood is
//! at least that of `W*`, and by Wilks's theorem `2 N (nll(W*) - nll(Ŵ))` is χ² with as many degrees of freedom as there
//! are weights, p, so it is below `p + 5 sqrt(2 p) + 20` with an error rate below 1e-6 (fixed seeds).

use crate::fixture::{Case, cases, for_type, list, tensor};
use burn::module::{Module, Param};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{DType, Tensor, TensorData};
use elbo::objective::{Likelihood, Targets};
use elbo::output::{Output, Support};
use elbo::{Noise, noise::WeightNoise};

const COUNT: usize = 600;
const STEPS: usize = 800;

/// A layer without hidden units: outputs `[1, x] W`.
#[derive(Module, Debug)]
struct Linear {
    weights: Param<Tensor<2>>,
}

impl Linear {
    fn new(weights: &[f64]) -> Self {
        let data = TensorData::new(weights.to_vec(), [2, weights.len() / 2]);
        let device = for_type(DType::F64).autodiff();
        Self { weights: Param::from_tensor(Tensor::from_data(data, (&device, DType::F64))) }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weights.val())
    }
}

/// `[1, x]` with x between -1 and 1.
fn inputs() -> Tensor<2> {
    let row = |i: usize| [1.0, (f64::from(u32::try_from(i).unwrap()) * 0.37).sin()];
    let values: Vec<f64> = (0..COUNT).flat_map(row).collect();
    Tensor::from_data(TensorData::new(values, [COUNT, 2]), (&for_type(DType::F64).autodiff(), DType::F64))
}

fn targets(output: &Output, values: &[f64]) -> Targets {
    let event = values.len() / COUNT;
    let whole = || tensor(values, [COUNT, event], DType::F64);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // class numbers
    let class = |x: f64| x as usize;
    let probe = tensor(&vec![0.0; output.params_size()], [1, output.params_size()], DType::F64);
    match output.distribution(probe).unwrap().support() {
        Support::Real => Targets::real_events(whole()),
        Support::Binary => Targets::binary_events(whole()).unwrap(),
        Support::Counts => Targets::count_events(whole()).unwrap(),
        Support::Class(_) => {
            Targets::classes(&values.iter().map(|&x| class(x)).collect::<Vec<_>>(), &for_type(DType::F64))
        }
        Support::OneHot(_) => {
            let number = |row: &[f64]| row.iter().position(|&x| x == 1.0).unwrap();
            Targets::classes(&values.chunks(event).map(number).collect::<Vec<_>>(), &for_type(DType::F64))
        }
    }
}

fn learn(case: &Case) {
    let width = case.row.len();
    let mut noise: WeightNoise = Noise::seeded(11).stream("truth", 1).unwrap();
    // The case's row, and slopes of moderate size.
    let slopes = list(noise.normal(&tensor(&vec![0.0; width], [1, width], DType::F64)).unwrap());
    let truth: Vec<f64> = case.row.iter().copied().chain(slopes.iter().map(|z| 0.5 * z)).collect();
    let likelihood = Likelihood::output(case.output.clone()).unwrap();
    let nll =
        |network: &Linear, targets: &Targets| likelihood.nll(network.forward(inputs()), targets, 1).unwrap().mean();

    let made = likelihood.distribution(Linear::new(&truth).forward(inputs())).unwrap();
    let values = list(made.sample(&mut Noise::seeded(12).stream("targets", 1).unwrap()).unwrap());
    let targets = targets(&case.output, &values);
    let optimum = nll(&Linear::new(&truth), &targets).into_scalar::<f64>();

    // Mixtures have one optimum per order of their components: start on the side of the truth.
    let start: Vec<f64> = truth.iter().map(|w| 0.5 * w).collect();
    let mut network = Linear::new(&start);
    let before = nll(&network, &targets).into_scalar::<f64>();
    let mut optimizer = AdamConfig::new().init();
    for step in 0..STEPS {
        let loss = nll(&network, &targets);
        let grads = GradientsParams::from_grads(loss.backward(), &network);
        let rate = if step < STEPS / 2 { 0.05 } else { 0.01 };
        network = optimizer.step(rate, network, grads);
    }
    let after = nll(&network, &targets).into_scalar::<f64>();
    let weights = f64::from(u32::try_from(2 * width).unwrap());
    let overfit = (weights + 5.0 * (2.0 * weights).sqrt() + 20.0) / (2.0 * 600.0);
    let what = format!("{:?}: from {before} to {after}, the truth has {optimum}", case.output);
    assert!(before > optimum + 0.005, "nothing to learn: {what}");
    assert!(after < before && after <= optimum + 0.001, "did not learn: {what}");
    assert!(after >= optimum - overfit, "better than any model can be: {what}");
}

#[test]
fn every_output_learns_what_made_the_data() {
    for case in cases() {
        learn(&case);
    }
}

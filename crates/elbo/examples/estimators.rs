//! Compares the estimators on one network and one batch: how much the gradient varies from pass to pass, and what a
//! pass costs. Their gradients have one expectation; the less they vary, the larger a learning rate can be.
//!
//! `cargo run --release -p elbo --example estimators -- [BATCH]`

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use elbo::data::{Labels, Scaler, ScalingKind, embedded};
use elbo::layer::{Conv1d, Conv1dConfig, Dense, DenseConfig};
use elbo::objective::{Elbo, Likelihood, Targets};
use elbo::{Activation, Estimator, Noise, Result, Trace};
use std::time::Instant;

const PASSES: usize = 200;

/// Convolution, then dense.
#[derive(Module, Debug)]
struct Net {
    convolution: Conv1d,
    dense: Dense,
}

impl Net {
    fn new(estimator: Estimator, device: &Device) -> Result<Self> {
        let convolution = Conv1dConfig::new(1, 32, 5).with_padding("same").with_activation(Activation::Relu);
        let dense = DenseConfig::new(32 * 24, 2);
        Ok(Self {
            convolution: convolution.with_estimator(estimator).with_name("conv").with_seed(1).init(device)?,
            dense: dense.with_estimator(estimator).with_name("dense").with_seed(1).init(device)?,
        })
    }

    fn forward(&self, x: Tensor<3>, trace: &mut Trace) -> Tensor<2> {
        self.dense.forward(self.convolution.forward(x, trace).flatten(1, 2), trace)
    }
}

fn main() -> Result<()> {
    let batch = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(64_usize);
    run(batch).map(|_| ())
}

/// Prints a line per estimator and returns its variances, of the convolution and of the dense layer.
///
/// # Errors
/// Those of the data, the layers and the objective.
pub fn run(batch: usize) -> Result<Vec<[f64; 2]>> {
    let device = Device::flex().autodiff();
    let (x, targets, num_data) = first_series(batch, &device)?;
    println!("ItalyPowerDemand, batch {}, {PASSES} passes", targets.len());
    println!("{:<26} {:>16} {:>16} {:>10}", "estimator", "var, conv loc", "var, dense loc", "ms/pass");
    let mut variances = Vec::new();
    for estimator in [Estimator::Reparameterization, Estimator::Flipout, Estimator::LocalReparameterization] {
        let net = Net::new(estimator, &device)?;
        let (elbo, likelihood) = (Elbo::new(num_data)?, Likelihood::categorical(2));
        let (mut noise, mut spread, start) = (Noise::seeded(1), [Spread::default(), Spread::default()], Instant::now());
        for _ in 0..PASSES {
            let mut trace = Trace::sampling(&mut noise);
            let logits = net.forward(x.clone(), &mut trace);
            let loss = elbo.negative(&likelihood, logits, &targets, &trace)?.loss;
            let grads = GradientsParams::from_grads(loss.backward(), &net);
            let ids = [&net.convolution.variables()[0], &net.dense.variables()[0]].map(|variable| variable.id);
            spread[0].add(grads.get::<3>(ids[0]).map(|gradient| gradient.into_data()));
            spread[1].add(grads.get::<2>(ids[1]).map(|gradient| gradient.into_data()));
        }
        let time = 1e3 * start.elapsed().as_secs_f64() / float(PASSES);
        let [conv, dense] = spread.map(Spread::variance);
        println!("{:<26} {conv:>16.3e} {dense:>16.3e} {time:>10.2}", format!("{estimator:?}"));
        variances.push([conv, dense]);
    }
    Ok(variances)
}

/// The first `batch` series of the training set, their classes, and the size of the set.
fn first_series(batch: usize, device: &Device) -> Result<(Tensor<3>, Targets, usize)> {
    let (train, _) = embedded("italy-power-demand").expect("one of the embedded sets");
    let train = Scaler::fit(ScalingKind::PerSeries, &train)?.apply(&train)?;
    let chosen = train.subset(&(0..batch.clamp(1, train.len())).collect::<Vec<_>>());
    let values: Vec<f32> = chosen.examples.iter().flat_map(|example| example.values.clone()).collect();
    let Labels::Classes { labels, .. } = &chosen.labels else { unreachable!("the set has classes") };
    let x = Tensor::from_data(TensorData::new(values, [chosen.len(), 24, 1]), device);
    Ok((x, Targets::classes(labels, device), train.len()))
}

/// Sums of a vector's elements and of their squares over passes.
#[derive(Default)]
struct Spread {
    passes: usize,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl Spread {
    fn add(&mut self, gradient: Option<TensorData>) {
        let gradient: Vec<f64> = gradient.expect("every variable has a gradient").iter().collect();
        self.sums.resize(gradient.len(), 0.0);
        self.squares.resize(gradient.len(), 0.0);
        for (i, g) in gradient.into_iter().enumerate() {
            self.sums[i] += g;
            self.squares[i] += g * g;
        }
        self.passes += 1;
    }

    /// Mean over elements of the variance over passes.
    fn variance(self) -> f64 {
        let n = float(self.passes);
        let of = |(sum, square): (&f64, &f64)| square / n - (sum / n).powi(2);
        self.sums.iter().zip(&self.squares).map(of).sum::<f64>() / float(self.sums.len())
    }
}

#[allow(clippy::cast_precision_loss)] // counts
fn float(n: usize) -> f64 {
    n as f64
}

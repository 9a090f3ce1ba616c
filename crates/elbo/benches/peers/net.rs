//! The nets: convolutions, a head, a dense layer; training steps and predictions.

use super::Result;
use super::case::{Case, normal};
use super::workload::{Net as Shape, Workload};
use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use elbo::layer::{Conv1d, Conv1dConfig, Dense, DenseConfig};
use elbo::objective::{Elbo, Likelihood, Targets};
use elbo::predict::{PassSize, PosteriorPredictive};
use elbo::train::Adam;
use elbo::{Activation, Noise, Trace};
use std::ops::Range;

/// A net with random kernels.
#[derive(Module, Debug)]
pub struct Net {
    convolutions: Vec<Conv1d>,
    output: Dense,
    flatten: bool,
}

impl Net {
    pub fn new(shape: &Shape, length: usize, channels: usize, device: &Device) -> Result<Self> {
        let flatten = match shape.head.as_str() {
            "flatten" => true,
            "gap" => false,
            other => return Err(format!("unknown head `{other}`").into()),
        };
        let (mut convolutions, mut width) = (Vec::new(), channels);
        for (number, &(filters, kernel)) in shape.convs.iter().enumerate() {
            let config = Conv1dConfig::new(width, filters, kernel).with_padding("same");
            let config = config.with_activation(Activation::Relu).with_name(format!("conv{number}")).with_seed(1);
            convolutions.push(config.init(device)?);
            width = filters;
        }
        let inputs = if flatten { width * length } else { width };
        let output = DenseConfig::new(inputs, shape.classes).with_name("dense").with_seed(1).init(device)?;
        Ok(Self { convolutions, output, flatten })
    }

    /// What a pass over `n` series takes.
    fn size(&self, n: usize, length: usize) -> PassSize {
        let (mut values, mut weights) = (0, 0);
        for convolution in &self.convolutions {
            let op = convolution.settings().0;
            let [taps, channels] = [op.kernel.iter().product::<usize>(), op.channels];
            values = values.max(length * (channels + op.filters));
            weights += (taps * channels + 1) * op.filters;
        }
        let op = self.output.settings().0;
        PassSize {
            examples: n,
            values: values.max(op.inputs + op.units),
            weights: weights + (op.inputs + 1) * op.units,
            outputs: op.units,
        }
    }

    pub fn forward(&self, input: Tensor<3>, trace: &mut Trace) -> elbo::Result<Tensor<2>> {
        let mut x = input;
        for convolution in &self.convolutions {
            x = convolution.try_forward(x, trace)?;
        }
        let [batch, _, width] = x.dims();
        let features = if self.flatten { x.flatten(1, 2) } else { x.mean_dim(1).reshape([batch, width]) };
        self.output.try_forward(features, trace)
    }
}

/// Cyclic class numbers.
fn labels(n: usize, classes: usize) -> Vec<usize> {
    (0..n).map(|i| i % classes).collect()
}

/// Loss, gradients, one step of Adam.
pub fn step(workload: &Workload, device: &Device) -> Result<Case> {
    let device = device.clone().autodiff();
    let shape = workload.net()?.clone();
    let mut net = Some(Net::new(&shape, workload.length, workload.channels, &device)?);
    let x = normal([workload.n, workload.length, workload.channels], "x", &device);
    let targets = Targets::classes(&labels(workload.n, shape.classes), &device);
    let (likelihood, elbo) = (Likelihood::categorical(shape.classes), objective(workload.kl_divisor)?);
    let mut optimizer = ModuleOptimizer::from(Adam::default());
    let (mut noise, samples, rate) = (Noise::seeded(1), workload.samples, workload.learning_rate);
    let run = move || {
        let current = net.take().ok_or("a former call failed")?;
        let mut trace = Trace::sampling(&mut noise).with_samples(samples);
        let outputs = current.forward(x.clone(), &mut trace)?;
        let loss = elbo.negative(&likelihood, outputs, &targets, &trace)?.loss;
        let grads = GradientsParams::from_grads(loss.backward(), &current);
        net = Some(optimizer.step(rate, current, grads));
        Ok(loss.into_scalar::<f64>())
    };
    Ok(Case { run: Box::new(run) })
}

/// The objective that divides the divergence by `divisor`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count, written as a number
pub fn objective(divisor: f64) -> Result<Elbo> {
    if divisor < 1.0 || divisor.fract() != 0.0 {
        return Err(format!("kl_divisor must be a count, found {divisor}").into());
    }
    Ok(Elbo::new(divisor as usize)?)
}

/// Mean probabilities over weight samples.
pub fn predict(workload: &Workload, device: &Device) -> Result<Case> {
    let shape = workload.net()?.clone();
    let net = Net::new(&shape, workload.length, workload.channels, device)?;
    let x = normal([workload.n, workload.length, workload.channels], "x", device);
    let (mut noise, samples) = (Noise::seeded(1), workload.samples);
    let run = move || {
        let mean = probabilities(&net, &x, samples, &mut noise)?;
        Ok(mean.iter().sum())
    };
    Ok(Case { run: Box::new(run) })
}

/// `[n, classes]`, row-major; takes one pass number from `noise`.
pub fn probabilities(net: &Net, x: &Tensor<3>, samples: usize, noise: &mut Noise) -> Result<Vec<f64>> {
    let [n, length, _] = x.dims();
    let predictive = PosteriorPredictive::new(samples, noise.clone())?;
    *noise = noise.clone().starting_at(noise.pass() + 1);
    let width = net.output.settings().0.units;
    let mut mean = vec![0.0; n * width];
    let part = |rows: Range<usize>| x.clone().narrow(0, rows.start, rows.len());
    let forward = |rows: Range<usize>, trace: &mut Trace| net.forward(part(rows), trace);
    predictive.for_each_part(net.size(n, length), forward, |rows, outputs| {
        let mean = &mut mean[rows.start * width..rows.end * width];
        for (row, mean) in outputs.chunks(width).zip(mean.chunks_mut(width)) {
            let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|z| (z - highest).exp()).sum();
            row.iter().zip(mean).for_each(|(z, mean)| *mean += (z - highest).exp() / sum);
        }
        Ok(())
    })?;
    let share = 1.0 / f64::from(u32::try_from(samples)?);
    Ok(mean.into_iter().map(|sum| sum * share).collect())
}

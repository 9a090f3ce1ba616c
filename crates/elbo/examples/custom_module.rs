//! Random layers inside an ordinary Burn module: batch normalisation, activation and pooling are Burn's, convolution
//! and dense layer are ours, and one optimizer trains them all.
//!
//! ```text
//! cargo run --release --example custom_module
//! ```
//!
//! Burn's layers want channels first, and so does the convolution here. With S weight samples the batch is S times as
//! large behind the first random layer; what lies between need not know.

#![allow(clippy::cast_precision_loss, missing_docs)] // counts are small

use burn::module::Module;
use burn::nn::pool::{AdaptiveAvgPool1d, AdaptiveAvgPool1dConfig};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData, activation::relu};
use elbo::layer::{Conv1d, Conv1dConfig, Dense, DenseConfig};
use elbo::objective::{Elbo, Likelihood, Targets};
use elbo::{Noise, Result, Trace};
use elbo_kernels::{Stream, noise::normal::normals_f32};

const LENGTH: usize = 32;
const COUNT: usize = 200;

/// Random convolution, Burn's normalisation and pooling, random dense layer.
#[derive(Module, Debug)]
struct Net {
    convolution: Conv1d,
    normalization: BatchNorm,
    pool: AdaptiveAvgPool1d,
    output: Dense,
}

impl Net {
    fn new(device: &Device) -> Result<Self> {
        Ok(Self {
            convolution: Conv1dConfig::new(1, 8, 5)
                .with_padding("same")
                .with_data_format("channels_first")
                .with_name("convolution")
                .with_seed(1)
                .init(device)?,
            normalization: BatchNormConfig::new(8).init(device),
            pool: AdaptiveAvgPool1dConfig::new(4).init(),
            output: DenseConfig::new(32, 2).with_name("output").with_seed(1).init(device)?,
        })
    }

    /// `[batch, 1, length]` to `[S batch, 2]`.
    fn forward(&self, x: Tensor<3>, trace: &mut Trace) -> Tensor<2> {
        let x = relu(self.normalization.forward(self.convolution.forward(x, trace)));
        self.output.forward(self.pool.forward(x).flatten::<2>(1, 2), trace)
    }
}

fn main() -> Result<()> {
    let ([first, last], gradients, accuracy) = run()?;
    println!("{gradients} parameters, loss {first:.3} -> {last:.3}, accuracy {accuracy:.3}");
    Ok(())
}

/// Series with a step up or down at a random place, in noise of deviation 0.5.
fn series() -> (Vec<f32>, Vec<usize>) {
    let draw = |what: &str, n: usize| normals_f32(Stream::named(2, what).draws(0, 1), n);
    let (noise, places) = (draw("noise", COUNT * LENGTH), draw("place", COUNT));
    let value = |i: usize| {
        let after = if (i % LENGTH) as f32 > 16.0 + 3.0 * places[i / LENGTH] { 1.0 } else { -1.0 };
        0.5 * noise[i] + if (i / LENGTH).is_multiple_of(2) { after } else { -after }
    };
    ((0..COUNT * LENGTH).map(value).collect(), (0..COUNT).map(|i| i % 2).collect())
}

/// First and last negative ELBO, number of parameters with a gradient, accuracy of the mean weights on the training set.
#[allow(clippy::missing_errors_doc, clippy::missing_panics_doc)]
pub fn run() -> Result<([f64; 2], usize, f64)> {
    let device = Device::flex().autodiff();
    let (mut net, mut noise, mut optimizer) = (Net::new(&device)?, Noise::seeded(1), AdamConfig::new().init());
    let (elbo, likelihood, (values, classes)) = (Elbo::new(COUNT)?, Likelihood::categorical(2), series());
    let x = Tensor::<3>::from_data(TensorData::new(values, [COUNT, 1, LENGTH]), &device);
    let targets = Targets::classes(&classes, &device);
    let (mut losses, mut count) = (Vec::new(), 0);
    for _ in 0..100 {
        let mut trace = Trace::sampling(&mut noise).with_samples(4);
        let logits = net.forward(x.clone(), &mut trace);
        let loss = elbo.negative(&likelihood, logits, &targets, &trace)?.loss;
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        count = gradients.len();
        net = optimizer.step(0.01, net, gradients);
        losses.push(loss.into_scalar::<f64>());
    }
    let logits = net.valid().forward(x.inner(), &mut Trace::mean());
    let found: Vec<i64> = logits.argmax(1).into_data().try_into_vec_as().expect("integers");
    let right = found.iter().zip(&classes).filter(|(found, class)| usize::try_from(**found) == Ok(**class)).count();
    Ok(([losses[0], losses[99]], count, right as f64 / COUNT as f64))
}

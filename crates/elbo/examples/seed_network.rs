//! The network of the module's page, by its functions: series of 128 values, a random convolution of 64 filters, a
//! random dense layer of 10 units, and the ELBO of the softmax cross-entropy.
//!
//! ```text
//! cargo run --release --example seed_network
//! ```
//!
//! Loss and nll are in nats per example, divergences in nats. The last line is the accuracy on fresh series, of
//! probabilities averaged over 20 weight samples; the same seed prints the same numbers.

#![allow(clippy::cast_precision_loss)] // counts are small

use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData, activation::softmax};
use elbo::functional::{Call, Reuse, Scope, conv1d_reparameterization, dense_reparameterization};
use elbo::layer::{Conv1dOptions, DenseOptions};
use elbo::objective::{Elbo, Likelihood, Targets};
use elbo::{Activation, Noise, Result, Trace};
use elbo_kernels::{Stream, noise::normal::normals_f32};

const CLASSES: usize = 10;
const LENGTH: usize = 128;
const TRAINING: usize = 1000;
const BATCH: usize = 100;
const EPOCHS: usize = 12;

/// What a run reached.
#[derive(Debug, PartialEq)]
pub struct Report {
    /// Negative log likelihood per example, at the first and the last step.
    pub nll: [f64; 2],
    /// Part of the fresh series that are classified rightly.
    pub accuracy: f64,
}

fn main() -> Result<()> {
    let report = run()?;
    println!("accuracy {:.3}", report.accuracy);
    Ok(())
}

/// `count` series of class i mod 10: `i + 1` periods with a random phase, in noise of deviation 0.8.
fn series(count: usize, name: &str) -> (Vec<f32>, Vec<usize>) {
    let draw = |what: &str, n: usize| normals_f32(Stream::named(1, &format!("{name}/{what}")).draws(0, 1), n);
    let (noise, phases) = (draw("noise", count * LENGTH), draw("phase", count));
    let value = |i: usize| {
        let (example, time) = (i / LENGTH, (i % LENGTH) as f32 / LENGTH as f32);
        let periods = (example % CLASSES + 1) as f32;
        (core::f32::consts::TAU * periods * time + 0.6 * phases[example]).sin() + 0.8 * noise[i]
    };
    ((0..count * LENGTH).map(value).collect(), (0..count).map(|i| i % CLASSES).collect())
}

/// Logits: variables are created by the first call and shared by the others.
fn network(scope: &mut Scope, trace: &mut Trace, series: Vec<f32>) -> Result<Tensor<2>> {
    let device = scope.device().clone();
    let rows = series.len() / LENGTH;
    let net = Tensor::<3>::from_data(TensorData::new(series, [rows, LENGTH, 1]), &device);
    let options = Conv1dOptions::default().with_name("conv").with_padding("SAME").with_activation(Activation::Relu);
    let net = conv1d_reparameterization(scope, trace, net, 64, 5, Call::new(options).with_reuse(Reuse::Auto))?;
    let options = Call::new(DenseOptions::default().with_name("dense")).with_reuse(Reuse::Auto);
    dense_reparameterization(scope, trace, net.flatten::<2>(1, 2), CLASSES, options)
}

/// Trains, and classifies fresh series.
#[allow(clippy::missing_errors_doc, clippy::missing_panics_doc)]
pub fn run() -> Result<Report> {
    let device = Device::flex().autodiff();
    let (mut scope, mut noise) = (Scope::new(&device, 1), Noise::seeded(1));
    let (elbo, likelihood) = (Elbo::new(TRAINING)?, Likelihood::categorical(CLASSES));
    let mut optimizer = AdamConfig::new().init();
    let (values, classes) = series(TRAINING, "training");
    let mut nll = Vec::new();
    for epoch in 1..=EPOCHS {
        for (x, y) in values.chunks(BATCH * LENGTH).zip(classes.chunks(BATCH)) {
            let mut trace = Trace::sampling(&mut noise);
            let logits = network(&mut scope, &mut trace, x.to_vec())?;
            let terms = elbo.negative(&likelihood, logits, &Targets::classes(y, &device), &trace)?;
            let gradients = GradientsParams::from_grads(terms.loss.backward(), &scope);
            scope = optimizer.step(0.005, scope, gradients);
            if nll.len() % (TRAINING / BATCH) == 0 {
                let kl = terms
                    .divergences
                    .iter()
                    .map(|kl| format!("{} {:.0}", kl.path, kl.value.clone().into_scalar::<f32>()));
                let [loss, nll] = [&terms.loss, &terms.nll].map(|term| term.clone().into_scalar::<f32>());
                println!("epoch {epoch:2}  loss {loss:7.2}  nll {nll:6.3}  KL {}", kl.collect::<Vec<_>>().join(", "));
            }
            nll.push(terms.nll.into_scalar::<f64>());
        }
    }
    let (values, classes) = series(200, "fresh");
    let mut trace = Trace::sampling(&mut noise.fork("predict")).with_samples(20);
    let probabilities = softmax(network(&mut scope, &mut trace, values)?, 1).reshape([20, 200, CLASSES]).mean_dim(0);
    let found: Vec<i64> = probabilities.argmax(2).into_data().try_into_vec_as().expect("integers");
    let right = found.iter().zip(&classes).filter(|(found, class)| usize::try_from(**found) == Ok(**class)).count();
    Ok(Report { nll: [nll[0], nll[nll.len() - 1]], accuracy: right as f64 / 200.0 })
}

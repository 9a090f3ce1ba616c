//! `loss = mean_b nll_b + (β KL + R) / N + A / B`, in nats per example.
//!
//! The evidence lower bound of N examples is `Σ_n E[ln p(y_n | x_n, W)] - KL`; per example the divergence is divided
//! by **N, the size of the training set**, never by the batch size and never averaged over weights. `R` are penalties
//! on variables, which act like a prior, and `A` penalties on the outputs of the batch's B examples.

use super::likelihood::{Likelihood, Targets};
use crate::error::{Error, Result};
use crate::precision::wide;
use crate::sum::ordered_mean;
use crate::trace::{Loss, Trace};
use burn::tensor::Tensor;

/// The objective of a data set of known size.
///
/// ```
/// use burn::tensor::{Device, Tensor, TensorData};
/// use elbo::{Noise, Trace, layer::DenseConfig, objective::{Elbo, Likelihood, Targets}};
/// let device = Device::flex();
/// let layer = DenseConfig::new(3, 2).with_name("dense").init(&device)?;
/// let mut trace = Trace::sampling(&mut Noise::seeded(1));
/// let logits = layer.forward(Tensor::<2>::ones([4, 3], &device), &mut trace);
/// let labels = Targets::classes(&[0, 1, 1, 0], &device);
/// let terms = Elbo::new(1000)?.negative(&Likelihood::categorical(2), logits, &labels, &trace)?;
/// let (loss, nll, kl) = (terms.loss.into_scalar::<f64>(), terms.nll.into_scalar::<f64>(), terms.kl.into_scalar::<f64>());
/// assert!((loss - (nll + kl / 1000.0)).abs() < 1e-5);
/// # Ok::<(), elbo::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elbo {
    num_data: usize,
    kl_weight: f64,
}

/// The parts of a negative ELBO. Tensors are scalars of shape `[1]`, differentiable, of the outputs' type, or in `f32` if
/// that is of half precision.
#[derive(Clone, Debug)]
pub struct ElboTerms {
    /// What to minimise: nats per example.
    pub loss: Tensor<1>,
    /// Mean negative log likelihood: nats per example.
    pub nll: Tensor<1>,
    /// Sum of all divergences: nats, unweighted.
    pub kl: Tensor<1>,
    /// Sum of the penalties on variables.
    pub regularization: Tensor<1>,
    /// Sum of the penalties on outputs.
    pub activity: Tensor<1>,
    /// Each divergence: nats, unweighted.
    pub divergences: Vec<LayerDivergence>,
    /// The effective temperature β: factor on the divergence.
    pub kl_weight: f64,
}

/// The divergence of one weight.
#[derive(Clone, Debug)]
pub struct LayerDivergence {
    /// Layer and weight: `conv1d/kernel`.
    pub path: String,
    /// Nats.
    pub value: Tensor<1>,
}

impl Elbo {
    /// The objective for a training set of `num_data` examples.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if `num_data` is 0.
    pub fn new(num_data: usize) -> Result<Self> {
        if num_data == 0 {
            return Err(Error::argument("Elbo", "num_data", "the number of training examples, at least 1", 0));
        }
        Ok(Self { num_data, kl_weight: 1.0 })
    }

    /// Weighs the divergence by β: 1 is the ELBO, below 1 a cold posterior.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if `kl_weight` is negative or not finite.
    pub fn with_kl_weight(mut self, kl_weight: f64) -> Result<Self> {
        if !(kl_weight.is_finite() && kl_weight >= 0.0) {
            return Err(Error::argument("Elbo", "kl_weight", "finite and not negative", kl_weight));
        }
        self.kl_weight = kl_weight;
        Ok(self)
    }

    /// N.
    #[must_use]
    pub fn num_data(&self) -> usize {
        self.num_data
    }

    /// The negative ELBO of a batch.
    ///
    /// # Shapes
    /// - `outputs`: `[S B, outputs]` for the trace's S weight samples, sample-major; or `[B, outputs]` of a network in
    ///   which nothing is random
    /// - `targets`: B of them; for none the likelihood's part of the loss is 0
    ///
    /// # Errors
    /// [`Error::Targets`] if targets do not fit the likelihood or the outputs.
    pub fn negative(
        &self,
        likelihood: &Likelihood,
        outputs: Tensor<2>,
        targets: &Targets,
        trace: &Trace,
    ) -> Result<ElboTerms> {
        let (device, dtype) = (outputs.device(), outputs.dtype());
        // Half precision holds no sums of many: the losses of its layers are wider.
        let zero = || wide(Tensor::<1>::zeros([1], (&device, dtype)));
        let total = |losses: &[Loss]| losses.iter().fold(zero(), |sum, loss| sum + wide(loss.value.clone()));

        let nll = likelihood.nll(outputs, targets, trace.samples())?;
        let nll = if targets.is_empty() { zero() } else { ordered_mean(wide(nll)) };
        let divergences = trace.divergences();
        let kl = total(&divergences);
        let regularization = total(&trace.regularizers());
        let activity = total(&trace.activity());

        let shared = kl.clone().mul_scalar(self.kl_weight) + regularization.clone();
        let loss = nll.clone()
            + shared.mul_scalar(1.0 / float(self.num_data))
            + activity.clone().mul_scalar(1.0 / float(targets.len().max(1)));
        let divergences = divergences.into_iter().map(LayerDivergence::from).collect();
        Ok(ElboTerms { loss, nll, kl, regularization, activity, divergences, kl_weight: self.kl_weight })
    }
}

impl From<Loss> for LayerDivergence {
    fn from(loss: Loss) -> Self {
        Self { path: loss.weight_path(), value: loss.value }
    }
}

#[allow(clippy::cast_precision_loss)] // counts of examples
fn float(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::DenseConfig;
    use crate::noise::Noise;
    use burn::tensor::Device;

    /// The terms of a dense layer's outputs for `classes`, or of logits that no layer made.
    fn terms(classes: &[usize], samples: usize, is_random: bool) -> ElboTerms {
        let device = Device::flex();
        let layer = DenseConfig::new(3, 2).with_name("dense").init(&device).unwrap();
        let mut trace = Trace::sampling(&mut Noise::seeded(1)).with_samples(samples);
        let x = Tensor::<2>::ones([classes.len(), 3], &device);
        let logits = layer.try_forward(x.clone(), &mut trace).unwrap();
        let logits = if is_random { logits } else { x.narrow(1, 0, 2) };
        let targets = Targets::classes(classes, &device);
        Elbo::new(10).unwrap().negative(&Likelihood::categorical(2), logits, &targets, &trace).unwrap()
    }

    /// An empty batch costs the divergence alone.
    #[test]
    fn no_examples_cost_the_divergence() {
        let terms = terms(&[], 3, true);
        let (loss, nll, kl) = (terms.loss.into_scalar::<f64>(), terms.nll.into_scalar::<f64>(), terms.kl);
        assert_eq!(nll, 0.0);
        assert!((loss - kl.into_scalar::<f64>() / 10.0).abs() < 1e-6, "{loss}");
    }

    /// Equal logits for every weight sample: `ln 2` each, whatever the number of samples.
    #[test]
    fn outputs_without_noise_are_shared_by_all_samples() {
        for samples in [1, 4] {
            let nll = terms(&[0, 1, 1], samples, false).nll.into_scalar::<f64>();
            assert!((nll - core::f64::consts::LN_2).abs() < 1e-6, "{samples} samples: {nll}");
        }
    }
}

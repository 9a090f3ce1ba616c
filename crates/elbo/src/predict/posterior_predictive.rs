//! The posterior predictive distribution, and its plug-in shortcut.

use super::chunks::{Chunks, pieces};
use super::classes::ClassGatherer;
use super::real::{RealGatherer, RealPredictions};
use crate::data::{Batch, Dataset, Padding, TargetScaler, batches};
use crate::error::{Error, Result};
use crate::metric::UncertaintySplit;
use crate::model::{Model, SeriesBatch};
use crate::noise::{Noise, SAMPLES_PER_PASS};
use crate::objective::Likelihood;
use crate::trace::Trace;
use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};

/// Memory that the values of one pass may take, unless set otherwise: 64 MiB.
const MEMORY_BUDGET: usize = 64 << 20;

/// How to predict: from S draws of the posterior, or from its mean.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use elbo::{Noise, layer::DenseConfig, predict::PosteriorPredictive};
/// let layer = DenseConfig::new(3, 2).with_name("dense").init(&Device::flex())?;
/// let x = Tensor::<2>::ones([5, 3], &Device::flex());
/// let predictive = PosteriorPredictive::new(100, Noise::seeded(1))?;
/// let mut samples = 0;
/// predictive.for_each_sample(5, 3, |trace| layer.try_forward(x.clone(), trace), |outputs| {
///     samples += 1;
///     assert_eq!(outputs.len(), 5 * 2);
///     Ok(())
/// })?;
/// assert_eq!(samples, 100);
/// # Ok::<(), elbo::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PosteriorPredictive {
    samples: usize,
    noise: Option<Noise>,
    memory_budget: usize,
}

/// Predictions for the examples of a data set, in its order.
#[derive(Clone, Debug)]
pub enum Predictions {
    /// Class probabilities and the split of their uncertainty.
    Classes(UncertaintySplit),
    /// Means and the split of their variance.
    Real(RealPredictions),
}

impl PosteriorPredictive {
    /// Averages over `samples` draws from `noise`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for no samples or more than [`SAMPLES_PER_PASS`].
    pub fn new(samples: usize, noise: Noise) -> Result<Self> {
        if !(1..=SAMPLES_PER_PASS).contains(&(samples as u64)) {
            let expected = format!("between 1 and {SAMPLES_PER_PASS}");
            return Err(Error::argument("PosteriorPredictive", "samples", expected, samples));
        }
        Ok(Self { samples, noise: Some(noise), memory_budget: MEMORY_BUDGET })
    }

    /// Uses the posterior's mean: one pass, no epistemic uncertainty.
    #[must_use]
    pub fn mean_network() -> Self {
        Self { samples: 1, noise: None, memory_budget: MEMORY_BUDGET }
    }

    /// Bytes that the values of one pass may take. A chunk is at least one example under one weight sample.
    #[must_use]
    pub fn with_memory_budget(mut self, bytes: usize) -> Self {
        self.memory_budget = bytes;
        self
    }

    /// Number of weight samples.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Runs any network under every weight sample, in order, and hands over the outputs `[rows, outputs]` of each,
    /// row-major. `widest` is the number of values that the widest layer makes of one row.
    ///
    /// # Errors
    /// Those of `forward` and `each`; [`Error::Input`] if an output does not have `rows` rows per weight sample,
    /// [`Error::OutputNotFinite`] if one is not a finite number.
    pub fn for_each_sample(
        &self,
        rows: usize,
        widest: usize,
        forward: impl FnMut(&mut Trace) -> Result<Tensor<2>>,
        each: impl FnMut(&[f64]) -> Result<()>,
    ) -> Result<()> {
        self.for_each_sample_of(0..rows, widest, forward, each)
    }

    /// As [`for_each_sample`](Self::for_each_sample), for the examples of these numbers.
    fn for_each_sample_of(
        &self,
        examples: std::ops::Range<usize>,
        widest: usize,
        mut forward: impl FnMut(&mut Trace) -> Result<Tensor<2>>,
        mut each: impl FnMut(&[f64]) -> Result<()>,
    ) -> Result<()> {
        let rows = examples.len();
        let chunk = Chunks::new(self.memory_budget, widest.saturating_mul(rows), 1, self.samples).samples;
        for samples in pieces(self.samples, chunk) {
            let mut trace = self.trace(samples.start as u64..samples.end as u64).with_first_example(examples.start);
            let outputs = forward(&mut trace)?;
            let [found, width] = outputs.dims();
            if found != rows * samples.len() {
                let expected = format!("{rows} rows for each of {} weight samples", samples.len());
                return Err(Error::Input {
                    layer: "network".into(),
                    what: "output",
                    expected,
                    found: found.to_string(),
                });
            }
            let values: Vec<f64> = outputs.into_data().iter::<f64>().collect();
            if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                return Err(Error::OutputNotFinite { value });
            }
            for sample in 0..samples.len() {
                each(&values[sample * rows * width..(sample + 1) * rows * width])?;
            }
        }
        Ok(())
    }

    /// Predicts the examples of `data`: scaled series. Real targets among its labels get their log likelihood;
    /// `target_scaler` says how the model's targets were scaled.
    ///
    /// # Errors
    /// Those of the data (a series longer than the network takes) and of the network (another number of channels);
    /// [`Error::InvalidArgument`] for a likelihood that is neither categorical nor Gaussian.
    pub fn predict(&self, model: &Model, data: &Dataset, target_scaler: Option<TargetScaler>) -> Result<Predictions> {
        let device = model.devices().into_iter().next().unwrap_or_else(Device::flex);
        let network = &model.network;
        let padding = network.fixed_length().map_or(Padding::Longest, Padding::To);
        let widest = network.widest_at(data.length_range().map_or(1, |(_, longest)| longest));
        let chunks = Chunks::new(self.memory_budget, widest, data.len(), self.samples);
        let order: Vec<usize> = (0..data.len()).collect();
        let batches = batches(data, &order, chunks.examples, padding)?;
        let run = |batch: &Batch, each: &mut dyn FnMut(&[f64]) -> Result<()>| {
            let input = SeriesBatch::from_batch(batch, &device, DType::F32);
            let forward = |trace: &mut Trace| network.forward(input.clone(), trace);
            // Series of one length come in ranges of the data set, so that every example has the noise of its number.
            // Others are sorted by length within buckets, and the noise of an example depends on its batch.
            let first = batch.indices.first().copied().unwrap_or(0);
            self.for_each_sample_of(first..first + batch.indices.len(), widest, forward, each)
        };
        match &model.likelihood {
            Likelihood::Categorical(likelihood) => {
                let mut gatherer = ClassGatherer::new(data.len(), likelihood.classes);
                for batch in &batches {
                    gatherer.batch(&batch.indices, |each| run(batch, each))?;
                }
                Ok(Predictions::Classes(gatherer.finish()?))
            }
            Likelihood::Gaussian(likelihood) => {
                let mut gatherer = RealGatherer::new(data, likelihood.clone(), target_scaler, &device);
                for batch in &batches {
                    gatherer.batch(&batch.indices, |each| run(batch, each))?;
                }
                Ok(Predictions::Real(gatherer.finish()))
            }
            other @ (Likelihood::Output(_) | Likelihood::Custom(_)) => {
                // `for_each_sample` and `Likelihood::distribution` are the way for these.
                let expected = "categorical or gaussian";
                Err(Error::argument("PosteriorPredictive::predict", "likelihood", expected, other.name()))
            }
        }
    }

    /// A pass over a range of weight samples. Every chunk of examples starts at the same pass number, so that all
    /// examples meet the same weights.
    fn trace(&self, samples: std::ops::Range<u64>) -> Trace {
        match &self.noise {
            None => Trace::mean(),
            Some(noise) => Trace::sampling(&mut noise.clone()).with_sample_range(samples),
        }
    }
}

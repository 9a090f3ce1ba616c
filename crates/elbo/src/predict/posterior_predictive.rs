//! The posterior predictive distribution, and its plug-in shortcut.

use super::chunks::{Chunks, PassSize, pieces};
use super::classes::ClassGatherer;
use super::passes::{self, Passes};
use super::real::{RealGatherer, RealPredictions, unknown};
use crate::data::{Batch, Dataset, Padding, TargetScaling, batches, batches_by_length};
use crate::error::{Error, Result};
use crate::metric::UncertaintySplit;
use crate::model::{Model, SeriesBatch};
use crate::noise::{Noise, SAMPLES_PER_PASS};
use crate::objective::Likelihood;
use crate::threads;
use crate::trace::Trace;
use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use std::ops::Range;

/// Memory that the passes that run at once may take, unless set otherwise: 64 MiB.
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

    /// Bytes that the drawn weights and the values of the passes that run at once may take, with the outputs that wait to be
    /// gathered, on however many threads. A pass is at least one example under one weight sample; and where weights take
    /// more than half of this, passes still have 2 MiB for values, or half of this if that is less.
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
    /// row-major. `values` is how many values of one row exist at once, as in [`PassSize`]. All rows go through the network
    /// together; [`for_each_part`](Self::for_each_part) is faster where they are many.
    ///
    /// # Errors
    /// Those of `forward` and `each`; [`Error::Input`] if an output does not have `rows` rows per weight sample,
    /// [`Error::OutputNotFinite`] if one is not a finite number.
    pub fn for_each_sample(
        &self,
        rows: usize,
        values: usize,
        mut forward: impl FnMut(&mut Trace) -> Result<Tensor<2>>,
        mut each: impl FnMut(&[f64]) -> Result<()>,
    ) -> Result<()> {
        let size = PassSize { examples: 1, values: values.saturating_mul(rows), weights: 0, outputs: 0 };
        let chunk = self.chunks(size).samples;
        for samples in pieces(self.samples, chunk) {
            let outputs = forward(&mut self.trace(samples.start as u64..samples.end as u64))?;
            let outputs = passes::values(outputs, rows, samples.len())?;
            let size = outputs.len() / samples.len();
            (0..samples.len()).try_for_each(|s| each(&outputs[s * size..(s + 1) * size]))?;
        }
        Ok(())
    }

    /// Runs any network under every weight sample, part by part and on all threads. `forward` runs the examples of these
    /// numbers, and `each` is handed their outputs `[rows, outputs]` under one weight sample, row-major: of each part in the
    /// order of the weight samples. What is handed over does not depend on the number of threads.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use elbo::{Noise, layer::DenseConfig, predict::{PassSize, PosteriorPredictive}};
    /// let layer = DenseConfig::new(3, 2).with_name("dense").init(&Device::flex())?;
    /// let x = Tensor::<2>::ones([500, 3], &Device::flex());
    /// let size = PassSize { examples: 500, values: 3 + 2, weights: 3 * 2 + 2, outputs: 2 };
    /// let mut mean = vec![0.0; 500 * 2];
    /// PosteriorPredictive::new(100, Noise::seeded(1))?.for_each_part(
    ///     size,
    ///     |examples, trace| layer.try_forward(x.clone().narrow(0, examples.start, examples.len()), trace),
    ///     |examples, outputs| {
    ///         let mean = &mut mean[2 * examples.start..2 * examples.end];
    ///         mean.iter_mut().zip(outputs).for_each(|(mean, output)| *mean += output / 100.0);
    ///         Ok(())
    ///     },
    /// )?;
    /// # Ok::<(), elbo::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`for_each_sample`](Self::for_each_sample).
    pub fn for_each_part(
        &self,
        size: PassSize,
        forward: impl Fn(Range<usize>, &mut Trace) -> Result<Tensor<2>> + Sync,
        mut each: impl FnMut(Range<usize>, &[f64]) -> Result<()>,
    ) -> Result<()> {
        let chunks = self.chunks(size);
        let parts: Vec<Range<usize>> = pieces(size.examples, chunks.examples).collect();
        let run = |part: usize, trace: &mut Trace| forward(parts[part].clone(), trace);
        self.passes(&parts, chunks, run).for_each(|part, outputs| each(parts[part].clone(), outputs))
    }

    /// How passes are cut. Those of means draw no weights.
    fn chunks(&self, size: PassSize) -> Chunks {
        let weights = if self.noise.is_some() { size.weights } else { 0 };
        Chunks::new(self.memory_budget, PassSize { weights, ..size }, self.samples, threads::count())
    }

    /// The passes over parts of the examples.
    fn passes<'a, F>(
        &'a self,
        parts: &'a [Range<usize>],
        chunks: Chunks,
        forward: F,
    ) -> Passes<'a, impl Fn(Range<u64>) -> Trace + Sync, F> {
        Passes { parts, samples: self.samples, chunks, trace: |samples| self.trace(samples), forward }
    }

    /// Predicts the examples of `data`: scaled series. Real targets among its labels get their log likelihood;
    /// `target_scaling` says how the model's targets were scaled.
    ///
    /// # Errors
    /// Those of the data (a series longer than the network takes) and of the network (another number of channels);
    /// [`Error::InvalidArgument`] for a likelihood that is neither categorical, Gaussian nor Student-t.
    pub fn predict(&self, model: &Model, data: &Dataset, target_scaling: &TargetScaling) -> Result<Predictions> {
        let device = model.devices().into_iter().next().unwrap_or_else(Device::flex);
        let chunks = self.chunks(size_of_pass(model, data));
        let batches = batches_of(model, data, chunks.examples)?;
        let part = |batch: Batch| (SeriesBatch::from_batch(&batch, &device, DType::F32), batch.indices);
        let (inputs, indices): (Vec<SeriesBatch>, Vec<Vec<usize>>) = batches.into_iter().map(part).unzip();
        // Noise that an example has of its own goes by its place in the order of the batches, which is the same however
        // they are cut: that of the data set, or by length.
        let range = |next: &mut usize, indices: &Vec<usize>| {
            let first = core::mem::replace(next, *next + indices.len());
            Some(first..*next)
        };
        let parts: Vec<Range<usize>> = indices.iter().scan(0, range).collect();
        let forward = |part: usize, trace: &mut Trace| model.network.forward(inputs[part].clone(), trace);
        let passes = self.passes(&parts, chunks, forward);
        match &model.likelihood {
            Likelihood::Categorical(likelihood) => {
                let mut gatherer = ClassGatherer::new(indices.iter().map(Vec::len), likelihood.classes)?;
                passes.for_each(|part, logits| gatherer.push(part, logits))?;
                Ok(Predictions::Classes(gatherer.finish(data.len(), indices.iter().map(Vec::as_slice))?))
            }
            likelihood => {
                let gatherer = RealGatherer::new(data, likelihood, target_scaling, &device)?;
                let mut gatherer = gatherer.ok_or_else(|| unknown(likelihood))?;
                passes.for_each(|part, outputs| gatherer.push(&indices[part], outputs))?;
                Ok(Predictions::Real(gatherer.finish()))
            }
        }
    }

    /// A pass over a range of weight samples. Every chunk of examples starts at the same pass number, so that all
    /// examples meet the same weights.
    fn trace(&self, samples: Range<u64>) -> Trace {
        match &self.noise {
            None => Trace::mean(),
            Some(noise) => Trace::sampling(&mut noise.clone()).with_sample_range(samples),
        }
    }
}

/// The examples in batches of at most `size`, all of the network's length or, if it takes any, by length.
fn batches_of(model: &Model, data: &Dataset, size: usize) -> Result<Vec<Batch>> {
    let Some(length) = model.network.fixed_length() else { return Ok(batches_by_length(data, size)) };
    let order: Vec<usize> = (0..data.len()).collect();
    Ok(batches(data, &order, size, Padding::To(length))?)
}

/// What a network needs for the series of `data`.
fn size_of_pass(Model { network, likelihood }: &Model, data: &Dataset) -> PassSize {
    let longest = data.length_range().map_or(1, |(_, longest)| longest);
    let (values, weights) = (network.values_at(longest), network.drawn_weights());
    PassSize { examples: data.len(), values, weights, outputs: likelihood.outputs() }
}

//! The loop.

use super::adam::Adam;
use super::checkpoint::Checkpoint;
use super::config::TrainingConfig;
use super::data::TrainingData;
use crate::data::{Batch, Labels, Padding, batches, shuffled};
use crate::error::{Error, Result};
use crate::metric;
use crate::model::{Model, SeriesBatch};
use crate::noise::Noise;
use crate::objective::{Elbo, ElboTerms};
use crate::predict::{PosteriorPredictive, Predictions, RealPredictions};
use crate::trace::Trace;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A model in training.
pub struct Trainer {
    config: TrainingConfig,
    model: Model,
    optimizer: ModuleOptimizer,
    epoch: usize,
    step: u64,
    last: Option<EpochReport>,
    device: Device,
}

/// What an epoch came to, averaged over its examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// Number of the epoch, counted from 1.
    pub epoch: usize,
    /// Steps of the run so far.
    pub step: u64,
    /// Negative ELBO in nats per example.
    pub loss: f64,
    /// Negative log likelihood in nats per example.
    pub nll: f64,
    /// Sum of all divergences in nats, unweighted, at the epoch's last step.
    pub kl: f64,
    /// Each weight's divergence in nats, unweighted, at the epoch's last step.
    pub kl_by_weight: BTreeMap<String, f64>,
    /// Effective temperature: the factor on the divergence at the epoch's last step.
    pub kl_weight: f64,
    /// Learning rate at the epoch's last step.
    pub learning_rate: f64,
    /// Scores on the held-out part, if there is one.
    pub validation: Option<ValidationReport>,
}

/// Scores of the mean network on the validation part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidationReport {
    /// Negative log likelihood in nats per example; infinite if a class was given no probability.
    #[serde(with = "crate::metric::number")]
    pub nll: f64,
    /// Part of the examples whose class is the most probable one; `None` for real targets.
    pub accuracy: Option<f64>,
}

/// Sums of an epoch, weighted by examples.
#[derive(Default)]
struct Sums {
    examples: f64,
    loss: f64,
    nll: f64,
}

impl Trainer {
    /// A run that starts at its first epoch. The model lies on an autodiff device.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a setting that is not allowed.
    pub fn new(config: TrainingConfig, model: Model) -> Result<Self> {
        config.check()?;
        let device = model.devices().into_iter().next().unwrap_or_else(|| Device::flex().autodiff());
        let optimizer = ModuleOptimizer::from(Adam::default());
        Ok(Self { config, model, optimizer, epoch: 0, step: 0, last: None, device })
    }

    /// Goes on from a checkpoint of the same run.
    ///
    /// # Errors
    /// [`Error::ModelFile`] if the checkpoint is of another model.
    pub fn resumed(mut self, checkpoint: &Checkpoint) -> Result<Self> {
        self.model = checkpoint.load_model(self.model)?;
        self.optimizer = checkpoint.load_optimizer(self.optimizer)?;
        self.epoch = checkpoint.epoch;
        self.step = checkpoint.step;
        self.last.clone_from(&checkpoint.last);
        Ok(self)
    }

    /// The state now.
    ///
    /// # Errors
    /// [`Error::ModelFile`] if the optimizer's state cannot be written down.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        Checkpoint::new(&self.model, &self.optimizer, (self.epoch, self.step), self.last.clone())
    }

    /// Epochs done.
    #[must_use]
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// Steps done.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The report of the last epoch, before or after a resumption.
    #[must_use]
    pub fn last_epoch(&self) -> Option<&EpochReport> {
        self.last.as_ref()
    }

    /// Whether all epochs are done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.epoch >= self.config.epochs
    }

    /// The model as it is.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model for prediction, without gradients.
    #[must_use]
    pub fn trained(&self) -> Model {
        self.model.valid()
    }

    /// Steps of one epoch over `examples` examples.
    #[must_use]
    pub fn steps_per_epoch(&self, examples: usize) -> usize {
        examples.div_ceil(self.config.batch_size)
    }

    /// Runs one epoch; `on_step` is told after every step how many of the epoch's steps are done.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the loss is not a number; those of the data and the model.
    pub fn run_epoch(
        &mut self,
        data: &TrainingData,
        validation: Option<&TrainingData>,
        mut on_step: impl FnMut(usize),
    ) -> Result<EpochReport> {
        let order = shuffled(data.len(), self.config.seed, self.epoch as u64);
        let batches = batches(&data.series, &order, self.config.batch_size, self.padding())?;
        let total = float(self.config.epochs * batches.len());
        let (mut sums, mut last) = (Sums::default(), None);
        for (done, batch) in batches.iter().enumerate() {
            let progress = float(self.epoch * batches.len() + done) / total;
            last = Some(self.run_step(data, batch, progress, &mut sums)?);
            on_step(done + 1);
        }
        let last = last.ok_or_else(|| Error::argument("training", "data", "at least one example", 0))?;
        // The loss tells of the parameters before a step; the last step of an epoch is looked at here.
        self.checked(sum_of_parameters(&self.model))?;
        self.epoch += 1;
        let report = self.report(&sums, last, validation)?;
        self.last = Some(report.clone());
        Ok(report)
    }

    /// One step: pass, loss, gradients, update.
    fn run_step(&mut self, data: &TrainingData, batch: &Batch, progress: f64, sums: &mut Sums) -> Result<Last> {
        let learning_rate = self.config.learning_rate_at(progress);
        let objective = Elbo::new(data.len())?.with_kl_weight(self.config.kl_weight_at(progress))?;
        let mut noise = Noise::seeded(self.config.seed).fork("train").starting_at(self.step);
        let mut trace = Trace::sampling(&mut noise).with_samples(self.config.samples);

        let input = SeriesBatch::from_batch(batch, &self.device, DType::F32);
        let outputs = self.model.network.forward(input, &mut trace)?;
        let targets = data.targets(batch, &self.device);
        let terms = objective.negative(&self.model.likelihood, outputs, &targets, &trace)?;
        self.step += 1;
        let loss = self.checked(scalar(&terms.loss))?;
        sums.add(batch.indices.len(), loss, scalar(&terms.nll));
        let last = Last::new(&terms, learning_rate);

        let gradients = GradientsParams::from_grads(terms.loss.backward(), &self.model);
        // Handles are cloned, not parameters: a step writes the new ones where the gradients were.
        self.model = self.optimizer.step(learning_rate, self.model.clone(), gradients);
        Ok(last)
    }

    fn checked(&self, loss: f64) -> Result<f64> {
        if loss.is_finite() {
            return Ok(loss);
        }
        Err(Error::NotFinite { epoch: self.epoch + 1, step: self.step, value: loss })
    }

    fn padding(&self) -> Padding {
        self.model.network.fixed_length().map_or(Padding::Longest, Padding::To)
    }

    fn report(&self, sums: &Sums, last: Last, validation: Option<&TrainingData>) -> Result<EpochReport> {
        Ok(EpochReport {
            epoch: self.epoch,
            step: self.step,
            loss: sums.loss / sums.examples,
            nll: sums.nll / sums.examples,
            kl: last.kl,
            kl_by_weight: last.kl_by_weight,
            kl_weight: last.kl_weight,
            learning_rate: last.learning_rate,
            validation: validation.map(|data| self.validate(data)).transpose()?,
        })
    }

    /// Scores of the mean network.
    fn validate(&self, data: &TrainingData) -> Result<ValidationReport> {
        let predictive = PosteriorPredictive::mean_network();
        let predictions = predictive.predict(&self.trained(), &data.series, data.target_scaler)?;
        match (&predictions, &data.series.labels) {
            (Predictions::Classes(split), Labels::Classes { labels, .. }) => Ok(ValidationReport {
                nll: metric::nll(&split.probabilities, labels)?,
                accuracy: Some(metric::accuracy(&split.probabilities, labels)?),
            }),
            (Predictions::Real(RealPredictions { log_likelihood: Some(log_likelihood), .. }), _) => {
                let nll: Vec<f64> = log_likelihood.iter().map(|l| -l).collect();
                Ok(ValidationReport { nll: metric::mean_nll(&nll)?, accuracy: None })
            }
            _ => Err(Error::Targets {
                likelihood: self.model.likelihood.name(),
                expected: "labels of its kind".into(),
                found: data.series.labels.kind().into(),
            }),
        }
    }
}

/// What is reported of an epoch's last step.
struct Last {
    kl: f64,
    kl_by_weight: BTreeMap<String, f64>,
    kl_weight: f64,
    learning_rate: f64,
}

impl Last {
    fn new(terms: &ElboTerms, learning_rate: f64) -> Self {
        let kl_by_weight = terms.divergences.iter().map(|d| (d.path.clone(), scalar(&d.value))).collect();
        Self { kl: scalar(&terms.kl), kl_by_weight, kl_weight: terms.kl_weight, learning_rate }
    }
}

impl Sums {
    fn add(&mut self, examples: usize, loss: f64, nll: f64) {
        let examples = float(examples);
        self.examples += examples;
        self.loss += examples * loss;
        self.nll += examples * nll;
    }
}

/// Finite if and only if all parameters are (and none is near the largest number there is).
fn sum_of_parameters(model: &Model) -> f64 {
    struct Sum(f64);
    impl ModuleVisitor for Sum {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 += scalar(&param.val().detach().abs().sum());
        }
    }
    let mut sum = Sum(0.0);
    model.visit(&mut sum);
    sum.0
}

fn scalar(value: &Tensor<1>) -> f64 {
    value.clone().into_scalar::<f64>()
}

#[allow(clippy::cast_precision_loss)] // counts of examples and steps
fn float(n: usize) -> f64 {
    n as f64
}

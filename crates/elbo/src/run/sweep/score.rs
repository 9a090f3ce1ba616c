//! Scores of a trial on what was held out of its training.

use crate::data::{Dataset, Labels};
use crate::error::{Error, Result};
use crate::metric::{correct_per_example, nll_per_example};
use crate::model::Model;
use crate::predict::Predictions;
use crate::run::{Parts, RunConfig, predict_posterior};
use crate::train::{Trainer, TrainingData};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

/// A number that may be infinite, in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Number(#[serde(with = "crate::metric::number")] pub f64);

/// What was measured on the held-out examples of one fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FoldScores {
    /// Of each example, in nats: `-ln 1/S Σ_s p(y | x, w_s)`.
    pub nll: Vec<Number>,
    /// Of each example: 1 for a right class and 0 for a wrong one, or the mean squared error of its targets.
    pub second: Vec<Number>,
    /// Wall-clock time.
    pub seconds: f64,
    /// Why training stopped, if it did before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// Trains under `config` on `device` and scores what is held out: pairs of negative log likelihood and second score. `None` if
/// `on_epoch` asked to stop. An error of training that comes from the settings is in the inner result.
pub(super) fn train_and_score(
    config: &RunConfig,
    parts: &Parts,
    device: &Device,
    on_epoch: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Result<Scored>>> {
    let held_out = parts.validation.as_ref().ok_or_else(no_validation)?;
    let mut trainer = Trainer::new(config.training.clone(), config.build_model(&device.clone().autodiff())?)?;
    while !trainer.is_done() {
        match trainer.run_epoch(&parts.train, None, |_| ()) {
            Ok(report) if !on_epoch(report.epoch) => return Ok(None),
            Ok(_) => {}
            Err(error) => return settled(Err(error)).map(Some),
        }
    }
    settled(scores(&trainer.trained(), held_out, config)).map(Some)
}

/// Nothing was held out.
pub(super) fn no_validation() -> Error {
    let expected = "above 0 (or use folds): a sweep needs examples that are not trained on";
    Error::argument(super::OWNER, "validation", expected, "no held-out example")
}

/// Negative log likelihood and second score of each example.
pub(super) type Scored = Vec<(f64, f64)>;

/// What comes from bad settings is a result of the trial; everything else ends the sweep.
fn settled(result: Result<Scored>) -> Result<Result<Scored>> {
    match result {
        Err(error) if !matches!(error, Error::NotFinite { .. } | Error::OutputNotFinite { .. }) => Err(error),
        result => Ok(result),
    }
}

fn scores(model: &Model, data: &TrainingData, config: &RunConfig) -> Result<Scored> {
    let (samples, seed) = (config.prediction.samples, config.training.seed);
    let predictions = predict_posterior(model, &data.series, &data.target_scaling, samples, seed)?;
    let (nll, second) = match (&predictions, &data.series.labels) {
        (Predictions::Classes(split), Labels::Classes { labels, .. }) => {
            (nll_per_example(&split.probabilities, labels)?, correct_per_example(&split.probabilities, labels)?)
        }
        (Predictions::Real(real), Labels::Real(targets) | Labels::Horizon { values: targets, .. }) => {
            let nll: Vec<f64> = real.log_likelihood.iter().flatten().map(|l| -l).collect();
            let squared: Vec<f64> = real.mean.iter().zip(targets).map(|(mean, y)| (mean - y).powi(2)).collect();
            (nll, squared.chunks(real.values.max(1)).map(crate::metric::mean).collect())
        }
        (_, labels) => return Err(Error::labels("sweep", "labels of the model's kind", labels)),
    };
    check_count(&nll, &data.series)?;
    Ok(nll.into_iter().zip(second).collect())
}

fn check_count(nll: &[f64], data: &Dataset) -> Result<()> {
    if nll.len() == data.len() {
        return Ok(());
    }
    Err(Error::labels("sweep", "a target for every example", &data.labels))
}

impl FoldScores {
    pub(super) fn new(result: Result<Scored>, seconds: f64) -> Self {
        let (scored, failed) = match result {
            Ok(scored) => (scored, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let (nll, second) = scored.into_iter().map(|(nll, second)| (Number(nll), Number(second))).unzip();
        Self { nll, second, seconds, failed }
    }
}

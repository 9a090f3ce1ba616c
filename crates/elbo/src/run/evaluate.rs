//! Scores of a model on labelled data: of its posterior predictive, and of its mean network.

use crate::data::{Labels, TargetScaler};
use crate::error::{Error, Result};
use crate::metric::{
    Bootstrap, ClassificationScores, RegressionPredictions, RegressionScores, classification_scores, regression_scores,
};
use crate::model::Model;
use crate::noise::Noise;
use crate::predict::{PosteriorPredictive, Predictions, RealPredictions};
use crate::train::TrainingData;
use serde::{Deserialize, Serialize};

/// All scores of one way of predicting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scores {
    /// Of class probabilities.
    Classification(ClassificationScores),
    /// Of real predictions.
    Regression(RegressionScores),
}

/// Predictions of the posterior predictive, and the scores of both ways.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// What the posterior predictive says.
    pub predictions: Predictions,
    /// Its scores.
    pub posterior_predictive: Scores,
    /// The scores of the mean network.
    pub mean_network: Scores,
}

/// Predicts and scores `data`.
///
/// # Errors
/// Those of prediction and of the scores.
pub fn evaluate(model: &Model, data: &TrainingData, samples: usize, seed: u64) -> Result<Evaluated> {
    let predictions = predict_posterior(model, &data.series, data.target_scaler, samples, seed)?;
    let mean = predict_mean(model, &data.series, data.target_scaler)?;
    Ok(Evaluated {
        posterior_predictive: scores(&predictions, &data.series.labels)?,
        mean_network: scores(&mean, &data.series.labels)?,
        predictions,
    })
}

/// The posterior predictive of scaled series. Its draws depend on `seed` and not on those of training.
///
/// # Errors
/// Those of [`PosteriorPredictive::predict`].
pub fn predict_posterior(
    model: &Model,
    series: &crate::data::Dataset,
    target_scaler: Option<TargetScaler>,
    samples: usize,
    seed: u64,
) -> Result<Predictions> {
    let noise = Noise::seeded(seed).fork("predict");
    PosteriorPredictive::new(samples, noise)?.predict(model, series, target_scaler)
}

/// The mean network's prediction of scaled series.
///
/// # Errors
/// Those of [`PosteriorPredictive::predict`].
pub fn predict_mean(
    model: &Model,
    series: &crate::data::Dataset,
    target_scaler: Option<TargetScaler>,
) -> Result<Predictions> {
    PosteriorPredictive::mean_network().predict(model, series, target_scaler)
}

fn scores(predictions: &Predictions, labels: &Labels) -> Result<Scores> {
    let bootstrap = Bootstrap::default();
    match (predictions, labels) {
        (Predictions::Classes(split), Labels::Classes { labels, .. }) => {
            Ok(Scores::Classification(classification_scores(&split.probabilities, labels, &bootstrap)?))
        }
        (Predictions::Real(real), Labels::Real(targets)) => Ok(Scores::Regression(real_scores(real, targets)?)),
        (Predictions::Classes(_), labels) => Err(Error::labels("categorical", "classes", labels)),
        (Predictions::Real(_), labels) => Err(Error::labels("gaussian", "real targets", labels)),
    }
}

fn real_scores(real: &RealPredictions, targets: &[f64]) -> Result<RegressionScores> {
    let (low, high) = real.interval_90();
    let nll: Vec<f64> = real.log_likelihood.iter().flatten().map(|l| -l).collect();
    let stddevs: Vec<f64> = (0..real.mean.len()).map(|i| real.stddev(i)).collect();
    let predictions = RegressionPredictions { means: &real.mean, stddevs: &stddevs, nll: &nll, low: &low, high: &high };
    Ok(regression_scores(&predictions, targets, &Bootstrap::default())?)
}

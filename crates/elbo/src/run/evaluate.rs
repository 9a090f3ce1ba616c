//! Scores of a model on labelled data: of its posterior predictive, and of its mean network.

use crate::conformal::Intervals;
use crate::data::{Dataset, Example, Labels, TargetScaling, periods_before};
use crate::error::{Error, Result};
use crate::metric::{
    Bootstrap, ClassificationScores, ForecastPredictions, ForecastScores, Probabilities, RegressionPredictions,
    RegressionScores, classification_scores, forecast_scores, regression_scores,
};
use crate::model::Model;
use crate::noise::Noise;
use crate::predict::{PosteriorPredictive, Predictions, RealPredictions};
use crate::recalibrate::{RealCalibration, Recalibrated};
use crate::train::TrainingData;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// All scores of one way of predicting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scores {
    /// Of class probabilities.
    Classification(Box<ClassificationScores>),
    /// Of forecasts. (Before those of regression, whose names are among these.)
    Forecast(ForecastScores),
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
    let predictions = predict_posterior(model, &data.series, &data.target_scaling, samples, seed)?;
    let mean = predict_mean(model, &data.series, &data.target_scaling)?;
    Ok(Evaluated { posterior_predictive: scores(&predictions, data)?, mean_network: scores(&mean, data)?, predictions })
}

/// How runs predict, with draws that depend on `seed` and not on those of training.
///
/// # Errors
/// Those of [`PosteriorPredictive::new`].
pub fn posterior_predictive(samples: usize, seed: u64) -> Result<PosteriorPredictive> {
    PosteriorPredictive::new(samples, Noise::seeded(seed).fork("predict"))
}

/// The [posterior predictive](posterior_predictive) of scaled series.
///
/// # Errors
/// Those of [`PosteriorPredictive::predict`].
pub fn predict_posterior(
    model: &Model,
    series: &Dataset,
    target_scaling: &TargetScaling,
    samples: usize,
    seed: u64,
) -> Result<Predictions> {
    posterior_predictive(samples, seed)?.predict(model, series, target_scaling)
}

/// The mean network's prediction of scaled series.
///
/// # Errors
/// Those of [`PosteriorPredictive::predict`].
pub fn predict_mean(model: &Model, series: &Dataset, target_scaling: &TargetScaling) -> Result<Predictions> {
    PosteriorPredictive::mean_network().predict(model, series, target_scaling)
}

fn scores(predictions: &Predictions, data: &TrainingData) -> Result<Scores> {
    let bootstrap = Bootstrap::default();
    match (predictions, &data.series.labels) {
        (Predictions::Classes(split), Labels::Classes { labels, .. }) => class_scores(&split.probabilities, labels),
        (Predictions::Real(real), Labels::Real(targets)) => Ok(Scores::Regression(real_scores(real, targets)?)),
        (Predictions::Real(real), Labels::Horizon { names, values, .. }) => {
            let last = repeated(data, names.len(), 1, 1);
            let seasonal =
                data.season.map(|period| (period, repeated(data, names.len(), real.values / names.len(), period)));
            let predictions = ForecastPredictions {
                values: real.values,
                variables: names.len(),
                distributions: &real.distributions,
                last: &last,
                seasonal: seasonal.as_ref().map(|(period, values)| (*period, values.as_slice())),
            };
            Ok(Scores::Forecast(forecast_scores(&predictions, values, &bootstrap)?))
        }
        (Predictions::Classes(_), labels) => Err(Error::labels("categorical", "classes", labels)),
        (Predictions::Real(_), labels) => Err(Error::labels("gaussian", "real targets", labels)),
    }
}

/// The scores of class probabilities.
pub(super) fn class_scores(probs: &Probabilities, labels: &[usize]) -> Result<Scores> {
    Ok(Scores::Classification(Box::new(classification_scores(probs, labels, &Bootstrap::default())?)))
}

fn real_scores(real: &RealPredictions, targets: &[f64]) -> Result<RegressionScores> {
    let (low, high) = real.interval_90();
    let nll: Vec<f64> = real.log_likelihood.iter().flatten().map(|l| -l).collect();
    let stddevs: Vec<f64> = (0..real.mean.len()).map(|i| real.stddev(i)).collect();
    let crps: Option<Vec<f64>> = real.distributions.par_iter().zip(targets).map(|(of, &y)| of.crps(y)).collect();
    let (means, crps) = (&real.mean, crps.as_deref());
    let predictions = RegressionPredictions { means, stddevs: &stddevs, nll: &nll, low: &low, high: &high, crps };
    Ok(regression_scores(&predictions, targets, &Bootstrap::default())?)
}

/// The scores of recalibrated real predictions, of which `ends` are the 90 % intervals.
pub(super) fn recalibrated_scores(
    map: &RealCalibration,
    real: &RealPredictions,
    ends: &Intervals,
    targets: &[f64],
) -> Result<Scores> {
    let examples = real.distributions.par_iter().zip(targets);
    let terms: Vec<Terms> = examples.map(|(distribution, &y)| Terms::new(&map.of(distribution), y)).collect();
    let list = |of: fn(&Terms) -> f64| terms.iter().map(of).collect::<Vec<f64>>();
    let crps: Option<Vec<f64>> = terms.iter().map(|terms| terms.crps).collect();
    let (means, stddevs, nll) = (&list(|of| of.mean), &list(|of| of.stddev), &list(|of| of.nll));
    let predictions =
        RegressionPredictions { means, stddevs, nll, low: &ends.low, high: &ends.high, crps: crps.as_deref() };
    Ok(Scores::Regression(regression_scores(&predictions, targets, &Bootstrap::default())?))
}

/// What is scored of one recalibrated prediction.
struct Terms {
    mean: f64,
    stddev: f64,
    nll: f64,
    crps: Option<f64>,
}

impl Terms {
    fn new(recalibrated: &Recalibrated<'_>, y: f64) -> Self {
        let (mean, variance) = recalibrated.moments();
        Self { mean, stddev: variance.sqrt(), nll: -recalibrated.log_density(y), crps: recalibrated.crps(y) }
    }
}

/// What repeating the last `period` rows says of `steps` steps of the variables that are forecast, in their own units:
/// `[N, H, V]`.
fn repeated(data: &TrainingData, variables: usize, steps: usize, period: usize) -> Vec<f64> {
    let channels = data.series.channels;
    let of = |(i, example): (usize, &Example)| {
        let row = |step| periods_before(step, period, example.values.len() / channels);
        let value = |k: usize| f64::from(example.values[row(k / variables) * channels + k % variables]);
        let unscaled = |k: usize| data.target_scaling.of(i, k % variables).inverse(value(k));
        (0..steps * variables).map(unscaled).collect::<Vec<_>>()
    };
    data.series.examples.iter().enumerate().flat_map(of).collect()
}

//! What becomes of predictions after training: recalibrated probabilities or intervals, and sets or intervals that hold the
//! label.
//!
//! Both are fitted to the calibration part. A map that was fitted to the examples of a threshold would break the
//! threshold's guarantee, so where both are asked for each has a random half of the part. Sets of classes are made of
//! recalibrated probabilities; conformal intervals of real targets of the model's own predictions, whose threshold does
//! what a map could do for them.

use super::calibration::Calibration;
use super::config::PredictionConfig;
use super::conformal::{Conformal, ConformalScores, Thresholds};
use super::evaluate::{Scores, class_scores, evaluate, predict_posterior, recalibrated_scores};
use super::metrics::TestScores;
use crate::conformal::{Intervals, PredictionSets};
use crate::data::{Dataset, Labels, random_split};
use crate::error::{Error, Result};
use crate::metric::Probabilities;
use crate::model::Model;
use crate::predict::Predictions;
use crate::train::TrainingData;
use elbo_kernels::Stream;

/// The map and the thresholds of a run. By default there are none, and predictions stay as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adjustments {
    /// The map.
    pub calibration: Option<Calibration>,
    /// The thresholds; of recalibrated class probabilities if there is a map, but of real predictions as the model makes them.
    pub conformal: Option<Conformal>,
}

/// What predictions have become.
#[derive(Clone, Debug, Default)]
pub struct Adjusted {
    /// Recalibrated class probabilities.
    pub calibrated: Option<Probabilities>,
    /// Recalibrated central 90 % intervals of real targets.
    pub calibrated_90: Option<Intervals>,
    /// Sets of classes.
    pub sets: Option<PredictionSets>,
    /// Conformal intervals of real targets.
    pub intervals: Option<Intervals>,
}

/// Predictions, what they have become, and the scores of all of it.
#[derive(Clone, Debug)]
pub struct Tested {
    /// What the posterior predictive says.
    pub predictions: Predictions,
    /// What has become of it.
    pub adjusted: Adjusted,
    /// The scores.
    pub scores: TestScores,
}

/// The calibration part, or a half of it, for each use.
pub(super) struct Shares {
    calibrate: Option<TrainingData>,
    conformal: Option<TrainingData>,
}

impl Shares {
    /// The part of a run that predicts as `prediction` says.
    pub(super) fn new(prediction: &PredictionConfig, part: Option<&TrainingData>, seed: u64) -> Self {
        match (part, prediction.calibrate.is_some(), prediction.conformal.is_some()) {
            (Some(part), true, true) => {
                let (first, second) = random_split(&part.series, 0.5, Stream::named(seed, "data/conformal"));
                let of = |indices: &[usize]| TrainingData { series: part.series.subset(indices), ..part.clone() };
                Self { calibrate: Some(of(&first)), conformal: Some(of(&second)) }
            }
            (part, calibrate, conformal) => {
                let given = |wanted: bool| part.filter(|_| wanted).cloned();
                Self { calibrate: given(calibrate), conformal: given(conformal) }
            }
        }
    }

    /// Whether every share has examples.
    pub(super) fn are_there(&self) -> bool {
        [&self.calibrate, &self.conformal].into_iter().flatten().all(|share| !share.is_empty())
    }
}

impl Adjustments {
    /// Fits what `prediction` asks for to the predictions of the calibration part, which come from the weight samples
    /// that new predictions with the same `seed` come from.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for settings that do not go with the targets, or without a part that is asked for;
    /// those of prediction. A map that cannot be fitted is no error: see [`Calibration::fit`].
    pub fn fit(model: &Model, part: Option<&TrainingData>, prediction: &PredictionConfig, seed: u64) -> Result<Self> {
        let shares = Shares::new(prediction, part, seed);
        let predict = |share: &TrainingData| {
            predict_posterior(model, &share.series, &share.target_scaling, prediction.samples, seed)
        };
        let mut fitted = Self::default();
        if let Some(asked) = prediction.calibrate {
            let share = there(shares.calibrate)?;
            fitted.calibration = Some(match (predict(&share)?, &share.series.labels) {
                (Predictions::Classes(split), Labels::Classes { labels, .. }) => {
                    Calibration::fit(asked, &split.probabilities, labels, seed)
                }
                (Predictions::Real(real), Labels::Real(targets)) => Calibration::fit_real(asked, &real, targets, seed),
                (_, labels) => return Err(Error::labels("recalibration", "classes or real targets", labels)),
            });
        }
        if let Some(config) = prediction.conformal {
            let share = there(shares.conformal)?;
            let predictions = predict(&share)?;
            let calibrated = fitted.apply(&predictions, &share.series)?.calibrated;
            fitted.conformal = Some(match (predictions, &share.series.labels) {
                (Predictions::Classes(split), Labels::Classes { labels, .. }) => {
                    let (recalibrated, probs) = (calibrated.is_some(), calibrated.unwrap_or(split.probabilities));
                    Conformal::of_classes(config, &probs, labels, recalibrated, seed)?
                }
                (Predictions::Real(real), Labels::Real(targets)) => Conformal::of_reals(config, &real, targets)?,
                (Predictions::Real(real), Labels::Horizon { .. }) => {
                    Conformal::of_forecasts(config, &real, &share.series)?
                }
                (_, labels) => return Err(Error::labels("conformal", "classes or real targets", labels)),
            });
        }
        Ok(fitted)
    }

    /// What becomes of the predictions of `data`. Where its targets are known, the thresholds of forecasts learn from them
    /// on the way.
    ///
    /// # Errors
    /// [`Error::Targets`] or [`MetricError::Length`](crate::metric::MetricError::Length) for predictions of another kind
    /// or of another number of classes.
    pub fn apply(&self, predictions: &Predictions, data: &Dataset) -> Result<Adjusted> {
        match predictions {
            Predictions::Classes(split) => {
                let map = self.calibration.as_ref();
                let calibrated = map.map(|map| map.apply(&split.probabilities)).transpose()?;
                let probs = calibrated.as_ref().unwrap_or(&split.probabilities);
                let sets = self.conformal.as_ref().map(|conformal| conformal.sets(probs, data)).transpose()?;
                Ok(Adjusted { calibrated, sets, ..Adjusted::default() })
            }
            Predictions::Real(real) => {
                let intervals = self.conformal.as_ref().map(|conformal| conformal.intervals(real, data)).transpose()?;
                let map = self.calibration.as_ref();
                let calibrated_90 = map.map(|map| map.intervals(real, 0.9)).transpose()?;
                Ok(Adjusted { calibrated_90, intervals, ..Adjusted::default() })
            }
        }
    }

    /// Whether they learn from forecasts that became known.
    #[must_use]
    pub fn learn(&self) -> bool {
        self.conformal.as_ref().is_some_and(|conformal| matches!(conformal.thresholds, Thresholds::Forecast(_)))
    }

    /// The forecasts of `data`, in the order of time, that nothing was learnt from yet.
    #[must_use]
    pub fn unknown(&self, data: &Dataset) -> Dataset {
        let from = self.conformal.as_ref().map_or(0, |conformal| conformal.new_from(data));
        data.subset(&(from..data.len()).collect::<Vec<_>>())
    }

    /// The same after the forecasts of `data` became known.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn learned(&self, predictions: &Predictions, data: &Dataset) -> Result<Self> {
        match (&self.conformal, predictions) {
            (Some(conformal), Predictions::Real(real)) => {
                Ok(Self { conformal: Some(conformal.learned(real, data)?), ..self.clone() })
            }
            _ => Ok(self.clone()),
        }
    }

    /// What could not be done as asked. `classes` are the names of the classes; none of real targets.
    #[must_use]
    pub fn warnings(&self, classes: &[String]) -> Vec<String> {
        let map = self.calibration.as_ref().and_then(|calibration| calibration.warning.as_ref());
        let what = if classes.is_empty() { "predictions" } else { "probabilities" };
        let map = map.map(|warning| format!("{what} are not recalibrated: {warning}"));
        let thresholds = self.conformal.as_ref().and_then(|conformal| conformal.warning(classes));
        map.into_iter().chain(thresholds).collect()
    }

    fn score(
        &self,
        predictions: &Predictions,
        adjusted: &Adjusted,
        data: &Dataset,
    ) -> Result<(Option<Scores>, Option<ConformalScores>)> {
        let conformal = self.conformal.as_ref();
        match (&data.labels, predictions) {
            (Labels::Classes { labels, .. }, _) => {
                let calibrated = adjusted.calibrated.as_ref().map(|probs| class_scores(probs, labels)).transpose()?;
                let sets = conformal.zip(adjusted.sets.as_ref());
                Ok((calibrated, sets.map(|(conformal, sets)| conformal.score_sets(sets, labels)).transpose()?))
            }
            (Labels::Real(targets), Predictions::Real(real)) => {
                let calibrated = self.calibration.as_ref().zip(adjusted.calibrated_90.as_ref());
                let calibrated = calibrated.map(|(map, ends)| recalibrated_scores(map.real()?, real, ends, targets));
                let intervals = conformal.zip(adjusted.intervals.as_ref());
                let scored = intervals.map(|(conformal, intervals)| conformal.score_intervals(intervals, targets));
                Ok((calibrated.transpose()?, scored.transpose()?))
            }
            (Labels::Horizon { .. }, Predictions::Real(_)) => {
                let intervals = conformal.zip(adjusted.intervals.as_ref());
                let scored = intervals.map(|(conformal, intervals)| conformal.score_forecasts(intervals, data));
                Ok((None, scored.transpose()?.flatten()))
            }
            (Labels::Real(_) | Labels::Horizon { .. } | Labels::None, _) => Ok((None, None)),
        }
    }
}

/// Predicts `data`, adjusts the predictions and scores all of it.
///
/// # Errors
/// Those of [`evaluate`] and of [`Adjustments::apply`].
pub fn evaluate_adjusted(
    model: &Model,
    data: &TrainingData,
    samples: usize,
    seed: u64,
    adjustments: &Adjustments,
) -> Result<Tested> {
    let evaluated = evaluate(model, data, samples, seed)?;
    let adjusted = adjustments.apply(&evaluated.predictions, &data.series)?;
    let (calibrated, conformal) = adjustments.score(&evaluated.predictions, &adjusted, &data.series)?;
    let (posterior_predictive, mean_network) = (evaluated.posterior_predictive, evaluated.mean_network);
    let scores = TestScores { samples, posterior_predictive, mean_network, calibrated, conformal };
    Ok(Tested { predictions: evaluated.predictions, adjusted, scores })
}

/// A share that is asked for.
fn there(share: Option<TrainingData>) -> Result<TrainingData> {
    let expected = "a part of the training data, for recalibration and conformal prediction";
    share.ok_or_else(|| Error::argument("Adjustments", "part", expected, "none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::embedded;
    use crate::run::{CalibrationMethod, ConformalConfig, ConformalScore};

    /// The halves are disjoint and complete; one use alone has the whole part.
    #[test]
    fn each_use_has_examples_of_its_own() {
        let part = TrainingData::classes(embedded("gun-point").unwrap().0).unwrap();
        let conformal = ConformalConfig { score: ConformalScore::Thr, alpha: 0.1, per_class: false };
        let calibrate = Some(CalibrationMethod::Auto);
        let both = PredictionConfig { samples: 1, calibrate, conformal: Some(conformal) };
        let ids = |share: &Option<TrainingData>| -> Vec<String> {
            share.iter().flat_map(|share| share.series.examples.iter().map(|example| example.id.clone())).collect()
        };
        let shares = Shares::new(&both, Some(&part), 1);
        let mut all = [ids(&shares.calibrate), ids(&shares.conformal)].concat();
        assert_eq!((all.len(), ids(&shares.calibrate).len()), (part.len(), part.len() / 2));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), part.len());
        let one = Shares::new(&PredictionConfig { conformal: None, ..both }, Some(&part), 1);
        assert_eq!((ids(&one.calibrate).len(), one.conformal.is_none()), (part.len(), true));
        assert!(Shares::new(&both, None, 1).are_there(), "none is missing that is not there");
    }
}

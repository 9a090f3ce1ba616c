//! Choosing a map with few held-out examples: k-fold cross-validation among them.
//!
//! Each map is fitted to all folds but one and scored on that one; the winner is fitted to all. The examples are
//! held-out ones throughout: of training examples this would choose how best to trust a network's memory.

use super::classes::{ClassCalibration, ClassMethod};
use super::error::RecalibrationError;
use crate::data::shuffled;
use crate::metric::{MetricError, Probabilities, nll};
use serde::{Deserialize, Serialize};

/// The best of scored methods, or where that cannot be fitted to all examples, the next best: its place, and what `fit` gives.
/// Equal scores are tried in the order of the methods.
pub(super) fn first_that_fits<T>(
    scores: &[Result<f64, RecalibrationError>],
    fit: impl Fn(usize) -> Result<T, RecalibrationError>,
) -> Result<(usize, T), RecalibrationError> {
    let mut order: Vec<(usize, f64)> =
        scores.iter().enumerate().filter_map(|(i, score)| Some((i, *score.as_ref().ok()?))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut failure = scores.iter().find_map(|score| score.as_ref().err().cloned());
    for (place, _) in order {
        match fit(place) {
            Ok(fitted) => return Ok((place, fitted)),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or(MetricError::Empty { what: "methods" }.into()))
}

/// How held-out examples are cut into folds: of each class equally many, but for one, in an order of the seed's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossValidation {
    /// Number of folds, from 2 to the number of examples.
    pub folds: usize,
    /// Seed of the order.
    pub seed: u64,
}

/// The score of a map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodScore {
    /// The map.
    pub method: ClassMethod,
    /// Cross-validated negative log likelihood in nats per example; `None` if a fold could not be fitted.
    pub nll: Option<f64>,
    /// Why it could not.
    pub failure: Option<String>,
}

/// The best map and how it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The map of the lowest score that could be fitted to all examples; the first of equal ones.
    pub method: ClassMethod,
    /// Fitted to all examples.
    pub calibration: ClassCalibration,
    /// All scores, in the order of the methods.
    pub scores: Vec<MethodScore>,
}

impl Default for CrossValidation {
    /// 5 folds, seed 0.
    fn default() -> Self {
        Self { folds: 5, seed: 0 }
    }
}

impl CrossValidation {
    /// Recalibrated probabilities of every example, by a map that was not fitted to it: what the map is to be scored
    /// on.
    ///
    /// # Shapes
    /// - `probs`, result: `[n, K]`; `labels`: `[n]`
    ///
    /// # Errors
    /// Those of the map on a fold; [`RecalibrationError::Metric`] for a bad number of folds.
    pub fn predict(
        &self,
        method: &ClassMethod,
        probs: &Probabilities,
        labels: &[usize],
    ) -> Result<Probabilities, RecalibrationError> {
        let folds = self.assign(probs, labels)?;
        let mut values = vec![0.0; probs.values().len()];
        let classes = probs.classes();
        for fold in 0..self.folds {
            let (held, kept): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(|&i| folds[i] == fold);
            let kept_labels: Vec<usize> = kept.iter().map(|&i| labels[i]).collect();
            let map = method.fit(&rows(probs, &kept)?, &kept_labels)?;
            let mapped = map.apply(&rows(probs, &held)?)?;
            for (row, &i) in held.iter().enumerate() {
                values[i * classes..(i + 1) * classes].copy_from_slice(mapped.row(row));
            }
        }
        Ok(Probabilities::new(values, classes)?)
    }

    /// The map with the lowest cross-validated negative log likelihood. Put [`ClassMethod::Identity`] among `methods`
    /// so that nothing is done where nothing helps.
    ///
    /// # Errors
    /// The first map's error if no map could be fitted; [`RecalibrationError::Metric`] without methods, for a bad
    /// number of folds, or if the labels do not fit.
    pub fn choose(
        &self,
        methods: &[ClassMethod],
        probs: &Probabilities,
        labels: &[usize],
    ) -> Result<Choice, RecalibrationError> {
        self.assign(probs, labels)?;
        let score = |method: &ClassMethod| Ok(nll(&self.predict(method, probs, labels)?, labels)?);
        let results: Vec<Result<f64, RecalibrationError>> = methods.iter().map(score).collect();
        let (best, calibration) = first_that_fits(&results, |i| methods[i].fit(probs, labels))?;
        let scores = methods.iter().zip(results).map(|(&method, result)| match result {
            Ok(nll) => MethodScore { method, nll: Some(nll), failure: None },
            Err(error) => MethodScore { method, nll: None, failure: Some(error.to_string()) },
        });
        Ok(Choice { method: methods[best], calibration, scores: scores.collect() })
    }

    /// That there are examples for every fold.
    pub(super) fn check_folds(&self, examples: usize) -> Result<(), MetricError> {
        if (2..=examples).contains(&self.folds) {
            return Ok(());
        }
        let expected = "at least 2 and at most the number of held-out examples";
        Err(MetricError::Setting { name: "folds", expected, found: self.folds.to_string() })
    }

    /// The fold of each example.
    fn assign(&self, probs: &Probabilities, labels: &[usize]) -> Result<Vec<usize>, MetricError> {
        probs.check_labels(labels)?;
        self.check_folds(labels.len())?;
        let mut order = shuffled(labels.len(), self.seed, 0);
        order.sort_by_key(|&i| labels[i]);
        let mut folds = vec![0; labels.len()];
        order.into_iter().enumerate().for_each(|(place, i)| folds[i] = place % self.folds);
        Ok(folds)
    }
}

/// Some of the rows.
fn rows(probs: &Probabilities, chosen: &[usize]) -> Result<Probabilities, MetricError> {
    Probabilities::new(chosen.iter().flat_map(|&i| probs.row(i).iter().copied()).collect(), probs.classes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(method: &'static str) -> RecalibrationError {
        RecalibrationError::NotConverged { method, iterations: 1, step: 1.0 }
    }

    #[test]
    fn the_next_best_is_taken_where_the_best_cannot_be_fitted() {
        let scores = [Ok(3.0), Err(failed("a fold")), Ok(1.0), Ok(2.0)];
        let fit = |place| if place == 2 { Err(failed("all")) } else { Ok(10 * place) };
        assert_eq!(first_that_fits(&scores, fit), Ok((3, 30)));
        let none: Result<(usize, ()), _> = first_that_fits(&scores, |_| Err(failed("all")));
        assert_eq!(none, Err(failed("a fold")));
        let none: Result<(usize, ()), _> = first_that_fits(&scores[2..], |_| Err(failed("all")));
        assert_eq!(none, Err(failed("all")));
        assert!(first_that_fits(&[], Ok).unwrap_err().to_string().contains("methods"));
    }
}

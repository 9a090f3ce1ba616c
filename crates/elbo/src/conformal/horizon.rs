//! Adaptive conformal intervals of forecasts several steps ahead: a [`DynamicConformal`] for every step and variable.
//!
//! A forecast h steps ahead is known to be right or wrong only h rows later. A threshold therefore learns, at every origin,
//! from forecasts that were made at least as many places before as they look ahead, and from no others: from whether the
//! interval that each *was made with* held its target (Gibbs and Candès 2021 with a delay of h; levels by Gibbs and
//! Candès 2024). Up to h errors are underway at any time, so steps are h times smaller, and a level does not run further past
//! 0 or 1 than without delay. Places count forecasts: where windows were left out for missing values, more rows lie between,
//! and a threshold learns a little later than it could.
//!
//! What is kept are the last [`MEMORY`](HorizonConformal::MEMORY) scores of each: old ones tell of a series as it was.

use super::{DynamicConformal, Threshold, check_alpha, p_value};
use crate::metric::MetricError;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Over how many times levels are to be right; the choice of Gibbs and Candès 2024.
const TIMES: usize = 500;

/// Thresholds that learn, one for each of H steps of V variables.
///
/// ```
/// use elbo::conformal::HorizonConformal;
/// let mut conformal = HorizonConformal::new(0.2, 2, 1)?; // two steps ahead
/// let scores: Vec<f64> = (0..40).flat_map(|i| [f64::from(i % 10), 2.0 * f64::from(i % 10)]).collect();
/// let used = conformal.follow(&scores)?; // what was known before each forecast
/// assert_eq!(used[0], f64::INFINITY); // nothing yet
/// let [one, two] = conformal.thresholds()?[..] else { unreachable!() };
/// assert!((7.0..=9.0).contains(&one) && two == 2.0 * one);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct HorizonConformal {
    alpha: f64,
    variables: usize,
    trackers: Vec<Tracker>,
}

/// One step of one variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tracker {
    level: DynamicConformal,
    /// Of the last forecasts, in the order of time.
    scores: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    alpha: f64,
    variables: usize,
    trackers: Vec<Tracker>,
}

impl TryFrom<Stored> for HorizonConformal {
    type Error = MetricError;

    fn try_from(Stored { alpha, variables, trackers }: Stored) -> Result<Self, MetricError> {
        check_shape(trackers.len(), variables)?;
        Self::new(alpha, trackers.len() / variables, variables)?;
        let unknown = |tracker: &Tracker| tracker.scores.iter().position(|score| score.is_nan());
        match trackers.iter().find_map(unknown) {
            Some(row) => Err(MetricError::Value { what: "scores", row, expected: "a number", found: f64::NAN }),
            None => Ok(Self { alpha, variables, trackers }),
        }
    }
}

impl HorizonConformal {
    /// How many scores each threshold is taken from at most.
    pub const MEMORY: usize = 500;

    /// Nothing learnt yet: every interval is the whole line.
    ///
    /// # Errors
    /// [`MetricError::Setting`] unless `0 < α < 1`, [`MetricError::Empty`] without steps or variables.
    pub fn new(alpha: f64, steps: usize, variables: usize) -> Result<Self, MetricError> {
        check_alpha(alpha)?;
        check_shape(steps.saturating_mul(variables), variables)?;
        let tracker = |k: usize| {
            let level = DynamicConformal::ahead(alpha, TIMES, k / variables + 1)?;
            Ok(Tracker { level, scores: Vec::new() })
        };
        Ok(Self {
            alpha,
            variables,
            trackers: (0..steps * variables).map(tracker).collect::<Result<_, MetricError>>()?,
        })
    }

    /// α.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The steps ahead and the variables.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        (self.trackers.len() / self.variables, self.variables)
    }

    /// The thresholds of the next forecast, if it is made when all that was followed is known.
    ///
    /// # Shapes
    /// - result: `[H, V]`
    ///
    /// # Errors
    /// Those of [`DynamicConformal::threshold`].
    pub fn thresholds(&self) -> Result<Vec<f64>, MetricError> {
        self.trackers.iter().map(Tracker::threshold).collect()
    }

    /// Goes through forecasts in the order of time and returns the thresholds that each was made with; learns from all of
    /// them. The first one has to be made when all that was followed before is known.
    ///
    /// # Shapes
    /// - `scores`, result: `[N, H, V]`, row-major
    ///
    /// # Errors
    /// [`MetricError::Length`] if the last forecast is not whole, [`MetricError::Value`] for a score that is not a number.
    pub fn follow(&mut self, scores: &[f64]) -> Result<Vec<f64>, MetricError> {
        let width = self.trackers.len();
        let forecasts = scores.len() / width;
        if forecasts * width != scores.len() {
            let expected = forecasts * width;
            return Err(MetricError::Length { what: "scores", expected, found: scores.len() });
        }
        if let Some(row) = scores.iter().position(|score| score.is_nan()) {
            return Err(MetricError::Value { what: "scores", row, expected: "a number", found: scores[row] });
        }
        let mut used = vec![f64::INFINITY; scores.len()];
        for (k, tracker) in self.trackers.iter_mut().enumerate() {
            let column: Vec<f64> = scores.chunks_exact(width).map(|forecast| forecast[k]).collect();
            for (i, threshold) in tracker.follow(&column, k / self.variables + 1)?.into_iter().enumerate() {
                used[i * width + k] = threshold;
            }
        }
        Ok(used)
    }

    /// The fewest scores that a threshold was taken from.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.trackers.iter().map(|tracker| tracker.scores.len()).min().unwrap_or(0)
    }
}

/// What an interval was made with.
struct Made {
    levels: Vec<f64>,
    /// How many scores were known.
    known: usize,
}

impl Tracker {
    fn threshold(&self) -> Result<f64, MetricError> {
        self.level.threshold(&self.scores)
    }

    /// The thresholds of forecasts that are known `ahead` places later. The level learns of those only that were made from
    /// scores enough for a finite threshold: the others could not miss.
    fn follow(&mut self, scores: &[f64], ahead: usize) -> Result<Vec<f64>, MetricError> {
        let fewest = Threshold::minimum_examples(self.level.alpha())?;
        let mut known = self.scores.clone();
        let mut made = VecDeque::new();
        let mut used = Vec::with_capacity(scores.len());
        for i in 0..scores.len() + ahead {
            if i >= ahead {
                let score = scores[i - ahead];
                if let Some(Made { levels, known: n }) = made.pop_front().filter(|made: &Made| made.known >= fewest) {
                    self.level.learn(&levels, p_value(last(&known[..n]), score));
                }
                known.push(score);
            }
            if i < scores.len() {
                used.push(self.level.threshold(last(&known))?);
                made.push_back(Made { levels: self.level.levels().to_vec(), known: known.len() });
            }
        }
        self.scores = last(&known).to_vec();
        Ok(used)
    }
}

/// Those that a threshold is taken from.
fn last(scores: &[f64]) -> &[f64] {
    &scores[scores.len().saturating_sub(HorizonConformal::MEMORY)..]
}

fn check_shape(values: usize, variables: usize) -> Result<(), MetricError> {
    if values == 0 || variables == 0 {
        return Err(MetricError::Empty { what: "thresholds" });
    }
    match values % variables {
        0 => Ok(()),
        _ => Err(MetricError::Length { what: "thresholds", expected: values / variables * variables, found: values }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALPHA: f64 = 0.2;

    /// Some scores, all different.
    fn scores(forecasts: u32, width: u32) -> Vec<f64> {
        (0..forecasts * width).map(|k| (f64::from(k) * 0.618_033_988_75).fract() * f64::from(1 + k % width)).collect()
    }

    /// One step ahead is the plain algorithm, fed with the scores before.
    #[test]
    fn one_step_is_dynamic_conformal_inference() {
        let scores = scores(60, 1);
        let used = HorizonConformal::new(ALPHA, 1, 1).unwrap().follow(&scores).unwrap();
        let mut plain = DynamicConformal::with_usual_steps(ALPHA, TIMES).unwrap();
        for (i, &score) in scores.iter().enumerate() {
            assert_eq!(used[i], plain.threshold(&scores[..i]).unwrap(), "{i}");
            if i >= 4 {
                plain.observe(&scores[..i], score).unwrap();
            }
        }
    }

    proptest! {
        /// What a forecast is made with does not depend on what was not known then: change every score that lies h places
        /// before it or later.
        #[test]
        fn thresholds_do_not_see_the_future(at in 0_usize..30, steps in 1_usize..5, variables in 1_usize..3) {
            let width = u32::try_from(steps * variables).unwrap();
            let scores = scores(30, width);
            let mut changed = scores.clone();
            let width = steps * variables;
            for (k, score) in changed.iter_mut().enumerate() {
                let ahead = k % width / variables + 1;
                if k / width + ahead > at {
                    *score += 1e3;
                }
            }
            let follow = |scores: &[f64]| HorizonConformal::new(ALPHA, steps, variables).unwrap().follow(scores).unwrap();
            let row = at * width..(at + 1) * width;
            prop_assert_eq!(&follow(&scores)[row.clone()], &follow(&changed)[row]);
        }

        /// The same in two calls, if the second begins when all of the first is known.
        #[test]
        fn what_was_followed_is_kept(cut in 0_usize..30, variables in 1_usize..3) {
            let scores = scores(30, u32::try_from(variables).unwrap());
            let mut whole = HorizonConformal::new(ALPHA, 1, variables).unwrap();
            let used = whole.follow(&scores).unwrap();
            let mut parts = HorizonConformal::new(ALPHA, 1, variables).unwrap();
            let (first, second) = scores.split_at(cut * variables);
            let first = parts.follow(first).unwrap();
            let json = serde_json::to_string(&parts).unwrap();
            let mut parts: HorizonConformal = serde_json::from_str(&json).unwrap();
            let second = parts.follow(second).unwrap();
            prop_assert_eq!([first, second].concat(), used);
            prop_assert_eq!(parts.thresholds().unwrap(), whole.thresholds().unwrap());
            prop_assert_eq!(parts.examples(), 30);
        }
    }

    #[test]
    fn old_scores_are_forgotten() {
        let mut conformal = HorizonConformal::new(ALPHA, 1, 1).unwrap();
        let new = scores(500, 1);
        let old: Vec<f64> = new.iter().map(|score| 9.0 + score).collect();
        conformal.follow(&old).unwrap();
        assert!(conformal.thresholds().unwrap()[0] > 9.0);
        conformal.follow(&new).unwrap();
        assert_eq!(conformal.examples(), HorizonConformal::MEMORY);
        assert!(conformal.thresholds().unwrap()[0] <= 1.0, "the largest of the new ones is below 1");
    }

    #[test]
    fn misuse_is_named() {
        assert!(HorizonConformal::new(1.0, 1, 1).is_err());
        assert!(HorizonConformal::new(ALPHA, 0, 1).is_err() && HorizonConformal::new(ALPHA, 1, 0).is_err());
        let mut conformal = HorizonConformal::new(ALPHA, 2, 1).unwrap();
        let text = |result: Result<Vec<f64>, MetricError>| result.unwrap_err().to_string();
        assert_eq!(text(conformal.follow(&[0.0; 3])), "scores: expected 2 values, found 3");
        assert_eq!(text(conformal.follow(&[0.0, f64::NAN])), "scores of example 1: expected a number, found NaN");
        assert_eq!(conformal.examples(), 0, "nothing was learnt");
        let json = serde_json::to_string(&conformal).unwrap();
        let bad = json.replace("\"variables\":1", "\"variables\":0");
        assert!(serde_json::from_str::<HorizonConformal>(&bad).is_err());
    }
}

//! Intervals of forecasts whose thresholds learn from what became known.

use super::{other_kind, stddevs};
use crate::conformal::{Band, HorizonConformal, Intervals};
use crate::data::{Dataset, Labels};
use crate::error::{Error, Result};
use crate::metric::MetricError;
use crate::predict::RealPredictions;
use serde::{Deserialize, Serialize};

/// Thresholds of every step and variable, and how far in time they have come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecastConformal {
    thresholds: HorizonConformal,
    /// The last forecast that was learnt from: the time of its first step.
    last: String,
}

impl ForecastConformal {
    /// Learns from the first forecasts, those of `data`.
    pub(super) fn fit(alpha: f64, real: &RealPredictions, data: &Dataset) -> Result<Self> {
        let Labels::Horizon { names, steps, .. } = &data.labels else {
            return Err(Error::labels("conformal", "targets to forecast", &data.labels));
        };
        let mut new = Self { thresholds: HorizonConformal::new(alpha, *steps, names.len())?, last: String::new() };
        new.follow(real, data)?;
        Ok(new)
    }

    /// The fewest forecasts that a threshold was taken from.
    pub(super) fn examples(&self) -> usize {
        self.thresholds.examples()
    }

    /// Of the forecasts of `data`, in the order of time, those that are new: if the last one that was learnt from is among
    /// them, those that begin after all its steps; else all. One that is not new may have been trained on.
    pub(in super::super) fn new_from(&self, data: &Dataset) -> usize {
        let known = data.examples.iter().position(|example| example.id == self.last);
        known.map_or(0, |last| last + self.thresholds.shape().0).min(data.len())
    }

    /// The intervals of forecasts in the order of time, each from what was known when it was made: old ones and those whose
    /// targets are not known have the thresholds of now.
    pub(super) fn follow(&mut self, real: &RealPredictions, data: &Dataset) -> Result<Intervals> {
        let (steps, variables) = self.thresholds.shape();
        let width = steps * variables;
        if real.values != width {
            let found = format!("{} values", real.values);
            return Err(other_kind(&format!("{steps} steps of {variables} variables"), &found));
        }
        let stddevs = stddevs(real);
        let band = Band::Scaled { means: &real.mean, stddevs: &stddevs };
        let now = self.thresholds.thresholds()?;
        let mut used: Vec<f64> = now.iter().copied().cycle().take(real.mean.len()).collect();
        if let Labels::Horizon { values, .. } = &data.labels {
            let from = self.new_from(data);
            let scores = band.scores(values)?;
            used.splice(from * width.., self.thresholds.follow(&scores[from * width..])?);
            if let Some(last) = data.examples[from..].last() {
                last.id.clone_into(&mut self.last);
            }
        }
        intervals(real, &stddevs, &used)
    }
}

/// `μ ± q σ`.
fn intervals(real: &RealPredictions, stddevs: &[f64], thresholds: &[f64]) -> Result<Intervals> {
    if let Some(row) = stddevs.iter().position(|s| !(s.is_finite() && *s > 0.0)) {
        let expected = "a positive finite number";
        return Err(MetricError::Value { what: "stddevs", row, expected, found: stddevs[row] }.into());
    }
    let half = || stddevs.iter().zip(thresholds).map(|(stddev, q)| (stddev * q).max(0.0));
    let low = real.mean.iter().zip(half()).map(|(mean, half)| mean - half).collect();
    let high = real.mean.iter().zip(half()).map(|(mean, half)| mean + half).collect();
    Ok(Intervals { low, high })
}

#[cfg(test)]
mod tests {
    use super::super::tests::normals;
    use super::*;
    use crate::data::Example;

    fn data(first: usize, targets: &[f64]) -> Dataset {
        let examples = (0..targets.len()).map(|i| Example { id: format!("{}", first + i), values: vec![0.0] });
        let labels = Labels::Horizon { names: vec!["y".into()], steps: 1, values: targets.to_vec() };
        Dataset { name: "s".into(), channels: 1, examples: examples.collect(), labels }
    }

    fn fitted(targets: &[f64]) -> ForecastConformal {
        ForecastConformal::fit(0.5, &normals(&vec![1.0; targets.len()]), &data(0, targets)).unwrap()
    }

    #[test]
    fn thresholds_go_on_where_they_were() {
        let conformal = fitted(&[1.0, 2.0, 3.0]);
        // One step ahead: forecast 3 is made when 0, 1 and 2 are known; number ⌈4/2⌉ = 2 of their scores.
        let intervals = conformal.clone().follow(&normals(&[1.0]), &data(3, &[9.0])).unwrap();
        assert!((2.0..=3.0).contains(&intervals.high[0]) && intervals.low[0] == -intervals.high[0], "{intervals:?}");
        let mut learned = conformal.clone();
        learned.follow(&normals(&[1.0; 5]), &data(3, &[9.0; 5])).unwrap();
        assert_eq!(learned.last, "7");
        let none = Dataset { labels: Labels::None, ..data(8, &[0.0]) };
        let after = learned.clone().follow(&normals(&[2.0]), &none).unwrap();
        assert_eq!(after.high[0], 18.0, "twice as uncertain, twice as wide");
        assert_eq!(learned.clone().follow(&normals(&[1.0]), &none).unwrap().high, [9.0]);
    }

    /// A file that begins with what is known: only what comes after is learnt from.
    #[test]
    fn known_forecasts_are_not_learnt_from_again() {
        let conformal = fitted(&[1.0, 2.0, 3.0]);
        let mut again = conformal.clone();
        again.follow(&normals(&[1.0; 3]), &data(0, &[50.0; 3])).unwrap();
        assert_eq!(again, conformal);
        let (mut whole, mut rest) = (conformal.clone(), conformal);
        whole.follow(&normals(&[1.0; 5]), &data(0, &[50.0, 50.0, 50.0, 4.0, 5.0])).unwrap();
        rest.follow(&normals(&[1.0; 2]), &data(3, &[4.0, 5.0])).unwrap();
        assert_eq!(whole, rest);
    }

    #[test]
    fn other_predictions_are_refused() {
        let error = fitted(&[1.0]).follow(&RealPredictions { values: 2, ..normals(&[1.0; 2]) }, &data(1, &[0.0; 2]));
        assert!(error.unwrap_err().to_string().contains("1 steps of 1 variables"));
        let none = Dataset { labels: Labels::None, ..data(0, &[0.0]) };
        assert!(ForecastConformal::fit(0.1, &normals(&[1.0]), &none).is_err());
    }
}

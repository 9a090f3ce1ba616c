//! Scores of sets and intervals.

use super::{Conformal, ConformalConfig, check_length, other_kind};
use crate::conformal::{CoverageLaw, Intervals, PredictionSets, SetScores};
use crate::data::{Dataset, Labels};
use crate::error::{Error, Result};
use crate::metric::{Bootstrap, Estimate, MetricError, count, mean};
use serde::{Deserialize, Serialize};

/// How rarely a coverage lies outside [`ExpectedCoverage`], at most.
const ERROR: f64 = 0.01;

/// Scores of sets or intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConformalScores {
    /// How they were made.
    pub config: ConformalConfig,
    /// Number of examples that the thresholds were fitted to.
    pub examples: usize,
    /// Where the coverage should lie: of all examples, or of each class that occurs if each has a threshold.
    pub expected: Vec<ExpectedCoverage>,
    /// Coverage and size.
    #[serde(flatten)]
    pub scores: CoverageScores,
}

/// Coverage and size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CoverageScores {
    /// Of sets.
    Sets(SetScores),
    /// Of intervals of forecasts. (Before those of intervals, whose names are among these.)
    Forecast(ForecastIntervalScores),
    /// Of intervals.
    Intervals(IntervalScores),
}

/// Scores of intervals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntervalScores {
    /// Share of the targets that are in their interval.
    pub coverage: Estimate,
    /// Mean width, in the unit of the targets; infinite if an interval is the whole line.
    pub mean_width: Estimate,
}

/// Scores of intervals of forecasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastIntervalScores {
    /// Share of the values that are in their interval; resampled in blocks of a horizon.
    pub coverage: Estimate,
    /// Mean width of those that are not the whole line, in the unit of the targets; `None` for several variables, or if all
    /// are.
    pub mean_width: Option<Estimate>,
    /// Share of the intervals that are the whole line: nothing can be left out after many misses.
    pub unbounded: f64,
    /// Each step ahead.
    pub by_step: Vec<StepCoverage>,
}

/// Scores of intervals one step ahead.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepCoverage {
    /// Number of the step, counted from 1.
    pub step: usize,
    /// Share of the values that are in their interval.
    pub coverage: f64,
    /// Mean width of those that are not the whole line; `None` for several variables, or if all are.
    pub mean_width: Option<f64>,
}

/// Where the coverage of test examples lies but for a probability of at most 1 %, given how many examples there are of
/// each part ([`CoverageLaw`]). Where scores tie, as those of histogram bins do, more may be covered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectedCoverage {
    /// The class; `None` for all examples.
    pub class: Option<usize>,
    /// Share of the test examples, lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Conformal {
    /// Scores of sets.
    ///
    /// # Errors
    /// Those of [`PredictionSets::scores`].
    pub fn score_sets(&self, sets: &PredictionSets, labels: &[usize]) -> Result<ConformalScores> {
        let scores = CoverageScores::Sets(sets.scores(labels, &Bootstrap::default())?);
        let size = |class: usize| labels.iter().filter(|&&label| label == class).count();
        let expected = match self.config.per_class {
            true => {
                let occurring = (0..sets.classes()).filter(|&class| size(class) > 0);
                occurring.map(|class| self.expected(Some(class), size(class))).collect::<Result<_>>()?
            }
            false => vec![self.expected(None, labels.len())?],
        };
        Ok(ConformalScores { config: self.config, examples: self.examples, expected, scores })
    }

    /// Scores of intervals.
    ///
    /// # Errors
    /// [`MetricError::Length`] or [`MetricError::Empty`] if the targets do not fit.
    pub fn score_intervals(&self, intervals: &Intervals, targets: &[f64]) -> Result<ConformalScores> {
        let (covered, widths) = covered_and_wide(intervals, targets)?;
        let bootstrap = Bootstrap::default();
        let coverage = bootstrap.mean(&covered)?;
        let scores = CoverageScores::Intervals(IntervalScores { coverage, mean_width: bootstrap.mean(&widths)? });
        let expected = vec![self.expected(None, targets.len())?];
        Ok(ConformalScores { config: self.config, examples: self.examples, expected, scores })
    }

    /// Scores of the intervals of the forecasts of `data`, of those that nothing was learnt from yet: intervals of the others
    /// were made with what came later. `None` if there are none. Nothing is said of what to expect: forecasts are not
    /// exchangeable.
    ///
    /// # Errors
    /// [`Error::Targets`](crate::Error::Targets) without targets to forecast, [`MetricError::Length`] if the intervals do not
    /// fit.
    pub fn score_forecasts(&self, intervals: &Intervals, data: &Dataset) -> Result<Option<ConformalScores>> {
        let Labels::Horizon { names, steps, values } = &data.labels else {
            return Err(Error::labels("conformal", "targets to forecast", &data.labels));
        };
        let from = self.new_from(data);
        if from == data.len() {
            return Ok(None);
        }
        let (covered, widths) = covered_and_wide(intervals, values)?;
        let first = from * steps * names.len();
        let scores = forecast_scores(&covered[first..], &widths[first..], (*steps, names.len()))?;
        let scores = CoverageScores::Forecast(scores);
        Ok(Some(ConformalScores { config: self.config, examples: self.examples, expected: Vec::new(), scores }))
    }

    /// Where the coverage of `test` examples should lie.
    fn expected(&self, class: Option<usize>, test: usize) -> Result<ExpectedCoverage> {
        let Some(threshold) = self.threshold(class.unwrap_or(0)) else {
            return Err(other_kind("examples", "forecasts"));
        };
        let law = CoverageLaw::new(threshold.examples(), threshold.alpha())?;
        let (low, high) = law.covered_between(test, ERROR)?;
        Ok(ExpectedCoverage { class, low: count(low) / count(test), high: count(high) / count(test) })
    }
}

impl CoverageScores {
    /// Share of the examples that are covered.
    #[must_use]
    pub fn coverage(&self) -> Estimate {
        match self {
            Self::Sets(scores) => scores.coverage,
            Self::Forecast(scores) => scores.coverage,
            Self::Intervals(scores) => scores.coverage,
        }
    }
}

/// Whether each target is in its interval, 1 or 0, and how wide that is.
fn covered_and_wide(intervals: &Intervals, targets: &[f64]) -> Result<(Vec<f64>, Vec<f64>), MetricError> {
    check_length(intervals.low.len(), targets.len())?;
    let ends = || intervals.low.iter().zip(&intervals.high);
    let covered = ends().zip(targets).map(|((low, high), y)| f64::from(u8::from(low <= y && y <= high)));
    Ok((covered.collect(), ends().map(|(low, high)| high - low).collect()))
}

fn forecast_scores(
    covered: &[f64],
    widths: &[f64],
    (steps, variables): (usize, usize),
) -> Result<ForecastIntervalScores, MetricError> {
    let width = steps * variables;
    let forecasts = covered.len().checked_div(width).unwrap_or(0);
    if forecasts == 0 {
        return Err(MetricError::Empty { what: "targets" });
    }
    let values = |values: &[f64], chosen: &[usize]| -> Vec<f64> {
        chosen.iter().flat_map(|&i| &values[i * width..(i + 1) * width]).copied().collect()
    };
    let bounded = |found: Vec<f64>| if variables == 1 { mean_of_finite(&found) } else { None };
    let blocks = Bootstrap { block: steps, ..Bootstrap::default() };
    let mean_width = |chosen: &[usize]| bounded(values(widths, chosen)).unwrap_or(f64::NAN);
    let of_step = |values: &[f64], step: usize| -> Vec<f64> {
        values.chunks_exact(width).flat_map(|row| &row[step * variables..(step + 1) * variables]).copied().collect()
    };
    let by_step = (0..steps).map(|h| {
        let (covered, widths) = (of_step(covered, h), of_step(widths, h));
        StepCoverage { step: h + 1, coverage: mean(&covered), mean_width: bounded(widths) }
    });
    let unbounded = count(widths.iter().filter(|width| width.is_infinite()).count()) / count(widths.len());
    Ok(ForecastIntervalScores {
        coverage: blocks.estimate(forecasts, |chosen| mean(&values(covered, chosen)))?,
        mean_width: blocks.estimate_where_defined(forecasts, mean_width)?,
        unbounded,
        by_step: by_step.collect(),
    })
}

/// `None` if nothing is finite.
fn mean_of_finite(values: &[f64]) -> Option<f64> {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    (!finite.is_empty()).then(|| mean(&finite))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two forecasts of two steps; one interval is the whole line.
    #[test]
    fn forecasts_by_hand() {
        let inf = f64::INFINITY;
        let intervals = Intervals { low: vec![0.0, 0.0, 0.0, -inf], high: vec![1.0, 3.0, 2.0, inf] };
        let (covered, widths) = covered_and_wide(&intervals, &[2.0, 3.0, 1.0, 7.0]).unwrap();
        let scores = forecast_scores(&covered, &widths, (2, 1)).unwrap();
        assert_eq!((scores.coverage.value, scores.unbounded, scores.mean_width.unwrap().value), (0.75, 0.25, 2.0));
        let steps: Vec<_> = scores.by_step.iter().map(|of| (of.step, of.coverage, of.mean_width)).collect();
        assert_eq!(steps, [(1, 0.5, Some(1.5)), (2, 1.0, Some(3.0))]);
        let two = forecast_scores(&covered, &widths, (1, 2)).unwrap();
        assert_eq!((two.mean_width, two.by_step.len(), two.coverage.value), (None, 1, 0.75));
        // Five blocks of two forecasts have intervals, fewer have none.
        assert!(!scores.coverage.has_interval());
        let mixed: Vec<f64> = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0].iter().copied().cycle().take(40).collect();
        let twenty = forecast_scores(&mixed, &[1.0; 40], (2, 1)).unwrap().coverage;
        assert!(twenty.low < twenty.value && twenty.value < twenty.high && twenty.has_interval(), "{twenty:?}");
        let config = ConformalConfig { score: super::super::ConformalScore::Adaptive, alpha: 0.1, per_class: false };
        let scores = CoverageScores::Forecast(scores);
        let scores = ConformalScores { config, examples: 9, expected: Vec::new(), scores };
        let text = serde_json::to_string(&scores).unwrap();
        assert_eq!(serde_json::from_str::<ConformalScores>(&text).unwrap(), scores);
        assert!(forecast_scores(&[], &[], (2, 1)).is_err());
    }
}

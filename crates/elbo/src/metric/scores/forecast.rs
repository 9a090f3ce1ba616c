//! Scores of forecasts: what regression is scored by, over all steps of the horizon, for each step and for each variable.
//! Several variables in units of their own are best looked at one by one, or by [`ForecastScores::relative_rmse`], which has
//! no unit.
//!
//! An interval resamples forecasts, each with all its steps, in blocks of as many as there are steps: those that start less
//! than a horizon apart share rows. Where errors hang together for longer, and with few blocks, intervals are too short.

use super::super::{Bootstrap, Estimate, MetricError, count};
use crate::predict::Mixture;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What is predicted for N forecasts of H steps of V variables.
#[derive(Clone, Copy, Debug)]
pub struct ForecastPredictions<'a> {
    /// Values of a forecast: H V.
    pub values: usize,
    /// V.
    pub variables: usize,
    /// Predictive distributions `[N, H, V]`, row-major.
    pub distributions: &'a [Mixture],
    /// The last values that were seen, `[N, V]`: the forecast by persistence.
    pub last: &'a [f64],
    /// What was so many rows before, if there is a season: the period, and the values `[N, H, V]`.
    pub seasonal: Option<(usize, &'a [f64])>,
}

/// The seasonal naive forecast: what was a season ago.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeasonalNaive {
    /// Rows of a season.
    pub period: usize,
    /// Root of its mean squared error, in the unit of the targets.
    pub rmse: Estimate,
}

/// Scores of forecasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastScores {
    /// Root of the mean squared error of the predictive means, in the unit of the targets.
    pub rmse: Estimate,
    /// Mean absolute error of the predictive medians, in the unit of the targets.
    pub mae: Estimate,
    /// Continuous ranked probability score of single values, in the unit of the targets; `None` where a value has none
    /// ([`Mixture::crps`]).
    pub crps: Option<Estimate>,
    /// Negative log density of single values, nats per value.
    pub nll: Estimate,
    /// Share of the targets within their central 90 % interval; 0.9 if calibrated.
    pub coverage_90: Estimate,
    /// RMSE of saying that nothing changes.
    pub persistence_rmse: Estimate,
    /// How much smaller the RMSE is than that of persistence: their ratio, the geometric mean over the variables. Below 1 is
    /// better than saying that nothing changes. `None` where a variable does not change at all.
    #[serde(default)]
    pub relative_rmse: Option<Estimate>,
    /// Beside saying what was a season ago; `None` without a season.
    #[serde(default)]
    pub seasonal_naive: Option<SeasonalNaive>,
    /// Each step ahead.
    pub by_step: Vec<StepScores>,
    /// Each variable, in their order; none if there is but one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_variable: Vec<VariableScores>,
}

/// Scores of one variable over all steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariableScores {
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Mean absolute error of the medians.
    pub mae: f64,
    /// Share of the targets within their central 90 % interval.
    pub coverage_90: f64,
    /// Mean width of these intervals, in the unit of the variable.
    pub width_90: f64,
    /// RMSE of saying that nothing changes.
    pub persistence_rmse: f64,
}

/// Scores of one step ahead.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepScores {
    /// Number of the step, counted from 1.
    pub step: usize,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Mean absolute error of the medians.
    pub mae: f64,
    /// Share of the targets within their central 90 % interval.
    pub coverage_90: f64,
    /// Mean width of these intervals, in the unit of the targets.
    pub width_90: f64,
}

/// What each value adds to the scores.
struct Value {
    squared: f64,
    absolute: f64,
    nll: f64,
    crps: f64,
    covered: f64,
    width: f64,
    persistence: f64,
    seasonal: f64,
}

/// All scores of forecasts, with percentile intervals.
///
/// # Shapes
/// - `targets`: `[N, H, V]`, row-major
///
/// # Errors
/// [`MetricError::Length`] or [`MetricError::Empty`] if a list does not fit, [`MetricError::Value`] for a target that is
/// not finite, [`MetricError::Setting`] for a bad `bootstrap`.
pub fn forecast_scores(
    predictions: &ForecastPredictions<'_>,
    targets: &[f64],
    bootstrap: &Bootstrap,
) -> Result<ForecastScores, MetricError> {
    let forecasts = check(predictions, targets)?;
    let ForecastPredictions { values: width, variables, .. } = *predictions;
    let values: Vec<Value> = (0..targets.len()).into_par_iter().map(|k| value(predictions, targets, k)).collect();
    let mean = |chosen: &[usize], of: fn(&Value) -> f64| {
        let rows = chosen.iter().flat_map(|&i| &values[i * width..(i + 1) * width]);
        rows.map(of).sum::<f64>() / count(chosen.len() * width)
    };
    let blocks = Bootstrap { block: bootstrap.block.max(width / variables), ..*bootstrap };
    let resampled = blocks.resample(forecasts, |chosen| {
        [
            mean(chosen, |value| value.squared).sqrt(),
            mean(chosen, |value| value.absolute),
            mean(chosen, |value| value.nll),
            mean(chosen, |value| value.covered),
            mean(chosen, |value| value.persistence).sqrt(),
            mean(chosen, |value| value.crps),
            relative(&values, chosen, (width, variables)),
            mean(chosen, |value| value.seasonal).sqrt(),
        ]
    })?;
    Ok(ForecastScores {
        rmse: resampled.percentile(0)?,
        mae: resampled.percentile(1)?,
        crps: resampled.where_defined(5),
        nll: resampled.percentile(2)?,
        coverage_90: resampled.percentile(3)?,
        persistence_rmse: resampled.percentile(4)?,
        relative_rmse: resampled.where_defined(6),
        seasonal_naive: predictions
            .seasonal
            .and_then(|(period, _)| Some(SeasonalNaive { period, rmse: resampled.where_defined(7)? })),
        by_step: (0..width / variables).map(|step| of_step(&values, step, variables, width)).collect(),
        by_variable: match variables {
            1 => Vec::new(),
            _ => (0..variables).map(|v| of_variable(&values, v, variables)).collect(),
        },
    })
}

fn value(predictions: &ForecastPredictions<'_>, targets: &[f64], k: usize) -> Value {
    let ForecastPredictions { values, variables, distributions, last, seasonal } = *predictions;
    let (y, distribution) = (targets[k], &distributions[k]);
    let (low, high) = distribution.interval(0.9);
    let last = last[k / values * variables + k % variables];
    Value {
        squared: (distribution.mean() - y).powi(2),
        absolute: (distribution.quantile(0.5) - y).abs(),
        nll: -distribution.log_density(y),
        crps: distribution.crps(y).unwrap_or(f64::NAN),
        covered: f64::from(u8::from((low..=high).contains(&y))),
        width: high - low,
        persistence: (last - y).powi(2),
        seasonal: seasonal.map_or(f64::NAN, |(_, values)| (values[k] - y).powi(2)),
    }
}

/// Geometric mean over the variables of RMSE over persistence's RMSE of the chosen forecasts; not a number or infinite where
/// that of one is 0.
fn relative(values: &[Value], chosen: &[usize], (width, variables): (usize, usize)) -> f64 {
    let mut squares = vec![[0.0; 2]; variables];
    for value in chosen.iter().flat_map(|&i| values[i * width..(i + 1) * width].iter().enumerate()) {
        let (k, value) = value;
        squares[k % variables][0] += value.squared;
        squares[k % variables][1] += value.persistence;
    }
    if squares.iter().any(|[_, persistence]| *persistence <= 0.0) {
        return f64::NAN;
    }
    let logs = squares.iter().map(|[model, persistence]| 0.5 * (model / persistence).ln());
    (logs.sum::<f64>() / count(variables)).exp()
}

fn of_variable(values: &[Value], variable: usize, variables: usize) -> VariableScores {
    let rows = || values.iter().skip(variable).step_by(variables);
    let mean = |of: fn(&Value) -> f64| rows().map(of).sum::<f64>() / count(rows().count());
    VariableScores {
        rmse: mean(|value| value.squared).sqrt(),
        mae: mean(|value| value.absolute),
        coverage_90: mean(|value| value.covered),
        width_90: mean(|value| value.width),
        persistence_rmse: mean(|value| value.persistence).sqrt(),
    }
}

fn of_step(values: &[Value], step: usize, variables: usize, width: usize) -> StepScores {
    let rows = || values.chunks_exact(width).flat_map(|row| &row[step * variables..(step + 1) * variables]);
    let mean = |of: fn(&Value) -> f64| rows().map(of).sum::<f64>() / count(rows().count());
    StepScores {
        step: step + 1,
        rmse: mean(|value| value.squared).sqrt(),
        mae: mean(|value| value.absolute),
        coverage_90: mean(|value| value.covered),
        width_90: mean(|value| value.width),
    }
}

/// Number of forecasts.
fn check(predictions: &ForecastPredictions<'_>, targets: &[f64]) -> Result<usize, MetricError> {
    let ForecastPredictions { values, variables, distributions, last, seasonal } = *predictions;
    let length = |what, expected, found| {
        if expected == found { Ok(()) } else { Err(MetricError::Length { what, expected, found }) }
    };
    if targets.is_empty() || values == 0 || variables == 0 {
        return Err(MetricError::Empty { what: "targets" });
    }
    let forecasts = targets.len() / values;
    length("targets", forecasts * values, targets.len())?;
    length("values", values / variables * variables, values)?;
    length("distributions", targets.len(), distributions.len())?;
    length("last", forecasts * variables, last.len())?;
    length("seasonal", targets.len(), seasonal.map_or(targets.len(), |(_, values)| values.len()))?;
    match targets.iter().position(|y| !y.is_finite()) {
        Some(row) => Err(MetricError::Value { what: "targets", row, expected: "a finite number", found: targets[row] }),
        None => Ok(forecasts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(loc: f64, scale: f64) -> Mixture {
        let mut mixture = Mixture::default();
        mixture.push_normal(loc, scale);
        mixture
    }

    /// Two forecasts of two steps of two variables.
    #[test]
    fn by_hand() {
        let distributions: Vec<Mixture> = (0..8).map(|_| normal(0.0, 1.0)).collect();
        let predictions = ForecastPredictions {
            values: 4,
            variables: 2,
            distributions: &distributions,
            last: &[1.0; 4],
            seasonal: None,
        };
        let targets = [1.0, -1.0, 2.0, 0.0, 1.0, 1.0, -2.0, 0.0];
        let scores = forecast_scores(&predictions, &targets, &Bootstrap::default()).unwrap();
        assert!((scores.rmse.value - (12.0_f64 / 8.0).sqrt()).abs() < 1e-12);
        assert!((scores.mae.value - 1.0).abs() < 1e-12);
        assert!((scores.coverage_90.value - 0.75).abs() < 1e-12, "2 lies beyond 1.64");
        // Of a standard normal at 0, 1 and 2: (sqrt 2 - 1) / sqrt π, and so on by Gneiting and Raftery 2007, section 4.2.
        let crps = (2.0 * 0.233_694_977_255_109 + 4.0 * 0.602_441_357_627_617 + 2.0 * 1.452_791_821_685_904) / 8.0;
        assert!((scores.crps.unwrap().value - crps).abs() < 1e-9);
        let nll = 0.5 * 1.5 + 0.5 * core::f64::consts::TAU.ln();
        assert!((scores.nll.value - nll).abs() < 1e-12);
        let squared = [0.0, 4.0, 1.0, 1.0, 0.0, 0.0, 9.0, 1.0];
        assert!((scores.persistence_rmse.value - (squared.iter().sum::<f64>() / 8.0).sqrt()).abs() < 1e-12);
        assert_eq!(scores.by_step.iter().map(|step| step.step).collect::<Vec<_>>(), [1, 2]);
        assert!((scores.by_step[0].rmse - 1.0).abs() < 1e-12 && (scores.by_step[1].coverage_90 - 0.5).abs() < 1e-12);
        assert!((scores.by_step[0].width_90 - 2.0 * 1.644_853_626_951_472).abs() < 1e-9);
        // The first variable: 1, 2, 1 and -2, each less 1 by persistence; the second: -1, 0, 1 and 0.
        let [first, second] = scores.by_variable[..] else { panic!("{scores:?}") };
        assert!((first.rmse - 2.5_f64.sqrt()).abs() < 1e-12 && (second.rmse - 0.5_f64.sqrt()).abs() < 1e-12);
        assert!((first.persistence_rmse - 2.5_f64.sqrt()).abs() < 1e-12 && first.coverage_90 == 0.5);
        assert!((second.persistence_rmse - 1.5_f64.sqrt()).abs() < 1e-12 && second.coverage_90 == 1.0);
        assert!((first.mae - 1.5).abs() < 1e-12 && (second.width_90 - 2.0 * 1.644_853_626_951_472).abs() < 1e-9);
        // √(1 · √(1/3)): in whatever units.
        assert!((scores.relative_rmse.unwrap().value - (1.0_f64 / 3.0).powf(0.25)).abs() < 1e-12);
        let json = serde_json::to_string(&scores).unwrap();
        assert_eq!(serde_json::from_str::<ForecastScores>(&json).unwrap(), scores);
        assert_eq!(scores.seasonal_naive, None);
        let season =
            ForecastPredictions { seasonal: Some((3, &[1.0, -1.0, 2.0, 0.0, 1.0, 1.0, 2.0, 0.0])), ..predictions };
        let naive = forecast_scores(&season, &targets, &Bootstrap::default()).unwrap().seasonal_naive.unwrap();
        assert_eq!((naive.period, naive.rmse.value), (3, (16.0_f64 / 8.0).sqrt()));
        let short = ForecastPredictions { seasonal: Some((3, &[1.0])), ..predictions };
        assert!(forecast_scores(&short, &targets, &Bootstrap::default()).is_err());
        let still = ForecastPredictions { last: &[0.0; 4], ..predictions };
        let scores = forecast_scores(&still, &[0.0; 8], &Bootstrap::default()).unwrap();
        assert_eq!(scores.relative_rmse, None, "persistence is exact");
    }

    #[test]
    fn bad_lists_are_named() {
        let distributions = vec![normal(0.0, 1.0); 2];
        let message = |values, variables, last: &[f64], targets: &[f64]| {
            let predictions =
                ForecastPredictions { values, variables, distributions: &distributions, last, seasonal: None };
            forecast_scores(&predictions, targets, &Bootstrap::default()).unwrap_err().to_string()
        };
        assert_eq!(message(2, 1, &[0.0], &[]), "targets: expected at least one example, found none");
        assert_eq!(message(2, 1, &[0.0], &[0.0; 3]), "targets: expected 2 values, found 3");
        assert_eq!(message(2, 1, &[0.0; 2], &[0.0; 2]), "last: expected 1 values, found 2");
        assert_eq!(message(1, 1, &[0.0; 3], &[0.0; 3]), "distributions: expected 3 values, found 2");
        let found = message(2, 1, &[0.0], &[0.0, f64::NAN]);
        assert_eq!(found, "targets of example 1: expected a finite number, found NaN");
    }
}

//! Forecasts side by side: paired by time, step and variable, resampled by forecast with all its steps.

use super::Compared;
use super::scores::{COVERAGE_GAP, HORIZON, Score, gap};
use crate::error::Result;
use crate::number::mean;
use crate::read::{Horizon, Predicted};
use elbo::metric::{
    Bootstrap, Estimate, Forecasts, MetricError, covered_per_example, interval_score_per_example, squared_errors,
};

/// All scores of forecasts with one test set.
pub fn compared(predicted: &[&Predicted]) -> Result<Vec<Compared>> {
    HORIZON.iter().map(|&score| of_score(score, predicted)).collect()
}

fn of_score(score: Score, predicted: &[&Predicted]) -> Result<Compared> {
    let terms = predicted.iter().map(|run| per_forecast(score, run)).collect::<Result<Vec<_>, _>>()?;
    let steps = predicted.iter().map(|run| steps(run)).max().unwrap_or(1);
    let (bootstrap, n) = (Bootstrap { block: steps, ..Bootstrap::default() }, terms[0].len());
    let estimate = |statistic: &(dyn Fn(&[usize]) -> f64 + Sync)| match score.key {
        COVERAGE_GAP => bootstrap.estimate_shifted(n, statistic),
        _ => bootstrap.estimate(n, statistic),
    };
    let value = |terms: &Vec<f64>| Ok(Some(estimate(&|chosen| total(score, terms, chosen))?));
    let difference = |(run, terms_of_run): (usize, &Vec<f64>)| -> Result<Option<Estimate>> {
        let of = |terms: &Vec<f64>, chosen: &[usize]| total(score, terms, chosen);
        if run == 0 {
            return Ok(None);
        }
        Ok(Some(estimate(&|chosen| of(terms_of_run, chosen) - of(&terms[0], chosen))?))
    };
    Ok(Compared {
        score,
        values: terms.iter().map(value).collect::<Result<_>>()?,
        differences: terms.iter().enumerate().map(difference).collect::<Result<_>>()?,
    })
}

/// Steps of a forecast: so many in a row share rows.
fn steps(predicted: &Predicted) -> usize {
    match predicted {
        Predicted::Horizon(horizon) => horizon.steps.max(1),
        Predicted::Classes(_) | Predicted::Reals(_) => 1,
    }
}

/// What every forecast adds: the mean over its steps and variables.
fn per_forecast(score: Score, predicted: &Predicted) -> Result<Vec<f64>, MetricError> {
    let Predicted::Horizon(Horizon { values, ids, .. }) = predicted else { return Ok(Vec::new()) };
    let each = match score.key {
        "normal_crps" => Forecasts::normal(&values.mean, &values.stddev)?.crps(&values.targets)?,
        "interval_score_90" => interval_score_per_example(&values.low, &values.high, &values.targets, 0.9)?,
        "coverage_90" | COVERAGE_GAP => covered_per_example(&values.low, &values.high, &values.targets)?,
        _ => squared_errors(&values.mean, &values.targets)?,
    };
    Ok(each.chunks_exact(each.len() / ids.len()).map(mean).collect())
}

/// The score of chosen forecasts.
fn total(score: Score, terms: &[f64], chosen: &[usize]) -> f64 {
    let mean = chosen.iter().map(|&i| terms[i]).sum::<f64>() / crate::number::count(chosen.len());
    match score.key {
        "rmse" => mean.sqrt(),
        COVERAGE_GAP => gap(mean),
        _ => mean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Reals;

    /// Two forecasts of two steps; run b is off by 1 more at every second step.
    #[test]
    fn steps_of_a_forecast_stay_together() {
        let of = |mean: [f64; 4]| {
            let values = Reals {
                targets: vec![0.0; 4],
                mean: mean.into(),
                stddev: vec![1.0; 4],
                low: mean.map(|m| m - 1.5).into(),
                high: mean.map(|m| m + 1.5).into(),
                ..Reals::default()
            };
            let ids = vec!["a".into(), "b".into()];
            Predicted::Horizon(Horizon { variables: vec!["x".into()], steps: 2, ids, values })
        };
        let found = compared(&[&of([1.0; 4]), &of([1.0, 2.0, 1.0, 2.0])]).unwrap();
        let rmse = found[0].differences[1].unwrap();
        let expected = 2.5_f64.sqrt() - 1.0;
        for end in [rmse.value, rmse.low, rmse.high] {
            assert!((end - expected).abs() < 1e-12, "{rmse:?}");
        }
        let coverage = found[3].differences[1].unwrap();
        assert_eq!((coverage.value, coverage.low, coverage.high), (-0.5, -0.5, -0.5));
        assert_eq!(found[0].differences[0], None);
    }
}

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
    use super::super::Verdict;
    use super::*;
    use crate::read::Reals;

    /// Forecasts of two steps of a target that is 0, with these means.
    fn forecasts(mean: &[f64]) -> Predicted {
        let values = Reals {
            targets: vec![0.0; mean.len()],
            mean: mean.to_vec(),
            stddev: vec![1.0; mean.len()],
            low: mean.iter().map(|m| m - 1.5).collect(),
            high: mean.iter().map(|m| m + 1.5).collect(),
            ..Reals::default()
        };
        let ids = (0..mean.len() / 2).map(|i| i.to_string()).collect();
        Predicted::Horizon(Horizon { variables: vec!["x".into()], steps: 2, ids, values })
    }

    /// Forecast i of a is off by 1 + i, at its second step by 1 more in b: what they share cancels in the difference, for every
    /// forecast has the same.
    #[test]
    fn steps_of_a_forecast_stay_together() {
        let means =
            |more: f64| (0..20).flat_map(|i| [1.0 + f64::from(i), 1.0 + f64::from(i) + more]).collect::<Vec<_>>();
        let found = compared(&[&forecasts(&means(0.0)), &forecasts(&means(1.0))]).unwrap();
        let [a, b] = [0, 1].map(|run| found[0].values[run].unwrap());
        let rmse = found[0].differences[1].unwrap();
        assert!((rmse.value - (b.value - a.value)).abs() < 1e-12 && found[0].differences[0].is_none());
        assert!(rmse.low < rmse.value && rmse.value < rmse.high, "{rmse:?}");
        assert!(rmse.high - rmse.low < 0.05 * (a.high - a.low), "{rmse:?} beside {a:?}");
        assert_eq!(found[0].score.verdict(&rmse), Verdict::Worse);
    }

    #[test]
    fn a_few_forecasts_show_no_difference() {
        let found = compared(&[&forecasts(&[1.0; 18]), &forecasts(&[3.0; 18])]).unwrap();
        for of in &found {
            let difference = of.differences[1].unwrap();
            assert!(difference.value != 0.0 && !difference.has_interval(), "{difference:?}");
            assert_eq!(of.score.verdict(&difference), Verdict::NotShown);
        }
    }
}

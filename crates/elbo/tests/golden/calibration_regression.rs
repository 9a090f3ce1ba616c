//! `calibration_regression.json`: scores of normal forecasts and of ensembles.
//!
//! Scores are computed in `f64` whatever the type of the network, so both runs are the same and both are held to the
//! tolerance of `f64`.

use crate::calibration_classification::list;
use crate::compare::{self, Quantity};
use crate::fields::{Array, Failure};
use crate::file::Case;
use burn::tensor::DType;
use elbo::metric::{self, Forecasts, MetricError};

pub fn run(case: &Case<'_>, _: DType) -> Result<(), Failure> {
    if case.inputs.has("members") { check_ensemble(case) } else { check_normal(case) }
}

fn check_normal(case: &Case<'_>) -> Result<(), Failure> {
    let (y, levels) = (case.inputs.array("y")?.data, case.inputs.array("levels")?.data);
    let (means, stddevs) = (case.inputs.array("mean")?.data, case.inputs.array("stddev")?.data);
    check_size(case, &y)?;
    let forecasts = Forecasts::normal(&means, &stddevs).map_err(text)?;
    let (nll, crps) = (forecasts.nll(&y).map_err(text)?, forecasts.crps(&y).map_err(text)?);
    number(case, "nll", metric::mean_nll(&nll).map_err(text)?)?;
    number(case, "crps", mean(&crps))?;
    number(case, "rmse", metric::rmse(&means, &y).map_err(text)?)?;
    number(case, "mae", metric::mae(&means, &y).map_err(text)?)?;
    lists(case, "nll_per_example", nll)?;
    lists(case, "crps_per_example", crps)?;
    lists(case, "pit", forecasts.pit(&y, 0).map_err(text)?)?;
    let table = metric::level_coverages(&forecasts, &y, &levels).map_err(text)?;
    lists(case, "coverage_central", table.iter().map(|row| row.coverage).collect())?;
    lists(case, "mean_width", table.iter().map(|row| row.mean_width).collect())?;
    lists(case, "interval_score", table.iter().map(|row| row.interval_score).collect())
}

fn check_ensemble(case: &Case<'_>) -> Result<(), Failure> {
    let (y, q) = (case.inputs.array("y")?.data, case.inputs.array("q")?.data);
    let (members, size) = (case.inputs.array("members")?.data, case.config.size("members")?);
    check_size(case, &y)?;
    for (key, known) in [
        ("mixture", "equal-weight Normals at the members, stddev 0.3"),
        ("crps", "mean|x - y| - mean|x - x'| / 2 over all member pairs; fair divides by s (s - 1)"),
    ] {
        if case.config.text(key)? != known {
            return case.config.unknown(key, case.config.text(key)?);
        }
    }
    let plain = metric::ensemble_crps(&members, size, &y).map_err(text)?;
    number(case, "crps_ensemble", mean(&plain))?;
    lists(case, "crps_ensemble_per_example", plain)?;
    if case.expected.has("crps_ensemble_fair") {
        let fair = metric::fair_ensemble_crps(&members, size, &y).map_err(text)?;
        number(case, "crps_ensemble_fair", mean(&fair))?;
        lists(case, "crps_ensemble_fair_per_example", fair)?;
    }
    check_quantiles(case, &Forecasts::ensemble(&members, size).map_err(text)?, &y, &q)?;
    let (weights, stddevs) = (vec![1.0 / count(size); size], vec![0.3; members.len()]);
    let mixture = Forecasts::normal_mixture(&weights, &members, &stddevs).map_err(text)?;
    let log_density = mixture.nll(&y).map_err(text)?.iter().map(|nll| -nll).collect();
    lists(case, "mixture_log_density_per_example", log_density)
}

fn check_quantiles(case: &Case<'_>, forecasts: &Forecasts<'_>, y: &[f64], q: &[f64]) -> Result<(), Failure> {
    let columns = q.iter().map(|&p| forecasts.quantiles(p).map_err(text)).collect::<Result<Vec<_>, _>>()?;
    let rows = (0..y.len()).flat_map(|i| columns.iter().map(move |column| column[i]));
    let want = case.expected.array("quantiles_linear")?;
    list("quantiles_linear", rows.collect(), &want)?;
    let losses = columns.iter().zip(q).map(|(column, &p)| metric::pinball(column, y, p).map_err(text));
    lists(case, "pinball_per_quantile", losses.collect::<Result<_, _>>()?)
}

fn check_size(case: &Case<'_>, y: &[f64]) -> Result<(), Failure> {
    let n = case.config.size("n")?;
    if n == y.len() { Ok(()) } else { Err(format!("{n} examples announced, found {}", y.len())) }
}

fn number(case: &Case<'_>, name: &str, got: f64) -> Result<(), Failure> {
    compare::numbers(name, got, case.expected.number(name)?, Quantity::Score, DType::F64)
}

fn lists(case: &Case<'_>, name: &str, got: Vec<f64>) -> Result<(), Failure> {
    let want: Array = case.expected.array(name)?;
    list(name, got, &want)
}

#[allow(clippy::needless_pass_by_value)] // for `map_err`
fn text(error: MetricError) -> Failure {
    error.to_string()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

#[allow(clippy::cast_precision_loss)] // a few hundred
fn count(n: usize) -> f64 {
    n as f64
}

//! The closing table.

use super::text;
use elbo::metric::{Estimate, SeasonalNaive, StepScores, VariableScores};
use elbo::run::{
    ConformalConfig, ConformalScores, CoverageScores, ExpectedCoverage, Scores, StepCoverage, TestScores,
    UncertaintyDetection,
};

/// Scores of both ways of predicting, with their intervals. `part` says of what; `names` are those of the variables that are
/// forecast.
pub fn scores(part: &str, scores: &TestScores, names: &[String]) {
    let mut out = format!("\nScores on {part} (95 % bootstrap intervals)\n\n");
    let posterior = format!("posterior predictive, S = {}", scores.samples);
    let calibrated = if scores.calibrated.is_some() { "recalibrated" } else { "" };
    let header = format!("  {:<22}{posterior:<32}{:<32}{calibrated}", "", "mean network");
    out += &format!("{}\n", header.trim_end());
    let [mean, calibrated] =
        [Some(&scores.mean_network), scores.calibrated.as_ref()].map(|scores| scores.map(rows).unwrap_or_default());
    for (i, (name, posterior)) in rows(&scores.posterior_predictive).into_iter().enumerate() {
        let others = [&mean, &calibrated].map(|others| others.get(i).map_or(String::new(), |(_, score)| cell(*score)));
        let line = format!("  {name:<22}{}{}{}", pad(&cell(posterior), 32), pad(&others[0], 32), others[1]);
        out += &format!("{}\n", line.trim_end());
    }
    if let Some(scores) = &scores.conformal {
        out += &conformal(scores);
    }
    if rows(&scores.posterior_predictive).iter().any(|(_, score)| !score.has_interval()) {
        out += FEW;
    }
    if let Scores::Forecast(forecast) = &scores.posterior_predictive {
        let conformal = match scores.conformal.as_ref().map(|scores| &scores.scores) {
            Some(CoverageScores::Forecast(scores)) => scores.by_step.as_slice(),
            _ => &[],
        };
        out += &steps(&forecast.by_step, conformal);
        out += &variables(&forecast.by_variable, names);
    }
    text(&out);
}

/// What `[too few]` says.
const FEW: &str = "\n  [too few] for an interval: forecasts that follow each other share rows, and there are fewer than five times as many\n  \
                   of them as steps. A longer test part has more (--test-fraction).\n";

fn rows(scores: &Scores) -> Vec<(String, Estimate)> {
    let row = |(name, score): (&str, Estimate)| (name.to_owned(), score);
    match scores {
        Scores::Classification(scores) => [
            ("accuracy", scores.accuracy),
            ("NLL (nats)", scores.nll),
            ("Brier score", scores.brier),
            ("ECE (15 bins)", scores.ece),
        ]
        .map(row)
        .into(),
        Scores::Regression(scores) => {
            [("RMSE", scores.rmse), ("NLL (nats)", scores.nll), ("coverage of 90 %", scores.coverage_90)]
                .map(row)
                .into()
        }
        Scores::Forecast(scores) => [
            ("RMSE", scores.rmse),
            ("MAE", scores.mae),
            ("NLL (nats)", scores.nll),
            ("coverage of 90 %", scores.coverage_90),
            ("RMSE of persistence", scores.persistence_rmse),
        ]
        .map(row)
        .into_iter()
        .chain(scores.relative_rmse.map(|ratio| row(("RMSE / persistence", ratio))))
        .chain(scores.seasonal_naive.map(|SeasonalNaive { period, rmse }| (format!("RMSE, {period} rows ago"), rmse)))
        .collect(),
    }
}

/// Coverage and size of sets or intervals, and what coverage was to be expected.
fn conformal(scores: &ConformalScores) -> String {
    let ConformalConfig { score, alpha, per_class } = scores.config;
    let (kind, size_name, size) = match &scores.scores {
        CoverageScores::Sets(sets) => ("sets", "mean size", Some(sets.mean_size)),
        CoverageScores::Intervals(intervals) => ("intervals", "mean width", Some(intervals.mean_width)),
        CoverageScores::Forecast(intervals) => ("intervals", "mean width", intervals.mean_width),
    };
    let name = score.name();
    let by_class = if per_class { ", by class" } else { "" };
    let of = format!("\n  Conformal {kind} ({name}, alpha = {alpha}{by_class}) from {} examples", scores.examples);
    let coverage = cell(scores.scores.coverage());
    let mut out = format!("{of}\n\n  {:<22}{coverage}\n", "coverage");
    if let [ExpectedCoverage { class: None, low, high }] = scores.expected.as_slice() {
        out += &format!("  {:<22}{low:.4} to {high:.4} (99 %)\n", "expected coverage");
    }
    if let Some(size) = size {
        out += &format!("  {size_name:<22}{}\n", cell(size));
    }
    match &scores.scores {
        CoverageScores::Forecast(of) if of.unbounded > 0.0 => {
            out + &format!("  {:<22}{:.4}\n", "unbounded", of.unbounded)
        }
        _ => out,
    }
}

/// At most this many steps are shown.
const STEPS: usize = 12;

/// The steps of a horizon, with those of conformal intervals if there are any; of a long one some, evenly spaced, with the
/// last.
fn steps(steps: &[StepScores], conformal: &[StepCoverage]) -> String {
    let header = format!("\n  {:<10}{:<14}{:<14}{:<20}{:<14}", "step", "RMSE", "MAE", "coverage of 90 %", "mean width");
    let more = if conformal.is_empty() { String::new() } else { format!("{:<14}{}", "conformal", "mean width") };
    let mut out = format!("{}\n", (header + &more).trim_end());
    let stride = steps.len().div_ceil(STEPS).max(1);
    let shown = |step: &&StepScores| step.step.is_multiple_of(stride) || step.step == steps.len() || stride == 1;
    for scores in steps.iter().filter(shown) {
        let StepScores { step, rmse, mae, coverage_90, width_90 } = scores;
        let [rmse, mae, width] = [rmse, mae, width_90].map(|value| pad(&number(*value, *value), 14));
        let line = format!("  {step:<10}{rmse}{mae}{coverage_90:<20.4}{width}");
        let more = conformal.get(step - 1).map_or(String::new(), |StepCoverage { coverage, mean_width, .. }| {
            format!("{coverage:<14.4}{}", mean_width.map_or(String::new(), |width| number(width, width)))
        });
        out += &format!("{}\n", (line + &more).trim_end());
    }
    out
}

/// Several variables one by one.
fn variables(scores: &[VariableScores], names: &[String]) -> String {
    if scores.is_empty() {
        return String::new();
    }
    let wide = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("variable".len()) + 2;
    let mut out = format!(
        "\n  {:<wide$}{:<14}{:<14}{:<14}{:<20}{}\n",
        "variable", "RMSE", "persistence", "MAE", "coverage of 90 %", "mean width"
    );
    for (name, scores) in names.iter().zip(scores) {
        let VariableScores { rmse, mae, coverage_90, width_90, persistence_rmse } = scores;
        let [rmse, persistence, mae] = [rmse, persistence_rmse, mae].map(|value| pad(&number(*value, *value), 14));
        out += &format!("  {name:<wide$}{rmse}{persistence}{mae}{coverage_90:<20.4}{}\n", number(*width_90, *width_90));
    }
    out
}

/// How well each uncertainty tells one kind of examples from another. `of` says which.
pub fn detection(of: &str, found: &[UncertaintyDetection]) {
    let mut out = format!("\nTelling {of} by uncertainty (95 % bootstrap intervals)\n\n");
    out += &format!("  {:<28}{:<28}{:<28}{}\n", "uncertainty", "AUROC", "AUPR", "FPR95");
    for UncertaintyDetection { uncertainty, scores } in found {
        let (auroc, aupr, fpr95) = (cell(scores.auroc), cell(scores.aupr_out), cell(scores.fpr95));
        out += &format!("  {:<28}{auroc:<28}{aupr:<28}{fpr95}\n", uncertainty.replace('_', " "));
    }
    text(&out);
}

/// At least two blanks before the next column, however long the text.
fn pad(text: &str, width: usize) -> String {
    format!("{text:<width$}", width = width.max(text.chars().count() + 2))
}

fn cell(estimate: Estimate) -> String {
    let Estimate { value, low, high } = estimate;
    let largest = [low, value, high].into_iter().filter(|x| x.is_finite()).fold(0.0, |a, x| x.abs().max(a));
    let [value, low, high] = [value, low, high].map(|x| number(x, largest));
    if estimate.has_interval() { format!("{value} [{low}, {high}]") } else { format!("{value} [too few]") }
}

/// Four decimals, or a power of ten where numbers as large as `largest` would be unreadable with them, or nothing.
fn number(x: f64, largest: f64) -> String {
    if largest >= 1e7 || (largest > 0.0 && largest < 1e-3) { format!("{x:.4e}") } else { format!("{x:.4}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_do_not_run_into_each_other() {
        let step = StepScores { step: 1, rmse: 123_456_789.5, mae: 1.0, coverage_90: 0.9, width_90: 2.0 };
        let line = steps(&[step], &[]).lines().last().unwrap().to_owned();
        let numbers: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(numbers, ["1", "1.2346e8", "1.0000", "0.9000", "2.0000"]);
        let of = |value: f64| cell(Estimate { value, low: 0.5 * value, high: 2.0 * value });
        assert_eq!(of(0.25), "0.2500 [0.1250, 0.5000]");
        assert_eq!(of(2e-5), "2.0000e-5 [1.0000e-5, 4.0000e-5]");
        assert_eq!(
            (of(0.0).as_str(), of(-3e9).as_str()),
            ("0.0000 [0.0000, 0.0000]", "-3.0000e9 [-1.5000e9, -6.0000e9]")
        );
        assert_eq!((pad("a", 3), pad("abc", 3)), ("a  ".into(), "abc  ".into()));
    }
}

//! The closing table.

use super::text;
use elbo::metric::{Estimate, StepScores};
use elbo::run::{Scores, TestScores};

/// Scores of both ways of predicting, with their intervals. `part` says of what.
pub fn scores(part: &str, scores: &TestScores) {
    let rows = rows(&scores.posterior_predictive).into_iter().zip(rows(&scores.mean_network));
    let mut out = format!("\nScores on {part} (95 % bootstrap intervals)\n\n");
    let posterior = format!("posterior predictive, S = {}", scores.samples);
    out += &format!("  {:<22}{posterior:<32}{}\n", "", "mean network");
    for ((name, posterior), (_, mean)) in rows {
        out += &format!("  {name:<22}{:<32}{}\n", cell(posterior), cell(mean));
    }
    if let Scores::Forecast(scores) = &scores.posterior_predictive {
        out += &steps(&scores.by_step);
    }
    text(&out);
}

fn rows(scores: &Scores) -> Vec<(&'static str, Estimate)> {
    match scores {
        Scores::Classification(scores) => vec![
            ("accuracy", scores.accuracy),
            ("NLL (nats)", scores.nll),
            ("Brier score", scores.brier),
            ("ECE (15 bins)", scores.ece),
        ],
        Scores::Regression(scores) => {
            vec![("RMSE", scores.rmse), ("NLL (nats)", scores.nll), ("coverage of 90 %", scores.coverage_90)]
        }
        Scores::Forecast(scores) => vec![
            ("RMSE", scores.rmse),
            ("MAE", scores.mae),
            ("NLL (nats)", scores.nll),
            ("coverage of 90 %", scores.coverage_90),
            ("RMSE of persistence", scores.persistence_rmse),
        ],
    }
}

/// At most this many steps are shown.
const STEPS: usize = 12;

/// The steps of a horizon; of a long one some, evenly spaced, with the last.
fn steps(steps: &[StepScores]) -> String {
    let mut out = format!("\n  {:<10}{:<14}{:<14}{:<20}{}\n", "step", "RMSE", "MAE", "coverage of 90 %", "mean width");
    let stride = steps.len().div_ceil(STEPS).max(1);
    let shown = |step: &&StepScores| step.step.is_multiple_of(stride) || step.step == steps.len() || stride == 1;
    for step in steps.iter().filter(shown) {
        let StepScores { step, rmse, mae, coverage_90, width_90 } = step;
        out += &format!("  {step:<10}{rmse:<14.4}{mae:<14.4}{coverage_90:<20.4}{width_90:.4}\n");
    }
    out
}

fn cell(Estimate { value, low, high }: Estimate) -> String {
    format!("{value:.4} [{low:.4}, {high:.4}]")
}

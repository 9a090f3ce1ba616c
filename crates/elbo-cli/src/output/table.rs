//! The closing table.

use super::text;
use elbo::metric::Estimate;
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
    }
}

fn cell(Estimate { value, low, high }: Estimate) -> String {
    format!("{value:.4} [{low:.4}, {high:.4}]")
}

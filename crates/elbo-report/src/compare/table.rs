//! The comparison on a terminal.

use super::{Compared, Comparison};
use crate::number::UNKNOWN;
use elbo::metric::Estimate;

/// A block for every score, a line for every run.
pub fn text(comparison: &Comparison) -> String {
    let mut out = format!(
        "\nScores on {} common test examples (95 % bootstrap intervals; differences to {} are paired)\n",
        comparison.examples, comparison.names[0]
    );
    let width = comparison.names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for compared in &comparison.scores {
        out += &format!("\n  {} ({})\n", compared.score.name, compared.score.direction());
        for (run, name) in comparison.names.iter().enumerate() {
            out += &line(name, width, compared, run);
        }
    }
    out
}

fn line(name: &str, width: usize, compared: &Compared, run: usize) -> String {
    let value = compared.values[run].as_ref().map_or_else(|| "–".to_owned(), cell);
    let line = match &compared.differences[run] {
        Some(difference) => {
            let verdict = compared.score.verdict(difference).text();
            format!("    {name:<width$}  {value:<28}  {:<30}  {verdict}", signed(difference))
        }
        None => format!("    {name:<width$}  {value}"),
    };
    line.trim_end().to_owned() + "\n"
}

fn cell(estimate: &Estimate) -> String {
    let Estimate { value, low, high } = estimate;
    if estimate.has_interval() { format!("{value:.4} [{low:.4}, {high:.4}]") } else { format!("{value:.4} {UNKNOWN}") }
}

fn signed(difference: &Estimate) -> String {
    let Estimate { value, low, high } = difference;
    match difference.has_interval() {
        true => format!("{value:+.4} [{low:+.4}, {high:+.4}]"),
        false => format!("{value:+.4} {UNKNOWN}"),
    }
}

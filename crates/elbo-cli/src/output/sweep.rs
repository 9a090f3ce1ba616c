//! How a sweep looks: a bar on a terminal, a line per trial elsewhere, JSON lines for programs; a table at the end.

use super::{note, text};
use elbo::run::{Choice, SweepTable, TrialProgress, TrialRow};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

/// The progress of a sweep.
pub struct Trials {
    json: bool,
    count: usize,
    bar: Option<ProgressBar>,
}

impl Trials {
    pub fn new(json: bool, trials: usize, held_out: usize) -> Self {
        let bar = (!json && std::io::stderr().is_terminal()).then(bar);
        if !json {
            say(bar.as_ref(), &format!("Sweep: {trials} trials, each scored on {held_out} held-out examples"));
        }
        Self { json, count: trials, bar }
    }

    /// Before a trial.
    pub fn begin(&self, trial: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(0);
            bar.set_message(format!("trial {trial} of {}", self.count));
        }
    }

    /// After an epoch of a trial.
    pub fn progress(&self, TrialProgress { done, epochs }: TrialProgress) {
        if let Some(bar) = &self.bar {
            bar.set_length(epochs as u64);
            bar.set_position(done as u64);
        }
    }

    /// After a trial.
    pub fn done(&self, row: &TrialRow) {
        if self.json {
            return event("trial", &serde_json::json!(row));
        }
        let settings: Vec<String> = row.settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let score = match &row.failed {
            Some(reason) => format!("failed: {reason}"),
            None => format!("NLL {:.4} (standard error {:.4})", row.nll, row.standard_error),
        };
        let (trial, trials, seconds) = (row.trial, self.count, row.seconds);
        say(self.bar.as_ref(), &format!("trial {trial}/{trials}  {}: {score}, {seconds:.1} s", settings.join(", ")));
    }

    /// After the last trial.
    pub fn finish(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }

    /// After Ctrl-C.
    pub fn interrupted(&self) {
        self.bar.iter().for_each(ProgressBar::abandon);
    }
}

/// What the trials came to, the best first.
pub fn trials(table: &SweepTable, folder: &Path, json: bool) {
    if json {
        return event("sweep", &serde_json::json!(table));
    }
    let mut rows: Vec<&TrialRow> = table.trials.iter().collect();
    rows.sort_by(|a, b| a.nll.total_cmp(&b.nll));
    let names: Vec<&str> = rows.iter().take(1).flat_map(|row| row.settings.keys()).map(String::as_str).collect();
    let second = if rows.iter().any(|row| row.accuracy.is_some()) { "accuracy" } else { "RMSE" };
    let mut out = format!("\nTrials on {} held-out examples (NLL in nats, ± standard error)\n\n", table.examples);
    out += &format!("  {:<7}", "trial");
    for name in names {
        out += &format!("{name:<17}");
    }
    out += &format!("{:<20}{:<20}{second:<10}{}\n", "NLL", "above the best", "seconds");
    for row in rows {
        out += &line(row, row.trial == table.chosen);
    }
    out += &format!(
        "\n{}; all in {}\nThe score of the best of several is too good by chance: only the test part tells what it is worth.\n",
        reason(table),
        folder.join("sweep.csv").display()
    );
    text(&out);
}

fn line(row: &TrialRow, chosen: bool) -> String {
    let mut out = format!("{} {:<7}", if chosen { '*' } else { ' ' }, row.trial);
    for value in row.settings.values() {
        out += &format!("{value:<17}");
    }
    if row.failed.is_some() {
        return out + "failed\n";
    }
    let gap = if row.gap == 0.0 { "-".to_owned() } else { format!("{:.4} ± {:.4}", row.gap, row.gap_standard_error) };
    let score = format!("{:.4} ± {:.4}", row.nll, row.standard_error);
    let second = row.accuracy.or(row.rmse).map(|value| format!("{value:.4}")).unwrap_or_default();
    out + &format!("{score:<20}{gap:<20}{second:<10}{:.1}\n", row.seconds)
}

fn reason(table: &SweepTable) -> String {
    match table.choose {
        Choice::Minimum => format!("* trial {} is chosen: the best NLL", table.chosen),
        Choice::OneStandardError => {
            let chosen = table.chosen;
            format!("* trial {chosen} is chosen: the most regularized within a standard error of the best")
        }
    }
}

/// An object with its kind in front, on a line of its own.
fn event(kind: &str, value: &serde_json::Value) {
    let mut event = serde_json::json!({ "event": kind });
    if let (Some(event), Some(value)) = (event.as_object_mut(), value.as_object()) {
        event.extend(value.clone());
    }
    super::json(&event);
}

fn say(bar: Option<&ProgressBar>, message: &str) {
    match bar {
        Some(bar) => bar.println(message),
        None => note(message),
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(1);
    let style = ProgressStyle::with_template("{bar:8} {wide_msg} {eta:>4} left").expect("the template is a constant");
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

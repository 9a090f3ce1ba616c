//! How training looks: a bar on a terminal, plain lines elsewhere, JSON lines for programs.

use super::{note, text};
use elbo::run::Event;
use elbo::train::EpochReport;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// At most so many plain lines are written for a run, if its epochs are short.
const PLAIN_LINES: usize = 20;
/// A plain line is due after this time in any case.
const PLAIN_EVERY: Duration = Duration::from_secs(15);

/// The progress of a run.
pub struct Progress {
    form: Form,
    epochs: usize,
    steps_per_epoch: usize,
    epochs_done: usize,
}

enum Form {
    Bar(ProgressBar),
    Lines { last: Instant },
    Json,
}

impl Progress {
    pub fn new(json: bool, epochs: usize, steps_per_epoch: usize, epochs_done: usize) -> Self {
        let form = match (json, std::io::stderr().is_terminal()) {
            (true, _) => Form::Json,
            (false, true) => Form::Bar(bar(epochs, steps_per_epoch, epochs_done)),
            (false, false) => Form::Lines { last: Instant::now() },
        };
        Self { form, epochs, steps_per_epoch, epochs_done }
    }

    /// Before the first step.
    pub fn begin(&self, headline: &str, event: &Event) {
        match &self.form {
            Form::Bar(bar) => bar.println(headline),
            Form::Lines { .. } => note(headline),
            Form::Json => json_line(event),
        }
        if self.epochs_done > 0 && !matches!(self.form, Form::Json) {
            self.say(&format!("Going on after epoch {} of {}", self.epochs_done, self.epochs));
        }
    }

    /// After a step: `done` of this epoch.
    pub fn step(&self, done: usize) {
        if let Form::Bar(bar) = &self.form {
            bar.set_position((self.epochs_done * self.steps_per_epoch + done) as u64);
        }
    }

    /// After an epoch.
    pub fn epoch(&mut self, report: &EpochReport, event: &Event) {
        self.epochs_done = report.epoch;
        let every = self.epochs.div_ceil(PLAIN_LINES);
        match &mut self.form {
            Form::Bar(bar) => bar.set_message(line(report, self.epochs)),
            Form::Lines { last } => {
                let due = report.epoch.is_multiple_of(every) || report.epoch == self.epochs || report.epoch == 1;
                if due || last.elapsed() >= PLAIN_EVERY {
                    note(&format!("epoch {}", line(report, self.epochs)));
                    *last = Instant::now();
                }
            }
            Form::Json => json_line(event),
        }
    }

    /// After the last epoch.
    pub fn finish(&self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish();
        }
    }

    /// After Ctrl-C.
    pub fn interrupted(&self, event: &Event) {
        match &self.form {
            Form::Bar(bar) => bar.abandon(),
            Form::Lines { .. } => {}
            Form::Json => json_line(event),
        }
    }

    fn say(&self, message: &str) {
        match &self.form {
            Form::Bar(bar) => bar.println(message),
            Form::Lines { .. } | Form::Json => note(message),
        }
    }
}

fn json_line(event: &Event) {
    text(&(event.to_json() + "\n"));
}

fn bar(epochs: usize, steps_per_epoch: usize, epochs_done: usize) -> ProgressBar {
    let bar = ProgressBar::new((epochs * steps_per_epoch) as u64);
    let style = ProgressStyle::with_template("{bar:8} {wide_msg} {eta:>4} left").expect("the template is a constant");
    bar.set_style(style);
    bar.set_position((epochs_done * steps_per_epoch) as u64);
    bar.set_message("first epoch");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// `12/300  loss 0.4321 nll 0.2100 KL 812.3 val acc 0.983`: nats per example, the divergence in nats. It fits beside the
/// bar in 80 columns.
fn line(report: &EpochReport, epochs: usize) -> String {
    let width = epochs.to_string().len();
    let validation = match report.validation.as_ref() {
        None => String::new(),
        Some(validation) => match validation.accuracy {
            Some(accuracy) => format!(" val acc {accuracy:.3}"),
            None => format!(" val nll {:.3}", validation.nll),
        },
    };
    format!(
        "{:>width$}/{epochs}  loss {:.4} nll {:.4} KL {:.1}{validation}",
        report.epoch, report.loss, report.nll, report.kl
    )
}

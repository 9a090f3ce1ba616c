//! What a person or a program reads.

mod inspected;
mod progress;
mod sweep;
mod table;

pub use inspected::inspected;
pub use progress::Progress;
pub use sweep::{Trials, trials};
pub use table::{detection, scores};

use anyhow::{Context, Result};
use elbo::run::{Parts, RunConfig, Targets};
use serde_json::{Map, Value};
use std::io::Write;
use std::path::Path;

/// An error with its causes on one line; a cause that the message above it quotes already is left out.
pub fn one_message(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |message, cause| {
        let cause = cause.to_string();
        match message.as_str() {
            "" => cause,
            known if known.contains(&cause) => message,
            _ => format!("{message}: {cause}"),
        }
    })
}

/// One JSON value on a line of its own.
pub fn json(value: &Value) {
    text(&format!("{value}\n"));
}

/// Text as it is. A reader that has gone away (`| head`) is no error; a full disk is, and ends the program.
pub fn text(text: &str) {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            note(&format!("error: standard output: cannot write: {error}"));
            std::process::exit(2);
        }
        _ => {}
    }
}

/// A remark on standard error.
pub fn note(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}

/// What is about to be trained, in words.
pub fn headline(config: &RunConfig, parts: &Parts, parameters: usize, folder: &Path) -> String {
    let (data, training) = (&config.data, &config.training);
    let targets = match &data.targets {
        Targets::Classes { names } => format!("{} classes", names.len()),
        Targets::Real { .. } => "a real target".into(),
        Targets::Horizon { names, steps, .. } => format!("{steps} steps of {} ahead", names.join(", ")),
    };
    let held_out = parts.validation.as_ref().map_or(0, elbo::train::TrainingData::len);
    let kept = parts.calibration.as_ref().map_or(String::new(), |part| format!(", {} for calibration", part.len()));
    format!(
        "{}: {} series for training, {held_out} for validation{kept}; {} channel(s), length {}, {targets}\n\
         Model: {parameters} parameters, KL weight {}, {} epochs of {} examples a step, seed {}\n\
         Run: {}",
        data.name,
        parts.train.len(),
        data.channels,
        data.length,
        training.kl_weight,
        training.epochs,
        training.batch_size,
        training.seed,
        folder.display(),
    )
}

/// Where the results are.
pub fn files(folder: &Path) {
    text(&format!("\nModel, metrics and predictions are in {}\n", folder.display()));
}

/// The rows of a CSV file as JSON objects; what is a number becomes one, but for names and labels.
pub fn rows_as_json(csv: &[u8]) -> Result<Value> {
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader.headers().context("predictions")?.clone();
    let real = header.iter().any(|name| name == "stddev");
    let texts: &[&str] = if real { &["id", "variable"] } else { &["id", "label", "predicted", "set"] };
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.context("predictions")?;
        let field = |(name, text): (&str, &str)| {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && !texts.contains(&name));
            (name.to_owned(), number.map_or_else(|| Value::from(text), Value::from))
        };
        rows.push(Value::Object(header.iter().zip(record.iter()).map(field).collect::<Map<_, _>>()));
    }
    Ok(Value::Array(rows))
}

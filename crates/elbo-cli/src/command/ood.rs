//! `elbo evaluate --ood`: how well uncertainty tells one file's series from another's.

use super::read::{self, Trained};
use crate::cli::EvaluateArgs;
use elbo::Result;
use elbo::data::{Dataset, Labels};
use elbo::metric::Bootstrap;
use elbo::predict::Predictions;
use elbo::run::{UncertaintyDetection, detect, predict_posterior};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// What was found.
pub struct Found {
    input: PathBuf,
    examples: usize,
    detection: Vec<UncertaintyDetection>,
}

/// Predicts `familiar` and the series of the other file, and compares their uncertainties. Labels play no part.
pub fn run(
    args: &EvaluateArgs,
    other: &Path,
    trained: &Trained,
    familiar: &Dataset,
    (samples, seed): (usize, u64),
) -> Result<Found> {
    let foreign = read::data(other, &args.read, &trained.config)?;
    let predict = |data: &Dataset| predicted(trained, data, samples, seed);
    let detection = detect(&predict(familiar)?, &predict(&foreign)?, &Bootstrap::default())?;
    Ok(Found { input: other.to_owned(), examples: foreign.len(), detection })
}

/// Whether there is nothing to score predictions by.
pub fn is_unlabelled(data: &Dataset) -> bool {
    matches!(data.labels, Labels::None)
}

fn predicted(trained: &Trained, data: &Dataset, samples: usize, seed: u64) -> Result<Predictions> {
    let config = &trained.config.data;
    let series = config.scaled(data)?;
    predict_posterior(&trained.model, &series, &config.target_scaling(data), samples, seed)
}

impl Found {
    /// For programs: the scores by the name of the uncertainty.
    pub fn json(&self) -> Value {
        let scores = self.detection.iter().map(|found| (found.uncertainty.clone(), json!(found.scores)));
        let scores: Map<String, Value> = scores.collect();
        json!({ "input": self.input, "examples": self.examples, "scores": scores })
    }

    /// For people; `familiar` says what the other series are told from.
    pub fn show(&self, familiar: &str) {
        let of = format!("{} examples of {} from {familiar}", self.examples, self.input.display());
        crate::output::detection(&of, &self.detection);
    }
}

//! Runs side by side on one test set.
//!
//! Runs are compared example by example: the interval of a difference is that of the mean of paired differences (or of the
//! difference of two statistics of the same resamples), which is much shorter than the intervals of the scores themselves
//! where the runs find the same examples hard (Efron and Tibshirani 1993, section 8.3 on paired data).

mod horizon;
mod page;
mod scores;
mod table;

use crate::error::{Error, Result};
use crate::read::{Predicted, Run};
use elbo::metric::Estimate;
use elbo::run::RunFolder;
use scores::Score;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Runs with one test set, and how the others differ from the first.
pub struct Comparison {
    runs: Vec<Run>,
    names: Vec<String>,
    examples: usize,
    scores: Vec<Compared>,
}

/// One score of all runs.
struct Compared {
    score: Score,
    /// The score of each run; `None` where its predictions do not give it.
    values: Vec<Option<Estimate>>,
    /// Each run less the first one; `None` for the first one, and where it has no value.
    differences: Vec<Option<Estimate>>,
}

/// What can be said of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval is on the better side.
    Better,
    /// The whole interval is on the worse side.
    Worse,
    /// The interval holds 0.
    NotShown,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NotShown => "no difference shown",
        }
    }
}

/// Compares finished runs on their common test examples, each with the first.
///
/// # Errors
/// [`Error::TooFewRuns`] for less than two, [`Error::NothingToCompare`] for a run without scores, [`Error::TestSetsDiffer`]
/// if two were not tested on the same examples; those of reading a run.
pub fn compare(folders: &[RunFolder]) -> Result<Comparison> {
    if folders.len() < 2 {
        return Err(Error::TooFewRuns { found: folders.len() });
    }
    let runs = folders.iter().map(Run::compared).collect::<Result<Vec<_>>>()?;
    let predicted = runs.iter().map(predictions).collect::<Result<Vec<_>>>()?;
    for (run, other) in runs.iter().zip(&predicted).skip(1) {
        same_test_set((&runs[0].path, predicted[0]), (&run.path, other))?;
    }
    let examples = predicted[0].len();
    let scores = scores::compared(&predicted)?;
    let names = names(&runs);
    Ok(Comparison { runs, names, examples, scores })
}

impl Comparison {
    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        page::html(self)
    }

    /// A table for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        table::text(self)
    }

    /// Everything as JSON: `examples`, and for each run `run`, `scores` and, but for the first, `difference` with a
    /// `verdict`.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "examples": self.examples, "runs": (0..self.runs.len()).map(|i| self.json_of(i)).collect::<Vec<_>>() })
    }

    fn json_of(&self, run: usize) -> Value {
        let mut values = Map::new();
        let mut differences = Map::new();
        for compared in &self.scores {
            let key = compared.score.key.to_owned();
            values.insert(key.clone(), json!(compared.values[run]));
            if let Some(difference) = compared.differences[run] {
                let mut value = json!(difference);
                value["verdict"] = json!(compared.score.verdict(&difference).text());
                differences.insert(key, value);
            }
        }
        let mut out = json!({ "run": self.runs[run].path, "scores": values });
        if run > 0 {
            out["difference"] = differences.into();
        }
        out
    }
}

fn predictions(run: &Run) -> Result<&Predicted> {
    let found = match run.is_finished() {
        true => "no test part",
        false => "an unfinished run",
    };
    run.predicted.as_ref().ok_or_else(|| Error::NothingToCompare { path: run.path.clone(), found: found.into() })
}

/// Whether two runs were tested on the same examples.
fn same_test_set(first: (&Path, &Predicted), other: (&Path, &Predicted)) -> Result<()> {
    let fail = |what: &'static str, expected: String, found: String| {
        let (first, other): (PathBuf, PathBuf) = (first.0.to_owned(), other.0.to_owned());
        Err(Error::TestSetsDiffer { first, other, what, expected, found })
    };
    let (a, b) = (first.1, other.1);
    if kind(a) != kind(b) {
        return fail("task", kind(a).into(), kind(b).into());
    }
    if a.len() != b.len() {
        return fail("number of test examples", a.len().to_string(), b.len().to_string());
    }
    let (a, b) = (a.rows(), b.rows());
    if a.len() != b.len() {
        return fail("number of test values", a.len().to_string(), b.len().to_string());
    }
    match a.iter().zip(&b).position(|(a, b)| a != b) {
        Some(i) => {
            fail("test examples", format!("{} in place {}", a[i], i + 1), format!("{} in place {}", b[i], i + 1))
        }
        None => Ok(()),
    }
}

fn kind(predicted: &Predicted) -> &'static str {
    match predicted {
        Predicted::Classes(_) => "classification",
        Predicted::Reals(_) => "regression",
        Predicted::Horizon(_) => "forecast",
    }
}

/// Names of folders, or their whole paths where names occur twice.
fn names(runs: &[Run]) -> Vec<String> {
    let names: Vec<String> = runs.iter().map(Run::name).collect();
    let is_unique = |name: &String| names.iter().filter(|other| *other == name).count() == 1;
    if names.iter().all(is_unique) { names } else { runs.iter().map(|run| run.path.display().to_string()).collect() }
}

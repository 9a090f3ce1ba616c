//! Why a report or a comparison cannot be made.

use elbo::metric::MetricError;
use std::path::PathBuf;

/// What is wrong with the folder of a run, or with runs that are compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the run is missing, damaged or of another run.
    #[error(transparent)]
    Run(#[from] elbo::Error),
    /// A score cannot be computed.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// `predictions.csv` does not hold what the run's configuration says.
    #[error("{path}: line {line}: {what}: expected {expected}, found {found}")]
    Predictions {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// Which part of the line.
        what: String,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A run has no predictions that could be compared.
    #[error("{path}: expected a finished run with a test part, found {found}")]
    NothingToCompare {
        /// The folder.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// There are too few runs.
    #[error("expected at least two runs to compare, found {found}")]
    TooFewRuns {
        /// How many there are.
        found: usize,
    },
    /// Two runs were tested on different data: their scores say nothing about each other.
    #[error(
        "{other}: {what}: expected {expected} as in {first}, found {found}; only runs with one test set can be compared"
    )]
    TestSetsDiffer {
        /// The first run.
        first: PathBuf,
        /// The run that does not fit it.
        other: PathBuf,
        /// Task, number of examples, or the examples themselves.
        what: &'static str,
        /// What the first run has.
        expected: String,
        /// What the other run has.
        found: String,
    },
}

/// What this crate returns.
pub type Result<T, E = Error> = core::result::Result<T, E>;

//! The errors of this crate: what was expected, what was found, and where.

use crate::data::{DataError, Labels};
use crate::metric::MetricError;
use crate::recalibrate::RecalibrationError;
use std::path::PathBuf;

/// Everything that can go wrong on the way from a data file to a prediction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer, model or training setting is not allowed.
    #[error("{owner}: `{argument}` must be {expected}, found {found}")]
    InvalidArgument {
        /// The layer or component that was configured.
        owner: String,
        /// Name of the argument.
        argument: &'static str,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A size is beyond what memory can hold.
    #[error("{owner}: {what} is too large: {found} values, the limit is {limit}")]
    TooLarge {
        /// The layer or component that was configured.
        owner: String,
        /// Which size.
        what: &'static str,
        /// The size asked for, as a formula or number.
        found: String,
        /// The largest size accepted.
        limit: usize,
    },
    /// An input does not fit the layer it is given to.
    #[error("{layer}: input has the wrong {what}: expected {expected}, found {found}")]
    Input {
        /// Path or class of the layer.
        layer: String,
        /// Rank, channel axis, dtype, length, ...
        what: &'static str,
        /// What the layer takes.
        expected: String,
        /// What it got, usually with the whole shape.
        found: String,
    },
    /// An estimator cannot draw from a posterior.
    #[error("{layer}: {estimator} needs a kernel posterior of independent normals, found {found}")]
    Posterior {
        /// Path or class of the layer.
        layer: String,
        /// Name of the estimator.
        estimator: &'static str,
        /// Name of the posterior.
        found: String,
    },
    /// A variable is created twice.
    #[error("variable `{name}` already exists in this scope; give another name, or `Reuse::Share` to share it")]
    VariableExists {
        /// Full name.
        name: String,
    },
    /// A shared variable is not there.
    #[error("variable `{name}` does not exist in this scope; `Reuse::Share` needs a call that created it before")]
    VariableMissing {
        /// Full name.
        name: String,
    },
    /// A shared variable has another shape or dtype.
    #[error("variable `{name}` has another {what}: expected {expected}, found {found}")]
    VariableMismatch {
        /// Full name.
        name: String,
        /// `shape` or `dtype`.
        what: &'static str,
        /// What this call needs.
        expected: String,
        /// What the scope holds.
        found: String,
    },
    /// Two layers of one pass go by one name.
    #[error(
        "two different layers are called `{name}` in one pass; their noise and their divergences would be mixed up"
    )]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// No formula is known for a divergence.
    #[error(
        "no closed-form KL divergence is known from {posterior} to {prior}; use `Divergence::MonteCarlo` or your own"
    )]
    NoClosedForm {
        /// Name of the posterior.
        posterior: String,
        /// Name of the prior.
        prior: String,
    },
    /// Recorded noise does not cover what a pass asks for.
    #[error("replayed noise for `{stream}`: {reason}")]
    Replay {
        /// Name of the stream.
        stream: String,
        /// What is missing or of the wrong size.
        reason: String,
    },
    /// Targets do not fit the likelihood or the outputs.
    #[error("{likelihood} likelihood: expected {expected}, found {found}")]
    Targets {
        /// Name of the likelihood.
        likelihood: &'static str,
        /// What it takes.
        expected: String,
        /// What it got.
        found: String,
    },
    /// Training met a value that is not a number.
    #[error("training stopped at epoch {epoch}, step {step}: the loss is {value}; try a smaller learning rate")]
    NotFinite {
        /// Epoch, counted from 1.
        epoch: usize,
        /// Step within the run, counted from 1.
        step: u64,
        /// The loss.
        value: f64,
    },
    /// A network's outputs are not numbers.
    #[error("the network gives {value} for an output; its parameters are out of range: try a smaller learning rate")]
    OutputNotFinite {
        /// The first output that is not finite.
        value: f64,
    },
    /// A file could not be read or written.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried: `read`, `write`, ...
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A model or state file is not what it should be.
    #[error("{}: {reason}", path.display())]
    ModelFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// A layer has a setting that is code, which no file holds.
    #[error("{layer}: `{setting}` is a function, which cannot be saved")]
    NotPlainData {
        /// Name or class of the layer.
        layer: String,
        /// The setting.
        setting: String,
    },
    /// A model description is wrong.
    #[error("{origin}: {reason}")]
    ModelDescription {
        /// The file or preset.
        origin: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// The pool of threads cannot be as asked for.
    #[error("cannot work on {expected} threads: {reason}")]
    Threads {
        /// The number asked for.
        expected: usize,
        /// Why not.
        reason: String,
    },
    /// The data are at fault.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A score cannot be computed.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// Predictions cannot be recalibrated.
    #[error(transparent)]
    Recalibration(#[from] RecalibrationError),
}

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = core::result::Result<T, E>;

impl Error {
    /// An [`Error::Io`] for `path`.
    pub fn io(path: impl Into<PathBuf>, action: &'static str, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), action, source }
    }

    /// An [`Error::Targets`] for labels of another kind.
    pub(crate) fn labels(likelihood: &'static str, expected: &str, found: &Labels) -> Self {
        Self::Targets { likelihood, expected: expected.to_owned(), found: found.kind().to_owned() }
    }

    /// An [`Error::InvalidArgument`].
    pub fn argument(
        owner: impl Into<String>,
        argument: &'static str,
        expected: impl Into<String>,
        found: impl core::fmt::Display,
    ) -> Self {
        Self::InvalidArgument { owner: owner.into(), argument, expected: expected.into(), found: found.to_string() }
    }
}

//! Why predictions cannot be recalibrated.

use crate::metric::MetricError;

/// What is wrong with the held-out examples, the settings, or a stored map.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecalibrationError {
    /// Probabilities, labels or settings are not allowed.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// No finite parameters are the best ones.
    #[error("{method}: no finite parameters fit best: {reason}")]
    NoOptimum {
        /// Name of the map.
        method: &'static str,
        /// What about the examples makes it so.
        reason: &'static str,
    },
    /// The optimiser did not arrive.
    #[error(
        "{method}: not converged after {iterations} Newton steps, the last of which would move a logit by {step:e}; \
         are the examples separable, or is a class without any? Give a larger penalty or more examples"
    )]
    NotConverged {
        /// Name of the map.
        method: &'static str,
        /// Newton steps taken.
        iterations: usize,
        /// Largest change of a logit that one more step would make.
        step: f64,
    },
    /// A map that was stored is not one.
    #[error("{what}: expected {expected}, found {found}")]
    Stored {
        /// Which part.
        what: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What the file says.
        found: String,
    },
    /// No map goes by this name.
    #[error("recalibration: expected one of {expected}, found `{found}`")]
    Name {
        /// The names there are.
        expected: String,
        /// The name given.
        found: String,
    },
}

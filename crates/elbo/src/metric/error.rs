//! Why a score cannot be computed.

/// What is wrong with predictions, targets or settings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Two lists that belong together have different lengths.
    #[error("{what}: expected {expected} values, found {found}")]
    Length {
        /// Which list.
        what: &'static str,
        /// Length of the list it belongs to.
        expected: usize,
        /// Its own length.
        found: usize,
    },
    /// There is no example, so no mean over examples.
    #[error("{what}: expected at least one example, found none")]
    Empty {
        /// Which score or list.
        what: &'static str,
    },
    /// A label is not a class.
    #[error("label of example {row}: expected a class below {classes}, found {found}")]
    Label {
        /// Example, counted from 0.
        row: usize,
        /// Number of classes.
        classes: usize,
        /// The label.
        found: usize,
    },
    /// A value is not a probability.
    #[error("probability of class {class} of example {row}: expected a finite number of at least 0, found {found}")]
    Probability {
        /// Example, counted from 0.
        row: usize,
        /// Class, counted from 0.
        class: usize,
        /// The value.
        found: f64,
    },
    /// The probabilities of an example are no distribution.
    #[error("probabilities of example {row}: expected a sum of 1 within {tolerance}, found {found}")]
    RowSum {
        /// Example, counted from 0.
        row: usize,
        /// Largest deviation accepted.
        tolerance: f64,
        /// The sum.
        found: f64,
    },
    /// A value cannot be scored.
    #[error("{what} of example {row}: expected {expected}, found {found}")]
    Value {
        /// Which list.
        what: &'static str,
        /// Example, counted from 0.
        row: usize,
        /// What is allowed.
        expected: &'static str,
        /// The value.
        found: f64,
    },
    /// A statistic has no value on a resample.
    #[error("the statistic of resample {resample} is not a number; it must have a value for every choice of examples")]
    Undefined {
        /// Resample, counted from 0.
        resample: usize,
    },
    /// A setting is not allowed.
    #[error("`{name}` must be {expected}, found {found}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What was given.
        found: String,
    },
}

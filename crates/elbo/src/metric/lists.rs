//! Checks of the lists that scores are made of.

use super::MetricError;

/// `expected` finite numbers, at least one.
pub(super) fn check_finite(what: &'static str, values: &[f64], expected: usize) -> Result<(), MetricError> {
    check(what, values, expected, f64::is_finite, "a finite number")
}

/// `expected` finite numbers above 0, at least one.
pub(super) fn check_positive(what: &'static str, values: &[f64], expected: usize) -> Result<(), MetricError> {
    check(what, values, expected, |x| x.is_finite() && x > 0.0, "a finite number above 0")
}

/// `expected` numbers, infinite ones too, at least one.
pub(super) fn check_numbers(what: &'static str, values: &[f64], expected: usize) -> Result<(), MetricError> {
    check(what, values, expected, |x| !x.is_nan(), "a number")
}

/// `expected` probabilities, at least one.
pub(super) fn check_probabilities(what: &'static str, values: &[f64], expected: usize) -> Result<(), MetricError> {
    check(what, values, expected, |x| (0.0..=1.0).contains(&x), "a number between 0 and 1")
}

/// A level or probability strictly between 0 and 1.
pub(super) fn check_level(name: &'static str, level: f64) -> Result<(), MetricError> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(MetricError::Setting { name, expected: "above 0 and below 1", found: level.to_string() })
}

/// A number of bins, members or components.
pub(super) fn check_count(name: &'static str, least: usize, found: usize) -> Result<(), MetricError> {
    if found >= least {
        return Ok(());
    }
    let expected = if least == 1 { "at least 1" } else { "at least 2" };
    Err(MetricError::Setting { name, expected, found: found.to_string() })
}

/// Length and values of one list.
pub(super) fn check(
    what: &'static str,
    values: &[f64],
    length: usize,
    allowed: impl Fn(f64) -> bool,
    expected: &'static str,
) -> Result<(), MetricError> {
    if values.len() != length {
        return Err(MetricError::Length { what, expected: length, found: values.len() });
    }
    if values.is_empty() {
        return Err(MetricError::Empty { what });
    }
    match values.iter().position(|&x| !allowed(x)) {
        Some(row) => Err(MetricError::Value { what, row, expected, found: values[row] }),
        None => Ok(()),
    }
}

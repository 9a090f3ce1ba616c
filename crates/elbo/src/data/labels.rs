//! From label fields to [`Labels`].
//!
//! Files that do not say what their labels are (`.tsv`, `.txt`, `.csv`) follow one rule: if all labels are numbers and
//! at least one has a fractional part, they are real targets; all else, whole numbers and words, are classes.
//! [`ReadOptions::task`](super::ReadOptions) overrules it. Classes are ordered as numbers if all are numbers, else by
//! their names.

use super::dataset::Labels;
use super::error::{DataError, Place};
use super::read::TaskKind;
use super::value::{is_blank, parse_target};
use std::collections::HashMap;

/// The label field of one example.
#[derive(Clone, Debug)]
pub(super) struct RawLabel {
    text: String,
    line: usize,
}

impl RawLabel {
    /// The label in `field` on the line at `place`.
    ///
    /// # Errors
    /// [`DataError::MissingLabel`] if nothing is there; `expected` says what should be.
    pub(super) fn new(field: &str, place: &Place, expected: &str) -> Result<Self, DataError> {
        let text = field.trim();
        if is_blank(text) {
            return Err(DataError::MissingLabel { place: place.clone(), expected: expected.to_owned() });
        }
        Ok(Self { text: text.to_owned(), line: place.line.unwrap_or(0) })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }
}

/// All labels of a file, by the rule of this module or as `task` says.
///
/// # Errors
/// [`DataError::Target`] if `task` asks for real targets and one is not a finite number.
pub(super) fn from_fields(raw: &[RawLabel], task: Option<TaskKind>, origin: &str) -> Result<Labels, DataError> {
    match task.unwrap_or_else(|| guess(raw)) {
        TaskKind::Classes => Ok(classes(&raw.iter().map(|label| label.text.as_str()).collect::<Vec<_>>())),
        TaskKind::Real => {
            let target = |label: &RawLabel| parse_target(&label.text, || Place::line(origin, label.line));
            raw.iter().map(target).collect::<Result<_, _>>().map(Labels::Real)
        }
    }
}

/// What labels are that nobody has described.
fn guess(raw: &[RawLabel]) -> TaskKind {
    let numbers: Option<Vec<f64>> = raw.iter().map(|label| finite(&label.text)).collect();
    match numbers {
        Some(numbers) if numbers.iter().any(|number| number.fract() != 0.0) => TaskKind::Real,
        _ => TaskKind::Classes,
    }
}

/// Classes from one name per example.
pub(super) fn classes<S: AsRef<str>>(fields: &[S]) -> Labels {
    let mut names: Vec<String> = fields.iter().map(|field| field.as_ref().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    order_numbers(&mut names);
    let numbers: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    let labels = fields.iter().map(|field| numbers[field.as_ref()]).collect();
    Labels::Classes { labels, names }
}

/// Orders class names as numbers if all are numbers; leaves them as they are if not.
pub(super) fn order_numbers(names: &mut [String]) {
    if names.iter().all(|name| finite(name).is_some()) {
        names.sort_by(|a, b| finite(a).unwrap_or(0.0).total_cmp(&finite(b).unwrap_or(0.0)));
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

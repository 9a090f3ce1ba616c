//! Times of rows: numbers, or dates that are compared as text.

use super::super::error::{DataError, shown};
use super::rows::Row;
use std::cmp::Ordering;

/// The time of a row.
pub(in super::super) struct Stamp {
    pub(in super::super) text: String,
    number: Option<f64>,
    pub(in super::super) line: usize,
}

impl Stamp {
    /// The time in field `column`, of the same kind as those before it: `numeric` says whether they are numbers.
    ///
    /// # Errors
    /// [`DataError::Mismatch`].
    pub(in super::super) fn new(row: &Row, column: usize, numeric: Option<bool>) -> Result<Self, DataError> {
        let text = row.field(column);
        let number = number(text);
        let expected = match numeric {
            Some(true) if number.is_none() => "a number, as in the rows before",
            Some(false) if !is_date(text) => "a date, as in the rows before",
            None if number.is_none() && !is_date(text) => "a number or a date like `2024-05-31`",
            _ => return Ok(Self { text: text.to_owned(), number, line: row.place.line.unwrap_or(0) }),
        };
        let place = row.place.clone();
        Err(DataError::Mismatch { place, what: "time", expected: expected.to_owned(), found: shown(text) })
    }

    /// Whether the time is a number.
    pub(in super::super) fn is_number(&self) -> bool {
        self.number.is_some()
    }

    pub(in super::super) fn compare(&self, other: &Self) -> Ordering {
        match (self.number, other.number) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => self.text.cmp(&other.text),
        }
    }
}

/// Whether `text` is a time.
pub(in super::super) fn is_time(text: &str) -> bool {
    number(text).is_some() || is_date(text)
}

/// Adding zero makes -0 and 0 the same time.
fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number + 0.0)
}

/// Whether `text` starts like `2024-05`.
fn is_date(text: &str) -> bool {
    let pattern = "dddd-dd".bytes();
    text.len() >= pattern.len()
        && pattern
            .zip(text.bytes())
            .all(|(wanted, byte)| if wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted })
}

//! Times of rows: numbers, or dates that are compared as text. All dates of a file are written in one way, with leading zeros
//! and one offset from UTC if any: then their order as text is that in time.

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
    /// The time in field `column`, written like the `first` one.
    ///
    /// # Errors
    /// [`DataError::Mismatch`].
    pub(in super::super) fn new(row: &Row, column: usize, first: Option<&Self>) -> Result<Self, DataError> {
        let text = row.field(column);
        let number = number(text);
        let expected = match first {
            Some(first) if first.is_number() && number.is_none() => "a number, as in the rows before".to_owned(),
            Some(first) if !first.is_number() && !is_written_like(&first.text, text) => {
                format!("a date written like `{}`, with leading zeros", first.text)
            }
            None if number.is_none() && !is_date(text) => "a number or a date like `2024-05-31`".to_owned(),
            _ => return Ok(Self { text: text.to_owned(), number, line: row.place.line.unwrap_or(0) }),
        };
        let place = row.place.clone();
        Err(DataError::Mismatch { place, what: "time", expected, found: shown(text) })
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

/// Whether a date has its digits and everything else where `first` has them, up to the end of a part of one of them, and the
/// same offset from UTC.
fn is_written_like(first: &str, text: &str) -> bool {
    let alike = |(a, b): (u8, u8)| a == b || a.is_ascii_digit() && b.is_ascii_digit();
    let (short, long) = if first.len() < text.len() { (first, text) } else { (text, first) };
    let is_part = !long.as_bytes().get(short.len()).is_some_and(u8::is_ascii_digit);
    is_date(text) && is_part && short.bytes().zip(long.bytes()).all(alike) && offset(first) == offset(text)
}

/// What follows the time of day, from the sign on.
fn offset(text: &str) -> Option<&str> {
    let time = text.get("2024-05-31".len()..)?;
    time.find(['+', '-']).map(|at| &time[at..])
}

/// Whether `text` starts like `2024-05`.
fn is_date(text: &str) -> bool {
    let pattern = "dddd-dd".bytes();
    text.len() >= pattern.len()
        && pattern
            .zip(text.bytes())
            .all(|(wanted, byte)| if wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted })
}

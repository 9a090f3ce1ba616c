//! Comma-separated values, with a row per example or in long form.
//!
//! - **A row per example**: values in the order of their columns, one channel. With or without a header: the first row
//!   is one if not all its fields are numbers or `?`. A file without a header has its labels in the last column; so an
//!   unnamed file of numbers whose labels are words needs a header, or its first row would be taken for one. A column
//!   called `id` names the examples.
//! - **Long form**: a header with `id`, `time` and one column per channel, and a label column if there are labels. The
//!   rows of one `id`, sorted by `time`, are a series; times are numbers, or dates that start like `2024-05-31` and are
//!   compared as text.
//!
//! Which column is the label is told by [`ReadOptions::csv_label`]; what it holds by the rule of
//! [`ReadOptions::task`]. A field that is empty or `?` is a missing value.

mod columns;
mod long;
pub(super) mod rows;
pub(super) mod stamp;
mod wide;

use super::dataset::Dataset;
use super::error::DataError;
use super::read::ReadOptions;
use columns::Columns;
use rows::Rows;
use std::io::BufRead;

/// Reads a set from its text.
///
/// # Errors
/// Any but those of using a set.
pub(super) fn read<R: BufRead>(reader: R, origin: &str, options: &ReadOptions) -> Result<Dataset, DataError> {
    let mut rows = Rows::new(reader, origin);
    let Some(first) = rows.next()? else { return Err(DataError::NoExamples { origin: origin.to_owned() }) };
    let columns = if first.is_header() {
        Columns::named(first.fields(), origin, options)?
    } else {
        Columns::unnamed(first.fields().count(), origin, options)?
    };
    let first = (!first.is_header()).then_some(first);
    match columns.time {
        Some(time) => long::read(rows, &columns, time, origin, options),
        None => wide::read(rows, first, &columns, origin, options),
    }
}

#[cfg(test)]
mod tests;

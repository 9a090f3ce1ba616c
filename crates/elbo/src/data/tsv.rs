//! The UCR format: a line per example, the label first, then the values of one channel.
//!
//! Fields are between tabs; without a tab in the line between commas; else between runs of spaces. Series of unequal
//! length are padded with `NaN` at the end, which is cut off; `NaN` or nothing between two values, and `?` anywhere, is a
//! missing value. What the labels are is told by the rule of [`ReadOptions::task`].

use super::dataset::{Dataset, Example};
use super::error::{DataError, Place};
use super::labels::{RawLabel, from_fields};
use super::lines::Lines;
use super::read::{ReadOptions, stem};
use super::value::parse_value;
use std::io::BufRead;

/// Reads a set from its text.
///
/// # Errors
/// Any but those of using a set.
pub(super) fn read<R: BufRead>(reader: R, origin: &str, options: &ReadOptions) -> Result<Dataset, DataError> {
    let mut lines = Lines::new(reader, origin);
    let (mut examples, mut labels) = (Vec::new(), Vec::new());
    while let Some((line, text)) = lines.next_filled()? {
        let place = Place::line(origin, line);
        let (label, values) = parse_line(text, &place)?;
        labels.push(label);
        examples.push(Example { id: (examples.len() + 1).to_string(), values });
    }
    if examples.is_empty() {
        return Err(DataError::NoExamples { origin: origin.to_owned() });
    }
    let labels = from_fields(&labels, options.task, origin)?;
    Ok(Dataset { name: stem(origin), channels: 1, examples, labels })
}

/// Label and values of one line.
fn parse_line(text: &str, place: &Place) -> Result<(RawLabel, Vec<f32>), DataError> {
    if text.contains('\t') {
        parse_fields(text.split('\t'), place)
    } else if text.contains(',') {
        parse_fields(text.split(','), place)
    } else {
        parse_fields(text.split_whitespace(), place)
    }
}

fn parse_fields<'a>(
    mut fields: impl Iterator<Item = &'a str> + Clone,
    place: &Place,
) -> Result<(RawLabel, Vec<f32>), DataError> {
    let label = RawLabel::new(fields.next().unwrap_or(""), place, "a label in the first field")?;
    let filled = fields.clone().enumerate().filter(|(_, field)| !is_padding(field.trim()));
    let length = filled.last().map_or(0, |(t, _)| t + 1);
    if length == 0 {
        return Err(DataError::EmptySeries { place: place.clone(), what: "series after the label".to_owned() });
    }
    let mut values = Vec::with_capacity(length);
    for (t, field) in fields.take(length).enumerate() {
        let field = if is_padding(field.trim()) { "?" } else { field };
        values.push(parse_value(field, || place.clone(), || format!("value {}", t + 1))?);
    }
    Ok((label, values))
}

/// What fills the end of a short series.
fn is_padding(field: &str) -> bool {
    field.is_empty() || field.eq_ignore_ascii_case("nan")
}

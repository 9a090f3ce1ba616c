//! A row per example.

use super::super::dataset::{Dataset, Example, Labels};
use super::super::error::DataError;
use super::super::labels::{RawLabel, from_fields};
use super::super::read::{ReadOptions, stem};
use super::columns::Columns;
use super::rows::{Row, Rows};
use std::io::Read;

/// Reads all rows, `first` before the rest.
///
/// # Errors
/// Any but those of using a set.
pub(super) fn read<R: Read>(
    mut rows: Rows<'_, R>,
    first: Option<Row>,
    columns: &Columns,
    origin: &str,
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    let (mut examples, mut labels) = (Vec::new(), Vec::new());
    let mut next = first.map_or_else(|| rows.next(), |row| Ok(Some(row)))?;
    while let Some(row) = next {
        row.check_width(columns.count)?;
        examples.push(example(&row, columns, examples.len() + 1)?);
        if let Some(column) = columns.label {
            labels.push(RawLabel::new(row.field(column), &row.place, &format!("a label in column {}", column + 1))?);
        }
        next = rows.next()?;
    }
    if examples.is_empty() {
        return Err(DataError::NoExamples { origin: origin.to_owned() });
    }
    let labels = columns.label.map_or(Ok(Labels::None), |_| from_fields(&labels, options.task, origin))?;
    Ok(Dataset { name: stem(origin), channels: 1, examples, labels })
}

/// The series of a row; `number` is its name if it has none.
fn example(row: &Row, columns: &Columns, number: usize) -> Result<Example, DataError> {
    let id = columns.id.map_or_else(|| Ok(number.to_string()), |column| row.id(column))?;
    let mut values = Vec::with_capacity(columns.values.len());
    for &column in &columns.values {
        values.push(row.value(column)?);
    }
    Ok(Example { id, values })
}

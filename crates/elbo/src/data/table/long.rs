//! Long form: a row per time of a series.

use super::super::dataset::{Dataset, Example, Labels};
use super::super::error::{DataError, Place, shown};
use super::super::labels::{RawLabel, from_fields};
use super::super::read::{ReadOptions, stem};
use super::columns::Columns;
use super::rows::{Row, Rows};
use super::stamp::Stamp;
use std::collections::HashMap;
use std::io::Read;

/// Reads all rows; column `time` has the times.
///
/// # Errors
/// Any but those of using a set.
pub(super) fn read<R: Read>(
    mut rows: Rows<'_, R>,
    columns: &Columns,
    time: usize,
    origin: &str,
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    let mut table = Table { columns, time, series: Vec::new(), numbers: HashMap::new() };
    while let Some(row) = rows.next()? {
        table.push(&row)?;
    }
    table.finish(origin, options)
}

/// The series as far as they are read, in the order of their first rows.
struct Table<'a> {
    columns: &'a Columns,
    time: usize,
    series: Vec<Series>,
    numbers: HashMap<String, usize>,
}

/// The rows of one series, in the order of the file.
struct Series {
    id: String,
    label: Option<RawLabel>,
    stamps: Vec<Stamp>,
    values: Vec<f32>,
}

impl Table<'_> {
    fn push(&mut self, row: &Row) -> Result<(), DataError> {
        row.check_width(self.columns.count)?;
        let number = self.series_of(row)?;
        let stamp = Stamp::new(row, self.time, self.first_stamp())?;
        let series = &mut self.series[number];
        series.stamps.push(stamp);
        for &column in &self.columns.values {
            series.values.push(row.value(column)?);
        }
        match self.columns.label {
            Some(column) => series.push_label(row, column),
            None => Ok(()),
        }
    }

    /// The series that a row belongs to; a new one if it is the first.
    fn series_of(&mut self, row: &Row) -> Result<usize, DataError> {
        let id = self.columns.id.map_or_else(|| Ok(String::new()), |column| row.id(column))?;
        if let Some(&number) = self.numbers.get(&id) {
            return Ok(number);
        }
        self.numbers.insert(id.clone(), self.series.len());
        self.series.push(Series { id, label: None, stamps: Vec::new(), values: Vec::new() });
        Ok(self.series.len() - 1)
    }

    /// The first time of the file.
    fn first_stamp(&self) -> Option<&Stamp> {
        self.series.first()?.stamps.first()
    }

    fn finish(self, origin: &str, options: &ReadOptions) -> Result<Dataset, DataError> {
        if self.series.is_empty() {
            return Err(DataError::NoExamples { origin: origin.to_owned() });
        }
        let channels = self.columns.values.len();
        let (mut examples, mut labels) = (Vec::new(), Vec::new());
        for mut series in self.series {
            series.sort(channels, origin)?;
            examples.push(Example { id: series.id, values: series.values });
            labels.extend(series.label);
        }
        let labels = self.columns.label.map_or(Ok(Labels::None), |_| from_fields(&labels, options.task, origin))?;
        Ok(Dataset { name: stem(origin), channels, examples, labels })
    }
}

impl Series {
    /// The label of a row: all rows of a series have the same.
    fn push_label(&mut self, row: &Row, column: usize) -> Result<(), DataError> {
        let label = RawLabel::new(row.field(column), &row.place, &format!("a label in column {}", column + 1))?;
        let first = self.label.get_or_insert_with(|| label.clone());
        if first.text() != label.text() {
            return Err(DataError::Mismatch {
                place: row.place.clone(),
                what: "label of a series",
                expected: format!("{} as in line {}", shown(first.text()), first.line()),
                found: format!("{} for series `{}`", shown(label.text()), self.id),
            });
        }
        Ok(())
    }

    /// Puts the rows in the order of their times.
    fn sort(&mut self, channels: usize, origin: &str) -> Result<(), DataError> {
        let mut order: Vec<usize> = (0..self.stamps.len()).collect();
        order.sort_by(|&a, &b| self.stamps[a].compare(&self.stamps[b]));
        let repeated = order.windows(2).find(|pair| self.stamps[pair[0]].compare(&self.stamps[pair[1]]).is_eq());
        if let Some(pair) = repeated {
            return Err(self.duplicate(pair[0], pair[1], origin));
        }
        if !order.is_sorted() {
            let row = |&t: &usize| &self.values[t * channels..(t + 1) * channels];
            self.values = order.iter().flat_map(row).copied().collect();
        }
        Ok(())
    }

    fn duplicate(&self, first: usize, second: usize, origin: &str) -> DataError {
        DataError::DuplicateTime {
            place: Place::line(origin, self.stamps[second].line),
            id: self.id.clone(),
            time: self.stamps[second].text.clone(),
            first: self.stamps[first].line,
        }
    }
}

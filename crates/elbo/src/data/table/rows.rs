//! The records of a comma-separated file, with their lines.

use super::super::error::{DataError, Place, counted};
use super::super::value::{is_blank, parse_value};
use csv::{ErrorKind, ReaderBuilder, StringRecord, Terminator};
use std::io::{Chain, Read};

/// The rows of a file. Only a line feed ends a row, and the last row has one, so that lines can be counted; a carriage
/// return before it is trimmed with the last field.
pub(in super::super) struct Rows<'a, R> {
    reader: csv::Reader<Chain<R, &'static [u8]>>,
    origin: &'a str,
}

/// One row.
pub(in super::super) struct Row {
    record: StringRecord,
    pub(in super::super) place: Place,
}

impl<'a, R: Read> Rows<'a, R> {
    pub(in super::super) fn new(reader: R, origin: &'a str) -> Self {
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).terminator(Terminator::Any(b'\n'));
        Self { reader: builder.from_reader(reader.chain(b"\n".as_slice())), origin }
    }

    /// The next row that is not blank; `None` at the end.
    ///
    /// # Errors
    /// [`DataError::Io`] or [`DataError::NotText`].
    pub(in super::super) fn next(&mut self) -> Result<Option<Row>, DataError> {
        let mut record = StringRecord::new();
        while self.reader.read_record(&mut record).map_err(|error| self.failed(error))? {
            let place = self.place(record.as_slice());
            if record.as_slice().contains('\0') {
                return Err(DataError::NotText { place, found: "byte 0x00".to_owned() });
            }
            if record.len() > 1 || !record.as_slice().trim().is_empty() {
                return Ok(Some(Row { record, place }));
            }
        }
        Ok(None)
    }

    fn failed(&self, error: csv::Error) -> DataError {
        match error.into_kind() {
            ErrorKind::Io(source) => DataError::Io { origin: self.origin.to_owned(), source },
            _ => DataError::NotText { place: self.place(""), found: "another encoding".to_owned() },
        }
    }

    /// The line where the row that was just read starts: the reader is one line further, and `content` may have more.
    fn place(&self, content: &str) -> Place {
        let end = usize::try_from(self.reader.position().line()).unwrap_or(usize::MAX);
        Place::line(self.origin, end.saturating_sub(1 + content.matches('\n').count()))
    }
}

impl Row {
    /// The fields, without space around them.
    pub(in super::super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.record.iter().map(str::trim)
    }

    /// Field `column`, without space around it; empty if the row is too short.
    pub(in super::super) fn field(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or("").trim()
    }

    /// Whether this row, the first, names the columns: not all fields are numbers or `?`.
    pub(super) fn is_header(&self) -> bool {
        self.fields().any(|field| !matches!(field, "" | "?") && field.parse::<f64>().is_err())
    }

    /// That there are `expected` fields.
    ///
    /// # Errors
    /// [`DataError::Mismatch`].
    pub(in super::super) fn check_width(&self, expected: usize) -> Result<(), DataError> {
        let found = self.record.len();
        if found != expected {
            return Err(DataError::Mismatch {
                place: self.place.clone(),
                what: "number of fields",
                expected: format!("{} as in the first row", counted(expected, "field")),
                found: found.to_string(),
            });
        }
        Ok(())
    }

    /// The value in field `column`; NaN if it is empty or `?`.
    ///
    /// # Errors
    /// Those of a value.
    pub(super) fn value(&self, column: usize) -> Result<f32, DataError> {
        let field = self.field(column);
        let field = if field.is_empty() { "?" } else { field };
        parse_value(field, || self.place.clone(), || format!("column {}", column + 1))
    }

    /// The name in field `column`.
    ///
    /// # Errors
    /// [`DataError::Mismatch`] if there is none.
    pub(super) fn id(&self, column: usize) -> Result<String, DataError> {
        let field = self.field(column);
        if is_blank(field) {
            let (place, expected) = (self.place.clone(), "the name of a series".to_owned());
            return Err(DataError::Mismatch { place, what: "id", expected, found: "nothing".to_owned() });
        }
        Ok(field.to_owned())
    }
}

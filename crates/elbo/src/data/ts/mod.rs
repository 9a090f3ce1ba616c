//! The archive format `.ts` of the time-series community (timeseriesclassification.com, aeon).
//!
//! Comments start with `#`. A header of `@key value` lines, keys in any case, ends with `@data`; then every line is one
//! example: channels between `:`, values between `,`, and at last the class or target if `@classLabel true ..` or
//! `@targetLabel true` announced one. `?` is a missing value. What the header says about channels, lengths and classes
//! is checked line by line; `@missing` is not, since a `?` cannot be misread. Time stamps are refused.

mod header;
mod row;

use super::dataset::{Dataset, Example, Labels};
use super::error::{DataError, Place, counted, listed};
use super::labels::classes;
use super::lines::Lines;
use super::read::{ReadOptions, TaskKind, stem};
use super::value::{is_blank, parse_target};
use header::Header;
use row::Row;
use std::collections::HashMap;
use std::io::BufRead;

/// Reads a set from its text.
///
/// # Errors
/// Any but those of using a set.
pub(super) fn read<R: BufRead>(reader: R, origin: &str, options: &ReadOptions) -> Result<Dataset, DataError> {
    let mut lines = Lines::new(reader, origin);
    let header = Header::read(&mut lines)?;
    check_task(&header, origin, options)?;
    let mut set = Builder::new(header, origin);
    while let Some((line, text)) = lines.next_filled()? {
        set.push(text, &Place::line(origin, line))?;
    }
    set.finish()
}

/// The header says what the labels are; options can only agree.
fn check_task(header: &Header, origin: &str, options: &ReadOptions) -> Result<(), DataError> {
    let (expected, agrees) = match options.task {
        Some(TaskKind::Classes) => ("classes (`@classLabel true ..`)", !header.target),
        Some(TaskKind::Real) => ("real targets (`@targetLabel true`)", header.classes.is_none()),
        None => return Ok(()),
    };
    let found = if header.target { "`@targetLabel true`" } else { "`@classLabel true`" };
    if !agrees {
        return Err(DataError::Mismatch {
            place: Place::whole(origin),
            what: "kind of labels",
            expected: expected.to_owned(),
            found: found.to_owned(),
        });
    }
    Ok(())
}

/// The set as far as it is read.
struct Builder<'a> {
    header: Header,
    origin: &'a str,
    channels: Option<usize>,
    length: Option<usize>,
    classes: HashMap<String, usize>,
    examples: Vec<Example>,
    labels: Column,
}

/// The labels as far as they are read.
enum Column {
    /// Numbers of listed classes.
    Listed(Vec<usize>),
    /// Classes that the header does not list.
    Unlisted(Vec<String>),
    Real(Vec<f64>),
    None,
}

impl<'a> Builder<'a> {
    fn new(header: Header, origin: &'a str) -> Self {
        let labels = match &header.classes {
            _ if header.target => Column::Real(Vec::new()),
            None => Column::None,
            Some(names) if names.is_empty() => Column::Unlisted(Vec::new()),
            Some(_) => Column::Listed(Vec::new()),
        };
        let classes = header.classes.iter().flatten().cloned().enumerate().map(|(i, name)| (name, i)).collect();
        let length = header.series_length.filter(|_| header.equal_length != Some(false));
        Self { channels: header.channels(), length, classes, header, origin, examples: Vec::new(), labels }
    }

    /// Takes one data line.
    fn push(&mut self, text: &str, place: &Place) -> Result<(), DataError> {
        let (channels, label) = self.split(text, place)?;
        let row = Row::new(channels, place);
        self.check_channels(row.channels(), place)?;
        let length = row.length()?;
        self.check_length(length, place)?;
        let id = (self.examples.len() + 1).to_string();
        self.push_label(label.trim(), &id, place)?;
        self.examples.push(Example { id, values: row.values(length)? });
        Ok(())
    }

    /// Channels and label of a line; the label is empty if there are none in this set.
    fn split<'t>(&self, text: &'t str, place: &Place) -> Result<(&'t str, &'t str), DataError> {
        if !self.header.labelled() {
            return Ok((text, ""));
        }
        text.rsplit_once(':').ok_or_else(|| self.missing_label(place))
    }

    fn check_channels(&mut self, found: usize, place: &Place) -> Result<(), DataError> {
        let expected = *self.channels.get_or_insert(found);
        if found == expected {
            return Ok(());
        }
        let hint = if self.header.labelled() {
            " and a label"
        } else {
            " and no label (the header has neither `@classLabel true` nor `@targetLabel true`)"
        };
        Err(DataError::Mismatch {
            place: place.clone(),
            what: "number of channels",
            expected: format!("{}{hint}", counted(expected, "channel")),
            found: counted(found, "channel"),
        })
    }

    fn check_length(&mut self, found: usize, place: &Place) -> Result<(), DataError> {
        if self.header.equal_length == Some(true) {
            self.length.get_or_insert(found);
        }
        match self.length {
            Some(expected) if expected != found => Err(DataError::Mismatch {
                place: place.clone(),
                what: "length of a series",
                expected: match self.header.series_length {
                    Some(_) => format!("{expected} as in `@seriesLength`"),
                    None => format!("{expected} as before, with `@equalLength true`"),
                },
                found: found.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn push_label(&mut self, text: &str, id: &str, place: &Place) -> Result<(), DataError> {
        if is_blank(text) && self.header.labelled() {
            return Err(self.missing_label(place));
        }
        match &mut self.labels {
            Column::Listed(labels) => match self.classes.get(text) {
                Some(&label) => labels.push(label),
                None => return Err(self.unlisted(text, id, place)),
            },
            Column::Unlisted(labels) => labels.push(text.to_owned()),
            Column::Real(targets) => targets.push(parse_target(text, || place.clone())?),
            Column::None => {}
        }
        Ok(())
    }

    fn missing_label(&self, place: &Place) -> DataError {
        let what = if self.header.target { "a target" } else { "a class" };
        DataError::MissingLabel { place: place.clone(), expected: format!("{what} after the last `:`") }
    }

    fn unlisted(&self, label: &str, id: &str, place: &Place) -> DataError {
        DataError::UnknownClass {
            place: place.clone(),
            example: id.to_owned(),
            expected: listed(self.header.classes.as_deref().unwrap_or_default()),
            found: label.to_owned(),
        }
    }

    fn finish(self) -> Result<Dataset, DataError> {
        let Some(channels) = self.channels.filter(|_| !self.examples.is_empty()) else {
            return Err(DataError::NoExamples { origin: self.origin.to_owned() });
        };
        let labels = match self.labels {
            Column::Listed(labels) => Labels::Classes { names: self.header.classes.unwrap_or_default(), labels },
            Column::Unlisted(names) => classes(&names),
            Column::Real(targets) => Labels::Real(targets),
            Column::None => Labels::None,
        };
        let name = self.header.name.unwrap_or_else(|| stem(self.origin));
        Ok(Dataset { name, channels, examples: self.examples, labels })
    }
}

#[cfg(test)]
mod tests;

//! Which column of a comma-separated file is what.

use super::super::error::{DataError, Place, listed};
use super::super::read::ReadOptions;

/// Names of a label column, the first that is there counts.
const LABELS: [&str; 4] = ["label", "class", "target", "y"];

/// The columns of a file, counted from 0.
#[derive(Debug, PartialEq)]
pub(super) struct Columns {
    /// Number of columns.
    pub(super) count: usize,
    /// Names of series.
    pub(super) id: Option<usize>,
    /// Times; if there are any, the file is in long form.
    pub(super) time: Option<usize>,
    pub(super) label: Option<usize>,
    /// All others.
    pub(super) values: Vec<usize>,
}

impl Columns {
    /// Columns called `names`.
    ///
    /// # Errors
    /// [`DataError::Column`] if the label column that options name is not there; [`DataError::Mismatch`] without a
    /// column of values.
    pub(super) fn named<'n>(
        names: impl Iterator<Item = &'n str>,
        origin: &str,
        options: &ReadOptions,
    ) -> Result<Self, DataError> {
        let names: Vec<&str> = names.collect();
        let chosen = named_label(&names, origin, options)?;
        let id = find(&names, "id").filter(|&id| chosen != Some(id));
        let time = find(&names, "time").filter(|&time| id.is_some() && chosen != Some(time));
        let last = || (0..names.len()).rev().find(|&column| Some(column) != id);
        let label = match (options.csv_label.is_some(), time.is_some()) {
            (false, false) => chosen.or_else(last),
            _ => chosen,
        };
        Self { count: names.len(), id, time, label, values: Vec::new() }.filled(origin, &names)
    }

    /// `count` columns without names.
    ///
    /// # Errors
    /// [`DataError::Column`] if options name one; [`DataError::Mismatch`] without a column of values.
    pub(super) fn unnamed(count: usize, origin: &str, options: &ReadOptions) -> Result<Self, DataError> {
        let label = match options.csv_label.as_deref() {
            None => Some(count - 1),
            Some("") => None,
            Some(name) => {
                let expected = "a first row with the names of the columns".to_owned();
                return Err(DataError::Column { origin: origin.to_owned(), expected, found: name.to_owned() });
            }
        };
        Self { count, id: None, time: None, label, values: Vec::new() }.filled(origin, &["one unnamed column"])
    }

    /// All columns that are nothing else are values.
    fn filled(mut self, origin: &str, names: &[&str]) -> Result<Self, DataError> {
        let taken = [self.id, self.time, self.label];
        self.values = (0..self.count).filter(|&column| !taken.contains(&Some(column))).collect();
        if self.values.is_empty() {
            return Err(DataError::Mismatch {
                place: Place::whole(origin),
                what: "columns",
                expected: "at least one column of values, between commas".to_owned(),
                found: format!("only {}", listed(names)),
            });
        }
        Ok(self)
    }
}

/// The label column that options name, or that has a label's name.
fn named_label(names: &[&str], origin: &str, options: &ReadOptions) -> Result<Option<usize>, DataError> {
    match options.csv_label.as_deref() {
        None => Ok(LABELS.iter().find_map(|label| find(names, label))),
        Some("") => Ok(None),
        Some(name) => find(names, name).map(Some).ok_or_else(|| DataError::Column {
            origin: origin.to_owned(),
            expected: format!("one of {}", listed(names)),
            found: name.to_owned(),
        }),
    }
}

/// The column called `name`, exactly or else in another case.
fn find(names: &[&str], name: &str) -> Option<usize> {
    let exact = names.iter().position(|found| *found == name);
    exact.or_else(|| names.iter().position(|found| found.eq_ignore_ascii_case(name)))
}

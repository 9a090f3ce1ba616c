//! What can be wrong with data: each error says where, what was expected and what was found.

use core::fmt;

/// Where in the data something is: a file or a named set, and a line of it where one is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Path of the file, or name of the data set.
    pub origin: String,
    /// Line of the file, counted from 1.
    pub line: Option<usize>,
}

impl Place {
    /// The whole of `origin`.
    #[must_use]
    pub fn whole(origin: &str) -> Self {
        Self { origin: origin.to_owned(), line: None }
    }

    /// Line `line` of `origin`.
    #[must_use]
    pub fn line(origin: &str, line: usize) -> Self {
        Self { origin: origin.to_owned(), line: Some(line) }
    }
}

impl fmt::Display for Place {
    /// `origin:line`, or `origin` where the line is not known.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(out, "{}:{line}", self.origin),
            None => out.write_str(&self.origin),
        }
    }
}

/// Everything that can be wrong with a data file, a data set, or the way they are used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file is missing or cannot be read.
    #[error("{origin}: cannot read: {source}")]
    Io {
        /// Path of the file.
        origin: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The name of a file does not say what is in it.
    #[error("{origin}: unknown kind of file: expected a name that ends in {expected}, found {found}")]
    Extension {
        /// Path of the file.
        origin: String,
        /// The extensions that are known.
        expected: &'static str,
        /// The extension of this file.
        found: String,
    },
    /// The file is binary, or text in another encoding.
    #[error("{place}: expected UTF-8 text, found {found}")]
    NotText {
        /// Where.
        place: Place,
        /// The first byte that is not text.
        found: String,
    },
    /// The text is not in the archive format.
    #[error("{place}: not in the .ts format: expected {expected}, found {found}")]
    NotArchive {
        /// Where.
        place: Place,
        /// What the format asks for here.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A line of a header is wrong.
    #[error("{place}: header `{key}`: expected {expected}, found {found}")]
    Header {
        /// Where.
        place: Place,
        /// The key, as written.
        key: String,
        /// What is allowed.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Two parts of the data contradict each other.
    #[error("{place}: {what}: expected {expected}, found {found}")]
    Mismatch {
        /// Where.
        place: Place,
        /// What is at odds: a length, a number of channels, ...
        what: &'static str,
        /// What the header or the rest of the data says.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A value is not a number.
    #[error("{place}: {position}: expected a number, or `?` for a missing value, found {found}")]
    NotNumber {
        /// Where.
        place: Place,
        /// Which value of the line.
        position: String,
        /// What is there.
        found: String,
    },
    /// A value is written as NaN or infinity, or is beyond the 32-bit floating-point range.
    #[error("{place}: {position}: expected a finite 32-bit number, found {found}; write `?` for a missing value")]
    NotFinite {
        /// Where.
        place: Place,
        /// Which value of the line.
        position: String,
        /// What is there.
        found: String,
    },
    /// A series or one of its channels has no values.
    #[error("{place}: {what}: expected at least one value, found none")]
    EmptySeries {
        /// Where.
        place: Place,
        /// The series or channel.
        what: String,
    },
    /// There are no examples.
    #[error("{origin}: expected at least one example, found none")]
    NoExamples {
        /// Path of the file, or name of the data set.
        origin: String,
    },
    /// An example has no label.
    #[error("{place}: expected {expected}, found no label")]
    MissingLabel {
        /// Where.
        place: Place,
        /// What should be there.
        expected: String,
    },
    /// A numeric target is not a finite number.
    #[error("{place}: target: expected a finite number, found {found}")]
    Target {
        /// Where.
        place: Place,
        /// What is there.
        found: String,
    },
    /// A class is not among the known ones.
    #[error("{place}: class of example `{example}`: expected one of {expected}, found `{found}`")]
    UnknownClass {
        /// Where.
        place: Place,
        /// The example.
        example: String,
        /// The known classes.
        expected: String,
        /// The class of the example.
        found: String,
    },
    /// There is nothing to tell apart.
    #[error("{origin}: expected examples of at least two classes, found {found}")]
    OneClass {
        /// Name of the data set.
        origin: String,
        /// The classes that have examples.
        found: String,
    },
    /// A series is longer than the batches are to be.
    #[error("{origin}: length of series `{series}`: expected at most {expected}, found {found}")]
    TooLong {
        /// Name of the data set.
        origin: String,
        /// The series.
        series: String,
        /// The longest that is allowed.
        expected: usize,
        /// Its length.
        found: usize,
    },
    /// A series has two rows for one time.
    #[error("{place}: expected one row per time, found time `{time}` of series `{id}` again, first in line {first}")]
    DuplicateTime {
        /// Where the second row is.
        place: Place,
        /// The series.
        id: String,
        /// The time, as written.
        time: String,
        /// Line of the first row.
        first: usize,
    },
    /// A named column is not there.
    #[error("{origin}: label column: expected {expected}, found `{found}`")]
    Column {
        /// Path of the file.
        origin: String,
        /// The columns that are there.
        expected: String,
        /// The name asked for.
        found: String,
    },
    /// A setting is not allowed.
    #[error("{origin}: `{argument}` must be {expected}, found {found}")]
    Argument {
        /// Name of the data set.
        origin: String,
        /// Name of the argument.
        argument: &'static str,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: String,
    },
}

/// Names in quotes with commas between them; beyond twenty, the first ones and how many there are.
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{}`", name.as_ref())).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        more if more > SHOWN => format!("{}, ... ({more} in all)", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// A field as it is shown in a message: in quotes, shortened, or `nothing`.
pub(super) fn shown(field: &str) -> String {
    const SHOWN: usize = 40;
    match field.char_indices().nth(SHOWN) {
        _ if field.is_empty() => "nothing".to_owned(),
        Some((end, _)) => format!("`{}...`", &field[..end]),
        None => format!("`{field}`"),
    }
}

/// A count with its noun: `1 value`, `3 values`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stay_short() {
        let names: Vec<String> = (0..21).map(|i| i.to_string()).collect();
        assert!(listed(&names).ends_with("`18`, `19`, ... (21 in all)"));
        assert_eq!(listed(&names[..2]), "`0`, `1`");
        assert_eq!(listed::<&str>(&[]), "nothing");
        assert_eq!(shown(&"é".repeat(41)), format!("`{}...`", "é".repeat(40)));
        assert_eq!(shown(&"é".repeat(40)), format!("`{}`", "é".repeat(40)));
        assert_eq!(shown(""), "nothing");
        assert_eq!((counted(1, "value"), counted(0, "value")), ("1 value".to_owned(), "0 values".to_owned()));
    }

    #[test]
    fn a_place_has_a_line_where_one_is_known() {
        assert_eq!(Place::line("a.ts", 17).to_string(), "a.ts:17");
        assert_eq!(Place::whole("a.ts").to_string(), "a.ts");
    }
}

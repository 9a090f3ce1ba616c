//! From a file to a [`Dataset`], by the extension of its name.

use super::dataset::Dataset;
use super::error::{DataError, shown};
use super::{table, ts, tsv};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The extensions that [`read`] knows.
const EXTENSIONS: &str = ".ts, .tsv, .txt or .csv";

/// What labels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// One of some classes.
    Classes,
    /// A real number.
    Real,
}

/// What a file does not say about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadOptions {
    /// Name of the column of a CSV file that holds the label; the empty name says that no column does. If not given:
    /// the column called `label`, `class`, `target` or `y`, in this order and in any case, else, in a file with a row
    /// per example, the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csv_label: Option<String>,
    /// What the labels of a `.tsv`, `.txt` or `.csv` file are. If not given: real targets if all labels are numbers and
    /// one has a fractional part, else classes. A `.ts` file says it itself; here the two can only agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskKind>,
}

/// How a data set is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// The archive format: a header and a line per example.
    Ts,
    /// The UCR format: a line per example, the label first.
    Tsv,
    /// Comma-separated values: a row per example, or long form.
    Csv,
}

impl Format {
    /// The format of the file at `path`, by its extension in any case.
    ///
    /// # Errors
    /// [`DataError::Extension`].
    pub fn of(path: &Path) -> Result<Self, DataError> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("ts") => Ok(Self::Ts),
            Some("tsv" | "txt") => Ok(Self::Tsv),
            Some("csv") => Ok(Self::Csv),
            other => Err(DataError::Extension {
                origin: path.display().to_string(),
                expected: EXTENSIONS,
                found: other.map_or_else(|| "none".to_owned(), |name| shown(&format!(".{name}"))),
            }),
        }
    }
}

/// Reads the data set at `path`, with default options.
///
/// # Errors
/// As [`read_with`].
pub fn read(path: &Path) -> Result<Dataset, DataError> {
    read_with(path, &ReadOptions::default())
}

/// Reads the data set at `path`, line by line.
///
/// # Errors
/// [`DataError::Extension`], [`DataError::Io`], [`DataError::NotText`], or an error naming the line that is wrong.
pub fn read_with(path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
    let format = Format::of(path)?;
    let origin = path.display().to_string();
    let file = File::open(path).map_err(|source| DataError::Io { origin: origin.clone(), source })?;
    from_reader(format, BufReader::with_capacity(1 << 16, file), &origin, options)
}

/// The data set in `text`. `origin` is its name in messages, like a file name, and the name of the set if the text has
/// none.
///
/// # Errors
/// An error naming the line that is wrong.
pub fn parse_with(format: Format, text: &str, origin: &str, options: &ReadOptions) -> Result<Dataset, DataError> {
    from_reader(format, text.as_bytes(), origin, options)
}

/// The data set in `text`, in the archive format; see [`parse_with`].
///
/// # Errors
/// An error naming the line that is wrong.
pub fn parse_ts(text: &str, origin: &str) -> Result<Dataset, DataError> {
    parse_with(Format::Ts, text, origin, &ReadOptions::default())
}

/// The data set in `text`, in the UCR format; see [`parse_with`].
///
/// # Errors
/// An error naming the line that is wrong.
pub fn parse_tsv(text: &str, origin: &str) -> Result<Dataset, DataError> {
    parse_with(Format::Tsv, text, origin, &ReadOptions::default())
}

/// The data set in `text`, comma-separated; see [`parse_with`].
///
/// # Errors
/// An error naming the line that is wrong.
pub fn parse_csv(text: &str, origin: &str) -> Result<Dataset, DataError> {
    parse_with(Format::Csv, text, origin, &ReadOptions::default())
}

fn from_reader<R: BufRead>(
    format: Format,
    reader: R,
    origin: &str,
    options: &ReadOptions,
) -> Result<Dataset, DataError> {
    match format {
        Format::Ts => ts::read(reader, origin, options),
        Format::Tsv => tsv::read(reader, origin, options),
        Format::Csv => table::read(reader, origin, options),
    }
}

/// The name of a set whose file gives none: the file's name without folder and extension.
pub(super) fn stem(origin: &str) -> String {
    Path::new(origin).file_stem().map_or_else(|| origin.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Labels;

    /// The message about a file called `name` with this content, without its folder.
    fn message(name: &str, content: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let message = read(&path).unwrap_err().to_string();
        message.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn files_are_read_by_their_extension() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            ("a.TS", "@classLabel true x\n@data\n1,2:x"),
            ("a.tsv", "x\t1\t2"),
            ("a.txt", "x 1 2"),
            ("a.csv", "a,b,c\n1,2,x"),
        ];
        for (name, text) in cases {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let data = read(&path).unwrap();
            assert_eq!((data.name.as_str(), data.examples[0].values.as_slice()), ("a", &[1.0, 2.0][..]), "{name}");
            assert_eq!(data.labels, Labels::Classes { names: vec!["x".into()], labels: vec![0] });
        }
    }

    #[test]
    fn files_that_are_not_text_or_not_there() {
        let known = "expected a name that ends in .ts, .tsv, .txt or .csv";
        assert_eq!(message("a.xlsx", b""), format!("a.xlsx: unknown kind of file: {known}, found `.xlsx`"));
        assert_eq!(message("data", b""), format!("data: unknown kind of file: {known}, found none"));
        assert_eq!(message("a.ts", b"# x\n\xff\xfe"), "a.ts:2: expected UTF-8 text, found byte 0xff");
        assert_eq!(message("a.tsv", b"1\t2\n1\t\x80"), "a.tsv:2: expected UTF-8 text, found byte 0x80");
        assert_eq!(message("a.csv", b"a,b\n1,\x80\n"), "a.csv:2: expected UTF-8 text, found another encoding");
        assert_eq!(message("a.ts", b"PK\x03\x04\0"), "a.ts:1: expected UTF-8 text, found byte 0x00");
        let missing = read(Path::new("no such folder/a.ts")).unwrap_err();
        assert!(matches!(&missing, DataError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound));
        assert!(missing.to_string().starts_with("no such folder/a.ts: cannot read: "), "{missing}");
    }

    #[test]
    fn options_go_through_files() {
        let options = ReadOptions { csv_label: Some("price".into()), task: Some(TaskKind::Real) };
        let text = toml::to_string(&options).unwrap();
        assert_eq!(text, "csv_label = \"price\"\ntask = \"real\"\n");
        assert_eq!(toml::from_str::<ReadOptions>(&text).unwrap(), options);
        assert_eq!(toml::from_str::<ReadOptions>("").unwrap(), ReadOptions::default());
    }
}

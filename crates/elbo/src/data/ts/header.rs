//! The header of the archive format: the lines before `@data`.

use super::super::error::{DataError, Place, shown};
use super::super::labels::order_numbers;
use super::super::lines::Lines;
use std::io::BufRead;

/// The keys that a header can have, as they are usually written.
const KEYS: &str = "@problemName, @timeStamps, @missing, @univariate, @dimensions, @equalLength, @seriesLength, \
                    @classLabel, @targetLabel or @data";

/// What a header says; `None` where it says nothing.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Header {
    pub(super) name: Option<String>,
    pub(super) univariate: Option<bool>,
    pub(super) dimensions: Option<usize>,
    pub(super) equal_length: Option<bool>,
    pub(super) series_length: Option<usize>,
    /// Whether rows end with a class, and the classes if they are listed.
    pub(super) classes: Option<Vec<String>>,
    /// Whether rows end with a numeric target.
    pub(super) target: bool,
}

/// One line of a header.
struct Entry<'a> {
    key: &'a str,
    value: &'a str,
    place: Place,
}

impl Header {
    /// Reads up to and with the line `@data`.
    ///
    /// # Errors
    /// [`DataError::NotArchive`], [`DataError::Header`] or [`DataError::Mismatch`], besides those of reading.
    pub(super) fn read<R: BufRead>(lines: &mut Lines<'_, R>) -> Result<Self, DataError> {
        let mut header = Self::default();
        let origin = lines.origin();
        while let Some((line, text)) = lines.next_filled()? {
            let entry = Entry::new(text.trim_start(), Place::line(origin, line))?;
            if entry.key.eq_ignore_ascii_case("@data") {
                return header.checked(entry.place);
            }
            header.set(&entry)?;
        }
        let found = "the end of the file".to_owned();
        Err(DataError::NotArchive { place: Place::whole(origin), expected: "a line `@data`", found })
    }

    fn set(&mut self, entry: &Entry<'_>) -> Result<(), DataError> {
        match entry.key.to_ascii_lowercase().as_str() {
            "@problemname" => self.name = Some(entry.value.to_owned()).filter(|name| !name.is_empty()),
            "@timestamps" => entry.no_time_stamps()?,
            "@missing" => _ = entry.flag()?,
            "@univariate" => self.univariate = Some(entry.flag()?),
            "@dimension" | "@dimensions" => self.dimensions = Some(entry.count()?),
            "@equallength" => self.equal_length = Some(entry.flag()?),
            "@serieslength" => self.series_length = Some(entry.count()?),
            "@classlabel" => self.classes = entry.classes()?,
            "@targetlabel" => self.target = entry.flag()?,
            _ => return Err(entry.wrong(format!("one of {KEYS}"), "an unknown key".to_owned())),
        }
        Ok(())
    }

    /// The header, if its lines agree.
    fn checked(self, place: Place) -> Result<Self, DataError> {
        let mismatch = |what, expected: String, found: String| DataError::Mismatch { place, what, expected, found };
        match self.dimensions {
            Some(dimensions) if self.univariate == Some(true) && dimensions != 1 => {
                Err(mismatch("`@dimensions`", "1 with `@univariate true`".to_owned(), dimensions.to_string()))
            }
            _ if self.target && self.classes.is_some() => {
                let expected = "one of `@classLabel true` and `@targetLabel true`".to_owned();
                Err(mismatch("kind of labels", expected, "both".to_owned()))
            }
            _ => Ok(self),
        }
    }

    /// Number of channels, where the header says it.
    pub(super) fn channels(&self) -> Option<usize> {
        self.dimensions.or_else(|| self.univariate.filter(|&univariate| univariate).map(|_| 1))
    }

    /// Whether rows end with a label.
    pub(super) fn labelled(&self) -> bool {
        self.target || self.classes.is_some()
    }
}

impl<'a> Entry<'a> {
    /// `@key value` in `text`.
    fn new(text: &'a str, place: Place) -> Result<Self, DataError> {
        if !text.starts_with('@') {
            let expected = "a header line that starts with `@` before `@data`";
            return Err(DataError::NotArchive { place, expected, found: shown(text) });
        }
        let (key, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        Ok(Self { key, value: value.trim(), place })
    }

    /// `true` or `false`, in any case.
    fn flag(&self) -> Result<bool, DataError> {
        parse_flag(self.value).ok_or_else(|| self.wrong("true or false".to_owned(), shown(self.value)))
    }

    /// A count of at least 1.
    fn count(&self) -> Result<usize, DataError> {
        let count = self.value.parse().ok().filter(|&count| count > 0);
        count.ok_or_else(|| self.wrong("a whole number above 0".to_owned(), shown(self.value)))
    }

    fn no_time_stamps(&self) -> Result<(), DataError> {
        if self.flag()? {
            let expected = "false (rows of plain values, equally spaced in time; time stamps are not supported)";
            return Err(self.wrong(expected.to_owned(), "`true`".to_owned()));
        }
        Ok(())
    }

    /// `true` with class names, which may be left out, or `false`.
    fn classes(&self) -> Result<Option<Vec<String>>, DataError> {
        let mut words = self.value.split_whitespace();
        let first = words.next().unwrap_or("");
        let labelled = parse_flag(first)
            .ok_or_else(|| self.wrong("true and the names of the classes, or false".to_owned(), shown(first)))?;
        let mut names: Vec<String> = words.map(str::to_owned).collect();
        if let Some(name) = repeated(&names) {
            return Err(self.wrong("each class once".to_owned(), format!("`{name}` twice")));
        }
        order_numbers(&mut names);
        Ok(labelled.then_some(names))
    }

    fn wrong(&self, expected: String, found: String) -> DataError {
        DataError::Header { place: self.place.clone(), key: self.key.to_owned(), expected, found }
    }
}

fn parse_flag(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A name that is there twice.
fn repeated(names: &[String]) -> Option<&String> {
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

//! Text, line by line, from a file or from memory, with line numbers for messages.

use super::error::{DataError, Place};
use std::io::BufRead;

/// The lines of a text. Only one is held at a time.
pub(super) struct Lines<'a, R> {
    reader: R,
    origin: &'a str,
    buffer: Vec<u8>,
    number: usize,
}

impl<'a, R: BufRead> Lines<'a, R> {
    pub(super) fn new(reader: R, origin: &'a str) -> Self {
        Self { reader, origin, buffer: Vec::new(), number: 0 }
    }

    /// The next line that is neither blank nor a comment (`#`), without spaces before it and without white space after
    /// it, and its number; `None` at the end.
    ///
    /// # Errors
    /// [`DataError::Io`] or [`DataError::NotText`].
    pub(super) fn next_filled(&mut self) -> Result<Option<(usize, &str)>, DataError> {
        loop {
            if !self.advance()? {
                return Ok(None);
            }
            if !matches!(self.text()?.trim_start().chars().next(), None | Some('#')) {
                break;
            }
        }
        let text = self.text()?;
        Ok(Some((self.number, text.trim_end().trim_start_matches(' '))))
    }

    /// The file or set that is read.
    pub(super) fn origin(&self) -> &'a str {
        self.origin
    }

    /// Reads a line into the buffer; `false` at the end.
    fn advance(&mut self) -> Result<bool, DataError> {
        self.buffer.clear();
        let read = self.reader.read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|source| DataError::Io { origin: self.origin.to_owned(), source })?;
        self.number += usize::from(read > 0);
        Ok(read > 0)
    }

    /// The buffer as text, without a byte order mark.
    fn text(&self) -> Result<&str, DataError> {
        let fail = |byte: u8| DataError::NotText {
            place: Place::line(self.origin, self.number),
            found: format!("byte 0x{byte:02x}"),
        };
        if self.buffer.contains(&0) {
            return Err(fail(0));
        }
        let text = str::from_utf8(&self.buffer).map_err(|error| fail(self.buffer[error.valid_up_to()]))?;
        Ok(if self.number == 1 { text.trim_start_matches('\u{feff}') } else { text })
    }
}

//! A data line of the archive format: `1,2,3:4,5,6:label`, channels between `:`, values between `,`.

use super::super::error::{DataError, Place, counted};
use super::super::value::parse_value;

/// The channels of one line, without the label.
pub(super) struct Row<'a> {
    channels: &'a str,
    place: &'a Place,
}

impl<'a> Row<'a> {
    pub(super) fn new(channels: &'a str, place: &'a Place) -> Self {
        Self { channels, place }
    }

    /// Number of channels.
    pub(super) fn channels(&self) -> usize {
        self.channels.matches(':').count() + 1
    }

    /// Number of time steps, the same in all channels.
    ///
    /// # Errors
    /// [`DataError::EmptySeries`], or [`DataError::Mismatch`] if the channels differ.
    pub(super) fn length(&self) -> Result<usize, DataError> {
        let mut length = None;
        for (c, channel) in self.channels.split(':').enumerate() {
            if channel.trim().is_empty() {
                return Err(DataError::EmptySeries { place: self.place.clone(), what: format!("channel {}", c + 1) });
            }
            let found = channel.matches(',').count() + 1;
            let expected = *length.get_or_insert(found);
            if found != expected {
                return Err(self.ragged(c, expected, found));
            }
        }
        Ok(length.unwrap_or(0))
    }

    fn ragged(&self, channel: usize, expected: usize, found: usize) -> DataError {
        DataError::Mismatch {
            place: self.place.clone(),
            what: "length of a channel",
            expected: format!("{} as in channel 1", counted(expected, "value")),
            found: format!("{} in channel {}", counted(found, "value"), channel + 1),
        }
    }

    /// The values `[length, channels]`, row-major.
    ///
    /// # Errors
    /// Those of a value.
    pub(super) fn values(&self, length: usize) -> Result<Vec<f32>, DataError> {
        let channels = self.channels();
        let mut values = vec![f32::NAN; length * channels];
        for (c, channel) in self.channels.split(':').enumerate() {
            for (t, (field, slot)) in channel.split(',').zip(values[c..].iter_mut().step_by(channels)).enumerate() {
                *slot = parse_value(field, || self.place.clone(), || position(t, c, channels))?;
            }
        }
        Ok(values)
    }
}

/// Value `t` of channel `c`, counted from 1.
fn position(t: usize, c: usize, channels: usize) -> String {
    match channels {
        1 => format!("value {}", t + 1),
        _ => format!("value {} of channel {}", t + 1, c + 1),
    }
}

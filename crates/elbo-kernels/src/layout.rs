//! How the axes of a tensor look to what acts on its channels, whatever its rank and data format.

/// The axes of one weight sample's values, row-major: `[rows, before, channels, after]`.
///
/// | tensor | rows | before | channels | after |
/// | --- | --- | --- | --- | --- |
/// | dense `[.., features]` | all leading axes | 1 | features | 1 |
/// | channels last `[batch, spatial.., C]` | batch | positions | C | 1 |
/// | channels first `[batch, C, spatial..]` | batch | 1 | C | positions |
///
/// Flipout draws a sign for every row and channel, so a convolution's signs are constant over its positions while a
/// dense layer's are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLayout {
    /// What has signs of its own.
    pub rows: usize,
    /// Positions outside the channel axis.
    pub before: usize,
    /// Channels.
    pub channels: usize,
    /// Positions inside the channel axis.
    pub after: usize,
}

impl ChannelLayout {
    /// Number of values of one weight sample.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.rows * self.before * self.channels * self.after
    }

    /// Number of signs of one weight sample.
    #[must_use]
    pub fn signs(&self) -> usize {
        self.rows * self.channels
    }
}

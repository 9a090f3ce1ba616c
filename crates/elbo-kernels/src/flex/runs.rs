//! The stretches of a block in which a channel is constant or advances with the elements.

use crate::layout::ChannelLayout;

/// Elements `at .. at + len` of a block.
pub(super) struct Run {
    pub at: usize,
    pub len: usize,
    /// The row and channel of the first element: `row channels + channel`.
    pub sign: usize,
    /// The channel of the first element.
    pub channel: usize,
}

/// The runs of the elements `first .. first + len` of a sample. In a run of a layout with `after == 1` the channel
/// advances with the elements, else it is constant.
pub(super) struct Runs {
    layout: ChannelLayout,
    first: usize,
    at: usize,
    len: usize,
}

impl Runs {
    #[inline(always)]
    pub(super) fn new(layout: ChannelLayout, first: usize, len: usize) -> Self {
        Self { layout, first, at: 0, len }
    }
}

impl Iterator for Runs {
    type Item = Run;

    #[inline(always)]
    fn next(&mut self) -> Option<Run> {
        if self.at == self.len {
            return None;
        }
        let ChannelLayout { before, channels, after, .. } = self.layout;
        let (element, at) = (self.first + self.at, self.at);
        let channel = element / after % channels;
        let row = element / (after * channels) / before;
        let whole = if after == 1 { channels - channel } else { after - element % after };
        let len = whole.min(self.len - at);
        self.at += len;
        Some(Run { at, len, sign: row * channels + channel, channel })
    }
}

/// `values[i] <- f(values[i], of its channel)`: `all[start ..]` in turn if channels advance, else `all[start]`.
macro_rules! for_channels {
    ($values:expr, $all:expr, $start:expr, $advance:expr, $f:expr) => {
        if $advance {
            let of_channels = &$all[$start..$start + $values.len()];
            for (value, of_channel) in $values.iter_mut().zip(of_channels) {
                *value = $f(*value, *of_channel);
            }
        } else {
            let of_channel = $all[$start];
            for value in $values.iter_mut() {
                *value = $f(*value, of_channel);
            }
        }
    };
}
pub(super) use for_channels;

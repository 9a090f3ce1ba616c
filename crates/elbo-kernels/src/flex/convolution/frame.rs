//! A volume with zeros around it, channels last.

use crate::flex::product::Element;
use crate::geometry::DataFormat;

/// Where a volume `[d, h, w, channels]` lies among the zeros around it.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Lengths of the volume.
    pub inner: [usize; 3],
    /// Zeros before it.
    pub before: [usize; 3],
    /// Lengths with zeros.
    pub outer: [usize; 3],
    /// Channels.
    pub channels: usize,
}

impl Frame {
    /// No zeros.
    pub fn plain(lengths: [usize; 3], channels: usize) -> Self {
        Self { inner: lengths, before: [0; 3], outer: lengths, channels }
    }

    /// Elements with zeros.
    pub fn len(&self) -> usize {
        self.outer.iter().product::<usize>() * self.channels
    }

    /// Elements of the volume.
    pub fn inner_len(&self) -> usize {
        self.inner.iter().product::<usize>() * self.channels
    }

    /// The first element of a place, zeros counted.
    pub fn place(&self, [d, h, w]: [usize; 3]) -> usize {
        ((d * self.outer[1] + h) * self.outer[2] + w) * self.channels
    }

    /// Whether an example can be used where it lies.
    pub fn lies_ready(&self, format: DataFormat) -> bool {
        self.inner == self.outer && (format == DataFormat::ChannelsLast || self.is_flat())
    }

    /// Whether both formats are the same.
    fn is_flat(&self) -> bool {
        self.channels == 1 || self.inner.iter().product::<usize>() == 1
    }

    /// The example with its zeros: itself, or copied into `scratch`, which was empty or made here before.
    pub fn view<'a, T: Element>(&self, example: &'a [T], format: DataFormat, scratch: &'a mut Vec<T>) -> &'a [T] {
        if self.lies_ready(format) {
            return example;
        }
        scratch.resize(self.len(), T::default());
        for line in 0..self.inner[0] * self.inner[1] {
            let to = &mut scratch[self.line(line)..][..self.inner[2] * self.channels];
            if format == DataFormat::ChannelsLast || self.is_flat() {
                to.copy_from_slice(&example[line * to.len()..][..to.len()]);
            } else {
                self.turn(line, to, example);
            }
        }
        scratch
    }

    /// Where a line of the volume begins.
    pub fn line(&self, line: usize) -> usize {
        let ([_, lines, _], [before, above, left]) = (self.inner, self.before);
        self.place([line / lines + before, line % lines + above, left])
    }

    /// Writes a line of an example with channels first.
    fn turn<T: Element>(&self, line: usize, to: &mut [T], example: &[T]) {
        let (places, first) = (self.inner.iter().product::<usize>(), line * self.inner[2]);
        for (w, to) in to.chunks_exact_mut(self.channels).enumerate() {
            to.iter_mut().enumerate().for_each(|(c, to)| *to = example[c * places + first + w]);
        }
    }
}

/// `[places, channels] -> [channels, places]`.
pub fn channels_first<T: Element>(from: &[T], channels: usize, mut put: impl FnMut(usize, T)) {
    let places = from.len() / channels;
    for c in 0..channels {
        for i in 0..places {
            put(c * places + i, from[i * channels + c]);
        }
    }
}

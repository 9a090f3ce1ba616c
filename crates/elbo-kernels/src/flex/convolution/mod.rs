//! Convolutions as products of strided views, without unfolding.
//!
//! In a channels-last example the window of output t is the stretch of memory from `t s C` on, so the windows of a line
//! are the rows of a matrix whose rows overlap: `x[t s C + p]` with p up to `K C`. With dilation, and for every further
//! axis, there is one such matrix per tap, and the products add up. What needs zeros around it is copied into a frame,
//! one example at a time, so that it stays in the cache. Both gradients are computed example by example from one copy of the
//! output's gradient, if both are asked for.
//!
//! | product | rows | sum |
//! | --- | --- | --- |
//! | output | places | taps and channels |
//! | gradient in the input | places, stride by stride | taps and filters |
//! | gradient in the kernel | taps and channels | places and examples |

mod frame;
mod input_gradient;
mod kernel_gradient;
mod output;
mod strips;
mod tensors;

pub use tensors::{backward, backward_input, backward_kernel, forward};

use crate::geometry::{ConvGeometry, DataFormat, Extent};
use frame::Frame;

/// A convolution's sizes.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    geometry: ConvGeometry,
    extent: Extent,
    /// Weight samples.
    samples: usize,
    /// Examples of one sample.
    batch: usize,
    /// Whether all samples have the same input.
    shared: bool,
}

impl Plan {
    /// The plan for an input of these spatial lengths (three, with leading ones).
    pub fn new(geometry: &ConvGeometry, spatial: [usize; 3], samples: usize, batch: usize, shared: bool) -> Self {
        let extent = geometry.extent(&spatial[3 - geometry.rank..]).expect("checked before the operation was called");
        Self { geometry: *geometry, extent, samples, batch, shared }
    }

    /// Multiply-adds for one example and sample.
    fn work(&self) -> usize {
        self.extent.positions() * self.geometry.window() * self.geometry.filters
    }

    /// The input with its zeros.
    fn input(&self) -> Frame {
        let Extent { input, before, .. } = self.extent;
        Frame { inner: input, before, outer: self.extent.padded(), channels: self.geometry.channels }
    }

    /// The output.
    fn output(&self) -> Frame {
        Frame::plain(self.extent.output, self.geometry.filters)
    }

    /// The input of example `n` of sample `s`.
    fn input_of<'a, T>(&self, x: &'a [T], s: usize, n: usize) -> &'a [T] {
        let at = if self.shared { n } else { s * self.batch + n };
        &x[at * self.input().inner_len()..][..self.input().inner_len()]
    }

    /// The part of an output-shaped array for example `n` of sample `s`.
    fn output_of<'a, T>(&self, y: &'a [T], s: usize, n: usize) -> &'a [T] {
        let len = self.output().inner_len();
        &y[(s * self.batch + n) * len..][..len]
    }

    /// The weights of sample `s`.
    fn kernel_of<'a, T>(&self, kernel: &'a [T], s: usize) -> &'a [T] {
        let len = self.geometry.window() * self.geometry.filters;
        &kernel[s * len..][..len]
    }

    /// Stretches of taps that are neighbours in memory: `(place of the first, number of the first, how many)`.
    fn stretches(&self) -> impl Iterator<Item = ([usize; 3], usize, usize)> + '_ {
        let ([d, h, w], dilation) = (self.geometry.kernel, self.geometry.dilation);
        let each = if dilation[2] == 1 { w } else { 1 };
        (0..d * h * w).step_by(each).map(move |tap| {
            let place = [tap / (h * w) * dilation[0], tap / w % h * dilation[1], tap % w * dilation[2]];
            (place, tap, each)
        })
    }

    /// Whether an output-shaped array has to be turned into channels last.
    fn turns(&self, frame: Frame) -> bool {
        self.geometry.format == DataFormat::ChannelsFirst && !frame.lies_ready(self.geometry.format)
    }
}

#[cfg(test)]
mod tests;

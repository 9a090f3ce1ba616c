//! The gradient of one example, as both backward products read it: through the gate, in strips, with zeros around.
//!
//! `[strips, places with zeros, columns of a strip]`: the gradient in the kernel takes strips for its right-hand side, the
//! one in the input takes rows of them for its left-hand side. A strip's rows lie close together, so that they do not
//! share sets of a cache, and gradient and gate are read from memory once.

use super::frame::Frame;
use crate::flex::product::{Element, Gather, Kernel, Panels, gated};
use crate::geometry::DataFormat;

/// Where the strips of an example lie.
#[derive(Clone, Copy, Debug)]
pub struct Strips {
    /// The places of one strip; its channels are the strip's columns.
    pub frame: Frame,
    /// Columns of all strips.
    filters: usize,
}

/// The strips of one example.
#[derive(Debug, Default)]
pub struct Filled<T> {
    data: Vec<T>,
    totals: Vec<T>,
}

impl Strips {
    /// Strips of at most `columns` columns for a volume in this frame.
    pub fn new(frame: Frame, columns: usize) -> Self {
        Self { frame: Frame { channels: frame.channels.min(columns), ..frame }, filters: frame.channels }
    }

    /// From a place of a strip to the next: its columns.
    pub fn step(&self) -> usize {
        self.frame.channels
    }

    /// Every strip: its first element, its first column, and how many columns.
    pub fn each(&self) -> impl Iterator<Item = [usize; 3]> + '_ {
        let (step, next) = (self.step(), self.frame.len());
        (0..self.filters).step_by(step).map(move |first| [first / step * next, first, step.min(self.filters - first)])
    }

    /// Fills strips that were empty or filled here before with an example. Its places are added to `sums`.
    pub fn fill<'a, T: Element>(
        &self,
        grad: &[T],
        gate: Option<&[T]>,
        format: DataFormat,
        with: Kernel<T>,
        filled: &'a mut Filled<T>,
        sums: Option<&mut [T]>,
    ) -> &'a [T] {
        let Filled { data, totals } = filled;
        data.resize(self.filters.div_ceil(self.step()) * self.frame.len(), T::default());
        totals.clear();
        totals.resize(self.filters, T::default());
        if format == DataFormat::ChannelsLast {
            self.gather(grad, gate, with, data, totals);
        } else {
            self.turn(grad, gate, data, totals);
        }
        if let Some(sums) = sums {
            sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum += *total);
        }
        data
    }

    /// The right-hand side that filled strips are.
    pub fn panels<'a, T>(&self, data: &'a [T]) -> Panels<'a, T> {
        Panels { data, columns: self.filters, step: self.step(), next: self.frame.len() }
    }

    /// Lines of channels.
    fn gather<T: Element>(&self, grad: &[T], gate: Option<&[T]>, with: Kernel<T>, to: &mut [T], sums: &mut [T]) {
        let line = self.frame.inner[2] * self.filters;
        for (i, from) in grad.chunks_exact(line).enumerate() {
            let (gate, to) = (gate.map(|gate| &gate[i * line..][..line]), &mut to[self.frame.line(i)..]);
            with.gather(Gather { from, gate, columns: self.filters, to, next: self.frame.len(), sums });
        }
    }

    /// `[columns, places]`
    fn turn<T: Element>(&self, grad: &[T], gate: Option<&[T]>, to: &mut [T], sums: &mut [T]) {
        let ([depth, height, width], step) = (self.frame.inner, self.step());
        let lines = (0..self.filters).flat_map(|column| (0..depth * height).map(move |line| (column, line)));
        for (i, (column, line)) in lines.enumerate() {
            let start = column / step * self.frame.len() + self.frame.line(line) + column % step;
            for w in 0..width {
                let at = i * width + w;
                let value = gate.map_or(grad[at], |gate| gated(grad[at], gate[at]));
                to[start + w * step] = value;
                sums[column] += value;
            }
        }
    }
}

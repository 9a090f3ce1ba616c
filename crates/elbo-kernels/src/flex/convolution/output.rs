//! The output: for every line of it, windows times kernel, with bias and activation.

use super::Plan;
use super::frame::channels_first;
use crate::flex::arrays::{grain, written};
use crate::flex::product::{Element, Kernel, Panels, Product, Run, Runs, pack, packed_len};
use core::mem::MaybeUninit;
use std::borrow::Cow;

/// Outputs of all samples and examples, `[S N, ..]`.
pub fn convolution<T: Element>(plan: &Plan, x: &[T], kernel: &[T], bias: &[T], relu: bool, with: Kernel<T>) -> Vec<T> {
    let weights = Weights::new(plan, kernel, with);
    let runs = runs(plan, weights.step());
    let (each, examples) = (plan.output().inner_len(), plan.samples * plan.batch);
    let (count, work) = (grain(examples, plan.work()), examples * plan.work());
    let piece = |_, at: usize, to: &mut [MaybeUninit<T>]| {
        let (mut padded, mut turned) = (vec![], vec![]);
        for (k, to) in to.chunks_exact_mut(each).enumerate() {
            let (s, n) = ((at / each + k) / plan.batch, (at / each + k) % plan.batch);
            let x = plan.input().view(plan.input_of(x, s, n), plan.geometry.format, &mut padded);
            let bias = &bias[s * plan.geometry.filters..][..plan.geometry.filters];
            let example = Example { plan, x, runs: &runs, weights: weights.of(s), with };
            if plan.turns(plan.output()) {
                turned.resize(each, T::default());
                example
                    .lines(|product, at| product.overwrite(&mut turned[at..], plan.geometry.filters, Some(bias), relu));
                channels_first(&turned, plan.geometry.filters, |i, value| {
                    to[i].write(value);
                });
            } else {
                example.lines(|product, at| product.write(&mut to[at..], plan.geometry.filters, Some(bias), relu));
            }
        }
    };
    // SAFETY: the lines of an example are all of its output, and a piece is a number of examples.
    unsafe { written(examples * each, [examples * each, count * each], work, piece) }
}

/// One example and one kernel.
struct Example<'a, T> {
    plan: &'a Plan,
    x: &'a [T],
    runs: &'a Runs,
    weights: Panels<'a, T>,
    with: Kernel<T>,
}

impl<T: Element> Example<'_, T> {
    /// Calls `f` with the product of every line of the output and the line's first element.
    fn lines(&self, mut f: impl FnMut(&Product<'_, T>, usize)) {
        let (frame, strides) = (self.plan.input(), self.plan.geometry.strides);
        let [depth, height, width] = self.plan.extent.output;
        for line in 0..depth * height {
            let start = frame.place([line / height * strides[0], line % height * strides[1], 0]);
            let product = Product {
                kernel: self.with,
                runs: self.runs,
                a: &self.x[start..],
                a_row: strides[2] * frame.channels,
                b: self.weights,
                rows: width,
                ahead: None,
            };
            f(&product, line * width * self.plan.geometry.filters);
        }
    }
}

/// One run for every stretch of taps.
fn runs(plan: &Plan, step: usize) -> Runs {
    let (frame, channels) = (plan.input(), plan.geometry.channels);
    let runs = plan.stretches().map(|(place, tap, taps)| Run {
        a: frame.place(place),
        b: tap * channels * step,
        depth: taps * channels,
    });
    Runs::new(runs, 1, step)
}

/// Kernels `[taps channels, filters]` of all samples, in strips.
struct Weights<'a, T: Element> {
    data: Cow<'a, [T]>,
    depth: usize,
    filters: usize,
    with: Kernel<T>,
}

impl<'a, T: Element> Weights<'a, T> {
    fn new(plan: &Plan, kernel: &'a [T], with: Kernel<T>) -> Self {
        let (depth, filters) = (plan.geometry.window(), plan.geometry.filters);
        let weights = Self { data: kernel.into(), depth, filters, with };
        if weights.is_one_strip() {
            return weights;
        }
        let len = packed_len(depth, filters, with.columns);
        let kernel = |s, _, to: &mut [_]| {
            pack(plan.kernel_of(kernel, s), |p| p * filters, 1, filters, with.columns, to);
        };
        // SAFETY: every kernel is packed.
        let data = unsafe { written(plan.samples * len, [len, len], plan.samples * len, kernel) };
        Self { data: data.into(), ..weights }
    }

    /// One strip is the matrix itself.
    fn is_one_strip(&self) -> bool {
        self.filters <= self.with.columns
    }

    fn step(&self) -> usize {
        if self.is_one_strip() { self.filters } else { self.with.columns }
    }

    fn of(&self, s: usize) -> Panels<'_, T> {
        if self.is_one_strip() {
            return Panels::rows(&self.data[s * self.depth * self.filters..], self.filters, self.with);
        }
        let len = packed_len(self.depth, self.filters, self.with.columns);
        Panels::packed(&self.data[s * len..], self.depth, self.filters, self.with)
    }
}

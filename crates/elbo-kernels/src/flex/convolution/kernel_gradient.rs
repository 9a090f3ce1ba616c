//! The gradients in kernel and bias: `dW[k, c] = Σ x[o s - before + k d, c] dy[o]` over outputs o and examples.
//!
//! Rows of the product are taps and channels, which are neighbours in memory; the sum runs over the lines of the output.
//! The work is cut into parts of the batch, each with a sum of its own, and into groups of rows, by sizes alone: results
//! do not depend on the number of threads.

use super::Plan;
use super::frame::gated;
use crate::flex::arrays::each;
use crate::flex::product::{Element, Kernel, Panels, Product, Run, Runs, pack, packed_len};
use crate::geometry::DataFormat;
use core::ops::Range;

/// Tasks that are enough to keep a machine busy.
const TASKS: usize = 8;

/// Most elements of all parts' sums together.
const SUMS: usize = 1 << 20;

/// Gradients `[S, weights]` and, if asked for, `[S, F]`. The gradient passes where `gate`, the output, is above 0.
pub fn kernel_gradient<T: Element>(
    plan: &Plan,
    x: &[T],
    grad: &[T],
    gate: Option<&[T]>,
    bias: bool,
    with: Kernel<T>,
) -> (Vec<T>, Option<Vec<T>>) {
    let (rows, filters) = (plan.geometry.window(), plan.geometry.filters);
    let cut = Cut::new(plan);
    let columns = Columns::new(plan, gate.is_some() || bias, with);
    let shared = Shared { plan, x, grad, gate, columns, runs: runs(plan, columns.step), cut, with };
    let mut kernels = vec![T::default(); plan.samples * cut.parts * rows * filters];
    let mut biases = vec![T::default(); if bias { plan.samples * cut.parts * filters } else { 0 }];
    let mut tasks = vec![];
    let mut sums = biases.chunks_exact_mut(filters);
    for (i, kernel) in kernels.chunks_exact_mut(rows * filters).enumerate() {
        let mut sum = sums.next();
        for (group, to) in kernel.chunks_mut(cut.rows * filters).enumerate() {
            let first = group * cut.rows;
            let rows = first..first + to.len() / filters;
            tasks.push(Task { sample: i / cut.parts, part: i % cut.parts, rows, to, bias: sum.take() });
        }
    }
    each(tasks, plan.samples * plan.batch * plan.work(), |task| task.run(&shared));
    (added(kernels, plan.samples, cut.parts), bias.then(|| added(biases, plan.samples, cut.parts)))
}

/// Sums over parts, in order.
fn added<T: Element>(mut sums: Vec<T>, samples: usize, parts: usize) -> Vec<T> {
    let len = sums.len() / (samples * parts);
    for (s, part) in (0..samples).flat_map(|s| (0..parts).map(move |part| (s, part))).filter(|_| parts > 1) {
        let (to, from) = (s * len, (s * parts + part) * len);
        if part == 0 {
            sums.copy_within(from..from + len, to);
        } else {
            let (head, tail) = sums.split_at_mut(from);
            head[to..to + len].iter_mut().zip(&tail[..len]).for_each(|(to, from)| *to += *from);
        }
    }
    sums.truncate(samples * len);
    sums
}

/// How the work of one sample is cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Parts of the batch.
    parts: usize,
    /// Rows of a group.
    rows: usize,
}

impl Cut {
    fn new(plan: &Plan) -> Self {
        let (rows, filters, samples) = (plan.geometry.window(), plan.geometry.filters, plan.samples);
        let room = SUMS / (samples * rows * filters).max(1);
        let parts = TASKS.div_ceil(samples).min(room).clamp(1, plan.batch);
        let groups = TASKS.div_ceil(samples * parts).clamp(1, rows.div_ceil(28));
        Self { parts, rows: rows.div_ceil(groups) }
    }

    /// The examples of a part.
    fn examples(&self, batch: usize, part: usize) -> Range<usize> {
        batch * part / self.parts..batch * (part + 1) / self.parts
    }
}

/// How the gradient of an example becomes the right-hand side.
#[derive(Clone, Copy, Debug)]
struct Columns {
    /// Whether it is copied into strips.
    packed: bool,
    /// From place to place.
    step: usize,
}

impl Columns {
    /// Rows far apart fall into few sets of the cache, so they are copied, too.
    fn new<T>(plan: &Plan, change: bool, with: Kernel<T>) -> Self {
        let filters = plan.geometry.filters;
        let far = filters > with.columns && filters * size_of::<T>() >= 2048;
        let packed = change || far || plan.turns(plan.output());
        Self { packed, step: if packed { with.columns } else { filters } }
    }
}

/// One run for every line of the output.
fn runs(plan: &Plan, step: usize) -> Runs {
    let (frame, strides) = (plan.input(), plan.geometry.strides);
    let [depth, height, width] = plan.extent.output;
    let runs = (0..depth * height).map(|line| Run {
        a: frame.place([line / height * strides[0], line % height * strides[1], 0]),
        b: line * width * step,
        depth: width,
    });
    Runs::new(runs, strides[2] * frame.channels, step)
}

/// What all tasks have.
struct Shared<'a, T> {
    plan: &'a Plan,
    x: &'a [T],
    grad: &'a [T],
    gate: Option<&'a [T]>,
    columns: Columns,
    runs: Runs,
    cut: Cut,
    with: Kernel<T>,
}

/// Rows of one sample's gradient, from a part of the batch.
struct Task<'a, T> {
    sample: usize,
    part: usize,
    rows: Range<usize>,
    to: &'a mut [T],
    bias: Option<&'a mut [T]>,
}

impl<T: Element> Task<'_, T> {
    fn run(mut self, all: &Shared<'_, T>) {
        let (plan, s) = (all.plan, self.sample);
        let (mut padded, mut strips) = (vec![], vec![]);
        for n in all.cut.examples(plan.batch, self.part) {
            let x = plan.input().view(plan.input_of(all.x, s, n), None, plan.geometry.format, &mut padded);
            let b = all.columns(s, n, &mut strips);
            if let Some(bias) = &mut self.bias {
                add_places(b, plan.extent.positions(), all.with.columns, bias);
            }
            self.add(all, x, b);
        }
    }

    /// Adds the gradient of one example, stretch by stretch of taps.
    fn add(&mut self, all: &Shared<'_, T>, x: &[T], b: Panels<'_, T>) {
        let (plan, filters, channels) = (all.plan, all.plan.geometry.filters, all.plan.geometry.channels);
        for (place, tap, taps) in plan.stretches() {
            let stretch = tap * channels..(tap + taps) * channels;
            let (from, to) = (stretch.start.max(self.rows.start), stretch.end.min(self.rows.end));
            if from < to {
                let a = &x[plan.input().place(place) + from - stretch.start..];
                let product = Product { kernel: all.with, runs: &all.runs, a, a_row: 1, b, rows: to - from };
                product.add(&mut self.to[(from - self.rows.start) * filters..], filters);
            }
        }
    }
}

impl<T: Element> Shared<'_, T> {
    /// The gradient of an example, before the activation.
    fn columns<'a>(&'a self, s: usize, n: usize, strips: &'a mut Vec<T>) -> Panels<'a, T> {
        let (plan, filters, width) = (self.plan, self.plan.geometry.filters, self.with.columns);
        let grad = plan.output_of(self.grad, s, n);
        if !self.columns.packed {
            return Panels::rows(grad, filters, self.with);
        }
        let places = plan.extent.positions();
        strips.resize(packed_len(places, filters, width), T::default());
        let [down, across] = if plan.geometry.format == DataFormat::ChannelsLast { [filters, 1] } else { [1, places] };
        match self.gate {
            None => pack(grad, |p| p * down, across, filters, width, strips),
            Some(gate) => {
                pack(grad, |p| p * down, across, filters, width, strips);
                gate_strips(plan.output_of(gate, s, n), [down, across], filters, width, strips);
            }
        }
        Panels::packed(strips, places, filters, self.with)
    }
}

/// Sets to 0 what does not pass.
fn gate_strips<T: Element>(gate: &[T], [down, across]: [usize; 2], filters: usize, width: usize, strips: &mut [T]) {
    let strip = strips.len() / filters.div_ceil(width);
    for (at, to) in strips.chunks_exact_mut(strip).enumerate() {
        let count = (filters - at * width).min(width);
        for (p, to) in to.chunks_exact_mut(width).enumerate() {
            let gate = &gate[p * down + at * width * across..];
            if across == 1 {
                to[..count].iter_mut().zip(&gate[..count]).for_each(|(to, gate)| *to = gated(*to, *gate));
            } else {
                let gates = gate.iter().step_by(across);
                to[..count].iter_mut().zip(gates).for_each(|(to, gate)| *to = gated(*to, *gate));
            }
        }
    }
}

/// Adds all places of every column.
fn add_places<T: Element>(b: Panels<'_, T>, places: usize, width: usize, sums: &mut [T]) {
    for (at, sums) in sums.chunks_mut(width).enumerate() {
        for row in b.data[at * b.next..].chunks(b.step).take(places) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += *value);
        }
    }
}

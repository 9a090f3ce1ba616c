//! The gradients in kernel and bias: `dW[k, c] = Σ x[o s - before + k d, c] dy[o]` over outputs o and examples.
//!
//! Rows of the product are taps and channels, which are neighbours in memory; the sum runs over the lines of the output.
//! The work is cut into parts of the batch, each with a sum of its own, and into groups of rows, by sizes alone: results
//! do not depend on the number of threads.

use super::Plan;
use super::frame::Frame;
use super::input_gradient::Inputs;
use super::strips::{Filled, Strips};
use crate::flex::arrays::each;
use crate::flex::product::{Ahead, COLLIDING, Element, Kernel, Panels, Product, Run, Runs, SET};
use core::mem::MaybeUninit;
use core::ops::Range;

/// Tasks that are enough to keep a machine busy.
const TASKS: usize = 8;

/// Places after which a gated product goes on to the next strip: memory is then read almost in order.
const PLACES: usize = 32;

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
    let (_, kernel, bias) = gradients(plan, x, None, grad, gate, bias, with);
    (kernel, bias)
}

/// Whether [`gradients`] can have the one in the input too: a task has all rows of its examples, and no samples are
/// added up.
pub fn fuses(plan: &Plan) -> bool {
    let target = Frame::plain(plan.extent.input, plan.geometry.channels);
    Cut::new(plan).rows == plan.geometry.window() && (plan.samples == 1 || !plan.shared) && !plan.turns(target)
}

/// The gradient in the input too, if there is a kernel and the plan [`fuses`].
pub fn gradients<T: Element>(
    plan: &Plan,
    x: &[T],
    kernel: Option<&[T]>,
    grad: &[T],
    gate: Option<&[T]>,
    bias: bool,
    with: Kernel<T>,
) -> (Option<Vec<T>>, Vec<T>, Option<Vec<T>>) {
    let (rows, filters, cut) = (plan.geometry.window(), plan.geometry.filters, Cut::new(plan));
    assert!(kernel.is_none() || fuses(plan), "the gradient in the input needs a pass of its own");
    let inputs = kernel.map(|kernel| Inputs::new(plan, kernel, with));
    let columns = if inputs.is_some() { Columns::Strips } else { Columns::new(plan, gate.is_some(), bias, with) };
    let strips = inputs.as_ref().map_or_else(|| Strips::new(plan.output(), with.columns), |inputs| inputs.strips);
    let frame = if columns == Columns::Strips { strips.frame } else { plan.output() };
    let runs = runs(plan, &frame, columns, size_of::<T>());
    let inputs_len = if inputs.is_some() { plan.samples * plan.batch * each_input(plan) } else { 0 };
    let mut of_input = Vec::with_capacity(inputs_len);
    let mut kernels = vec![T::default(); plan.samples * cut.parts * rows * filters];
    let mut biases = vec![T::default(); if bias { plan.samples * cut.parts * filters } else { 0 }];
    let shared = Shared { plan, x, grad, gate, columns, strips, inputs, runs, cut, with };
    let tasks = tasks(plan, cut, &mut kernels, &mut biases, &mut of_input.spare_capacity_mut()[..inputs_len]);
    each(tasks, plan.samples * plan.batch * plan.work(), |task| task.run(&shared));
    // SAFETY: the tasks' pieces are all of it, and every task has written its examples.
    unsafe { of_input.set_len(inputs_len) };
    let biases = bias.then(|| added(biases, plan.samples, cut.parts));
    (shared.inputs.is_some().then_some(of_input), added(kernels, plan.samples, cut.parts), biases)
}

/// All tasks, with what they write to; gradients of biases and inputs if there is room for them.
fn tasks<'a, T>(
    plan: &Plan,
    cut: Cut,
    kernels: &'a mut [T],
    biases: &'a mut [T],
    mut inputs: &'a mut [MaybeUninit<T>],
) -> Vec<Task<'a, T>> {
    let (rows, filters) = (plan.geometry.window(), plan.geometry.filters);
    let mut tasks = vec![];
    let mut sums = biases.chunks_exact_mut(filters);
    for (i, kernel) in kernels.chunks_exact_mut(rows * filters).enumerate() {
        let (sample, part) = (i / cut.parts, i % cut.parts);
        let examples = cut.examples(plan.batch, part).len();
        let (mut sum, mut input) = (sums.next(), inputs.split_off_mut(..examples * each_input(plan)));
        for (group, to) in kernel.chunks_mut(cut.rows * filters).enumerate() {
            let first = group * cut.rows;
            let rows = first..first + to.len() / filters;
            tasks.push(Task { sample, part, rows, to, bias: sum.take(), input: input.take() });
        }
    }
    tasks
}

/// Elements of an input example.
fn each_input(plan: &Plan) -> usize {
    plan.input().inner_len()
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    /// It is read where it lies.
    Plain,
    /// It is read where it lies, through the gate.
    Gated,
    /// It is copied into strips, through the gate if there is one.
    Strips,
}

impl Columns {
    /// Through the gate without a copy if every product is one tile. Rows far apart fall into few sets of the cache, so
    /// they are copied.
    fn new<T: Element>(plan: &Plan, gate: bool, bias: bool, with: Kernel<T>) -> Self {
        let filters = plan.geometry.filters;
        if plan.turns(plan.output()) {
            return Self::Strips;
        }
        let tiles = plan.stretches().all(|(_, _, taps)| taps * plan.geometry.channels <= with.rows);
        let far = filters > with.columns && filters * size_of::<T>() >= 2048;
        match (gate, tiles && plan.stretches().count() <= 4) {
            (true, true) => Self::Gated,
            (true, false) => Self::Strips,
            (false, _) => {
                if far || bias {
                    Self::Strips
                } else {
                    Self::Plain
                }
            }
        }
    }
}

/// One run for every line of the output, which lies in `right`.
fn runs(plan: &Plan, right: &Frame, columns: Columns, element: usize) -> Runs {
    let (frame, strides) = (plan.input(), plan.geometry.strides);
    let [depth, height, width] = plan.extent.output;
    let runs = (0..depth * height).map(|line| Run {
        a: frame.place([line / height * strides[0], line % height * strides[1], 0]),
        b: right.line(line),
        depth: width,
    });
    let step_of_x = strides[2] * frame.channels;
    let most = if columns == Columns::Gated { PLACES } else { places_in_cache(step_of_x * element) };
    Runs::in_blocks(runs, step_of_x, right.channels, most)
}

/// Places of an input that a first-level cache can be expected to hold, if they are so many bytes apart: powers of two
/// fall into few of its sets.
fn places_in_cache(bytes: usize) -> usize {
    let apart = 1 << bytes.trailing_zeros().min(10);
    (COLLIDING * SET / apart).clamp(PLACES, 4 * PLACES)
}

/// What all tasks have.
struct Shared<'a, T> {
    plan: &'a Plan,
    x: &'a [T],
    grad: &'a [T],
    gate: Option<&'a [T]>,
    columns: Columns,
    strips: Strips,
    /// For the gradient in the input, if it is computed too.
    inputs: Option<Inputs<'a, T>>,
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
    /// The gradient in the inputs of the part.
    input: Option<&'a mut [MaybeUninit<T>]>,
}

impl<T: Element> Task<'_, T> {
    fn run(self, all: &Shared<'_, T>) {
        let Self { sample: s, part, rows, to, mut bias, input } = self;
        let (plan, format) = (all.plan, all.plan.geometry.format);
        let mut inputs = input.map(|input| input.chunks_exact_mut(each_input(plan)));
        let (mut padded, mut filled, mut unused) =
            (vec![], Filled::default(), vec![T::default(); plan.geometry.filters]);
        for n in all.cut.examples(plan.batch, part) {
            let x = plan.input().view(plan.input_of(all.x, s, n), format, &mut padded);
            let grad = plan.output_of(all.grad, s, n);
            let gate = all.gate.map(|gate| plan.output_of(gate, s, n));
            let (sums, plain) = (bias.as_deref_mut(), Panels::rows(grad, plan.geometry.filters, all.with));
            match (all.columns, gate) {
                (Columns::Gated, Some(gate)) => {
                    let mut sums = sums;
                    products(all, &rows, to, (x, plain), |product, to| {
                        let sums = sums.take().unwrap_or(&mut unused);
                        product.add_gated(gate, to, plan.geometry.filters, sums);
                    });
                }
                (Columns::Strips, _) => {
                    let grad = all.strips.fill(grad, gate, format, all.with, &mut filled, sums);
                    let input = inputs.as_mut().and_then(Iterator::next);
                    if let Some((inputs, to)) = all.inputs.as_ref().zip(input) {
                        inputs.write(s, grad, to);
                    }
                    let b = all.strips.panels(grad);
                    let ahead = all.ahead(s, n + 1, rows.len());
                    products(all, &rows, to, (x, b), |product, to| {
                        Product { ahead: ahead.as_ref(), ..*product }.add(to, plan.geometry.filters);
                    });
                }
                _ => products(all, &rows, to, (x, plain), |product, to| product.add(to, plan.geometry.filters)),
            }
        }
    }
}

/// Calls `f` with the product of every stretch of taps, as far as it lies in the rows, and where it is added.
fn products<T: Element>(
    all: &Shared<'_, T>,
    rows: &Range<usize>,
    to: &mut [T],
    (x, b): (&[T], Panels<'_, T>),
    mut f: impl FnMut(&Product<'_, T>, &mut [T]),
) {
    let (plan, filters, channels) = (all.plan, all.plan.geometry.filters, all.plan.geometry.channels);
    for (place, tap, taps) in plan.stretches() {
        let stretch = tap * channels..(tap + taps) * channels;
        let (from, end) = (stretch.start.max(rows.start), stretch.end.min(rows.end));
        if from < end {
            let a = &x[plan.input().place(place) + from - stretch.start..];
            let product = Product { kernel: all.with, runs: &all.runs, a, a_row: 1, b, rows: end - from, ahead: None };
            f(&product, &mut to[(from - rows.start) * filters..]);
        }
    }
}

impl<'a, T: Element> Shared<'a, T> {
    /// The output and its gradient for the next example, to be there when the rows of this one are done.
    fn ahead(&self, s: usize, next: usize, rows: usize) -> Option<Ahead<'a, T>> {
        let gate = self.gate.filter(|_| next < self.plan.batch)?;
        let tiles = rows.div_ceil(self.with.rows) * self.strips.each().count() * self.runs.blocks().count();
        Some(Ahead::new([self.plan.output_of(self.grad, s, next), self.plan.output_of(gate, s, next)], tiles))
    }
}

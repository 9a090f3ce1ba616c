//! The gradient in the input: `dx[i] = Σ dy[o] W[k]ᵀ` over the taps k and outputs o with `i = o s - before + k d`.
//!
//! Along an axis the inputs `i = q s + r` of one remainder r meet the same taps, those with `r + before - k d` a multiple
//! of s, and tap k meets output `q + (r + before - k d) / s`: a convolution of stride 1 in q for every remainder.

use super::Plan;
use super::frame::{Frame, channels_first};
use super::strips::{Filled, Strips};
use crate::flex::arrays::{grain, written};
use crate::flex::product::{Element, Kernel, Panels, Product, Run, Runs, pack, packed_len};
use core::mem::MaybeUninit;

/// Gradients of all examples; of a shared input, summed over samples. The gradient passes where `gate`, the output,
/// is above 0.
pub fn input_gradient<T: Element>(
    plan: &Plan,
    kernel: &[T],
    grad: &[T],
    gate: Option<&[T]>,
    with: Kernel<T>,
) -> Vec<T> {
    let inputs = Inputs::new(plan, kernel, with);
    let (each, summed) = (inputs.target().len(), if plan.shared { plan.samples } else { 1 });
    let examples = plan.batch * plan.samples / summed;
    let count = grain(examples, plan.work() * summed);
    let piece = |_, at: usize, to: &mut [MaybeUninit<T>]| {
        let (mut filled, mut sum) = (Filled::default(), vec![]);
        for (k, to) in to.chunks_exact_mut(each).enumerate() {
            let first = at / each + k;
            let (first, n) = if plan.shared { (0, first) } else { (first / plan.batch, first % plan.batch) };
            for s in first..first + summed {
                let (grad, gate) = (plan.output_of(grad, s, n), gate.map(|gate| plan.output_of(gate, s, n)));
                let grad = inputs.strips.fill(grad, gate, plan.geometry.format, with, &mut filled, None);
                if summed == 1 && !plan.turns(inputs.target()) {
                    inputs.write(s, grad, to);
                } else {
                    inputs.add(s, s == first, grad, &mut sum);
                }
            }
            if !sum.is_empty() {
                inputs.store(&sum, to);
            }
        }
    };
    // SAFETY: an example is written as a whole, and a piece is a number of examples.
    unsafe { written(examples * each, [examples * each, count * each], examples * summed * plan.work(), piece) }
}

/// What the gradients of all examples have in common.
pub struct Inputs<'a, T> {
    plan: &'a Plan,
    /// How the output's gradient lies.
    pub strips: Strips,
    classes: Vec<Class>,
    /// Kernels `[taps filters, channels]` of all samples, packed.
    weights: Vec<T>,
    with: Kernel<T>,
}

impl<'a, T: Element> Inputs<'a, T> {
    pub fn new(plan: &'a Plan, kernel: &[T], with: Kernel<T>) -> Self {
        let (axes, frame) = axes(plan);
        let strips = Strips::new(frame, with.columns);
        let classes = classes(plan, &axes, &strips, with);
        Self { plan, strips, classes, weights: transposed(plan, kernel, with), with }
    }

    /// The input.
    pub fn target(&self) -> Frame {
        Frame::plain(self.plan.extent.input, self.plan.geometry.channels)
    }

    /// Writes every element of the gradient of an example of sample `s`, channels last.
    pub fn write(&self, s: usize, grad: &[T], to: &mut [MaybeUninit<T>]) {
        self.lines(s, grad, |product, at, row| product.write(&mut to[at..], row, None, false));
    }

    /// Adds to a sum over samples, which begins with the `first`.
    fn add(&self, s: usize, first: bool, grad: &[T], sum: &mut Vec<T>) {
        sum.resize(self.target().len(), T::default());
        self.lines(s, grad, |product, at, row| match first {
            true => product.overwrite(&mut sum[at..], row, None, false),
            false => product.add(&mut sum[at..], row),
        });
    }

    /// Writes a sum in the order that the input has.
    fn store(&self, sum: &[T], to: &mut [MaybeUninit<T>]) {
        if self.plan.turns(self.target()) {
            channels_first(sum, self.plan.geometry.channels, |i, value| {
                to[i].write(value);
            });
        } else {
            to.iter_mut().zip(sum).for_each(|(to, sum)| {
                to.write(*sum);
            });
        }
    }

    /// Calls `f` with every product of an example, where it begins, and the step from place to place.
    fn lines(&self, s: usize, grad: &[T], mut f: impl FnMut(&Product<'_, T>, usize, usize)) {
        let (depth, channels) = (taps(self.plan) * self.plan.geometry.filters, self.plan.geometry.channels);
        let len = packed_len(depth, channels, self.with.columns);
        let b = Panels::packed(&self.weights[s * len..][..len], depth, channels, self.with);
        for class in &self.classes {
            class.lines(self.plan, &self.strips.frame, grad, b, self.with, &mut f);
        }
    }
}

fn taps(plan: &Plan) -> usize {
    plan.geometry.kernel.iter().product()
}

/// Kernels `[taps filters, channels]` of all samples, in strips.
fn transposed<T: Element>(plan: &Plan, kernel: &[T], with: Kernel<T>) -> Vec<T> {
    let (channels, filters) = (plan.geometry.channels, plan.geometry.filters);
    let len = packed_len(taps(plan) * filters, channels, with.columns);
    let row = |p: usize| p / filters * channels * filters + p % filters;
    let kernel = |s, _, to: &mut [_]| {
        pack(plan.kernel_of(kernel, s), row, filters, channels, with.columns, to);
    };
    // SAFETY: every kernel is packed.
    unsafe { written(plan.samples * len, [len, len], plan.samples * len, kernel) }
}

/// Inputs of one remainder along an axis.
#[derive(Clone, Debug)]
struct Remainder {
    /// The first input.
    first: usize,
    /// How many inputs.
    count: usize,
    /// Taps, each with the output that it meets at the first input.
    taps: Vec<(usize, isize)>,
}

/// The remainders of every axis, and the frame of outputs that all taps fall into.
fn axes(plan: &Plan) -> ([Vec<Remainder>; 3], Frame) {
    let axes: [Vec<Remainder>; 3] = core::array::from_fn(|axis| remainders(plan, axis));
    let mut frame = plan.output();
    for (axis, remainders) in axes.iter().enumerate() {
        for (count, offset) in remainders.iter().flat_map(|r| r.taps.iter().map(|tap| (r.count, tap.1))) {
            frame.before[axis] = frame.before[axis].max((-offset).max(0).unsigned_abs());
            frame.outer[axis] = frame.outer[axis].max((offset + signed(count)).max(0).unsigned_abs());
        }
        frame.outer[axis] += frame.before[axis];
    }
    (axes, frame)
}

fn remainders(plan: &Plan, axis: usize) -> Vec<Remainder> {
    let (geometry, extent) = (&plan.geometry, &plan.extent);
    let (length, stride) = (extent.input[axis], geometry.strides[axis]);
    let tap = |first: usize, k: usize| {
        let ahead = signed(first + extent.before[axis]) - signed(k * geometry.dilation[axis]);
        (ahead.rem_euclid(signed(stride)) == 0).then(|| (k, ahead.div_euclid(signed(stride))))
    };
    let of = |first: usize| Remainder {
        first,
        count: (length - first).div_ceil(stride),
        taps: (0..geometry.kernel[axis]).rev().filter_map(|k| tap(first, k)).collect(),
    };
    (0..stride.min(length)).map(of).collect()
}

fn signed(size: usize) -> isize {
    isize::try_from(size).expect("tensor sizes fit into isize")
}

/// Inputs of one remainder along every axis, and the sum of each.
struct Class {
    axes: [Remainder; 3],
    runs: Runs,
}

/// All classes: with stride 1 a single one.
fn classes<T: Element>(plan: &Plan, [d, h, w]: &[Vec<Remainder>; 3], strips: &Strips, with: Kernel<T>) -> Vec<Class> {
    let pairs = d.iter().flat_map(|d| h.iter().map(move |h| (d, h)));
    pairs.flat_map(|(d, h)| w.iter().map(move |w| Class::new(plan, [d, h, w], strips, with.columns))).collect()
}

impl Class {
    fn new(plan: &Plan, axes: [&Remainder; 3], strips: &Strips, step: usize) -> Self {
        let (([_, h, w], filters), frame) = ((plan.geometry.kernel, plan.geometry.filters), &strips.frame);
        let [i, j, k] = axes.map(|axis| &axis.taps);
        let taps = i.iter().flat_map(|i| j.iter().flat_map(move |j| k.iter().map(move |k| [i, j, k])));
        let runs = taps.flat_map(|taps| {
            let [a, b, c] = taps.map(|tap| tap.0);
            let place = core::array::from_fn(|axis| (taps[axis].1 + signed(frame.before[axis])).unsigned_abs());
            let tap = ((a * h + b) * w + c) * filters;
            strips.each().map(move |[at, first, depth]| Run {
                a: at + frame.place(place),
                b: (tap + first) * step,
                depth,
            })
        });
        let runs = Runs::new(runs, 1, step);
        Self { axes: axes.map(Clone::clone), runs }
    }

    /// Calls `f` with the product of every line, the line's first element and the step from place to place.
    fn lines<T: Element>(
        &self,
        plan: &Plan,
        frame: &Frame,
        grad: &[T],
        b: Panels<'_, T>,
        kernel: Kernel<T>,
        mut f: impl FnMut(&Product<'_, T>, usize, usize),
    ) {
        let ([d, h, w], strides, channels) = (&self.axes, plan.geometry.strides, plan.geometry.channels);
        let target = Frame::plain(plan.extent.input, channels);
        for line in 0..d.count * h.count {
            let (i, j) = (line / h.count, line % h.count);
            let at = target.place([d.first + i * strides[0], h.first + j * strides[1], w.first]);
            let a = &grad[frame.place([i, j, 0])..];
            let product = Product { kernel, runs: &self.runs, a, a_row: frame.channels, b, rows: w.count, ahead: None };
            f(&product, at, strides[2] * channels);
        }
    }
}

//! The gradient in the input: `dx[i] = Σ dy[o] W[k]ᵀ` over the taps k and outputs o with `i = o s - before + k d`.
//!
//! Along an axis the inputs `i = q s + r` of one remainder r meet the same taps, those with `r + before - k d` a multiple
//! of s, and tap k meets output `q + (r + before - k d) / s`: a convolution of stride 1 in q for every remainder.

use super::Plan;
use super::frame::{Frame, channels_first};
use crate::flex::arrays::{grain, pieces, written};
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
    let (axes, frame) = axes(plan);
    let (weights, classes) = (transposed(plan, kernel, with), classes(plan, &axes, &frame, with));
    let (target, summed) =
        (Frame::plain(plan.extent.input, plan.geometry.channels), if plan.shared { plan.samples } else { 1 });
    let (each, examples) = (target.len(), plan.batch * plan.samples / summed);
    let count = grain(examples, plan.work() * summed);
    let piece = |_, at: usize, to: &mut [MaybeUninit<T>]| {
        let (mut framed, mut sum) = (vec![], vec![]);
        for (k, to) in to.chunks_exact_mut(each).enumerate() {
            let first = at / each + k;
            let (first, n) = if plan.shared { (0, first) } else { (first / plan.batch, first % plan.batch) };
            sum.resize(if summed > 1 || plan.turns(target) { each } else { 0 }, T::default());
            for s in first..first + summed {
                let gate = gate.map(|gate| plan.output_of(gate, s, n));
                let grad = frame.view(plan.output_of(grad, s, n), gate, plan.geometry.format, with, &mut framed);
                for class in &classes {
                    let len = packed_len(taps(plan) * plan.geometry.filters, plan.geometry.channels, with.columns);
                    let b = Panels::packed(
                        &weights[s * len..][..len],
                        taps(plan) * plan.geometry.filters,
                        plan.geometry.channels,
                        with,
                    );
                    class.lines(plan, &frame, grad, b, with, |product, at, row| match (sum.is_empty(), s == first) {
                        (true, _) => product.write(&mut to[at..], row, None, false),
                        (false, true) => product.overwrite(&mut sum[at..], row, None, false),
                        (false, false) => product.add(&mut sum[at..], row),
                    });
                }
            }
            if plan.turns(target) {
                channels_first(&sum, plan.geometry.channels, |i, value| {
                    to[i].write(value);
                });
            } else if !sum.is_empty() {
                to.iter_mut().zip(&sum).for_each(|(to, sum)| {
                    to.write(*sum);
                });
            }
        }
    };
    // SAFETY: the lines of all classes are all of an example, and a piece is a number of examples.
    unsafe { written(examples * each, [examples * each, count * each], examples * summed * plan.work(), piece) }
}

fn taps(plan: &Plan) -> usize {
    plan.geometry.kernel.iter().product()
}

/// Kernels `[taps filters, channels]` of all samples, in strips.
fn transposed<T: Element>(plan: &Plan, kernel: &[T], with: Kernel<T>) -> Vec<T> {
    let (channels, filters) = (plan.geometry.channels, plan.geometry.filters);
    let len = packed_len(taps(plan) * filters, channels, with.columns);
    let mut packed = vec![T::default(); plan.samples * len];
    let row = |p: usize| p / filters * channels * filters + p % filters;
    pieces(&mut packed, len, plan.samples * len, |s, to| {
        pack(plan.kernel_of(kernel, s), row, filters, channels, with.columns, to);
    });
    packed
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
struct Class<'a> {
    axes: [&'a Remainder; 3],
    runs: Runs,
}

/// All classes: with stride 1 a single one.
fn classes<'a, T: Element>(
    plan: &Plan,
    [d, h, w]: &'a [Vec<Remainder>; 3],
    frame: &Frame,
    with: Kernel<T>,
) -> Vec<Class<'a>> {
    let pairs = d.iter().flat_map(|d| h.iter().map(move |h| (d, h)));
    pairs.flat_map(|(d, h)| w.iter().map(move |w| Class::new(plan, [d, h, w], frame, with.columns))).collect()
}

impl<'a> Class<'a> {
    fn new(plan: &Plan, axes: [&'a Remainder; 3], frame: &Frame, step: usize) -> Self {
        let ([_, h, w], filters) = (plan.geometry.kernel, plan.geometry.filters);
        let [i, j, k] = axes.map(|axis| &axis.taps);
        let taps = i.iter().flat_map(|i| j.iter().flat_map(move |j| k.iter().map(move |k| [i, j, k])));
        let runs = taps.map(|taps| {
            let [a, b, c] = taps.map(|tap| tap.0);
            let place = core::array::from_fn(|axis| (taps[axis].1 + signed(frame.before[axis])).unsigned_abs());
            Run { a: frame.place(place), b: ((a * h + b) * w + c) * filters * step, depth: filters }
        });
        Self { axes, runs: Runs::new(runs, 1, step) }
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
        let ([d, h, w], strides, channels) = (self.axes, plan.geometry.strides, plan.geometry.channels);
        let target = Frame::plain(plan.extent.input, channels);
        for line in 0..d.count * h.count {
            let (i, j) = (line / h.count, line % h.count);
            let at = target.place([d.first + i * strides[0], h.first + j * strides[1], w.first]);
            let a = &grad[frame.place([i, j, 0])..];
            let product = Product { kernel, runs: &self.runs, a, a_row: frame.channels, b, rows: w.count };
            f(&product, at, strides[2] * channels);
        }
    }
}

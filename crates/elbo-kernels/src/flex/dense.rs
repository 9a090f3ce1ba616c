//! Dense products of tensors: `f32` and `f64` by the products here, everything else by the reference.

use super::arrays::{TASKS, pieces, written};
use super::product::{Element, Kernel, Panels, Product, Run, Runs, SET, pack, packed_len};
use super::tensor::{contiguous, fused};
use crate::geometry::Epilogue;
use crate::gradient::{self, Gradients};
use crate::reference;
use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, Shape};
use core::mem::MaybeUninit;
use std::borrow::Cow;

/// Elements between copied lines.
const GAP: usize = 16;

/// See [`VariationalOps::dense`](crate::VariationalOps::dense).
pub fn forward(
    input: FlexTensor,
    kernel: FlexTensor,
    bias: FlexTensor,
    shared: bool,
    epilogue: Epilogue,
) -> FlexTensor {
    match has_products([&input, &kernel, &bias]) {
        Some(DType::F32) => forward_of::<f32>(input, kernel, bias, shared, epilogue),
        Some(DType::F64) => forward_of::<f64>(input, kernel, bias, shared, epilogue),
        _ => reference::dense::dense::<Flex>(input, kernel, bias, shared, epilogue),
    }
}

/// See [`VariationalOps::dense_backward_input`](crate::VariationalOps::dense_backward_input).
pub fn backward_input(kernel: FlexTensor, grad: FlexTensor, shared: bool) -> FlexTensor {
    match has_products([&kernel, &grad, &grad]) {
        Some(DType::F32) => input_of::<f32>(kernel, grad, shared),
        Some(DType::F64) => input_of::<f64>(kernel, grad, shared),
        _ => reference::dense::dense_backward_input::<Flex>(kernel, grad, shared),
    }
}

/// See [`VariationalOps::dense_backward_kernel`](crate::VariationalOps::dense_backward_kernel).
pub fn backward_kernel(input: FlexTensor, grad: FlexTensor, samples: usize, shared: bool) -> FlexTensor {
    match has_products([&input, &grad, &grad]) {
        Some(DType::F32) => kernel_of::<f32>(input, grad, samples, shared),
        Some(DType::F64) => kernel_of::<f64>(input, grad, samples, shared),
        _ => reference::dense::dense_backward_kernel::<Flex>(input, grad, samples, shared),
    }
}

/// See [`VariationalOps::dense_backward`](crate::VariationalOps::dense_backward).
pub fn backward(tensors: [FlexTensor; 4], shared: bool, epilogue: Epilogue, wanted: [bool; 3]) -> Gradients<Flex> {
    gradient::dense_by_parts::<Flex>(tensors, shared, epilogue, wanted)
}

/// The type of tensors that are computed here.
fn has_products(tensors: [&FlexTensor; 3]) -> Option<DType> {
    let dtype = tensors[0].dtype();
    let fits = |tensor: &&FlexTensor| tensor.dtype() == dtype && tensor.shape().num_elements() > 0;
    (fused() && tensors.iter().all(fits)).then_some(dtype)
}

fn forward_of<T: Element>(
    input: FlexTensor,
    kernel: FlexTensor,
    bias: FlexTensor,
    shared: bool,
    epilogue: Epilogue,
) -> FlexTensor {
    let [input, kernel, bias] = [input, kernel, bias].map(contiguous);
    let ([rows, depth], [samples, columns]) = (dims(&input), dims(&bias));
    let rows = if shared { rows } else { rows / samples };
    let product = Matrices {
        a: T::values(&input),
        a_steps: [depth, 1],
        shared,
        b: T::values(&kernel),
        b_steps: [columns, 1],
        sizes: [samples, rows, depth, columns],
        with: T::kernel(),
    };
    let output = product.multiply(Some(T::values(&bias)), epilogue == Epilogue::Relu);
    T::tensor(output, Shape::from([samples * rows, columns]))
}

fn input_of<T: Element>(kernel: FlexTensor, grad: FlexTensor, shared: bool) -> FlexTensor {
    let [kernel, grad] = [kernel, grad].map(contiguous);
    let ([samples, weights], [rows, units]) = (dims(&kernel), dims(&grad));
    let (rows, inputs) = (rows / samples, weights / units);
    let product = Matrices {
        a: T::values(&grad),
        a_steps: [units, 1],
        shared: false,
        b: T::values(&kernel),
        b_steps: [1, units],
        sizes: [samples, rows, units, inputs],
        with: T::kernel(),
    };
    if shared && samples > 1 {
        return T::tensor(product.multiply_and_add(), Shape::from([rows, inputs]));
    }
    T::tensor(product.multiply(None, false), Shape::from([samples * rows, inputs]))
}

fn kernel_of<T: Element>(input: FlexTensor, grad: FlexTensor, samples: usize, shared: bool) -> FlexTensor {
    let [input, grad] = [input, grad].map(contiguous);
    let ([_, inputs], [rows, units]) = (dims(&input), dims(&grad));
    let product = Matrices {
        a: T::values(&input),
        a_steps: [1, inputs],
        shared,
        b: T::values(&grad),
        b_steps: [units, 1],
        sizes: [samples, inputs, rows / samples, units],
        with: T::kernel(),
    };
    T::tensor(product.multiply(None, false), Shape::from([samples, inputs * units]))
}

fn dims(tensor: &FlexTensor) -> [usize; 2] {
    let shape = tensor.shape();
    [shape[0], shape[1]]
}

/// `C_s = A_s B_s` for S matrices, with one A for all or S of them.
struct Matrices<'a, T> {
    a: &'a [T],
    /// From row to row and along the depth; one of them is 1.
    a_steps: [usize; 2],
    shared: bool,
    b: &'a [T],
    /// Along the depth and from column to column; one of them is 1.
    b_steps: [usize; 2],
    /// Samples, rows, depth, columns.
    sizes: [usize; 4],
    with: Kernel<T>,
}

impl<T: Element> Matrices<'_, T> {
    /// `[S, rows, columns]`, with a bias `[S, columns]`.
    fn multiply(&self, bias: Option<&[T]>, relu: bool) -> Vec<T> {
        let [samples, rows, depth, columns] = self.sizes;
        let (right, runs) = (Right::new(self), self.runs());
        let piece = |s: usize, at: usize, to: &mut [MaybeUninit<T>]| {
            let (first, count) = (at / columns, to.len() / columns);
            let bias = bias.map(|bias| &bias[s * columns..][..columns]);
            self.product(s, first, count, &runs, right.of(s), |product| product.write(to, columns, bias, relu));
        };
        let sizes = [rows * columns, self.block() * columns];
        // SAFETY: a product writes all its rows.
        unsafe { written(samples * rows * columns, sizes, samples * rows * depth * columns, piece) }
    }

    /// `Σ_s C_s`, `[rows, columns]`.
    fn multiply_and_add(&self) -> Vec<T> {
        let [samples, rows, depth, columns] = self.sizes;
        let (right, runs, block) = (Right::new(self), self.runs(), self.block());
        let mut sums = vec![T::default(); rows * columns];
        pieces(&mut sums, block * columns, samples * rows * depth * columns, |i, to| {
            for s in 0..samples {
                let count = to.len() / columns;
                self.product(s, i * block, count, &runs, right.of(s), |product| product.add(to, columns));
            }
        });
        sums
    }

    /// Calls `f` with the product of `count` rows of sample `s`.
    fn product(
        &self,
        s: usize,
        first: usize,
        count: usize,
        runs: &[Runs; 2],
        b: Panels<'_, T>,
        f: impl FnOnce(&Product<'_, T>),
    ) {
        let [_, rows, depth, _] = self.sizes;
        let start = if self.shared { 0 } else { s * rows * depth } + first * self.a_steps[0];
        let left = self.left(&self.a[start..], count);
        let (runs, a_row) = match left {
            Cow::Borrowed(_) => (&runs[0], self.a_steps[0]),
            Cow::Owned(_) if self.a_steps[0] == 1 => (&runs[1], 1),
            Cow::Owned(_) => (&runs[1], self.copied_step()),
        };
        f(&Product { kernel: self.with, runs, a: &left, a_row, b, rows: count, ahead: None });
    }

    /// `count` rows of A, copied if the lines of memory between which the product goes back and forth share a set of the
    /// cache: with [`GAP`] elements between them they do not.
    fn left<'a>(&self, a: &'a [T], count: usize) -> Cow<'a, [T]> {
        let [_, _, depth, columns] = self.sizes;
        let far = self.a_steps[0].max(self.a_steps[1]);
        let once = columns <= self.with.columns && self.a_steps[1] == 1;
        if once || columns < 4 || !(far * size_of::<T>()).is_multiple_of(SET) {
            return a.into();
        }
        let (lines, width) = if self.a_steps[0] == 1 { (depth, count) } else { (count, depth) };
        let step = self.copied_step();
        let mut copy = Vec::with_capacity(lines * step);
        for (line, from) in (1..=lines).zip(a.chunks(far)) {
            copy.extend_from_slice(&from[..width]);
            copy.resize(line * step, T::default());
        }
        copy.into()
    }

    /// From one copied line to the next.
    fn copied_step(&self) -> usize {
        GAP + if self.a_steps[0] == 1 { self.block() } else { self.sizes[2] }
    }

    /// The sum over A where it lies and over a copy of it.
    fn runs(&self) -> [Runs; 2] {
        let (depth, step) = (self.sizes[2], self.b_step());
        let copied = if self.a_steps[0] == 1 { self.copied_step() } else { 1 };
        [self.a_steps[1], copied].map(|a_step| Runs::new([Run { a: 0, b: 0, depth }], a_step, step))
    }

    /// Rows of A for one task.
    fn block(&self) -> usize {
        let [samples, rows, ..] = self.sizes;
        rows.div_ceil(TASKS.div_ceil(samples)).clamp(16, 128)
    }

    /// Whether B can stay where it lies: all columns are one strip.
    fn b_lies_ready(&self) -> bool {
        self.b_steps[1] == 1 && self.sizes[3] <= self.with.columns
    }

    fn b_step(&self) -> usize {
        if self.b_lies_ready() { self.sizes[3] } else { self.with.columns }
    }
}

/// The right-hand sides of all samples.
struct Right<'a, T: Element> {
    data: Cow<'a, [T]>,
    each: usize,
    of: &'a Matrices<'a, T>,
}

impl<'a, T: Element> Right<'a, T> {
    fn new(of: &'a Matrices<'a, T>) -> Self {
        let [samples, _, depth, columns] = of.sizes;
        if of.b_lies_ready() {
            return Self { data: of.b.into(), each: depth * columns, of };
        }
        let (width, each) = (of.with.columns, packed_len(depth, columns, of.with.columns));
        let strip = |s: usize, at: usize, to: &mut [MaybeUninit<T>]| {
            let from = at / depth;
            let b = &of.b[s * depth * columns + from * of.b_steps[1]..];
            pack(b, |p| p * of.b_steps[0], of.b_steps[1], (columns - from).min(width), width, to);
        };
        // An element that is moved costs as much as some products.
        // SAFETY: every strip is packed.
        let data = unsafe { written(samples * each, [each, depth * width], 8 * samples * each, strip) };
        Self { data: data.into(), each, of }
    }

    fn of(&self, s: usize) -> Panels<'_, T> {
        let ([_, _, depth, columns], data) = (self.of.sizes, &self.data[s * self.each..][..self.each]);
        if self.of.b_lies_ready() {
            return Panels::rows(data, columns, self.of.with);
        }
        Panels::packed(data, depth, columns, self.of.with)
    }
}

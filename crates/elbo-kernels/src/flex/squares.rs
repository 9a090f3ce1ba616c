//! Squares, and their sums: terms in single precision, sums in double precision and in a fixed order.

use super::sum::{single, sum};
use super::tensor::{contiguous, floats, tensor};
use crate::buffer::{BLOCK, pass};
use crate::reference;
use crate::simd::vectorised;
use burn::backend::{Flex, TensorMetadata, flex::FlexTensor};

/// See [`VariationalOps::square`](crate::VariationalOps::square).
pub(super) fn square(values: FlexTensor) -> FlexTensor {
    let values = contiguous(values);
    let Some([x]) = floats([&values]) else {
        return reference::squares::square::<Flex>(values);
    };
    let ([out], _) = pass(x.len(), 1, |part, [out]| products(1.0, &x[part.clone()], &x[part], out));
    tensor(out, values.shape())
}

/// See [`VariationalOps::square_backward`](crate::VariationalOps::square_backward).
pub(super) fn square_backward(values: FlexTensor, grad: FlexTensor) -> FlexTensor {
    let [values, grad] = [values, grad].map(contiguous);
    let Some([x, g]) = floats([&values, &grad]) else {
        return reference::squares::square_backward::<Flex>(values, grad);
    };
    let ([out], _) = pass(x.len(), 1, |part, [out]| products(2.0, &x[part.clone()], &g[part], out));
    tensor(out, values.shape())
}

/// See [`VariationalOps::sum_squares`](crate::VariationalOps::sum_squares).
pub(super) fn sum_squares(values: FlexTensor) -> FlexTensor {
    let values = contiguous(values);
    let Some([x]) = floats([&values]) else {
        return reference::squares::sum_squares::<Flex>(values);
    };
    let ([], sums) = pass(x.len(), 1, |part, []| block(&x[part]));
    tensor(vec![single(sums.into_iter().sum())], [1])
}

/// See [`VariationalOps::sum_squares_backward`](crate::VariationalOps::sum_squares_backward).
pub(super) fn sum_squares_backward(values: FlexTensor, grad: FlexTensor) -> FlexTensor {
    let [values, grad] = [values, grad].map(contiguous);
    let Some([x, &[g]]) = floats([&values, &grad]) else {
        return reference::squares::sum_squares_backward::<Flex>(values, grad);
    };
    let ([out], _) = pass(x.len(), 1, |part, [out]| times(2.0 * g, &x[part], out));
    tensor(out, values.shape())
}

vectorised! {
    fn block(values: &[f32]) -> f64 {
        let mut squares = [0.0; BLOCK];
        for (square, x) in squares.iter_mut().zip(values) {
            *square = x * x;
        }
        sum(&squares[..values.len()])
    }

    /// `factor (a b)`
    fn products(factor: f32, a: &[f32], b: &[f32], out: &mut [f32]) {
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = factor * (a * b);
        }
    }

    fn times(factor: f32, values: &[f32], out: &mut [f32]) {
        for (out, x) in out.iter_mut().zip(values) {
            *out = factor * x;
        }
    }
}

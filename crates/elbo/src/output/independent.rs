//! What families of independent values share.

use crate::prior::softplus;
use burn::tensor::{Int, Tensor};

/// Columns `block n .. (block + 1) n` of the outputs.
pub(super) fn block(outputs: &Tensor<2>, block: usize, n: usize) -> Tensor<2> {
    outputs.clone().narrow(1, block * n, n)
}

/// Sums over the event: `[rows, event] -> [rows]`.
pub(super) fn total(values: Tensor<2>) -> Tensor<1> {
    let rows = values.dims()[0];
    values.sum_dim(1).reshape([rows])
}

/// `[rows, n] -> [rows, n, n]` with the values on the diagonal.
pub(super) fn diagonal(values: Tensor<2>) -> Tensor<3> {
    let n = values.dims()[1];
    let eye = Tensor::<2>::eye(n, &values.device()).cast(values.dtype());
    values.unsqueeze_dim::<3>(2) * eye.unsqueeze_dim::<3>(0)
}

/// `[S, rows · event] -> [S, rows, event]`.
pub(super) fn draws(values: Tensor<2>, [rows, event]: [usize; 2]) -> Tensor<3> {
    let samples = values.dims()[0];
    values.reshape([samples, rows, event])
}

/// Parameters `[rows, event]` as `[1, rows · event]`, to be met with noise.
pub(super) fn flat(values: Tensor<2>) -> Tensor<2> {
    let n = values.shape().num_elements();
    values.reshape([1, n])
}

/// `1 / (1 + e^-x) = e^{-softplus(-x)}`.
pub(super) fn sigmoid(x: Tensor<2>) -> Tensor<2> {
    softplus(x.neg()).neg().exp()
}

/// Which of K things: the number of those whose cumulated weight stays below `u` times all of it.
///
/// # Shapes
/// - `weights`: `[rows, K]`, `u`: `[S, rows]`, both as [`wide`] has them
/// - output: `[S, rows, 1]`, as floating-point numbers; never a thing of weight 0
pub(super) fn choice(weights: Tensor<2>, u: Tensor<2>) -> Tensor<3> {
    let classes = weights.dims()[1];
    let cumulated = weights.detach().cumsum(1);
    let all = cumulated.clone().narrow(1, classes - 1, 1).swap_dims(0, 1);
    let threshold = (u * all).unsqueeze_dim::<3>(2);
    cumulated.unsqueeze_dim::<3>(0).lower(threshold).float().sum_dim(2)
}

/// `[.., 1] -> [.., K]`: 1 where the number is the column's, else 0, in the dtype of the numbers.
pub(super) fn one_hot<const D: usize>(numbers: Tensor<D>, classes: usize) -> Tensor<D> {
    let mut shape = [1; D];
    shape[D - 1] = classes;
    let columns = class_numbers(classes, &numbers).reshape(shape);
    let dtype = numbers.dtype();
    numbers.equal(columns).float().cast(dtype)
}

/// `0, 1, ..` in the dtype and on the device of `like`.
pub(super) fn class_numbers<const D: usize>(classes: usize, like: &Tensor<D>) -> Tensor<1> {
    let end = i64::try_from(classes).unwrap_or(i64::MAX);
    Tensor::<1, Int>::arange(0..end, &like.device()).float().cast(like.dtype())
}

/// `ln Σ e^x` over an axis, which stays with length 1; minus infinity if all terms are.
pub(super) fn log_sum_exp<const D: usize>(terms: Tensor<D>, axis: usize) -> Tensor<D> {
    let largest = terms.clone().detach().max_dim(axis);
    let largest = largest.clone().mask_fill(largest.is_finite().bool_not(), 0.0);
    (terms - largest.clone()).exp().sum_dim(axis).log() + largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    /// The first and the last uniform number of `f32`, and both sides of a border; weights need not add up to 1.
    #[test]
    fn a_choice_is_the_quantile_of_the_weights() {
        let row = |values: &[f32]| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), [1, values.len()]), &Device::flex())
        };
        let ulp = 0.5_f32.powi(24);
        for all in [1.0, 0.3, 0.999_999_9, 7.0] {
            let weights = [0.0, 0.25 * all, 0.0, 0.75 * all, 0.0];
            for (u, expected) in [(ulp, 1.0), (0.249, 1.0), (0.251, 3.0), (1.0 - ulp, 3.0)] {
                let found = choice(row(&weights), row(&[u]));
                assert_eq!(found.into_scalar::<f64>(), expected, "{all}, {u}");
            }
        }
    }

    #[test]
    fn sums_of_exponentials_do_not_overflow() {
        let terms = |x: [f32; 2]| Tensor::<2>::from_data([x], &Device::flex());
        let found = |x| log_sum_exp(terms(x), 1).into_scalar::<f64>();
        assert!((found([1000.0, 1000.0]) - 1000.0 - core::f64::consts::LN_2).abs() < 1e-4);
        assert_eq!(found([f32::NEG_INFINITY, -1000.0]), -1000.0);
        assert_eq!(found([f32::NEG_INFINITY; 2]), f64::NEG_INFINITY);
    }
}

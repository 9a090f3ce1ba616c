//! Triangular systems and Cholesky factors, on the host and in `f64`, and how their results get onto the tape.
//!
//! Burn has neither, and a derivative does not need them on the tape: with `z` from the host as a constant, a few
//! products have the exact slope, and [`with_slope`] joins it to the exact value.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

/// `value`, with the slope of `other` on the tape.
pub(super) fn with_slope(value: Tensor<1>, other: Tensor<1>) -> Tensor<1> {
    let step = other.clone() - other.detach();
    value + step
}

/// The numbers of a tensor, row-major.
pub(super) fn to_host<const D: usize>(x: &Tensor<D>) -> Vec<f64> {
    x.clone().detach().try_into_vec_as().expect("a tensor that was computed can be read")
}

/// A constant with the dtype and on the device of `like`.
pub(super) fn constant<const D: usize, const E: usize>(
    values: Vec<f64>,
    shape: [usize; D],
    like: &Tensor<E>,
) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), (&like.device(), like.dtype()))
}

/// A lower triangular matrix with a positive diagonal.
pub(super) struct Lower {
    n: usize,
    /// Row-major, with what is above the diagonal, which is not looked at.
    rows: Vec<f64>,
}

impl Lower {
    pub(super) fn of(matrix: &Tensor<2>) -> Self {
        Self { n: matrix.dims()[0], rows: to_host(matrix) }
    }

    /// The Cholesky factor of a positive definite matrix of which the lower triangle is given, row-major. A matrix that
    /// is not has one of `NaN`.
    pub(super) fn cholesky(n: usize, mut rows: Vec<f64>) -> Self {
        for i in 0..n {
            let (above, row) = rows.split_at_mut(i * n);
            for j in 0..i {
                let other = &above[j * n..=j * n + j];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            row[i] = (row[i] - dot(&row[..i], &row[..i])).sqrt();
        }
        Self { n, rows }
    }

    /// `Σ ln` of the diagonal: half the logarithm of the determinant of `L Lᵀ`.
    pub(super) fn log_diagonal(&self) -> f64 {
        (0..self.n).map(|i| self.row(i)[i].ln()).sum()
    }

    /// `z` with `L z = b`, for each row of n values.
    pub(super) fn solve(&self, b: &mut [f64]) {
        b.par_chunks_mut(self.n).for_each(|b| {
            for i in 0..self.n {
                let row = self.row(i);
                b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
            }
        });
    }

    /// `a` with `Lᵀ a = z`, for each row of n values.
    pub(super) fn solve_transposed(&self, z: &mut [f64]) {
        z.par_chunks_mut(self.n).for_each(|z| {
            for i in (0..self.n).rev() {
                let row = self.row(i);
                z[i] /= row[i];
                let found = z[i];
                z[..i].iter_mut().zip(row).for_each(|(z, l)| *z -= found * l);
            }
        });
    }

    /// `(L Lᵀ)⁻¹`, row-major.
    pub(super) fn inverse_of_product(&self) -> Vec<f64> {
        let mut identity = vec![0.0; self.n * self.n];
        (0..self.n).for_each(|i| identity[i * self.n + i] = 1.0);
        self.solve(&mut identity);
        self.solve_transposed(&mut identity);
        identity
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.rows[i * self.n..=i * self.n + i]
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATRIX: [f64; 9] = [4.0, 0.0, 0.0, 2.0, 5.0, 0.0, -1.0, 0.5, 3.0];

    #[test]
    fn a_factor_gives_its_matrix_back() {
        let factor = Lower::cholesky(3, MATRIX.to_vec());
        for i in 0..3 {
            for j in 0..=i {
                let product = dot(&factor.row(i)[..=j], factor.row(j));
                assert!((product - MATRIX[3 * i + j]).abs() < 1e-15, "[{i}, {j}]: {product}");
            }
        }
    }

    #[test]
    fn solutions_solve() {
        let factor = Lower::cholesky(3, MATRIX.to_vec());
        let inverse = factor.inverse_of_product();
        let full = |i: usize, j: usize| MATRIX[3 * i.max(j) + i.min(j)];
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..3).map(|k| full(i, k) * inverse[3 * k + j]).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-15, "[{i}, {j}]: {product}");
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_not_a_number() {
        assert!(Lower::cholesky(2, vec![1.0, 0.0, 2.0, 1.0]).log_diagonal().is_nan());
    }
}

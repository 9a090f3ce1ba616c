//! `p(y) = N(y; loc, L Lᵀ)` with a lower triangular `L`.
//!
//! `ln p(y) = -½ |L⁻¹ (y - loc)|² - Σ_j ln L_jj - ½ n ln 2π`; the system is solved row by row.

use super::independent::{block, total};
use super::{OutputDistribution, Support};
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::prior::softplus;
use burn::tensor::{Int, Tensor, TensorData};

/// What the diagonal is at least, as in TFP.
const DIAGONAL_SHIFT: f64 = 1e-5;

/// Correlated normal values.
#[derive(Clone, Debug)]
pub struct MultivariateNormalTriL {
    /// Means `[rows, event]`.
    pub loc: Tensor<2>,
    /// `L`: `[rows, event, event]`, with a positive diagonal. What is above the diagonal is not looked at.
    pub scale_tril: Tensor<3>,
}

impl MultivariateNormalTriL {
    /// `event + event (event + 1) / 2`.
    #[must_use]
    pub fn params_size(event: usize) -> usize {
        let triangle = if event.is_multiple_of(2) {
            (event / 2).saturating_mul(event.saturating_add(1))
        } else {
            event.saturating_mul(event.saturating_add(1) / 2)
        };
        event.saturating_add(triangle)
    }

    /// The triangle is filled as TFP's `fill_triangular` does, clockwise from the lower right: `[1, 2, 3, 4, 5, 6]`
    /// becomes `[[4, 0, 0], [6, 5, 0], [3, 2, 1]]`; then the diagonal becomes `1e-5 + softplus(it)`.
    pub(super) fn from_outputs(outputs: &Tensor<2>, event: usize) -> Self {
        let (rows, device) = (outputs.dims()[0], outputs.device());
        let triangle = outputs.clone().narrow(1, event, event * (event + 1) / 2);
        let places = TensorData::new(places(event), [event * event]);
        let square = triangle.select(1, Tensor::<1, Int>::from_data(places, &device));
        let square = square.reshape([rows, event, event]);
        let eye = Tensor::<2>::eye(event, &device).unsqueeze_dim::<3>(0).repeat_dim(0, rows).equal_elem(1.0);
        let positive = softplus(square.clone()).add_scalar(DIAGONAL_SHIFT);
        let scale_tril = square.mask_where(eye, positive).tril(0);
        Self { loc: block(outputs, 0, event), scale_tril }
    }

    /// `L_jj`: `[rows, event]`.
    fn diagonal(&self) -> Tensor<2> {
        let event = self.dims()[1];
        let entry = |j: usize| self.entries(j, j, 1);
        Tensor::cat((0..event).map(entry).collect(), 1)
    }

    /// `L_{j, first..first + count}`: `[rows, count]`.
    fn entries(&self, j: usize, first: usize, count: usize) -> Tensor<2> {
        let rows = self.dims()[0];
        self.scale_tril.clone().narrow(1, j, 1).narrow(2, first, count).reshape([rows, count])
    }

    /// `L⁻¹ x`: `x_j' = (x_j - Σ_{i<j} L_ji x_i') / L_jj`.
    fn solve(&self, x: &Tensor<2>) -> Tensor<2> {
        let event = self.dims()[1];
        let mut solved: Vec<Tensor<2>> = Vec::with_capacity(event);
        for j in 0..event {
            let mut rest = x.clone().narrow(1, j, 1);
            if j > 0 {
                let known = Tensor::cat(solved.clone(), 1);
                rest = rest - (self.entries(j, 0, j) * known).sum_dim(1);
            }
            solved.push(rest / self.entries(j, j, 1));
        }
        Tensor::cat(solved, 1)
    }
}

impl OutputDistribution for MultivariateNormalTriL {
    fn name(&self) -> &'static str {
        "multivariate_normal_tri_l"
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn dims(&self) -> [usize; 2] {
        self.loc.dims()
    }

    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let half_log_tau = 0.5 * core::f64::consts::TAU.ln();
        let z = self.solve(&(values - self.loc.clone()));
        total((z.clone() * z).mul_scalar(-0.5) - self.diagonal().log().add_scalar(half_log_tau))
    }

    fn mean(&self) -> Tensor<2> {
        self.loc.clone()
    }

    /// `Σ_i L_ji²`.
    fn variance(&self) -> Tensor<2> {
        let lower = self.scale_tril.clone().tril(0);
        (lower.clone() * lower).sum_dim(2).reshape(self.dims())
    }

    /// `loc + L z`.
    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<3>> {
        let [rows, event] = self.dims();
        let z = noise.normal(&self.loc)?;
        let samples = z.dims()[0];
        // [rows, event, event] x [rows, event, S]
        let z = z.reshape([samples, rows, event]).swap_dims(0, 1).swap_dims(1, 2);
        let spread = self.scale_tril.clone().tril(0).matmul(z).swap_dims(1, 2).swap_dims(0, 1);
        Ok(spread + self.loc.clone().unsqueeze_dim::<3>(0))
    }

    fn mode(&self) -> Option<Tensor<2>> {
        Some(self.loc.clone())
    }

    /// `Σ_j ln L_jj + ½ n ln(2πe)`.
    fn entropy(&self) -> Option<Tensor<1>> {
        let constant = 0.5 + 0.5 * core::f64::consts::TAU.ln();
        Some(total(self.diagonal().log().add_scalar(constant)))
    }

    /// `L Lᵀ`.
    fn covariance(&self) -> Option<Tensor<3>> {
        let lower = self.scale_tril.clone().tril(0);
        Some(lower.clone().matmul(lower.swap_dims(1, 2)))
    }
}

/// Which of the parameters is at each place of the square, row-major: those from `n` on, then all of them backwards.
fn places(event: usize) -> Vec<i64> {
    let count = event * (event + 1) / 2;
    let all = (event..count).chain((0..count).rev());
    all.map(|place| i64::try_from(place).expect("a parameter of a tensor")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device};

    /// The example in TFP's documentation of `fill_triangular`; its loc comes before.
    #[test]
    fn the_triangle_is_filled_as_in_tfp() {
        let outputs = TensorData::from([[9.0, 8.0, 7.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]);
        let outputs = Tensor::<2>::from_data(outputs, (&Device::flex(), DType::F64));
        let found = MultivariateNormalTriL::from_outputs(&outputs, 3);
        let loc: Vec<f64> = found.loc.into_data().iter::<f64>().collect();
        let scale: Vec<f64> = found.scale_tril.into_data().iter::<f64>().collect();
        let d = |x: f64| 1e-5 + x.exp().ln_1p();
        assert_eq!(loc, [9.0, 8.0, 7.0]);
        let expected = [d(4.0), 0.0, 0.0, 6.0, d(5.0), 0.0, 3.0, 2.0, d(1.0)];
        for (found, expected) in scale.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-14, "{found}, {expected}");
        }
        assert_eq!(places(1), [0]);
        assert_eq!((1..5).map(MultivariateNormalTriL::params_size).collect::<Vec<_>>(), [2, 5, 9, 14]);
    }
}

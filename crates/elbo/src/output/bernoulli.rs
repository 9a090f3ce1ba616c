//! `p(y) = Π_j p_j^{y_j} (1 - p_j)^{1 - y_j}`, `p = 1 / (1 + e^{-logit})`.

use super::independent::{diagonal, draws, flat, sigmoid, total};
use super::{OutputDistribution, Support};
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::precision::wide;
use crate::prior::softplus;
use burn::tensor::Tensor;

/// Independent values that are 0 or 1.
#[derive(Clone, Debug)]
pub struct Bernoulli {
    /// `ln p / (1 - p)`: `[rows, event]`.
    pub logits: Tensor<2>,
}

impl Bernoulli {
    /// `event`.
    #[must_use]
    pub fn params_size(event: usize) -> usize {
        event
    }

    pub(super) fn from_outputs(outputs: &Tensor<2>) -> Self {
        Self { logits: outputs.clone() }
    }

    /// `ln(1 - p)`.
    fn log_failure(&self) -> Tensor<2> {
        softplus(self.logits.clone()).neg()
    }
}

impl OutputDistribution for Bernoulli {
    fn name(&self) -> &'static str {
        "bernoulli"
    }

    fn support(&self) -> Support {
        Support::Binary
    }

    fn dims(&self) -> [usize; 2] {
        self.logits.dims()
    }

    /// `-softplus((1 - 2 y) logit)`: no difference of large numbers.
    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let outside = values.clone().not_equal_elem(0.0).bool_and(values.clone().not_equal_elem(1.0));
        let sign = values.mul_scalar(-2.0).add_scalar(1.0);
        total(softplus(sign * self.logits.clone()).neg().mask_fill(outside, f64::NEG_INFINITY))
    }

    fn mean(&self) -> Tensor<2> {
        sigmoid(self.logits.clone())
    }

    /// `p (1 - p)`.
    fn variance(&self) -> Tensor<2> {
        sigmoid(self.logits.clone()) * sigmoid(self.logits.clone().neg())
    }

    /// 1 where a uniform number is below `p`.
    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<3>> {
        let u = wide(noise.uniform(&self.logits)?);
        let p = flat(sigmoid(wide(self.logits.clone().detach())));
        Ok(draws(u.lower(p).float().cast(self.logits.dtype()), self.dims()))
    }

    /// 1 where `p > ½`.
    fn mode(&self) -> Option<Tensor<2>> {
        Some(self.logits.clone().greater_elem(0.0).float().cast(self.logits.dtype()))
    }

    /// `Σ_j p softplus(-logit) + (1 - p) softplus(logit)`.
    fn entropy(&self) -> Option<Tensor<1>> {
        let half = |logits: Tensor<2>| sigmoid(logits.clone()) * softplus(logits.neg());
        Some(total(half(self.logits.clone()) + half(self.logits.clone().neg())))
    }

    fn covariance(&self) -> Option<Tensor<3>> {
        Some(diagonal(self.variance()))
    }

    fn log_cdf(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        let log_cdf = self.log_failure().mask_fill(values.clone().greater_equal_elem(1.0), 0.0);
        Some(log_cdf.mask_fill(values.lower_elem(0.0), f64::NEG_INFINITY))
    }

    fn log_survival(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        let log_success = softplus(self.logits.clone().neg()).neg();
        let log_survival = log_success.mask_fill(values.clone().greater_equal_elem(1.0), f64::NEG_INFINITY);
        Some(log_survival.mask_fill(values.lower_elem(0.0), 0.0))
    }
}

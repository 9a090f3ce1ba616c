//! `p(y) = Π_j e^{-z_j} / (scale_j (1 + e^{-z_j})²)`, `z = (y - loc) / scale`.

use super::independent::{block, diagonal, draws, flat, total};
use super::{OutputDistribution, Support};
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::precision::wide;
use crate::prior::{positive, softplus};
use burn::tensor::Tensor;

/// Independent logistic values.
#[derive(Clone, Debug)]
pub struct Logistic {
    /// Means `[rows, event]`.
    pub loc: Tensor<2>,
    /// Scales `[rows, event]`: the standard deviation is `π / √3` of them.
    pub scale: Tensor<2>,
}

impl Logistic {
    /// `2 event`.
    #[must_use]
    pub fn params_size(event: usize) -> usize {
        event.saturating_mul(2)
    }

    pub(super) fn from_outputs(outputs: &Tensor<2>, event: usize) -> Self {
        Self { loc: block(outputs, 0, event), scale: positive(block(outputs, 1, event)) }
    }

    fn standardized(&self, values: Tensor<2>) -> Tensor<2> {
        (values - self.loc.clone()) / self.scale.clone()
    }
}

impl OutputDistribution for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn dims(&self) -> [usize; 2] {
        self.loc.dims()
    }

    /// `-softplus(z) - softplus(-z) - ln scale`: neither term overflows.
    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let z = self.standardized(values);
        total((softplus(z.clone()) + softplus(z.neg()) + self.scale.clone().log()).neg())
    }

    fn mean(&self) -> Tensor<2> {
        self.loc.clone()
    }

    /// `(π scale)² / 3`.
    fn variance(&self) -> Tensor<2> {
        let stddev = self.stddev();
        stddev.clone() * stddev
    }

    fn stddev(&self) -> Tensor<2> {
        self.scale.clone().mul_scalar(core::f64::consts::PI / 3.0_f64.sqrt())
    }

    /// `loc + scale ln(u / (1 - u))`.
    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<3>> {
        let u = wide(noise.uniform(&self.loc)?);
        let z = logit(u).cast(self.loc.dtype());
        Ok(draws(flat(self.loc.clone()) + flat(self.scale.clone()) * z, self.dims()))
    }

    fn mode(&self) -> Option<Tensor<2>> {
        Some(self.loc.clone())
    }

    /// `Σ_j ln scale_j + 2`.
    fn entropy(&self) -> Option<Tensor<1>> {
        Some(total(self.scale.clone().log().add_scalar(2.0)))
    }

    fn covariance(&self) -> Option<Tensor<3>> {
        Some(diagonal(self.variance()))
    }

    fn log_cdf(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(softplus(self.standardized(values).neg()).neg())
    }

    fn log_survival(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(softplus(self.standardized(values)).neg())
    }

    fn quantile(&self, probabilities: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.loc.clone() + self.scale.clone() * logit(probabilities))
    }
}

/// `ln p - ln(1 - p)`.
fn logit(p: Tensor<2>) -> Tensor<2> {
    p.clone().log() - p.neg().log1p()
}

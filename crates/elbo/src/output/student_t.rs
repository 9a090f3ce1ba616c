//! `p(y) = Π_j Γ((ν+1)/2) / (Γ(ν/2) sqrt(νπ) scale) (1 + z²/ν)^{-(ν+1)/2}`, `z = (y - loc) / scale`, ν = `df`.

use super::independent::{block, diagonal, draws, flat, total};
use super::special::gamma::{digamma_half_step, ln_gamma_half_step};
use super::special::{Curve, incomplete_beta, on_host, with_slope};
use super::{OutputDistribution, Support};
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::precision::wide;
use crate::prior::positive;
use burn::tensor::{Tensor, TensorData};

/// Independent Student-t values: outliers cost their logarithm, not their square.
#[derive(Clone, Debug)]
pub struct StudentT {
    /// Degrees of freedom `[rows, event]`.
    pub df: Tensor<2>,
    /// Centres `[rows, event]`.
    pub loc: Tensor<2>,
    /// Scales `[rows, event]`.
    pub scale: Tensor<2>,
}

impl StudentT {
    /// `2 event`, and another `event` if the network predicts the degrees of freedom.
    #[must_use]
    pub fn params_size(event: usize, predicts_df: bool) -> usize {
        event.saturating_mul(if predicts_df { 3 } else { 2 })
    }

    /// With `df` given, or in the third block of outputs.
    pub(crate) fn from_outputs(outputs: &Tensor<2>, event: usize, df: Option<f64>) -> Self {
        let loc = block(outputs, 0, event);
        let df = match df {
            Some(df) => loc.full_like(df),
            None => positive(block(outputs, 2, event)),
        };
        Self { df, loc, scale: positive(block(outputs, 1, event)) }
    }

    fn standardized(&self, values: Tensor<2>) -> Tensor<2> {
        (values - self.loc.clone()) / self.scale.clone()
    }

    fn half_df(&self) -> Tensor<2> {
        self.df.clone().mul_scalar(0.5)
    }

    /// `½ ln(νπ) - ln Γ((ν+1)/2) + ln Γ(ν/2) + ln scale`.
    fn log_normalizer(&self) -> Tensor<2> {
        let spread = self.df.clone().log().add_scalar(core::f64::consts::PI.ln()).mul_scalar(0.5);
        spread - ln_gamma_half_step(&self.half_df()) + self.scale.clone().log()
    }

    /// The values where `ν > least`, `otherwise` where not; nothing of what is replaced is on the tape.
    fn where_df_above(&self, least: f64, otherwise: f64, values: impl Fn(Tensor<2>) -> Tensor<2>) -> Tensor<2> {
        let missing = self.df.clone().lower_equal_elem(least);
        values(self.df.clone().mask_fill(missing.clone(), least + 1.0)).mask_fill(missing, otherwise)
    }
}

impl OutputDistribution for StudentT {
    fn name(&self) -> &'static str {
        "student_t"
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn dims(&self) -> [usize; 2] {
        self.loc.dims()
    }

    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let z = self.standardized(values);
        let growth = (z.clone() * z / self.df.clone()).log1p();
        total((self.half_df().add_scalar(0.5) * growth + self.log_normalizer()).neg())
    }

    /// The centre, if `ν > 1`.
    fn mean(&self) -> Tensor<2> {
        self.where_df_above(1.0, f64::NAN, |_| self.loc.clone())
    }

    /// `scale² ν / (ν - 2)` if `ν > 2`; infinite for `1 < ν <= 2`.
    fn variance(&self) -> Tensor<2> {
        let square = self.scale.clone() * self.scale.clone();
        let finite = self.where_df_above(2.0, f64::INFINITY, |df| square.clone() * df.clone() / df.sub_scalar(2.0));
        finite.mask_fill(self.df.clone().lower_equal_elem(1.0), f64::NAN)
    }

    /// `loc + scale sqrt(ν (u^{-2/ν} - 1)) cos(2πv)` of two uniforms (Bailey 1994, "Polar generation of random variates
    /// with the t-distribution").
    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<3>> {
        let dtype = self.loc.dtype();
        let (u, v) = (wide(noise.uniform(&self.loc)?), wide(noise.uniform(&self.loc)?));
        let df = flat(wide(self.df.clone()));
        let square = df.clone() * exp_m1(u.log().mul_scalar(-2.0) / df);
        let t = square.sqrt() * v.mul_scalar(core::f64::consts::TAU).cos();
        Ok(draws(flat(self.loc.clone()) + flat(self.scale.clone()) * t.cast(dtype), self.dims()))
    }

    fn mode(&self) -> Option<Tensor<2>> {
        Some(self.loc.clone())
    }

    /// `Σ_j (ν+1)/2 (ψ((ν+1)/2) - ψ(ν/2)) + ½ ln(νπ) - ln Γ((ν+1)/2) + ln Γ(ν/2) + ln scale`.
    fn entropy(&self) -> Option<Tensor<1>> {
        let tails = self.half_df().add_scalar(0.5) * digamma_half_step(&self.half_df());
        Some(total(tails + self.log_normalizer()))
    }

    fn covariance(&self) -> Option<Tensor<3>> {
        // Infinite times 0 would be a NaN.
        let off = diagonal(self.loc.ones_like()).equal_elem(0.0);
        let variance = self.variance().unsqueeze_dim::<3>(2).repeat_dim(2, self.dims()[1]);
        Some(variance.mask_fill(off, 0.0))
    }

    fn log_cdf(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(log_cdf(self.standardized(values), &self.df))
    }

    fn log_survival(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(log_cdf(self.standardized(values).neg(), &self.df))
    }

    fn quantile(&self, probabilities: Tensor<2>) -> Option<Tensor<2>> {
        let t = on_host(&probabilities, [&self.df], |p, [df]| incomplete_beta::quantile(p, df));
        let t = Tensor::from_data(TensorData::new(t, self.dims()), (&self.loc.device(), self.loc.dtype()));
        Some(self.loc.clone() + self.scale.clone() * t)
    }
}

/// `ln Pr(T <= t)`, with its slope in `t`.
fn log_cdf(t: Tensor<2>, df: &Tensor<2>) -> Tensor<2> {
    with_slope(t, [df], |t, [df]| {
        let value = incomplete_beta::log_cdf(t, df);
        Curve { value, slope: (incomplete_beta::log_density(t, df) - value).exp() }
    })
}

/// `e^y - 1` for `y >= 0`, as `2 tanh(y/2) / (1 - tanh(y/2))` where the difference would cancel.
fn exp_m1(y: Tensor<2>) -> Tensor<2> {
    let half = y.clone().clamp_max(1.0).mul_scalar(0.5).tanh();
    let near = half.clone().mul_scalar(2.0) / half.neg().add_scalar(1.0);
    let far = y.clone().greater_elem(1.0);
    near.mask_where(far, y.exp().sub_scalar(1.0))
}

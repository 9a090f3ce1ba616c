//! Independent normals: `N(loc, scale²)`, `scale = eps + softplus(untransformed_scale)`.

use super::{Posterior, row};
use crate::distribution::Distribution;
use crate::divergence::kl;
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::precision::wide;
use crate::prior::{Prior, positive};
use crate::sum::row_sums;
use crate::variable::{Variable, VariableInfo};
use burn::module::Module;
use burn::tensor::{DType, Tensor};
use elbo_kernels::{normal_mean, normal_variance, sample_normal, sample_perturbation, square};

/// The mean-field normal posterior.
#[derive(Module, Debug)]
pub struct MeanFieldNormal<const D: usize> {
    /// Means.
    pub loc: Variable<D>,
    /// Standard deviations before their transform.
    pub untransformed_scale: Variable<D>,
}

impl<const D: usize> MeanFieldNormal<D> {
    /// `eps + softplus(untransformed_scale)`: positive whatever the variable is.
    #[must_use]
    pub fn scale(&self) -> Tensor<D> {
        positive(self.untransformed_scale.value())
    }
}

impl<const D: usize> Distribution<D> for MeanFieldNormal<D> {
    fn name(&self) -> &'static str {
        "Normal"
    }

    fn shape(&self) -> [usize; D] {
        self.loc.value().dims()
    }

    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<2>> {
        let loc = self.loc.value();
        if let Some(draws) = noise.draws() {
            return Ok(sample_normal(loc, self.untransformed_scale.value(), draws));
        }
        let noise = noise.normal(&loc)?;
        let scale: Tensor<2> = self.scale().flatten::<1>(0, D - 1).unsqueeze_dim(0);
        Ok(loc.flatten::<1>(0, D - 1).unsqueeze_dim(0) + scale * noise)
    }

    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let loc = self.loc.value().flatten::<1>(0, D - 1).unsqueeze_dim(0);
        let scale = self.scale().flatten::<1>(0, D - 1).unsqueeze_dim(0);
        row_sums(wide(crate::prior::normal_log_density(values, loc, scale)))
    }

    fn mean(&self) -> Tensor<D> {
        self.loc.value()
    }
}

impl<const D: usize> Posterior<D> for MeanFieldNormal<D> {
    fn loc_scale(&self) -> Option<(Tensor<D>, Tensor<D>)> {
        Some((self.loc.value(), self.scale()))
    }

    fn sample_perturbation(&self, noise: &mut WeightNoise) -> Result<Option<Tensor<2>>> {
        let u = self.untransformed_scale.value();
        if let Some(draws) = noise.draws() {
            return Ok(Some(sample_perturbation(u, draws)));
        }
        let noise = noise.normal(&u)?;
        Ok(Some(self.scale().flatten::<1>(0, D - 1).unsqueeze_dim::<2>(0) * noise))
    }

    fn mean_row(&self) -> Tensor<2> {
        normal_mean(self.loc.value(), self.untransformed_scale.value())
    }

    fn variance_row(&self) -> Option<Tensor<2>> {
        let u = self.untransformed_scale.value();
        Some(match u.dtype() {
            DType::F64 | DType::F32 => normal_variance(u),
            _ => square(row(wide(self.scale()))),
        })
    }

    /// `-½ ε² - ln scale - ½ ln 2π`: a draw is `loc + scale ε` with a constant `ε`, so the slopes in `loc` through the
    /// draw and through the density cancel. Left to the tape they are `ε / scale` each, and `f32` keeps no more of
    /// the rest than `6e-8 / scale`.
    fn log_prob_of_draws(&self, draws: Tensor<2>) -> Tensor<1> {
        let samples = draws.dims()[0];
        let loc = self.loc.value().detach().flatten::<1>(0, D - 1).unsqueeze_dim::<2>(0);
        let scale = self.scale().flatten::<1>(0, D - 1).unsqueeze_dim::<2>(0);
        let noise = (draws.detach() - loc) / scale.clone().detach();
        let log_scale = scale.log().repeat_dim(0, samples);
        let half_log_tau = 0.5 * core::f64::consts::TAU.ln();
        let terms = (noise.clone() * noise).mul_scalar(-0.5) - log_scale.add_scalar(half_log_tau);
        row_sums(wide(terms))
    }

    fn kl(&self, prior: &Prior<D>) -> Option<Tensor<1>> {
        kl::from_normal(self, prior)
    }

    fn has_kl(&self, prior: &Prior<D>) -> bool {
        kl::is_known(prior)
    }

    fn elementwise_kl(&self, prior: &Prior<D>) -> Option<Tensor<D>> {
        kl::elementwise_from_normal(self, prior)
    }

    fn variables(&self) -> Vec<VariableInfo> {
        vec![self.loc.info(), self.untransformed_scale.info()]
    }

    fn regularization(&self) -> Vec<(String, Tensor<1>)> {
        let penalty = |v: &Variable<D>| Some((v.name().to_owned(), v.regularization()?));
        [&self.loc, &self.untransformed_scale].into_iter().filter_map(penalty).collect()
    }

    fn constrained(self) -> Self {
        Self { loc: self.loc.constrained(), untransformed_scale: self.untransformed_scale.constrained() }
    }
}

//! A point mass at `loc`: an ordinary parameter. Its divergence from a prior is the penalty of a MAP estimate.

use super::Posterior;
use crate::distribution::Distribution;
use crate::divergence::kl;
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::prior::Prior;
use crate::variable::{Variable, VariableInfo};
use burn::module::Module;
use burn::tensor::Tensor;

/// The point-mass posterior.
#[derive(Module, Debug)]
pub struct Deterministic<const D: usize> {
    /// The value.
    pub loc: Variable<D>,
}

impl<const D: usize> Distribution<D> for Deterministic<D> {
    fn name(&self) -> &'static str {
        "Deterministic"
    }

    fn shape(&self) -> [usize; D] {
        self.loc.value().dims()
    }

    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<2>> {
        let row: Tensor<2> = self.loc.value().flatten::<1>(0, D - 1).unsqueeze_dim(0);
        Ok(if noise.samples() == 1 { row } else { row.repeat_dim(0, noise.samples()) })
    }

    /// With respect to the counting measure: 0 at `loc`, where the samples of a pass are, and `-inf` elsewhere.
    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let (samples, values) = (values.dims()[0], values.detach());
        let loc: Tensor<2> = self.loc.value().detach().flatten::<1>(0, D - 1).unsqueeze_dim(0);
        let elsewhere = values.clone().not_equal(loc.repeat_dim(0, samples));
        values.zeros_like().mask_fill(elsewhere, f64::NEG_INFINITY).sum_dim(1).reshape([samples])
    }

    fn mean(&self) -> Tensor<D> {
        self.loc.value()
    }
}

impl<const D: usize> Posterior<D> for Deterministic<D> {
    fn kl(&self, prior: &Prior<D>) -> Option<Tensor<1>> {
        Some(kl::from_point_mass(self.loc.value(), prior))
    }

    fn has_kl(&self, _: &Prior<D>) -> bool {
        true
    }

    fn variables(&self) -> Vec<VariableInfo> {
        vec![self.loc.info()]
    }

    fn regularization(&self) -> Vec<(String, Tensor<1>)> {
        let penalty = |v: &Variable<D>| Some((v.name().to_owned(), v.regularization()?));
        penalty(&self.loc).into_iter().collect()
    }

    fn constrained(self) -> Self {
        Self { loc: self.loc.constrained() }
    }
}

//! The built-in posteriors as one type, chosen at run time.

use super::{Deterministic, MeanFieldNormal, MultivariateNormalDiagPlusLowRank, MultivariateNormalTriL, Posterior};
use crate::distribution::Distribution;
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::prior::Prior;
use crate::variable::VariableInfo;
use burn::module::Module;
use burn::tensor::Tensor;

/// A built-in posterior.
#[derive(Module, Debug)]
pub enum Family<const D: usize> {
    /// Independent normals.
    MeanFieldNormal(MeanFieldNormal<D>),
    /// A point mass.
    Deterministic(Deterministic<D>),
    /// One normal with full covariance.
    MultivariateNormalTriL(MultivariateNormalTriL<D>),
    /// One normal whose covariance is diagonal plus low rank.
    MultivariateNormalDiagPlusLowRank(MultivariateNormalDiagPlusLowRank<D>),
}

/// Calls the same method on whichever family it is.
macro_rules! each {
    ($self:expr, $posterior:ident => $call:expr) => {
        match $self {
            Family::MeanFieldNormal($posterior) => $call,
            Family::Deterministic($posterior) => $call,
            Family::MultivariateNormalTriL($posterior) => $call,
            Family::MultivariateNormalDiagPlusLowRank($posterior) => $call,
        }
    };
}

impl<const D: usize> Distribution<D> for Family<D> {
    fn name(&self) -> &str {
        each!(self, posterior => posterior.name())
    }

    fn shape(&self) -> [usize; D] {
        each!(self, posterior => posterior.shape())
    }

    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<2>> {
        each!(self, posterior => posterior.sample(noise))
    }

    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        each!(self, posterior => posterior.log_prob(values))
    }

    fn mean(&self) -> Tensor<D> {
        each!(self, posterior => posterior.mean())
    }
}

impl<const D: usize> Posterior<D> for Family<D> {
    fn loc_scale(&self) -> Option<(Tensor<D>, Tensor<D>)> {
        each!(self, posterior => posterior.loc_scale())
    }

    fn sample_perturbation(&self, noise: &mut WeightNoise) -> Result<Option<Tensor<2>>> {
        each!(self, posterior => posterior.sample_perturbation(noise))
    }

    fn mean_row(&self) -> Tensor<2> {
        each!(self, posterior => posterior.mean_row())
    }

    fn variance_row(&self) -> Option<Tensor<2>> {
        each!(self, posterior => posterior.variance_row())
    }

    fn log_prob_of_draws(&self, draws: Tensor<2>) -> Tensor<1> {
        each!(self, posterior => posterior.log_prob_of_draws(draws))
    }

    fn kl(&self, prior: &Prior<D>) -> Option<Tensor<1>> {
        each!(self, posterior => posterior.kl(prior))
    }

    fn has_kl(&self, prior: &Prior<D>) -> bool {
        each!(self, posterior => posterior.has_kl(prior))
    }

    fn elementwise_kl(&self, prior: &Prior<D>) -> Option<Tensor<D>> {
        each!(self, posterior => posterior.elementwise_kl(prior))
    }

    fn variables(&self) -> Vec<VariableInfo> {
        each!(self, posterior => posterior.variables())
    }

    fn regularization(&self) -> Vec<(String, Tensor<1>)> {
        each!(self, posterior => posterior.regularization())
    }

    fn constrained(self) -> Self {
        match self {
            Self::MeanFieldNormal(posterior) => Self::MeanFieldNormal(posterior.constrained()),
            Self::Deterministic(posterior) => Self::Deterministic(posterior.constrained()),
            Self::MultivariateNormalTriL(posterior) => Self::MultivariateNormalTriL(posterior.constrained()),
            Self::MultivariateNormalDiagPlusLowRank(posterior) => {
                Self::MultivariateNormalDiagPlusLowRank(posterior.constrained())
            }
        }
    }
}

//! Surrogate posteriors q(W): the trained distributions of weights.

mod builder;
mod deterministic;
mod family;
mod low_rank_normal;
mod mean_field_normal;
mod multivariate_normal_tril;
mod solve;
mod triangle;

pub use builder::{
    LocScale, LocScaleFn, LocScaleOptions, PosteriorFn, default_loc_scale_fn, default_mean_field_normal_fn,
};
pub use deterministic::Deterministic;
pub use family::Family;
pub use low_rank_normal::{LowRankOptions, MAX_RANK, MultivariateNormalDiagPlusLowRank, low_rank_normal_fn};
pub use mean_field_normal::MeanFieldNormal;
pub use multivariate_normal_tril::{
    MAX_FULL_COVARIANCE, MultivariateNormalTriL, TriLOptions, multivariate_normal_tril_fn,
};

use crate::distribution::Distribution;
use crate::prior::Prior;
use crate::variable::VariableInfo;
use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;

/// A distribution over one weight tensor, with trainable parameters.
///
/// Required are the methods of [`Distribution`]; the rest is for what a family can do better.
pub trait Posterior<const D: usize>: Module + ModuleDisplay + Distribution<D> + Sync + 'static {
    /// `(loc, scale)` if samples are `loc + scale * standard normal`, element by element.
    fn loc_scale(&self) -> Option<(Tensor<D>, Tensor<D>)> {
        None
    }

    /// [`log_prob`](Distribution::log_prob) of values that [`sample`](Distribution::sample) returned for the present
    /// parameters: a family may know a formula with less rounding.
    fn log_prob_of_draws(&self, draws: Tensor<2>) -> Tensor<1> {
        self.log_prob(draws)
    }

    /// `KL(self ‖ prior)` in nats, shape `[1]`, summed over elements, if there is a formula.
    fn kl(&self, _prior: &Prior<D>) -> Option<Tensor<1>> {
        None
    }

    /// Whether [`kl`](Self::kl) knows a formula for this prior.
    fn has_kl(&self, prior: &Prior<D>) -> bool {
        self.kl(prior).is_some()
    }

    /// The divergence element by element, for diagnosis, if there is a formula.
    fn elementwise_kl(&self, _prior: &Prior<D>) -> Option<Tensor<D>> {
        None
    }

    /// The variables, in order of creation.
    fn variables(&self) -> Vec<VariableInfo> {
        Vec::new()
    }

    /// The penalties on variables, by name, in order of creation.
    fn regularization(&self) -> Vec<(String, Tensor<1>)> {
        Vec::new()
    }

    /// The posterior after the projections of its variables.
    #[must_use]
    fn constrained(self) -> Self {
        self
    }
}

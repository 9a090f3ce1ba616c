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
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::precision::wide;
use crate::prior::Prior;
use crate::variable::VariableInfo;
use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use elbo_kernels::square;

/// A distribution over one weight tensor, with trainable parameters.
///
/// Required are the methods of [`Distribution`]; the rest is for what a family can do better.
///
/// A posterior of your own is a Burn module of [`Variable`](crate::variable::Variable)s. This one gives the weights of
/// a dense layer one scale per unit:
///
/// ```
/// use burn::module::Module;
/// use burn::tensor::{Device, Tensor};
/// use elbo::distribution::Distribution;
/// use elbo::divergence::Divergence;
/// use elbo::layer::{Dense, DenseConfig};
/// use elbo::noise::WeightNoise;
/// use elbo::posterior::Posterior;
/// use elbo::variable::{Initializer, Variable, VariableInfo, VariableOptions, VariableRequest, VariableScope};
/// use elbo::{Noise, Result, Trace};
///
/// #[derive(Module, Debug)]
/// struct UnitNormal {
///     loc: Variable<2>,
///     log_scale: Variable<2>, // [1, units]
/// }
///
/// impl UnitNormal {
///     // The layer says shape, type and name; the scope makes variables that are trained and saved with it.
///     fn build(request: &VariableRequest<2>, scope: &mut VariableScope<'_>) -> Result<Self> {
///         let start = |value| VariableOptions::new(request, Initializer::Constant(value));
///         let [_, units] = request.shape;
///         Ok(Self {
///             loc: scope.add_variable(&format!("{}_loc", request.name), request.shape, start(0.0))?,
///             log_scale: scope.add_variable(&format!("{}_log_scale", request.name), [1, units], start(-3.0))?,
///         })
///     }
///
///     // Means and scales of all weights as rows, [1, elements].
///     fn rows(&self) -> (Tensor<2>, Tensor<2>) {
///         let (loc, [inputs, _]) = (self.loc.value(), self.shape());
///         let scale = self.log_scale.value().exp().repeat_dim(0, inputs);
///         (loc.flatten::<1>(0, 1).unsqueeze_dim(0), scale.flatten::<1>(0, 1).unsqueeze_dim(0))
///     }
/// }
///
/// impl Distribution<2> for UnitNormal {
///     fn name(&self) -> &str {
///         "UnitNormal"
///     }
///
///     fn shape(&self) -> [usize; 2] {
///         self.loc.value().dims()
///     }
///
///     fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<2>> {
///         let (loc, scale) = self.rows();
///         Ok(loc + scale * noise.normal(&self.loc.value())?)
///     }
///
///     fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
///         let (samples, (loc, scale)) = (values.dims()[0], self.rows());
///         let z = (values - loc) / scale.clone();
///         let terms = (z.clone() * z).mul_scalar(-0.5) - scale.log().add_scalar(0.5 * std::f64::consts::TAU.ln());
///         terms.sum_dim(1).reshape([samples])
///     }
///
///     fn mean(&self) -> Tensor<2> {
///         self.loc.value()
///     }
/// }
///
/// impl Posterior<2> for UnitNormal {
///     fn variables(&self) -> Vec<VariableInfo> {
///         vec![self.loc.info(), self.log_scale.info()]
///     }
/// }
///
/// let device = Device::flex().autodiff();
/// // It knows no closed form, so the divergence is taken from the weights that a pass draws.
/// let divergence = Some(Divergence::MonteCarlo);
/// let layer: Dense<UnitNormal> = DenseConfig::new(3, 2).init_with(&device, UnitNormal::build, divergence)?;
/// let mut trace = Trace::sampling(&mut Noise::seeded(1)).with_samples(4);
/// let output = layer.forward(Tensor::<2>::ones([5, 3], &device), &mut trace);
/// assert_eq!(output.dims(), [20, 2]);
/// let divergence: f32 = trace.divergences()[0].value.clone().into_scalar();
/// assert!(divergence.is_finite());
/// # Ok::<(), elbo::Error>(())
/// ```
pub trait Posterior<const D: usize>: Module + ModuleDisplay + Distribution<D> + Sync + 'static {
    /// `(loc, scale)` if samples are `loc + scale * standard normal`, element by element.
    fn loc_scale(&self) -> Option<(Tensor<D>, Tensor<D>)> {
        None
    }

    /// `scale * standard normal` of every sample, `[S, elements]`, for a family with [`loc_scale`](Self::loc_scale).
    ///
    /// # Errors
    /// [`Error::Replay`](crate::Error::Replay) if recorded noise does not fit.
    fn sample_perturbation(&self, noise: &mut WeightNoise) -> Result<Option<Tensor<2>>> {
        let Some((_, scale)) = self.loc_scale() else { return Ok(None) };
        let noise = noise.normal(&scale)?;
        Ok(Some(scale.flatten::<1>(0, D - 1).unsqueeze_dim::<2>(0) * noise))
    }

    /// The mean as a row, `[1, elements]`.
    fn mean_row(&self) -> Tensor<2> {
        row(self.mean())
    }

    /// Variances as a row, `[1, elements]`, for a family with [`loc_scale`](Self::loc_scale): in `f32` where the weights
    /// are of half precision, which does not hold squares of all its numbers.
    fn variance_row(&self) -> Option<Tensor<2>> {
        Some(square(row(wide(self.loc_scale()?.1))))
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

/// `[1, elements]`
pub(crate) fn row<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    x.flatten::<1>(0, D - 1).unsqueeze_dim(0)
}

//! One normal over all elements of a weight: `W = loc + L ε`, covariance `L Lᵀ`, L lower triangular with the diagonal
//! `eps + softplus(untransformed_scale)`.
//!
//! n weights have `n (n + 1) / 2` numbers of covariance, and L has `n²`: for small layers.

use super::builder::{self, LocScale, LocScaleOptions, PosteriorFn, default_loc_scale_fn};
use super::solve::{Lower, constant, to_host, with_slope};
use super::{Family, Posterior, triangle};
use crate::distribution::Distribution;
use crate::divergence::kl;
use crate::error::{Error, Result};
use crate::noise::WeightNoise;
use crate::prior::{Prior, positive};
use crate::sum::{ordered_sum, row_sums};
use crate::variable::{Constraint, Initializer, Regularizer, Variable, VariableInfo};
use burn::module::Module;
use burn::tensor::Tensor;
use std::sync::Arc;

/// Largest weight with a full covariance: L then has `2^26` numbers, 256 MiB in `f32`.
pub const MAX_FULL_COVARIANCE: usize = 1 << 13;

/// The normal posterior with full covariance.
#[derive(Module, Debug)]
pub struct MultivariateNormalTriL<const D: usize> {
    /// Means.
    pub loc: Variable<D>,
    /// Diagonal of L before its transform, in the weight's shape.
    pub untransformed_scale: Variable<D>,
    /// L below its diagonal, row by row: n (n - 1) / 2 numbers. A single weight has none.
    pub scale_off_diagonal: Option<Variable<1>>,
}

/// Arguments of [`multivariate_normal_tril_fn`].
#[derive(Clone, Debug)]
pub struct TriLOptions {
    /// Location, and diagonal of L. It cannot be singular.
    pub loc_scale: LocScaleOptions,
    /// Start of L below its diagonal; by default 0, a mean-field normal.
    pub off_diagonal_initializer: Initializer,
    /// Penalty on L below its diagonal.
    pub off_diagonal_regularizer: Option<Regularizer>,
    /// Projection of L below its diagonal after each optimizer step.
    pub off_diagonal_constraint: Option<Constraint>,
}

impl Default for TriLOptions {
    fn default() -> Self {
        Self {
            loc_scale: LocScaleOptions::default(),
            off_diagonal_initializer: Initializer::Constant(0.0),
            off_diagonal_regularizer: None,
            off_diagonal_constraint: None,
        }
    }
}

/// A builder of [`MultivariateNormalTriL`] with variables `<name>_loc`, `<name>_untransformed_scale` and
/// `<name>_scale_off_diagonal`.
///
/// Building fails with [`Error::TooLarge`] beyond [`MAX_FULL_COVARIANCE`] weights, and with
/// [`Error::InvalidArgument`] for a weight without elements or singular options.
///
/// ```
/// use burn::tensor::Device;
/// use elbo::layer::DenseConfig;
/// use elbo::posterior::{TriLOptions, multivariate_normal_tril_fn};
/// let posterior_fn = multivariate_normal_tril_fn(TriLOptions::default());
/// let layer = DenseConfig::new(4, 2).with_kernel_posterior_fn(posterior_fn).init(&Device::flex())?;
/// assert_eq!(layer.variables()[2].shape, [28]);
/// # Ok::<(), elbo::Error>(())
/// ```
#[must_use]
pub fn multivariate_normal_tril_fn<const D: usize>(options: TriLOptions) -> PosteriorFn<D> {
    let loc_scale_fn = default_loc_scale_fn::<D>(options.loc_scale.clone());
    Arc::new(move |request, scope| {
        let below = check_size(&request.shape)?;
        let LocScale { loc, untransformed_scale } = loc_scale_fn(request, scope)?;
        let untransformed_scale = untransformed_scale.ok_or_else(|| builder::singular("MultivariateNormalTriL"))?;
        let parts =
            (&options.off_diagonal_initializer, &options.off_diagonal_regularizer, &options.off_diagonal_constraint);
        let scale_off_diagonal = match below {
            0 => None,
            below => Some(builder::add(request, scope, ("scale_off_diagonal", [below]), parts)?),
        };
        let posterior = MultivariateNormalTriL { loc, untransformed_scale, scale_off_diagonal };
        Ok(Family::MultivariateNormalTriL(posterior))
    })
}

/// How many numbers L has below its diagonal.
fn check_size(shape: &[usize]) -> Result<usize> {
    let owner = "MultivariateNormalTriL";
    let n = builder::elements(owner, shape)?;
    let too_large = || Error::TooLarge {
        owner: owner.to_owned(),
        what: "the weight with a full covariance",
        found: format!("{shape:?}"),
        limit: MAX_FULL_COVARIANCE,
    };
    if n > MAX_FULL_COVARIANCE { Err(too_large()) } else { triangle::strict_len(n).ok_or_else(too_large) }
}

impl<const D: usize> MultivariateNormalTriL<D> {
    /// L, `[n, n]`.
    #[must_use]
    pub fn scale_tril(&self) -> Tensor<2> {
        triangle::assemble(self.diagonal(), self.scale_off_diagonal.as_ref().map(Variable::value))
    }

    /// The covariance `L Lᵀ`, `[n, n]`.
    #[must_use]
    pub fn covariance(&self) -> Tensor<2> {
        let scale_tril = self.scale_tril();
        scale_tril.clone().matmul(scale_tril.transpose())
    }

    /// Standard deviations of the elements.
    #[must_use]
    pub fn stddev(&self) -> Tensor<D> {
        let diagonal = self.diagonal();
        (diagonal.clone() * diagonal + self.below()).sqrt().reshape(self.shape())
    }

    /// The diagonal of L, flat.
    fn diagonal(&self) -> Tensor<1> {
        positive(self.untransformed_scale.value().flatten::<1>(0, D - 1))
    }

    fn loc_row(&self) -> Tensor<2> {
        self.loc.value().flatten::<1>(0, D - 1).unsqueeze_dim(0)
    }

    /// `-½ |L⁻¹ (x - loc)|² - Σ ln L_ii - ½ n ln 2π` from `|L⁻¹ (x - loc)|²` of S values.
    fn log_density(&self, squares: Tensor<1>) -> Tensor<1> {
        let diagonal = self.diagonal();
        let constant = half_log_tau(diagonal.dims()[0]);
        squares.mul_scalar(-0.5) - ordered_sum(diagonal.log()).add_scalar(constant)
    }

    /// `Σ_j<i L_ij²` of each row i.
    fn below(&self) -> Tensor<1> {
        let Some(below) = &self.scale_off_diagonal else { return self.diagonal().zeros_like() };
        let matrix = triangle::assemble(self.diagonal().zeros_like(), Some(below.value()));
        row_sums(matrix.clone() * matrix)
    }
}

impl<const D: usize> Distribution<D> for MultivariateNormalTriL<D> {
    fn name(&self) -> &'static str {
        "MultivariateNormalTriL"
    }

    fn shape(&self) -> [usize; D] {
        self.loc.value().dims()
    }

    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<2>> {
        let noise = noise.normal(&self.loc.value())?;
        Ok(self.loc_row() + noise.matmul(self.scale_tril().transpose()))
    }

    /// With `z = L⁻¹ Δ` and `Lᵀ α = z` from the host, `d |z|² = 2 αᵀ (dΔ - dL z)`.
    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let [samples, n] = values.dims();
        let (scale_tril, distance) = (self.scale_tril(), values - self.loc_row());
        let factor = Lower::of(&scale_tril);
        let mut z = to_host(&distance);
        factor.solve(&mut z);
        let mut alpha = z.clone();
        factor.solve_transposed(&mut alpha);

        let squares = constant(norms(&z, n), [samples], &distance);
        let [z, alpha] = [z, alpha].map(|rows| constant(rows, [samples, n], &distance));
        let step = (distance - z.matmul(scale_tril.transpose())) * alpha;
        self.log_density(with_slope(squares, row_sums(step).mul_scalar(2.0)))
    }

    fn mean(&self) -> Tensor<D> {
        self.loc.value()
    }
}

impl<const D: usize> Posterior<D> for MultivariateNormalTriL<D> {
    /// `-½ |ε|² - Σ ln L_ii - ½ n ln 2π`: a draw is `loc + L ε` with a constant `ε`, so all slopes but that of the
    /// determinant cancel.
    fn log_prob_of_draws(&self, draws: Tensor<2>) -> Tensor<1> {
        let [samples, n] = draws.dims();
        let distance = (draws - self.loc_row()).detach();
        let mut noise = to_host(&distance);
        Lower::of(&self.scale_tril()).solve(&mut noise);
        self.log_density(constant(norms(&noise, n), [samples], &distance))
    }

    /// The total correlation is `Σ ln(stddev_i / L_ii)`: nothing is squared that could leave `f16`.
    fn kl(&self, prior: &Prior<D>) -> Option<Tensor<1>> {
        let (diagonal, stddev) = (self.diagonal(), self.stddev().flatten(0, D - 1));
        let total_correlation = ordered_sum(stddev.clone().log() - diagonal.log());
        kl::from_correlated_normal(self.loc.value().flatten(0, D - 1), stddev, total_correlation, prior)
    }

    fn has_kl(&self, prior: &Prior<D>) -> bool {
        kl::is_known(prior)
    }

    fn variables(&self) -> Vec<VariableInfo> {
        let below = self.scale_off_diagonal.as_ref().map(Variable::info);
        [self.loc.info(), self.untransformed_scale.info()].into_iter().chain(below).collect()
    }

    fn regularization(&self) -> Vec<(String, Tensor<1>)> {
        let below = self.scale_off_diagonal.as_ref().and_then(Variable::penalty);
        [self.loc.penalty(), self.untransformed_scale.penalty()].into_iter().flatten().chain(below).collect()
    }

    fn constrained(self) -> Self {
        Self {
            loc: self.loc.constrained(),
            untransformed_scale: self.untransformed_scale.constrained(),
            scale_off_diagonal: self.scale_off_diagonal.map(Variable::constrained),
        }
    }
}

/// The squared length of each row of n values.
fn norms(rows: &[f64], n: usize) -> Vec<f64> {
    rows.chunks(n).map(|row| row.iter().map(|x| x * x).sum()).collect()
}

/// `½ n ln 2π`
#[allow(clippy::cast_precision_loss)] // sizes of weights
pub(super) fn half_log_tau(n: usize) -> f64 {
    0.5 * core::f64::consts::TAU.ln() * n as f64
}

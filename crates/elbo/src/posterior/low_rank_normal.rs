//! Independent normals plus a few shared directions: `W = loc + scale ε + F z`, with `ε` of n and `z` of r standard
//! normals. The covariance is `diag(scale²) + F Fᵀ` with `n (r + 1)` numbers, so also for large layers.
//!
//! With `A = F / scale` (row by row) and `M = 1 + Aᵀ A`, of size r: `ln det = 2 Σ ln scale + ln det M` (matrix
//! determinant lemma), and `Δᵀ Σ⁻¹ Δ = min_v |y - A v|² + |v|²` with `y = Δ / scale`, at `v = M⁻¹ Aᵀ y` (Woodbury's
//! formula, without its difference of large numbers).

use super::builder::{self, LocScale, LocScaleOptions, PosteriorFn, default_loc_scale_fn};
use super::multivariate_normal_tril::half_log_tau;
use super::solve::{Lower, constant, to_host, with_slope};
use super::{Family, Posterior};
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

/// Largest number of shared directions.
pub const MAX_RANK: usize = 512;

/// The normal posterior with low-rank plus diagonal covariance.
#[derive(Module, Debug)]
pub struct MultivariateNormalDiagPlusLowRank<const D: usize> {
    /// Means.
    pub loc: Variable<D>,
    /// Standard deviations of the independent part before their transform.
    pub untransformed_scale: Variable<D>,
    /// F, `[n, r]`.
    pub scale_perturb_factor: Variable<2>,
}

/// Arguments of [`low_rank_normal_fn`].
#[derive(Clone, Debug)]
pub struct LowRankOptions {
    /// Number of shared directions r, from 1 to [`MAX_RANK`].
    pub rank: usize,
    /// Location and independent scale. It cannot be singular.
    pub loc_scale: LocScaleOptions,
    /// Start of F. It must not be 0 everywhere: there the divergence has no slope in F. By default normals of standard
    /// deviation 0.02, less than half the default scale.
    pub factor_initializer: Initializer,
    /// Penalty on F.
    pub factor_regularizer: Option<Regularizer>,
    /// Projection of F after each optimizer step.
    pub factor_constraint: Option<Constraint>,
}

impl LowRankOptions {
    /// The defaults with this many shared directions.
    #[must_use]
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            loc_scale: LocScaleOptions::default(),
            factor_initializer: Initializer::Normal { mean: 0.0, stddev: 0.02 },
            factor_regularizer: None,
            factor_constraint: None,
        }
    }
}

/// A builder of [`MultivariateNormalDiagPlusLowRank`] with variables `<name>_loc`, `<name>_untransformed_scale` and
/// `<name>_scale_perturb_factor`.
///
/// Building fails with [`Error::InvalidArgument`] for a rank that is not allowed, a weight without elements or singular
/// options, and with [`Error::TooLarge`] beyond [`MAX_ELEMENTS`](crate::variable::MAX_ELEMENTS) numbers in F.
///
/// ```
/// use burn::tensor::Device;
/// use elbo::layer::DenseConfig;
/// use elbo::posterior::{LowRankOptions, low_rank_normal_fn};
/// let posterior_fn = low_rank_normal_fn(LowRankOptions::new(3));
/// let layer = DenseConfig::new(24, 2).with_kernel_posterior_fn(posterior_fn).init(&Device::flex())?;
/// assert_eq!(layer.variables()[2].shape, [48, 3]);
/// # Ok::<(), elbo::Error>(())
/// ```
#[must_use]
pub fn low_rank_normal_fn<const D: usize>(options: LowRankOptions) -> PosteriorFn<D> {
    let loc_scale_fn = default_loc_scale_fn::<D>(options.loc_scale.clone());
    let owner = "MultivariateNormalDiagPlusLowRank";
    Arc::new(move |request, scope| {
        if !(1..=MAX_RANK).contains(&options.rank) {
            return Err(Error::argument(owner, "rank", format!("between 1 and {MAX_RANK}"), options.rank));
        }
        let n = builder::elements(owner, &request.shape)?;
        let LocScale { loc, untransformed_scale } = loc_scale_fn(request, scope)?;
        let untransformed_scale = untransformed_scale.ok_or_else(|| builder::singular(owner))?;
        let parts = (&options.factor_initializer, &options.factor_regularizer, &options.factor_constraint);
        let scale_perturb_factor = builder::add(request, scope, ("scale_perturb_factor", [n, options.rank]), parts)?;
        let posterior = MultivariateNormalDiagPlusLowRank { loc, untransformed_scale, scale_perturb_factor };
        Ok(Family::MultivariateNormalDiagPlusLowRank(posterior))
    })
}

/// `M = 1 + Aᵀ A`, factored.
struct Capacitance {
    rank: usize,
    factor: Lower,
}

impl Capacitance {
    fn of(ratio: &Tensor<2>) -> Self {
        let [_, rank] = ratio.dims();
        let mut rows = vec![0.0; rank * rank];
        for row in to_host(ratio).chunks(rank) {
            for (i, &a) in row.iter().enumerate() {
                rows[i * rank..=i * rank + i].iter_mut().zip(row).for_each(|(m, b)| *m += a * b);
            }
        }
        (0..rank).for_each(|i| rows[i * rank + i] += 1.0);
        Self { rank, factor: Lower::cholesky(rank, rows) }
    }

    /// `ln det M` with its slope in A, `2 A M⁻¹`.
    fn log_det(&self, ratio: Tensor<2>) -> Tensor<1> {
        let value = constant(vec![2.0 * self.factor.log_diagonal()], [1], &ratio);
        let inverse = constant(self.factor.inverse_of_product(), [self.rank, self.rank], &ratio);
        let trace = ordered_sum(row_sums(ratio.clone().matmul(inverse) * ratio));
        with_slope(value, trace)
    }

    /// `M⁻¹ Aᵀ y` for each row of y, a constant.
    fn coordinates(&self, ratio: &Tensor<2>, y: &Tensor<2>) -> Tensor<2> {
        let samples = y.dims()[0];
        let mut rows = to_host(&y.clone().detach().matmul(ratio.clone().detach()));
        self.factor.solve(&mut rows);
        self.factor.solve_transposed(&mut rows);
        constant(rows, [samples, self.rank], y)
    }
}

impl<const D: usize> MultivariateNormalDiagPlusLowRank<D> {
    /// Standard deviations of the independent part: `eps + softplus(untransformed_scale)`.
    #[must_use]
    pub fn scale_diag(&self) -> Tensor<D> {
        positive(self.untransformed_scale.value())
    }

    /// Standard deviations of the elements.
    #[must_use]
    pub fn stddev(&self) -> Tensor<D> {
        let (scale, factor) = (self.scale_diag(), self.scale_perturb_factor.value());
        let shared = row_sums(factor.clone() * factor).reshape(self.shape());
        (scale.clone() * scale + shared).sqrt()
    }

    fn scale(&self) -> Tensor<1> {
        self.scale_diag().flatten(0, D - 1)
    }

    fn loc_row(&self) -> Tensor<2> {
        self.loc.value().flatten::<1>(0, D - 1).unsqueeze_dim(0)
    }

    /// A, `[n, r]`.
    fn ratio(&self) -> Tensor<2> {
        self.scale_perturb_factor.value() / self.scale().unsqueeze_dim::<2>(1)
    }

    /// `½ (Σ ln(1 + Σ_k A_ik²) - ln det M)`: what the correlations cost, whatever the prior.
    fn total_correlation(&self) -> Tensor<1> {
        let ratio = self.ratio();
        let alone = ordered_sum(row_sums(ratio.clone() * ratio.clone()).log1p());
        (alone - Capacitance::of(&ratio).log_det(ratio)).mul_scalar(0.5)
    }
}

impl<const D: usize> Distribution<D> for MultivariateNormalDiagPlusLowRank<D> {
    fn name(&self) -> &'static str {
        "MultivariateNormalDiagPlusLowRank"
    }

    fn shape(&self) -> [usize; D] {
        self.loc.value().dims()
    }

    /// One stream of `n + r` normals: `ε`, then `z`.
    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<2>> {
        let (scale, factor) = (self.scale(), self.scale_perturb_factor.value());
        let [n, rank] = factor.dims();
        let like = Tensor::<1>::zeros([n + rank], (&factor.device(), factor.dtype()));
        let noise = noise.normal(&like)?;
        let (own, shared) = (noise.clone().narrow(1, 0, n), noise.narrow(1, n, rank));
        Ok(self.loc_row() + scale.unsqueeze_dim::<2>(0) * own + shared.matmul(factor.transpose()))
    }

    /// The slope of a minimum is the slope with its place held fixed, so `v` comes from the host.
    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let (scale, ratio) = (self.scale(), self.ratio());
        let y = (values - self.loc_row()) / scale.clone().unsqueeze_dim::<2>(0);
        let capacitance = Capacitance::of(&ratio);
        let v = capacitance.coordinates(&ratio, &y);
        let rest = y - v.clone().matmul(ratio.clone().transpose());
        let squares = row_sums(rest.clone() * rest) + row_sums(v.clone() * v);
        let constant = half_log_tau(scale.dims()[0]);
        let log_det = ordered_sum(scale.log()) + capacitance.log_det(ratio).mul_scalar(0.5);
        squares.mul_scalar(-0.5) - log_det.add_scalar(constant)
    }

    fn mean(&self) -> Tensor<D> {
        self.loc.value()
    }
}

impl<const D: usize> Posterior<D> for MultivariateNormalDiagPlusLowRank<D> {
    fn kl(&self, prior: &Prior<D>) -> Option<Tensor<1>> {
        let (loc, stddev) = (self.loc.value().flatten(0, D - 1), self.stddev().flatten(0, D - 1));
        kl::from_correlated_normal(loc, stddev, self.total_correlation(), prior)
    }

    fn has_kl(&self, prior: &Prior<D>) -> bool {
        kl::is_known(prior)
    }

    fn variables(&self) -> Vec<VariableInfo> {
        vec![self.loc.info(), self.untransformed_scale.info(), self.scale_perturb_factor.info()]
    }

    fn regularization(&self) -> Vec<(String, Tensor<1>)> {
        let penalties = [self.loc.penalty(), self.untransformed_scale.penalty(), self.scale_perturb_factor.penalty()];
        penalties.into_iter().flatten().collect()
    }

    fn constrained(self) -> Self {
        Self {
            loc: self.loc.constrained(),
            untransformed_scale: self.untransformed_scale.constrained(),
            scale_perturb_factor: self.scale_perturb_factor.constrained(),
        }
    }
}

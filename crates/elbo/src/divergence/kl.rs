//! The table of closed forms of `KL(q ‖ p)`: `None` where no formula is known.
//!
//! Priors have independent elements, so for a normal `q` with correlations
//! `KL(q ‖ p) = Σ KL(qᵢ ‖ pᵢ) + TC(q)`: the divergences of the marginals, and the total correlation
//! `TC(q) = Σ H(qᵢ) - H(q) >= 0`, whatever `p` is.

use crate::posterior::MeanFieldNormal;
use crate::precision::wide;
use crate::prior::{LaplacePrior, NormalPrior, Prior};
use crate::sum::ordered_sum;
use burn::tensor::{DType, Tensor};
use elbo_kernels::kl_normal;

/// Whether there is a formula from normals to this prior.
pub(crate) fn is_known<const D: usize>(prior: &Prior<D>) -> bool {
    match prior {
        Prior::Normal(_) | Prior::Laplace(_) => true,
        Prior::StudentT(_) | Prior::Cauchy(_) | Prior::ScaleMixture(_) | Prior::Horseshoe(_) => false,
    }
}

/// From independent normals. To normals by the fused operation (Kingma and Welling 2014, appendix B, for a general
/// prior), to others element by element. Terms and sums of half precision are in `f32`.
pub(crate) fn from_normal<const D: usize>(q: &MeanFieldNormal<D>, prior: &Prior<D>) -> Option<Tensor<1>> {
    let loc = q.loc.value();
    if let (Prior::Normal(p), DType::F64 | DType::F32) = (prior, loc.dtype()) {
        let (prior_loc, prior_scale) = (p.loc.value(&loc), p.scale.value(&loc));
        return Some(kl_normal(loc, q.untransformed_scale.value(), prior_loc, prior_scale));
    }
    elements(wide(loc.flatten(0, D - 1)), wide(q.scale().flatten(0, D - 1)), prior).map(ordered_sum)
}

/// From independent normals, element by element.
pub(crate) fn elementwise_from_normal<const D: usize>(q: &MeanFieldNormal<D>, prior: &Prior<D>) -> Option<Tensor<D>> {
    let loc = q.loc.value();
    let shape = loc.shape();
    let elements = elements(loc.flatten(0, D - 1), q.scale().flatten(0, D - 1), prior)?;
    Some(elements.reshape(shape))
}

/// From a normal with correlations: flat means and standard deviations of its elements, and its total correlation.
pub(crate) fn from_correlated_normal<const D: usize>(
    loc: Tensor<1>,
    stddev: Tensor<1>,
    total_correlation: Tensor<1>,
    prior: &Prior<D>,
) -> Option<Tensor<1>> {
    Some(ordered_sum(elements(wide(loc), wide(stddev), prior)?) + wide(total_correlation))
}

/// From a point mass to any prior: `-ln p(loc)`.
pub(crate) fn from_point_mass<const D: usize>(loc: Tensor<D>, prior: &Prior<D>) -> Tensor<1> {
    prior.log_prob(loc.flatten::<1>(0, D - 1).unsqueeze_dim(0)).neg()
}

/// Each element of `N(loc, scale²)` by itself.
fn elements<const D: usize>(loc: Tensor<1>, scale: Tensor<1>, prior: &Prior<D>) -> Option<Tensor<1>> {
    match prior {
        Prior::Normal(p) => Some(to_normal(loc, scale, p)),
        Prior::Laplace(p) => Some(to_laplace(loc, scale, p)),
        Prior::StudentT(_) | Prior::Cauchy(_) | Prior::ScaleMixture(_) | Prior::Horseshoe(_) => None,
    }
}

/// `½ (((μ_q - μ_p) / σ_p)² + r² - 1) - ln r`, `r = σ_q / σ_p`.
fn to_normal<const D: usize>(loc: Tensor<1>, scale: Tensor<1>, p: &NormalPrior<D>) -> Tensor<1> {
    let like = loc.dtype();
    let (prior_loc, prior_scale) = (p.loc.value(&loc).cast(like), p.scale.value(&loc).cast(like));
    let distance = (loc - prior_loc) / prior_scale.clone();
    let ratio = scale / prior_scale;
    let squares = distance.clone() * distance + ratio.clone() * ratio.clone();
    squares.sub_scalar(1.0).mul_scalar(0.5) - ratio.log()
}

/// `E|x - m| / b - ln(σ / b) + ln 2 - ½ ln 2πe` for a Laplace prior of centre m and scale b. With `δ = μ - m`,
///
/// `E|x - m| = δ erf(δ / (σ sqrt 2)) + σ sqrt(2/π) exp(-δ² / 2σ²)`
///
/// (Leone, Nelson and Nottingham 1961). Its slopes are `erf(..)` in δ and `sqrt(2/π) exp(..)` in σ: all else cancels,
/// so both factors are constants on the tape, and nothing is lost or infinite in the tails.
fn to_laplace(loc: Tensor<1>, scale: Tensor<1>, p: &LaplacePrior) -> Tensor<1> {
    use core::f64::consts::{E, FRAC_1_SQRT_2, FRAC_2_PI, LN_2, TAU};
    let distance = loc.sub_scalar(p.loc);
    let z = (distance.clone() / scale.clone()).detach().mul_scalar(FRAC_1_SQRT_2);
    let side = z.clone().erf();
    let near = (z.clone() * z).neg().exp().mul_scalar(FRAC_2_PI.sqrt());
    let mean_distance = distance * side + scale.clone() * near;
    let constant = LN_2 + p.scale.ln() - 0.5 * (TAU * E).ln();
    mean_distance.mul_scalar(1.0 / p.scale) - scale.log() + constant
}

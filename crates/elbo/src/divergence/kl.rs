//! The table of closed forms of `KL(q ‖ p)`: `None` where no formula is known.

use crate::posterior::MeanFieldNormal;
use crate::prior::{NormalPrior, Prior};
use burn::tensor::Tensor;
use elbo_kernels::kl_normal;

/// From independent normals: to normals (Kingma and Welling 2014, appendix B, for a general prior).
pub(crate) fn from_normal<const D: usize>(q: &MeanFieldNormal<D>, prior: &Prior<D>) -> Option<Tensor<1>> {
    match prior {
        Prior::Normal(p) => {
            let loc = q.loc.value();
            let (prior_loc, prior_scale) = (p.loc.value(&loc), p.scale.value(&loc));
            Some(kl_normal(loc, q.untransformed_scale.value(), prior_loc, prior_scale))
        }
        Prior::Laplace(_) | Prior::StudentT(_) | Prior::Cauchy(_) | Prior::ScaleMixture(_) => None,
    }
}

/// From independent normals, element by element.
pub(crate) fn elementwise_from_normal<const D: usize>(q: &MeanFieldNormal<D>, prior: &Prior<D>) -> Option<Tensor<D>> {
    match prior {
        Prior::Normal(p) => Some(elementwise(q, p)),
        Prior::Laplace(_) | Prior::StudentT(_) | Prior::Cauchy(_) | Prior::ScaleMixture(_) => None,
    }
}

/// `½ (((μ_q - μ_p) / σ_p)² + r² - 1) - ln r`.
fn elementwise<const D: usize>(q: &MeanFieldNormal<D>, p: &NormalPrior<D>) -> Tensor<D> {
    let loc = q.loc.value();
    let shape = loc.shape();
    let (prior_loc, prior_scale) = (p.loc.value(&loc), p.scale.value(&loc));
    let distance = (loc.flatten::<1>(0, D - 1) - prior_loc) / prior_scale.clone();
    let ratio = q.scale().flatten::<1>(0, D - 1) / prior_scale;
    let squares = distance.clone() * distance + ratio.clone() * ratio.clone();
    (squares.sub_scalar(1.0).mul_scalar(0.5) - ratio.log()).reshape(shape)
}

/// From a point mass to any prior: `-ln p(loc)`.
pub(crate) fn from_point_mass<const D: usize>(loc: Tensor<D>, prior: &Prior<D>) -> Tensor<1> {
    prior.log_prob(loc.flatten::<1>(0, D - 1).unsqueeze_dim(0)).neg()
}

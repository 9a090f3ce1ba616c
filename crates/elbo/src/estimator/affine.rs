//! The normal distributions that flipout and local reparameterization draw from in place of the posterior.

use crate::distribution::Distribution;
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::posterior::row;
use crate::precision::wide;
use crate::sum::row_sums;
use burn::tensor::{DType, Tensor};
use std::fmt;

/// What an estimator drew from, and what it drew: flat, `[S, elements]`, or `[1, elements]` where all samples share it.
///
/// Flipout perturbs the kernel by `N(0, scale²)`, of the kernel's elements; local reparameterization draws outputs before
/// bias and activation from `N(x loc, x² scale²)`, of the output's.
pub struct Affine {
    moments: Moments,
    sample: Box<dyn Fn() -> Tensor<2> + Send>,
}

/// Location and width, in the form in which they are at hand.
enum Moments {
    /// Around 0, of a scale that is computed when it is asked for.
    Scale(Box<dyn Fn() -> Tensor<2> + Send>),
    /// Mean and variance.
    Variance(Box<[Tensor<2>; 2]>),
}

impl Affine {
    /// A distribution around 0, and its sample.
    pub(super) fn of_scale(scale: impl Fn() -> Tensor<2> + Send + 'static, sample: Tensor<2>) -> Self {
        Self { moments: Moments::Scale(Box::new(scale)), sample: Box::new(move || sample.clone()) }
    }

    /// A distribution of given moments, and how to get its sample.
    pub(super) fn of_moments(
        loc: Tensor<2>,
        variance: Tensor<2>,
        sample: impl Fn() -> Tensor<2> + Send + 'static,
    ) -> Self {
        Self { moments: Moments::Variance(Box::new([loc, variance])), sample: Box::new(sample) }
    }

    /// Means.
    #[must_use]
    pub fn loc(&self) -> Tensor<2> {
        match &self.moments {
            Moments::Scale(scale) => scale().zeros_like(),
            Moments::Variance(moments) => moments[0].clone(),
        }
    }

    /// Standard deviations.
    #[must_use]
    pub fn scale(&self) -> Tensor<2> {
        match &self.moments {
            Moments::Scale(scale) => scale(),
            Moments::Variance(moments) => root(moments[1].clone(), moments[0].dtype()),
        }
    }

    /// What was drawn, `[S, elements]`: `kernel_posterior_affine_tensor` of the module's page.
    #[must_use]
    pub fn sample(&self) -> Tensor<2> {
        (self.sample)()
    }
}

impl fmt::Debug for Affine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Affine").finish_non_exhaustive()
    }
}

/// `sqrt v` in the type of the outputs, with slope 0 where `v` is 0 (it would be infinite, and times a noise of 0 not a
/// number).
pub(super) fn root<const D: usize>(variance: Tensor<D>, dtype: DType) -> Tensor<D> {
    let zero = variance.clone().equal_elem(0.0);
    variance.mask_fill(zero.clone(), 1.0).sqrt().mask_fill(zero, 0.0).cast(dtype)
}

/// The distribution as a tensor function sees it.
#[derive(Clone, Debug)]
pub(super) struct AffineNormal<const D: usize> {
    pub(super) loc: Tensor<D>,
    pub(super) scale: Tensor<D>,
}

impl<const D: usize> Distribution<D> for AffineNormal<D> {
    fn name(&self) -> &'static str {
        "Normal"
    }

    fn shape(&self) -> [usize; D] {
        self.loc.dims()
    }

    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<2>> {
        let noise = noise.normal(&self.loc)?;
        Ok(row(self.loc.clone()) + row(self.scale.clone()) * noise)
    }

    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let (loc, scale) = (row(self.loc.clone()), row(self.scale.clone()));
        row_sums(wide(crate::prior::normal_log_density(values, loc, scale)))
    }

    fn mean(&self) -> Tensor<D> {
        self.loc.clone()
    }
}

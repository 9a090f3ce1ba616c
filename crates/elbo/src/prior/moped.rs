//! Priors from the weights of a trained network: `N(w, max(δ |w|, floor)²)` (Krishnan, Subedar and Tickoo 2020, who
//! start the posterior so: `LocScaleOptions::moped`). Weights that are large may move much, weights near 0 stay there
//! but for the floor.

use super::{Moment, NormalPrior, Prior};
use crate::error::{Error, Result};
use burn::tensor::Tensor;

/// Numbers of a network that was trained without uncertainty.
pub(crate) struct Moped {
    /// The weights.
    pub(crate) loc: Vec<f64>,
    /// `max(δ |w|, floor)`.
    pub(crate) scale: Vec<f64>,
}

impl Moped {
    /// Reads the weights.
    pub(crate) fn new<const D: usize>(weights: &Tensor<D>, delta: f64, floor: f64) -> Result<Self> {
        for (argument, value) in [("delta", delta), ("floor", floor)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::argument("MOPED", argument, "positive and finite", value));
            }
        }
        let read = |error| Error::argument("MOPED", "weights", "a tensor that can be read", format!("{error:?}"));
        let loc = weights.clone().detach().try_into_vec_as::<f64>().map_err(read)?;
        if let Some(found) = loc.iter().find(|weight| !weight.is_finite()) {
            return Err(Error::argument("MOPED", "weights", "finite", found));
        }
        let scale = loc.iter().map(|weight| (delta * weight.abs()).max(floor)).collect();
        Ok(Self { loc, scale })
    }
}

/// The prior `N(w, max(delta |w|, floor)²)` of each element of `weights`, which have the shape of the weight they are a
/// prior for (kernels `[in, units]` and `[kernel.., channels in, filters]`).
///
/// For a prior of one scale take [`Moment::Given`] for `loc` and [`Moment::Fixed`] for `scale`.
///
/// # Errors
/// [`Error::InvalidArgument`] if `delta` or `floor` is not positive and finite, or a weight is not finite.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use elbo::layer::DenseConfig;
/// use elbo::posterior::{LocScaleOptions, default_mean_field_normal_fn};
/// use elbo::prior::{fixed_prior, moped_prior};
/// let trained = Tensor::<2>::ones([24, 2], &Device::flex());
/// let start = LocScaleOptions::moped(&trained, 0.1, 1e-3)?;
/// let layer = DenseConfig::new(24, 2)
///     .with_kernel_posterior_fn(default_mean_field_normal_fn(start))
///     .with_kernel_prior(moped_prior(&trained, 0.1, 1e-3)?)
///     .init(&Device::flex())?;
/// # let _ = layer;
/// # Ok::<(), elbo::Error>(())
/// ```
pub fn moped_prior<const D: usize>(weights: &Tensor<D>, delta: f64, floor: f64) -> Result<Prior<D>> {
    Moped::new(weights, delta, floor)?;
    let loc = weights.clone().detach();
    let scale = loc.clone().abs().mul_scalar(delta).clamp_min(floor);
    Ok(Prior::Normal(NormalPrior { loc: Moment::Given(loc), scale: Moment::Given(scale) }))
}

//! Normal priors whose moments are trained together with the posterior: empirical Bayes (Robbins 1956). The divergence
//! then also says how wide the weights are believed to be.

use super::normal::{Moment, NormalPrior, untransformed_scale};
use super::{Prior, PriorFn};
use crate::error::{Error, Result};
use crate::variable::{
    Constraint, Initializer, Regularizer, Variable, VariableOptions, VariableRequest, VariableScope,
};
use std::sync::Arc;

/// Where a moment of a learned prior starts, and how much of it is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Learned {
    /// Not trained.
    Fixed(f64),
    /// One trained number for all elements of the weight.
    PerLayer(f64),
    /// A trained number for each element. With as many numbers as weights a prior can follow every posterior: use a
    /// penalty, or train this moment's partner only.
    PerElement(f64),
}

impl Learned {
    /// The number it starts from.
    #[must_use]
    pub fn start(self) -> f64 {
        let (Self::Fixed(start) | Self::PerLayer(start) | Self::PerElement(start)) = self;
        start
    }
}

/// Arguments of [`learned_normal_prior_fn`]. The default is `N(0, scale²)` with one trained scale that starts at 1.
#[derive(Clone, Debug)]
pub struct LearnedNormalOptions {
    /// Mean.
    pub loc: Learned,
    /// Standard deviation.
    pub scale: Learned,
    /// Penalty on the location's variable.
    pub loc_regularizer: Option<Regularizer>,
    /// Penalty on the untransformed scale.
    pub untransformed_scale_regularizer: Option<Regularizer>,
    /// Projection of the location after each optimizer step.
    pub loc_constraint: Option<Constraint>,
    /// Projection of the untransformed scale after each optimizer step.
    pub untransformed_scale_constraint: Option<Constraint>,
}

impl Default for LearnedNormalOptions {
    fn default() -> Self {
        Self {
            loc: Learned::Fixed(0.0),
            scale: Learned::PerLayer(1.0),
            loc_regularizer: None,
            untransformed_scale_regularizer: None,
            loc_constraint: None,
            untransformed_scale_constraint: None,
        }
    }
}

/// A builder of normal priors with variables `<name>_loc` and `<name>_untransformed_scale` for the moments that are
/// trained; `scale = eps + softplus(untransformed_scale)`.
///
/// The optimum of a trained scale is `sqrt(mean of (loc - prior loc)² + scale²)` over the elements that share it.
///
/// Building fails with [`Error::InvalidArgument`] for a start that is not finite or a scale that is not positive.
///
/// ```
/// use burn::tensor::Device;
/// use elbo::layer::DenseConfig;
/// use elbo::prior::{LearnedNormalOptions, learned_normal_prior_fn};
/// let prior_fn = learned_normal_prior_fn(LearnedNormalOptions::default());
/// let layer = DenseConfig::new(24, 2).with_kernel_prior_fn(Some(prior_fn)).init(&Device::flex())?;
/// assert!(layer.variables().iter().any(|variable| variable.name == "kernel_prior_untransformed_scale"));
/// # Ok::<(), elbo::Error>(())
/// ```
#[must_use]
pub fn learned_normal_prior_fn<const D: usize>(options: LearnedNormalOptions) -> PriorFn<D> {
    Arc::new(move |request, scope| {
        check(&options)?;
        let rules = (&options.loc_regularizer, &options.loc_constraint);
        let loc = match options.loc {
            Learned::Fixed(value) => Moment::Fixed(value),
            Learned::PerLayer(start) => Moment::LearnedScalar(add(request, scope, "loc", [1], start, rules)?),
            Learned::PerElement(start) => Moment::Learned(add(request, scope, "loc", request.shape, start, rules)?),
        };
        let (start, part) = (untransformed_scale(options.scale.start(), request.dtype), "untransformed_scale");
        let rules = (&options.untransformed_scale_regularizer, &options.untransformed_scale_constraint);
        let scale = match options.scale {
            Learned::Fixed(value) => Moment::Fixed(value),
            Learned::PerLayer(_) => Moment::LearnedPositiveScalar(add(request, scope, part, [1], start, rules)?),
            Learned::PerElement(_) => Moment::LearnedPositive(add(request, scope, part, request.shape, start, rules)?),
        };
        Ok(Prior::Normal(NormalPrior { loc, scale }))
    })
}

fn check(options: &LearnedNormalOptions) -> Result<()> {
    let (loc, scale) = (options.loc.start(), options.scale.start());
    if !loc.is_finite() {
        return Err(Error::argument("learned normal prior", "loc", "finite", loc));
    }
    if !(scale.is_finite() && scale > 0.0) {
        return Err(Error::argument("learned normal prior", "scale", "positive and finite", scale));
    }
    Ok(())
}

/// The variable `<request.name>_<part>` of any shape.
fn add<const D: usize, const E: usize>(
    request: &VariableRequest<D>,
    scope: &mut VariableScope<'_>,
    part: &str,
    shape: [usize; E],
    start: f64,
    (regularizer, constraint): (&Option<Regularizer>, &Option<Constraint>),
) -> Result<Variable<E>> {
    let options = VariableOptions {
        regularizer: regularizer.clone(),
        constraint: constraint.clone(),
        ..VariableOptions::new(request, Initializer::Constant(start))
    };
    scope.add_variable(&format!("{}_{part}", request.name), shape, options)
}

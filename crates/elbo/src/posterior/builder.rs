//! The two builders of the module's page: location and scale variables, and the mean-field normal made of them.

use super::{Deterministic, Family, MeanFieldNormal};
use crate::error::{Error, Result};
use crate::prior::{Moped, positive};
use crate::variable::{
    Constraint, Initializer, MAX_ELEMENTS, Regularizer, Variable, VariableOptions, VariableRequest, VariableScope,
};
use burn::tensor::Tensor;
use std::sync::Arc;

/// Builds the posterior of a weight: called once, when the layer is built.
pub type PosteriorFn<const D: usize> =
    Arc<dyn Fn(&VariableRequest<D>, &mut VariableScope<'_>) -> Result<Family<D>> + Send + Sync>;

/// Builds the variables of a location-scale distribution.
pub type LocScaleFn<const D: usize> =
    Arc<dyn Fn(&VariableRequest<D>, &mut VariableScope<'_>) -> Result<LocScale<D>> + Send + Sync>;

/// The variables of a location-scale distribution.
#[derive(Clone, Debug)]
pub struct LocScale<const D: usize> {
    /// Location.
    pub loc: Variable<D>,
    /// Scale before its transform; none for a point mass.
    pub untransformed_scale: Option<Variable<D>>,
}

impl<const D: usize> LocScale<D> {
    /// `eps + softplus(untransformed_scale)`, or `None` for a point mass.
    #[must_use]
    pub fn scale(&self) -> Option<Tensor<D>> {
        Some(positive(self.untransformed_scale.as_ref()?.value()))
    }
}

/// Arguments of [`default_loc_scale_fn`] and [`default_mean_field_normal_fn`].
///
/// The defaults are `loc ~ N(0, 0.1²)` and `untransformed_scale ~ N(-3, 0.1²)`, which makes `scale` 0.0488 ± 0.0048;
/// a weight then starts 2.53 nats from a standard normal prior. TensorFlow 1.6 documents the same numbers but its
/// mean-field builder passed `None` on and started from Glorot-uniform variables: set both initialisers to
/// [`Initializer::GlorotUniform`] for that.
#[derive(Clone, Debug)]
pub struct LocScaleOptions {
    /// No scale variable: a point mass.
    pub is_singular: bool,
    /// Start of the location.
    pub loc_initializer: Initializer,
    /// Start of the untransformed scale.
    pub untransformed_scale_initializer: Initializer,
    /// Penalty on the location.
    pub loc_regularizer: Option<Regularizer>,
    /// Penalty on the untransformed scale.
    pub untransformed_scale_regularizer: Option<Regularizer>,
    /// Projection of the location after each optimizer step.
    pub loc_constraint: Option<Constraint>,
    /// Projection of the untransformed scale after each optimizer step.
    pub untransformed_scale_constraint: Option<Constraint>,
}

impl Default for LocScaleOptions {
    fn default() -> Self {
        Self {
            is_singular: false,
            loc_initializer: Initializer::Normal { mean: 0.0, stddev: 0.1 },
            untransformed_scale_initializer: Initializer::Normal { mean: -3.0, stddev: 0.1 },
            loc_regularizer: None,
            untransformed_scale_regularizer: None,
            loc_constraint: None,
            untransformed_scale_constraint: None,
        }
    }
}

impl LocScaleOptions {
    /// Starts from the weights of a trained network: `loc = w`, `scale = max(delta |w|, floor)` (Krishnan, Subedar and
    /// Tickoo 2020). [`moped_prior`](crate::prior::moped_prior) is the prior that matches.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if `delta` or `floor` is not positive and finite, or a
    /// weight is not finite.
    pub fn moped<const D: usize>(weights: &Tensor<D>, delta: f64, floor: f64) -> Result<Self> {
        let Moped { loc, scale } = Moped::new(weights, delta, floor)?;
        Ok(Self {
            loc_initializer: Initializer::Values(loc),
            untransformed_scale_initializer: Initializer::Scales(scale),
            ..Self::default()
        })
    }

    /// The options of a point mass.
    #[must_use]
    pub fn singular() -> Self {
        Self { is_singular: true, ..Self::default() }
    }
}

/// A builder that creates `<name>_loc` and, unless singular, `<name>_untransformed_scale`.
#[must_use]
pub fn default_loc_scale_fn<const D: usize>(options: LocScaleOptions) -> LocScaleFn<D> {
    Arc::new(move |request, scope| {
        let loc = add(
            request,
            scope,
            ("loc", request.shape),
            (&options.loc_initializer, &options.loc_regularizer, &options.loc_constraint),
        )?;
        let untransformed_scale = if options.is_singular {
            None
        } else {
            let parts = (
                &options.untransformed_scale_initializer,
                &options.untransformed_scale_regularizer,
                &options.untransformed_scale_constraint,
            );
            Some(add(request, scope, ("untransformed_scale", request.shape), parts)?)
        };
        Ok(LocScale { loc, untransformed_scale })
    })
}

/// A builder of [`MeanFieldNormal`], or of [`Deterministic`] if singular.
#[must_use]
pub fn default_mean_field_normal_fn<const D: usize>(options: LocScaleOptions) -> PosteriorFn<D> {
    let loc_scale_fn = default_loc_scale_fn::<D>(options);
    Arc::new(move |request, scope| {
        let LocScale { loc, untransformed_scale } = loc_scale_fn(request, scope)?;
        Ok(match untransformed_scale {
            Some(untransformed_scale) => Family::MeanFieldNormal(MeanFieldNormal { loc, untransformed_scale }),
            None => Family::Deterministic(Deterministic { loc }),
        })
    })
}

/// The variable `<request.name>_<part>`.
pub(super) fn add<const D: usize, const E: usize>(
    request: &VariableRequest<D>,
    scope: &mut VariableScope<'_>,
    (part, shape): (&str, [usize; E]),
    (initializer, regularizer, constraint): (&Initializer, &Option<Regularizer>, &Option<Constraint>),
) -> Result<Variable<E>> {
    let options = VariableOptions {
        regularizer: regularizer.clone(),
        constraint: constraint.clone(),
        ..VariableOptions::new(request, initializer.clone())
    };
    scope.add_variable(&format!("{}_{part}", request.name), shape, options)
}

/// How many elements a weight has: at least one, and as many as can be counted.
pub(super) fn elements(owner: &str, shape: &[usize]) -> Result<usize> {
    let product = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    match product {
        Some(0) => Err(Error::argument(owner, "shape", "of at least one element", format!("{shape:?}"))),
        Some(n) if n <= MAX_ELEMENTS => Ok(n),
        _ => Err(Error::TooLarge {
            owner: owner.to_owned(),
            what: "the weight",
            found: format!("{shape:?}"),
            limit: MAX_ELEMENTS,
        }),
    }
}

/// The refusal of a point mass where a scale is needed.
pub(super) fn singular(owner: &str) -> Error {
    Error::argument(owner, "is_singular", "false", true)
}

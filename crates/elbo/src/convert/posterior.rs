//! Posterior and prior of one trained weight.

use super::options::{ConvertOptions, PriorRule, ScaleRule};
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::layer::{LayerOptions, WeightOptions};
use crate::posterior::{Family, LocScaleOptions, default_mean_field_normal_fn};
use crate::prior::{Moment, NormalPrior, Prior, PriorFn, untransformed_scale};
use crate::variable::{Initializer, Variable, VariableOptions, VariableRequest, VariableScope};
use burn::module::Param;
use burn::tensor::{DType, Tensor};
use std::sync::Arc;

/// The values of a trained parameter, row-major and exact, and their type.
pub(super) struct Trained {
    pub(super) values: Vec<f64>,
    pub(super) dtype: DType,
}

impl Trained {
    /// Reads `tensor`, the weight `name`.
    pub(super) fn read<const D: usize>(name: &str, tensor: Tensor<D>) -> Result<Self> {
        let dtype = tensor.dtype();
        let unreadable = |error| Error::argument(name, "weight", "a tensor that can be read", format!("{error:?}"));
        let values = tensor.detach().try_into_vec_as::<f64>().map_err(unreadable)?;
        match values.iter().find(|value| !value.is_finite()) {
            None => Ok(Self { values, dtype }),
            Some(value) => Err(Error::argument(name, "weight", "finite", value)),
        }
    }

    /// The untransformed scales of a rule: `softplus⁻¹(σ - eps)`.
    pub(super) fn untransformed_scales(&self, rule: ScaleRule) -> Result<Vec<f64>> {
        let scales = self.scales("scale", rule)?;
        Ok(scales.into_iter().map(|scale| untransformed_scale(scale, self.dtype)).collect())
    }

    /// The scales of a rule, which the type has to be able to hold.
    pub(super) fn scales(&self, argument: &'static str, rule: ScaleRule) -> Result<Vec<f64>> {
        let scales: Vec<f64> = self.values.iter().map(|&w| rule.of(w)).collect();
        let largest = match self.dtype {
            DType::F64 => f64::MAX,
            DType::F16 => 65504.0,
            _ => f64::from(f32::MAX),
        };
        match scales.iter().find(|scale| **scale > largest) {
            None => Ok(scales),
            Some(scale) => {
                let expected = format!("a scale that {:?} can hold", self.dtype);
                Err(Error::argument("conversion", argument, expected, scale))
            }
        }
    }
}

/// The options of a layer around a trained kernel, already in this crate's layout, and bias.
pub(super) fn layer_options<const K: usize>(
    kernel: Trained,
    bias: Option<Trained>,
    options: &ConvertOptions,
) -> Result<LayerOptions<K>> {
    let of_bias = |bias| if options.random_bias { random(bias, options) } else { Ok(point(bias)) };
    Ok(LayerOptions {
        name: options.name.clone(),
        dtype: Some(kernel.dtype),
        bias: bias.map(of_bias).transpose()?,
        kernel: random(kernel, options)?,
        ..LayerOptions::default()
    })
}

/// A mean-field normal around a trained weight.
fn random<const D: usize>(trained: Trained, options: &ConvertOptions) -> Result<WeightOptions<D>> {
    let untransformed = trained.untransformed_scales(options.scale)?;
    let (prior_fn, divergence) = prior(&trained, options.prior)?;
    Ok(WeightOptions {
        posterior_fn: default_mean_field_normal_fn(LocScaleOptions {
            loc_initializer: Initializer::Values(trained.values),
            untransformed_scale_initializer: Initializer::Values(untransformed),
            ..LocScaleOptions::default()
        }),
        posterior_tensor_fn: None,
        prior_fn,
        divergence: Some(divergence),
    })
}

/// A trained weight as it is.
fn point(trained: Trained) -> WeightOptions<1> {
    WeightOptions {
        posterior_fn: default_mean_field_normal_fn(LocScaleOptions {
            loc_initializer: Initializer::Values(trained.values),
            ..LocScaleOptions::singular()
        }),
        ..WeightOptions::bias()
    }
}

/// A builder of a prior, and the divergence from it.
type PriorAndDivergence<const D: usize> = (Option<PriorFn<D>>, Divergence<Family<D>, D>);

fn prior<const D: usize>(trained: &Trained, rule: PriorRule) -> Result<PriorAndDivergence<D>> {
    Ok(match rule {
        PriorRule::Given(prior) => (Some(crate::prior::fixed_prior(prior.of_rank())), prior.divergence()),
        PriorRule::Around(rule) => {
            (Some(around(trained.values.clone(), trained.scales("prior", rule)?)), Divergence::Kl)
        }
        PriorRule::None => (None, Divergence::Kl),
    })
}

/// `N(loc, scale²)` per element, of variables that are not trained.
fn around<const D: usize>(loc: Vec<f64>, scale: Vec<f64>) -> PriorFn<D> {
    Arc::new(move |request, scope| {
        let (loc, scale) = (loc.clone(), scale.clone());
        let prior =
            NormalPrior { loc: frozen(request, scope, "loc", loc)?, scale: frozen(request, scope, "scale", scale)? };
        Ok(Prior::Normal(prior))
    })
}

fn frozen<const D: usize>(
    request: &VariableRequest<D>,
    scope: &mut VariableScope<'_>,
    part: &str,
    values: Vec<f64>,
) -> Result<Moment<D>> {
    let options = VariableOptions { trainable: false, ..VariableOptions::new(request, Initializer::Values(values)) };
    Ok(Moment::Learned(scope.add_variable(&format!("{}_{part}", request.name), request.shape, options)?))
}

/// As [`around`], of one row and outside a layer.
pub(super) fn prior_around_row(name: &str, loc: Tensor<1>, scale: Tensor<1>) -> Prior<1> {
    let moment = |part: &str, value: Tensor<1>| {
        let param = Param::from_tensor(value.detach()).set_require_grad(false);
        Moment::Learned(Variable::new(format!("{name}_prior_{part}"), param))
    };
    Prior::Normal(NormalPrior { loc: moment("loc", loc), scale: moment("scale", scale) })
}

//! From a layer to its settings.

use super::settings::{
    DivergenceSettings, LayerSettings, MomentSettings, Penalty, PosteriorSettings, PriorSettings, Projection,
    SingleSettings, Type, VERSION, VariableSettings, WeightSettings,
};
use crate::activation::Activation;
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::layer::{Extras, Settings, Weight};
use crate::posterior::Family;
use crate::prior::{
    CauchyPrior, HorseshoePrior, LaplacePrior, Moment, NormalPrior, Prior, ScalarPrior, ScaleMixturePrior,
    StudentTPrior,
};
use crate::variable::{Constraint, Regularizer, Variable};
use burn::module::Module;
use burn::tensor::{DType, TensorData};

type Bias = Weight<Family<1>, 1>;

/// The settings of a layer of the shape `shape`.
pub(super) fn layer<S, const D: usize>(
    settings: &Settings,
    shape: S,
    kernel: &Weight<Family<D>, D>,
    bias: Option<&Bias>,
) -> Result<LayerSettings<S>> {
    // All fields by name: one that is added has to be saved too.
    let Settings { name, class, estimator, activation, activity_regularizer, dtype } = settings;
    let owner = name.as_deref().unwrap_or(class);
    Ok(LayerSettings {
        version: VERSION,
        class: (*class).to_owned(),
        name: name.clone(),
        shape,
        activation: activation_name(owner, activation)?,
        activity_regularizer: penalty(owner, "activity_regularizer", activity_regularizer.as_ref())?,
        estimator: *estimator,
        dtype: of_dtype(owner, *dtype)?,
        kernel: weight(owner, "kernel", kernel)?,
        bias: bias.map(|bias| weight(owner, "bias", bias)).transpose()?,
    })
}

/// The settings of a layer with one weight, under `role`, of the shape `shape`.
pub(super) fn single<S, const D: usize>(
    settings: &Settings,
    shape: S,
    role: &str,
    weight: &Weight<Family<D>, D>,
) -> Result<SingleSettings<S>> {
    // All fields by name: one that is added has to be saved too. The estimator is the same for every such layer.
    let Settings { name, class, estimator: _, activation, activity_regularizer, dtype } = settings;
    let owner = name.as_deref().unwrap_or(class);
    Ok(SingleSettings {
        version: VERSION,
        class: (*class).to_owned(),
        name: name.clone(),
        shape,
        activation: activation_name(owner, activation)?,
        activity_regularizer: penalty(owner, "activity_regularizer", activity_regularizer.as_ref())?,
        dtype: of_dtype(owner, *dtype)?,
        weight: self::weight(owner, role, weight)?,
    })
}

/// The constant tensors of a weight's prior, by name.
pub(super) fn given<const D: usize>(role: &str, weight: &Weight<Family<D>, D>) -> Result<Vec<(String, TensorData)>> {
    let Some(Prior::Normal(NormalPrior { loc, scale })) = &weight.prior else { return Ok(Vec::new()) };
    let constant = |(part, moment): (&str, &Moment<D>)| match moment {
        Moment::Given(value) => {
            let unreadable = |error| {
                Error::argument("Normal prior", "loc or scale", "a tensor that can be read", format!("{error:?}"))
            };
            let data = value.clone().try_into_data().map_err(unreadable);
            Some(data.map(|data| (format!("{role}.prior.{part}"), data)))
        }
        _ => None,
    };
    [("loc", loc), ("scale", scale)].into_iter().filter_map(constant).collect()
}

/// As [`given`], of kernel and bias.
pub(super) fn both_given<const D: usize>(
    kernel: &Weight<Family<D>, D>,
    bias: Option<&Bias>,
) -> Result<Vec<(String, TensorData)>> {
    let of_bias = bias.map_or(Ok(Vec::new()), |bias| given("bias", bias))?;
    Ok([given("kernel", kernel)?, of_bias].concat())
}

fn weight<const D: usize>(owner: &str, role: &str, weight: &Weight<Family<D>, D>) -> Result<WeightSettings> {
    let Weight { posterior, prior, extras: Extras { divergence, tensor_fn } } = weight;
    if tensor_fn.is_some() {
        return Err(function(owner, format!("{role}_posterior_tensor_fn")));
    }
    Ok(WeightSettings {
        posterior: self::posterior(owner, posterior)?,
        prior: prior.as_ref().map(|prior| self::prior(owner, prior)).transpose()?,
        divergence: divergence.as_ref().map(|divergence| self::divergence(owner, role, divergence)).transpose()?,
    })
}

fn posterior<const D: usize>(owner: &str, posterior: &Family<D>) -> Result<PosteriorSettings> {
    Ok(match posterior {
        Family::MeanFieldNormal(posterior) => PosteriorSettings::MeanFieldNormal {
            loc: variable(owner, &posterior.loc)?,
            untransformed_scale: variable(owner, &posterior.untransformed_scale)?,
        },
        Family::Deterministic(posterior) => PosteriorSettings::Deterministic { loc: variable(owner, &posterior.loc)? },
        Family::MultivariateNormalTriL(posterior) => PosteriorSettings::MultivariateNormalTriL {
            loc: variable(owner, &posterior.loc)?,
            untransformed_scale: variable(owner, &posterior.untransformed_scale)?,
            scale_off_diagonal: posterior.scale_off_diagonal.as_ref().map(|v| variable(owner, v)).transpose()?,
        },
        Family::MultivariateNormalDiagPlusLowRank(posterior) => PosteriorSettings::MultivariateNormalDiagPlusLowRank {
            rank: posterior.scale_perturb_factor.value().dims()[1],
            loc: variable(owner, &posterior.loc)?,
            untransformed_scale: variable(owner, &posterior.untransformed_scale)?,
            scale_perturb_factor: variable(owner, &posterior.scale_perturb_factor)?,
        },
    })
}

fn prior<const D: usize>(owner: &str, prior: &Prior<D>) -> Result<PriorSettings> {
    Ok(PriorSettings::Scalar(match prior {
        Prior::Normal(NormalPrior { loc: Moment::Fixed(loc), scale: Moment::Fixed(scale) }) => {
            ScalarPrior::Normal { loc: *loc, scale: *scale }
        }
        Prior::Normal(NormalPrior { loc, scale }) => {
            return Ok(PriorSettings::Normal { loc: moment(owner, loc)?, scale: moment(owner, scale)? });
        }
        Prior::Laplace(LaplacePrior { loc, scale }) => ScalarPrior::Laplace { loc: *loc, scale: *scale },
        Prior::StudentT(StudentTPrior { df, loc, scale }) => {
            ScalarPrior::StudentT { df: *df, loc: *loc, scale: *scale }
        }
        Prior::Cauchy(CauchyPrior { loc, scale }) => ScalarPrior::Cauchy { loc: *loc, scale: *scale },
        Prior::ScaleMixture(ScaleMixturePrior { pi, scale1, scale2 }) => {
            ScalarPrior::ScaleMixture { pi: *pi, scale1: *scale1, scale2: *scale2 }
        }
        Prior::Horseshoe(HorseshoePrior { scale }) => ScalarPrior::Horseshoe { scale: *scale },
    }))
}

fn moment<const D: usize>(owner: &str, moment: &Moment<D>) -> Result<MomentSettings> {
    Ok(match moment {
        Moment::Fixed(value) => MomentSettings::Fixed(*value),
        Moment::Given(_) => MomentSettings::Given,
        Moment::Learned(v) => MomentSettings::Learned(variable(owner, v)?),
        Moment::LearnedPositive(v) => MomentSettings::LearnedPositive(variable(owner, v)?),
        Moment::LearnedScalar(v) => MomentSettings::LearnedScalar(variable(owner, v)?),
        Moment::LearnedPositiveScalar(v) => MomentSettings::LearnedPositiveScalar(variable(owner, v)?),
    })
}

fn divergence<const D: usize>(
    owner: &str,
    role: &str,
    divergence: &Divergence<Family<D>, D>,
) -> Result<DivergenceSettings> {
    match divergence {
        Divergence::Kl => Ok(DivergenceSettings::Kl),
        Divergence::MonteCarlo => Ok(DivergenceSettings::MonteCarlo),
        Divergence::Custom(_) => Err(function(owner, format!("{role}_divergence"))),
    }
}

fn variable<const D: usize>(owner: &str, variable: &Variable<D>) -> Result<VariableSettings> {
    let name = variable.name();
    // A parameter on a device without gradients knows only in training whether it is trained.
    let trainable = variable.param.is_require_grad() || variable.param.clone().train().is_require_grad();
    Ok(VariableSettings {
        name: name.to_owned(),
        trainable,
        regularizer: penalty(owner, &format!("{name} regularizer"), variable.regularizer())?,
        constraint: projection(owner, name, variable.constraint())?,
    })
}

fn penalty(owner: &str, setting: &str, regularizer: Option<&Regularizer>) -> Result<Option<Penalty>> {
    match regularizer {
        None => Ok(None),
        Some(Regularizer::L1(weight)) => Ok(Some(Penalty::L1(*weight))),
        Some(Regularizer::L2(weight)) => Ok(Some(Penalty::L2(*weight))),
        Some(Regularizer::Custom(_)) => Err(function(owner, setting.to_owned())),
    }
}

fn projection(owner: &str, name: &str, constraint: Option<&Constraint>) -> Result<Option<Projection>> {
    let bound = |bound: f64| bound.is_finite().then_some(bound);
    match constraint {
        None => Ok(None),
        Some(Constraint::NonNegative) => Ok(Some(Projection::NonNegative)),
        Some(Constraint::Clip { low, high }) => Ok(Some(Projection::Clip { low: bound(*low), high: bound(*high) })),
        Some(Constraint::MaxNorm(limit)) => Ok(Some(Projection::MaxNorm(*limit))),
        Some(Constraint::Custom(_)) => Err(function(owner, format!("{name} constraint"))),
    }
}

/// The name that is parsed again: what debugging shows of the built-in ones.
fn activation_name(owner: &str, activation: &Activation) -> Result<String> {
    let name = format!("{activation:?}");
    if Activation::NAMES.contains(&name.as_str()) { Ok(name) } else { Err(function(owner, "activation".into())) }
}

fn of_dtype(owner: &str, dtype: DType) -> Result<Type> {
    match dtype {
        DType::F64 => Ok(Type::F64),
        DType::F32 => Ok(Type::F32),
        DType::F16 => Ok(Type::F16),
        DType::BF16 => Ok(Type::Bf16),
        other => Err(Error::argument(owner, "dtype", "a float type of a file", format!("{other:?}"))),
    }
}

fn function(owner: &str, setting: String) -> Error {
    Error::NotPlainData { layer: owner.to_owned(), setting }
}

//! `layers_dense_variational.json`: kernel and bias as one vector with recorded noise: output, the weighted divergence,
//! and the gradients of `Σ output g + loss`.

use crate::compare::{self, Quantity};
use crate::evaluation::{Evaluation, evaluate};
use crate::fields::{Array, Failure};
use crate::file::Case;
use crate::named::{self, LAYER, device};
use burn::tensor::DType;
use elbo::Noise;
use elbo::Trace;
use elbo::layer::{DenseVariational, DenseVariationalConfig};
use elbo::posterior::{LocScaleOptions, default_mean_field_normal_fn};
use elbo::trace::LossKind;
use elbo::variable::Initializer;

/// What the files say of the posterior.
const POSTERIOR: &str =
    "Normal(loc, 1e-5 + softplus(untransformed_scale)) over the flat vector [kernel row-major (in, units), then bias]";

pub fn run(case: &Case<'_>, dtype: DType) -> Result<(), Failure> {
    let layer = build(case, dtype)?;
    let mut trace =
        Trace::sampling(&mut Noise::replay([(format!("{LAYER}/kernel"), case.inputs.array("eps")?.data())]));
    let found = evaluate::<_, 2, 1>(case, dtype, &layer, &layer.variables(), &mut trace, |x, trace| {
        layer.try_forward(x, trace)
    })?;
    check(case, &found, dtype)
}

fn build(case: &Case<'_>, dtype: DType) -> Result<DenseVariational, Failure> {
    let config = &case.config;
    for (key, known) in [("layer", "DenseVariational"), ("posterior", POSTERIOR)] {
        let found = config.text(key)?;
        if found != known {
            return config.unknown(key, found);
        }
    }
    let inputs = *case.inputs.array("x")?.shape.last().ok_or("`x` is a number")?;
    let loc = case.inputs.array("loc")?.data;
    let scales = case.inputs.array("untransformed_scale")?.data.into_iter().map(|u| ours(u, dtype));
    let posterior = default_mean_field_normal_fn(LocScaleOptions {
        loc_initializer: Initializer::Values(loc),
        untransformed_scale_initializer: Initializer::Values(scales.collect()),
        ..LocScaleOptions::default()
    });
    // The library rounded the factor to `f32`: with 0.02, 2e-8 of the loss.
    #[allow(clippy::cast_possible_truncation)]
    let rounded = |kl_weight: f64| f64::from(kl_weight as f32);
    let kl_weight = if config.value("kl_weight")?.is_null() { 1.0 } else { rounded(config.number("kl_weight")?) };
    DenseVariationalConfig::new(inputs, config.size("units")?)
        .with_posterior_fn(posterior)
        .with_prior(named::prior(config, "prior")?.ok_or("there is no prior")?)
        .with_use_bias(config.flag("use_bias")?)
        .with_kl_use_exact(config.flag("kl_use_exact")?)
        .with_kl_weight(kl_weight)
        .with_activation(named::activation(config)?)
        .with_name(LAYER)
        .with_dtype(dtype)
        .init(&device(dtype))
        .map_err(|error| error.to_string())
}

/// The variable that gives the file's scale: `eps + softplus(v) = 1e-5 + softplus(u)`.
fn ours(u: f64, dtype: DType) -> f64 {
    let scale = softplus(u) + 1e-5 - epsilon(dtype);
    scale + (-(-scale).exp_m1()).ln()
}

/// From the slope in that variable to the slope in the file's: `dv/du = sigmoid(u) / sigmoid(v)`.
fn slope_ratio(u: f64, dtype: DType) -> f64 {
    let sigmoid = |u: f64| 1.0 / (1.0 + (-u).exp());
    sigmoid(u) / sigmoid(ours(u, dtype))
}

fn softplus(u: f64) -> f64 {
    u.max(0.0) + (-u.abs()).exp().ln_1p()
}

fn epsilon(dtype: DType) -> f64 {
    if dtype == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) }
}

fn check(case: &Case<'_>, found: &Evaluation, dtype: DType) -> Result<(), Failure> {
    compare::arrays("output", &found.output, &case.expected.array("output")?, Quantity::Output, dtype)?;
    let [loss] = found.losses.as_slice() else { return Err(format!("expected one loss, found {:?}", found.losses)) };
    if loss.kind != LossKind::KernelDivergence {
        return Err(format!("unexpected loss {:?}", loss.kind));
    }
    for (name, got) in [("loss", loss.value.clone().into_scalar()), ("objective", found.objective)] {
        compare::numbers(name, got, case.expected.number(name)?, Quantity::Gradient, dtype)?;
    }
    let u = case.inputs.array("untransformed_scale")?.data;
    for (name, gradient) in &found.gradients {
        let name = name.replace("posterior_", "");
        let mut gradient: Array = gradient.clone();
        if name == "grad_untransformed_scale" {
            gradient.data.iter_mut().zip(&u).for_each(|(gradient, &u)| *gradient *= slope_ratio(u, dtype));
        }
        compare::arrays(&name, &gradient, &case.expected.array(&name)?, Quantity::Gradient, dtype)?;
    }
    Ok(())
}

//! `layers_reparameterization.json`, `layers_flipout.json`, `layers_local_reparameterization.json`: dense and convolutional
//! layers with recorded noise: output, each divergence, and the gradients of `Σ output g + Σ losses`.

use crate::compare::{self, Quantity};
use crate::evaluation::{Evaluation, evaluate};
use crate::fields::{Array, Failure};
use crate::file::Case;
use crate::named::{self, LAYER, Setting};
use burn::tensor::DType;
use elbo::posterior::{Family, Posterior};
use elbo::trace::LossKind;
use elbo::{Estimator, Noise, Trace};
use std::collections::BTreeMap;

/// Everything that a case has an expectation of, by name; divergences as `losses.kernel`, `losses.bias`.
type Results = BTreeMap<String, Array>;

pub fn run(case: &Case<'_>, dtype: DType) -> Result<(), Failure> {
    let (found, correction) = (results(case, Setting::plain(dtype))?, correction(case, dtype)?);
    let losses = case.expected.fields("losses")?;
    for (name, got) in &found {
        let mut want = match name.strip_prefix("losses.") {
            Some(weight) => scalar(losses.number(weight)?),
            None => case.expected.scalar_or_array(name)?,
        };
        if let Some(correction) = correction.get(name) {
            want.data.iter_mut().zip(&correction.data).for_each(|(want, correction)| *want += correction);
        }
        compare::arrays(name, got, &want, quantity(name), dtype)?;
    }
    losses.finish()
}

fn quantity(name: &str) -> Quantity {
    match name {
        "output" => Quantity::Output,
        "kernel_scale" => Quantity::Density,
        _ => Quantity::Gradient,
    }
}

/// By how much results change when scales are larger by the difference of the machine epsilons of `f32` and `f64`.
///
/// A scale is `eps + softplus(u)` with the epsilon of its type, and the files are in `f64`. Mostly the difference is
/// far below the tolerances; where `u` is -9 it is a thousandth of the scale, and so of the slope of its logarithm.
/// Both evaluations are in `f64`, where the layer is held to the file itself.
fn correction(case: &Case<'_>, dtype: DType) -> Result<Results, Failure> {
    if dtype == DType::F64 {
        return Ok(Results::new());
    }
    let scale_shift = f64::from(f32::EPSILON) - f64::EPSILON;
    let mut moved = results(case, Setting { dtype: DType::F64, scale_shift })?;
    for (name, plain) in results(case, Setting::plain(DType::F64))? {
        let moved = moved.get_mut(&name).ok_or_else(|| format!("{name}: not found"))?;
        moved.data.iter_mut().zip(&plain.data).for_each(|(moved, plain)| *moved -= plain);
    }
    Ok(moved)
}

/// What the layer of the case gives.
fn results(case: &Case<'_>, setting: Setting) -> Result<Results, Failure> {
    let axes = case.inputs.array("x")?.shape.len();
    let (kind, estimator) = named::layer(&case.config)?;
    match (kind, axes) {
        ("Dense", 2) => dense::<2>(case, estimator, setting),
        ("Dense", 3) => dense::<3>(case, estimator, setting),
        ("Dense", 4) => dense::<4>(case, estimator, setting),
        ("Convolution1D", 3) => convolution::<3>(case, estimator, setting),
        ("Convolution2D", 4) => convolution::<4>(case, estimator, setting),
        ("Convolution3D", 5) => convolution::<5>(case, estimator, setting),
        (other, axes) => case.config.unknown("layer", &format!("{other} with inputs of {axes} axes")),
    }
}

fn dense<const X: usize>(case: &Case<'_>, estimator: Estimator, setting: Setting) -> Result<Results, Failure> {
    let layer = named::dense(case, case.config.size("units")?, setting)?.with_estimator(estimator);
    let mut trace = Trace::sampling(&mut noise(case)?);
    let forward = |x, trace: &mut Trace| layer.try_forward(x, trace);
    let evaluation = evaluate::<_, X, 2>(case, setting.dtype, &layer, &layer.variables(), &mut trace, forward)?;
    collect(case, evaluation, &layer.kernel.posterior, setting)
}

fn convolution<const D: usize>(case: &Case<'_>, estimator: Estimator, setting: Setting) -> Result<Results, Failure> {
    let config = &case.config;
    let dilation = Some(config.sizes("dilation_rate")?);
    let layer = named::convolution(case, config.size("filters")?, dilation, named::options::<D>(case, setting)?)?;
    let layer = layer.with_estimator(estimator);
    let mut trace = Trace::sampling(&mut noise(case)?);
    let forward = |x, trace: &mut Trace| layer.try_forward(x, trace);
    let evaluation = evaluate::<_, D, D>(case, setting.dtype, &layer, &layer.variables(), &mut trace, forward)?;
    collect(case, evaluation, &layer.kernel.posterior, setting)
}

/// The draws of the case, by role and by name in the file. An estimator that is not given one of its own fails.
const DRAWS: [(&str, &str); 5] = [
    ("kernel", "kernel_eps"),
    ("bias", "bias_eps"),
    ("output", "output_eps"),
    ("sign_input", "sign_input"),
    ("sign_output", "sign_output"),
];

fn noise(case: &Case<'_>) -> Result<Noise, Failure> {
    let recorded = DRAWS.iter().filter(|(_, name)| case.inputs.has(name));
    let values = recorded.map(|(role, name)| Ok((format!("{LAYER}/{role}"), case.inputs.array(name)?.data())));
    Ok(Noise::replay(values.collect::<Result<Vec<_>, Failure>>()?))
}

fn collect<const D: usize>(
    case: &Case<'_>,
    evaluation: Evaluation,
    kernel: &Family<D>,
    setting: Setting,
) -> Result<Results, Failure> {
    let Evaluation { output, losses, objective, gradients } = evaluation;
    let mut results = Results::from([("output".into(), output), ("objective".into(), scalar(objective))]);
    let (_, scale) = kernel.loc_scale().ok_or("the kernel has no scale")?;
    results.insert("kernel_scale".into(), Array::of(scale));
    for loss in losses {
        let name = match loss.kind {
            LossKind::KernelDivergence => "losses.kernel",
            LossKind::BiasDivergence => "losses.bias",
            _ => return Err(format!("unexpected loss {:?}", loss.kind)),
        };
        results.insert(name.into(), scalar(loss.value.into_scalar()));
    }
    results.extend(gradients);
    for role in ["kernel", "bias"] {
        if let Some(gradient) = results.get_mut(&format!("grad_{role}_untransformed_scale")) {
            let u = case.inputs.array(&format!("{role}_untransformed_scale"))?;
            gradient.data.iter_mut().zip(&u.data).for_each(|(gradient, &u)| *gradient *= slope_ratio(u, setting));
        }
    }
    Ok(results)
}

/// From the slope in the variable that gives the moved scale to the slope in the case's own: `dv/du` for
/// `softplus(v) = softplus(u) + shift`.
fn slope_ratio(u: f64, setting: Setting) -> f64 {
    let sigmoid = |u: f64| 1.0 / (1.0 + (-u).exp());
    sigmoid(u) / sigmoid(setting.untransformed_scale(u))
}

fn scalar(value: f64) -> Array {
    Array { shape: vec![], data: vec![value] }
}

//! `distributions.json`: log densities, their gradients, means and scales of the priors and posteriors that exist.

use crate::compare::{self, Quantity};
use crate::fields::{Array, Failure, Fields};
use crate::file::Case;
use crate::named::device;
use burn::module::Param;
use burn::tensor::{DType, Tensor};
use elbo::posterior::{Deterministic, MeanFieldNormal, MultivariateNormalTriL, Posterior};
use elbo::prior::{
    CauchyPrior, HorseshoePrior, LaplacePrior, Moment, NormalPrior, Prior, ScaleMixturePrior, StudentTPrior,
};
use elbo::variable::Variable;

/// Everything that the library has under one name of the files.
pub struct Built {
    pub prior: Option<Prior<1>>,
    pub posterior: Option<Known>,
    /// Length of the event.
    pub elements: usize,
}

/// A posterior over a vector.
pub enum Known {
    Normal(MeanFieldNormal<1>),
    Deterministic(Deterministic<1>),
    TriL(MultivariateNormalTriL<1>),
}

pub fn kinds(case: &Case<'_>) -> Result<Vec<String>, Failure> {
    let params = case.config.fields("params")?;
    Ok(vec![kind(case.config.text("distribution")?, &params)?])
}

/// The name of a distribution, with what of it is not covered.
pub fn kind(name: &str, params: &Fields<'_>) -> Result<String, Failure> {
    if name != "MixtureSameFamily" {
        return Ok(name.to_owned());
    }
    let loc = params.numbers("loc")?;
    let centred = loc.len() == 2 && loc.iter().all(|&x| x == 0.0);
    Ok(if centred { name.to_owned() } else { format!("{name} beyond two centred normals") })
}

pub fn run(case: &Case<'_>, dtype: DType) -> Result<(), Failure> {
    let config = &case.config;
    let built = build(config.text("distribution")?, &config.fields("params")?, dtype)?;
    config.flag("extra")?;
    config.value("not_implemented_in_tfp")?;
    if case.inputs.has("q") {
        // Arguments of the quantiles, which are pending as a field.
        case.inputs.array("q")?;
    }
    if let Some(prior) = &built.prior {
        match prior {
            Prior::Horseshoe(_) => check_horseshoe(case, prior, dtype)?,
            _ => check_densities(case, built.elements, dtype, |values| prior.log_prob(values))?,
        }
    }
    match &built.posterior {
        Some(Known::Normal(posterior)) => check_posterior(case, posterior, posterior.scale(), built.elements, dtype),
        Some(Known::Deterministic(posterior)) => {
            let stddev = posterior.loc.value().zeros_like();
            check_posterior(case, posterior, stddev, built.elements, dtype)
        }
        Some(Known::TriL(posterior)) => {
            let covariance = case.expected.array("covariance")?;
            compare::arrays("covariance", &Array::of(posterior.covariance()), &covariance, Quantity::Density, dtype)?;
            check_posterior(case, posterior, posterior.stddev(), built.elements, dtype)
        }
        None => Ok(()),
    }
}

fn check_posterior<P: Posterior<1>>(
    case: &Case<'_>,
    posterior: &P,
    stddev: Tensor<1>,
    elements: usize,
    dtype: DType,
) -> Result<(), Failure> {
    check_densities(case, elements, dtype, |values| posterior.log_prob(values))?;
    check_moment(case, "mean", posterior.mean(), dtype)?;
    check_moment(case, "stddev", stddev, dtype)
}

fn check_moment(case: &Case<'_>, name: &str, got: Tensor<1>, dtype: DType) -> Result<(), Failure> {
    let want = case.expected.scalar_or_array(name)?;
    let got = Array { shape: want.shape.clone(), data: Array::of(got).data };
    if got.data.len() != want.data.len() {
        return Err(format!("{name}: expected {} values, found {}", want.data.len(), got.data.len()));
    }
    compare::arrays(name, &got, &want, Quantity::Density, dtype)
}

/// The exact densities, and that those of the library that made the file are as far off as its README says: it
/// approximates the exponential integral.
fn check_horseshoe(case: &Case<'_>, prior: &Prior<1>, dtype: DType) -> Result<(), Failure> {
    let x = case.inputs.array("x")?;
    let points = Array { shape: vec![x.data.len(), 1], data: x.data }.tensor::<2>(&device(), dtype)?.require_grad();
    let got = prior.log_prob(points.clone());
    let gradient = points.grad(&got.clone().sum().backward()).ok_or("`x` has no gradient")?;
    let (got, gradient) = (Array::of(got), Array { shape: x.shape, data: Array::of(gradient).data });
    compare::arrays("exact_log_prob", &got, &case.expected.array("exact_log_prob")?, Quantity::Density, dtype)?;
    compare::arrays("log_prob", &got, &case.expected.array("log_prob")?, Quantity::Approximation, dtype)?;
    let want = case.expected.array("grad_log_prob_x")?;
    compare::arrays("grad_log_prob_x", &gradient, &want, Quantity::ApproximateSlope, dtype)
}

/// `log_prob` of the points of the case, and its gradient.
fn check_densities(
    case: &Case<'_>,
    elements: usize,
    dtype: DType,
    log_prob: impl Fn(Tensor<2>) -> Tensor<1>,
) -> Result<(), Failure> {
    let x = case.inputs.array("x")?;
    let rows = x.data.len() / elements;
    let points = Array { shape: vec![rows, elements], data: x.data };
    let points = points.tensor::<2>(&device(), dtype)?.require_grad();
    let got = log_prob(points.clone());
    compare::arrays("log_prob", &Array::of(got.clone()), &case.expected.array("log_prob")?, Quantity::Density, dtype)?;
    if !case.expected.has("grad_log_prob_x") {
        return Ok(());
    }
    let grads = got.sum().backward();
    let gradient = points.grad(&grads).ok_or("`x` has no gradient")?;
    let gradient = Array { shape: x.shape, data: Array::of(gradient).data };
    let want = case.expected.array("grad_log_prob_x")?;
    compare::arrays("grad_log_prob_x", &gradient, &want, Quantity::Density, dtype)
}

/// What the library has under the name of a distribution.
pub fn build(name: &str, params: &Fields<'_>, dtype: DType) -> Result<Built, Failure> {
    let number = |key: &str| params.number(key);
    let prior = |prior| Ok(Built { prior: Some(prior), posterior: None, elements: 1 });
    let built = match name {
        "Normal" => {
            let (loc, scale) = (number("loc")?, number("scale")?);
            let posterior = Some(Known::Normal(normal(&[loc], &[scale], dtype)));
            Ok(Built { prior: Some(Prior::normal(loc, scale)), posterior, elements: 1 })
        }
        "MultivariateNormalDiag" => {
            let (loc, scale) = (params.numbers("loc")?, params.numbers("scale_diag")?);
            let moment = |values: &[f64]| Moment::Given(vector(values, dtype));
            let prior = Prior::Normal(NormalPrior { loc: moment(&loc), scale: moment(&scale) });
            let posterior = Some(Known::Normal(normal(&loc, &scale, dtype)));
            Ok(Built { prior: Some(prior), posterior, elements: loc.len() })
        }
        "MultivariateNormalTriL" => {
            let loc = params.numbers("loc")?;
            let posterior = Some(Known::TriL(tril(&loc, &matrix(params, "scale_tril")?, dtype)));
            Ok(Built { prior: None, posterior, elements: loc.len() })
        }
        "Deterministic" => {
            let loc = variable("loc", &[number("loc")?], dtype);
            Ok(Built { prior: None, posterior: Some(Known::Deterministic(Deterministic { loc })), elements: 1 })
        }
        "Laplace" => prior(Prior::Laplace(LaplacePrior::new(number("loc")?, number("scale")?))),
        "StudentT" => prior(Prior::StudentT(StudentTPrior::new(number("df")?, number("loc")?, number("scale")?))),
        "Cauchy" => prior(Prior::Cauchy(CauchyPrior::new(number("loc")?, number("scale")?))),
        "Horseshoe" => prior(Prior::Horseshoe(HorseshoePrior::new(number("scale")?))),
        "MixtureSameFamily" => prior(Prior::ScaleMixture(scale_mixture(params)?)),
        other => params.unknown("distribution", other),
    }?;
    params.finish()?;
    Ok(built)
}

fn scale_mixture(params: &Fields<'_>) -> Result<ScaleMixturePrior, Failure> {
    let (probs, loc, scale) = (params.numbers("probs")?, params.numbers("loc")?, params.numbers("scale")?);
    match (probs.as_slice(), loc.as_slice(), scale.as_slice()) {
        (&[first, _], &[0.0, 0.0], &[scale1, scale2]) => Ok(ScaleMixturePrior::new(first, scale1, scale2)),
        _ => params.unknown("loc", &format!("{loc:?}")),
    }
}

/// Independent normals with given scales.
fn normal(loc: &[f64], scale: &[f64], dtype: DType) -> MeanFieldNormal<1> {
    MeanFieldNormal {
        loc: variable("loc", loc, dtype),
        untransformed_scale: variable("untransformed_scale", &untransformed(scale, dtype), dtype),
    }
}

/// A normal with the factor L.
fn tril(loc: &[f64], scale_tril: &[Vec<f64>], dtype: DType) -> MultivariateNormalTriL<1> {
    let diagonal: Vec<f64> = scale_tril.iter().enumerate().map(|(i, row)| row[i]).collect();
    let below: Vec<f64> = scale_tril.iter().enumerate().flat_map(|(i, row)| row[..i].to_vec()).collect();
    MultivariateNormalTriL {
        loc: variable("loc", loc, dtype),
        untransformed_scale: variable("untransformed_scale", &untransformed(&diagonal, dtype), dtype),
        scale_off_diagonal: (!below.is_empty()).then(|| variable("scale_off_diagonal", &below, dtype)),
    }
}

/// A square matrix as lists of numbers.
fn matrix(params: &Fields<'_>, key: &str) -> Result<Vec<Vec<f64>>, Failure> {
    let value = params.value(key)?;
    let row = |row: &serde_json::Value| row.as_array()?.iter().map(serde_json::Value::as_f64).collect();
    let rows: Option<Vec<Vec<f64>>> = value.as_array().and_then(|rows| rows.iter().map(row).collect());
    let square = rows.filter(|rows| rows.iter().all(|row| row.len() == rows.len()));
    square.ok_or_else(|| format!("`{key}` must be a square matrix, found {value}"))
}

/// The variables that the transform makes these scales of: `softplus⁻¹(s) = s + ln(1 - e^-s)`.
fn untransformed(scale: &[f64], dtype: DType) -> Vec<f64> {
    let epsilon = if dtype == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
    scale.iter().map(|&s| (s - epsilon) + (-(-(s - epsilon)).exp()).ln_1p()).collect()
}

fn variable(name: &str, values: &[f64], dtype: DType) -> Variable<1> {
    Variable::new(name, Param::from_tensor(vector(values, dtype)))
}

fn vector(values: &[f64], dtype: DType) -> Tensor<1> {
    Tensor::from_data(Array { shape: vec![values.len()], data: values.to_vec() }.data(), (&device(), dtype))
}

//! `distributions.json`: what priors, posteriors and output distributions say of themselves.
//!
//! Priors have a log density; posteriors a mean and a scale too; output distributions everything that the files ask
//! for.

use crate::compare::{self, Quantity};
use crate::fields::{Array, Failure, Fields};
use crate::file::Case;
use crate::named::device;
use burn::module::Param;
use burn::tensor::{DType, Tensor};
use elbo::output::{
    self, Bernoulli, Categorical, Logistic, Mixture, OneHotCategorical, OutputDistribution, Poisson, StudentT,
};
use elbo::posterior::{Deterministic, MeanFieldNormal, MultivariateNormalTriL, Posterior};
use elbo::prior::{
    CauchyPrior, HorseshoePrior, LaplacePrior, Moment, NormalPrior, Prior, ScaleMixturePrior, StudentTPrior,
};
use elbo::variable::Variable;

/// Everything that the library has under one name of the files.
pub struct Built {
    pub prior: Option<Prior<1>>,
    pub posterior: Option<Known>,
    /// Makes the output distribution for a number of rows, which are all alike.
    pub output: Option<Rows>,
    /// Length of the event.
    pub elements: usize,
}

type Rows = Box<dyn Fn(usize) -> Box<dyn OutputDistribution>>;

/// A posterior over a vector.
pub enum Known {
    Normal(MeanFieldNormal<1>),
    Deterministic(Deterministic<1>),
    TriL(MultivariateNormalTriL<1>),
}

pub fn kinds(case: &Case<'_>) -> Result<Vec<String>, Failure> {
    Ok(vec![case.config.text("distribution")?.to_owned()])
}

/// The name of a prior or posterior, with what of it is not covered.
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
    if let Some(prior) = &built.prior {
        match prior {
            Prior::Horseshoe(_) => check_horseshoe(case, prior, dtype)?,
            _ => check_densities(case, built.elements, dtype, |values| prior.log_prob(values))?,
        }
    }
    match &built.posterior {
        Some(Known::Normal(posterior)) => check_posterior(case, posterior, posterior.scale(), built.elements, dtype)?,
        Some(Known::Deterministic(posterior)) => {
            let stddev = posterior.loc.value().zeros_like();
            check_posterior(case, posterior, stddev, built.elements, dtype)?;
        }
        Some(Known::TriL(posterior)) => {
            let covariance = case.expected.array("covariance")?;
            compare::arrays("covariance", &Array::of(posterior.covariance()), &covariance, Quantity::Density, dtype)?;
            check_posterior(case, posterior, posterior.stddev(), built.elements, dtype)?;
        }
        None => {}
    }
    match &built.output {
        Some(rows) => check_output(case, rows, dtype),
        // Arguments of the quantiles, which nothing else has.
        None => case.inputs.optional("q").map_or(Ok(()), |_| Ok(())),
    }
}

/// Everything that an output distribution has a method for.
fn check_output(case: &Case<'_>, rows: &Rows, dtype: DType) -> Result<(), Failure> {
    let x = case.inputs.array("x")?;
    let event = rows(1).dims()[1];
    let count = x.data.len() / event;
    let each = rows(count);
    check_densities(case, event, dtype, |values| each.log_prob(values))?;
    let points = Array { shape: vec![count, event], data: x.data }.tensor::<2>(&device(dtype), dtype)?;
    check_field(case, "cdf", each.cdf(points.clone()), Quantity::Density, dtype)?;
    for (name, found) in [
        ("survival_function", each.survival(points.clone())),
        ("log_cdf", each.log_cdf(points.clone())),
        ("log_survival_function", each.log_survival(points)),
    ] {
        check_field(case, name, found, Quantity::Tail, dtype)?;
    }
    let one = rows(1);
    for (name, found) in [
        ("mean", Some(one.mean())),
        ("variance", Some(one.variance())),
        ("stddev", Some(one.stddev())),
        ("mode", one.mode()),
    ] {
        check_field(case, name, found, Quantity::Density, dtype)?;
    }
    check_field(case, "entropy", one.entropy(), Quantity::Density, dtype)?;
    if case.expected.has("covariance") {
        check_field(case, "covariance", one.covariance(), Quantity::Density, dtype)?;
    }
    let Some(q) = case.inputs.has("q").then(|| case.inputs.array("q")).transpose()? else { return Ok(()) };
    let all = rows(q.data.len());
    let q = Array { shape: vec![q.data.len(), 1], data: q.data }.tensor::<2>(&device(dtype), dtype)?;
    check_field(case, "quantile", all.quantile(q), Quantity::Tail, dtype)
}

/// A field of the file against what was found: the library may lack what the file's library lacks, and may have more.
fn check_field<const D: usize>(
    case: &Case<'_>,
    name: &str,
    found: Option<Tensor<D>>,
    quantity: Quantity,
    dtype: DType,
) -> Result<(), Failure> {
    if !case.expected.has(name) {
        return Ok(());
    }
    let got = found.ok_or_else(|| format!("{name}: the distribution has none"))?;
    let want = case.expected.scalar_or_array(name)?;
    let got = Array::of(got).data;
    if got.len() != want.data.len() {
        return Err(format!("{name}: expected {} values, found {}", want.data.len(), got.len()));
    }
    let want = without_cancellation(case, name, want)?;
    compare::arrays(name, &Array { shape: want.shape.clone(), data: got }, &want, quantity, dtype)
}

/// The files' library takes some log tails as `ln(1 - p)`, which is off by `ε / (1 - p)` and minus infinity in the end
/// (their README says so; those of `SciPy` replace it where that has the distribution). For those the formula itself is
/// what is compared with, and the file's value has to agree with it as far as that rounding lets it.
fn without_cancellation(case: &Case<'_>, name: &str, file: Array) -> Result<Array, Failure> {
    let sign = match name {
        "log_cdf" => -1.0,
        "log_survival_function" => 1.0,
        _ => return Ok(file),
    };
    let (params, x) = (case.config.fields("params")?, case.inputs.array("x")?.data);
    let exact: Vec<f64> = match case.config.text("distribution")? {
        "MixtureSameFamily" => {
            let (probs, loc, scale) = (params.numbers("probs")?, params.numbers("loc")?, params.numbers("scale")?);
            let tail = |x: f64, k: usize| 0.5 * probs[k] * libm::erfc(sign * (x - loc[k]) / scale[k] / 2.0_f64.sqrt());
            x.iter().map(|&x| (0..loc.len()).map(|k| tail(x, k)).sum::<f64>().ln()).collect()
        }
        "Bernoulli" => {
            let logit = logit(&params)?;
            // The points are 0 and 1: ln(1 - p) or ln p, then all or nothing.
            let at_zero = -(sign * -logit).max(0.0) - (-logit.abs()).exp().ln_1p();
            vec![at_zero, if sign < 0.0 { 0.0 } else { f64::NEG_INFINITY }]
        }
        _ => return Ok(file),
    };
    for (i, (exact, file)) in exact.iter().zip(&file.data).enumerate() {
        let rounding = 1e-9 * (1.0 + exact.abs()) + 8.0 * f64::EPSILON / exact.exp();
        if exact != file && rounding < 1.0 && (exact - file).abs() > rounding {
            return Err(format!("{name}[{i}]: the file has {file:e}, the formula gives {exact:e}"));
        }
    }
    Ok(Array { shape: file.shape, data: exact })
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
    let points =
        Array { shape: vec![x.data.len(), 1], data: x.data }.tensor::<2>(&device(dtype), dtype)?.require_grad();
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
    let points = points.tensor::<2>(&device(dtype), dtype)?.require_grad();
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
    let (prior, posterior) = prior_and_posterior(name, params, dtype)?;
    let output = output(name, params, dtype)?;
    if prior.is_none() && posterior.is_none() && output.is_none() {
        return params.unknown("distribution", name);
    }
    params.finish()?;
    let elements = match name {
        "MultivariateNormalDiag" | "MultivariateNormalTriL" => params.numbers("loc")?.len(),
        _ => 1,
    };
    Ok(Built { prior, posterior, output, elements })
}

fn prior_and_posterior(
    name: &str,
    params: &Fields<'_>,
    dtype: DType,
) -> Result<(Option<Prior<1>>, Option<Known>), Failure> {
    let number = |key: &str| params.number(key);
    let prior = |prior| Ok((Some(prior), None));
    match name {
        "Normal" => {
            let (loc, scale) = (number("loc")?, number("scale")?);
            let posterior = Some(Known::Normal(normal(&[loc], &[scale], dtype)));
            Ok((Some(Prior::normal(loc, scale)), posterior))
        }
        "MultivariateNormalDiag" => {
            let (loc, scale) = (params.numbers("loc")?, params.numbers("scale_diag")?);
            let moment = |values: &[f64]| Moment::Given(vector(values, dtype));
            let prior = Prior::Normal(NormalPrior { loc: moment(&loc), scale: moment(&scale) });
            Ok((Some(prior), Some(Known::Normal(normal(&loc, &scale, dtype)))))
        }
        "MultivariateNormalTriL" => {
            let loc = params.numbers("loc")?;
            let posterior = Some(Known::TriL(tril(&loc, &matrix(params, "scale_tril")?, dtype)));
            Ok((None, posterior))
        }
        "Deterministic" => {
            let loc = variable("loc", &[number("loc")?], dtype);
            Ok((None, Some(Known::Deterministic(Deterministic { loc }))))
        }
        "Laplace" => prior(Prior::Laplace(LaplacePrior::new(number("loc")?, number("scale")?))),
        "StudentT" => prior(Prior::StudentT(StudentTPrior::new(number("df")?, number("loc")?, number("scale")?))),
        "Cauchy" => prior(Prior::Cauchy(CauchyPrior::new(number("loc")?, number("scale")?))),
        "Horseshoe" => prior(Prior::Horseshoe(HorseshoePrior::new(number("scale")?))),
        "MixtureSameFamily" => Ok((scale_mixture(params)?.map(Prior::ScaleMixture), None)),
        _ => Ok((None, None)),
    }
}

/// The output distribution whose rows all have the parameters of the case.
fn output(name: &str, params: &Fields<'_>, dtype: DType) -> Result<Option<Rows>, Failure> {
    let number = |key: &str| Ok::<_, Failure>(row(&[params.number(key)?], dtype));
    let numbers = |key: &str| Ok::<_, Failure>(row(&params.numbers(key)?, dtype));
    Ok(Some(match name {
        "Normal" => {
            let (loc, scale) = (number("loc")?, number("scale")?);
            Box::new(move |n| Box::new(output::Normal { loc: loc(n), scale: scale(n) }))
        }
        "MultivariateNormalDiag" => {
            let (loc, scale) = (numbers("loc")?, numbers("scale_diag")?);
            Box::new(move |n| Box::new(output::Normal { loc: loc(n), scale: scale(n) }))
        }
        "MultivariateNormalTriL" => {
            let (loc, scale) = (numbers("loc")?, row(&matrix(params, "scale_tril")?, dtype));
            Box::new(move |n| {
                let loc = loc(n);
                let event = loc.dims()[1];
                Box::new(output::MultivariateNormalTriL { loc, scale_tril: scale(n).reshape([n, event, event]) })
            })
        }
        "Logistic" => {
            let (loc, scale) = (number("loc")?, number("scale")?);
            Box::new(move |n| Box::new(Logistic { loc: loc(n), scale: scale(n) }))
        }
        "StudentT" => {
            let (df, loc, scale) = (number("df")?, number("loc")?, number("scale")?);
            Box::new(move |n| Box::new(StudentT { df: df(n), loc: loc(n), scale: scale(n) }))
        }
        "Bernoulli" => {
            let logits = row(&[logit(params)?], dtype);
            Box::new(move |n| Box::new(Bernoulli { logits: logits(n) }))
        }
        "Poisson" => {
            let log_rate = row(&[params.number("rate")?.ln()], dtype);
            Box::new(move |n| Box::new(Poisson { log_rate: log_rate(n) }))
        }
        "Categorical" => {
            let logits = row(&logits(params)?, dtype);
            Box::new(move |n| Box::new(Categorical { logits: logits(n) }))
        }
        "OneHotCategorical" => {
            let logits = row(&logits(params)?, dtype);
            Box::new(move |n| Box::new(OneHotCategorical { logits: logits(n) }))
        }
        "MixtureSameFamily" => {
            let (logits, loc, scale) = (row(&logits(params)?, dtype), numbers("loc")?, numbers("scale")?);
            Box::new(move |n| {
                let column = |values: Tensor<2>| {
                    let count = values.shape().num_elements();
                    values.reshape([count, 1])
                };
                let components = output::Normal { loc: column(loc(n)), scale: column(scale(n)) };
                Box::new(Mixture { logits: logits(n), components: Box::new(components) })
            })
        }
        _ => return Ok(None),
    }))
}

/// `n` equal rows.
fn row(values: &[f64], dtype: DType) -> impl Fn(usize) -> Tensor<2> + use<> {
    let row = vector(values, dtype).unsqueeze_dim::<2>(0);
    move |n| row.clone().repeat_dim(0, n)
}

/// One logit, or that of a probability.
fn logit(params: &Fields<'_>) -> Result<f64, Failure> {
    if params.has("logits") {
        return params.number("logits");
    }
    let p = params.number("probs")?;
    Ok(p.ln() - (-p).ln_1p())
}

/// Logits, or those of probabilities.
fn logits(params: &Fields<'_>) -> Result<Vec<f64>, Failure> {
    if params.has("logits") {
        return params.numbers("logits");
    }
    Ok(params.numbers("probs")?.into_iter().map(f64::ln).collect())
}

/// A list of lists of numbers, row-major.
fn matrix(params: &Fields<'_>, key: &str) -> Result<Vec<f64>, Failure> {
    let rows = params.value(key)?.as_array().ok_or_else(|| format!("`{key}` must be a list"))?;
    let rows = rows.iter().map(|row| row.as_array()?.iter().map(serde_json::Value::as_f64).collect());
    let rows: Option<Vec<Vec<f64>>> = rows.collect();
    Ok(rows.ok_or_else(|| format!("`{key}` must be a list of lists of numbers"))?.concat())
}

/// The prior of two centred normals.
fn scale_mixture(params: &Fields<'_>) -> Result<Option<ScaleMixturePrior>, Failure> {
    let (probs, loc, scale) = (params.numbers("probs")?, params.numbers("loc")?, params.numbers("scale")?);
    Ok(match (probs.as_slice(), loc.as_slice(), scale.as_slice()) {
        (&[first, _], &[0.0, 0.0], &[scale1, scale2]) => Some(ScaleMixturePrior::new(first, scale1, scale2)),
        _ => None,
    })
}

/// Independent normals with given scales.
fn normal(loc: &[f64], scale: &[f64], dtype: DType) -> MeanFieldNormal<1> {
    MeanFieldNormal {
        loc: variable("loc", loc, dtype),
        untransformed_scale: variable("untransformed_scale", &untransformed(scale, dtype), dtype),
    }
}

/// A normal with the factor L.
fn tril(loc: &[f64], scale_tril: &[f64], dtype: DType) -> MultivariateNormalTriL<1> {
    let rows = || scale_tril.chunks(loc.len()).enumerate();
    let diagonal: Vec<f64> = rows().map(|(i, row)| row[i]).collect();
    let below: Vec<f64> = rows().flat_map(|(i, row)| row[..i].to_vec()).collect();
    MultivariateNormalTriL {
        loc: variable("loc", loc, dtype),
        untransformed_scale: variable("untransformed_scale", &untransformed(&diagonal, dtype), dtype),
        scale_off_diagonal: (!below.is_empty()).then(|| variable("scale_off_diagonal", &below, dtype)),
    }
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
    Tensor::from_data(Array { shape: vec![values.len()], data: values.to_vec() }.data(), (&device(dtype), dtype))
}

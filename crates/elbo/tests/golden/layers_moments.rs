//! `layers_moments.json`: exact mean, variance and covariance between two examples of random outputs, against draws.
//!
//! Weights are normal and there is no activation, so outputs are exactly normal under every estimator and the standard
//! errors over n draws are known: mean `sqrt(v / n)`, variance `v sqrt(2 / n)`, kurtosis `sqrt(24 / n)`, covariance
//! `sqrt((v₀ v₁ + c²) / n)`, under flipout, where examples share a perturbation, at most `sqrt(3 v₀ v₁ / n)`. A z-score
//! beyond [`LIMIT`] has probability 4e-8; the file's own Monte Carlo values, `library_*`, are held to the same.

use crate::fields::{Array, Failure};
use crate::file::Case;
use crate::named::{self, LAYER, Setting, device};
use burn::tensor::{DType, Tensor};
use elbo::layer::LayerOptions;
use elbo::{Estimator, Noise, Trace};

/// Largest z-score.
const LIMIT: f64 = 5.5;

/// Moments over draws of one layer's output.
struct Moments {
    mean: Vec<f64>,
    variance: Vec<f64>,
    covariance: Vec<f64>,
    kurtosis: Vec<f64>,
}

pub fn run(case: &Case<'_>, dtype: DType) -> Result<(), Failure> {
    let draws = case.config.size("draws")?;
    let (kind, estimator) = named::layer(&case.config)?;
    let outputs = match kind {
        "Dense" => dense(case, estimator, draws, dtype),
        "Convolution1D" => convolution::<3>(case, estimator, draws, dtype),
        "Convolution2D" => convolution::<4>(case, estimator, draws, dtype),
        "Convolution3D" => convolution::<5>(case, estimator, draws, dtype),
        other => case.config.unknown("layer", other),
    }?;
    let expected = case.expected.array("mean")?;
    if outputs.shape[0] != draws * expected.shape[0] || outputs.shape[1..] != expected.shape[1..] {
        return Err(format!("output: expected {draws} times {:?}, found {:?}", expected.shape, outputs.shape));
    }
    let examples = expected.shape[0];
    check(case, "", &Moments::of(&outputs.data, draws, examples), draws)?;
    check(case, "library_", &Moments::of_library(case)?, draws)
}

fn dense(case: &Case<'_>, estimator: Estimator, draws: usize, dtype: DType) -> Result<Array, Failure> {
    let config = &case.config;
    // The file gives a dense layer the words of a convolution.
    for word in ["padding", "data_format", "kernel_size", "strides"] {
        config.value(word)?;
    }
    let layer = named::dense(case, config.size("units_or_filters")?, Setting::plain(dtype))?.with_estimator(estimator);
    draw::<2>(case, draws, dtype, |x, trace| layer.try_forward(x, trace))
}

fn convolution<const D: usize>(
    case: &Case<'_>,
    estimator: Estimator,
    draws: usize,
    dtype: DType,
) -> Result<Array, Failure> {
    let options: LayerOptions<D> = named::options(case, Setting::plain(dtype))?;
    let layer =
        named::convolution(case, case.config.size("units_or_filters")?, None, options)?.with_estimator(estimator);
    draw::<D>(case, draws, dtype, |x, trace| layer.try_forward(x, trace))
}

/// All draws in one pass.
fn draw<const X: usize>(
    case: &Case<'_>,
    draws: usize,
    dtype: DType,
    forward: impl Fn(Tensor<X>, &mut Trace) -> elbo::Result<Tensor<X>>,
) -> Result<Array, Failure> {
    let x = case.inputs.array("x")?.tensor::<X>(&device(dtype), dtype)?;
    let mut trace = Trace::sampling(&mut Noise::seeded(20)).with_samples(draws);
    let output = forward(x, &mut trace).map_err(|error| error.to_string())?;
    match trace.layer(LAYER) {
        Some(_) => Ok(Array::of(output)),
        None => Err(format!("the pass does not know the layer `{LAYER}`")),
    }
}

impl Moments {
    /// Of `draws` outputs of a batch, one after the other.
    fn of(outputs: &[f64], draws: usize, examples: usize) -> Self {
        let elements = outputs.len() / draws;
        let n = float(draws);
        let average = |value: &dyn Fn(&[f64]) -> f64| outputs.chunks(elements).map(value).sum::<f64>() / n;
        let mean: Vec<f64> = (0..elements).map(|i| average(&|row| row[i])).collect();
        let central = |i: usize, power: i32| average(&|row| (row[i] - mean[i]).powi(power));
        let variance: Vec<f64> = (0..elements).map(|i| central(i, 2)).collect();
        let kurtosis = (0..elements).map(|i| central(i, 4) / variance[i].powi(2)).collect();
        let second = elements / examples;
        let covariance =
            (0..second).map(|i| average(&|row| (row[i] - mean[i]) * (row[i + second] - mean[i + second]))).collect();
        Self { mean, variance, covariance, kurtosis }
    }

    /// Those that the file has from the library it was made with.
    fn of_library(case: &Case<'_>) -> Result<Self, Failure> {
        let values = |name: &str| Ok::<_, Failure>(case.expected.array(name)?.data);
        Ok(Self {
            mean: values("library_mean")?,
            variance: values("library_variance")?,
            covariance: values("library_covariance_examples_0_1")?,
            kurtosis: values("library_kurtosis")?,
        })
    }
}

/// z-scores against the exact moments.
fn check(case: &Case<'_>, whose: &str, found: &Moments, draws: usize) -> Result<(), Failure> {
    let exact = |name: &str| Ok::<_, Failure>(case.expected.array(name)?.data);
    let (mean, variance, covariance) = (exact("mean")?, exact("variance")?, exact("covariance_examples_0_1")?);
    let (n, second) = (float(draws), covariance.len());
    let of_mean = |i: usize| (variance[i] / n).sqrt();
    let of_variance = |i: usize| variance[i] * (2.0 / n).sqrt();
    let shared = if named::layer(&case.config)?.1 == Estimator::Flipout { 3.0 } else { 1.0 };
    let of_covariance = |i: usize| ((shared * variance[i] * variance[i + second] + covariance[i].powi(2)) / n).sqrt();
    let of_kurtosis = |_: usize| (24.0 / n).sqrt();
    z_scores(&format!("{whose}mean"), &found.mean, &mean, of_mean)?;
    z_scores(&format!("{whose}variance"), &found.variance, &variance, of_variance)?;
    z_scores(&format!("{whose}covariance"), &found.covariance, &covariance, of_covariance)?;
    z_scores(&format!("{whose}kurtosis"), &found.kurtosis, &vec![3.0; mean.len()], of_kurtosis)
}

fn z_scores(what: &str, found: &[f64], exact: &[f64], error: impl Fn(usize) -> f64) -> Result<(), Failure> {
    if found.len() != exact.len() || exact.is_empty() {
        return Err(format!("{what}: expected {} values, found {}", exact.len(), found.len()));
    }
    for (i, (found, exact)) in found.iter().zip(exact).enumerate() {
        let z = (found - exact) / error(i);
        if z.is_nan() || z.abs() > LIMIT {
            return Err(format!("{what}[{i}]: expected {exact}, found {found}: z = {z:.1}"));
        }
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // numbers of draws
fn float(n: usize) -> f64 {
    n as f64
}

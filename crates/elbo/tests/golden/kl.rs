//! `kl.json`: closed forms of `KL(p ‖ q)` from the posteriors that exist to the priors that exist.

use crate::compare::{self, Quantity};
use crate::distributions::{self, Known};
use crate::fields::Failure;
use crate::file::Case;
use burn::tensor::DType;
use elbo::posterior::Posterior;
use elbo::prior::Prior;

pub fn kinds(case: &Case<'_>) -> Result<Vec<String>, Failure> {
    let config = &case.config;
    let from = distributions::kind(config.text("p")?, &config.fields("p_params")?)?;
    let to = distributions::kind(config.text("q")?, &config.fields("q_params")?)?;
    Ok(vec![format!("from {from}"), format!("to {to}")])
}

pub fn run(case: &Case<'_>, dtype: DType) -> Result<(), Failure> {
    let config = &case.config;
    let posterior = distributions::build(config.text("p")?, &config.fields("p_params")?, dtype)?;
    let prior = distributions::build(config.text("q")?, &config.fields("q_params")?, dtype)?;
    config.flag("extra")?;
    config.text("source")?;
    let prior = prior.prior.ok_or("`q` is not a prior")?;
    let kl = match posterior.posterior.ok_or("`p` is not a posterior")? {
        Known::Normal(posterior) => closed_form(&posterior, &prior, dtype),
        Known::Deterministic(posterior) => closed_form(&posterior, &prior, dtype),
        Known::TriL(posterior) => closed_form(&posterior, &prior, dtype),
    }?;
    // A point mass pays minus the log density, which the files approximate for a horseshoe.
    let approximate = matches!(prior, Prior::Horseshoe(_));
    let quantity = if approximate { Quantity::Approximation } else { Quantity::Density };
    compare::numbers("kl", kl, case.expected.number("kl")?, quantity, dtype)
}

/// The divergence, which has to be the sum of its elements where they are known.
fn closed_form<P: Posterior<1>>(posterior: &P, prior: &Prior<1>, dtype: DType) -> Result<f64, Failure> {
    let unknown = || format!("no closed form from {} to {}", posterior.name(), prior.name());
    let kl: f64 = posterior.kl(prior).ok_or_else(unknown)?.into_scalar();
    if let Some(elements) = posterior.elementwise_kl(prior) {
        let sum: f64 = elements.sum().into_scalar();
        compare::numbers("sum of the elementwise KL", sum, kl, Quantity::Density, dtype)?;
    }
    Ok(kl)
}

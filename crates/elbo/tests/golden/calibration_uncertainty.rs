//! `calibration_uncertainty.json`: what class probabilities under several weight samples do not know.
//!
//! Scores are computed in `f64` whatever the type of the network, so both runs are the same and both are held to the
//! tolerance of `f64`.

use crate::calibration_classification::list;
use crate::fields::Failure;
use crate::file::Case;
use burn::tensor::DType;
use elbo::metric::{self, ClassUncertainty, MetricError};

pub fn run(case: &Case<'_>, _: DType) -> Result<(), Failure> {
    for (key, known) in [("layout", "[samples, examples, classes]"), ("log", "natural")] {
        if case.config.text(key)? != known {
            return case.config.unknown(key, case.config.text(key)?);
        }
    }
    let probs = case.inputs.array("probs")?;
    let [_, examples, classes] = probs.shape[..] else { return Err(format!("probs of shape {:?}", probs.shape)) };
    let mut uncertainty = ClassUncertainty::new(examples, classes).map_err(text)?;
    for sample in probs.data.chunks_exact(examples * classes) {
        uncertainty.push(sample).map_err(text)?;
    }
    let variances = uncertainty.variances().map_err(text)?;
    let split = uncertainty.finish().map_err(text)?;
    let nll = metric::nll_per_example(&split.probabilities, &case.inputs.labels("labels")?).map_err(text)?;
    #[allow(clippy::cast_precision_loss)] // a few classes
    let per_class = |variance: &f64| variance / classes as f64;
    for (name, found) in [
        ("mean_probs", split.probabilities.values().to_vec()),
        ("predictive_entropy", split.predictive_entropy.clone()),
        ("expected_entropy", split.expected_entropy.clone()),
        ("mutual_information", split.mutual_information.clone()),
        ("variation_ratio", metric::variation_ratio(&split.probabilities)),
        ("mean_variance_of_probs", variances.epistemic.iter().map(per_class).collect()),
        ("log_predictive_likelihood", nll.iter().map(|nll| -nll).collect()),
    ] {
        list(name, found, &case.expected.array(name)?)?;
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value)] // for `map_err`
fn text(error: MetricError) -> Failure {
    error.to_string()
}

//! Out-of-distribution detection: how well each uncertainty of a prediction tells examples of another kind from those
//! that a model was trained for (Hendrycks and Gimpel 2017; the protocol of Liang, Li and Srikant 2018, section 3).
//!
//! | prediction | uncertainties |
//! | --- | --- |
//! | classes | `predictive_entropy`, `expected_entropy`, `mutual_information` (nats), `one_minus_max_probability`, `variance_total`, `variance_epistemic` |
//! | real targets | `stddev`, `epistemic_stddev`, in the unit of the targets |
//!
//! Of a horizon it is the root of the mean variance over its values. Every kind says more about an example the larger
//! it is; which of them detects best depends on the data.

use crate::error::{Error, Result};
use crate::metric::{Bootstrap, DetectionScores, UncertaintySplit, detection_scores, variation_ratio};
use crate::predict::{Predictions, RealPredictions};
use serde::{Deserialize, Serialize};

/// One kind of uncertainty of all examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Uncertainty {
    /// Its name.
    pub name: &'static str,
    /// One number for each example, larger if less sure: `[N]`.
    pub values: Vec<f64>,
}

/// How well one kind of uncertainty detects examples of another kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UncertaintyDetection {
    /// Name of the uncertainty.
    pub uncertainty: String,
    /// Its scores.
    #[serde(flatten)]
    pub scores: DetectionScores,
}

/// All kinds of uncertainty of predictions.
///
/// ```
/// use elbo::{metric::ClassUncertainty, predict::Predictions, run::uncertainties};
/// let mut gathered = ClassUncertainty::new(1, 2)?; // one example, two classes, two weight samples that disagree
/// gathered.push(&[1.0, 0.0])?;
/// gathered.push(&[0.0, 1.0])?;
/// let found = uncertainties(&Predictions::Classes(gathered.finish()?));
/// assert_eq!((found[3].name, found[3].values[0]), ("one_minus_max_probability", 0.5));
/// assert_eq!((found[5].name, found[5].values[0]), ("variance_epistemic", 0.5));
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[must_use]
pub fn uncertainties(predictions: &Predictions) -> Vec<Uncertainty> {
    match predictions {
        Predictions::Classes(split) => of_classes(split),
        Predictions::Real(real) => of_reals(real),
    }
}

/// How well each kind of uncertainty tells `foreign` examples from `familiar` ones, with bootstrap intervals.
///
/// # Errors
/// [`Error::Targets`] if one predicts classes and the other real targets; those of [`detection_scores`], among them
/// that one of the two has no examples.
pub fn detect(
    familiar: &Predictions,
    foreign: &Predictions,
    bootstrap: &Bootstrap,
) -> Result<Vec<UncertaintyDetection>> {
    let pairs = uncertainties(familiar).into_iter().zip(uncertainties(foreign));
    let score = |(familiar, foreign): (Uncertainty, Uncertainty)| {
        if familiar.name != foreign.name {
            let (expected, found) = (familiar.name.to_owned(), foreign.name.to_owned());
            return Err(Error::Targets { likelihood: "detection", expected, found });
        }
        let scores = detection_scores(&familiar.values, &foreign.values, bootstrap)?;
        Ok(UncertaintyDetection { uncertainty: familiar.name.to_owned(), scores })
    };
    pairs.map(score).collect()
}

fn of_classes(split: &UncertaintySplit) -> Vec<Uncertainty> {
    [
        ("predictive_entropy", split.predictive_entropy.clone()),
        ("expected_entropy", split.expected_entropy.clone()),
        ("mutual_information", split.mutual_information.clone()),
        ("one_minus_max_probability", variation_ratio(&split.probabilities)),
        ("variance_total", split.variances.total.clone()),
        ("variance_epistemic", split.variances.epistemic.clone()),
    ]
    .map(|(name, values)| Uncertainty { name, values })
    .into()
}

fn of_reals(real: &RealPredictions) -> Vec<Uncertainty> {
    let total: Vec<f64> = real.aleatoric_variance.iter().zip(&real.epistemic_variance).map(|(a, e)| a + e).collect();
    [("stddev", &total), ("epistemic_stddev", &real.epistemic_variance)]
        .map(|(name, variances)| Uncertainty { name, values: roots(variances, real.values) })
        .into()
}

/// `sqrt(1/V Σ_v σ_v²)` of each example, which has `values` values.
fn roots(variances: &[f64], values: usize) -> Vec<f64> {
    variances.chunks_exact(values.max(1)).map(|example| crate::metric::mean(example).sqrt()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::ClassUncertainty;

    /// Two weight samples that agree on an example by `1 - spread`.
    fn classes(spreads: &[f64]) -> Predictions {
        let mut gathered = ClassUncertainty::new(spreads.len(), 2).unwrap();
        for sign in [-1.0, 1.0] {
            let rows = spreads.iter().flat_map(|spread| [0.5 + sign * spread, 0.5 - sign * spread]);
            gathered.push(&rows.collect::<Vec<_>>()).unwrap();
        }
        Predictions::Classes(gathered.finish().unwrap())
    }

    fn reals(aleatoric: Vec<f64>, epistemic: Vec<f64>, values: usize) -> Predictions {
        Predictions::Real(RealPredictions {
            values,
            mean: vec![0.0; aleatoric.len()],
            aleatoric_variance: aleatoric,
            epistemic_variance: epistemic,
            distributions: Vec::new(),
            log_likelihood: None,
        })
    }

    /// The mean probabilities are (½, ½) everywhere: only what is epistemic tells the two apart, and the expected
    /// entropy the wrong way round.
    #[test]
    fn disagreement_alone_is_found_by_the_epistemic_parts_alone() {
        let found = detect(&classes(&[0.0, 0.1]), &classes(&[0.3, 0.4, 0.2]), &Bootstrap::default()).unwrap();
        let auroc: Vec<(&str, f64)> = found.iter().map(|d| (d.uncertainty.as_str(), d.scores.auroc.value)).collect();
        let expected = [
            ("predictive_entropy", 0.5),
            ("expected_entropy", 0.0),
            ("mutual_information", 1.0),
            ("one_minus_max_probability", 0.5),
            ("variance_total", 0.5),
            ("variance_epistemic", 1.0),
        ];
        assert_eq!(auroc, expected);
        assert_eq!((found[2].scores.fpr95.value, found[1].scores.fpr95.value), (0.0, 1.0));
    }

    #[test]
    fn real_uncertainties_by_hand() {
        let found = uncertainties(&reals(vec![3.0, 5.0, 0.0, 0.0], vec![1.0, 7.0, 4.0, 14.0], 2));
        assert_eq!((found[0].name, &found[0].values), ("stddev", &vec![8.0_f64.sqrt(), 3.0]));
        assert_eq!((found[1].name, &found[1].values), ("epistemic_stddev", &vec![2.0, 3.0]));
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let text = |a: &Predictions, b: &Predictions| detect(a, b, &Bootstrap::default()).unwrap_err().to_string();
        let message = text(&classes(&[0.1]), &reals(vec![1.0], vec![1.0], 1));
        assert_eq!(message, "detection likelihood: expected predictive_entropy, found stddev");
        assert_eq!(text(&classes(&[0.1]), &classes(&[])), "foreign: expected at least one example, found none");
    }
}

//! How well an uncertainty tells foreign examples from familiar ones.

use super::super::lists::check_numbers;
use super::super::{Bootstrap, Detection, Estimate, MetricError};
use serde::{Deserialize, Serialize};

/// Scores of out-of-distribution detection by one kind of uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetectionScores {
    /// Probability that a foreign example is the more uncertain one of a pair, ties half: ½ says nothing, 1 is best.
    pub auroc: Estimate,
    /// Average precision with foreign examples as positives; depends on how many there are of each.
    pub aupr_out: Estimate,
    /// Average precision with familiar examples as positives, by certainty.
    pub aupr_in: Estimate,
    /// Share of the foreign examples that are accepted by the threshold that accepts 95 % of the familiar ones (Liang, Li
    /// and Srikant 2018, section 3); smaller is better.
    pub fpr95: Estimate,
}

/// Scores of telling examples like those trained on (`familiar`) from others (`foreign`) by their uncertainties, with
/// percentile intervals; each of the two samples is resampled within itself.
///
/// ```
/// use elbo::metric::{Bootstrap, detection_scores};
/// let scores = detection_scores(&[0.1, 0.2, 0.3, 0.2], &[0.4, 0.25, 0.9], &Bootstrap::default())?;
/// assert!((scores.auroc.value - 11.0 / 12.0).abs() < 1e-15);
/// assert!((scores.fpr95.value - 1.0 / 3.0).abs() < 1e-15); // to accept 0.3 is to accept 0.25
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `familiar`, `foreign`: any lengths
///
/// # Errors
/// [`MetricError::Empty`] or [`MetricError::Value`] if a list holds nothing or a NaN, [`MetricError::Setting`] for a bad
/// `bootstrap`.
pub fn detection_scores(
    familiar: &[f64],
    foreign: &[f64],
    bootstrap: &Bootstrap,
) -> Result<DetectionScores, MetricError> {
    check_numbers("familiar", familiar, familiar.len())?;
    check_numbers("foreign", foreign, foreign.len())?;
    let scores = [familiar, foreign].concat();
    let is_foreign: Vec<bool> = (0..scores.len()).map(|i| i >= familiar.len()).collect();
    let is_familiar: Vec<bool> = is_foreign.iter().map(|foreign| !foreign).collect();
    let certainty: Vec<f64> = scores.iter().map(|score| -score).collect();
    let (out, accept) = (Detection::new(&scores, &is_foreign)?, Detection::new(&certainty, &is_familiar)?);
    let resampled = bootstrap.resample_two([familiar.len(), foreign.len()], |a, b| {
        let chosen: Vec<usize> = a.iter().copied().chain(b.iter().map(|i| familiar.len() + i)).collect();
        let fpr95 = accept.fpr_at_tpr_of(0.95, &chosen);
        [out.auroc_of(&chosen), out.aupr_of(&chosen), accept.aupr_of(&chosen), fpr95]
    })?;
    Ok(DetectionScores {
        auroc: resampled.percentile(0)?,
        aupr_out: resampled.percentile(1)?,
        aupr_in: resampled.percentile(2)?,
        fpr95: resampled.percentile(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_apart_is_detected() {
        let scores = detection_scores(&[0.1, 0.2], &[0.3, 0.4, 0.5], &Bootstrap::default()).unwrap();
        for (score, best) in [(scores.auroc, 1.0), (scores.aupr_out, 1.0), (scores.aupr_in, 1.0), (scores.fpr95, 0.0)] {
            assert_eq!((score.value, score.low, score.high), (best, best, best));
        }
    }

    #[test]
    fn bad_lists_are_named() {
        let text = |a: &[f64], b: &[f64]| detection_scores(a, b, &Bootstrap::default()).unwrap_err().to_string();
        assert_eq!(text(&[], &[1.0]), "familiar: expected at least one example, found none");
        assert_eq!(text(&[1.0], &[f64::NAN]), "foreign of example 0: expected a number, found NaN");
    }
}

//! `Σ_k ECE_k / K`, with `ECE_k` that of the forecasts `p_ik` of the event `y_i = k` (Kull et al. 2019, section 2; the
//! "static calibration error" of Nixon et al. 2019, section 4).

use super::super::{MetricError, Probabilities, count};
use super::{BinnedGaps, Binning};

/// Mean over all classes of the calibration error of their own probabilities, with `num_bins` bins of equal width each;
/// 0 to 1. Unlike the error of the confidence it looks at every probability of a prediction. With many classes most
/// probabilities are near 0 and it becomes small: compare it at one number of classes only.
///
/// ```
/// use elbo::metric::{Probabilities, classwise_calibration_error};
/// let probs = Probabilities::new([0.8, 0.2].repeat(5), 2)?;
/// assert!((classwise_calibration_error(&probs, &[0, 0, 0, 0, 0], 10)? - 0.2).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Setting`] without bins; [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if
/// the labels do not fit.
pub fn classwise_calibration_error(
    probs: &Probabilities,
    labels: &[usize],
    num_bins: usize,
) -> Result<f64, MetricError> {
    let gaps = of_classes(probs, labels, num_bins)?;
    Ok(gaps.iter().map(BinnedGaps::expected).sum::<f64>() / count(probs.classes()))
}

/// The gaps of each class's own probabilities.
pub(in super::super) fn of_classes(
    probs: &Probabilities,
    labels: &[usize],
    num_bins: usize,
) -> Result<Vec<BinnedGaps>, MetricError> {
    probs.check_labels(labels)?;
    let of_class = |class| {
        let forecasts: Vec<f64> = (0..labels.len()).map(|i| probs.row(i)[class]).collect();
        let outcomes: Vec<f64> = labels.iter().map(|&label| f64::from(u8::from(label == class))).collect();
        BinnedGaps::of(&forecasts, &outcomes, Binning::EqualWidth(num_bins))
    };
    (0..probs.classes()).map(of_class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_mean_over_classes() {
        // Class 0: 0.5, 0.25 of outcomes 1, 0; class 1: 0.25, 0.25 of 0, 0; class 2: 0.25, 0.5 of 0, 1; one bin each.
        let probs = Probabilities::new(vec![0.5, 0.25, 0.25, 0.25, 0.25, 0.5], 3).unwrap();
        let error = classwise_calibration_error(&probs, &[0, 2], 1).unwrap();
        assert!((error - (0.125 + 0.25 + 0.125) / 3.0).abs() < 1e-15, "{error}");
    }

    #[test]
    fn no_bins_are_an_error() {
        let probs = Probabilities::new(vec![1.0], 1).unwrap();
        let error = classwise_calibration_error(&probs, &[0], 0).unwrap_err();
        assert_eq!(error.to_string(), "`num_bins` must be at least 1, found 0");
    }
}

//! The reliability diagram: accuracy against confidence, bin by bin (Murphy and Winkler 1977, section 3).

use super::super::{MetricError, Probabilities, count};
use super::{Binning, top_label};
use serde::{Deserialize, Serialize};

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Smallest confidence of the bin.
    pub low: f64,
    /// Confidence at which the next bin begins; the last bin includes it.
    pub high: f64,
    /// Number of examples.
    pub count: usize,
    /// Mean confidence; 0 in an empty bin.
    pub confidence: f64,
    /// Share of right predictions; 0 in an empty bin.
    pub accuracy: f64,
}

/// The bins of a reliability diagram of equal width, all `num_bins` of them, in order of confidence.
///
/// ```
/// use elbo::metric::{Probabilities, reliability};
/// let probs = Probabilities::new(vec![0.8, 0.2, 0.3, 0.7, 0.1, 0.9], 2)?;
/// let bins = reliability(&probs, &[0, 0, 1], 4)?;
/// assert_eq!((bins[2].low, bins[2].count, bins[2].accuracy), (0.5, 1, 0.0));
/// assert_eq!((bins[3].count, bins[3].accuracy), (2, 1.0));
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Setting`] without bins; [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if
/// the labels do not fit.
pub fn reliability(
    probs: &Probabilities,
    labels: &[usize],
    num_bins: usize,
) -> Result<Vec<ReliabilityBin>, MetricError> {
    let (confidences, correct) = top_label(probs, labels)?;
    Ok(reliability_bins(&confidences, &correct, Binning::EqualWidth(num_bins))?.0)
}

/// The bins of forecasts and outcomes, and the bin of each example.
pub(super) fn reliability_bins(
    forecasts: &[f64],
    outcomes: &[f64],
    binning: Binning,
) -> Result<(Vec<ReliabilityBin>, Vec<usize>), MetricError> {
    let sorted = binning.sort(forecasts)?;
    let empty = |[low, high]: [f64; 2]| ReliabilityBin { low, high, count: 0, confidence: 0.0, accuracy: 0.0 };
    let mut bins: Vec<_> = sorted.edges.iter().copied().map(empty).collect();
    for (i, &bin) in sorted.bins.iter().enumerate() {
        let bin = &mut bins[bin];
        bin.count += 1;
        bin.confidence += forecasts[i];
        bin.accuracy += outcomes[i];
    }
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        bin.confidence /= count(bin.count);
        bin.accuracy /= count(bin.count);
    }
    Ok((bins, sorted.bins))
}

#[cfg(test)]
mod tests {
    use super::super::expected_calibration_error;
    use super::*;

    fn binary(confidences: &[f64]) -> Probabilities {
        Probabilities::new(confidences.iter().flat_map(|&p| [p, 1.0 - p]).collect(), 2).unwrap()
    }

    #[test]
    fn the_diagram_adds_up_to_the_error() {
        let probs = binary(&[0.6, 0.62, 0.8, 0.9, 0.95, 1.0]);
        let labels = [0, 1, 0, 1, 0, 0];
        for num_bins in [1, 2, 5, 10, 15] {
            let bins = reliability(&probs, &labels, num_bins).unwrap();
            assert_eq!(bins.len(), num_bins);
            assert_eq!(bins.iter().map(|bin| bin.count).sum::<usize>(), 6);
            let sum: f64 = bins.iter().map(|bin| count(bin.count) / 6.0 * (bin.accuracy - bin.confidence).abs()).sum();
            let error = expected_calibration_error(&probs, &labels, num_bins).unwrap();
            assert!((sum - error).abs() < 1e-15, "{num_bins} bins: {sum} and {error}");
        }
    }

    #[test]
    fn edges_and_empty_bins() {
        let bins = reliability(&binary(&[0.75]), &[0], 4).unwrap();
        assert_eq!(bins[3], ReliabilityBin { low: 0.75, high: 1.0, count: 1, confidence: 0.75, accuracy: 1.0 });
        assert_eq!(bins[0], ReliabilityBin { low: 0.0, high: 0.25, count: 0, confidence: 0.0, accuracy: 0.0 });
    }
}

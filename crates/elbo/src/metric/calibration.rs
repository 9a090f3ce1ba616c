//! Whether confidence is frequency, in bins of equal width (Guo, Pleiss, Sun and Weinberger 2017, section 2):
//! example i lies in bin `floor(confidence_i M)` of M, confidence 1 in the last;
//! `ECE = Σ_b |b| / B · |acc(b) - conf(b)|`.
//!
//! The sums over a bin cancel its size: `ECE = Σ_b |Σ_{i in b} (confidence_i - correct_i)| / B`, which is what is
//! computed.

use super::{MetricError, Probabilities, correct_per_example, count};
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

/// Expected calibration error with `num_bins` bins of equal width, 0 to 1.
///
/// This is the plug-in value: on finite data it overstates the calibration error, by more with more bins (Kumar,
/// Liang and Ma 2019, section 4). It is no proper score: always predicting the class frequencies gives 0.
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Setting`] without bins; [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if
/// the labels do not fit.
pub fn expected_calibration_error(
    probs: &Probabilities,
    labels: &[usize],
    num_bins: usize,
) -> Result<f64, MetricError> {
    let gaps = Gaps::new(probs, labels, num_bins)?;
    Ok(gaps.error(0..gaps.examples.len()))
}

/// The bins of a reliability diagram, all `num_bins` of them, in order of confidence.
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// As [`expected_calibration_error`].
pub fn reliability(
    probs: &Probabilities,
    labels: &[usize],
    num_bins: usize,
) -> Result<Vec<ReliabilityBin>, MetricError> {
    check_bins(num_bins)?;
    let correct = correct_per_example(probs, labels)?;
    let edge = |bin: usize| count(bin) / count(num_bins);
    let empty = |bin| ReliabilityBin { low: edge(bin), high: edge(bin + 1), count: 0, confidence: 0.0, accuracy: 0.0 };
    let mut bins: Vec<_> = (0..num_bins).map(empty).collect();
    for (i, correct) in correct.into_iter().enumerate() {
        let confidence = probs.confidence(i);
        let bin = &mut bins[bin_of(confidence, num_bins)];
        bin.count += 1;
        bin.confidence += confidence;
        bin.accuracy += correct;
    }
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        bin.confidence /= count(bin.count);
        bin.accuracy /= count(bin.count);
    }
    Ok(bins)
}

/// What each example adds to the calibration error.
pub(super) struct Gaps {
    /// `(bin, confidence - correct)`.
    examples: Vec<(usize, f64)>,
    num_bins: usize,
}

impl Gaps {
    /// # Errors
    /// As [`expected_calibration_error`].
    pub(super) fn new(probs: &Probabilities, labels: &[usize], num_bins: usize) -> Result<Self, MetricError> {
        check_bins(num_bins)?;
        let correct = correct_per_example(probs, labels)?;
        let gap = |(i, correct)| (bin_of(probs.confidence(i), num_bins), probs.confidence(i) - correct);
        Ok(Self { examples: correct.into_iter().enumerate().map(gap).collect(), num_bins })
    }

    /// The calibration error of a choice of examples, repetitions allowed.
    pub(super) fn error(&self, chosen: impl ExactSizeIterator<Item = usize>) -> f64 {
        let n = count(chosen.len());
        let mut sums = vec![0.0_f64; self.num_bins];
        for i in chosen {
            let (bin, gap) = self.examples[i];
            sums[bin] += gap;
        }
        sums.iter().map(|sum| sum.abs()).sum::<f64>() / n
    }
}

fn check_bins(num_bins: usize) -> Result<(), MetricError> {
    if num_bins == 0 {
        return Err(MetricError::Setting { name: "num_bins", expected: "at least 1", found: "0".into() });
    }
    Ok(())
}

/// `floor(confidence num_bins)`, confidence 1 (and what rounding puts above it) in the last bin.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 <= confidence, so 0 <= bin
fn bin_of(confidence: f64, num_bins: usize) -> usize {
    ((confidence * count(num_bins)) as usize).min(num_bins - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(confidences: &[f64]) -> Probabilities {
        Probabilities::new(confidences.iter().flat_map(|&p| [p, 1.0 - p]).collect(), 2).unwrap()
    }

    #[test]
    fn bins_are_half_open_and_the_last_is_closed() {
        assert_eq!(bin_of(0.0, 10), 0);
        assert_eq!(bin_of(0.5, 10), 5);
        assert_eq!(bin_of(0.5 - 1e-15, 10), 4);
        assert_eq!(bin_of(1.0, 10), 9);
        assert_eq!(bin_of(1.000_05, 10), 9);
        assert_eq!(bin_of(1.0, 1), 0);
    }

    #[test]
    fn by_hand() {
        // Two bins: [0.5, 1] holds all; gaps 0.6 - 1, 0.8 - 1, 0.9 - 0, 1 - 1 sum to 0.3.
        let probs = binary(&[0.6, 0.8, 0.9, 1.0]);
        let labels = [0, 0, 1, 0];
        assert!((expected_calibration_error(&probs, &labels, 2).unwrap() - 0.3 / 4.0).abs() < 1e-15);
        // Ten bins: every example is alone.
        let alone = (0.4 + 0.2 + 0.9 + 0.0) / 4.0;
        // 0.9 * 10 rounds to 9, so the last two share a bin: |0.9 + 0| is the same sum.
        assert!((expected_calibration_error(&probs, &labels, 10).unwrap() - alone).abs() < 1e-15);
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

    #[test]
    fn no_bins_are_an_error() {
        let error = expected_calibration_error(&binary(&[0.75]), &[0], 0).unwrap_err();
        assert_eq!(error.to_string(), "`num_bins` must be at least 1, found 0");
        assert_eq!(reliability(&binary(&[0.75]), &[0], 0).unwrap_err(), error);
    }
}

//! Calibration in buckets between quantiles of the confidence, as `expected_calibration_error_quantiles` of
//! `TensorFlow` Probability defines them: edge k of M is the confidence of rank `(B - 1) k / M`, to the nearest whole one
//! and the even one of two; bucket k holds the confidences from edge k up to the next, the last one both its edges.
//!
//! Every inner edge is thus some example's confidence, which belongs to the upper bucket. Beside
//! [`Binning::EqualMass`](super::Binning::EqualMass), which sorts by rank, ties can empty a bucket here too.

use super::super::lists::{check_count, check_probabilities};
use super::super::{MetricError, count};
use serde::{Deserialize, Serialize};

/// Buckets between quantiles of the confidence; all lists are `[num_buckets]`, but for `edges`.
///
/// ```
/// use elbo::metric::QuantileBuckets;
/// let buckets = QuantileBuckets::new(&[0.5, 0.6, 0.8, 0.9], &[1.0, 0.0, 1.0, 1.0], 2)?;
/// assert_eq!((buckets.edges, buckets.counts), (vec![0.5, 0.8, 0.9], vec![2, 2]));
/// assert_eq!(buckets.accuracy, [0.5, 1.0]);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantileBuckets {
    /// Where buckets begin and end: `[num_buckets + 1]`.
    pub edges: Vec<f64>,
    /// Numbers of examples.
    pub counts: Vec<usize>,
    /// Mean confidences; 0 in an empty bucket.
    pub confidence: Vec<f64>,
    /// Shares of right predictions; 0 in an empty bucket.
    pub accuracy: Vec<f64>,
}

impl QuantileBuckets {
    /// Sorts predictions, of which `correct` says 1 for right and 0 for wrong, into `num_buckets` buckets.
    ///
    /// # Shapes
    /// - `confidences`, `correct`: `[B]`
    ///
    /// # Errors
    /// [`MetricError::Setting`] without buckets; [`MetricError::Length`], [`MetricError::Empty`] or
    /// [`MetricError::Value`] if the lists do not fit or are no numbers between 0 and 1.
    pub fn new(confidences: &[f64], correct: &[f64], num_buckets: usize) -> Result<Self, MetricError> {
        check_count("num_buckets", 1, num_buckets)?;
        check_probabilities("confidences", confidences, confidences.len())?;
        let mut sorted = confidences.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let edge = |k| sorted[rank(count(k) / count(num_buckets), sorted.len())];
        Self::between((0..=num_buckets).map(edge).collect(), confidences, correct)
    }

    /// The same between given edges, in ascending order; a confidence outside is in the nearest bucket.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`MetricError::Value`] too for edges that are not in order.
    pub fn between(edges: Vec<f64>, confidences: &[f64], correct: &[f64]) -> Result<Self, MetricError> {
        check_count("edges", 2, edges.len())?;
        check_probabilities("edges", &edges, edges.len())?;
        if let Some(row) = (1..edges.len()).find(|&k| edges[k] < edges[k - 1]) {
            let expected = "at least the edge before it";
            return Err(MetricError::Value { what: "edges", row, expected, found: edges[row] });
        }
        check_probabilities("confidences", confidences, confidences.len())?;
        check_probabilities("correct", correct, confidences.len())?;
        let buckets = edges.len() - 1;
        let mut found =
            Self { edges, counts: vec![0; buckets], confidence: vec![0.0; buckets], accuracy: vec![0.0; buckets] };
        for (&confidence, &correct) in confidences.iter().zip(correct) {
            // Bucket k begins at edge k: the last of those at or below the confidence.
            let bucket = found.edges[1..buckets].partition_point(|&edge| edge <= confidence);
            found.counts[bucket] += 1;
            found.confidence[bucket] += confidence;
            found.accuracy[bucket] += correct;
        }
        let filled = |(k, &n): (usize, &usize)| (n > 0).then_some((k, count(n)));
        for (k, n) in found.counts.iter().enumerate().filter_map(filled) {
            found.confidence[k] /= n;
            found.accuracy[k] /= n;
        }
        Ok(found)
    }

    /// Expected calibration error `Σ_k n_k / B |accuracy_k - confidence_k|`, 0 to 1.
    #[must_use]
    pub fn error(&self) -> f64 {
        let gap = |k: usize| count(self.counts[k]) * (self.accuracy[k] - self.confidence[k]).abs();
        (0..self.counts.len()).map(gap).sum::<f64>() / count(self.counts.iter().sum())
    }
}

/// The rank of a quantile among `n` sorted values.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and n - 1
fn rank(p: f64, n: usize) -> usize {
    ((count(n - 1) * p).round_ties_even() as usize).min(n - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_rounded_to_even() {
        assert_eq!([0.0, 0.5, 1.0].map(|p| rank(p, 60)), [0, 30, 59]);
        assert_eq!([0.1, 0.5, 0.9].map(|p| rank(p, 150)), [15, 74, 134]);
        assert_eq!(rank(0.5, 1), 0);
    }

    #[test]
    fn by_hand() {
        // Ranks 0, 2, 4 of five: edges 0.5, 0.7, 0.9; the example at 0.7 is in the upper bucket.
        let buckets = QuantileBuckets::new(&[0.9, 0.5, 0.7, 0.6, 0.8], &[1.0, 0.0, 0.0, 1.0, 1.0], 2).unwrap();
        assert_eq!((&buckets.edges[..], &buckets.counts[..]), (&[0.5, 0.7, 0.9][..], &[2, 3][..]));
        let error = (2.0 * (0.5_f64 - 0.55).abs() + 3.0 * (2.0_f64 / 3.0 - 0.8).abs()) / 5.0;
        assert!((buckets.error() - error).abs() < 1e-15);
        // All equal: every edge is 0.5, and all are in the last bucket.
        assert_eq!(QuantileBuckets::new(&[0.5; 3], &[1.0; 3], 3).unwrap().counts, [0, 0, 3]);
    }

    #[test]
    fn bad_lists_are_named() {
        let text = |result: Result<QuantileBuckets, MetricError>| result.unwrap_err().to_string();
        assert_eq!(text(QuantileBuckets::new(&[0.5], &[1.0], 0)), "`num_buckets` must be at least 1, found 0");
        assert_eq!(text(QuantileBuckets::new(&[0.5], &[], 1)), "correct: expected 1 values, found 0");
        assert_eq!(
            text(QuantileBuckets::new(&[1.5], &[1.0], 1)),
            "confidences of example 0: expected a number between 0 and 1, found 1.5"
        );
        assert_eq!(
            text(QuantileBuckets::between(vec![0.5, 0.4], &[0.5], &[1.0])),
            "edges of example 1: expected at least the edge before it, found 0.4"
        );
    }
}

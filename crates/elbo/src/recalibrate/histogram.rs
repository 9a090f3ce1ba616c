//! Histogram binning (Zadrozny and Elkan 2001): for each class, probabilities in one bin are replaced by how
//! often the class was right there; rows are divided by their sums.
//!
//! The value of a bin is `(s + m c) / (n + m)`: n examples, s of them of the class, c their mean probability (the
//! middle of an empty bin), m the `smoothing`. `m = 0` is the published method; its zeros can cost infinitely many
//! nats.

use super::error::RecalibrationError;
use super::one_vs_rest::{class_examples, map_classes};
use super::{check_classes, check_finite, check_not_negative};
use crate::metric::{MetricError, Probabilities, count};
use serde::{Deserialize, Serialize};

/// Most bins.
const MAX_BINS: usize = 10_000;

/// Where bins begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binning {
    /// So many of equal width.
    EqualWidth(usize),
    /// So many of equally many examples: the paper's. Fewer where probabilities are equal.
    EqualMass(usize),
}

/// Bins of one class: `values[b]` from `edges[b - 1]` up to below `edges[b]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bins {
    edges: Vec<f64>,
    values: Vec<f64>,
}

/// Bins of probabilities for every class.
///
/// ```
/// use elbo::{metric::Probabilities, recalibrate::{Binning, HistogramBinning}};
/// let probs = Probabilities::new(vec![0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.6, 0.4], 2)?;
/// let map = HistogramBinning::fit(&probs, &[0, 1, 0, 0], Binning::EqualWidth(2), 0.0)?;
/// assert_eq!(map.apply(&probs)?.row(0), [0.75, 0.25]);
/// # Ok::<(), elbo::recalibrate::RecalibrationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct HistogramBinning {
    classes: Vec<Bins>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    classes: Vec<Bins>,
}

impl TryFrom<Stored> for HistogramBinning {
    type Error = RecalibrationError;

    fn try_from(Stored { classes }: Stored) -> Result<Self, RecalibrationError> {
        if classes.is_empty() {
            return Err(MetricError::Empty { what: "classes" }.into());
        }
        classes.iter().try_for_each(Bins::check)?;
        Ok(Self { classes })
    }
}

impl HistogramBinning {
    /// Fits the bins of each class to held-out labels.
    ///
    /// # Shapes
    /// - `probs`: `[n, K]`; `labels`: `[n]`
    ///
    /// # Errors
    /// [`RecalibrationError::Metric`] if the labels do not fit, `smoothing` is negative, or there are no bins or more
    /// than 10,000.
    pub fn fit(
        probs: &Probabilities,
        labels: &[usize],
        binning: Binning,
        smoothing: f64,
    ) -> Result<Self, RecalibrationError> {
        probs.check_labels(labels)?;
        check_not_negative("smoothing", smoothing)?;
        let (Binning::EqualWidth(bins) | Binning::EqualMass(bins)) = binning;
        if !(1..=MAX_BINS).contains(&bins) {
            let expected = "between 1 and 10000";
            return Err(MetricError::Setting { name: "bins", expected, found: bins.to_string() }.into());
        }
        let fit = |class| Bins::fit(&class_examples(probs, labels, class).collect::<Vec<_>>(), binning, smoothing);
        Ok(Self { classes: (0..probs.classes()).map(fit).collect() })
    }

    /// The mapped probabilities, rows with sum 1.
    ///
    /// # Errors
    /// [`MetricError::Length`] for another number of classes.
    pub fn apply(&self, probs: &Probabilities) -> Result<Probabilities, MetricError> {
        check_classes(self.classes.len(), probs)?;
        map_classes(probs, |class, p| self.classes[class].at(p))
    }
}

impl Bins {
    fn fit(examples: &[(f64, f64)], binning: Binning, smoothing: f64) -> Self {
        let edges = match binning {
            Binning::EqualWidth(bins) => (1..bins).map(|b| count(b) / count(bins)).collect(),
            Binning::EqualMass(bins) => quantile_edges(examples, bins),
        };
        let mut sums = vec![(0.0, 0.0, 0.0); edges.len() + 1];
        for &(p, right) in examples {
            let (n, s, c) = &mut sums[bin(&edges, p)];
            (*n, *s, *c) = (*n + 1.0, *s + right, *c + p);
        }
        let end = |b: usize| if b == edges.len() { 1.0 } else { edges[b] };
        let start = |b: usize| if b == 0 { 0.0 } else { edges[b - 1] };
        let value = |(b, &(n, s, c)): (usize, &(f64, f64, f64))| match n > 0.0 {
            true => ((s + smoothing * c / n) / (n + smoothing)).clamp(0.0, 1.0),
            false => 0.5 * (start(b) + end(b)),
        };
        let values = sums.iter().enumerate().map(value).collect();
        Self { edges, values }
    }

    fn at(&self, p: f64) -> f64 {
        self.values[bin(&self.edges, p)]
    }

    fn check(&self) -> Result<(), RecalibrationError> {
        check_finite("values of the bins", &self.values, self.edges.len() + 1)?;
        let fail =
            |what, expected, found: f64| Err(RecalibrationError::Stored { what, expected, found: found.to_string() });
        if let Some(&value) = self.values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            return fail("values of the bins", "probabilities", value);
        }
        match (0..self.edges.len()).find(|&i| !self.edges[i].is_finite() || i > 0 && self.edges[i - 1] >= self.edges[i])
        {
            Some(i) => fail("edges of the bins", "rising finite numbers", self.edges[i]),
            None => Ok(()),
        }
    }
}

/// The bin of p; an edge belongs to the bin above it.
fn bin(edges: &[f64], p: f64) -> usize {
    edges.partition_point(|&edge| edge <= p)
}

/// Edges halfway between the examples number `i n / bins - 1` and `i n / bins`; none between equal ones.
fn quantile_edges(examples: &[(f64, f64)], bins: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = examples.iter().map(|&(p, _)| p).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let cuts = (1..bins).map(|b| b * sorted.len() / bins).filter(|&i| i > 0 && sorted[i - 1] < sorted[i]);
    let mut edges: Vec<f64> = cuts.map(|i| sorted[i - 1] + 0.5 * (sorted[i] - sorted[i - 1])).collect();
    edges.dedup();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLES: [(f64, f64); 5] = [(0.1, 0.0), (0.2, 1.0), (0.2, 0.0), (0.6, 1.0), (1.0, 1.0)];

    #[test]
    fn bins_by_hand() {
        let bins = Bins::fit(&EXAMPLES, Binning::EqualWidth(4), 0.0);
        assert_eq!((bins.edges, bins.values), (vec![0.25, 0.5, 0.75], vec![1.0 / 3.0, 0.375, 1.0, 1.0]));
        let bins = Bins::fit(&EXAMPLES, Binning::EqualMass(2), 0.0);
        assert_eq!(bins.edges.len(), 0, "the middle cut lies between equal numbers");
        let bins = Bins::fit(&EXAMPLES, Binning::EqualMass(5), 1.0);
        assert!((bins.edges[0] - 0.15).abs() < 1e-15 && bins.edges.len() == 3);
        let expected = [0.05, 1.2 / 3.0, 0.8, 1.0];
        assert!(bins.values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{:?}", bins.values);
    }

    #[test]
    fn stored_bins_are_checked() {
        for text in [
            r#"{"classes":[]}"#,
            r#"{"classes":[{"edges":[0.5],"values":[0.1]}]}"#,
            r#"{"classes":[{"edges":[0.5,0.5],"values":[0.1,0.2,0.3]}]}"#,
            r#"{"classes":[{"edges":[0.5],"values":[0.1,1.5]}]}"#,
        ] {
            assert!(serde_json::from_str::<HistogramBinning>(text).is_err(), "{text}");
        }
    }
}

//! The posterior of each class probability, and its central intervals: with the probabilities `p_sk` under S weight samples,
//! `[Q(½ - ½ level), Q(½ + ½ level)]`, Q the quantile function of `p_1k, .., p_Sk` (linear between the middles of
//! neighbours: definition 5 of Hyndman and Fan 1996, Hazen's rule).
//!
//! Up to 128 samples are kept as they are; of more, neighbours are joined as the centroids of a t-digest ([`Mixture`]).

use super::super::MetricError;
use super::super::lists::check_level;
use super::probabilities::check;
use crate::predict::Mixture;

/// Gathers class probabilities weight sample by weight sample, and tells where each of them lies.
///
/// **Memory**: 40 bytes for each of the first 128 weight samples, of each example and class: at most 5 KiB for a class of an
/// example, however many samples there are. A thousand examples of ten classes take 50 MiB.
///
/// ```
/// use elbo::metric::ClassPosteriors;
/// let mut posteriors = ClassPosteriors::new(1, 2)?; // one example, two classes
/// for first in [0.5, 0.25, 0.75] {
///     posteriors.push(&[first, 1.0 - first])?;
/// }
/// let (low, high) = posteriors.credible_interval(2.0 / 3.0)?; // order statistics at 1/6, 1/2 and 5/6
/// assert!((low[0] - 0.25).abs() < 1e-15 && (high[0] - 0.75).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ClassPosteriors {
    classes: usize,
    /// Points, of which locations are all that counts: `[examples, classes]`.
    distributions: Vec<Mixture>,
}

impl ClassPosteriors {
    /// Nothing gathered yet, for `examples` examples and `classes` classes.
    ///
    /// # Errors
    /// [`MetricError::Setting`] without classes, or if `examples classes` distributions cannot be addressed.
    pub fn new(examples: usize, classes: usize) -> Result<Self, MetricError> {
        check(&[], classes)?;
        let most = isize::MAX.unsigned_abs() / size_of::<Mixture>();
        let size = examples.checked_mul(classes).filter(|&size| size <= most);
        let size = size.ok_or_else(|| MetricError::Setting {
            name: "examples",
            expected: "a number whose product with `classes` can be addressed",
            found: format!("{examples} x {classes}"),
        })?;
        Ok(Self { classes, distributions: vec![Mixture::default(); size] })
    }

    /// Adds the probabilities of one weight sample, row-major `[examples, classes]`.
    ///
    /// # Errors
    /// [`MetricError::Length`] for another size, [`MetricError::Probability`] or [`MetricError::RowSum`] at a row that
    /// is no distribution. Nothing is added then.
    pub fn push(&mut self, probs: &[f64]) -> Result<(), MetricError> {
        if probs.len() != self.distributions.len() {
            let (expected, found) = (self.distributions.len(), probs.len());
            return Err(MetricError::Length { what: "probabilities", expected, found });
        }
        check(probs, self.classes)?;
        add(&mut self.distributions, probs);
        Ok(())
    }

    /// Adds the probabilities of the examples `indices` under one weight sample, which are known to be such.
    pub(crate) fn push_rows(&mut self, indices: &[usize], probs: &[f64]) {
        let classes = self.classes;
        for (&i, row) in indices.iter().zip(probs.chunks_exact(classes)) {
            add(&mut self.distributions[i * classes..][..classes], row);
        }
    }

    /// Number of examples.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.distributions.len() / self.classes
    }

    /// Number of classes K.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Ends of the central credible intervals that hold the probability of a class with posterior probability `level`: two
    /// lists `[examples, classes]`, row-major. Each is of one class by itself: the ends of an example do not add up to 1.
    ///
    /// # Errors
    /// [`MetricError::Setting`] unless `0 < level < 1`, [`MetricError::Empty`] if no sample was added.
    pub fn credible_interval(&self, level: f64) -> Result<(Vec<f64>, Vec<f64>), MetricError> {
        check_level("level", level)?;
        if self.distributions.iter().any(|of| of.samples() == 0.0) {
            return Err(MetricError::Empty { what: "weight samples" });
        }
        let ends = self.distributions.iter().map(|of| of.credible_interval(level));
        // Joining rounds.
        Ok(ends.map(|(low, high)| (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0))).unzip())
    }

    /// Standard deviations of the probabilities over weight samples, `[examples, classes]`, row-major; NaN if no sample was
    /// added.
    #[must_use]
    pub fn stddev(&self) -> Vec<f64> {
        self.distributions.iter().map(|of| of.epistemic_variance().sqrt()).collect()
    }
}

fn add(distributions: &mut [Mixture], probs: &[f64]) {
    distributions.iter_mut().zip(probs).for_each(|(of, &p)| of.push_normal(p, 0.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::count;
    use elbo_kernels::Stream;
    use elbo_kernels::noise::normal::normals_f64;
    use proptest::prelude::*;

    /// Hazen's quantile of sorted values.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a position in the list
    fn quantile(sorted: &[f64], p: f64) -> f64 {
        let place = (p * count(sorted.len()) - 0.5).clamp(0.0, count(sorted.len() - 1));
        let below = place.floor() as usize;
        let above = (below + 1).min(sorted.len() - 1);
        sorted[below] + (place - count(below)) * (sorted[above] - sorted[below])
    }

    fn gathered(first: &[f64]) -> ClassPosteriors {
        let mut posteriors = ClassPosteriors::new(1, 2).unwrap();
        for &p in first {
            posteriors.push(&[p, 1.0 - p]).unwrap();
        }
        posteriors
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Up to 128 samples are exact, and what class 0 gains class 1 loses.
        #[test]
        fn intervals_are_quantiles(first in prop::collection::vec(0.0_f64..=1.0, 1..=128), level in 0.01_f64..0.99) {
            let (low, high) = gathered(&first).credible_interval(level).unwrap();
            let mut sorted = first.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let tail = 0.5 * (1.0 - level);
            let expected = [quantile(&sorted, tail), quantile(&sorted, 1.0 - tail)];
            prop_assert!((low[0] - expected[0]).abs() < 1e-12 && (high[0] - expected[1]).abs() < 1e-12, "{:?}", expected);
            prop_assert!((low[1] - (1.0 - high[0])).abs() < 1e-12 && (high[1] - (1.0 - low[0])).abs() < 1e-12);
        }

        /// Of any number of samples: within 0 and 1, around the median, and wider for a higher level.
        #[test]
        fn intervals_are_nested(
            first in prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.0_f64..=1.0], 1..700), level in 0.1_f64..0.9,
        ) {
            let posteriors = gathered(&first);
            let [(low, high), (lower, higher)] = [level, level + 0.09].map(|level| posteriors.credible_interval(level).unwrap());
            for k in 0..2 {
                prop_assert!(0.0 <= lower[k] && lower[k] <= low[k] && low[k] <= high[k] && high[k] <= higher[k]);
                prop_assert!(higher[k] <= 1.0);
            }
            prop_assert!(posteriors.distributions.iter().all(|of| of.parts() <= 128));
        }
    }

    /// 10,000 samples in the room of 128: the share that an interval holds is off by less than a percent.
    #[test]
    fn many_samples_keep_their_quantiles() {
        for (seed, scale) in [(1, 0.3), (2, 1.0), (3, 4.0)] {
            let logits = normals_f64(Stream::named(seed, "posteriors").draws(0, 1), 10_000);
            let first: Vec<f64> = logits.iter().map(|z| 1.0 / (1.0 + (-scale * z).exp())).collect();
            let (low, high) = gathered(&first).credible_interval(0.9).unwrap();
            let below = |end: f64| count(first.iter().filter(|&&p| p < end).count()) / 10_000.0;
            assert!((below(low[0]) - 0.05).abs() < 0.005 && (below(high[0]) - 0.95).abs() < 0.005, "{low:?} {high:?}");
        }
    }

    #[test]
    fn rows_go_where_they_belong() {
        let mut parts = ClassPosteriors::new(3, 2).unwrap();
        parts.push_rows(&[2, 0], &[0.9, 0.1, 0.2, 0.8]);
        parts.push_rows(&[1], &[0.5, 0.5]);
        let mut whole = ClassPosteriors::new(3, 2).unwrap();
        whole.push(&[0.2, 0.8, 0.5, 0.5, 0.9, 0.1]).unwrap();
        assert_eq!((&parts, parts.examples(), parts.classes()), (&whole, 3, 2));
        assert_eq!(whole.stddev(), [0.0; 6]);
        assert!((gathered(&[0.25, 0.75]).stddev()[1] - 0.25).abs() < 1e-15);
    }

    #[test]
    fn misuse_is_named() {
        let mut posteriors = ClassPosteriors::new(1, 2).unwrap();
        assert_eq!(posteriors.credible_interval(0.9), Err(MetricError::Empty { what: "weight samples" }));
        assert!(matches!(posteriors.push(&[1.0]), Err(MetricError::Length { expected: 2, found: 1, .. })));
        assert!(matches!(posteriors.push(&[0.9, 0.9]), Err(MetricError::RowSum { row: 0, .. })));
        posteriors.push(&[0.5, 0.5]).unwrap();
        for level in [0.0, 1.0, -1.0, f64::NAN] {
            assert!(matches!(posteriors.credible_interval(level), Err(MetricError::Setting { name: "level", .. })));
        }
        assert_eq!(posteriors.credible_interval(0.9).unwrap(), (vec![0.5; 2], vec![0.5; 2]));
        assert!(matches!(ClassPosteriors::new(1, 0), Err(MetricError::Setting { name: "classes", .. })));
        assert!(matches!(ClassPosteriors::new(usize::MAX, 2), Err(MetricError::Setting { name: "examples", .. })));
    }
}

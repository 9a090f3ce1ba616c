//! What coverage to expect of a finite test part.
//!
//! Given n calibration scores without ties, the probability C that a new score is at most the k-th smallest,
//! `k = ⌈(n + 1)(1 - α)⌉`, is itself random: `C ~ Beta(k, n + 1 - k)` (Vovk 2012). Of m test examples so many
//! are covered as the beta-binomial law with these parameters says. With ties more are.

use super::check_alpha;
use super::threshold::rank;
use crate::metric::{MetricError, count};
use libm::lgamma;

/// The law of the coverage of a threshold from n scores without ties.
///
/// ```
/// use elbo::conformal::CoverageLaw;
/// let law = CoverageLaw::new(99, 0.1)?;
/// assert!((law.mean() - 0.9).abs() < 1e-15);
/// let (low, high) = law.covered_between(100, 0.001)?;
/// assert!(low > 70 && high == 100); // 100 test examples say little
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoverageLaw {
    rank: usize,
    examples: usize,
}

impl CoverageLaw {
    /// For `examples` calibration scores, n.
    ///
    /// # Errors
    /// [`MetricError::Setting`] unless `0 < α < 1`.
    pub fn new(examples: usize, alpha: f64) -> Result<Self, MetricError> {
        check_alpha(alpha)?;
        Ok(Self { rank: rank(examples, alpha), examples })
    }

    /// `k / (n + 1)`: from `1 - α` up to below `1 - α + 1/(n + 1)`.
    #[must_use]
    pub fn mean(&self) -> f64 {
        count(self.rank) / count(self.examples + 1)
    }

    /// Standard deviation of C over calibration parts: `sqrt(k (n + 1 - k) / ((n + 1)² (n + 2)))`.
    #[must_use]
    pub fn stddev(&self) -> f64 {
        (self.mean() * (1.0 - self.mean()) / count(self.examples + 2)).sqrt()
    }

    /// The probability that 0, 1, .. m of m test examples are covered: `[m + 1]`.
    #[must_use]
    pub fn covered_probabilities(&self, m: usize) -> Vec<f64> {
        let (a, b) = (count(self.rank), count(self.examples + 1 - self.rank));
        if b == 0.0 {
            return (0..=m).map(|j| f64::from(u8::from(j == m))).collect();
        }
        let log_beta = |a: f64, b: f64| lgamma(a) + lgamma(b) - lgamma(a + b);
        let ways = |j: f64| lgamma(count(m) + 1.0) - lgamma(j + 1.0) - lgamma(count(m) - j + 1.0);
        let log_of = |j: f64| ways(j) + log_beta(j + a, count(m) - j + b) - log_beta(a, b);
        (0..=m).map(|j| log_of(count(j)).exp()).collect()
    }

    /// Between which counts, ends included, the number of covered ones of m test examples lies but for a probability of
    /// at most `error`, half of it on each side.
    ///
    /// # Errors
    /// [`MetricError::Setting`] unless `0 < error < 1`.
    pub fn covered_between(&self, m: usize, error: f64) -> Result<(usize, usize), MetricError> {
        if !(error > 0.0 && error < 1.0) {
            let expected = "above 0 and below 1";
            return Err(MetricError::Setting { name: "error", expected, found: error.to_string() });
        }
        let probabilities = self.covered_probabilities(m);
        let cut = |probabilities: &mut dyn Iterator<Item = &f64>| {
            let sums = probabilities.scan(0.0, |sum, p| {
                *sum += p;
                Some(*sum)
            });
            sums.take_while(|&sum| sum <= 0.5 * error).count()
        };
        Ok((cut(&mut probabilities.iter()), m - cut(&mut probabilities.iter().rev())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// n = 1, α = 1/2: `C ~ Beta(1, 1)`, so every count is as likely. n = 3, α = 1/4: Beta(3, 1),
    /// `P(j = m) = 3/(m + 3)`.
    #[test]
    fn closed_forms() {
        let law = CoverageLaw::new(1, 0.5).unwrap();
        assert!(law.covered_probabilities(4).iter().all(|p| (p - 0.2).abs() < 1e-13));
        assert_eq!(law.covered_between(4, 0.5).unwrap(), (1, 3));
        let law = CoverageLaw::new(3, 0.25).unwrap();
        assert!((law.covered_probabilities(5)[5] - 3.0 / 8.0).abs() < 1e-13);
        let sure = CoverageLaw::new(3, 0.1).unwrap();
        assert_eq!((sure.mean(), sure.stddev(), sure.covered_between(7, 0.1).unwrap()), (1.0, 0.0, (7, 7)));
    }

    #[test]
    fn probabilities_sum_to_one_and_have_the_mean() {
        for (n, alpha, m) in [(20, 0.1, 30), (500, 0.05, 1000), (75, 0.1, 75)] {
            let law = CoverageLaw::new(n, alpha).unwrap();
            let p = law.covered_probabilities(m);
            let mean: f64 = p.iter().enumerate().map(|(j, p)| count(j) * p).sum::<f64>() / count(m);
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-10 && (mean - law.mean()).abs() < 1e-10);
            assert!(law.mean() >= 1.0 - alpha - 1e-15 && law.mean() < 1.0 - alpha + 1.0 / count(n + 1));
        }
    }
}

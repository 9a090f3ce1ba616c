//! The probability integral transform (Dawid 1984; Diebold, Gunther and Tay 1998): `F_i(y_i)` is uniform if y comes from
//! `F`. Where `F` jumps, `F(y-) + V (F(y) - F(y-))` with a uniform V is (Smith 1985; Czado, Gneiting and Held 2009,
//! eq. 1).
//!
//! A histogram with a hump in the middle says that forecasts are too wide, with horns at the ends too narrow, with a
//! slope biased (Gneiting, Balabdaoui and Raftery 2007, section 3.1).

use super::super::binomial;
use super::super::lists::{check_count, check_level, check_probabilities};
use super::super::{MetricError, count};
use super::Forecasts;
use super::forecast::Law;
use elbo_kernels::Stream;
use elbo_kernels::noise::uniform::uniforms_f64;
use serde::{Deserialize, Serialize};

impl Forecasts<'_> {
    /// The transform of every target, 0 to 1: `[B]`.
    ///
    /// Of an ensemble of S it is `(#{x < y} + V (1 + #{x = y})) / (S + 1)`, the rank of the target among the members,
    /// spread evenly over its step (Hamill 2001): uniform if the target is one more draw like them. `seed` decides V, and
    /// nothing of the other families. Example at [`Forecasts`].
    ///
    /// # Errors
    /// [`MetricError::Length`] or [`MetricError::Value`] if the targets do not fit.
    pub fn pit(&self, targets: &[f64], seed: u64) -> Result<Vec<f64>, MetricError> {
        self.check_targets(targets)?;
        let Law::Ensemble { members, size } = self.law else {
            // Weights may sum to a little more than 1.
            return Ok(targets.iter().enumerate().map(|(i, &y)| self.cdf(i, y).min(1.0)).collect());
        };
        let steps = members.chunks_exact(size).zip(targets).map(|(row, y)| {
            let below = row.iter().filter(|x| *x < y).count();
            let equal = row.iter().filter(|x| *x == y).count();
            [below, below + equal + 1].map(|rank| count(rank) / count(size + 1))
        });
        let (below, at): (Vec<f64>, Vec<f64>) = steps.map(|[below, at]| (below, at)).unzip();
        randomized_pit(&below, &at, seed)
    }
}

/// The transform of discrete forecasts, such as counts: `below = Pr(Y < y)`, `at = Pr(Y <= y)`; 0 to 1: `[B]`.
///
/// ```
/// use elbo::metric::randomized_pit;
/// let pit = randomized_pit(&[0.2, 0.0], &[0.5, 0.1], 7)?; // anywhere within the step
/// assert!((0.2..0.5).contains(&pit[0]) && (0.0..0.1).contains(&pit[1]));
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `below`, `at`: `[B]`
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Value`] if the lists do not fit, hold something
/// beyond 0 and 1 or go down.
pub fn randomized_pit(below: &[f64], at: &[f64], seed: u64) -> Result<Vec<f64>, MetricError> {
    check_probabilities("below", below, below.len())?;
    check_probabilities("at", at, below.len())?;
    if let Some(row) = (0..at.len()).find(|&i| at[i] < below[i]) {
        return Err(MetricError::Value { what: "at", row, expected: "at least `below`", found: at[row] });
    }
    let uniforms = uniforms_f64(Stream::named(seed, "pit").draws(0, 1), below.len());
    Ok(below.iter().zip(at).zip(uniforms).map(|((below, at), v)| below + v * (at - below)).collect())
}

/// Counts of transforms in bins of equal width, and how far they may be from equal by chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PitHistogram {
    /// Number of examples in each bin.
    pub counts: Vec<usize>,
    /// What each would be on average if calibrated: `B / bins`.
    pub expected: f64,
    /// Central interval of a count if calibrated, of the binomial distribution with `B` and `1 / bins`, for one bin by
    /// itself.
    pub band: [usize; 2],
}

/// Histogram of transforms with `num_bins` bins, `floor(pit · num_bins)` (1 in the last), and its band at `level`.
///
/// ```
/// use elbo::metric::pit_histogram;
/// let histogram = pit_histogram(&[0.1, 0.2, 0.55, 1.0], 2, 0.9)?;
/// assert_eq!((histogram.counts, histogram.expected, histogram.band), (vec![2, 2], 2.0, [0, 4]));
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `pit`: `[B]`
///
/// # Errors
/// [`MetricError::Setting`] without bins or for a level out of range; [`MetricError::Empty`] or
/// [`MetricError::Value`] for no values or some beyond 0 and 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and the number of bins
pub fn pit_histogram(pit: &[f64], num_bins: usize, level: f64) -> Result<PitHistogram, MetricError> {
    check_count("num_bins", 1, num_bins)?;
    check_level("level", level)?;
    check_probabilities("pit", pit, pit.len())?;
    let mut counts = vec![0; num_bins];
    for p in pit {
        counts[((p * count(num_bins)) as usize).min(num_bins - 1)] += 1;
    }
    let quantile = |p| binomial::quantile(pit.len(), 1.0 / count(num_bins), p);
    let band = [0.5 - 0.5 * level, 0.5 + 0.5 * level].map(quantile);
    Ok(PitHistogram { counts, expected: count(pit.len()) / count(num_bins), band })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuous_transforms_are_distribution_functions() {
        let pit = Forecasts::logistic(&[1.0, 0.0], &[2.0, 1.0]).unwrap().pit(&[1.0, 1.0], 5).unwrap();
        assert!((pit[0] - 0.5).abs() < 1e-15 && (pit[1] - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-15);
    }

    #[test]
    fn ensembles_give_spread_ranks() {
        let forecasts = Forecasts::ensemble(&[1.0, 2.0, 2.0, 4.0, 1.0, 2.0, 2.0, 4.0], 4).unwrap();
        for seed in 0..50 {
            let pit = forecasts.pit(&[2.0, 9.0], seed).unwrap();
            // One below, two equal: ranks 1 to 3 of 0 to 4; the second is above all.
            assert!((0.2..0.8).contains(&pit[0]) && (0.8..1.0).contains(&pit[1]), "{pit:?}");
        }
        assert_eq!(forecasts.pit(&[2.0, 9.0], 3).unwrap(), forecasts.pit(&[2.0, 9.0], 3).unwrap());
    }

    #[test]
    fn bad_lists_are_named() {
        let error = randomized_pit(&[0.4], &[0.3], 0).unwrap_err();
        assert_eq!(error.to_string(), "at of example 0: expected at least `below`, found 0.3");
        assert!(pit_histogram(&[0.5], 0, 0.9).is_err() && pit_histogram(&[1.5], 2, 0.9).is_err());
        assert!(pit_histogram(&[], 2, 0.9).is_err());
    }
}

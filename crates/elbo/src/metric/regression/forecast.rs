//! Forecasts of a number, as distributions: `F_i` for every example i.
//!
//! | family | lists | rows |
//! | --- | --- | --- |
//! | normal | means, standard deviations | `[B]` |
//! | Student-t | degrees of freedom, centres, scales | `[B]` |
//! | logistic | centres, scales | `[B]` |
//! | mixture of S normals | weights `[S]`, means, standard deviations | `[B, S]` |
//! | ensemble of S draws | members | `[B, S]` |
//!
//! The predictive distribution of a Bayesian network with a Gaussian likelihood is the mixture, one normal for every
//! weight sample; its draws, or point predictions under S weight samples, are an ensemble.

use super::super::lists::{check, check_count, check_finite, check_level, check_positive};
use super::super::order::quantile;
use super::super::{MetricError, count};
use crate::output::special::{incomplete_beta, normal};

/// Largest deviation of the sum of weights from 1.
const TOLERANCE: f64 = 1e-6;

/// One predicted distribution per example, checked.
///
/// ```
/// use elbo::metric::Forecasts;
/// let (means, stddevs, targets) = ([0.0, 1.0], [1.0, 2.0], [0.5, -1.0]);
/// let forecasts = Forecasts::normal(&means, &stddevs)?;
/// let (crps, pit) = (forecasts.crps(&targets)?, forecasts.pit(&targets, 0)?);
/// assert!(crps[0] < crps[1] && pit[1] < 0.5 && 0.5 < pit[0]);
/// let (low, high) = forecasts.central_intervals(0.9)?;
/// assert!((high[1] - low[1] - 2.0 * 1.644_854 * 2.0).abs() < 1e-5);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Forecasts<'a> {
    pub(super) law: Law<'a>,
    pub(super) rows: usize,
}

/// The families.
#[derive(Clone, Copy, Debug)]
pub(super) enum Law<'a> {
    Normal { means: &'a [f64], stddevs: &'a [f64] },
    StudentT { df: &'a [f64], locs: &'a [f64], scales: &'a [f64] },
    Logistic { locs: &'a [f64], scales: &'a [f64] },
    NormalMixture { weights: &'a [f64], means: &'a [f64], stddevs: &'a [f64] },
    Ensemble { members: &'a [f64], size: usize },
}

impl<'a> Forecasts<'a> {
    /// Normals.
    ///
    /// # Shapes
    /// - `means`, `stddevs`: `[B]`
    ///
    /// # Errors
    /// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Value`] if the lists do not fit, a mean is not
    /// finite or a standard deviation not above 0.
    pub fn normal(means: &'a [f64], stddevs: &'a [f64]) -> Result<Self, MetricError> {
        check_finite("means", means, means.len())?;
        check_positive("stddevs", stddevs, means.len())?;
        Ok(Self { law: Law::Normal { means, stddevs }, rows: means.len() })
    }

    /// Student's t, shifted and scaled.
    ///
    /// # Shapes
    /// - `df`, `locs`, `scales`: `[B]`
    ///
    /// # Errors
    /// As [`normal`](Self::normal); degrees of freedom are above 0 too.
    pub fn student_t(df: &'a [f64], locs: &'a [f64], scales: &'a [f64]) -> Result<Self, MetricError> {
        check_finite("locs", locs, locs.len())?;
        check_positive("df", df, locs.len())?;
        check_positive("scales", scales, locs.len())?;
        Ok(Self { law: Law::StudentT { df, locs, scales }, rows: locs.len() })
    }

    /// Logistic distributions `1 / (1 + exp(-(y - loc) / scale))`.
    ///
    /// # Shapes
    /// - `locs`, `scales`: `[B]`
    ///
    /// # Errors
    /// As [`normal`](Self::normal).
    pub fn logistic(locs: &'a [f64], scales: &'a [f64]) -> Result<Self, MetricError> {
        check_finite("locs", locs, locs.len())?;
        check_positive("scales", scales, locs.len())?;
        Ok(Self { law: Law::Logistic { locs, scales }, rows: locs.len() })
    }

    /// Mixtures of S normals with the same weights for every example: `1 / S` each for weight samples.
    ///
    /// # Shapes
    /// - `weights`: `[S]`; `means`, `stddevs`: `[B, S]`, row-major
    ///
    /// # Errors
    /// [`MetricError::Setting`] for weights that are below 0 or whose sum is not 1 within `1e-6`; otherwise as
    /// [`normal`](Self::normal), counting values.
    pub fn normal_mixture(weights: &'a [f64], means: &'a [f64], stddevs: &'a [f64]) -> Result<Self, MetricError> {
        check("weights", weights, weights.len(), |w| w.is_finite() && w >= 0.0, "a finite number of at least 0")?;
        let sum: f64 = weights.iter().sum();
        if (sum - 1.0).abs() > TOLERANCE {
            let expected = "numbers with sum 1 within 1e-6";
            return Err(MetricError::Setting { name: "weights", expected, found: format!("a sum of {sum}") });
        }
        check_whole("means", means, weights.len())?;
        check_positive("stddevs", stddevs, means.len())?;
        Ok(Self { law: Law::NormalMixture { weights, means, stddevs }, rows: means.len() / weights.len() })
    }

    /// Ensembles of `size` draws.
    ///
    /// # Shapes
    /// - `members`: `[B, size]`, row-major
    ///
    /// # Errors
    /// [`MetricError::Setting`] for a size of 0; [`MetricError::Length`], [`MetricError::Empty`] or
    /// [`MetricError::Value`] if the last row is not whole or a member not finite.
    pub fn ensemble(members: &'a [f64], size: usize) -> Result<Self, MetricError> {
        check_count("size", 1, size)?;
        check_whole("members", members, size)?;
        Ok(Self { law: Law::Ensemble { members, size }, rows: members.len() / size })
    }

    /// Number of examples B.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Never: there is at least one example.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// `Pr(Y_i <= y)`; NaN for a `y` that is one.
    ///
    /// # Panics
    /// If `i` is not below [`len`](Self::len).
    #[must_use]
    pub fn cdf(&self, i: usize, y: f64) -> f64 {
        match self.law {
            Law::Normal { means, stddevs } => normal::log_cdf((y - means[i]) / stddevs[i]).exp(),
            Law::StudentT { df, locs, scales } => incomplete_beta::log_cdf((y - locs[i]) / scales[i], df[i]).exp(),
            Law::Logistic { locs, scales } => 1.0 / (1.0 + (-(y - locs[i]) / scales[i]).exp()),
            Law::NormalMixture { .. } => {
                let component = |[weight, mean, stddev]: [f64; 3]| weight * normal::log_cdf((y - mean) / stddev).exp();
                self.components(i).map(component).sum()
            }
            Law::Ensemble { members, size } => {
                let below = members[i * size..][..size].iter().filter(|&&x| x <= y).count();
                if y.is_nan() { y } else { count(below) / count(size) }
            }
        }
    }

    /// Quantile `p` of every example: of an ensemble linear between its members (definition 7 of Hyndman and Fan 1996).
    /// Of a mixture to 14 digits of the width of its bracket, by halving it.
    ///
    /// # Errors
    /// [`MetricError::Setting`] unless `0 < p < 1`.
    pub fn quantiles(&self, p: f64) -> Result<Vec<f64>, MetricError> {
        check_level("p", p)?;
        Ok(match self.law {
            Law::Normal { means, stddevs } => {
                let z = normal::quantile(p);
                means.iter().zip(stddevs).map(|(mean, stddev)| mean + z * stddev).collect()
            }
            Law::StudentT { df, locs, scales } => {
                (0..self.rows).map(|i| locs[i] + scales[i] * incomplete_beta::quantile(p, df[i])).collect()
            }
            Law::Logistic { locs, scales } => {
                let z = p.ln() - (-p).ln_1p();
                locs.iter().zip(scales).map(|(loc, scale)| loc + z * scale).collect()
            }
            Law::NormalMixture { .. } => (0..self.rows).map(|i| self.mixture_quantile(i, p)).collect(),
            Law::Ensemble { members, size } => {
                members.chunks_exact(size).map(|row| quantile(&sorted(row), p)).collect()
            }
        })
    }

    /// Ends of every example's central interval: its `(1 - level) / 2` and `(1 + level) / 2` quantiles.
    ///
    /// # Errors
    /// [`MetricError::Setting`] unless `0 < level < 1`.
    pub fn central_intervals(&self, level: f64) -> Result<(Vec<f64>, Vec<f64>), MetricError> {
        check_level("level", level)?;
        Ok((self.quantiles(0.5 - 0.5 * level)?, self.quantiles(0.5 + 0.5 * level)?))
    }

    /// Weight, mean and standard deviation of the components of a mixture; none of another family.
    pub(super) fn components(&self, i: usize) -> impl Iterator<Item = [f64; 3]> + Clone + 'a {
        let (weights, means, stddevs): (&[f64], &[f64], &[f64]) = match self.law {
            Law::NormalMixture { weights, means, stddevs } => (weights, means, stddevs),
            _ => (&[], &[], &[]),
        };
        let start = i * weights.len();
        weights.iter().enumerate().map(move |(s, &weight)| [weight, means[start + s], stddevs[start + s]])
    }

    /// Between the smallest and the largest of the components' quantiles.
    fn mixture_quantile(&self, i: usize, p: f64) -> f64 {
        let z = normal::quantile(p);
        let ends = self.components(i).map(|[_, mean, stddev]| mean + z * stddev);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for end in ends {
            (low, high) = (low.min(end), high.max(end));
        }
        for _ in 0..60 {
            let middle = low + 0.5 * (high - low);
            if middle <= low || middle >= high {
                break;
            }
            if self.cdf(i, middle) < p { low = middle } else { high = middle }
        }
        low + 0.5 * (high - low)
    }

    /// One finite target for every example.
    pub(super) fn check_targets(&self, targets: &[f64]) -> Result<(), MetricError> {
        check_finite("targets", targets, self.rows)
    }
}

pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// Finite values in whole rows.
pub(super) fn check_whole(what: &'static str, values: &[f64], width: usize) -> Result<(), MetricError> {
    check_finite(what, values, values.len().next_multiple_of(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEIGHTS: [f64; 2] = [0.25, 0.75];

    #[test]
    fn quantiles_invert_distribution_functions() {
        let (one, two, df) = ([0.3], [1.7], [2.5]);
        let (means, stddevs) = ([-4.0, 3.0], [0.1, 2.0]);
        let all = [
            Forecasts::normal(&one, &two).unwrap(),
            Forecasts::student_t(&df, &one, &two).unwrap(),
            Forecasts::logistic(&one, &two).unwrap(),
            Forecasts::normal_mixture(&WEIGHTS, &means, &stddevs).unwrap(),
        ];
        for forecasts in all {
            for p in [1e-6, 0.05, 0.25, 0.5, 0.9, 0.999] {
                let q = forecasts.quantiles(p).unwrap()[0];
                assert!((forecasts.cdf(0, q) / p - 1.0).abs() < 1e-9, "{forecasts:?} at {p}: {q}");
            }
            assert!(forecasts.quantiles(0.0).is_err() && forecasts.central_intervals(1.0).is_err());
        }
    }

    #[test]
    fn ensembles_step_and_their_quantiles_are_linear() {
        let forecasts = Forecasts::ensemble(&[3.0, 1.0, 2.0, 0.0, 0.0, 0.0], 3).unwrap();
        assert_eq!((forecasts.len(), forecasts.is_empty()), (2, false));
        assert_eq!([0.5, 1.0, 2.5, 3.0].map(|y| forecasts.cdf(0, y)), [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]);
        assert_eq!(forecasts.quantiles(0.75).unwrap(), [2.5, 0.0]);
    }

    #[test]
    fn bad_lists_are_named() {
        let text = |result: Result<Forecasts<'_>, MetricError>| result.unwrap_err().to_string();
        assert_eq!(
            text(Forecasts::normal(&[0.0], &[0.0])),
            "stddevs of example 0: expected a finite number above 0, found 0"
        );
        assert_eq!(text(Forecasts::student_t(&[], &[0.0], &[1.0])), "df: expected 1 values, found 0");
        assert_eq!(text(Forecasts::logistic(&[], &[])), "locs: expected at least one example, found none");
        assert_eq!(
            text(Forecasts::normal_mixture(&[0.5, 0.6], &[0.0; 2], &[1.0; 2])),
            "`weights` must be numbers with sum 1 within 1e-6, found a sum of 1.1"
        );
        assert_eq!(
            text(Forecasts::normal_mixture(&WEIGHTS, &[0.0; 3], &[1.0; 3])),
            "means: expected 4 values, found 3"
        );
        assert_eq!(text(Forecasts::ensemble(&[0.0], 0)), "`size` must be at least 1, found 0");
    }
}

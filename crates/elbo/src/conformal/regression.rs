//! Split conformal intervals of real targets.
//!
//! A prediction is a band `[l, h]` with a width unit w; its score is how far outside the target lies, negative inside:
//! `max(l - y, y - h) / w`. With the threshold q of held-out scores the interval is `[l - q w, h + q w]`.
//!
//! | band | l, h | w | source |
//! | --- | --- | --- | --- |
//! | [`Band::Mean`] | μ, μ | 1 | absolute residual: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman 2018, section 2.2 |
//! | [`Band::Scaled`] | μ, μ | σ | normalised residual: the same, section 5.2 |
//! | [`Band::Quantiles`] | quantiles | 1 | conformalised quantile regression: Romano, Patterson and Candès 2019 |

use super::threshold::Threshold;
use crate::metric::MetricError;
use serde::{Deserialize, Serialize};

/// Predictions of real targets, lists `[n]`.
#[derive(Clone, Copy, Debug)]
pub enum Band<'a> {
    /// Means only: all intervals have one width.
    Mean {
        /// μ.
        means: &'a [f64],
    },
    /// Means and standard deviations: the width follows the deviation.
    Scaled {
        /// μ.
        means: &'a [f64],
        /// σ, positive.
        stddevs: &'a [f64],
    },
    /// Lower and upper quantiles, of levels `α/2` and `1 - α/2` say.
    Quantiles {
        /// The lower ones.
        low: &'a [f64],
        /// The upper ones.
        high: &'a [f64],
    },
}

/// The kind of a [`Band`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BandKind {
    /// Means.
    Mean,
    /// Means and standard deviations.
    Scaled,
    /// Two quantiles.
    Quantiles,
}

/// Intervals, lists `[n]`; `-inf` to `inf` where nothing can be left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervals {
    /// Lower ends.
    pub low: Vec<f64>,
    /// Upper ends, never below the lower ones.
    pub high: Vec<f64>,
}

/// Intervals that hold the target with probability at least `1 - α`, over held-out and new examples that are
/// exchangeable; without equal scores at most `1 - α + 1/(n + 1)`.
///
/// ```
/// use elbo::conformal::{Band, IntervalConformal};
/// let held_out = Band::Mean { means: &[0.0; 4] };
/// let conformal = IntervalConformal::fit(held_out, &[1.0, -2.0, 3.0, -4.0], 0.4)?;
/// let intervals = conformal.predict(Band::Mean { means: &[10.0] })?; // number ⌈5 * 0.6⌉ = 3 of the residuals
/// assert_eq!((intervals.low[0], intervals.high[0]), (7.0, 13.0));
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntervalConformal {
    band: BandKind,
    threshold: Threshold,
}

impl Band<'_> {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> BandKind {
        match self {
            Self::Mean { .. } => BandKind::Mean,
            Self::Scaled { .. } => BandKind::Scaled,
            Self::Quantiles { .. } => BandKind::Quantiles,
        }
    }

    /// The scores of targets `[n]`: at most q exactly for the targets in the interval that q makes, up to rounding.
    ///
    /// # Errors
    /// [`MetricError::Length`] or [`MetricError::Value`] if a list does not fit: a number that is not finite, a
    /// standard deviation that is not positive, a lower quantile above the upper one.
    pub fn scores(&self, targets: &[f64]) -> Result<Vec<f64>, MetricError> {
        check("targets", targets, targets.len(), f64::is_finite, "a finite number")?;
        self.check(targets.len())?;
        let score = |(i, y): (usize, &f64)| {
            let (low, high, width) = self.at(i);
            (low - y).max(y - high) / width
        };
        Ok(targets.iter().enumerate().map(score).collect())
    }

    fn len(&self) -> usize {
        match self {
            Self::Mean { means } | Self::Scaled { means, .. } => means.len(),
            Self::Quantiles { low, .. } => low.len(),
        }
    }

    /// l, h and w of example `i`.
    fn at(&self, i: usize) -> (f64, f64, f64) {
        match self {
            Self::Mean { means } => (means[i], means[i], 1.0),
            Self::Scaled { means, stddevs } => (means[i], means[i], stddevs[i]),
            Self::Quantiles { low, high } => (low[i], high[i], 1.0),
        }
    }

    fn check(&self, n: usize) -> Result<(), MetricError> {
        let finite = |what, values| check(what, values, n, f64::is_finite, "a finite number");
        match self {
            Self::Mean { means } => finite("means", means),
            Self::Scaled { means, stddevs } => {
                finite("means", means)?;
                check("stddevs", stddevs, n, |s| s.is_finite() && s > 0.0, "a positive finite number")
            }
            Self::Quantiles { low, high } => {
                finite("low", low)?;
                finite("high", high)?;
                match (0..n).find(|&i| low[i] > high[i]) {
                    Some(row) => {
                        Err(MetricError::Value { what: "high", row, expected: "at least `low`", found: high[row] })
                    }
                    None => Ok(()),
                }
            }
        }
    }
}

impl IntervalConformal {
    /// The threshold of held-out predictions and their targets.
    ///
    /// # Errors
    /// [`MetricError::Empty`] without targets, [`MetricError::Setting`] unless `0 < α < 1`; those of [`Band::scores`].
    pub fn fit(band: Band<'_>, targets: &[f64], alpha: f64) -> Result<Self, MetricError> {
        if targets.is_empty() {
            return Err(MetricError::Empty { what: "targets" });
        }
        Ok(Self { band: band.kind(), threshold: Threshold::fit(&band.scores(targets)?, alpha)? })
    }

    /// The intervals of new predictions. Where a negative threshold would turn an interval over (quantiles that were
    /// too far apart), it is the point halfway.
    ///
    /// # Errors
    /// [`MetricError::Setting`] for another kind of band; those of [`Band::scores`].
    pub fn predict(&self, band: Band<'_>) -> Result<Intervals, MetricError> {
        if band.kind() != self.band {
            let found = format!("{:?} for {:?}", band.kind(), self.band);
            return Err(MetricError::Setting { name: "band", expected: "of the kind it was fitted with", found });
        }
        band.check(band.len())?;
        let ends = (0..band.len()).map(|i| {
            let (low, high, width) = band.at(i);
            let (wide, middle) = (self.threshold.value() * width, 0.5 * low + 0.5 * high);
            ((low - wide).min(middle), (high + wide).max(middle))
        });
        let (low, high) = ends.unzip();
        Ok(Intervals { low, high })
    }

    /// The threshold; not finite if there were too few held-out examples.
    #[must_use]
    pub fn threshold(&self) -> &Threshold {
        &self.threshold
    }
}

fn check(
    what: &'static str,
    values: &[f64],
    n: usize,
    allowed: impl Fn(f64) -> bool,
    expected: &'static str,
) -> Result<(), MetricError> {
    if values.len() != n {
        return Err(MetricError::Length { what, expected: n, found: values.len() });
    }
    match values.iter().position(|&value| !allowed(value)) {
        Some(row) => Err(MetricError::Value { what, row, expected, found: values[row] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_bands_grow_and_shrink() {
        let targets = [0.0, 2.5, 0.5, 0.5];
        let band = Band::Quantiles { low: &[0.0; 4], high: &[2.0; 4] };
        assert_eq!(band.scores(&targets).unwrap(), [0.0, 0.5, -0.5, -0.5]);
        let half = IntervalConformal::fit(band, &targets, 0.5).unwrap();
        assert_eq!(half.threshold().value(), 0.0);
        let most = IntervalConformal::fit(band, &targets, 0.2).unwrap();
        let intervals = most.predict(Band::Quantiles { low: &[1.0], high: &[1.0] }).unwrap();
        assert_eq!((intervals.low[0], intervals.high[0]), (0.5, 1.5));
        let few = IntervalConformal::fit(band, &targets, 0.6).unwrap();
        let intervals = few.predict(Band::Quantiles { low: &[1.0, 0.0], high: &[1.5, 4.0] }).unwrap();
        assert_eq!((intervals.low, intervals.high), (vec![1.25, 0.5], vec![1.25, 3.5]));
    }

    #[test]
    fn too_few_examples_give_the_whole_line() {
        let conformal = IntervalConformal::fit(Band::Scaled { means: &[0.0], stddevs: &[1.0] }, &[1.0], 0.1).unwrap();
        assert!(!conformal.threshold().is_finite());
        let intervals = conformal.predict(Band::Scaled { means: &[3.0], stddevs: &[2.0] }).unwrap();
        assert_eq!((intervals.low[0], intervals.high[0]), (f64::NEG_INFINITY, f64::INFINITY));
        let json = serde_json::to_string(&conformal).unwrap();
        assert_eq!(serde_json::from_str::<IntervalConformal>(&json).unwrap(), conformal);
    }

    #[test]
    fn misuse_is_named() {
        let text = |band: Band<'_>| IntervalConformal::fit(band, &[1.0], 0.5).unwrap_err().to_string();
        assert_eq!(
            text(Band::Scaled { means: &[0.0], stddevs: &[0.0] }),
            "stddevs of example 0: expected a positive finite number, found 0"
        );
        assert_eq!(text(Band::Mean { means: &[] }), "means: expected 1 values, found 0");
        assert!(text(Band::Quantiles { low: &[1.0], high: &[0.0] }).contains("expected at least `low`"));
        let mean = IntervalConformal::fit(Band::Mean { means: &[0.0] }, &[1.0], 0.5).unwrap();
        let error = mean.predict(Band::Quantiles { low: &[0.0], high: &[0.0] }).unwrap_err().to_string();
        assert_eq!(error, "`band` must be of the kind it was fitted with, found Quantiles for Mean");
        assert!(IntervalConformal::fit(Band::Mean { means: &[] }, &[], 0.5).is_err());
    }
}

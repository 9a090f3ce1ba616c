//! A score with its interval, from its values on resamples.

use super::super::order::central;
use super::super::{MetricError, mean, number};
use serde::{Deserialize, Serialize};

/// A score and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The score of all examples.
    #[serde(with = "number")]
    pub value: f64,
    /// Lower end of the interval; `-inf` where nothing can be said.
    #[serde(with = "number")]
    pub low: f64,
    /// Upper end of the interval; `inf` where nothing can be said.
    #[serde(with = "number")]
    pub high: f64,
}

impl Estimate {
    /// Whether there is an interval: too few [blocks](super::Bootstrap::block) have none, and say so by the whole line.
    #[must_use]
    pub fn has_interval(&self) -> bool {
        (self.low, self.high) != (f64::NEG_INFINITY, f64::INFINITY)
    }

    /// A value without an interval.
    fn of(value: f64) -> Self {
        Self { value, low: f64::NEG_INFINITY, high: f64::INFINITY }
    }

    /// An estimate of a quantity between 0 and 1.
    pub(in super::super) fn clipped(self) -> Self {
        if !self.has_interval() {
            return self;
        }
        // The value itself may exceed 1 by rounding.
        Self { value: self.value, low: self.low.max(0.0).min(self.value), high: self.high.min(1.0).max(self.value) }
    }
}

/// The values of M statistics: on all examples, and on the resamples.
pub(in super::super) struct Resampled<const M: usize> {
    pub(super) value: [f64; M],
    pub(super) rows: Vec<[f64; M]>,
    pub(super) level: f64,
    /// Whether too few blocks were resampled for an interval.
    pub(super) is_few: bool,
}

impl<const M: usize> Resampled<M> {
    /// The percentile interval of statistic `m`.
    ///
    /// # Errors
    /// [`MetricError::Undefined`] if the statistic of a resample is not a number.
    pub(in super::super) fn percentile(&self, m: usize) -> Result<Estimate, MetricError> {
        let sorted = self.sorted(m)?;
        if self.is_few {
            return Ok(Estimate::of(self.value[m]));
        }
        let [low, high] = central(&sorted, self.level);
        Ok(Estimate { value: self.value[m], low, high })
    }

    /// The percentile interval of statistic `m` over the resamples on which it is a number; `None` if it is none on all
    /// examples, or on half of the resamples or more.
    pub(in super::super) fn where_defined(&self, m: usize) -> Option<Estimate> {
        let mut column: Vec<f64> = self.rows.iter().map(|row| row[m]).filter(|x| !x.is_nan()).collect();
        if self.value[m].is_nan() || 2 * column.len() <= self.rows.len() {
            return None;
        }
        if self.is_few {
            return Some(Estimate::of(self.value[m]));
        }
        column.sort_unstable_by(f64::total_cmp);
        let [low, high] = central(&column, self.level);
        Some(Estimate { value: self.value[m], low, high })
    }

    /// The basic interval of statistic `m` about its own bootstrap mean, for a statistic that resampling shifts.
    ///
    /// The basic interval (Davison and Hinkley 1997, section 5.2.1) is `[t - (q_high - t), t - (q_low - t)]`, from the
    /// distribution of `t* - t`. Where `E* t* = t + b` (b is the bootstrap estimate of bias, Efron and Tibshirani 1993,
    /// section 10.3) it is not centred on the value and need not hold it. Here the deviations are `t* - mean(t*)`:
    /// `[t - (q_high - mean), t - (q_low - mean)]`. The interval is thus one of the *expected plug-in value*, with its
    /// bias in it. Needs finite statistics.
    ///
    /// # Errors
    /// [`MetricError::Undefined`] if the statistic of a resample is not a number.
    pub(in super::super) fn centred(&self, m: usize) -> Result<Estimate, MetricError> {
        let sorted = self.sorted(m)?;
        if self.is_few {
            return Ok(Estimate::of(self.value[m]));
        }
        let (value, centre) = (self.value[m], mean(&sorted));
        let [low, high] = central(&sorted, self.level);
        // The mean of a very skewed distribution can lie beyond a quantile: the value stays within the interval.
        Ok(Estimate { value, low: value - (high - centre).max(0.0), high: value - (low - centre).min(0.0) })
    }

    fn sorted(&self, m: usize) -> Result<Vec<f64>, MetricError> {
        if let Some(resample) = self.rows.iter().position(|row| row[m].is_nan()) {
            return Err(MetricError::Undefined { resample });
        }
        let mut column: Vec<f64> = self.rows.iter().map(|row| row[m]).collect();
        column.sort_unstable_by(f64::total_cmp);
        Ok(column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinite_values_survive_json() {
        let estimate = Estimate { value: f64::INFINITY, low: 0.5, high: f64::INFINITY };
        let json = serde_json::to_string(&estimate).unwrap();
        assert_eq!(json, r#"{"value":"inf","low":0.5,"high":"inf"}"#);
        assert_eq!(serde_json::from_str::<Estimate>(&json).unwrap(), estimate);
        assert!(serde_json::from_str::<Estimate>(r#"{"value":"big","low":0,"high":1}"#).is_err());
    }

    #[test]
    fn resamples_without_a_value_are_left_out_while_they_are_few() {
        let of = |value, rows: &[f64]| {
            let rows = rows.iter().map(|&x| [x]).collect();
            Resampled { value: [value], rows, level: 0.5, is_few: false }
        };
        let nan = f64::NAN;
        let estimate = of(2.0, &[1.0, nan, 3.0, 2.0]).where_defined(0).unwrap();
        assert_eq!((estimate.low, estimate.high), (1.5, 2.5));
        assert_eq!(of(2.0, &[1.0, nan, 3.0, nan]).where_defined(0), None);
        assert_eq!(of(nan, &[1.0, 1.0, 3.0, 2.0]).where_defined(0), None);
        assert_eq!(of(2.0, &[1.0, nan]).percentile(0).unwrap_err(), MetricError::Undefined { resample: 1 });
        assert_eq!(of(2.0, &[1.0, nan]).centred(0).unwrap_err(), MetricError::Undefined { resample: 1 });
    }
}

//! The maps of real predictions by name.

use super::error::RecalibrationError;
use super::quantile::QuantileRecalibration;
use super::variance::VarianceScaling;
use serde::{Deserialize, Serialize};

/// The names of [`RealMethod`].
pub const REAL_METHODS: [&str; 2] = ["quantile", "variance"];

/// Which map, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum RealMethod {
    /// [`QuantileRecalibration`].
    Quantile,
    /// [`VarianceScaling`].
    Variance {
        /// Bins of predicted variance; 1 for one factor.
        bins: usize,
    },
}

/// A fitted map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum RealCalibration {
    /// Of levels.
    Quantile(QuantileRecalibration),
    /// Of variances.
    Variance(VarianceScaling),
}

impl RealMethod {
    /// The map of this name, with one bin.
    ///
    /// # Errors
    /// [`RecalibrationError::Name`] with the names there are.
    pub fn named(name: &str) -> Result<Self, RecalibrationError> {
        match name {
            "quantile" => Ok(Self::Quantile),
            "variance" => Ok(Self::Variance { bins: 1 }),
            _ => Err(RecalibrationError::Name { expected: REAL_METHODS.join(", "), found: name.to_owned() }),
        }
    }

    /// Fits the map to held-out targets: `means` and `variances` of the predictive distributions, and `pit`, their
    /// distribution functions at the targets; all `[n]`.
    ///
    /// # Errors
    /// Those of [`QuantileRecalibration::fit`] and [`VarianceScaling::fit`].
    pub fn fit(
        &self,
        means: &[f64],
        variances: &[f64],
        pit: &[f64],
        targets: &[f64],
    ) -> Result<RealCalibration, RecalibrationError> {
        match *self {
            Self::Quantile => Ok(RealCalibration::Quantile(QuantileRecalibration::fit(pit)?)),
            Self::Variance { bins } => {
                Ok(RealCalibration::Variance(VarianceScaling::fit(means, variances, targets, bins)?))
            }
        }
    }
}

impl RealCalibration {
    /// The recalibrated p-quantile of a prediction with these moments and this quantile function. A map of variances
    /// stretches the distribution about its mean.
    #[must_use]
    pub fn quantile(&self, p: f64, (mean, variance): (f64, f64), quantile: impl Fn(f64) -> f64) -> f64 {
        match self {
            Self::Quantile(map) => quantile(map.quantile_level(p)),
            Self::Variance(map) => mean + (quantile(p) - mean) * (map.apply(variance) / variance).sqrt(),
        }
    }
}

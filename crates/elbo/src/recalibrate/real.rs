//! The maps of real predictions by name.

use super::check_finite;
use super::error::RecalibrationError;
use super::quantile::QuantileRecalibration;
use super::recalibrated::is_finite;
use super::variance::VarianceScaling;
use crate::metric::MetricError;
use crate::predict::Mixture;
use serde::{Deserialize, Serialize};

/// The names of [`RealMethod`].
pub const REAL_METHODS: [&str; 3] = ["identity", "quantile", "variance"];

/// Which map, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum RealMethod {
    /// Predictions as they are.
    Identity,
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
    /// Predictions as they are.
    Identity,
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
            "identity" => Ok(Self::Identity),
            "quantile" => Ok(Self::Quantile),
            "variance" => Ok(Self::Variance { bins: 1 }),
            _ => Err(RecalibrationError::Name { expected: REAL_METHODS.join(", "), found: name.to_owned() }),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        REAL_METHODS[match self {
            Self::Identity => 0,
            Self::Quantile => 1,
            Self::Variance { .. } => 2,
        }]
    }

    /// Fits the map to held-out targets and their predictions, of which 0.5 % to 99.5 % quantiles stay finite.
    ///
    /// # Shapes
    /// - `distributions`, `targets`: `[n]`
    ///
    /// # Errors
    /// Those of [`fit`](Self::fit); [`RecalibrationError::NoOptimum`] if so many targets are beyond all that is predicted
    /// that a quantile would be infinite.
    pub fn fit_distributions(
        &self,
        distributions: &[Mixture],
        targets: &[f64],
    ) -> Result<RealCalibration, RecalibrationError> {
        if distributions.len() != targets.len() {
            let (expected, found) = (distributions.len(), targets.len());
            return Err(MetricError::Length { what: "targets", expected, found }.into());
        }
        check_finite("targets", targets, targets.len())?;
        let list = |of: fn(&Mixture) -> f64| distributions.iter().map(of).collect::<Vec<f64>>();
        let pit: Vec<f64> = distributions.iter().zip(targets).map(|(of, &y)| of.cdf(y)).collect();
        match self.fit(&list(Mixture::mean), &list(Mixture::variance), &pit, targets)? {
            RealCalibration::Quantile(map) if !is_finite(&map) => {
                let reason = "targets lie beyond all that is predicted, so some quantiles would be infinite";
                Err(RecalibrationError::NoOptimum { method: "quantile recalibration", reason })
            }
            map => Ok(map),
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
            Self::Identity => {
                check_finite("targets", targets, targets.len())?;
                Ok(RealCalibration::Identity)
            }
            Self::Quantile => Ok(RealCalibration::Quantile(QuantileRecalibration::fit(pit)?)),
            Self::Variance { bins } => {
                Ok(RealCalibration::Variance(VarianceScaling::fit(means, variances, targets, bins)?))
            }
        }
    }
}

impl RealCalibration {
    /// The name of its method.
    #[must_use]
    pub fn name(&self) -> &'static str {
        REAL_METHODS[match self {
            Self::Identity => 0,
            Self::Quantile(_) => 1,
            Self::Variance(_) => 2,
        }]
    }

    /// The recalibrated p-quantile of a prediction with these moments and this quantile function. A map of variances
    /// stretches the distribution about its mean.
    #[must_use]
    pub fn quantile(&self, p: f64, (mean, variance): (f64, f64), quantile: impl Fn(f64) -> f64) -> f64 {
        match self {
            Self::Identity => quantile(p),
            Self::Quantile(map) => quantile(map.quantile_level(p)),
            Self::Variance(map) => mean + (quantile(p) - mean) * (map.apply(variance) / variance).sqrt(),
        }
    }
}

//! The maps of class probabilities by name.

use super::dirichlet::{DirichletCalibration, DirichletPenalty};
use super::error::RecalibrationError;
use super::histogram::{Binning, HistogramBinning};
use super::isotonic::IsotonicCalibration;
use super::temperature::TemperatureScaling;
use super::vector::VectorScaling;
use crate::metric::{MetricError, Probabilities};
use serde::{Deserialize, Serialize};

/// The names of [`ClassMethod`].
pub const CLASS_METHODS: [&str; 6] = ["identity", "temperature", "vector", "dirichlet", "isotonic", "histogram"];

/// Penalties that are not chosen by the user, in nats per example.
const PENALTY: f64 = 0.01;

/// Which map, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClassMethod {
    /// Probabilities as they are.
    Identity,
    /// [`TemperatureScaling`].
    Temperature,
    /// [`VectorScaling`].
    Vector {
        /// λ, in nats per example.
        penalty: f64,
    },
    /// [`DirichletCalibration`].
    Dirichlet {
        /// Weights of the penalty.
        penalty: DirichletPenalty,
    },
    /// [`IsotonicCalibration`].
    Isotonic {
        /// Weight of the added examples.
        smoothing: f64,
    },
    /// [`HistogramBinning`].
    Histogram {
        /// The bins.
        binning: Binning,
        /// Examples that a bin's mean probability counts for.
        smoothing: f64,
    },
}

/// A fitted map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum ClassCalibration {
    /// Probabilities as they are.
    Identity,
    /// One temperature.
    Temperature(TemperatureScaling),
    /// A weight and an intercept for each class.
    Vector(VectorScaling),
    /// A matrix and intercepts.
    Dirichlet(DirichletCalibration),
    /// A curve for each class.
    Isotonic(IsotonicCalibration),
    /// Bins for each class.
    Histogram(HistogramBinning),
}

impl ClassMethod {
    /// The map of this name. Penalties are 0.01 nats (Dirichlet: L2, so that there is one best map whatever the
    /// examples), smoothing is 1, and bins are 10 of equally many examples.
    ///
    /// # Errors
    /// [`RecalibrationError::Name`] with the names there are.
    pub fn named(name: &str) -> Result<Self, RecalibrationError> {
        match name {
            "identity" => Ok(Self::Identity),
            "temperature" => Ok(Self::Temperature),
            "vector" => Ok(Self::Vector { penalty: PENALTY }),
            "dirichlet" => Ok(Self::Dirichlet { penalty: DirichletPenalty::l2(PENALTY) }),
            "isotonic" => Ok(Self::Isotonic { smoothing: 1.0 }),
            "histogram" => Ok(Self::Histogram { binning: Binning::EqualMass(10), smoothing: 1.0 }),
            _ => Err(RecalibrationError::Name { expected: CLASS_METHODS.join(", "), found: name.to_owned() }),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        CLASS_METHODS[match self {
            Self::Identity => 0,
            Self::Temperature => 1,
            Self::Vector { .. } => 2,
            Self::Dirichlet { .. } => 3,
            Self::Isotonic { .. } => 4,
            Self::Histogram { .. } => 5,
        }]
    }

    /// Fits the map to held-out labels.
    ///
    /// # Shapes
    /// - `probs`: `[n, K]`; `labels`: `[n]`
    ///
    /// # Errors
    /// Those of the map's own `fit`.
    pub fn fit(&self, probs: &Probabilities, labels: &[usize]) -> Result<ClassCalibration, RecalibrationError> {
        Ok(match *self {
            Self::Identity => {
                probs.check_labels(labels)?;
                ClassCalibration::Identity
            }
            Self::Temperature => ClassCalibration::Temperature(TemperatureScaling::fit(probs, labels)?),
            Self::Vector { penalty } => ClassCalibration::Vector(VectorScaling::fit(probs, labels, penalty)?),
            Self::Dirichlet { penalty } => {
                ClassCalibration::Dirichlet(DirichletCalibration::fit(probs, labels, penalty)?)
            }
            Self::Isotonic { smoothing } => {
                ClassCalibration::Isotonic(IsotonicCalibration::fit(probs, labels, smoothing)?)
            }
            Self::Histogram { binning, smoothing } => {
                ClassCalibration::Histogram(HistogramBinning::fit(probs, labels, binning, smoothing)?)
            }
        })
    }
}

impl ClassCalibration {
    /// The name of its method.
    #[must_use]
    pub fn name(&self) -> &'static str {
        CLASS_METHODS[match self {
            Self::Identity => 0,
            Self::Temperature(_) => 1,
            Self::Vector(_) => 2,
            Self::Dirichlet(_) => 3,
            Self::Isotonic(_) => 4,
            Self::Histogram(_) => 5,
        }]
    }

    /// The mapped probabilities.
    ///
    /// # Errors
    /// [`MetricError::Length`] for another number of classes than it was fitted for.
    pub fn apply(&self, probs: &Probabilities) -> Result<Probabilities, MetricError> {
        match self {
            Self::Identity => Ok(probs.clone()),
            Self::Temperature(map) => map.apply(probs),
            Self::Vector(map) => map.apply(probs),
            Self::Dirichlet(map) => map.apply(probs),
            Self::Isotonic(map) => map.apply(probs),
            Self::Histogram(map) => map.apply(probs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_its_methods() {
        for name in CLASS_METHODS {
            let method = ClassMethod::named(name).unwrap();
            let probs = Probabilities::new([0.8, 0.2, 0.4, 0.6].repeat(10), 2).unwrap();
            let labels: Vec<usize> = (0..20).map(|i| usize::from(i % 3 == 0)).collect();
            assert_eq!((method.name(), method.fit(&probs, &labels).unwrap().name()), (name, name));
        }
        let error = ClassMethod::named("platt").unwrap_err().to_string();
        assert!(error.starts_with("recalibration: expected one of identity, temperature,"), "{error}");
    }
}

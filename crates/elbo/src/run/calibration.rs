//! `calibration.json`: the map that recalibrates class probabilities, fitted after training on examples that the
//! network never saw (see [`recalibrate`](crate::recalibrate)).
//!
//! `schema`, `asked` (what the run asked for), `examples` (that the map was fitted to), `warning` (why it is the
//! identity although something else was asked for) and `map` with its `method` and parameters.

use crate::error::Result;
use crate::metric::Probabilities;
use crate::recalibrate::{CLASS_METHODS, ClassCalibration, ClassMethod, CrossValidation, RecalibrationError};
use serde::{Deserialize, Serialize};

/// Version of the layout that is written.
pub const CALIBRATION_SCHEMA: u32 = 1;

/// How class probabilities are recalibrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationMethod {
    /// By the map with the lowest cross-validated negative log likelihood among the others and none at all.
    Auto,
    /// By one temperature.
    Temperature,
    /// By a weight and an intercept for each class.
    Vector,
    /// By a matrix and intercepts.
    Dirichlet,
    /// By a monotone curve for each class.
    Isotonic,
    /// By bins for each class.
    Histogram,
}

/// A fitted map and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Version of this layout: [`CALIBRATION_SCHEMA`].
    pub schema: u32,
    /// What was asked for.
    pub asked: CalibrationMethod,
    /// Number of examples that the map was fitted to.
    pub examples: usize,
    /// Why the map is the identity, if it could not be fitted.
    pub warning: Option<String>,
    /// The map.
    pub map: ClassCalibration,
}

impl CalibrationMethod {
    /// Its name: that of the map, or `auto`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Temperature => "temperature",
            Self::Vector => "vector",
            Self::Dirichlet => "dirichlet",
            Self::Isotonic => "isotonic",
            Self::Histogram => "histogram",
        }
    }

    fn fit(self, probs: &Probabilities, labels: &[usize], seed: u64) -> Result<ClassCalibration, RecalibrationError> {
        match self {
            Self::Auto => chosen(probs, labels, seed),
            one => ClassMethod::named(one.name())?.fit(probs, labels),
        }
    }
}

/// The best map by cross-validation in five folds, in fewer if there are fewer examples.
fn chosen(probs: &Probabilities, labels: &[usize], seed: u64) -> Result<ClassCalibration, RecalibrationError> {
    let methods = CLASS_METHODS.into_iter().map(ClassMethod::named).collect::<Result<Vec<_>, _>>()?;
    let folds = CrossValidation::default().folds.min(labels.len()).max(2);
    Ok(CrossValidation { folds, seed }.choose(&methods, probs, labels)?.calibration)
}

impl Calibration {
    /// Fits the map to held-out predictions and their labels. Where it has no optimum, does not converge, or needs more
    /// examples, it is the identity, and the warning says why.
    ///
    /// ```
    /// use elbo::{metric::Probabilities, run::{Calibration, CalibrationMethod}};
    /// let sure = Probabilities::new([0.9, 0.1].repeat(10), 2)?; // and right 6 times of 10
    /// let labels = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
    /// let calibration = Calibration::fit(CalibrationMethod::Temperature, &sure, &labels, 1);
    /// assert!((calibration.apply(&sure)?.row(0)[0] - 0.6).abs() < 1e-6);
    ///
    /// let calibration = Calibration::fit(CalibrationMethod::Temperature, &sure, &[0; 10], 1);
    /// assert!(calibration.warning.is_some()); // always right: no temperature is low enough
    /// assert_eq!(calibration.apply(&sure)?, sure);
    /// # Ok::<(), elbo::Error>(())
    /// ```
    ///
    /// # Shapes
    /// - `probs`: `[n, K]`; `labels`: `[n]`
    #[must_use]
    pub fn fit(asked: CalibrationMethod, probs: &Probabilities, labels: &[usize], seed: u64) -> Self {
        let (map, warning) = match asked.fit(probs, labels, seed) {
            Ok(map) => (map, None),
            Err(error) => (ClassCalibration::Identity, Some(error.to_string())),
        };
        Self { schema: CALIBRATION_SCHEMA, asked, examples: labels.len(), warning, map }
    }

    /// The recalibrated probabilities.
    ///
    /// # Errors
    /// [`MetricError::Length`](crate::metric::MetricError::Length) for another number of classes.
    pub fn apply(&self, probs: &Probabilities) -> Result<Probabilities> {
        Ok(self.map.apply(probs)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Confidences of 0.95 that are right in 3 of 4 cases.
    fn overconfident(n: usize) -> (Probabilities, Vec<usize>) {
        let rows = (0..n).flat_map(|i| if i % 2 == 0 { [0.95, 0.05] } else { [0.05, 0.95] });
        let labels = (0..n).map(|i| if i % 8 < 6 { i % 2 } else { 1 - i % 2 });
        (Probabilities::new(rows.collect(), 2).unwrap(), labels.collect())
    }

    #[test]
    fn every_method_lowers_the_loss_of_an_overconfident_model_and_is_read_as_it_was_written() {
        use CalibrationMethod::{Auto, Dirichlet, Histogram, Isotonic, Temperature, Vector};
        let (probs, labels) = overconfident(80);
        let nll = |probs: &Probabilities| crate::metric::nll(probs, &labels).unwrap();
        for asked in [Auto, Temperature, Vector, Dirichlet, Isotonic, Histogram] {
            let calibration = Calibration::fit(asked, &probs, &labels, 1);
            assert_eq!((calibration.warning.as_ref(), calibration.examples), (None, 80), "{asked:?}");
            assert!(nll(&calibration.apply(&probs).unwrap()) < nll(&probs) - 0.1, "{asked:?}");
            let text = serde_json::to_string(&calibration).unwrap();
            assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), calibration);
        }
    }

    #[test]
    fn what_cannot_be_fitted_is_the_identity_with_a_warning() {
        let (probs, labels) = overconfident(1);
        for asked in [CalibrationMethod::Auto, CalibrationMethod::Temperature] {
            let calibration = Calibration::fit(asked, &probs, &labels, 1);
            assert!(calibration.warning.is_some(), "{asked:?}");
            assert_eq!(calibration.map, ClassCalibration::Identity);
        }
    }
}

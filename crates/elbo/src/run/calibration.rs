//! `calibration.json`: the map that recalibrates class probabilities, or predictions of real targets, fitted after training
//! on examples that the network never saw (see [`recalibrate`](crate::recalibrate)).
//!
//! `schema`, `asked` (what the run asked for), `examples` (that the map was fitted to), `warning` (why it is the
//! identity although something else was asked for) and `map`, of real targets `real_map`, with its `method` and parameters.

use super::config::TargetKind;
use crate::conformal::Intervals;
use crate::error::{Error, Result};
use crate::metric::Probabilities;
use crate::predict::RealPredictions;
use crate::recalibrate::{
    CLASS_METHODS, ClassCalibration, ClassMethod, CrossValidation, REAL_METHODS, RealCalibration, RealMethod,
    RecalibrationError,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Version of the layout that is written.
pub const CALIBRATION_SCHEMA: u32 = 1;

/// How predictions are recalibrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationMethod {
    /// By the best of those that go with the targets, or none at all: the one with the lowest cross-validated negative log
    /// likelihood (classes) or pinball loss (real targets).
    Auto,
    /// Classes: by one temperature.
    Temperature,
    /// Classes: by a weight and an intercept for each class.
    Vector,
    /// Classes: by a matrix and intercepts.
    Dirichlet,
    /// Classes: by a monotone curve for each class.
    Isotonic,
    /// Classes: by bins for each class.
    Histogram,
    /// Real targets: by a monotone curve of levels.
    Quantile,
    /// Real targets: by one factor of all variances.
    Variance,
}

/// A fitted map, in a file under the name `map` or `real_map`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CalibrationMap {
    /// Of class probabilities.
    #[serde(rename = "map")]
    Classes(ClassCalibration),
    /// Of predictions of real targets.
    #[serde(rename = "real_map")]
    Real(RealCalibration),
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
    #[serde(flatten)]
    pub map: CalibrationMap,
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
            Self::Quantile => "quantile",
            Self::Variance => "variance",
        }
    }

    /// That it goes with what is predicted.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] with the methods that do.
    pub fn check(self, kind: TargetKind) -> Result<()> {
        let is_real = matches!(self, Self::Quantile | Self::Variance);
        let expected = match kind {
            TargetKind::Classes if self == Self::Auto || !is_real => return Ok(()),
            TargetKind::Real if self == Self::Auto || is_real => return Ok(()),
            TargetKind::Classes => "auto, temperature, vector, dirichlet, isotonic or histogram for classes",
            TargetKind::Real => "auto, quantile or variance for real targets",
            TargetKind::Forecast => "left out for forecasts (there is --conformal adaptive)",
        };
        Err(Error::argument("recalibration", "calibrate", expected, self.name()))
    }

    fn fit_real(
        self,
        real: &RealPredictions,
        targets: &[f64],
        seed: u64,
    ) -> Result<RealCalibration, RecalibrationError> {
        match self {
            Self::Auto => chosen_real(real, targets, seed),
            one => RealMethod::named(one.name())?.fit_distributions(&real.distributions, targets),
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
    Ok(folds(labels.len(), seed).choose(&methods, probs, labels)?.calibration)
}

/// The same of real targets.
fn chosen_real(real: &RealPredictions, targets: &[f64], seed: u64) -> Result<RealCalibration, RecalibrationError> {
    let methods = REAL_METHODS.into_iter().map(RealMethod::named).collect::<Result<Vec<_>, _>>()?;
    Ok(folds(targets.len(), seed).choose_real(&methods, &real.distributions, targets)?.calibration)
}

fn folds(examples: usize, seed: u64) -> CrossValidation {
    CrossValidation { folds: CrossValidation::default().folds.min(examples).max(2), seed }
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
        let map = CalibrationMap::Classes(map);
        Self { schema: CALIBRATION_SCHEMA, asked, examples: labels.len(), warning, map }
    }

    /// Fits the map to held-out predictions of one real target each. Where that cannot be, it is the identity, and the
    /// warning says why.
    ///
    /// # Shapes
    /// - `real`, `targets`: `[n]`
    #[must_use]
    pub fn fit_real(asked: CalibrationMethod, real: &RealPredictions, targets: &[f64], seed: u64) -> Self {
        let (map, warning) = match asked.fit_real(real, targets, seed) {
            Ok(map) => (map, None),
            Err(error) => (RealCalibration::Identity, Some(error.to_string())),
        };
        let map = CalibrationMap::Real(map);
        Self { schema: CALIBRATION_SCHEMA, asked, examples: targets.len(), warning, map }
    }

    /// The recalibrated probabilities.
    ///
    /// # Errors
    /// [`Error::Targets`] for a map of real targets, [`MetricError::Length`](crate::metric::MetricError::Length) for another
    /// number of classes.
    pub fn apply(&self, probs: &Probabilities) -> Result<Probabilities> {
        match &self.map {
            CalibrationMap::Classes(map) => Ok(map.apply(probs)?),
            CalibrationMap::Real(_) => Err(other_kind("real targets", "classes")),
        }
    }

    /// The map of real predictions.
    ///
    /// # Errors
    /// [`Error::Targets`] for a map of class probabilities.
    pub fn real(&self) -> Result<&RealCalibration> {
        match &self.map {
            CalibrationMap::Real(map) => Ok(map),
            CalibrationMap::Classes(_) => Err(other_kind("classes", "real targets")),
        }
    }

    /// Ends of the recalibrated central intervals that hold a real target with probability `level`.
    ///
    /// # Errors
    /// As [`real`](Self::real).
    pub fn intervals(&self, real: &RealPredictions, level: f64) -> Result<Intervals> {
        let map = self.real()?;
        let (low, high) = real.distributions.par_iter().map(|of| map.of(of).interval(level)).unzip();
        Ok(Intervals { low, high })
    }
}

/// A map of one kind for predictions of another.
fn other_kind(expected: &str, found: &str) -> Error {
    Error::Targets { likelihood: "recalibration", expected: expected.to_owned(), found: found.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::Mixture;

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
            assert_eq!(calibration.map, CalibrationMap::Classes(ClassCalibration::Identity));
        }
    }

    /// Normal predictions of mean 0 and standard deviation 1.
    fn normals(n: usize) -> RealPredictions {
        let mut mixture = Mixture::default();
        mixture.push_normal(0.0, 1.0);
        RealPredictions {
            values: 1,
            mean: vec![0.0; n],
            aleatoric_variance: vec![1.0; n],
            epistemic_variance: vec![0.0; n],
            distributions: vec![mixture; n],
            log_likelihood: None,
        }
    }

    /// Errors of 2 to 6 standard deviations.
    #[test]
    fn every_real_method_widens_and_is_read_as_it_was_written() {
        let targets: Vec<f64> = (0..40).map(|i| f64::from(i % 5 + 2) * if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        for asked in [CalibrationMethod::Auto, CalibrationMethod::Quantile, CalibrationMethod::Variance] {
            let calibration = Calibration::fit_real(asked, &normals(40), &targets, 1);
            assert_eq!((calibration.warning.as_ref(), calibration.examples), (None, 40), "{asked:?}");
            let Intervals { low, high } = calibration.intervals(&normals(3), 0.9).unwrap();
            assert!(low[2] < -4.0 && high[2] > 4.0 && high[2] < 10.0, "{asked:?}: {low:?} {high:?}");
            let text = serde_json::to_string(&calibration).unwrap();
            assert!(text.contains(r#""real_map":{"method":""#), "{text}");
            assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), calibration);
            assert!(calibration.apply(&overconfident(2).0).is_err());
        }
        let classes = Calibration::fit(CalibrationMethod::Temperature, &overconfident(80).0, &overconfident(80).1, 1);
        let error = classes.intervals(&normals(1), 0.9).unwrap_err().to_string();
        assert_eq!(error, "recalibration likelihood: expected classes, found real targets");
    }

    #[test]
    fn real_targets_that_cannot_be_fitted_leave_the_identity() {
        for (asked, targets) in [
            (CalibrationMethod::Auto, vec![1.0]),
            (CalibrationMethod::Variance, vec![0.0, 0.0]),
            (CalibrationMethod::Quantile, vec![-60.0, -70.0, 0.0]),
            (CalibrationMethod::Quantile, vec![60.0, 70.0, 0.0]),
            (CalibrationMethod::Quantile, [10.0, -10.0].repeat(5)),
            (CalibrationMethod::Temperature, vec![1.0, -1.0]),
        ] {
            let calibration = Calibration::fit_real(asked, &normals(targets.len()), &targets, 1);
            assert!(calibration.warning.is_some(), "{asked:?}");
            assert_eq!(calibration.map, CalibrationMap::Real(RealCalibration::Identity), "{asked:?}");
            let text = serde_json::to_string(&calibration).unwrap();
            assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), calibration);
        }
    }

    #[test]
    fn a_method_of_other_targets_is_told_with_those_there_are() {
        let text = |method: CalibrationMethod, kind| method.check(kind).unwrap_err().to_string();
        let owner = "recalibration: `calibrate` must be";
        let expected = format!("{owner} auto, quantile or variance for real targets, found vector");
        assert_eq!(text(CalibrationMethod::Vector, TargetKind::Real), expected);
        let expected = "auto, temperature, vector, dirichlet, isotonic or histogram for classes, found quantile";
        assert_eq!(text(CalibrationMethod::Quantile, TargetKind::Classes), format!("{owner} {expected}"));
        let found = text(CalibrationMethod::Auto, TargetKind::Forecast);
        assert!(found.contains("left out for forecasts (there is --conformal adaptive)"), "{found}");
        assert!(
            [TargetKind::Classes, TargetKind::Real].iter().all(|kind| CalibrationMethod::Auto.check(*kind).is_ok())
        );
        assert!(CalibrationMethod::Variance.check(TargetKind::Real).is_ok());
        assert!(CalibrationMethod::Histogram.check(TargetKind::Classes).is_ok());
    }
}

//! Isotonic regression (Zadrozny and Elkan 2002): for each class a curve from its probability to how often it was
//! right, which never falls; rows are divided by their sums.
//!
//! Between the probabilities that were seen the curves are linear. `smoothing` m adds two examples of weight m to every
//! class: probability 0 and the class was the label, probability 1 and it was not. It keeps curves off 0 and 1, where
//! a single wrong label would cost infinitely many nats; `m = 0` is the published method.

use super::curve::{MonotoneCurve, Point, isotonic};
use super::error::RecalibrationError;
use super::one_vs_rest::{class_examples, map_classes};
use super::{check_classes, check_not_negative};
use crate::metric::{MetricError, Probabilities};
use serde::{Deserialize, Serialize};

/// A monotone curve for every class.
///
/// For two classes without smoothing no monotone map fits the held-out labels better, by the likelihood or by the Brier
/// score. For more classes the division by the sum of the row can cost more than the curves gain.
///
/// ```
/// use elbo::{metric::Probabilities, recalibrate::IsotonicCalibration};
/// let probs = Probabilities::new(vec![0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.1, 0.9], 2)?;
/// let map = IsotonicCalibration::fit(&probs, &[0, 1, 0, 1], 0.0)?;
/// assert_eq!(map.apply(&probs)?.row(1), [0.5, 0.5]); // of 0.7 and 0.8, one was right
/// # Ok::<(), elbo::recalibrate::RecalibrationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct IsotonicCalibration {
    curves: Vec<MonotoneCurve>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    curves: Vec<MonotoneCurve>,
}

impl TryFrom<Stored> for IsotonicCalibration {
    type Error = RecalibrationError;

    fn try_from(Stored { curves }: Stored) -> Result<Self, RecalibrationError> {
        let values = || curves.iter().flat_map(MonotoneCurve::y);
        match values().find(|y| !(0.0..=1.0).contains(*y)) {
            Some(y) => Err(RecalibrationError::Stored {
                what: "values of the curves",
                expected: "probabilities",
                found: y.to_string(),
            }),
            None if curves.is_empty() => Err(MetricError::Empty { what: "curves" }.into()),
            None => Ok(Self { curves }),
        }
    }
}

impl IsotonicCalibration {
    /// Fits a curve for each class to held-out labels.
    ///
    /// # Shapes
    /// - `probs`: `[n, K]`; `labels`: `[n]`
    ///
    /// # Errors
    /// [`RecalibrationError::Metric`] if the labels do not fit or `smoothing` is negative.
    pub fn fit(probs: &Probabilities, labels: &[usize], smoothing: f64) -> Result<Self, RecalibrationError> {
        probs.check_labels(labels)?;
        check_not_negative("smoothing", smoothing)?;
        let pseudo = [Point { x: 0.0, y: 1.0, weight: smoothing }, Point { x: 1.0, y: 0.0, weight: smoothing }];
        let curve = |class| {
            let seen = class_examples(probs, labels, class).map(|(x, y)| Point { x: x.min(1.0), y, weight: 1.0 });
            isotonic(seen.chain(pseudo).collect())
        };
        Ok(Self { curves: (0..probs.classes()).map(curve).collect::<Result<_, _>>()? })
    }

    /// The curve of each class, from its probability to the recalibrated one before rows are divided by their sums.
    #[must_use]
    pub fn curves(&self) -> &[MonotoneCurve] {
        &self.curves
    }

    /// The mapped probabilities, rows with sum 1.
    ///
    /// # Errors
    /// [`MetricError::Length`] for another number of classes.
    pub fn apply(&self, probs: &Probabilities) -> Result<Probabilities, MetricError> {
        check_classes(self.curves.len(), probs)?;
        map_classes(probs, |class, p| self.curves[class].at(p))
    }
}

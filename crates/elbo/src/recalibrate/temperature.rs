//! Temperature scaling (Guo, Pleiss, Sun and Weinberger 2017, section 4.2), on log-probabilities:
//! `q_k ∝ p_k^{1/T}`; T minimises the negative log likelihood of the held-out labels.
//!
//! In `β = 1/T` the likelihood is convex: Newton's method finds the one minimum, if there is one.

use super::error::RecalibrationError;
use super::linear::{Design, Problem};
use super::log_probabilities::{log_probabilities, map_rows};
use super::newton::minimise;
use crate::metric::{MetricError, Probabilities};
use serde::{Deserialize, Serialize};

const NAME: &str = "temperature scaling";

/// `q_k ∝ p_k^{1/T}`: above 1 a temperature flattens, below 1 it sharpens. The order of the classes stays.
///
/// ```
/// use elbo::{metric::Probabilities, recalibrate::TemperatureScaling};
/// let probs = Probabilities::new(vec![0.99, 0.01, 0.99, 0.01, 0.99, 0.01, 0.01, 0.99], 2)?;
/// let scaling = TemperatureScaling::fit(&probs, &[0, 0, 1, 1])?; // 99 % sure, 75 % right
/// assert!((scaling.apply(&probs)?.confidence(0) - 0.75).abs() < 1e-9);
/// # Ok::<(), elbo::recalibrate::RecalibrationError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct TemperatureScaling {
    temperature: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    temperature: f64,
}

impl TryFrom<Stored> for TemperatureScaling {
    type Error = RecalibrationError;

    fn try_from(stored: Stored) -> Result<Self, RecalibrationError> {
        Self::new(stored.temperature)
    }
}

impl TemperatureScaling {
    /// A given temperature.
    ///
    /// # Errors
    /// [`RecalibrationError::Stored`] unless it is positive and finite.
    pub fn new(temperature: f64) -> Result<Self, RecalibrationError> {
        if temperature.is_finite() && temperature > 0.0 {
            return Ok(Self { temperature });
        }
        let found = temperature.to_string();
        Err(RecalibrationError::Stored { what: "temperature", expected: "a positive finite number", found })
    }

    /// The temperature that gives held-out labels the highest likelihood; 1 if every row is uniform.
    ///
    /// # Shapes
    /// - `probs`: `[n, K]`; `labels`: `[n]`
    ///
    /// # Errors
    /// [`RecalibrationError::NoOptimum`] if every example is classified right (T would fall to 0), or if the labels are
    /// no likelier than the other classes (T would rise without bound); [`RecalibrationError::NotConverged`];
    /// [`RecalibrationError::Metric`] if the labels do not fit.
    pub fn fit(probs: &Probabilities, labels: &[usize]) -> Result<Self, RecalibrationError> {
        let problem = Problem::new(Scaled, (probs, labels), vec![1.0], vec![0.0])?;
        if check_optimum(probs, labels)? {
            return Self::new(1.0);
        }
        Self::new(1.0 / minimise(&problem, NAME)?[0])
    }

    /// T.
    #[must_use]
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// The scaled probabilities, rows with sum 1.
    ///
    /// # Errors
    /// None that occurs for probabilities that passed their check.
    pub fn apply(&self, probs: &Probabilities) -> Result<Probabilities, MetricError> {
        let beta = 1.0 / self.temperature;
        map_rows(probs, |row, out| Scaled.logits(&[beta], row, out))
    }
}

/// Whether all rows are uniform, so that every temperature is as good. The slope of the convex function at `β = 0` is
/// `Σ_i (mean_k ln p_ik - ln p_iy)`, for `β → ∞` it is `Σ_i (max_k ln p_ik - ln p_iy)`: a minimum lies between if the
/// first is below and the second above 0.
fn check_optimum(probs: &Probabilities, labels: &[usize]) -> Result<bool, RecalibrationError> {
    let (mut at_zero, mut at_infinity, mut uniform) = (0.0, 0.0, true);
    let logs = log_probabilities(probs);
    for (row, &label) in logs.chunks_exact(probs.classes()).zip(labels) {
        at_zero += row.iter().map(|x| x - row[label]).sum::<f64>();
        at_infinity += row.iter().fold(f64::NEG_INFINITY, |a: f64, &x| a.max(x)) - row[label];
        uniform &= row.iter().all(|&x| x == row[0]);
    }
    let fail = |reason| Err(RecalibrationError::NoOptimum { method: NAME, reason });
    match (uniform, at_zero < 0.0, at_infinity > 0.0) {
        (true, _, _) => Ok(true),
        (_, false, _) => {
            fail("the labels are no likelier than the other classes, so the flattest predictions are best")
        }
        (_, _, false) => fail("every example is classified right, so the sharpest predictions are best"),
        (false, true, true) => Ok(false),
    }
}

/// `z = β x`.
struct Scaled;

impl Design for Scaled {
    fn logits(&self, parameters: &[f64], features: &[f64], logits: &mut [f64]) {
        logits.iter_mut().zip(features).for_each(|(z, x)| *z = parameters[0] * x);
    }

    fn adjoint(&self, residuals: &[f64], features: &[f64], out: &mut [f64]) {
        out[0] += residuals.iter().zip(features).map(|(r, x)| r * x).sum::<f64>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_examples_are_explained() {
        let text = |values: &[f64], labels: &[usize]| {
            let probs = Probabilities::new(values.to_vec(), 2).unwrap();
            TemperatureScaling::fit(&probs, labels).unwrap_err().to_string()
        };
        assert!(text(&[0.9, 0.1, 0.2, 0.8], &[0, 1]).contains("every example is classified right"));
        assert!(text(&[1.0, 0.0], &[0]).contains("every example is classified right"));
        assert!(text(&[0.9, 0.1, 0.2, 0.8], &[1, 0]).contains("no likelier than the other classes"));
        assert_eq!(text(&[0.9, 0.1], &[]), "labels: expected 1 values, found 0");
    }

    #[test]
    fn uniform_rows_keep_temperature_1_and_one_class_too() {
        let probs = Probabilities::new(vec![0.5; 4], 2).unwrap();
        assert_eq!(TemperatureScaling::fit(&probs, &[0, 0]).unwrap().temperature(), 1.0);
        let probs = Probabilities::new(vec![1.0; 3], 1).unwrap();
        assert_eq!(TemperatureScaling::fit(&probs, &[0, 0, 0]).unwrap().temperature(), 1.0);
    }

    /// A label that was given no probability at all costs 87 nats, not infinitely many.
    #[test]
    fn zero_probabilities_have_a_temperature() {
        let values = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0];
        let probs = Probabilities::new(values.to_vec(), 2).unwrap();
        let scaling = TemperatureScaling::fit(&probs, &[0, 0, 1, 1]).unwrap();
        assert!((scaling.apply(&probs).unwrap().confidence(0) - 0.75).abs() < 1e-9, "{scaling:?}");
    }
}

//! Vector scaling (Guo, Pleiss, Sun and Weinberger 2017, section 4.2), on log-probabilities:
//! `q = softmax(w ∘ ln p + b)`, fitted to held-out labels by the penalised negative log likelihood
//! `NLL + λ/K Σ_k ((w_k - 1)² + b_k²)`. The paper has `λ = 0`.

use super::error::RecalibrationError;
use super::linear::{Design, Problem};
use super::log_probabilities::map_rows;
use super::newton::minimise;
use super::{check_classes, check_finite, check_not_negative};
use crate::metric::{MetricError, Probabilities, count};
use serde::{Deserialize, Serialize};

/// `q = softmax(w ∘ ln p + b)`: a temperature and a bias for every class.
///
/// ```
/// use elbo::{metric::Probabilities, recalibrate::VectorScaling};
/// let probs = Probabilities::new(vec![0.5; 8], 2)?;
/// let scaling = VectorScaling::fit(&probs, &[0, 0, 0, 1], 0.0)?; // class 0 is thrice as frequent
/// assert!((scaling.apply(&probs)?.row(0)[0] - 0.75).abs() < 1e-9);
/// # Ok::<(), elbo::recalibrate::RecalibrationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct VectorScaling {
    weights: Vec<f64>,
    intercepts: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    weights: Vec<f64>,
    intercepts: Vec<f64>,
}

impl TryFrom<Stored> for VectorScaling {
    type Error = RecalibrationError;

    fn try_from(Stored { weights, intercepts }: Stored) -> Result<Self, RecalibrationError> {
        check_finite("weights", &weights, weights.len())?;
        check_finite("intercepts", &intercepts, weights.len())?;
        Ok(Self { weights, intercepts })
    }
}

impl VectorScaling {
    /// Fits `w` and `b` to held-out labels. `penalty` is λ, in nats per example; with `λ > 0` there is one best map
    /// whatever the examples.
    ///
    /// # Shapes
    /// - `probs`: `[n, K]`; `labels`: `[n]`
    ///
    /// # Errors
    /// [`RecalibrationError::NotConverged`], without a penalty also if the examples are separable or a class has none;
    /// [`RecalibrationError::Metric`] if the labels do not fit or the penalty is negative.
    pub fn fit(probs: &Probabilities, labels: &[usize], penalty: f64) -> Result<Self, RecalibrationError> {
        check_not_negative("penalty", penalty)?;
        let classes = probs.classes();
        let identity: Vec<f64> = (0..2 * classes).map(|j| f64::from(u8::from(j < classes))).collect();
        let penalties = vec![penalty / count(classes); 2 * classes];
        let problem = Problem::new(Diagonal, (probs, labels), identity, penalties)?;
        let mut weights = minimise(&problem, "vector scaling")?;
        let intercepts = weights.split_off(classes);
        Ok(Self { weights, intercepts })
    }

    /// `w`: `[K]`.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// `b`: `[K]`.
    #[must_use]
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// The scaled probabilities, rows with sum 1.
    ///
    /// # Errors
    /// [`MetricError::Length`] for another number of classes.
    pub fn apply(&self, probs: &Probabilities) -> Result<Probabilities, MetricError> {
        check_classes(self.weights.len(), probs)?;
        let parameters = [&self.weights[..], &self.intercepts[..]].concat();
        map_rows(probs, |row, out| Diagonal.logits(&parameters, row, out))
    }
}

/// `z_k = θ_k x_k + θ_{K + k}`.
pub(super) struct Diagonal;

impl Design for Diagonal {
    fn logits(&self, parameters: &[f64], features: &[f64], logits: &mut [f64]) {
        let (weights, intercepts) = parameters.split_at(features.len());
        for (k, z) in logits.iter_mut().enumerate() {
            *z = weights[k] * features[k] + intercepts[k];
        }
    }

    fn adjoint(&self, residuals: &[f64], features: &[f64], out: &mut [f64]) {
        let (weights, intercepts) = out.split_at_mut(features.len());
        for (k, r) in residuals.iter().enumerate() {
            weights[k] += r * features[k];
            intercepts[k] += r;
        }
    }
}

//! Dirichlet calibration (Kull, Perello-Nieto, Kängsepp, Silva Filho, Song and Flach 2019, section 3, the linear
//! parametrisation): `q = softmax(W ln p + b)`, which is the posterior of the class if the probabilities of each class
//! are Dirichlet distributed.
//!
//! With `K (K + 1)` parameters it overfits, so it is penalised. What is minimised is
//!
//! `NLL + λ_d/K Σ_k (w_kk - 1)² + λ_o/(K (K - 1)) Σ_{j≠k} w_jk² + μ/K Σ_k b_k²`.
//!
//! `λ_d = 0` is ODIR (off-diagonal and intercept regularisation) with its λ and μ. One λ for all is L2. The paper's L2
//! pulls W to 0, that is predictions to uniform ones; this one pulls to the identity, so that a strong penalty leaves
//! predictions as they are.

use super::error::RecalibrationError;
use super::linear::{Design, Problem};
use super::log_probabilities::map_rows;
use super::newton::minimise;
use super::{check_classes, check_finite, check_not_negative};
use crate::metric::{MetricError, Probabilities, count};
use serde::{Deserialize, Serialize};

/// Weights of the penalty, in nats per example; 0 for none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirichletPenalty {
    /// `λ_d`, on the distance of W's diagonal from 1.
    pub diagonal: f64,
    /// `λ_o`, on the rest of W.
    pub off_diagonal: f64,
    /// `μ`, on b.
    pub intercept: f64,
}

impl DirichletPenalty {
    /// The same weight for everything: there is one best map whatever the examples if it is above 0.
    #[must_use]
    pub fn l2(weight: f64) -> Self {
        Self { diagonal: weight, off_diagonal: weight, intercept: weight }
    }

    /// Off-diagonal and intercept regularisation, the diagonal free.
    #[must_use]
    pub fn odir(off_diagonal: f64, intercept: f64) -> Self {
        Self { diagonal: 0.0, off_diagonal, intercept }
    }

    /// The weight of each parameter, `[K, K + 1]`.
    fn weights(&self, classes: usize) -> Result<Vec<f64>, MetricError> {
        let parts = [("diagonal", self.diagonal), ("off_diagonal", self.off_diagonal), ("intercept", self.intercept)];
        parts.into_iter().try_for_each(|(name, weight)| check_not_negative(name, weight))?;
        let k = count(classes);
        let of = |row: usize, column: usize| match column {
            _ if column == classes => self.intercept / k,
            _ if column == row => self.diagonal / k,
            _ => self.off_diagonal / (k * (k - 1.0)),
        };
        Ok((0..classes).flat_map(|row| (0..=classes).map(move |column| of(row, column))).collect())
    }
}

/// `q = softmax(W ln p + b)`.
///
/// ```
/// use elbo::{metric::Probabilities, recalibrate::{DirichletCalibration, DirichletPenalty}};
/// let probs = Probabilities::new(vec![0.8, 0.2, 0.6, 0.4, 0.3, 0.7, 0.4, 0.6], 2)?;
/// let map = DirichletCalibration::fit(&probs, &[0, 1, 1, 0], DirichletPenalty::odir(0.01, 0.01))?;
/// assert_eq!(map.apply(&probs)?.rows(), 4);
/// # Ok::<(), elbo::recalibrate::RecalibrationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct DirichletCalibration {
    weights: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    weights: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
}

impl TryFrom<Stored> for DirichletCalibration {
    type Error = RecalibrationError;

    fn try_from(Stored { weights, intercepts }: Stored) -> Result<Self, RecalibrationError> {
        check_finite("intercepts", &intercepts, weights.len())?;
        weights.iter().try_for_each(|row| check_finite("weights", row, weights.len()))?;
        Ok(Self { weights, intercepts })
    }
}

impl DirichletCalibration {
    /// Fits `W` and `b` to held-out labels.
    ///
    /// # Shapes
    /// - `probs`: `[n, K]`; `labels`: `[n]`
    ///
    /// # Errors
    /// [`RecalibrationError::NotConverged`], with a free diagonal also if the examples are separable;
    /// [`RecalibrationError::Metric`] if the labels do not fit or a penalty is negative.
    pub fn fit(probs: &Probabilities, labels: &[usize], penalty: DirichletPenalty) -> Result<Self, RecalibrationError> {
        let k = probs.classes();
        let identity = (0..k * (k + 1)).map(|j| f64::from(u8::from(j % (k + 1) == j / (k + 1)))).collect();
        let problem = Problem::new(Full, (probs, labels), identity, penalty.weights(k)?)?;
        let parameters = minimise(&problem, "Dirichlet calibration")?;
        let rows = parameters.chunks_exact(k + 1);
        Ok(Self {
            weights: rows.clone().map(|row| row[..k].to_vec()).collect(),
            intercepts: rows.map(|row| row[k]).collect(),
        })
    }

    /// The rows of W: `[K, K]`.
    #[must_use]
    pub fn weights(&self) -> &[Vec<f64>] {
        &self.weights
    }

    /// `b`: `[K]`.
    #[must_use]
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// The mapped probabilities, rows with sum 1.
    ///
    /// # Errors
    /// [`MetricError::Length`] for another number of classes.
    pub fn apply(&self, probs: &Probabilities) -> Result<Probabilities, MetricError> {
        check_classes(self.weights.len(), probs)?;
        let rows = self.weights.iter().zip(&self.intercepts);
        let parameters: Vec<f64> = rows.flat_map(|(row, b)| row.iter().copied().chain([*b])).collect();
        map_rows(probs, |row, out| Full.logits(&parameters, row, out))
    }
}

/// `z_k = Σ_j θ_kj x_j + θ_kK`.
pub(super) struct Full;

impl Design for Full {
    fn logits(&self, parameters: &[f64], features: &[f64], logits: &mut [f64]) {
        let classes = features.len();
        for (z, row) in logits.iter_mut().zip(parameters.chunks_exact(classes + 1)) {
            *z = row[classes] + row.iter().zip(features).map(|(w, x)| w * x).sum::<f64>();
        }
    }

    fn adjoint(&self, residuals: &[f64], features: &[f64], out: &mut [f64]) {
        let classes = features.len();
        for (r, row) in residuals.iter().zip(out.chunks_exact_mut(classes + 1)) {
            row.iter_mut().zip(features).for_each(|(out, x)| *out += r * x);
            row[classes] += r;
        }
    }
}

//! `brier = Σ_i Σ_k (p_ik - [k = y_i])² / B` (Brier 1950, eq. 2), the sum over all classes.

use super::super::{MetricError, mean};
use super::Probabilities;

/// Mean squared distance of the probabilities from the label's unit vector, 0 (certain and right) to 2 (certain and
/// wrong); strictly proper. For two classes it is twice the one-class form. `TensorFlow` Probability's `brier_score`
/// is this less 1.
///
/// ```
/// use elbo::metric::{Probabilities, brier};
/// let probs = Probabilities::new(vec![0.9, 0.1, 0.2, 0.8], 2)?;
/// assert!((brier(&probs, &[0, 1])? - (2.0 * 0.01 + 2.0 * 0.04) / 2.0).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if the labels do not fit.
pub fn brier(probs: &Probabilities, labels: &[usize]) -> Result<f64, MetricError> {
    Ok(mean(&brier_per_example(probs, labels)?))
}

/// `Σ_k (p_ik - [k = y_i])²`: `[B]`.
///
/// # Errors
/// As [`brier`].
pub fn brier_per_example(probs: &Probabilities, labels: &[usize]) -> Result<Vec<f64>, MetricError> {
    probs.per_example(labels, |i, label| {
        let distance = |(class, p): (usize, &f64)| if class == label { p - 1.0 } else { *p };
        probs.row(i).iter().enumerate().map(distance).map(|d| d * d).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_squared_distance_from_the_label() {
        let probs = Probabilities::new(vec![0.5, 0.3, 0.2, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0], 3).unwrap();
        let scores = brier_per_example(&probs, &[1, 0, 2]).unwrap();
        for (score, expected) in scores.iter().zip([0.25 + 0.49 + 0.04, 0.0, 2.0]) {
            assert!((score - expected).abs() < 1e-15, "{score}");
        }
        assert!((brier(&probs, &[1, 0, 2]).unwrap() - 2.78 / 3.0).abs() < 1e-15);
    }
}

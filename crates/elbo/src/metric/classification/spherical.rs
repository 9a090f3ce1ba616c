//! `spherical = Σ_i p_i(y_i) / ‖p_i‖₂ / B`: the spherical score (Good 1971; Gneiting and Raftery 2007, section 4.1,
//! example 2, α = 2).

use super::super::{MetricError, mean};
use super::Probabilities;

/// Mean cosine of the angle between the probabilities and the label's unit vector, 0 (certain and wrong) to 1 (certain
/// and right). Strictly proper; **larger is better**, unlike the other proper scores here.
///
/// ```
/// use elbo::metric::{Probabilities, spherical};
/// let probs = Probabilities::new(vec![0.6, 0.4, 0.0, 1.0], 2)?;
/// assert!((spherical(&probs, &[0, 1])? - (0.6 / 0.52_f64.sqrt() + 1.0) / 2.0).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if the labels do not fit.
pub fn spherical(probs: &Probabilities, labels: &[usize]) -> Result<f64, MetricError> {
    Ok(mean(&spherical_per_example(probs, labels)?))
}

/// `p_i(y_i) / sqrt(Σ_k p_ik²)`: `[B]`.
///
/// # Errors
/// As [`spherical`].
pub fn spherical_per_example(probs: &Probabilities, labels: &[usize]) -> Result<Vec<f64>, MetricError> {
    probs.per_example(labels, |i, label| {
        let row = probs.row(i);
        row[label] / row.iter().map(|p| p * p).sum::<f64>().sqrt()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_cosine_of_an_angle() {
        let probs = Probabilities::new(vec![0.5, 0.5, 1.0, 0.0, 1.0, 0.0], 2).unwrap();
        let scores = spherical_per_example(&probs, &[1, 0, 1]).unwrap();
        for (score, expected) in scores.iter().zip([core::f64::consts::FRAC_1_SQRT_2, 1.0, 0.0]) {
            assert!((score - expected).abs() < 1e-15, "{score}");
        }
    }
}

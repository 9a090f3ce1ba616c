//! `acc = Σ_i [argmax_k p_ik = y_i] / B`.

use super::super::{MetricError, mean};
use super::Probabilities;

/// Share of the examples whose most probable class (the first one, where several are equal) is the label; 0 to 1.
///
/// ```
/// use elbo::metric::{Probabilities, accuracy};
/// let probs = Probabilities::new(vec![0.9, 0.1, 0.2, 0.8], 2)?;
/// assert_eq!(accuracy(&probs, &[0, 0])?, 0.5);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if the labels do not fit.
pub fn accuracy(probs: &Probabilities, labels: &[usize]) -> Result<f64, MetricError> {
    Ok(mean(&correct_per_example(probs, labels)?))
}

/// 1 where the most probable class is the label, else 0: `[B]`.
///
/// # Errors
/// As [`accuracy`].
pub fn correct_per_example(probs: &Probabilities, labels: &[usize]) -> Result<Vec<f64>, MetricError> {
    probs.per_example(labels, |i, label| f64::from(u8::from(probs.predicted(i) == label)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_right_predictions() {
        let probs = Probabilities::new(vec![0.9, 0.1, 0.4, 0.6, 0.5, 0.5, 0.3, 0.7], 2).unwrap();
        assert_eq!(correct_per_example(&probs, &[0, 0, 0, 1]).unwrap(), [1.0, 0.0, 1.0, 1.0]);
        assert!((accuracy(&probs, &[0, 0, 0, 1]).unwrap() - 0.75).abs() < 1e-15);
        assert!(accuracy(&probs, &[0]).is_err());
    }
}

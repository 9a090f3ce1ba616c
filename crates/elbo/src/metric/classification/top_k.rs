//! `top-k acc = Σ_i [y_i among the k most probable classes of example i] / B`.

use super::super::{MetricError, mean};
use super::Probabilities;

/// Share of the examples whose label is among the `k` most probable classes; 0 to 1, the accuracy for `k = 1`, and 1 for
/// `k = K`. Of equally probable classes those with the lower number come first.
///
/// ```
/// use elbo::metric::{Probabilities, top_k_accuracy};
/// let probs = Probabilities::new(vec![0.5, 0.25, 0.25, 0.125, 0.375, 0.5], 3)?;
/// assert_eq!(top_k_accuracy(&probs, &[1, 1], 1)?, 0.0);
/// assert_eq!(top_k_accuracy(&probs, &[2, 1], 2)?, 0.5);
/// assert_eq!(top_k_accuracy(&probs, &[2, 0], 3)?, 1.0);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Setting`] unless `1 <= k <= K`; [`MetricError::Length`], [`MetricError::Empty`] or
/// [`MetricError::Label`] if the labels do not fit.
pub fn top_k_accuracy(probs: &Probabilities, labels: &[usize], k: usize) -> Result<f64, MetricError> {
    Ok(mean(&top_k_correct_per_example(probs, labels, k)?))
}

/// 1 where the label is among the `k` most probable classes, else 0: `[B]`.
///
/// # Errors
/// As [`top_k_accuracy`].
pub fn top_k_correct_per_example(probs: &Probabilities, labels: &[usize], k: usize) -> Result<Vec<f64>, MetricError> {
    probs.check_k(k)?;
    probs.per_example(labels, |i, label| {
        let row = probs.row(i);
        let before = |(class, &p): (usize, &f64)| p > row[label] || p == row[label] && class < label;
        f64::from(u8::from(row.iter().enumerate().filter(|&of| before(of)).count() < k))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_classes_come_in_their_order() {
        let probs = Probabilities::new([0.2, 0.4, 0.4].repeat(3), 3).unwrap();
        let correct = |k| top_k_correct_per_example(&probs, &[0, 1, 2], k).unwrap();
        assert_eq!((correct(1), correct(2), correct(3)), (vec![0.0, 1.0, 0.0], vec![0.0, 1.0, 1.0], vec![1.0; 3]));
    }

    #[test]
    fn misuse_is_named() {
        let probs = Probabilities::new(vec![0.5, 0.5], 2).unwrap();
        let text = |labels: &[usize], k| top_k_accuracy(&probs, labels, k).unwrap_err().to_string();
        assert_eq!(text(&[0], 3), "`k` must be at least 1 and at most the number of classes, found 3");
        assert!(text(&[0], 0).ends_with("found 0"));
        assert_eq!(text(&[0, 1], 1), "labels: expected 1 values, found 2");
        assert_eq!(text(&[2], 1), top_k_accuracy(&probs, &[2], 2).unwrap_err().to_string());
    }
}

//! `nll = -Σ_i ln p_i(y_i) / B`: the logarithmic score (Good 1952; Gneiting and Raftery 2007, section 4.1).

use super::super::{MetricError, mean};
use super::Probabilities;

/// Mean negative log probability of the labels, in nats per example; strictly proper.
///
/// A label that was given probability 0 makes it `+inf`: the score says so rather than hide it behind a floor.
///
/// ```
/// use elbo::metric::{Probabilities, nll};
/// let probs = Probabilities::new(vec![0.9, 0.1, 0.2, 0.8], 2)?;
/// assert!((nll(&probs, &[0, 1])? + (0.9 * 0.8_f64).ln() / 2.0).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if the labels do not fit.
pub fn nll(probs: &Probabilities, labels: &[usize]) -> Result<f64, MetricError> {
    Ok(mean(&nll_per_example(probs, labels)?))
}

/// `-ln p_i(y_i)`, in nats: `[B]`.
///
/// # Errors
/// As [`nll`].
pub fn nll_per_example(probs: &Probabilities, labels: &[usize]) -> Result<Vec<f64>, MetricError> {
    probs.per_example(labels, |i, label| 0.0 - probs.row(i)[label].ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_negative_log_probability() {
        let probs = Probabilities::new(vec![0.5, 0.5, 0.25, 0.75], 2).unwrap();
        let expected = 1.5 * 2.0_f64.ln();
        assert!((nll(&probs, &[1, 0]).unwrap() - expected).abs() < 1e-15);
    }

    #[test]
    fn an_impossible_label_costs_everything_and_a_certain_one_nothing() {
        let probs = Probabilities::new(vec![1.0, 0.0], 2).unwrap();
        assert_eq!(nll(&probs, &[1]).unwrap().to_bits(), f64::INFINITY.to_bits());
        assert_eq!(nll(&probs, &[0]).unwrap().to_bits(), 0.0_f64.to_bits());
    }
}

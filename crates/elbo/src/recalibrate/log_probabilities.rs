//! Logarithms of probabilities as the inputs of a softmax, and back.

use crate::metric::{MetricError, Probabilities};

/// The smallest probability that is told from 0: `2^-126`, the smallest normal `f32`.
const FLOOR: f64 = f32::MIN_POSITIVE as f64;

/// `ln max(p, 2^-126)`: row-major `[rows, classes]`.
pub(super) fn log_probabilities(probs: &Probabilities) -> Vec<f64> {
    probs.values().iter().map(|p| p.max(FLOOR).ln()).collect()
}

/// `e^{z_k} / Σ_j e^{z_j}` in place; neither overflows nor sums to 0 for finite logits.
pub(super) fn softmax(logits: &mut [f64]) {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for z in logits.iter_mut() {
        *z = (*z - largest).exp();
    }
    let total: f64 = logits.iter().sum();
    for p in logits.iter_mut() {
        *p /= total;
    }
}

/// `-ln softmax(z)_y`, without cancellation where it is near 0.
pub(super) fn cross_entropy(logits: &[f64], label: usize) -> f64 {
    let own = logits[label];
    let rest = logits.iter().enumerate().filter(|&(k, _)| k != label).map(|(_, z)| z - own);
    let largest = rest.clone().fold(0.0, f64::max);
    if largest <= 0.0 {
        return rest.map(f64::exp).sum::<f64>().ln_1p();
    }
    largest + ((-largest).exp() + rest.map(|z| (z - largest).exp()).sum::<f64>()).ln()
}

/// `softmax(map(ln p))` of every row: `map` gets a row of logarithms and fills a row of logits.
pub(super) fn map_rows(probs: &Probabilities, map: impl Fn(&[f64], &mut [f64])) -> Result<Probabilities, MetricError> {
    let classes = probs.classes();
    let mut values = vec![0.0; probs.values().len()];
    for (row, out) in log_probabilities(probs).chunks_exact(classes).zip(values.chunks_exact_mut(classes)) {
        map(row, out);
        softmax(out);
    }
    Probabilities::new(values, classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cross_entropy_is_exact_in_both_tails() {
        assert!((cross_entropy(&[0.0, 0.0], 1) - 2.0_f64.ln()).abs() < 1e-15);
        // -ln(1 / (1 + e^-50)) = e^-50 to first order, and 50 + e^-50.
        assert!((cross_entropy(&[50.0, 0.0], 0) / (-50.0_f64).exp() - 1.0).abs() < 1e-14);
        assert_eq!(cross_entropy(&[2000.0, 0.0], 1), 2000.0);
        assert_eq!(cross_entropy(&[7.0], 0), 0.0);
    }

    #[test]
    fn the_identity_leaves_probabilities_and_lifts_zeros() {
        let probs = Probabilities::new(vec![0.2, 0.3, 0.5, 1.0, 0.0, 0.0], 3).unwrap();
        let same = map_rows(&probs, |row, out| out.copy_from_slice(row)).unwrap();
        assert!(probs.values().iter().zip(same.values()).all(|(a, b)| (a - b).abs() < 1e-15));
        assert!(same.row(1)[1] > 0.0 && same.row(1)[1] < 2e-38);
    }
}

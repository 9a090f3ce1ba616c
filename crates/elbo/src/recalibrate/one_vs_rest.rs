//! Class by class: K binary problems, and rows divided by their sums (Zadrozny and Elkan 2002).

use crate::metric::{MetricError, Probabilities};

/// The probabilities of one class and whether it was the label: `[n]` pairs.
pub(super) fn class_examples<'a>(
    probs: &'a Probabilities,
    labels: &'a [usize],
    class: usize,
) -> impl Iterator<Item = (f64, f64)> + 'a {
    labels.iter().enumerate().map(move |(i, &label)| (probs.row(i)[class], f64::from(u8::from(label == class))))
}

/// `g_k(p_k) / Σ_j g_j(p_j)`; a row in which all of them are 0 stays as it was.
pub(super) fn map_classes(
    probs: &Probabilities,
    map: impl Fn(usize, f64) -> f64,
) -> Result<Probabilities, MetricError> {
    let mut values = Vec::with_capacity(probs.values().len());
    for i in 0..probs.rows() {
        let row = probs.row(i);
        let mapped: Vec<f64> = row.iter().enumerate().map(|(k, &p)| map(k, p)).collect();
        let row = if mapped.iter().any(|&p| p > 0.0) { &mapped } else { row };
        let total: f64 = row.iter().sum();
        values.extend(row.iter().map(|p| p / total));
    }
    Probabilities::new(values, probs.classes())
}

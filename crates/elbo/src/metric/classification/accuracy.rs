//! `acc = Σ_i [argmax_k p_ik = y_i] / B`, and the same for the k most probable classes.

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

/// Share of the examples whose label is among the `k` most probable classes ([`Probabilities::top_k`]); 0 to 1, and never
/// less for a larger k.
///
/// ```
/// use elbo::metric::{Probabilities, top_k_accuracy};
/// let probs = Probabilities::new(vec![0.5, 0.3, 0.2, 0.2, 0.3, 0.5], 3)?;
/// assert_eq!(top_k_accuracy(&probs, &[1, 0], 2)?, 0.5);
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
    Ok(mean(&among_top_k_per_example(probs, labels, k)?))
}

/// 1 where the label is among the `k` most probable classes, else 0: `[B]`.
///
/// # Errors
/// As [`top_k_accuracy`].
pub fn among_top_k_per_example(probs: &Probabilities, labels: &[usize], k: usize) -> Result<Vec<f64>, MetricError> {
    if !(1..=probs.classes()).contains(&k) {
        return Err(MetricError::Setting {
            name: "k",
            expected: "between 1 and the number of classes",
            found: k.to_string(),
        });
    }
    // The rank of the label, without sorting the others.
    let before = |row: &[f64], label: usize| {
        row.iter().enumerate().filter(|&(class, p)| *p > row[label] || (*p == row[label] && class < label)).count()
    };
    probs.per_example(labels, |i, label| f64::from(u8::from(before(probs.row(i), label) < k)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_label_is_among_the_first() {
        let probs = Probabilities::new(vec![0.1, 0.4, 0.4, 0.1, 0.25, 0.25, 0.25, 0.25], 4).unwrap();
        assert_eq!((probs.top_k(0, 3), probs.top_k(1, 9)), (vec![1, 2, 0], vec![0, 1, 2, 3]));
        assert_eq!(among_top_k_per_example(&probs, &[2, 2], 2).unwrap(), [1.0, 0.0]);
        assert_eq!(among_top_k_per_example(&probs, &[2, 2], 1).unwrap(), [0.0, 0.0]);
        for k in [0, 5] {
            let error = top_k_accuracy(&probs, &[0, 0], k).unwrap_err().to_string();
            assert!(error.contains("between 1 and the number of classes") && error.contains(&k.to_string()), "{error}");
        }
    }

    proptest! {
        #[test]
        fn more_classes_hold_no_fewer_labels(rows in prop::collection::vec((prop::array::uniform5(1_u32..6), 0_usize..5), 1..20)) {
            let of = |row: &[u32; 5]| row.map(|n| f64::from(n) / f64::from(row.iter().sum::<u32>()));
            let probs = Probabilities::new(rows.iter().flat_map(|(row, _)| of(row)).collect(), 5).unwrap();
            let labels: Vec<usize> = rows.iter().map(|(_, label)| *label).collect();
            let found: Vec<f64> = (1..=5).map(|k| top_k_accuracy(&probs, &labels, k).unwrap()).collect();
            prop_assert!(found.is_sorted());
            prop_assert!((found[0] - accuracy(&probs, &labels).unwrap()).abs() < 1e-15 && found[4] == 1.0);
            for (i, &label) in labels.iter().enumerate() {
                let among = (1..=5).map(|k| probs.top_k(i, k).contains(&label)).map(|held| f64::from(u8::from(held)));
                let counted = (1..=5).map(|k| among_top_k_per_example(&probs, &labels, k).unwrap()[i]);
                prop_assert!(among.eq(counted));
            }
        }
    }

    #[test]
    fn counts_right_predictions() {
        let probs = Probabilities::new(vec![0.9, 0.1, 0.4, 0.6, 0.5, 0.5, 0.3, 0.7], 2).unwrap();
        assert_eq!(correct_per_example(&probs, &[0, 0, 0, 1]).unwrap(), [1.0, 0.0, 1.0, 1.0]);
        assert!((accuracy(&probs, &[0, 0, 0, 1]).unwrap() - 0.75).abs() < 1e-15);
        assert!(accuracy(&probs, &[0]).is_err());
    }
}

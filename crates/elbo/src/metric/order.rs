//! Order of values: quantiles, ties, and how often a resample holds each example.

use super::count;

/// Examples in ascending order of a value, equal values together.
#[derive(Clone, Debug)]
pub(super) struct Ranked {
    order: Vec<usize>,
    /// Where each group of equal values ends in `order`.
    ends: Vec<usize>,
}

impl Ranked {
    /// Orders values of which none is a NaN; 0 and -0 are equal.
    pub(super) fn new(values: &[f64]) -> Self {
        let key = |i: usize| values[i] + 0.0;
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
        let ends = (1..=order.len()).filter(|&k| k == order.len() || key(order[k]) > key(order[k - 1])).collect();
        Self { order, ends }
    }

    /// The groups of equal values, smallest first.
    pub(super) fn groups(&self) -> impl DoubleEndedIterator<Item = &[usize]> {
        let start = |group: usize| if group == 0 { 0 } else { self.ends[group - 1] };
        (0..self.ends.len()).map(move |group| &self.order[start(group)..self.ends[group]])
    }

    /// Number of examples.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

/// How often each of `n` examples was chosen.
pub(super) fn multiplicities(chosen: &[usize], n: usize) -> Vec<f64> {
    let mut times = vec![0.0; n];
    for &i in chosen {
        times[i] += 1.0;
    }
    times
}

/// Quantile `p` of sorted values, linear between order statistics (definition 7 of Hyndman and Fan 1996).
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a position within the list
pub(super) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let position = p * count(sorted.len() - 1);
    let below = (position as usize).min(sorted.len() - 1);
    let (a, b) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    let weight = position - count(below);
    // Equal neighbours may be infinite, and infinity less infinity is not a number.
    if weight <= 0.0 || a.total_cmp(&b).is_eq() { a } else { a + weight * (b - a) }
}

/// Ends of the central interval of `level` of sorted values.
pub(super) fn central(sorted: &[f64], level: f64) -> [f64; 2] {
    let tail = (1.0 - level) / 2.0;
    [tail, 1.0 - tail].map(|p| quantile(sorted, p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        let expected = [(0.0, 1.0), (1.0, 8.0), (0.5, 3.0), (1.0 / 3.0, 2.0), (0.9, 6.8)];
        assert!(expected.iter().all(|&(p, value)| (quantile(&sorted, p) - value).abs() < 1e-14));
        assert!((quantile(&[5.0], 0.3) - 5.0).abs() < 1e-15);
        assert_eq!(quantile(&[0.0, f64::INFINITY, f64::INFINITY], 0.75).to_bits(), f64::INFINITY.to_bits());
    }

    #[test]
    fn equal_values_are_together() {
        let ranked = Ranked::new(&[2.0, -0.0, f64::INFINITY, 0.0, 2.0, f64::NEG_INFINITY]);
        let groups: Vec<&[usize]> = ranked.groups().collect();
        assert_eq!(groups, [&[5][..], &[1, 3], &[0, 4], &[2]]);
        assert_eq!(ranked.len(), 6);
        assert_eq!(Ranked::new(&[]).groups().count(), 0);
    }

    #[test]
    fn multiplicities_count() {
        assert_eq!(multiplicities(&[2, 0, 2], 4), [1.0, 0.0, 2.0, 0.0]);
    }
}

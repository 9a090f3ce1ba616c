//! Small computations that both tasks need, until `elbo::metric` has them.

use crate::number::count;

/// The 97.5 % quantile of the standard normal.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's 95 % interval of a share, `hits` of `n` (Wilson 1927; Agresti and Coull 1998, section 1.2); 0 to 1 without
/// examples.
pub fn wilson(hits: f64, n: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let (p, square) = (hits / n, Z * Z);
    let centre = (p + square / (2.0 * n)) / (1.0 + square / n);
    let half = Z / (1.0 + square / n) * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Ranks from 1; equal values share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..].iter().take_while(|&&i| values[i].total_cmp(&values[order[start]]).is_eq()).count();
        let rank = count(start) + 0.5 * (count(same) + 1.0);
        order[start..start + same].iter().for_each(|&i| ranks[i] = rank);
        start += same;
    }
    ranks
}

/// The chance that a value of the chosen ones is above one of the others, ties half (Mann and Whitney 1947): the area
/// under the receiver's operating curve. `None` unless there are both.
pub fn auroc(values: &[f64], is_chosen: &[bool]) -> Option<f64> {
    let chosen = count(is_chosen.iter().filter(|&&is| is).count());
    let others = count(values.len()) - chosen;
    if chosen == 0.0 || others == 0.0 {
        return None;
    }
    let sum: f64 = ranks(values).iter().zip(is_chosen).filter(|&(_, &is)| is).map(|(rank, _)| rank).sum();
    Some((sum - 0.5 * chosen * (chosen + 1.0)) / (chosen * others))
}

/// Spearman's rank correlation (Spearman 1904); `None` if a list is constant.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let middle = 0.5 * (count(a.len()) + 1.0);
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>();
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    (scale > 0.0).then(|| product(&a, &b) / scale)
}

/// Examples of a kind that are shown.
const SHOWN: usize = 6;

/// The examples with the largest values, the first ones among equals.
pub fn largest(mut chosen: Vec<usize>, value: impl Fn(usize) -> f64) -> Vec<usize> {
    chosen.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
    chosen.truncate(SHOWN);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_by_hand() {
        // 8 of 10: (0.8 + 0.19207) / 1.38415 -+ 1.95996 / 1.38415 sqrt(0.016 + 0.0096036)
        let (low, high) = wilson(8.0, 10.0);
        assert!((low - 0.49016).abs() < 1e-4 && (high - 0.94331).abs() < 1e-4, "{low} {high}");
        assert_eq!((wilson(0.0, 5.0).0, wilson(5.0, 5.0).1, wilson(0.0, 0.0)), (0.0, 1.0, (0.0, 1.0)));
    }

    #[test]
    fn ranks_share_ties() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(auroc(&[0.9, 0.1, 0.5, 0.5], &[true, false, true, false]), Some(0.875));
        assert_eq!(auroc(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(spearman(&[1.0, 2.0, 9.0], &[-1.0, -2.0, -3.0]), Some(-1.0));
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}

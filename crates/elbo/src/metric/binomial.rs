//! Quantiles of the binomial distribution.

use super::count;

/// The smallest k with `Pr(K <= k) >= level`, `K ~ Binomial(n, p)`.
///
/// Probabilities by their ratios `Pr(k + 1) / Pr(k) = (n - k) / (k + 1) · p / (1 - p)`, from the mode outwards, so that
/// nothing that matters underflows.
pub(super) fn quantile(n: usize, p: f64, level: f64) -> usize {
    if p <= 0.0 || p >= 1.0 {
        return if p <= 0.0 { 0 } else { n };
    }
    let odds = p / (1.0 - p);
    let mut weights = vec![0.0; n + 1];
    let mode = mode(n, p);
    weights[mode] = 1.0;
    for k in mode..n {
        weights[k + 1] = weights[k] * count(n - k) / count(k + 1) * odds;
    }
    for k in (0..mode).rev() {
        weights[k] = weights[k + 1] * count(k + 1) / count(n - k) / odds;
    }
    let target = level * weights.iter().sum::<f64>();
    let mut below = 0.0;
    let reached = weights.iter().position(|weight| {
        below += weight;
        below >= target
    });
    reached.unwrap_or(n)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and n
fn mode(n: usize, p: f64) -> usize {
    ((count(n + 1) * p) as usize).min(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Pr(K <= k)` of 10 throws of a coin: 1, 11, 56, 176, 386, 638, .. of 1024.
    #[test]
    fn ten_coins() {
        let expected = [(0.0009, 0), (0.01, 1), (0.05, 2), (0.17, 3), (0.5, 5), (0.623, 5), (0.624, 6), (0.9999, 10)];
        for (level, k) in expected {
            assert_eq!(quantile(10, 0.5, level), k, "{level}");
        }
    }

    #[test]
    fn ends_and_large_numbers() {
        assert_eq!((quantile(7, 0.0, 0.9), quantile(7, 1.0, 0.1), quantile(0, 0.3, 0.5)), (0, 7, 0));
        // Normal: 5000 ± 1.96 · 50 √2, to the nearest whole number or so.
        let (low, high) = (quantile(1_000_000, 0.005, 0.025), quantile(1_000_000, 0.005, 0.975));
        assert!((4861..=4863).contains(&low) && (5138..=5140).contains(&high), "{low} {high}");
    }
}

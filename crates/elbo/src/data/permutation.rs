//! Random permutations from counter-based noise.

use elbo_kernels::Stream;

/// A permutation of `0..n`, each equally likely (Fisher-Yates), from draw `draw` of `stream`.
pub(super) fn permutation(n: usize, stream: Stream, draw: u64) -> Vec<usize> {
    let mut words = Words { stream, draw, block: 0, ready: None };
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, words.below(last + 1));
    }
    order
}

/// Uniform 64-bit words of one draw.
struct Words {
    stream: Stream,
    draw: u64,
    block: u64,
    ready: Option<u64>,
}

impl Words {
    /// A number in `0..bound`, each equally likely: words beyond the last whole multiple of `bound` are dropped.
    fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        let excess = (u64::MAX % bound + 1) % bound;
        loop {
            let word = self.next();
            if word <= u64::MAX - excess {
                return usize::try_from(word % bound).expect("below a usize");
            }
        }
    }

    /// The next word: two per block of four 32-bit words.
    fn next(&mut self) -> u64 {
        if let Some(word) = self.ready.take() {
            return word;
        }
        let [a, b, c, d] = self.stream.block(self.draw, self.block);
        self.block += 1;
        self.ready = Some(joined(c, d));
        joined(a, b)
    }
}

fn joined(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_number_is_there_once(n in 0_usize..200, seed: u64, draw: u64) {
            let mut order = permutation(n, Stream::named(seed, "test"), draw);
            order.sort_unstable();
            prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }

    /// Pearson's statistic of 24,000 permutations of 4 elements over the 24 cells, 23 degrees of freedom. The seed is
    /// fixed; a right generator would fail for one seed in a million (quantile 1 - 1e-6 of chi-square with 23 degrees
    /// of freedom: 70.55).
    #[test]
    fn permutations_are_equally_likely() {
        const DRAWS: u64 = 24 * 1000;
        let mut counts = std::collections::HashMap::new();
        for draw in 0..DRAWS {
            *counts.entry(permutation(4, Stream::named(3, "test"), draw)).or_insert(0_u32) += 1;
        }
        let expected = 1000.0;
        let statistic: f64 = counts.values().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
        assert_eq!(counts.len(), 24);
        assert!(statistic < CHI_SQUARE, "{statistic}");
    }

    const CHI_SQUARE: f64 = 70.55;

    #[test]
    fn numbers_stay_below_their_bound() {
        let mut words = Words { stream: Stream::named(1, "test"), draw: 0, block: 0, ready: None };
        for bound in [1, 2, 3, usize::MAX / 2 + 2, usize::MAX] {
            assert!((0..50).all(|_| words.below(bound) < bound), "{bound}");
        }
    }
}

//! How examples and weight samples are cut into passes that stay in a core's cache and together fit into memory.

use std::ops::Range;

/// Bytes that the values of a pass should take: a layer reads what the one before has left in a core's second-level cache,
/// and every pass is large enough to be worth its start. (Measured on cores with 1 MiB of it: 1 to 4 MiB are equal to 5 %,
/// 256 KiB are a quarter slower, and uncut passes take one and a half times to three times as long.)
const CACHE: usize = 2 << 20;

/// Groups of weight samples that are worked on before their outputs are gathered, at most: enough for many threads (which
/// also share the parts of a group), and few enough that outputs take little memory.
const AT_ONCE: usize = 16;

/// What a network needs, counted in numbers of four bytes.
///
/// ```
/// use elbo::predict::PassSize;
/// // 1000 series of 24 steps through 64 filters of length 5 (1 -> 64 values a step) and a dense layer of 2 units.
/// let size = PassSize { examples: 1000, values: 24 + 24 * 64, weights: 5 * 64 + 64 + 24 * 64 * 2 + 2 };
/// # let _ = size;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassSize {
    /// Number of examples.
    pub examples: usize,
    /// Values of one example under one weight sample that exist at once: input, working copies and output of the layer
    /// that has most of them.
    pub values: usize,
    /// Weights that are drawn for one weight sample.
    pub weights: usize,
}

/// Sizes of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunks {
    /// Examples of a pass.
    pub(super) examples: usize,
    /// Weight samples of a pass.
    pub(super) samples: usize,
    /// Groups of weight samples that are worked on at once.
    pub(super) at_once: usize,
}

impl Chunks {
    /// Passes of about [`CACHE`] bytes, or as much as their weights take, which are read once in every pass: parts of the
    /// examples under one weight sample, or all of them under several. Passes at once stay below `budget` together.
    pub(super) fn new(budget: usize, size: PassSize, samples: usize) -> Self {
        let bytes = |numbers: usize| numbers.saturating_mul(size_of::<f32>());
        let (values, weights) = (bytes(size.values).max(1), bytes(size.weights));
        let (all, samples) = (size.examples.max(1), samples.max(1));
        let target = CACHE.max(weights).min(budget.saturating_sub(weights));
        // Parts of equal size.
        let parts = all.div_ceil((target / values).max(1));
        let examples = all.div_ceil(parts);
        let of_sample = weights.saturating_add(values.saturating_mul(examples));
        let together = if examples == all { (target / of_sample).clamp(1, samples) } else { 1 };
        let groups = samples.div_ceil(together);
        let at_once = (budget / of_sample.saturating_mul(together)).clamp(1, AT_ONCE.min(groups));
        Self { examples, samples: samples.div_ceil(groups), at_once }
    }
}

/// `0..total` in pieces of `size`, the last one shorter.
pub(super) fn pieces(total: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..total).step_by(size).map(move |start| start..(start + size).min(total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn passes_fit_the_budget_and_are_never_empty(
            budget in 0_usize..1 << 28, examples in 0_usize..5000, values in 0_usize..1 << 16,
            weights in 0_usize..1 << 20, samples in 1_usize..20_000,
        ) {
            let size = PassSize { examples, values, weights };
            let chunks = Chunks::new(budget, size, samples);
            prop_assert!(chunks.examples >= 1 && chunks.samples >= 1 && chunks.at_once >= 1);
            prop_assert!(chunks.examples <= examples.max(1) && chunks.samples <= samples);
            let pass = 4 * chunks.samples * (weights + values * chunks.examples);
            prop_assert!(chunks.examples * chunks.samples * chunks.at_once == 1 || chunks.at_once * pass <= budget);
            let cached = pass <= CACHE.max(4 * weights) + 4 * chunks.samples * weights;
            prop_assert!(cached || chunks.examples == 1);
        }
    }

    #[test]
    fn examples_are_cut_only_where_one_sample_is_too_large() {
        let chunks =
            |examples, samples| Chunks::new(64 << 20, PassSize { examples, values: 1600, weights: 3458 }, samples);
        assert_eq!(chunks(1029, 100), Chunks { examples: 258, samples: 1, at_once: 16 });
        assert_eq!(chunks(10, 100), Chunks { examples: 10, samples: 25, at_once: 4 });
        assert_eq!(chunks(10, 4), Chunks { examples: 10, samples: 4, at_once: 1 });
    }

    #[test]
    fn no_size_overflows() {
        let size = PassSize { examples: usize::MAX, values: usize::MAX, weights: usize::MAX };
        assert_eq!(Chunks::new(usize::MAX, size, usize::MAX).examples, 1);
    }

    #[test]
    fn pieces_cover_everything_once() {
        assert_eq!(pieces(7, 3).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
        assert_eq!(pieces(0, 3).count(), 0);
    }
}

//! How examples and weight samples are cut into passes that stay in a core's cache and together fit into memory.

use std::ops::Range;

/// Bytes that the values of a pass should take: a layer reads what the one before has left in a core's second-level cache,
/// and every pass is large enough to be worth its start. (Measured on cores with 1 MiB of it: 1 to 4 MiB are equal to 5 %,
/// 256 KiB are a quarter slower, and uncut passes take one and a half times to three times as long.)
const CACHE: usize = 2 << 20;

/// Groups of weight samples for each thread between two times that outputs are gathered, at most, and for all threads
/// unless there are more of these: enough that threads do not wait for each other, few enough that outputs take little
/// memory.
const OF_THREAD: usize = 4;
const AT_ONCE: usize = 16;

/// Passes for which the budget should have room beside the weights: threads share the parts of the examples.
const TOGETHER: usize = 4;

/// What a network needs, counted in numbers.
///
/// ```
/// use elbo::predict::PassSize;
/// // 1000 series of 24 steps through 64 filters of length 5 (1 -> 64 values a step) and a dense layer of 2 units.
/// let size = PassSize { examples: 1000, values: 24 + 24 * 64, weights: 5 * 64 + 64 + 24 * 64 * 2 + 2, outputs: 2 };
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
    /// Outputs of one example under one weight sample, which wait in `f64` until they are gathered.
    pub outputs: usize,
}

/// Sizes of a pass, and how many there are at once. Only the latter depend on the number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunks {
    /// Examples of a pass.
    pub(super) examples: usize,
    /// Weight samples of a pass.
    pub(super) samples: usize,
    /// Groups of weight samples that are worked on at once, each with all its outputs.
    pub(super) groups: usize,
    /// Parts of the examples that are worked on at once under one group of weight samples.
    pub(super) parts: usize,
    /// Parts whose outputs wait at once under one group of weight samples.
    pub(super) waiting: usize,
}

impl Chunks {
    /// Passes of about [`CACHE`] bytes, or as much as their weights take, which are read once in every pass: parts of the
    /// examples under one weight sample, or all of them under several. Passes at once stay below `budget` together, with
    /// the outputs that wait. But weights of more than half of it do not make passes smaller than [`CACHE`], or half of
    /// `budget` if that is less: a large network would be read anew for every few examples.
    pub(super) fn new(budget: usize, size: PassSize, samples: usize, threads: usize) -> Self {
        let of = |numbers: usize, bytes: usize| numbers.saturating_mul(bytes);
        let (values, weights) = (of(size.values, size_of::<f32>()).max(1), of(size.weights, size_of::<f32>()));
        let outputs = of(size.outputs, size_of::<f64>());
        let (all, samples) = (size.examples.max(1), samples.max(1));
        let room = budget.saturating_sub(weights);
        let target = CACHE.max(weights).min(room / TOGETHER).max(CACHE.min(room.max(budget / 2)));
        // Parts of equal size.
        let parts = all.div_ceil((target / values.saturating_add(outputs)).max(1));
        let examples = all.div_ceil(parts);
        let group = weights.saturating_add(of(values, examples)).saturating_add(of(outputs, all));
        let together = if examples == all { (target / group).clamp(1, samples) } else { 1 };
        let groups = samples.div_ceil(together);
        let most = threads.saturating_mul(OF_THREAD).min(AT_ONCE).max(threads);
        let at_once = (budget / of(group, together)).clamp(1, most.min(groups));
        let (values, outputs) = (of(values, examples), of(outputs, examples));
        let lanes = (room / values.saturating_add(outputs)).clamp(1, threads.clamp(1, parts));
        let waiting = room.saturating_sub(of(values, lanes)) / outputs.max(1);
        Self {
            examples,
            samples: samples.div_ceil(groups),
            groups: at_once,
            parts: lanes,
            waiting: waiting.clamp(lanes, parts),
        }
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
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn passes_fit_the_budget_and_are_never_empty(
            budget in prop_oneof![0_usize..1 << 16, 0_usize..1 << 28], examples in 0_usize..5000,
            values in 1_usize..1 << 16, weights in prop_oneof![0_usize..1 << 16, 0_usize..1 << 25],
            outputs in 0_usize..100, samples in 1_usize..20_000, threads in 1_usize..70,
        ) {
            let size = PassSize { examples, values, weights, outputs };
            let chunks = Chunks::new(budget, size, samples, threads);
            let Chunks { groups, parts, waiting, .. } = chunks;
            prop_assert!(chunks.examples >= 1 && chunks.samples >= 1 && groups >= 1);
            prop_assert!(chunks.examples <= examples.max(1) && chunks.samples <= samples);
            prop_assert!(1 <= parts && parts <= waiting && parts <= threads);
            let (values, outputs) = (4 * chunks.examples * values, 8 * chunks.examples * outputs);
            let smallest = chunks.examples * chunks.samples == 1;
            // Threads that share groups.
            let whole = 4 * weights + values + 8 * examples * size.outputs;
            prop_assert!(groups == 1 || groups * chunks.samples * whole <= budget);
            // Threads that share the parts of a group.
            let shared = chunks.samples * (4 * weights + parts * values + waiting * outputs);
            let large = 8 * weights > budget && 4 * weights + CACHE > budget;
            prop_assert!(shared <= budget || waiting == 1 && (smallest || large));
            // A pass is not much larger than a cache, nor smaller than that without reason.
            let pass = chunks.samples * (values + outputs);
            prop_assert!(pass <= CACHE.max(4 * weights) || smallest);
            let single = 4 * size.values + 8 * size.outputs;
            let enough = chunks.examples == examples.max(1) || 2 * pass + single > CACHE.min(budget / 2);
            prop_assert!(enough, "{chunks:?}");
        }

        /// What passes compute does not depend on the number of threads.
        #[test]
        fn the_cut_is_the_same_for_any_number_of_threads(
            budget in 0_usize..1 << 28, examples in 0_usize..5000, values in 0_usize..1 << 16,
            weights in 0_usize..1 << 25, outputs in 0_usize..100, samples in 1_usize..20_000, threads in 1_usize..1000,
        ) {
            let size = PassSize { examples, values, weights, outputs };
            let cut = |threads| {
                let chunks = Chunks::new(budget, size, samples, threads);
                (chunks.examples, chunks.samples)
            };
            prop_assert_eq!(cut(1), cut(threads));
        }
    }

    #[test]
    fn examples_are_cut_only_where_one_sample_is_too_large() {
        let chunks = |examples, samples, threads| {
            let size = PassSize { examples, values: 1600, weights: 3458, outputs: 2 };
            let Chunks { examples, samples, groups, parts, .. } = Chunks::new(64 << 20, size, samples, threads);
            [examples, samples, groups, parts]
        };
        assert_eq!(chunks(1029, 100, 8), [258, 1, 16, 4]);
        assert_eq!(chunks(1029, 100, 2), [258, 1, 8, 2]);
        assert_eq!(chunks(1029, 100, 24), [258, 1, 24, 4]);
        assert_eq!(chunks(10, 100, 2), [10, 25, 4, 1]);
        assert_eq!(chunks(10, 4, 2), [10, 4, 1, 1]);
    }

    /// The default budget and a network whose weights take all of it: hundreds of passes, not one for every example.
    #[test]
    fn a_large_network_is_not_read_for_every_example() {
        for weights in [17 << 20, 16 << 20, (16 << 20) - 1] {
            let size = PassSize { examples: 1000, values: 10_000, weights, outputs: 10 };
            assert_eq!(Chunks::new(64 << 20, size, 100, 8).examples, 50, "{weights} weights");
        }
    }

    /// Weights of 48 MiB leave 16 MiB, whatever the number of threads.
    #[test]
    fn parts_at_once_fit_beside_the_weights() {
        let size = PassSize { examples: 1000, values: (1 << 18) - 4, weights: 12 << 20, outputs: 2 };
        for (threads, parts) in [(1, 1), (3, 3), (8, 4), (64, 4)] {
            let chunks = Chunks::new(64 << 20, size, 100, threads);
            assert_eq!((chunks.examples, chunks.groups, chunks.parts), (4, 1, parts));
        }
    }

    /// A million examples of ten classes: outputs of one weight sample are more than the budget.
    #[test]
    fn waiting_outputs_are_part_of_the_budget() {
        let size = PassSize { examples: 1_000_000, values: 100, weights: 1000, outputs: 10 };
        let Chunks { examples, groups, waiting, .. } = Chunks::new(64 << 20, size, 100, 8);
        assert_eq!(groups, 1);
        assert!((40 << 20..64 << 20).contains(&(waiting * examples * 80)), "{waiting} parts of {examples}");
    }

    #[test]
    fn no_size_overflows() {
        let all = usize::MAX;
        let size = PassSize { examples: all, values: all, weights: all, outputs: all };
        assert_eq!(Chunks::new(all, size, all, all).examples, 1);
    }

    #[test]
    fn pieces_cover_everything_once() {
        assert_eq!(pieces(7, 3).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
        assert_eq!(pieces(0, 3).count(), 0);
    }
}

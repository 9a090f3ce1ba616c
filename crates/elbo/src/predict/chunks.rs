//! How examples and weight samples are cut so that a pass fits into memory.

use std::ops::Range;

/// Sizes of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunks {
    /// Examples of a pass.
    pub(super) examples: usize,
    /// Weight samples of a pass.
    pub(super) samples: usize,
}

impl Chunks {
    /// For a network whose widest layer makes `widest` values of an example, of four bytes each. As many examples as
    /// fit with one weight sample, then as many weight samples as fit with those.
    pub(super) fn new(budget: usize, widest: usize, examples: usize, samples: usize) -> Self {
        let values = (budget / size_of::<f32>()).max(1);
        let rows = values / widest.max(1);
        let chunk = rows.clamp(1, examples.max(1));
        Self { examples: chunk, samples: (rows / chunk).clamp(1, samples.max(1)) }
    }
}

/// `0..total` in pieces of `size`, the last one shorter.
pub(super) fn pieces(total: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..total).step_by(size).map(move |start| start..(start + size).min(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_fit_the_budget_and_are_never_empty() {
        for (budget, widest, examples, samples) in
            [(0, 10, 5, 3), (400, 10, 5, 3), (4000, 10, 5, 100), (1 << 20, 1536, 1029, 100), (100, 0, 0, 1)]
        {
            let chunks = Chunks::new(budget, widest, examples, samples);
            assert!(chunks.examples >= 1 && chunks.samples >= 1, "{chunks:?}");
            assert!(chunks.examples <= examples.max(1) && chunks.samples <= samples);
            let one_row = chunks.examples == 1 && chunks.samples == 1;
            assert!(one_row || 4 * widest * chunks.examples * chunks.samples <= budget, "{chunks:?}");
        }
        assert_eq!(Chunks::new(4000, 10, 5, 100), Chunks { examples: 5, samples: 20 });
    }

    #[test]
    fn pieces_cover_everything_once() {
        assert_eq!(pieces(7, 3).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
        assert_eq!(pieces(0, 3).count(), 0);
    }
}

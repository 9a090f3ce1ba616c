//! Random signs: one bit of a Philox block each, 128 to a block. A set bit is -1.

use super::Draws;
use super::fill::fill;

/// The signs of `draws`, `n` per draw, as -1 and 1: row-major `[samples, n]`.
#[must_use]
pub fn signs(draws: Draws, n: usize) -> Vec<f32> {
    fill(draws, n, 0.0, block)
}

/// 128 signs from one block: word by word, low bits first.
#[inline]
fn block(words: [u32; 4]) -> [f32; 128] {
    core::array::from_fn(|i| if words[i / 32] >> (i % 32) & 1 == 1 { -1.0 } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::super::Stream;
    use super::*;

    fn draws(draw: u64) -> Draws {
        Stream::named(42, "dense/sign_input").draws(draw, 1)
    }

    /// A change here changes every result of every user of flipout ("value-breaking").
    #[test]
    fn values_are_stable() {
        let negative: Vec<usize> = (0..40).filter(|&i| signs(draws(3), 40)[i] < 0.0).collect();
        assert_eq!(negative, STABLE, "{negative:?}");
    }
    const STABLE: [usize; 19] = [0, 3, 4, 6, 13, 16, 18, 19, 20, 22, 23, 24, 25, 26, 29, 31, 32, 33, 38];

    /// Sums of n independent signs have standard deviation sqrt(n): 5 of them, error rate 6e-7 for each of 40 sums.
    #[test]
    fn are_balanced_and_independent() {
        let n = 1 << 18;
        let bound = 5.0 * 512.0;
        let (a, b) = (signs(draws(0), n), signs(draws(1), n));
        let sum: f32 = a.iter().sum();
        assert!(a.iter().all(|s| s.abs() == 1.0) && sum.abs() < bound, "{sum}");
        let between: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        assert!(between.abs() < bound, "{between}");
        for lag in (1..=32).chain([64, 96, 127, 128, 129, 256]) {
            let sum: f32 = a.iter().zip(&a[lag..]).map(|(a, b)| a * b).sum();
            assert!(sum.abs() < bound, "lag {lag}: {sum}");
        }
    }

    #[test]
    fn a_part_is_a_part_of_the_whole() {
        let whole = signs(draws(2), 400);
        for skipped in [0, 1, 31, 32, 127, 128, 129, 300] {
            let part = signs(draws(2).skipping(skipped as u64), 100);
            assert_eq!(part, whole[skipped..skipped + 100]);
        }
    }
}

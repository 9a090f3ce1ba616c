//! Random signs: one bit of a Philox block each, 128 to a block. A set bit is -1.

use super::fill::{Transform, fill, run};
use super::{Draws, Stream};
use crate::simd::vectorised;

/// The signs of `draws`, `n` per draw, as -1 and 1: row-major `[samples, n]`.
#[must_use]
pub fn signs(draws: Draws, n: usize) -> Vec<f32> {
    fill(draws, n, write)
}

vectorised! {
    /// Elements `first ..` of a draw.
    fn write(stream: Stream, draw: u64, first: u64, out: &mut [f32]) {
        signs_into(stream, draw, first, out);
    }
}

/// Elements `first ..` of a draw, inlined into a vectorised caller.
#[inline(always)]
pub(crate) fn signs_into(stream: Stream, draw: u64, first: u64, out: &mut [f32]) {
    run::<Signs, _, _>(stream, draw, first, out);
}

/// Blocks that are worked on together.
const COUNTERS: usize = 8;

/// The signs of the bits of a byte, low bits first.
static BYTES: [[f32; 8]; 256] = bytes();

const fn bytes() -> [[f32; 8]; 256] {
    let mut out = [[1.0; 8]; 256];
    let mut i = 0;
    while i < 256 * 8 {
        let [byte, bit] = [i / 8, i % 8];
        if (byte >> bit) & 1 == 1 {
            out[byte][bit] = -1.0;
        }
        i += 1;
    }
    out
}

/// 128 signs from every block: word by word, low bits first.
struct Signs;

impl Transform<COUNTERS, { 128 * COUNTERS }> for Signs {
    type Value = f32;

    #[inline(always)]
    fn values(words: &[[u32; COUNTERS]; 4], out: &mut [f32; 128 * COUNTERS]) {
        let (bytes, _) = out.as_chunks_mut::<8>();
        for (at, signs) in bytes.chunks_exact_mut(4).enumerate() {
            for (signs, byte) in signs.iter_mut().zip(words[at % 4][at / 4].to_le_bytes()) {
                *signs = BYTES[usize::from(byte)];
            }
        }
    }
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

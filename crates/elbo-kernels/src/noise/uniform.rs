//! Uniform numbers from Philox words, strictly between 0 and 1 and symmetric about ½.
//!
//! `f32`: the upper 23 bits of a word, `u = (w + 1/2) 2^-23`, four from a block. `f64`: the upper 52 bits of two words,
//! `u = (w + 1/2) 2^-52`, two from a block. Both are exact, so neither 0 nor 1 can appear, and a logarithm of `u` or of
//! `1 - u` is finite.

use super::fill::{Transform, fill, run};
use super::{Draws, Stream};
use crate::simd::vectorised;

/// The uniforms of `draws`, `n` per draw: row-major `[samples, n]`.
#[must_use]
pub fn uniforms_f32(draws: Draws, n: usize) -> Vec<f32> {
    fill(draws, n, write_f32)
}

/// As [`uniforms_f32`], in double precision: other numbers, from the same stream.
#[must_use]
pub fn uniforms_f64(draws: Draws, n: usize) -> Vec<f64> {
    fill(draws, n, write_f64)
}

vectorised! {
    /// Elements `first ..` of a draw.
    fn write_f32(stream: Stream, draw: u64, first: u64, out: &mut [f32]) {
        run::<Single, _, _>(stream, draw, first, out);
    }

    /// Elements `first ..` of a draw.
    fn write_f64(stream: Stream, draw: u64, first: u64, out: &mut [f64]) {
        run::<Double, _, _>(stream, draw, first, out);
    }
}

/// Blocks that are worked on together.
const COUNTERS: usize = 64;

/// Four `f32` uniforms from every block.
struct Single;

impl Transform<COUNTERS, { 4 * COUNTERS }> for Single {
    type Value = f32;

    #[inline(always)]
    fn values(words: &[[u32; COUNTERS]; 4], out: &mut [f32; 4 * COUNTERS]) {
        for i in 0..COUNTERS {
            for lane in 0..4 {
                out[4 * i + lane] = unit_f32(words[lane][i]);
            }
        }
    }
}

/// Two `f64` uniforms from every block.
struct Double;

impl Transform<COUNTERS, { 2 * COUNTERS }> for Double {
    type Value = f64;

    #[inline(always)]
    fn values([a, b, c, d]: &[[u32; COUNTERS]; 4], out: &mut [f64; 2 * COUNTERS]) {
        for i in 0..COUNTERS {
            out[2 * i] = unit_f64(a[i], b[i]);
            out[2 * i + 1] = unit_f64(c[i], d[i]);
        }
    }
}

#[inline(always)]
#[allow(clippy::cast_precision_loss)] // 23 bits are exact
fn unit_f32(word: u32) -> f32 {
    ((word >> 9) as f32 + 0.5) * (1.0 / 8_388_608.0)
}

#[inline(always)]
#[allow(clippy::cast_precision_loss)] // 52 bits are exact
fn unit_f64(high: u32, low: u32) -> f64 {
    let word = (u64::from(high) << 32 | u64::from(low)) >> 12;
    (word as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Stream;

    /// The first values of fixed streams: a change here changes every result of every user ("value-breaking").
    #[test]
    fn values_are_stable() {
        let draws = Stream::named(42, "conv1d/kernel").draws(3, 1);
        let single: Vec<u32> = uniforms_f32(draws, 5).iter().map(|u| u.to_bits()).collect();
        let double: Vec<u64> = uniforms_f64(draws, 3).iter().map(|u| u.to_bits()).collect();
        assert_eq!(single, STABLE_F32, "{single:#x?}");
        assert_eq!(double, STABLE_F64, "{double:#x?}");
    }
    const STABLE_F32: [u32; 5] = [0x3f4f_8e2d, 0x3f62_2c1f, 0x3da6_af38, 0x3f4d_4e31, 0x3e82_5776];
    const STABLE_F64: [u64; 3] = [0x3fe9_f1c5_82bc_4583, 0x3fb4_d5e7_91cd_4e38, 0x3fd0_4aee_c3b8_c06e];

    #[test]
    fn the_ends_are_inside_the_open_interval() {
        assert_eq!(unit_f32(0), 0.5_f32.powi(24));
        assert_eq!(unit_f32(u32::MAX), 1.0 - 0.5_f32.powi(24));
        assert_eq!(unit_f64(0, 0), 0.5_f64.powi(53));
        assert_eq!(unit_f64(u32::MAX, u32::MAX), 1.0 - 0.5_f64.powi(53));
    }

    /// Kolmogorov-Smirnov on 2e5 values: the distance times `sqrt(n)` exceeds 2.7 with probability `2 exp(-2 2.7²)`,
    /// below 1e-6 (fixed seed).
    #[test]
    fn follow_the_uniform_law() {
        let n = 200_000;
        let draws = Stream::named(20_261_124, "test/uniform").draws(0, 1);
        let single: Vec<f64> = uniforms_f32(draws, n).into_iter().map(f64::from).collect();
        for mut u in [single, uniforms_f64(draws, n)] {
            u.sort_by(f64::total_cmp);
            #[allow(clippy::cast_precision_loss)] // 200 000 is exact
            let gap =
                |(i, u): (usize, &f64)| (u * n as f64 - i as f64).abs().max((i as f64 + 1.0 - u * n as f64).abs());
            let distance = u.iter().enumerate().map(gap).fold(0.0, f64::max);
            assert!(distance < 2.7 * 200_000_f64.sqrt(), "{distance}");
        }
    }

    #[test]
    fn samples_are_the_single_draws_and_threads_do_not_matter() {
        let stream = Stream::named(1, "test/uniform");
        let many = uniforms_f32(stream.draws(10, 3), 100_003);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            for s in 0..3 {
                let one = pool.install(|| uniforms_f32(stream.draws(10 + s as u64, 1), 100_003));
                assert!(many[s * 100_003..][..100_003] == one, "draw {s}, {threads} threads");
            }
        }
    }
}

//! Standard normals from Philox words by the transform of Box and Muller (1958):
//! `r = sqrt(-2 ln u)`, `z = (r cos θ, r sin θ)`.
//!
//! In `f32` a block of four words gives two pairs: `u = (w + 1/2) 2^-32`, `θ = 2π w' 2^-32`, so the largest value is
//! `sqrt(66 ln 2) = 6.76`. In `f64` two words make one 64-bit integer and a block gives one pair, up to
//! `sqrt(108 ln 2) = 8.65`. The angle is reduced to an octant in integers, exactly.

use super::fill::{Transform, fill, run};
use super::polynomial::{double, single};
use super::{Draws, Stream};
use crate::simd::vectorised;

/// The normals of `draws`, `n` per draw: row-major `[samples, n]`.
#[must_use]
pub fn normals_f32(draws: Draws, n: usize) -> Vec<f32> {
    fill(draws, n, write_f32)
}

/// As [`normals_f32`], in double precision: other numbers, from the same stream.
#[must_use]
pub fn normals_f64(draws: Draws, n: usize) -> Vec<f64> {
    fill(draws, n, write_f64)
}

vectorised! {
    /// Elements `first ..` of a draw.
    fn write_f32(stream: Stream, draw: u64, first: u64, out: &mut [f32]) {
        normals_into(stream, draw, first, out);
    }

    /// Elements `first ..` of a draw.
    fn write_f64(stream: Stream, draw: u64, first: u64, out: &mut [f64]) {
        run::<Double, _, _>(stream, draw, first, out);
    }
}

/// Elements `first ..` of a draw, inlined into a vectorised caller.
#[inline(always)]
pub(crate) fn normals_into(stream: Stream, draw: u64, first: u64, out: &mut [f32]) {
    run::<Single, _, _>(stream, draw, first, out);
}

/// Blocks that are worked on together.
const COUNTERS: usize = 64;

/// Four `f32` normals from every block.
struct Single;

impl Transform<COUNTERS, { 4 * COUNTERS }> for Single {
    type Value = f32;

    #[inline(always)]
    fn values([u0, t0, u1, t1]: &[[u32; COUNTERS]; 4], out: &mut [f32; 4 * COUNTERS]) {
        let mut values = [[0.0; COUNTERS]; 4];
        // Loops with short chains of operations run faster than one with a long chain.
        for i in 0..COUNTERS {
            values[0][i] = radius_f32(u0[i]);
        }
        for i in 0..COUNTERS {
            values[2][i] = radius_f32(u1[i]);
        }
        for i in 0..COUNTERS {
            [values[0][i], values[1][i]] = turned_f32(values[0][i], t0[i]);
        }
        for i in 0..COUNTERS {
            [values[2][i], values[3][i]] = turned_f32(values[2][i], t1[i]);
        }
        for i in 0..COUNTERS {
            for lane in 0..4 {
                out[4 * i + lane] = values[lane][i];
            }
        }
    }
}

/// Two `f64` normals from every block.
struct Double;

impl Transform<COUNTERS, { 2 * COUNTERS }> for Double {
    type Value = f64;

    #[inline(always)]
    fn values([u_high, u_low, t_high, t_low]: &[[u32; COUNTERS]; 4], out: &mut [f64; 2 * COUNTERS]) {
        let mut values = [[0.0; COUNTERS]; 2];
        for i in 0..COUNTERS {
            [values[0][i], values[1][i]] = pair_f64([u_high[i], u_low[i], t_high[i], t_low[i]]);
        }
        for i in 0..COUNTERS {
            for lane in 0..2 {
                out[2 * i + lane] = values[lane][i];
            }
        }
    }
}

/// `sqrt(-2 ln u)`
#[inline(always)]
#[allow(clippy::cast_precision_loss)] // a word becomes a number here
fn radius_f32(u: u32) -> f32 {
    const SCALE: f32 = 1.0 / 4_294_967_296.0;
    (-2.0 * single::ln(u as f32 * SCALE + 0.5 * SCALE)).sqrt()
}

/// `(r cos θ, r sin θ)`
#[inline(always)]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_wrap)] // a word becomes a number here
fn turned_f32(radius: f32, angle: u32) -> [f32; 2] {
    const TURN: f32 = core::f32::consts::TAU / 4_294_967_296.0;
    let quadrant = angle.wrapping_add(1 << 29) >> 30;
    let rest = angle.wrapping_sub(quadrant << 30) as i32;
    let (sin, cos) = single::sin_cos(rest as f32 * TURN);
    let (sin, cos) = rotate_f32(quadrant, sin, cos);
    [radius * cos, radius * sin]
}

#[inline(always)]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_wrap, clippy::cast_possible_truncation)] // words become numbers here
fn pair_f64([u_high, u_low, t_high, t_low]: [u32; 4]) -> [f64; 2] {
    const SCALE: f64 = 1.0 / 9_007_199_254_740_992.0;
    const TURN: f64 = core::f64::consts::TAU / 18_446_744_073_709_551_616.0;
    let u = (u64::from(u_high) << 32 | u64::from(u_low)) >> 11;
    let angle = u64::from(t_high) << 32 | u64::from(t_low);
    let radius = (-2.0 * double::ln(u as f64 * SCALE + 0.5 * SCALE)).sqrt();
    let quadrant = angle.wrapping_add(1 << 61) >> 62;
    let rest = angle.wrapping_sub(quadrant << 62) as i64;
    let (sin, cos) = double::sin_cos(rest as f64 * TURN);
    let (sin, cos) = rotate_f64(quadrant, sin, cos);
    [radius * cos, radius * sin]
}

/// Defines [`rotate_f32`] and [`rotate_f64`]: sine and cosine of an angle advanced by `quadrant` right angles,
/// `(s, c)`, `(c, -s)`, `(-s, -c)`, `(-c, s)`, by moving sign bits instead of branching.
macro_rules! rotate {
    ($name:ident, $float:ident, $bits:ident) => {
        #[inline(always)]
        fn $name(quadrant: $bits, sin: $float, cos: $float) -> ($float, $float) {
            const SIGN: u32 = $bits::BITS - 2;
            let flip = |x: $float, quadrant: $bits| $float::from_bits(x.to_bits() ^ (quadrant & 2) << SIGN);
            let (a, b) = if quadrant & 1 == 0 { (sin, cos) } else { (cos, sin) };
            (flip(a, quadrant), flip(b, quadrant.wrapping_add(1)))
        }
    };
}
rotate!(rotate_f32, f32, u32);
rotate!(rotate_f64, f64, u64);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::ALONE;

    fn stream() -> Stream {
        Stream::named(20_261_124, "test/kernel")
    }

    /// Kolmogorov-Smirnov distance to the standard normal.
    fn ks_distance(mut sample: Vec<f64>) -> f64 {
        sample.sort_by(f64::total_cmp);
        #[allow(clippy::cast_precision_loss)]
        let n = sample.len() as f64;
        #[allow(clippy::cast_precision_loss)]
        sample
            .iter()
            .enumerate()
            .map(|(i, &z)| {
                let cdf = 0.5 * libm::erfc(-z / core::f64::consts::SQRT_2);
                (cdf - i as f64 / n).abs().max((cdf - (i + 1) as f64 / n).abs())
            })
            .fold(0.0, f64::max)
    }

    /// The first values of fixed streams: a change here changes every result of every user ("value-breaking").
    #[test]
    fn values_are_stable() {
        let draws = Stream::named(42, "conv1d/kernel").draws(3, 1);
        let single: Vec<u32> = normals_f32(draws, 5).iter().map(|z| z.to_bits()).collect();
        let double: Vec<u64> = normals_f64(draws, 3).iter().map(|z| z.to_bits()).collect();
        assert_eq!(single, STABLE_F32, "{single:#x?}");
        assert_eq!(double, STABLE_F64, "{double:#x?}");
    }
    const STABLE_F32: [u32; 5] = [0x3ef6_ab25, 0xbedd_ac96, 0x3f37_f1a7, 0xc007_c697, 0x3fa0_59cc];
    const STABLE_F64: [u64; 3] = [0x3fe2_1366_eb69_c539, 0x3fd4_498e_7a89_2f90, 0xbff6_df95_762e_aa53];

    #[test]
    fn follow_the_normal_law() {
        // 2e5 values: the KS statistic exceeds 1.95 / sqrt(n) with probability 0.001 under the law (fixed seed).
        let n = 200_000;
        let bound = 1.95 / f64::from(n).sqrt();
        let single = normals_f32(stream().draws(0, 1), 200_000).into_iter().map(f64::from).collect();
        let double = normals_f64(stream().draws(0, 1), 200_000);
        assert!(ks_distance(single) < bound);
        assert!(ks_distance(double) < bound);
    }

    #[test]
    fn moments_tails_and_neighbours() {
        // Means and lag correlations of n values have standard error 1/sqrt(n); 4.4 of them: error rate 1e-5 each.
        let n = 1_000_000;
        let z = normals_f64(stream().draws(1, 1), n);
        #[allow(clippy::cast_precision_loss)]
        let count = n as f64;
        let bound = 4.4 / count.sqrt();
        let mean = z.iter().sum::<f64>() / count;
        let variance = z.iter().map(|z| z * z).sum::<f64>() / count;
        assert!(mean.abs() < bound, "mean {mean}");
        assert!((variance - 1.0).abs() < bound * 2.0_f64.sqrt(), "variance {variance}");
        for lag in 1..=8 {
            let correlation = z.windows(lag + 1).map(|w| w[0] * w[lag]).sum::<f64>() / count;
            assert!(correlation.abs() < bound, "lag {lag}: {correlation}");
        }
        let beyond = z.iter().filter(|z| z.abs() > 3.0).count();
        // 2699.8 expected, standard deviation 51.9.
        assert!((2472..=2928).contains(&beyond), "{beyond} values beyond 3");
    }

    #[test]
    fn samples_are_the_single_draws() {
        let many = normals_f32(stream().draws(10, 3), 7);
        for s in 0..3 {
            assert_eq!(many[s * 7..][..7], normals_f32(stream().draws(10 + s as u64, 1), 7));
        }
    }

    #[test]
    fn a_prefix_is_a_prefix_and_threads_do_not_matter() {
        let n = 3 * ALONE + 5;
        let long = normals_f32(stream().draws(0, 1), n);
        assert_eq!(long[..100], normals_f32(stream().draws(0, 1), 100));
        for threads in [1, 2, 3, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert!(pool.install(|| normals_f32(stream().draws(0, 1), n)) == long, "{threads} threads");
        }
    }

    #[test]
    fn a_part_is_a_part_of_the_whole() {
        let (single, double) = (normals_f32(stream().draws(2, 1), 200), normals_f64(stream().draws(2, 1), 200));
        for skipped in [0, 1, 2, 3, 4, 5, 63, 64, 127, 199] {
            let draws = stream().draws(2, 1).skipping(skipped as u64);
            let n = (200 - skipped).min(9);
            assert_eq!(normals_f32(draws, n), single[skipped..skipped + n]);
            assert_eq!(normals_f64(draws, n), double[skipped..skipped + n]);
        }
    }

    #[test]
    fn elements_beyond_two_to_the_34_are_there() {
        let far = normals_f32(stream().draws(0, 1).skipping((1 << 34) - 2), 4);
        assert_eq!(far[2..], normals_f32(stream().draws(0, 1).skipping(1 << 34), 2));
        assert_ne!(far[2..], normals_f32(stream().draws(0, 1), 2));
    }

    #[test]
    fn extremes_are_finite() {
        for u in [0, 1, u32::MAX] {
            for angle in [0, 1 << 29, (1 << 29) - 1, 1 << 30, 1 << 31, u32::MAX] {
                let single = [turned_f32(radius_f32(u), angle), turned_f32(radius_f32(angle), u)].concat();
                let double = pair_f64([u, u, angle, angle]);
                assert!(single.iter().all(|z| z.is_finite() && z.abs() < 6.8), "{u} {angle}: {single:?}");
                assert!(double.iter().all(|z| z.is_finite() && z.abs() < 8.7), "{u} {angle}: {double:?}");
            }
        }
    }

    #[test]
    fn nothing_asked_nothing_given() {
        assert!(normals_f32(stream().draws(0, 4), 0).is_empty());
        assert!(normals_f32(stream().draws(0, 0), 4).is_empty());
    }
}

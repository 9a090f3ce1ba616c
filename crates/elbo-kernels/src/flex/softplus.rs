//! `softplus(u) = ln(1 + e^u)` and its slope in `f32`, from operations that loops over them are vectorised with.
//!
//! With `t = e^-|u|`: `softplus(u) = max(u, 0) + ln(1 + t)` and `ln(1 + t) = 2 atanh(t / (2 + t))`, which keeps the
//! relative precision of small values. NaN gives NaN.

/// The smallest scale: the machine epsilon.
const SMALLEST: f32 = f32::EPSILON;

/// `d softplus / d u = 1 / (1 + e^-u)`.
#[inline(always)]
pub(super) fn slope(u: f32) -> f32 {
    of_decay(u, decay(u))
}

/// `eps + softplus(u)` of many, in two loops: those with short chains of operations run faster than one with a long chain.
#[inline(always)]
pub(super) fn scales(u: &[f32], out: &mut [f32]) {
    for (out, u) in out.iter_mut().zip(u) {
        *out = decay(*u);
    }
    for (out, u) in out.iter_mut().zip(u) {
        *out = positive(*u) + ln_1p(*out) + SMALLEST;
    }
}

/// `eps + softplus(u)` and [`slope`] at once.
#[inline(always)]
pub(super) fn scale_and_slope(u: f32) -> (f32, f32) {
    let t = decay(u);
    (positive(u) + ln_1p(t) + SMALLEST, of_decay(u, t))
}

/// `1 / (1 + t)` for positive u, else `t / (1 + t)`.
#[inline(always)]
fn of_decay(u: f32, t: f32) -> f32 {
    (if u > 0.0 { 1.0 } else { t }) / (1.0 + t)
}

#[inline(always)]
fn positive(u: f32) -> f32 {
    if u < 0.0 { 0.0 } else { u }
}

/// `e^-|u|`, and `e^-87`, which nothing here can tell from 0, beyond 87: `2^n e^r` with `|r| <= ½ ln 2` and the Taylor
/// series of `e^r`.
#[inline(always)]
fn decay(u: f32) -> f32 {
    const SERIES: [f32; 8] = [1.0, 1.0, 0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0];
    // ln 2 in two parts, of which the first has few bits, so that its products with small integers are exact.
    const HIGH: f32 = 355.0 / 512.0;
    #[allow(clippy::cast_possible_truncation)] // to the nearest
    const LOW: f32 = (core::f64::consts::LN_2 - 355.0 / 512.0) as f32;
    // Adding 1.5 2^23 rounds to an integer, which the low bits then hold.
    const ROUND: f32 = 12_582_912.0;
    let x = -if u.abs() > 87.0 { 87.0 } else { u.abs() };
    let rounded = x * core::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * HIGH) - n * LOW;
    polynomial(&SERIES, r) * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

/// `ln(1 + t) = 2 s (1 + s²/3 + s⁴/5 + ..)`, `s = t / (2 + t)`, for `0 <= t <= 1`.
#[inline(always)]
fn ln_1p(t: f32) -> f32 {
    const SERIES: [f32; 8] = [2.0, 2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0, 2.0 / 11.0, 2.0 / 13.0, 2.0 / 15.0];
    let s = t / (2.0 + t);
    s * polynomial(&SERIES, s * s)
}

/// `Σ c_n x^n` by halves (Estrin), which leaves a processor more to do at once than Horner's chain.
#[inline(always)]
fn polynomial(c: &[f32; 8], x: f32) -> f32 {
    let square = x * x;
    let low = (c[0] + c[1] * x) + (c[2] + c[3] * x) * square;
    let high = (c[4] + c[5] * x) + (c[6] + c[7] * x) * square;
    low + high * (square * square)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale_of(u: f32) -> f32 {
        let mut out = [0.0];
        scales(&[u], &mut out);
        out[0]
    }

    fn points() -> impl Iterator<Item = f32> {
        let near = (-30_000_i16..=30_000).map(|i| f32::from(i) / 500.0);
        let far = (-1000_i16..=1000).map(|i| f32::from(i) / 3.0);
        near.chain(far).chain([0.0, -0.0, 1e-30, -1e-30, 1e30, -1e30, f32::MAX, f32::MIN])
    }

    /// At most eight roundings of `2^-24`.
    #[test]
    fn agree_with_the_mathematical_library() {
        for u in points() {
            let long = f64::from(u);
            let softplus = long.max(0.0) + (-long.abs()).exp().ln_1p();
            let (scale, slope) = scale_and_slope(u);
            assert_close(u, scale, f64::from(f32::EPSILON) + softplus);
            assert_close(u, slope, 1.0 / (1.0 + (-long).exp()));
            assert_eq!((scale, slope), (scale_of(u), self::slope(u)));
        }
    }

    fn assert_close(u: f32, found: f32, expected: f64) {
        let bound = 2.0_f64.powi(-21) * expected + 2e-38;
        assert!((f64::from(found) - expected).abs() <= bound, "at {u}: {found}, expected {expected}");
    }

    #[test]
    fn nan_stays_nan_and_infinities_have_limits() {
        assert!(scale_of(f32::NAN).is_nan() && slope(f32::NAN).is_nan());
        assert_eq!((scale_of(f32::INFINITY), slope(f32::INFINITY)), (f32::INFINITY, 1.0));
        assert_eq!(scale_of(f32::NEG_INFINITY), f32::EPSILON);
        assert!(slope(f32::NEG_INFINITY) < 2e-38);
    }
}

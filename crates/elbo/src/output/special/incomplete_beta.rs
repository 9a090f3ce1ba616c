//! Student's distribution function, by the incomplete beta function: `Pr(T <= -t) = ½ I_x(ν/2, ½)`, `x = ν / (ν + t²)`
//! (Abramowitz and Stegun 1965, 26.5.27 and 26.7.1), and its inverse.
//!
//! The continued fraction 26.5.8 by the method of Lentz (1976), on the side of the mean on which it converges fast.

use super::gamma::ln_gamma_half_step_f64;
use super::nonzero;

/// `½ ln π`.
const HALF_LOG_PI: f64 = 0.572_364_942_924_700_1;

/// `ln Pr(T <= t)` for `df` degrees of freedom; relative error of the probability below 1e-12 for `df <= 1e4`.
pub fn log_cdf(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if t > 0.0 {
        return (-log_tail(t, df).exp()).ln_1p();
    }
    log_tail(-t, df)
}

/// `Pr(T <= t)`, to the precision of [`log_cdf`].
pub fn cdf(t: f64, df: f64) -> f64 {
    match even_cdf(t, df) {
        Some(cdf) if t.abs() <= 4.0 => cdf,
        _ => log_cdf(t, df).exp(),
    }
}

/// The same with an absolute error of 1e-16, for even `df` up to 32, by the sum that 26.7.4 is then:
/// `½ + ½ s (1 + ½ x + ½ ¾ x² + ..)`, `ν/2` terms, with `x = ν / (ν + t²)` and `s = t / √(ν + t²)`.
pub fn even_cdf(t: f64, df: f64) -> Option<f64> {
    let halves = 0.5 * df;
    if halves.fract() != 0.0 || !(1.0..=16.0).contains(&halves) || t.is_nan() || t.abs() > 1e100 {
        return None;
    }
    let square = 1.0 / (df + t * t);
    let (x, mut term, mut sum, mut k) = (df * square, 1.0, 1.0, 1.0);
    while k < halves {
        term *= x * (1.0 - 0.5 / k);
        sum += term;
        k += 1.0;
    }
    Some(0.5 + 0.5 * t * square.sqrt() * sum)
}

/// `ln` of the density at `t`.
pub fn log_density(t: f64, df: f64) -> f64 {
    let normalizer = ln_gamma_half_step_f64(0.5 * df) - 0.5 * df.ln() - HALF_LOG_PI;
    normalizer - 0.5 * (df + 1.0) * log_growth(t, df)
}

/// `Pr(T <= q) = p`, solved for `q`: infinite at 0 and 1, a NaN beyond.
///
/// Newton's method on `ln Pr(T <= -e^w) = ln p` in `w`, in which the tail is a straight line; a step that leaves the
/// bracket is replaced by its middle.
pub fn quantile(p: f64, df: f64) -> f64 {
    if p > 0.5 {
        return -quantile(1.0 - p, df);
    }
    if p.is_nan() || p < 0.0 || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if p == 0.0 || p == 0.5 {
        return if p == 0.0 { f64::NEG_INFINITY } else { 0.0 };
    }
    let target = p.ln();
    let (mut low, mut high) = (-745.0, 709.0);
    let mut w = 0.0;
    for _ in 0..200 {
        let (t, excess) = (f64::exp(w), log_tail(f64::exp(w), df) - target);
        if excess > 0.0 {
            low = w;
        } else {
            high = w;
        }
        let slope = -(w + log_density(t, df) - (excess + target)).exp();
        let newton = w - excess / slope;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        let done = (next - w).abs() <= 1e-16 * w.abs().max(1.0);
        w = next;
        if done {
            break;
        }
    }
    -w.exp()
}

/// `ln(1 + t²/ν)`, for `t` beyond the root of the largest number too.
fn log_growth(t: f64, df: f64) -> f64 {
    let square = t * t / df;
    if square.is_finite() { square.ln_1p() } else { 2.0 * t.abs().ln() - df.ln() }
}

/// `ln Pr(T > t)` for `t >= 0`.
fn log_tail(t: f64, df: f64) -> f64 {
    if t == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    let (a, growth) = (0.5 * df, log_growth(t, df));
    let x = (-growth).exp();
    // x^a (1 - x)^½ / B(a, ½), with 1 - x = x t² / ν.
    let log_front = -a * growth + t.ln() - 0.5 * (growth + df.ln()) - HALF_LOG_PI + ln_gamma_half_step_f64(a);
    let half = 0.5_f64.ln();
    if x < (a + 1.0) / (a + 2.5) {
        log_front + continued_fraction(a, 0.5, x).ln() - a.ln() + half
    } else {
        let central = log_front.exp() * continued_fraction(0.5, a, t * t / (df + t * t)) / 0.5;
        (-central).ln_1p() + half
    }
}

/// `1 / (1 + d₁ / (1 + d₂ / (1 + ..)))` of 26.5.8.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    let mut m = 1.0;
    loop {
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / nonzero(1.0 + even * d);
        c = nonzero(1.0 + even / c);
        value *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / nonzero(1.0 + odd * d);
        c = nonzero(1.0 + odd / c);
        let factor = d * c;
        value *= factor;
        m += 1.0;
        if (factor - 1.0).abs() < 1e-16 || m > 1e6 {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Closed forms: df 1 is Cauchy's, `½ + atan(t) / π`; df 2, `½ + t / (2 sqrt(2 + t²))`.
    #[test]
    fn the_sum_of_even_degrees_is_the_distribution_function() {
        for df in [2.0, 4.0, 6.0, 20.0, 32.0, 3.0, 34.0] {
            for i in -600..=600 {
                let t = f64::from(i) * 0.05;
                let expected = log_cdf(t, df).exp();
                assert!((cdf(t, df) / expected - 1.0).abs() < 1e-11, "{t} {df}: {:e}, {expected:e}", cdf(t, df));
                let is_even = df <= 32.0 && df % 2.0 == 0.0;
                assert_eq!(even_cdf(t, df).map(|found| (found - expected).abs() < 1e-15), is_even.then_some(true));
            }
        }
        assert!(cdf(f64::NAN, 4.0).is_nan() && cdf(0.0, -2.0).is_nan());
        assert_eq!((cdf(f64::NEG_INFINITY, 4.0), cdf(f64::INFINITY, 4.0), cdf(0.0, 4.0)), (0.0, 1.0, 0.5));
    }

    #[test]
    fn one_and_two_degrees_of_freedom_are_closed_forms() {
        for i in 1..400 {
            let t = (f64::from(i) * 0.1 - 20.0).exp();
            let one = (1.0_f64 / t).atan() / core::f64::consts::PI;
            let two = 1.0 / (2.0 + t * t) / (1.0 + t / (2.0 + t * t).sqrt());
            for (df, tail) in [(1.0, one), (2.0, two)] {
                assert!((log_cdf(-t, df).exp() / tail - 1.0).abs() < 1e-12, "df {df}, t {t}");
                assert!((log_cdf(t, df).exp() - (1.0 - tail)).abs() < 1e-15, "df {df}, t {t}");
            }
        }
    }

    /// Upper 2.5 % points (Abramowitz and Stegun 1965, table 26.10): df 5: 2.571, 10: 2.228, 30: 2.042.
    #[test]
    fn published_values() {
        for (df, t) in [(5.0, 2.571), (10.0, 2.228), (30.0, 2.042)] {
            assert!((quantile(0.975, df) - t).abs() < 5e-4, "df {df}");
        }
        // Many degrees of freedom: the normal law, up to the first correction t³ / (4 ν).
        let z: f64 = 1.959_963_984_540_054;
        assert!((quantile(0.975, 1e6) - z - (z.powi(3) + z) / 4e6).abs() < 1e-10);
    }

    #[test]
    fn quantiles_invert() {
        for df in [0.1, 0.7, 1.0, 2.0, 4.5, 30.0, 1000.0] {
            for p in [1e-12, 1e-4, 0.01, 0.3, 0.499, 0.5, 0.6, 0.99, 1.0 - 1e-9] {
                let q = quantile(p, df);
                assert!(((log_cdf(q, df)).exp() / p - 1.0).abs() < 1e-11, "df {df}, p {p}: {q}");
            }
        }
        assert_eq!(quantile(0.0, 3.0), f64::NEG_INFINITY);
        assert_eq!(quantile(1.0, 3.0), f64::INFINITY);
        assert!(quantile(-0.1, 3.0).is_nan() && quantile(0.3, -1.0).is_nan() && log_cdf(1.0, f64::NAN).is_nan());
    }

    /// Integrals in arithmetic of 50 digits: `t`, `df`, `ln Pr(T <= t)`.
    #[test]
    fn long_arithmetic_agrees() {
        for (t, df, expected) in LONG {
            let tolerance = if df > 1e4 { 1e-10 } else { 1e-12 };
            assert!((log_cdf(t, df) / expected - 1.0).abs() < tolerance, "t {t}, df {df}: {:e}", log_cdf(t, df));
        }
    }
    const LONG: [(f64, f64, f64); 9] = [
        (-1e-8, 3.0, -0.693_147_187_910_997_3),
        (-0.7, 0.2, -0.926_373_538_540_116),
        (-2.0, 2.5, -2.542_166_154_510_382),
        (-1e6, 0.5, -8.045_001_409_753_736),
        (-30.0, 30.0, -54.122_321_328_850_694),
        (-5.0, 1000.0, -14.899_147_090_450_735),
        (-0.01, 1e4, -0.701_157_692_361_387_8),
        (-8.0, 1e4, -34.908_304_391_644_013),
        (-3.0, 1e6, -6.607_701_598_412_306),
    ];

    /// The slope of the distribution function is the density: central differences, error `h² f''' / 6`.
    #[test]
    fn the_density_is_the_slope() {
        for df in [0.5, 1.0, 3.0, 20.0] {
            for t in [-3.0, -0.4, 0.0, 1.1] {
                let h = 1e-4;
                let slope = (log_cdf(t + h, df).exp() - log_cdf(t - h, df).exp()) / (2.0 * h);
                assert!((slope - log_density(t, df).exp()).abs() < 1e-8, "df {df}, t {t}");
            }
        }
    }
}

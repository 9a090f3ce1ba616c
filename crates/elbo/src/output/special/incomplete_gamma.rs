//! The regularised incomplete gamma functions `P(a, x) = γ(a, x) / Γ(a)` and `Q = 1 - P`, as logarithms: the Poisson
//! distribution function is `Pr(k <= n) = Q(n + 1, rate)` (Abramowitz and Stegun 1965, 6.5 and 26.4.21).
//!
//! Below `x = a + 1` the power series of `P`, above it Legendre's continued fraction of `Q` by the method of Lentz
//! (1976); the other of the two by `ln(1 - e^y)`. Relative error below 1e-12 for `a, x <= 1e4`. From `a = 1e9` on, where
//! both need many terms, Temme's uniform expansion (1979), of which the term that is left out is below `1 / (100 a)`.

use super::{nonzero, normal};

/// From here on the uniform expansion is used.
const LARGE: f64 = 1e9;

/// `(ln P(a, x), ln Q(a, x))` for `a > 0`, `x >= 0`; NaN elsewhere.
pub fn log_p_q(a: f64, x: f64) -> (f64, f64) {
    if !(a > 0.0 && x >= 0.0) {
        return (f64::NAN, f64::NAN);
    }
    if x == 0.0 {
        return (f64::NEG_INFINITY, 0.0);
    }
    if x == f64::INFINITY {
        return (0.0, f64::NEG_INFINITY);
    }
    if a >= LARGE {
        return uniform(a, x);
    }
    if x < a + 1.0 {
        let p = log_prefix(a, x) + series(a, x).ln() - a.ln();
        (p, log_complement(p))
    } else {
        let q = log_prefix(a, x) + continued_fraction(a, x).ln();
        (log_complement(q), q)
    }
}

/// `Q = Φ(-z) + φ(z) c / sqrt(a)`, `z = η sqrt(a)`, `½ η² = μ - ln(1 + μ)`, `μ = x / a - 1`, `c = 1 / μ - 1 / η`; `P`
/// is the rest.
fn uniform(a: f64, x: f64) -> (f64, f64) {
    let mu = (x - a) / a;
    let half_square = if mu.abs() < 1e-2 {
        mu * mu * (0.5 - mu * (1.0 / 3.0 - mu * (0.25 - mu * (0.2 - mu * (1.0 / 6.0 - mu * (1.0 / 7.0 - mu / 8.0))))))
    } else if mu < -0.5 {
        mu - (x / a).ln()
    } else {
        mu - mu.ln_1p()
    };
    let eta = (2.0 * half_square).sqrt().copysign(mu);
    let c = if mu.abs() < 1e-4 { -1.0 / 3.0 + eta / 12.0 } else { 1.0 / mu - 1.0 / eta };
    let (z, shift) = (eta * a.sqrt(), c / a.sqrt());
    let side = |z: f64, shift: f64| {
        let log_cdf = normal::log_cdf(z);
        log_cdf + (shift * (normal::log_density(z) - log_cdf).exp()).ln_1p()
    };
    (side(z, -shift), side(-z, shift))
}

/// `ln(1 - e^y)` for `y <= 0`.
fn log_complement(y: f64) -> f64 {
    let y = y.min(0.0);
    if y > -core::f64::consts::LN_2 { (-y.exp_m1()).ln() } else { (-y.exp()).ln_1p() }
}

/// `ln(x^a e^{-x} / Γ(a))`; for large `a` about its maximum, so that large numbers do not cancel.
pub fn log_prefix(a: f64, x: f64) -> f64 {
    if a < 30.0 {
        return a * x.ln() - x - libm::lgamma(a);
    }
    let inverse = 1.0 / a;
    let square = inverse * inverse;
    let stirling = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    let away = (x - a) / a;
    // Far below a, `1 + away` would round to 0.
    let log_ratio = if away < -0.5 { (x / a).ln() } else { away.ln_1p() };
    a * (log_ratio - away) + 0.5 * (a / core::f64::consts::TAU).ln() - stirling
}

/// `Σ_n x^n / ((a + 1) .. (a + n))`.
fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0, 1.0, a);
    while term > sum * 1e-17 {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    sum
}

/// `1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (..)))`.
fn continued_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = f64::INFINITY;
    let mut d = 1.0 / b;
    let mut value = d;
    let mut n = 1.0;
    loop {
        let numerator = -n * (n - a);
        b += 2.0;
        d = 1.0 / nonzero(numerator * d + b);
        c = nonzero(b + numerator / c);
        let factor = d * c;
        value *= factor;
        n += 1.0;
        if (factor - 1.0).abs() < 1e-16 || n > 1e7 {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Q(n + 1, x) = e^{-x} Σ_{k <= n} x^k / k!`, and `P` by the rest of the sum: independent of both expansions.
    #[test]
    fn integers_give_the_poisson_sums() {
        for x in [0.1, 0.7, 1.0, 2.5, 9.0, 30.0, 70.0] {
            for n in [0_u32, 1, 2, 5, 17, 40, 90] {
                let term = |k: u32| (f64::from(k) * f64::ln(x) - x - libm::lgamma(f64::from(k) + 1.0)).exp();
                let lower: f64 = (0..=n).map(term).sum();
                let upper: f64 = (n + 1..n + 400).rev().map(term).sum();
                let (p, q) = log_p_q(f64::from(n) + 1.0, x);
                assert!((q - lower.ln()).abs() < 1e-12 * (1.0 + q.abs()), "Q({n} + 1, {x})");
                assert!((p - upper.ln()).abs() < 1e-12 * (1.0 + p.abs()), "P({n} + 1, {x})");
            }
        }
    }

    /// `P(½, x²) = erf x`; Pearson's tables of chi-square: `Q(5, 15.98718 / 2) = 0.1` and `Q(50, 124.3421 / 2) = 0.05`
    /// (Abramowitz and Stegun 1965, table 26.8).
    #[test]
    fn published_values() {
        for x in [0.1, 0.5, 1.0, 2.0, 4.0] {
            let (p, q) = log_p_q(0.5, x * x);
            assert!((p.exp() / libm::erf(x) - 1.0).abs() < 1e-13, "{x}");
            assert!((q.exp() / libm::erfc(x) - 1.0).abs() < 1e-12, "{x}");
        }
        assert!((log_p_q(5.0, 15.98718 / 2.0).1.exp() - 0.1).abs() < 1e-6);
        assert!((log_p_q(50.0, 124.3421 / 2.0).1.exp() - 0.05).abs() < 1e-6);
    }

    /// Integrals in arithmetic of 50 digits: `a`, `x`, `ln P`, `ln Q`. The error of a probability, so that of its
    /// logarithm relative to `1 + |it|`.
    #[test]
    fn long_arithmetic_agrees() {
        for (a, x, p, q) in LONG {
            let (found_p, found_q) = log_p_q(a, x);
            let tolerance = if a > 1e4 { 1e-10 } else { 1e-12 };
            assert!((found_p / p - 1.0).abs() < tolerance * (1.0 + 1.0 / p.abs()), "P({a}, {x}): {found_p:e}");
            assert!((found_q / q - 1.0).abs() < tolerance * (1.0 + 1.0 / q.abs()), "Q({a}, {x}): {found_q:e}");
        }
    }
    const LONG: [(f64, f64, f64, f64); 11] = [
        (0.3, 0.01, -1.275_680_083_776_379, -0.327_450_450_497_272_85),
        (0.3, 5.0, -0.000_651_530_950_920_953_6, -7.336_511_403_146_536),
        (2.5, 40.0, -8.391_825_114_831_614e-16, -34.714_103_456_537_936),
        (31.0, 3.0, -46.937_122_708_066_746, -4.125_405_198_113_943_3e-21),
        (31.0, 30.5, -0.717_612_453_519_611_3, -0.669_266_190_975_710_2),
        (100.0, 180.0, -2.948_294_557_691_746_7e-11, -24.247_209_135_807_721),
        (1000.0, 900.0, -7.505_769_994_233_892_4, -0.000_550_053_517_414_344_8),
        (1000.0, 1000.0, -0.684_771_863_290_310_1, -0.701_593_236_645_972_5),
        (1e4, 10500.0, -4.275_873_369_214_170_5e-7, -14.665_107_486_336_822),
        (1e4, 9700.0, -6.697_352_074_748_682, -0.001_234_937_806_363_452_5),
        (1e6, 1_001_000.0, -0.172_753_731_124_183_19, -1.841_021_899_017_885_7),
    ];

    /// At a million the term that is left out is below 1e-8; at the border both ways give the same.
    #[test]
    fn the_uniform_expansion_agrees() {
        let (a, x, p, q) = LONG[10];
        assert!((uniform(a, x).0 - p).abs() < 1e-9 && (uniform(a, x).1 - q).abs() < 1e-9, "{:?}", uniform(a, x));
        let a = LARGE * (1.0 - 1e-9);
        for z in [-30.0, -5.0, -1.0, -0.01, 0.0, 0.3, 2.0, 8.0] {
            let x = a + z * a.sqrt();
            let (exact, found) = (log_p_q(a, x), uniform(a, x));
            for (exact, found) in [(exact.0, found.0), (exact.1, found.1)] {
                assert!((exact - found).abs() < 1e-7 * (1e-3 + exact.abs()), "z {z}: {exact} {found}");
            }
        }
    }

    /// Beyond 2^53 a count and the next are the same number: a series would not end.
    #[test]
    fn the_largest_arguments_end() {
        for a in [1e15, 1e17, 1e60] {
            let (p, q) = log_p_q(a, a);
            assert!((p + core::f64::consts::LN_2).abs() < 1e-7 && (q + core::f64::consts::LN_2).abs() < 1e-7, "{a}");
            assert!(log_p_q(a, 0.9 * a).0 < -1e10 && log_p_q(a, 1.1 * a).1 < -1e10, "{a}");
        }
        assert_eq!(log_p_q(1e12, 1.0).1, 0.0);
    }

    #[test]
    fn ends_and_nonsense() {
        assert_eq!(log_p_q(2.0, 0.0), (f64::NEG_INFINITY, 0.0));
        assert_eq!(log_p_q(2.0, f64::INFINITY), (0.0, f64::NEG_INFINITY));
        for (a, x) in [(0.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (f64::NAN, 1.0), (1.0, f64::NAN)] {
            assert!(log_p_q(a, x).0.is_nan() && log_p_q(a, x).1.is_nan());
        }
        let (p, q) = log_p_q(1e6, 1e6);
        // P(a, a) = ½ + 1 / (3 sqrt(2π a)) + ..
        assert!((p.exp() - 0.5 - 1.0 / (3.0 * (core::f64::consts::TAU * 1e6).sqrt())).abs() < 1e-9);
        assert!((p.exp() + q.exp() - 1.0).abs() < 1e-15);
    }
}

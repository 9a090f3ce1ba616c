//! The standard normal law: `ln Φ(z)` and `Φ⁻¹(p)`.

/// `½ ln 2π`.
const HALF_LOG_TAU: f64 = 0.918_938_533_204_672_8;

/// `ln Φ(z)`, relative error below 1e-12 for every `z`.
///
/// Above -37, from `erfc`; below, where that underflows, Laplace's continued fraction (Abramowitz and Stegun 1965,
/// 26.2.14): `Φ(-x) = φ(x) / (x + 1/(x + 2/(x + 3/(x + ..))))`.
pub fn log_cdf(z: f64) -> f64 {
    let tail = |x: f64| 0.5 * libm::erfc(x * core::f64::consts::FRAC_1_SQRT_2);
    if z > 0.0 {
        (-tail(z)).ln_1p()
    } else if z > -37.0 {
        tail(-z).ln()
    } else {
        log_density(z) - (1..=20).rev().fold(-z, |fraction, k| -z + f64::from(k) / fraction).ln()
    }
}

/// `ln φ(z)`.
pub fn log_density(z: f64) -> f64 {
    -0.5 * z * z - HALF_LOG_TAU
}

/// `Φ⁻¹(p)`: infinite at 0 and 1, a NaN beyond.
///
/// Newton's method on `ln Φ`, which is concave and rises: from a start below the root, `-sqrt(-2 ln p)`, it climbs to
/// it and never passes it. The upper half mirrors the lower, in which `p` is known to full relative precision.
pub fn quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -quantile(1.0 - p);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    let target = p.ln();
    let mut z = -(-2.0 * target).sqrt();
    for _ in 0..100 {
        let log_cdf = log_cdf(z);
        let step = (target - log_cdf) * (log_cdf - log_density(z)).exp();
        z += step;
        if step.is_nan() || step.abs() <= 1e-15 * z.abs() {
            break;
        }
    }
    // The median is exact.
    if p == 0.5 { 0.0 } else { z }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Abramowitz and Stegun 1965, tables 26.1 (Φ at 1 and 2) and 26.2 (`-log₁₀ Q` at 5, 10, 50 and 100: 6.54265,
    /// 23.11805, 544.96634, 2173.87154), and NIST's quantiles.
    #[test]
    fn published_values() {
        assert!((log_cdf(1.0).exp() - 0.841_344_746_068_542_9).abs() < 1e-15);
        assert!((log_cdf(-2.0).exp() / 0.022_750_131_948_179_2 - 1.0).abs() < 1e-13);
        for (x, log10) in [(5.0, 6.54265), (10.0, 23.11805), (50.0, 544.96634), (100.0, 2173.87154)] {
            assert!((-log_cdf(-x) / core::f64::consts::LN_10 - log10).abs() < 6e-6, "{x}");
        }
        for (p, z) in [(0.975, 1.959_963_984_540_054), (0.95, 1.644_853_626_951_472_2), (0.75, 0.674_489_750_196_081_7)]
        {
            assert!((quantile(p) - z).abs() < 1e-14, "{p}: {}", quantile(p));
        }
    }

    #[test]
    fn the_two_ways_agree_where_they_meet_and_the_law_is_symmetric() {
        let fraction = |z: f64| log_density(z) - (1..=20).rev().fold(-z, |f, k| -z + f64::from(k) / f).ln();
        for z in [-36.9, -30.0, -15.0] {
            assert!((fraction(z) / log_cdf(z) - 1.0).abs() < 1e-12, "{z}");
        }
        for i in 0..1000 {
            let z = f64::from(i) * 0.01;
            assert!((log_cdf(z).exp() + log_cdf(-z).exp() - 1.0).abs() < 3e-16, "{z}");
        }
    }

    /// In arithmetic of 50 digits.
    #[test]
    fn long_arithmetic_agrees() {
        for (z, expected) in LONG {
            assert!((log_cdf(z) / expected - 1.0).abs() < 1e-12, "{z}: {:e}", log_cdf(z));
        }
    }
    const LONG: [(f64, f64); 10] = [
        (-1.0, -1.841_021_645_009_263_5),
        (-5.0, -15.064_998_393_988_726),
        (-20.0, -203.917_155_371_097_26),
        (-36.9, -685.332_883_165_350_6),
        (-37.1, -692.738_280_715_623_3),
        (-100.0, -5_005.524_208_694_205),
        (-1000.0, -500_007.826_694_812_18),
        (-1e5, -5_000_000_012.431_864),
        (3.0, -0.001_350_809_964_748_193_8),
        (8.0, -6.220_960_574_271_786e-16),
    ];

    #[test]
    fn quantiles_invert() {
        for i in 1..2000 {
            let p = f64::from(i) / 2000.0;
            assert!((log_cdf(quantile(p)).exp() - p).abs() < 4e-16, "{p}");
        }
        for exponent in 1..300 {
            let p = 10.0_f64.powi(-exponent);
            assert!((log_cdf(quantile(p)) / p.ln() - 1.0).abs() < 1e-14, "{p}");
        }
        assert_eq!((quantile(0.0), quantile(0.5), quantile(1.0)), (f64::NEG_INFINITY, 0.0, f64::INFINITY));
        assert!(quantile(-0.1).is_nan() && quantile(1.1).is_nan() && quantile(f64::NAN).is_nan());
    }
}

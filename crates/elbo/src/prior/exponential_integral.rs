//! The exponential integral `E₁(u) = ∫_u^∞ e^-t / t dt`, scaled by `e^u` (Abramowitz and Stegun 1964, chapter 5).

/// From here on the continued fraction converges faster than the series.
const SPLIT: f64 = 2.0;
/// Euler's constant.
const GAMMA: f64 = 0.577_215_664_901_532_9;

/// `ln(e^u E₁(u))` and its derivative `1 - 1 / (u e^u E₁(u))`, for `u > 0`.
pub(super) fn log_scaled_e1(u: f64) -> (f64, f64) {
    if u < SPLIT {
        let value = u + series(u).ln();
        return (value, 1.0 - 1.0 / (u * value.exp()));
    }
    // e^u E₁(u) = 1 / (u + 1 - c): no difference of large numbers is left in the derivative.
    let rest = 1.0 - fraction(u);
    (-(u + rest).ln(), -rest / u)
}

/// `E₁(u) = -γ - ln u - Σ (-u)^k / (k k!)` (5.1.11).
fn series(u: f64) -> f64 {
    let (mut power, mut sum) = (1.0, 0.0);
    for k in 1..=40_u32 {
        power *= -u / f64::from(k);
        let term = power / f64::from(k);
        sum += term;
        if term.abs() < 1e-18 {
            break;
        }
    }
    -GAMMA - u.ln() - sum
}

/// The tail `c` of `e^u E₁(u) = 1 / (u + 1 - c)`, `c = 1 / (u + 3 - 4 / (u + 5 - 9 / (u + 7 - ..)))` (5.1.22,
/// contracted). With k levels the relative error is about `e^{-4 sqrt(k u)}`, so `k u = 100` are more
/// than enough.
fn fraction(u: f64) -> f64 {
    let levels = if u < 10.0 { 58 } else { 18 };
    (1..=levels).rev().map(f64::from).fold(0.0, |tail, k| k * k / (u + 2.0 * k + 1.0 - tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tanh-sinh quadrature of `e^u E₁(u) = ∫_0^∞ e^{-u t} / (1 + t) dt`, in the logarithm of t.
    fn quadrature(u: f64) -> f64 {
        let step = 1.0 / 128.0;
        let point = |i: i32| {
            let s = step * f64::from(i);
            let t = (core::f64::consts::FRAC_PI_2 * s.sinh()).exp();
            core::f64::consts::FRAC_PI_2 * s.cosh() * t * (-u * t).exp() / (1.0 + t)
        };
        step * (-700..=700).map(point).filter(|term| term.is_finite()).sum::<f64>()
    }

    #[test]
    fn values_are_those_of_quadrature() {
        let points = [1e-12, 1e-6, 0.003, 0.4, 1.0, 1.999_999, 2.0, 2.5, 7.0, 40.0, 1e3, 1e6];
        for u in points {
            let (value, slope) = log_scaled_e1(u);
            let exact = quadrature(u);
            assert!((value - exact.ln()).abs() < 2e-13 * (1.0 + exact.ln().abs()), "{u}: {value} {}", exact.ln());
            // The differential equation, where it is not a difference of nearly equal numbers.
            if u < 50.0 {
                let expected = 1.0 - 1.0 / (u * exact);
                assert!((slope - expected).abs() < 2e-11 * expected.abs(), "{u}: {slope} {expected}");
            }
        }
    }

    #[test]
    fn extremes_are_finite() {
        for u in [1e-300, 1e-32, 1e30, 1e300] {
            let (value, slope) = log_scaled_e1(u);
            assert!(value.is_finite() && slope.is_finite() && slope < 0.0, "{u}: {value} {slope}");
        }
        // e^u E₁(u) = 1/u (1 - 1/u + ..)
        assert!((log_scaled_e1(1e30).0 + 1e30_f64.ln()).abs() < 1e-13 && (log_scaled_e1(1e30).1 + 1e-30).abs() < 1e-45);
    }

    #[test]
    fn both_formulas_agree_where_they_meet() {
        let (below, above) = (log_scaled_e1(SPLIT * (1.0 - 1e-15)), log_scaled_e1(SPLIT));
        assert!((below.0 - above.0).abs() < 1e-13 && (below.1 - above.1).abs() < 1e-13, "{below:?} {above:?}");
    }
}

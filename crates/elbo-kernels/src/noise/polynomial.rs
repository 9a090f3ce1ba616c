//! Logarithm, sine and cosine from additions, multiplications, divisions and integer operations only.
//!
//! IEEE 754 rounds these exactly, so the values are equal on every machine, vectorised or not; a platform's
//! mathematical library gives no such promise. The series are the Taylor series of `sin`, `cos` and `atanh`, cut
//! where the next term is below half a unit in the last place at the largest argument.

/// Defines [`single`] and [`double`]: the same three functions for `f32` and `f64`.
macro_rules! elementary {
    (
        $(#[$doc:meta])* $module:ident, $float:ident, $bits:ident,
        mantissa: $mantissa:literal, bias: $bias:literal,
        terms: { ln: $ln:literal, sin: $sin:literal, cos: $cos:literal }
    ) => {
        $(#[$doc])*
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            clippy::cast_lossless
        )] // series coefficients and exponents are small integers
        pub mod $module {
            /// `ln x` for normal, positive `x`: `x = 2^e m` with `m` in `[1/√2, √2)`, then
            /// `ln m = 2 atanh(s)`, `s = (m - 1) / (m + 1)`.
            #[must_use]
            #[inline(always)]
            pub fn ln(x: $float) -> $float {
                const COEFFICIENTS: [$float; $ln] = inverse_odd();
                const ROOT_HALF: $bits = core::$float::consts::FRAC_1_SQRT_2.to_bits();
                const MANTISSA: $bits = (1 << $mantissa) - 1;
                // Shifting the origin to 1/√2 makes the exponent field count from there.
                let shifted = x.to_bits().wrapping_add(((1 as $float).to_bits()).wrapping_sub(ROOT_HALF));
                let exponent = (shifted >> $mantissa) as i32 - $bias;
                let m = $float::from_bits((shifted & MANTISSA) + ROOT_HALF);
                let s = (m - 1.0) / (m + 1.0);
                2.0 * s * horner(&COEFFICIENTS, s * s) + exponent as $float * core::$float::consts::LN_2
            }

            /// `(sin x, cos x)` for `|x| <= π/4`.
            #[must_use]
            #[inline(always)]
            pub fn sin_cos(x: $float) -> ($float, $float) {
                const SIN: [$float; $sin] = alternating_factorials(1);
                const COS: [$float; $cos] = alternating_factorials(0);
                let square = x * x;
                (x * horner(&SIN, square), horner(&COS, square))
            }

            #[inline(always)]
            fn horner(coefficients: &[$float], x: $float) -> $float {
                coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
            }

            /// `1 / (2 n + 1)`.
            const fn inverse_odd<const N: usize>() -> [$float; N] {
                let mut out = [0.0; N];
                let mut n = 0;
                while n < N {
                    out[n] = (1.0 / (2 * n + 1) as f64) as $float;
                    n += 1;
                }
                out
            }

            /// `(-1)^n / (2 n + offset)!`.
            const fn alternating_factorials<const N: usize>(offset: usize) -> [$float; N] {
                let mut out = [0.0; N];
                let mut factorial = 1.0_f64;
                let mut n = 0;
                while n < N {
                    out[n] = (if n % 2 == 0 { 1.0 } else { -1.0 } / factorial) as $float;
                    let next = 2 * n + offset + 1;
                    factorial *= (next * (next + 1)) as f64;
                    n += 1;
                }
                out
            }
        }
    };
}

elementary! {
    /// `f32`, relative error below 2^-22.
    single, f32, u32, mantissa: 23, bias: 127, terms: { ln: 5, sin: 5, cos: 6 }
}
elementary! {
    /// `f64`, relative error below 2^-50.
    double, f64, u64, mantissa: 52, bias: 1023, terms: { ln: 11, sin: 9, cos: 10 }
}

#[cfg(test)]
mod tests {
    use super::{double, single};

    /// Points from `2^-64` to 1, dense near 1.
    fn points() -> impl Iterator<Item = f64> {
        let wide = (0..40_000).map(|i| (-f64::from(i) / 40_000.0 * 44.0).exp());
        let near_one = (1..10_000).map(|i| 1.0 - f64::from(i) * 1e-9);
        wide.chain(near_one)
    }

    #[test]
    fn ln_agrees_with_the_mathematical_library() {
        for x in points() {
            let error = (double::ln(x) - x.ln()).abs();
            assert!(error <= 2.0_f64.powi(-50) * x.ln().abs(), "ln({x}): error {error}");
            #[allow(clippy::cast_possible_truncation)]
            let short = x as f32;
            let want = f64::from(short).ln();
            let error = (f64::from(single::ln(short)) - want).abs();
            assert!(error <= 2.0_f64.powi(-22) * want.abs(), "ln({short}): error {error}");
        }
    }

    #[test]
    fn sin_cos_agree_with_the_mathematical_library() {
        for i in -10_000..=10_000 {
            let x = f64::from(i) / 10_000.0 * core::f64::consts::FRAC_PI_4;
            let (sin, cos) = double::sin_cos(x);
            assert!((sin - x.sin()).abs() <= 2.0_f64.powi(-52), "sin({x})");
            assert!((cos - x.cos()).abs() <= 2.0_f64.powi(-52), "cos({x})");
            #[allow(clippy::cast_possible_truncation)]
            let (sin, cos) = single::sin_cos(x as f32);
            assert!((f64::from(sin) - x.sin()).abs() <= 2.0_f64.powi(-23), "sin({x}) in f32");
            assert!((f64::from(cos) - x.cos()).abs() <= 2.0_f64.powi(-23), "cos({x}) in f32");
        }
    }
}

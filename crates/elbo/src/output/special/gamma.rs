//! The logarithm of the gamma function and its half-step differences, differentiable.
//!
//! Stirling's series at `x + 8` (Abramowitz and Stegun 1965, 6.1.40 and 6.3.18), reached by the recurrences
//! `ln Γ(x) = ln Γ(x + 8) - Σ_{i<8} ln(x + i)` and the like. At arguments of at least 8 the first term that is left out
//! is below 1e-15.
//!
//! Student's distribution needs `ln Γ(x + ½) - ln Γ(x)`, and for large `x` the difference of two large numbers would be
//! noise: it has its own series (the difference of Stirling's, expanded), and so has its derivative.

use burn::tensor::Tensor;

/// How far the argument is moved.
const STEPS: u32 = 8;

/// Coefficients of `x^{-1}, x^{-3}, ..` in `ln Γ(x)`: `B_{2n} / (2n (2n - 1))`.
const STIRLING: [f64; 7] =
    [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0, 1.0 / 156.0];

/// Coefficients of `x^{-1}, x^{-3}, ..` in `ln Γ(x + ½) - ln Γ(x) - ½ ln x`.
const HALF_STEP: [f64; 8] = [
    -1.0 / 8.0,
    1.0 / 192.0,
    -1.0 / 640.0,
    17.0 / 14_336.0,
    -31.0 / 18_432.0,
    691.0 / 180_224.0,
    -5461.0 / 425_984.0,
    929_569.0 / 15_728_640.0,
];

/// `ln Γ(x)` for positive `x`; error below 1e-14 (1 + |ln Γ(x)|) in `f64`.
pub fn ln_gamma<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    let far = x.clone().add_scalar(f64::from(STEPS));
    let half_log_tau = 0.5 * core::f64::consts::TAU.ln();
    let stirling = far.clone().sub_scalar(0.5) * far.clone().log() - far.clone() + odd_powers(&far, &STIRLING);
    let steps = (0..STEPS).map(|i| x.clone().add_scalar(f64::from(i)).log());
    stirling.add_scalar(half_log_tau) - sum(steps)
}

/// `ln Γ(x + ½) - ln Γ(x)` for positive `x`; error below 1e-14 (1 + |it|) in `f64`, for large `x` too.
pub fn ln_gamma_half_step<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    let far = x.clone().add_scalar(f64::from(STEPS));
    let series = far.clone().log().mul_scalar(0.5) + odd_powers(&far, &HALF_STEP);
    // ln (x + i + ½) / (x + i)
    let steps = (0..STEPS).map(|i| x.clone().add_scalar(f64::from(i)).recip().mul_scalar(0.5).log1p());
    series - sum(steps)
}

/// `ψ(x + ½) - ψ(x)` for positive `x`, the derivative of [`ln_gamma_half_step`]; relative error below 1e-14 in `f64`.
pub fn digamma_half_step<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    let far = x.clone().add_scalar(f64::from(STEPS));
    let inverse = far.clone().recip();
    let odd = HALF_STEP.iter().zip(0..).map(|(c, n)| -c * f64::from(2 * n + 1)).collect::<Vec<_>>();
    let series = inverse.clone().mul_scalar(0.5) + odd_powers(&far, &odd) * inverse;
    // 1 / (x + i) - 1 / (x + i + ½)
    let step = |i: u32| {
        let x = x.clone().add_scalar(f64::from(i));
        x.clone().recip().mul_scalar(0.5) * x.add_scalar(0.5).recip()
    };
    series + sum((0..STEPS).map(step))
}

/// `ln Γ(x + ½) - ln Γ(x)` of a number.
pub fn ln_gamma_half_step_f64(x: f64) -> f64 {
    let far = x + f64::from(STEPS);
    let inverse = 1.0 / far;
    let series = HALF_STEP.iter().rev().fold(0.0, |sum, c| sum * inverse * inverse + c) * inverse;
    0.5 * far.ln() + series - (0..STEPS).map(|i| (0.5 / (x + f64::from(i))).ln_1p()).sum::<f64>()
}

/// `Σ_n c_n x^{-(2n + 1)}`.
fn odd_powers<const D: usize>(x: &Tensor<D>, coefficients: &[f64]) -> Tensor<D> {
    let inverse = x.clone().recip();
    let square = inverse.clone() * inverse.clone();
    let horner = |sum: Tensor<D>, c: &f64| (sum * square.clone()).add_scalar(*c);
    coefficients.iter().rev().fold(inverse.zeros_like(), horner) * inverse
}

fn sum<const D: usize>(mut terms: impl Iterator<Item = Tensor<D>>) -> Tensor<D> {
    let first = terms.next().expect("there are steps");
    terms.fold(first, |sum, term| sum + term)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, TensorData};

    type Function = fn(&Tensor<1>) -> Tensor<1>;

    fn tensor(x: f64, dtype: DType) -> Tensor<1> {
        Tensor::from_data(TensorData::from([x]), (&Device::flex().autodiff(), dtype)).require_grad()
    }

    fn at(f: Function, x: f64) -> f64 {
        f(&tensor(x, DType::F64)).into_scalar()
    }

    fn slope(f: Function, x: f64) -> f64 {
        let x = tensor(x, DType::F64);
        x.grad(&f(&x).backward()).unwrap().into_scalar()
    }

    /// Abramowitz and Stegun 1965, tables 6.1 and 6.4 (`ln Γ` at 1.5 and 1.75, `Γ(½) = √π`), factorials.
    #[test]
    fn ln_gamma_has_the_published_values() {
        let root_pi = core::f64::consts::PI.sqrt();
        let cases = [
            (0.5, root_pi.ln()),
            (1.0, 0.0),
            (1.5, (root_pi / 2.0).ln()),
            (2.0, 0.0),
            (5.0, 24.0_f64.ln()),
            (11.0, 3_628_800.0_f64.ln()),
            (21.0, 2_432_902_008_176_640_000.0_f64.ln()),
            (1.75, 0.919_062_526_848_883_5_f64.ln()),
        ];
        for (x, expected) in cases {
            assert!((at(ln_gamma, x) - expected).abs() < 1e-14 * (1.0 + expected.abs()), "ln Γ({x})");
        }
        for i in 1..4000 {
            let x = f64::from(i).powi(2) * 1e-3;
            let (found, expected) = (at(ln_gamma, x), libm::lgamma(x));
            assert!((found - expected).abs() < 1e-14 * (1.0 + expected.abs()), "ln Γ({x}): {found}, {expected}");
        }
    }

    /// `ψ(1) = -γ`, `ψ(½) = -γ - 2 ln 2`, `ψ(10) = 2.251752589066721` (Abramowitz and Stegun 1965, 6.3.2, 6.3.3 and
    /// table 6.1).
    #[test]
    fn the_tape_gives_digamma() {
        const EULER: f64 = 0.577_215_664_901_532_9;
        let cases = [(1.0, -EULER), (0.5, -EULER - 2.0 * core::f64::consts::LN_2), (10.0, 2.251_752_589_066_721)];
        for (x, expected) in cases {
            assert!((slope(ln_gamma, x) - expected).abs() < 1e-14 * expected.abs().max(1.0), "ψ({x})");
        }
    }

    /// At 1: `ln(√π / 2)`; at ½: `-ln √π`; at 1e12 the first two terms are exact.
    #[test]
    fn half_steps_are_differences() {
        let root_pi = core::f64::consts::PI.sqrt();
        let far = 0.5 * 1e12_f64.ln() - 0.125e-12;
        for (x, expected) in [(1.0, (root_pi / 2.0).ln()), (0.5, -root_pi.ln()), (1e12, far)] {
            let found = at(ln_gamma_half_step, x);
            assert!((found - expected).abs() < 1e-14 * (1.0 + expected.abs()), "{x}: {found}, {expected}");
        }
        for i in 1..2000 {
            let x = f64::from(i) * 0.01;
            let (found, expected) = (at(ln_gamma_half_step, x), libm::lgamma(x + 0.5) - libm::lgamma(x));
            assert!((found - expected).abs() < 1e-14 * (1.0 + libm::lgamma(x).abs()), "{x}: {found}, {expected}");
            assert!((found - ln_gamma_half_step_f64(x)).abs() < 2e-15 * (1.0 + found.abs()), "{x} on the host");
        }
    }

    /// `ψ(1) - ψ(½) = 2 ln 2`; `ψ(3/2) - ψ(1) = 2 - 2 ln 2`; for large x `1 / (2x) + 1 / (8x²)`.
    #[test]
    fn digamma_half_steps_are_differences_and_the_slope_of_the_half_step() {
        let two_ln_two = 2.0 * core::f64::consts::LN_2;
        for (x, expected) in [(0.5, two_ln_two), (1.0, 2.0 - two_ln_two), (1e8, 0.5e-8 + 0.125e-16)] {
            let found = at(digamma_half_step, x);
            assert!((found / expected - 1.0).abs() < 1e-14, "{x}: {found}, {expected}");
        }
        for x in [1e-3, 0.2, 0.5, 1.0, 3.7, 12.0, 400.0, 1e7] {
            let (found, expected) = (slope(ln_gamma_half_step, x), at(digamma_half_step, x));
            assert!((found / expected - 1.0).abs() < 1e-12, "{x}: {found}, {expected}");
        }
    }

    #[test]
    fn single_precision_is_as_good_as_it_can_be() {
        for x in [0.01, 0.3, 1.0, 2.0, 7.5, 100.0, 1e6] {
            let single = |f: Function| f(&tensor(x, DType::F32)).into_scalar::<f64>();
            for f in [ln_gamma as Function, ln_gamma_half_step as Function, digamma_half_step as Function] {
                let (found, expected) = (single(f), at(f, x));
                assert!((found - expected).abs() < 4e-6 * (1.0 + expected.abs()), "{x}: {found}, {expected}");
            }
        }
    }
}

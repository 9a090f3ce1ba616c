//! Calibration without bins (Błasiok and Nakkiran 2023, "Smooth ECE: principled reliability diagrams via kernel
//! smoothing", definitions 6 to 8).
//!
//! `smECE_σ = ∫_0^1 |g_σ(t)| dt`, `g_σ(t) = Σ_i d_i K_σ(t, f_i) / B`, `d_i = outcome_i - f_i`, with `K_σ` the Gaussian
//! of standard deviation σ reflected at 0 and 1. It falls as σ grows, and the error reported is the one σ with
//! `smECE_σ = σ`.
//!
//! The reflected Gaussian is the heat kernel of the interval, so in the basis of cosines smoothing is a factor per
//! frequency: `g_σ(t) = a_0 + 2 Σ_k a_k exp(-(πkσ)² / 2) cos(πkt)`, `a_k = Σ_i d_i cos(πk f_i) / B`. No forecast is
//! rounded to a grid; only the integral is a sum, of 16 points to a σ (error below 0.1 %).

use super::super::{MetricError, Probabilities, count};
use super::top_label;
use core::f64::consts::PI;

/// Smallest σ: errors below are reported as this, unless the error is 0.
const SMALLEST: f64 = 1e-3;

/// Frequencies times σ beyond which the factor is below 1e-16.
const REACH: f64 = 2.74;

/// Points of the integral to a σ.
const POINTS: f64 = 16.0;

/// Smooth calibration error of the confidence, 0 to 1: the calibration error at a scale that it sets itself, a
/// continuous function of the forecasts (which errors in bins are not). Values below 0.001 are reported as 0.001,
/// except 0.
///
/// ```
/// use elbo::metric::{Probabilities, smooth_calibration_error};
/// let probs = Probabilities::new([0.8, 0.2].repeat(50), 2)?;
/// let error = smooth_calibration_error(&probs, &[0; 50])?; // all right, at confidence 0.8
/// assert!((error - 0.2).abs() < 1e-3);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if the labels do not fit.
pub fn smooth_calibration_error(probs: &Probabilities, labels: &[usize]) -> Result<f64, MetricError> {
    let (confidences, correct) = top_label(probs, labels)?;
    let gaps: Vec<f64> = correct.iter().zip(&confidences).map(|(correct, confidence)| correct - confidence).collect();
    if gaps.iter().all(|&gap| gap == 0.0) {
        return Ok(0.0);
    }
    Ok(fixed_point(&confidences, &gaps))
}

/// The σ with `smECE_σ = σ`.
fn fixed_point(forecasts: &[f64], gaps: &[f64]) -> f64 {
    let mut low = 1.0;
    let mut coefficients = cosines(forecasts, gaps, frequencies(low));
    while smoothed(&coefficients, low) <= low {
        if low <= SMALLEST {
            return SMALLEST;
        }
        low = f64::max(0.5 * low, SMALLEST);
        coefficients = cosines(forecasts, gaps, frequencies(low));
    }
    let mut high = f64::min(2.0 * low, 1.0);
    while high - low > 1e-7 * high {
        let middle = 0.5 * (low + high);
        if smoothed(&coefficients, middle) > middle { low = middle } else { high = middle }
    }
    high
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few thousand at most
fn frequencies(scale: f64) -> usize {
    (REACH / scale).ceil() as usize
}

/// `a_0 .. a_K`, by the recurrence `cos((k + 1) x) = 2 cos x cos(kx) - cos((k - 1) x)`.
fn cosines(forecasts: &[f64], gaps: &[f64], most: usize) -> Vec<f64> {
    let mut sums = vec![0.0; most + 1];
    for (&forecast, &gap) in forecasts.iter().zip(gaps) {
        let twice = 2.0 * (PI * forecast).cos();
        let (mut before, mut now) = (0.5 * twice, 1.0);
        for sum in &mut sums {
            *sum += gap * now;
            (before, now) = (now, twice * now - before);
        }
    }
    sums.into_iter().map(|sum| sum / count(gaps.len())).collect()
}

/// `smECE_σ`, by the midpoint rule; the sum of cosines by Clenshaw's recurrence.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few thousand at most
fn smoothed(coefficients: &[f64], scale: f64) -> f64 {
    let most = frequencies(scale).min(coefficients.len() - 1);
    let damp = |k: usize| coefficients[k] * (-0.5 * (PI * count(k) * scale).powi(2)).exp();
    let damped: Vec<f64> = (0..=most).map(damp).collect();
    let points = (POINTS / scale).ceil() as usize;
    let value = |point: usize| {
        let twice = 2.0 * (PI * (count(point) + 0.5) / count(points)).cos();
        let step = |(one, two): (f64, f64), a: &f64| (2.0 * a + twice * one - two, one);
        let (one, two) = damped[1..].iter().rev().fold((0.0, 0.0), step);
        (damped[0] + 0.5 * twice * one - two).abs()
    };
    (0..points).map(value).sum::<f64>() / count(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reflected Gaussian itself, summed over images, and a fine integral.
    fn plain(forecasts: &[f64], gaps: &[f64], scale: f64) -> f64 {
        let normal = |x: f64| (-0.5 * (x / scale).powi(2)).exp() / (scale * (2.0 * PI).sqrt());
        let kernel = |t: f64, f: f64| -> f64 {
            (-3..=3).map(|image| f64::from(2 * image)).map(|shift| normal(t - f - shift) + normal(t + f - shift)).sum()
        };
        let value = |t: f64| -> f64 { forecasts.iter().zip(gaps).map(|(&f, &d)| d * kernel(t, f)).sum() };
        (0..20_000).map(|k| value((f64::from(k) + 0.5) / 20_000.0).abs()).sum::<f64>() / 20_000.0 / count(gaps.len())
    }

    const FORECASTS: [f64; 5] = [0.02, 0.35, 0.4, 0.77, 0.99];
    const GAPS: [f64; 5] = [0.3, -0.35, 0.2, 0.23, -0.6];

    #[test]
    fn cosines_smooth_as_the_kernel_does() {
        for scale in [0.02, 0.05, 0.2, 0.7] {
            let expected = plain(&FORECASTS, &GAPS, scale);
            let found = smoothed(&cosines(&FORECASTS, &GAPS, frequencies(scale)), scale);
            assert!((found / expected - 1.0).abs() < 1e-3, "{scale}: {found}, expected {expected}");
        }
    }

    #[test]
    fn the_error_is_its_own_scale() {
        let error = fixed_point(&FORECASTS, &GAPS);
        assert!((plain(&FORECASTS, &GAPS, error) / error - 1.0).abs() < 1e-3, "{error}");
    }

    /// `g` keeps its sign, so the integral of its size is the mean gap, whatever the scale.
    #[test]
    fn overconfidence_of_one_sign_is_its_mean() {
        let error = fixed_point(&[0.6, 0.7, 0.9], &[-0.2, -0.3, -0.1]);
        assert!((error - 0.2).abs() < 1e-6, "{error}");
    }

    #[test]
    fn right_and_certain_is_0_and_small_errors_are_the_smallest_scale() {
        let probs = Probabilities::new([1.0, 0.0].repeat(3), 2).unwrap();
        assert_eq!(smooth_calibration_error(&probs, &[0; 3]).unwrap(), 0.0);
        assert_eq!(fixed_point(&[0.5, 0.5], &[1e-5, 1e-5]), SMALLEST);
    }
}

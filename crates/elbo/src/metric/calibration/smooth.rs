//! Calibration without bins (Błasiok and Nakkiran 2023, "Smooth ECE: principled reliability diagrams via kernel
//! smoothing", definitions 6 to 8).
//!
//! `smECE_σ = ∫_0^1 |g_σ(t)| dt`, `g_σ(t) = Σ_i d_i K_σ(t, f_i) / B`, `d_i = outcome_i - f_i`, with `K_σ` the Gaussian
//! of standard deviation σ reflected at 0 and 1. It falls as σ grows, and the error reported is the one σ with
//! `smECE_σ = σ`.
//!
//! A narrow kernel is laid at every forecast. A wide one would be reflected many times; but the reflected Gaussian is the heat
//! kernel of the interval, so in the basis of cosines smoothing is a factor per frequency:
//! `g_σ(t) = a_0 + 2 Σ_k a_k exp(-(πkσ)² / 2) cos(πkt)`, `a_k = Σ_i d_i cos(πk f_i) / B`. The integral is that of straight
//! lines between 16 points to a σ (error below 0.1 %), of resamples 8. Resamples of more than 512 examples also join those
//! within `h = 1/512` of each other at their mean: an error of `(h/σ)²/24`.

use super::super::order::multiplicities;
use super::super::{MetricError, Probabilities, all, count};
use super::top_label;
use core::f64::consts::PI;

/// Smallest σ: errors below are reported as this, unless the error is 0.
const SMALLEST: f64 = 1e-3;

/// σ from which on kernels are summed as cosines.
const WIDE: f64 = 0.1;

/// Standard deviations beyond which a kernel is below 1e-8 of its height.
const WIDTH: f64 = 6.0;

/// Frequencies times σ beyond which the factor is below 1e-16.
const REACH: f64 = 2.74;

/// How the σ is solved for.
#[derive(Clone, Copy)]
struct Precision {
    /// Relative error of σ.
    tolerance: f64,
    /// Points of the integral to a σ.
    points: f64,
}

const FINE: Precision = Precision { tolerance: 1e-7, points: 16.0 };

/// Of a resample.
const ROUGH: Precision = Precision { tolerance: 1e-3, points: 8.0 };

/// Places that forecasts of resamples are joined at if there are more of them.
const CELLS: usize = 512;

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
    Ok(SmoothGaps::top_label(probs, labels)?.error())
}

/// Forecasts and how far they are off, prepared once for the error of every choice of examples.
///
/// ```
/// use elbo::metric::{Bootstrap, Probabilities, SmoothGaps};
/// let probs = Probabilities::new([0.9, 0.1, 0.7, 0.3].repeat(20), 2)?;
/// let labels: Vec<usize> = (0..40).map(|i| usize::from(i % 4 == 0)).collect();
/// let gaps = SmoothGaps::top_label(&probs, &labels)?;
/// let error = Bootstrap::default().estimate_shifted(40, |chosen| gaps.error_of(chosen))?;
/// assert!(error.low < gaps.error() && gaps.error() < error.high);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SmoothGaps {
    forecasts: Vec<f64>,
    gaps: Vec<f64>,
    cells: Vec<f64>,
    cell_of: Vec<usize>,
    error: f64,
}

impl SmoothGaps {
    /// Those of the confidence and of whether the most probable class is right.
    ///
    /// # Shapes
    /// - `probs`: `[B, K]`; `labels`: `[B]`
    ///
    /// # Errors
    /// As [`smooth_calibration_error`].
    pub fn top_label(probs: &Probabilities, labels: &[usize]) -> Result<Self, MetricError> {
        let (forecasts, correct) = top_label(probs, labels)?;
        let gaps: Vec<f64> = correct.iter().zip(&forecasts).map(|(correct, confidence)| correct - confidence).collect();
        let (cells, cell_of) = cells(&forecasts);
        let error = fixed_point(&forecasts, &means(&gaps, gaps.len()), 0.0625, FINE);
        Ok(Self { forecasts, gaps, cells, cell_of, error })
    }

    /// The error of all examples, 0 to 1.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.error
    }

    /// That of chosen examples.
    ///
    /// # Panics
    /// If there is no example of a number that is chosen.
    #[must_use]
    pub fn error_of(&self, chosen: &[usize]) -> f64 {
        self.error_with(&multiplicities(chosen, self.gaps.len()), chosen.len())
    }

    /// The same of `n` examples by how often each is chosen.
    pub(in super::super) fn error_with(&self, times: &[f64], n: usize) -> f64 {
        if times.iter().all(|&times| times == 1.0) {
            return self.error;
        }
        let mut sums = vec![0.0; self.cells.len()];
        for ((&cell, &gap), &times) in self.cell_of.iter().zip(&self.gaps).zip(times) {
            sums[cell] += times * gap;
        }
        fixed_point(&self.cells, &means(&sums, n), self.error, ROUGH)
    }

    /// Number of examples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.forecasts.len()
    }

    /// Never: there is at least one example.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forecasts.is_empty()
    }
}

/// Where forecasts are joined, and which of these each one belongs to: each is its own place if there are not too many.
fn cells(forecasts: &[f64]) -> (Vec<f64>, Vec<usize>) {
    if forecasts.len() <= CELLS {
        return (forecasts.to_vec(), all(forecasts.len()));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // confidences: 0 to 1
    let cell_of: Vec<usize> = forecasts.iter().map(|f| ((f * count(CELLS)) as usize).min(CELLS - 1)).collect();
    let (mut sums, mut sizes) = (vec![0.0; CELLS], vec![0_usize; CELLS]);
    for (&cell, forecast) in cell_of.iter().zip(forecasts) {
        sums[cell] += forecast;
        sizes[cell] += 1;
    }
    // Only the cells that hold something are kept.
    let mut place = vec![0; CELLS];
    let mut means = Vec::new();
    for cell in (0..CELLS).filter(|&cell| sizes[cell] > 0) {
        place[cell] = means.len();
        means.push(sums[cell] / count(sizes[cell]));
    }
    (means, cell_of.into_iter().map(|cell| place[cell]).collect())
}

fn means(sums: &[f64], n: usize) -> Vec<f64> {
    sums.iter().map(|sum| sum / count(n)).collect()
}

/// The σ with `smECE_σ = σ` of gaps that are divided by the number of examples; the search begins near `start`.
///
/// `smECE_σ - σ` falls, so a σ below and one above the root are found by halving and doubling, and the root between them by
/// false position, with half the value at an end that stays (the Illinois rule: Dowell and Jarratt 1971).
fn fixed_point(forecasts: &[f64], gaps: &[f64], start: f64, precision: Precision) -> f64 {
    if gaps.iter().all(|&gap| gap == 0.0) {
        return 0.0;
    }
    let Precision { tolerance, points } = precision;
    let excess = |scale: f64| smoothed(forecasts, gaps, scale, points) - scale;
    let mut low = (0.9 * start).clamp(SMALLEST, 1.0);
    let mut at_low = excess(low);
    let mut above = None;
    while at_low <= 0.0 {
        if low <= SMALLEST {
            return SMALLEST;
        }
        above = Some((low, at_low));
        low = f64::max(0.6 * low, SMALLEST);
        at_low = excess(low);
    }
    let (mut high, mut at_high) = above.unwrap_or_else(|| (1.4 * low, excess(1.4 * low)));
    while at_high > 0.0 {
        (low, at_low) = (high, at_high);
        high *= 1.6;
        at_high = excess(high);
    }
    let mut side = 0;
    while high - low > tolerance * high {
        let next = high - at_high * (high - low) / (at_high - at_low);
        // A step so close to an end that it would not move it goes half as far as is still tolerated.
        let next = next.clamp(low + 0.25 * tolerance * high, high - 0.25 * tolerance * high);
        let at_next = excess(next);
        if at_next > 0.0 {
            (low, at_low) = (next, at_next);
            at_high *= if side == 1 { 0.5 } else { 1.0 };
            side = 1;
        } else {
            (high, at_high) = (next, at_next);
            at_low *= if side == -1 { 0.5 } else { 1.0 };
            side = -1;
        }
    }
    high
}

/// `smECE_σ`: the mean size of g, from the middles of equal parts of `[0, 1]`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few thousand at most
fn smoothed(forecasts: &[f64], gaps: &[f64], scale: f64, points: f64) -> f64 {
    let points = (points / scale).ceil() as usize;
    let values = if scale < WIDE { by_kernels } else { by_cosines }(forecasts, gaps, scale, points);
    // The kernel is reflected, so g is level at both ends.
    let ends = 0.5 * (values[0].abs() + values[points - 1].abs());
    (ends + values.windows(2).map(|pair| mean_size(pair[0], pair[1])).sum::<f64>()) / count(points)
}

/// `∫_0^1 |a + (b - a) t| dt`.
fn mean_size(a: f64, b: f64) -> f64 {
    let sum = a.abs() + b.abs();
    if a * b < 0.0 { 0.5 * (a * a + b * b) / sum } else { 0.5 * sum }
}

/// g at the points, a kernel for each gap. A Gaussian at equal steps is a product of factors that are products themselves:
/// `φ(z + h) = φ(z) r`, and r for the next step is `r e^{-h²}`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a point's number
fn by_kernels(forecasts: &[f64], gaps: &[f64], scale: f64, points: usize) -> Vec<f64> {
    let step = 1.0 / (count(points) * scale);
    let reach = ((WIDTH / step) as usize).min(points);
    let (shrink, height) = ((-step * step).exp(), 1.0 / (scale * (2.0 * PI).sqrt()));
    // Room on both sides for what is to be reflected.
    let mut values = vec![0.0; points + 2 * reach + 2];
    for (&forecast, &gap) in forecasts.iter().zip(gaps) {
        if gap == 0.0 {
            continue;
        }
        let at = forecast * count(points) - 0.5;
        // The first point at or above the forecast, in units of σ above it; it stands one place further on.
        let next = at.ceil().max(0.0) as usize;
        let away = (count(next) - at) * step;
        let middle = gap * height * (-0.5 * away * away).exp();
        let (left, right) = values.split_at_mut(next + reach);
        let (mut value, mut factor) = (middle, (-step * (away + 0.5 * step)).exp());
        for slot in &mut right[..=reach] {
            *slot += value;
            value *= factor;
            factor *= shrink;
        }
        (value, factor) = (middle, (step * (away - 0.5 * step)).exp());
        for slot in left[next..].iter_mut().rev() {
            value *= factor;
            factor *= shrink;
            *slot += value;
        }
    }
    for k in 0..reach {
        values[reach + k] += values[reach - 1 - k];
        values[reach + points - 1 - k] += values[reach + points + k];
    }
    values.drain(..reach);
    values.truncate(points);
    values
}

/// g at the points, from its frequencies; the sum of cosines by Clenshaw's recurrence.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 28 at most
fn by_cosines(forecasts: &[f64], gaps: &[f64], scale: f64, points: usize) -> Vec<f64> {
    let mut damped = cosines(forecasts, gaps, (REACH / scale).ceil() as usize);
    for (k, a) in damped.iter_mut().enumerate() {
        *a *= (-0.5 * (PI * count(k) * scale).powi(2)).exp();
    }
    let value = |point: usize| {
        let twice = 2.0 * (PI * (count(point) + 0.5) / count(points)).cos();
        let step = |(one, two): (f64, f64), a: &f64| (2.0 * a + twice * one - two, one);
        let (one, two) = damped[1..].iter().rev().fold((0.0, 0.0), step);
        damped[0] + 0.5 * twice * one - two
    };
    (0..points).map(value).collect()
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
    sums
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
    fn the_kernel_is_reflected() {
        for scale in [0.002, 0.02, 0.05, 0.099, 0.1, 0.2, 0.7] {
            let expected = plain(&FORECASTS, &GAPS, scale);
            let found = smoothed(&FORECASTS, &means(&GAPS, 5), scale, FINE.points);
            assert!((found / expected - 1.0).abs() < 1e-3, "{scale}: {found}, expected {expected}");
        }
    }

    /// Both ways to smooth, at forecasts on points and between them, at the ends too.
    #[test]
    fn kernels_and_cosines_agree() {
        let forecasts: Vec<f64> = (0..=60).map(|i| f64::from(i) / 60.0).collect();
        let gaps: Vec<f64> = (0..=60).map(|i| f64::from(i * i % 7) - 3.0).collect();
        for scale in [0.01, 0.03, 0.09] {
            for points in [320, 331] {
                let [a, b] = [by_kernels, by_cosines].map(|way| way(&forecasts, &gaps, scale, points));
                assert_eq!((a.len(), b.len()), (points, points));
                let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(worst < 3e-5, "{scale} {points}: {worst:e}");
            }
        }
    }

    #[test]
    fn the_error_is_its_own_scale() {
        let error = fixed_point(&FORECASTS, &means(&GAPS, 5), 0.0625, FINE);
        assert!((plain(&FORECASTS, &GAPS, error) / error - 1.0).abs() < 1e-3, "{error}");
    }

    /// `g` keeps its sign, so the integral of its size is the mean gap, whatever the scale.
    #[test]
    fn overconfidence_of_one_sign_is_its_mean() {
        let error = fixed_point(&[0.6, 0.7, 0.9], &means(&[-0.2, -0.3, -0.1], 3), 0.0625, FINE);
        assert!((error - 0.2).abs() < 1e-6, "{error}");
    }

    #[test]
    fn right_and_certain_is_0_and_small_errors_are_the_smallest_scale() {
        let probs = Probabilities::new([1.0, 0.0].repeat(3), 2).unwrap();
        assert_eq!(smooth_calibration_error(&probs, &[0; 3]).unwrap(), 0.0);
        assert_eq!(fixed_point(&[0.5, 0.5], &[0.5e-5, 0.5e-5], 0.0625, FINE), SMALLEST);
    }

    /// Wherever the search begins, and however many lanes are filled.
    #[test]
    fn the_start_of_the_search_does_not_matter() {
        let expected = fixed_point(&FORECASTS, &means(&GAPS, 5), 0.0625, FINE);
        for start in [0.0, 1e-3, 0.01, 0.3, 1.0] {
            let found = fixed_point(&FORECASTS, &means(&GAPS, 5), start, FINE);
            assert!((found / expected - 1.0).abs() < 2e-7, "{start}: {found} for {expected}");
        }
    }

    /// 6,000 forecasts, more than cells: all of them chosen once are all of them, and others as if they were the only ones.
    #[test]
    fn chosen_examples_are_as_by_themselves() {
        for n in [300, 6000] {
            let share = |i: usize| count(i) * 0.618_033_988_75 % 1.0;
            let probs: Vec<f64> = (0..n).map(|i| 0.5 + 0.5 * share(i)).flat_map(|p| [p, 1.0 - p]).collect();
            let labels: Vec<usize> = (0..n).map(|i| usize::from(share(7 * i + 1) > 0.45 + 0.4 * share(i))).collect();
            let gaps = SmoothGaps::top_label(&Probabilities::new(probs.clone(), 2).unwrap(), &labels).unwrap();
            let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 3e-3 && a > 0.02, "{n}: {a}, {b}");
            assert_eq!(gaps.error_of(&all(n)), gaps.error());
            let chosen: Vec<usize> = (0..n).map(|i| i * i % n).collect();
            let probs = Probabilities::new(chosen.iter().flat_map(|i| [probs[2 * i], probs[2 * i + 1]]).collect(), 2);
            let labels: Vec<usize> = chosen.iter().map(|&i| labels[i]).collect();
            close(gaps.error_of(&chosen), smooth_calibration_error(&probs.unwrap(), &labels).unwrap());
            assert_eq!((gaps.len(), gaps.is_empty()), (n, false));
        }
    }
}

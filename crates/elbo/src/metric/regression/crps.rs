//! The continuous ranked probability score (Matheson and Winkler 1976; Gneiting and Raftery 2007, section 4.2),
//!
//! `crps(F, y) = ∫ (F(x) - [y <= x])² dx = E|X - y| - E|X - X'| / 2`,
//!
//! in the unit of the target; the absolute error for a forecast of one point. Closed forms, with `z = (y - loc) / scale`:
//!
//! | family | crps / scale | source |
//! | --- | --- | --- |
//! | normal | `z (2Φ(z) - 1) + 2φ(z) - 1/√π` | Gneiting and Raftery 2007, eq. 21 |
//! | Student-t, ν > 1 | `z (2F(z) - 1) + 2f(z) (ν + z²)/(ν - 1) - 2√ν/(ν - 1) B(½, ν - ½)/B(½, ν/2)²` | Jordan, Krüger and Lerch 2019, appendix A |
//! | logistic | `z - 2 ln F(z) - 1` | the same |
//! | mixture of normals | `Σ_s w_s A(y - μ_s, σ_s²) - ½ Σ_st w_s w_t A(μ_s - μ_t, σ_s² + σ_t²)` (no division) | Grimit, Gneiting, Berrocal and Johnson 2006, eq. 5 |
//!
//! with `A(m, v) = 2√v φ(m/√v) + m (2Φ(m/√v) - 1)`, the mean size of a normal. A mixture costs `S²` per example.

use super::super::MetricError;
use super::Forecasts;
use super::ensemble;
use super::forecast::Law;
use crate::output::special::{gamma::ln_gamma_half_step_f64, incomplete_beta, normal};
use core::f64::consts::{FRAC_1_SQRT_2, PI};

impl Forecasts<'_> {
    /// Score of every target, in its unit, at least 0: `[B]`. Strictly proper among distributions with a mean. Infinite
    /// for Student's t with one degree of freedom or less; of an ensemble as [`ensemble_crps`](super::ensemble_crps).
    ///
    /// ```
    /// use elbo::metric::Forecasts;
    /// let crps = Forecasts::normal(&[0.0], &[1.0])?.crps(&[0.0])?;
    /// assert!((crps[0] - (2.0_f64.sqrt() - 1.0) / core::f64::consts::PI.sqrt()).abs() < 1e-15);
    /// # Ok::<(), elbo::metric::MetricError>(())
    /// ```
    ///
    /// # Errors
    /// [`MetricError::Length`] or [`MetricError::Value`] if the targets do not fit.
    pub fn crps(&self, targets: &[f64]) -> Result<Vec<f64>, MetricError> {
        self.check_targets(targets)?;
        let score = |(i, &y): (usize, &f64)| match self.law {
            Law::Normal { means, stddevs } => stddevs[i] * standard_normal((y - means[i]) / stddevs[i]),
            Law::StudentT { df, locs, scales } => scales[i] * student_t((y - locs[i]) / scales[i], df[i]),
            Law::Logistic { locs, scales } => scales[i] * logistic((y - locs[i]) / scales[i]),
            Law::NormalMixture { .. } => self.mixture(i, y),
            Law::Ensemble { members, size } => ensemble::plain(&members[i * size..][..size], y),
        };
        // Rounding below 0 is clipped.
        Ok(targets.iter().enumerate().map(score).map(|score| score.max(0.0)).collect())
    }

    fn mixture(&self, i: usize, y: f64) -> f64 {
        let components = self.components(i);
        let mut score = 0.0;
        for (s, [weight, mean, stddev]) in components.clone().enumerate() {
            let variance = stddev * stddev;
            score += weight * mean_size(y - mean, stddev);
            // Pairs count twice, and half of them is subtracted; a component with itself once.
            let pairs =
                components.clone().take(s).map(|[w, m, sd]| w * mean_size(mean - m, (variance + sd * sd).sqrt()));
            score -= weight * (pairs.sum::<f64>() + 0.5 * weight * mean_size(0.0, (2.0 * variance).sqrt()));
        }
        score
    }
}

fn standard_normal(z: f64) -> f64 {
    mean_size(z, 1.0) - 1.0 / PI.sqrt()
}

/// `A`: `E|N(mean, stddev²)|`.
pub(crate) fn mean_size(mean: f64, stddev: f64) -> f64 {
    let z = mean / stddev;
    2.0 * stddev * normal::log_density(z).exp() + mean * libm::erf(z * FRAC_1_SQRT_2)
}

fn student_t(z: f64, df: f64) -> f64 {
    if df <= 1.0 {
        return f64::INFINITY;
    }
    // ln B(½, a) = ½ ln π - (ln Γ(a + ½) - ln Γ(a))
    let log_ratio = 2.0 * ln_gamma_half_step_f64(0.5 * df) - ln_gamma_half_step_f64(df - 0.5) - 0.5 * PI.ln();
    student_t_size(z, df) - 2.0 * df.sqrt() / (df - 1.0) * log_ratio.exp()
}

/// `E|T - z|` of Student's distribution, of more than one degree of freedom.
pub(crate) fn student_t_size(z: f64, df: f64) -> f64 {
    // 2F(|z|) - 1, from the tail.
    let centre = 1.0 - 2.0 * incomplete_beta::log_cdf(-z.abs(), df).exp();
    let density = incomplete_beta::log_density(z, df).exp();
    z.abs() * centre + 2.0 * density * (df + z * z) / (df - 1.0)
}

/// Symmetric in z: `z - 2 ln F(z) = |z| + 2 ln(1 + e^{-|z|})`.
fn logistic(z: f64) -> f64 {
    z.abs() + 2.0 * (-z.abs()).exp().ln_1p() - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `∫ F² below y + ∫ (1 - F)² above`, by the midpoint rule with `x = y ± t / (1 - t)`.
    fn integral(forecasts: &Forecasts<'_>, y: f64) -> f64 {
        let side = |sign: f64| -> f64 {
            let steps = 200_000;
            let term = |k: i32| {
                let t = (f64::from(k) + 0.5) / f64::from(steps);
                let f = forecasts.cdf(0, y + sign * t / (1.0 - t));
                let beyond = if sign < 0.0 { f } else { 1.0 - f };
                beyond * beyond / ((1.0 - t) * (1.0 - t))
            };
            (0..steps).map(term).sum::<f64>() / f64::from(steps)
        };
        side(-1.0) + side(1.0)
    }

    #[test]
    fn closed_forms_are_the_integral() {
        let (loc, scale) = ([0.3], [0.8]);
        let (weights, means, stddevs) = ([0.5, 0.3, 0.2], [-1.0, 0.5, 3.0], [0.4, 1.0, 2.0]);
        for y in [-4.0, 0.1, 0.3, 2.5] {
            for forecasts in [
                Forecasts::normal(&loc, &scale).unwrap(),
                Forecasts::logistic(&loc, &scale).unwrap(),
                Forecasts::student_t(&[2.3], &loc, &scale).unwrap(),
                Forecasts::student_t(&[30.0], &loc, &scale).unwrap(),
                Forecasts::normal_mixture(&weights, &means, &stddevs).unwrap(),
            ] {
                let (found, expected) = (forecasts.crps(&[y]).unwrap()[0], integral(&forecasts, y));
                assert!(
                    (found - expected).abs() < 1e-6 * expected.max(1.0),
                    "{forecasts:?} at {y}: {found}, {expected}"
                );
            }
        }
    }

    #[test]
    fn limits_agree() {
        // Many degrees of freedom: the normal, to 1 / ν; a mixture of equals: its component.
        let normal = Forecasts::normal(&[0.0], &[1.0]).unwrap().crps(&[0.7]).unwrap()[0];
        let t = Forecasts::student_t(&[1e7], &[0.0], &[1.0]).unwrap().crps(&[0.7]).unwrap()[0];
        assert!((t - normal).abs() < 1e-6);
        let mixture = Forecasts::normal_mixture(&[0.3, 0.7], &[0.0; 2], &[1.0; 2]).unwrap().crps(&[0.7]).unwrap()[0];
        assert!((mixture - normal).abs() < 1e-15);
        // Far away it is the distance less the half mean difference.
        let far = Forecasts::normal(&[0.0], &[1.0]).unwrap().crps(&[-1e6]).unwrap()[0];
        assert!((far - 1e6 + 1.0 / PI.sqrt()).abs() < 1e-9);
        assert_eq!(Forecasts::student_t(&[1.0], &[0.0], &[1.0]).unwrap().crps(&[0.0]).unwrap(), [f64::INFINITY]);
    }

    #[test]
    fn bad_targets_are_named() {
        let error = Forecasts::normal(&[0.0], &[1.0]).unwrap().crps(&[0.0, 1.0]).unwrap_err();
        assert_eq!(error.to_string(), "targets: expected 1 values, found 2");
    }
}

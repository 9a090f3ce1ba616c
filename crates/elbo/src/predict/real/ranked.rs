//! The continuous ranked probability score of a [`Mixture`], `E|Y - y| - ∫ F(x) (1 - F(x)) dx`: half the mean difference of two
//! draws is the integral.
//!
//! Of normals both parts are closed forms ([`Forecasts::crps`]). With Student's distributions the first is, and the second is
//! taken by the double exponential rule (Takahasi and Mori 1974): equal steps of u, `x = μ + w sinh(π/2 sinh u)`, under which
//! every power of x that can be integrated falls off doubly exponentially.

use super::mixture::{Component, Mixture};
use crate::metric::{Forecasts, mean_size, student_t_size};
use crate::output::special::incomplete_beta::even_cdf;
use core::f64::consts::{FRAC_PI_2, LN_10};

/// Largest `1 / df` of a component whose score is taken.
const TAIL: f64 = 1.0 / 1.1;

/// Relative change at which halving the step ends. The rule's error is then far smaller: its digits double.
const CHANGE: f64 = 1e-7;

/// Halvings of the step.
const HALVINGS: u32 = 10;

impl Mixture {
    /// The continuous ranked probability score at y (Gneiting and Raftery 2007, section 4.2), in the unit of Y, to a relative
    /// error below `1e-6`. `None` with components of 1.1 degrees of freedom or fewer, which have no mean or hardly one, and for
    /// numbers out of range.
    #[must_use]
    pub fn crps(&self, y: f64) -> Option<f64> {
        let tail = self.components().iter().map(|component| component.tail).fold(0.0, f64::max);
        let score = match tail {
            0.0 => self.crps_of_normals(y)?,
            tail if tail < TAIL => self.average(|component| component.distance(y)) - self.half_difference(tail),
            _ => return None,
        };
        score.is_finite().then_some(score.max(0.0))
    }

    fn crps_of_normals(&self, y: f64) -> Option<f64> {
        let total = self.samples();
        let list = |of: &dyn Fn(&Component) -> f64| self.components().iter().map(of).collect::<Vec<f64>>();
        let weights = list(&|component| component.weight / total);
        let (means, stddevs) = (list(&|component| component.loc), list(&Component::scale));
        Some(Forecasts::normal_mixture(&weights, &means, &stddevs).ok()?.crps(&[y]).ok()?[0])
    }

    /// `∫ F (1 - F)`; `tail` is the largest of the components.
    fn half_difference(&self, tail: f64) -> f64 {
        let (centre, scale) = (self.mean(), self.average(Component::scale));
        let width = (self.epistemic_variance() + self.average(|component| component.square)).sqrt();
        let term = |u: f64| {
            let v = FRAC_PI_2 * u.sinh();
            let away = width * v.sinh();
            // The smaller of F and 1 - F.
            let sign = if u < 0.0 { 1.0 } else { -1.0 };
            let beyond = self.average(|component| component.roughly_beyond(centre + away, sign));
            width * FRAC_PI_2 * u.cosh() * v.cosh() * beyond * (1.0 - beyond)
        };
        // Beyond 27 widths and what brings x^(1 - df) down to 1e-10.
        let end = ((10.0 * LN_10 / (1.0 / tail - 1.0) + 4.0) / FRAC_PI_2).asinh();
        let steps = 4.0 * end / (scale / width).clamp(0.02, 1.0);
        let mut step = end / steps.ceil();
        let at = |from: f64, by: f64| -> f64 {
            (0..).map(|k| from + by * f64::from(k)).take_while(|u| *u <= end).map(|u| term(u) + term(-u)).sum()
        };
        let mut sum = term(0.0) + at(step, step);
        for _ in 0..HALVINGS {
            let before = sum * step;
            sum += at(0.5 * step, step);
            step *= 0.5;
            if (sum * step - before).abs() <= CHANGE * before.abs() {
                break;
            }
        }
        sum * step
    }
}

impl Component {
    /// As [`beyond`](Self::beyond), but only as precise as the integral needs it: an absolute error of 1e-16 at steps of up to
    /// `e^12` widths, those of 4 degrees of freedom.
    fn roughly_beyond(&self, y: f64, sign: f64) -> f64 {
        let z = sign * (y - self.loc) / self.scale();
        let quick = if self.tail > 0.0 && self.tail <= 0.25 { even_cdf(z, 1.0 / self.tail) } else { None };
        quick.unwrap_or_else(|| self.beyond(y, sign))
    }

    /// `E|Y - y|`.
    fn distance(&self, y: f64) -> f64 {
        let (scale, away) = (self.scale(), y - self.loc);
        if self.tail == 0.0 { mean_size(away, scale) } else { scale * student_t_size(away / scale, 1.0 / self.tail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() <= tolerance * b.abs()
    }

    fn mixture(parts: &[(f64, f64, f64)]) -> Mixture {
        let mut mixture = Mixture::default();
        for &(loc, scale, tail) in parts {
            mixture.push(loc, scale, tail);
        }
        mixture
    }

    /// Levels of equal steps of t that crowd towards the ends, where quantiles run away: `p = 3 t² - 2 t³`.
    fn level(i: u32, steps: u32) -> (f64, f64) {
        let t = (f64::from(i) + 0.5) / f64::from(steps);
        (t * t * (3.0 - 2.0 * t), 6.0 * t * (1.0 - t))
    }

    fn quantile(of: &Component, p: f64) -> f64 {
        mixture(&[(of.loc, of.scale(), of.tail)]).quantile(p)
    }

    #[test]
    fn normals_have_a_closed_form() {
        let parts = [(0.0, 0.5), (2.0, 1.0), (-1.0, 0.2)];
        let (means, stddevs) = (parts.map(|part| part.0), parts.map(|part| part.1));
        let expected = Forecasts::normal_mixture(&[1.0 / 3.0; 3], &means, &stddevs).unwrap().crps(&[0.3]).unwrap();
        let mixture = mixture(&parts.map(|(loc, scale)| (loc, scale, 0.0)));
        assert!(close(mixture.crps(0.3).unwrap(), expected[0], 1e-12));
        // The integral agrees with it.
        let other = mixture.average(|component| component.distance(0.3)) - mixture.half_difference(0.5);
        assert!(close(other, expected[0], 1e-6), "{other} for {expected:?}");
    }

    #[test]
    fn one_student_has_a_closed_form() {
        for df in [1.2, 2.0, 4.0, 4.5, 30.0, 1e3] {
            for y in [-100.0, 0.3, 2.0, 5.0] {
                let expected = Forecasts::student_t(&[df], &[0.3], &[0.8]).unwrap().crps(&[y]).unwrap()[0];
                let found = mixture(&[(0.3, 0.8, 1.0 / df)]).crps(y).unwrap();
                assert!(close(found, expected, 1e-6), "{df} at {y}: {found} for {expected}");
                // Equal components are one.
                let found = mixture(&[(0.3, 0.8, 1.0 / df); 300]).crps(y).unwrap();
                assert!(close(found, expected, 1e-6), "300 of {df} at {y}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn distributions_without_a_mean_have_none() {
        assert_eq!(mixture(&[(0.0, 1.0, 0.25), (0.0, 1.0, 1.0)]).crps(0.0), None);
        assert_eq!(mixture(&[(0.0, 1.0, 0.25)]).crps(f64::NAN), None);
        assert_eq!(mixture(&[(0.0, f64::INFINITY, 0.25)]).crps(0.0), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20) })]

        /// `2 ∫ pinball_p(F⁻¹(p), y) dp`, by the midpoint rule.
        #[test]
        fn it_is_twice_the_integral_of_the_pinball_loss(
            parts in prop::collection::vec((-5.0_f64..5.0, 0.01_f64..2.0, 0.0_f64..0.4), 1..8), y in -20.0_f64..20.0,
        ) {
            let mixture = mixture(&parts);
            let levels = 4000_u32;
            let loss = |i: u32| {
                let (p, weight) = level(i, levels);
                let quantile = mixture.quantile(p);
                weight * if y >= quantile { p * (y - quantile) } else { (1.0 - p) * (quantile - y) }
            };
            let expected = 2.0 * (0..levels).map(loss).sum::<f64>() / f64::from(levels);
            let found = mixture.crps(y).unwrap();
            prop_assert!(close(found, expected, 2e-3), "{} for {}", found, expected);
        }

        /// However far the components lie apart, and however narrow they are, half the steps change nothing.
        #[test]
        fn narrow_components_are_not_stepped_over(
            parts in prop::collection::vec((-50.0_f64..50.0, 0.05_f64..5.0), 1..6), loc in -10.0_f64..10.0, scale in 1e-6_f64..1e6,
        ) {
            let mixture = mixture(&parts.iter().map(|&(loc, scale)| (loc, scale, 0.25)).collect::<Vec<_>>());
            // Σ_ab w_a w_b E|X_a - X_b| / 2 by a fine rule over every component's own range.
            let by_components = mixture.average(|a| {
                let steps = 500_u32;
                let inner = |i: u32| {
                    let (p, weight) = level(i, steps);
                    weight * mixture.average(|b| b.distance(quantile(a, p)))
                };
                (0..steps).map(inner).sum::<f64>() / f64::from(steps)
            });
            let found = mixture.half_difference(0.25);
            prop_assert!(close(found, 0.5 * by_components, 1e-3), "{} for {}", found, 0.5 * by_components);
            let y = 1.5;
            let moved = mixture.clone().scaled(loc, scale).crps(loc + scale * y).unwrap();
            prop_assert!(close(moved, scale * mixture.crps(y).unwrap(), 1e-6));
        }
    }
}

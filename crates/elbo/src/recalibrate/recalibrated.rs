//! A recalibrated predictive distribution of one real number: all that its scores need.
//!
//! A factor of the variance stretches the distribution about its mean, `μ + s (Y - μ)`, which is such a [`Mixture`] again. A
//! map of levels makes `F' = R ∘ F`, with density `R'(F(y)) f(y)` and quantiles `Q'(p) = Q(R⁻¹(p))`; its moments and its
//! ranked probability score are integrals over p, taken by the midpoint rule at `p = ½/100, 3/2/100, ..`:
//! `E Y' = ∫ Q'(p) dp`, `CRPS = 2 ∫ pinball_p(Q'(p), y) dp`.

use super::quantile::QuantileRecalibration;
use super::real::RealCalibration;
use crate::metric::{count, mean};
use crate::predict::Mixture;
use std::borrow::Cow;
use std::cell::OnceCell;

/// Levels of the integrals.
const LEVELS: usize = 100;

/// Cells between the first and the last of their quantiles, in which the distribution function is taken for linear: a solution
/// of `F'(y) = p` for every level would take six times as long.
const CELLS: usize = 200;

/// A prediction as a [`RealCalibration`] leaves it.
///
/// ```
/// use elbo::predict::Mixture;
/// use elbo::recalibrate::{RealCalibration, VarianceScaling};
/// let mut prediction = Mixture::default();
/// prediction.push_normal(5.0, 1.0);
/// let errors = [3.0, -3.0]; // three standard deviations
/// let map = RealCalibration::Variance(VarianceScaling::fit(&[0.0; 2], &[1.0; 2], &errors, 1)?);
/// let recalibrated = map.of(&prediction);
/// let (low, high) = recalibrated.interval(0.9);
/// assert!((high - 5.0 - 3.0 * 1.6448536).abs() < 1e-6 && (low + high - 10.0).abs() < 1e-9);
/// assert_eq!(recalibrated.moments(), (5.0, 9.0));
/// # Ok::<(), elbo::recalibrate::RecalibrationError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recalibrated<'a> {
    form: Form<'a>,
    /// Quantiles at the middles of the levels, once they are asked for.
    quantiles: OnceCell<Vec<f64>>,
}

#[derive(Clone, Debug)]
enum Form<'a> {
    Mixture(Cow<'a, Mixture>),
    Levels(&'a QuantileRecalibration, &'a Mixture),
}

impl RealCalibration {
    /// What becomes of a prediction.
    #[must_use]
    pub fn of<'a>(&'a self, distribution: &'a Mixture) -> Recalibrated<'a> {
        let form = match self {
            Self::Identity => Form::Mixture(Cow::Borrowed(distribution)),
            Self::Quantile(map) => Form::Levels(map, distribution),
            Self::Variance(map) => {
                let scale = map.factor(distribution.variance()).sqrt();
                let loc = (1.0 - scale) * distribution.mean();
                Form::Mixture(Cow::Owned(distribution.clone().scaled(loc, scale)))
            }
        };
        Recalibrated { form, quantiles: OnceCell::new() }
    }
}

impl Recalibrated<'_> {
    /// The y with `Pr(Y <= y) = p`.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        match &self.form {
            Form::Mixture(distribution) => distribution.quantile(p),
            Form::Levels(map, distribution) => distribution.quantile(map.quantile_level(p)),
        }
    }

    /// Ends of the central interval that holds Y with probability `level`.
    #[must_use]
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let tail = 0.5 * (1.0 - level);
        (self.quantile(tail), self.quantile(1.0 - tail))
    }

    /// `Pr(Y <= y)`.
    #[must_use]
    pub fn cdf(&self, y: f64) -> f64 {
        match &self.form {
            Form::Mixture(distribution) => distribution.cdf(y),
            Form::Levels(map, distribution) => map.apply(distribution.cdf(y)),
        }
    }

    /// `ln p(y)` in nats. Of a map of levels it is as noisy as
    /// [`density_factor`](QuantileRecalibration::density_factor).
    #[must_use]
    pub fn log_density(&self, y: f64) -> f64 {
        match &self.form {
            Form::Mixture(distribution) => distribution.log_density(y),
            Form::Levels(map, distribution) => {
                distribution.log_density(y) + map.density_factor(distribution.cdf(y)).ln()
            }
        }
    }

    /// Mean and variance; of a map of levels by the midpoint rule, which leaves out the far half percent of each tail.
    #[must_use]
    pub fn moments(&self) -> (f64, f64) {
        match &self.form {
            Form::Mixture(distribution) => (distribution.mean(), distribution.variance()),
            Form::Levels(..) => {
                let quantiles = self.quantiles();
                let centre = mean(quantiles);
                (centre, mean(&quantiles.iter().map(|y| (y - centre).powi(2)).collect::<Vec<_>>()))
            }
        }
    }

    /// The continuous ranked probability score at y, in the unit of Y: as [`Mixture::crps`], or, of a map of levels, by the
    /// midpoint rule.
    #[must_use]
    pub fn crps(&self, y: f64) -> Option<f64> {
        match &self.form {
            Form::Mixture(distribution) => distribution.crps(y),
            Form::Levels(..) => {
                let losses = middles().zip(self.quantiles()).map(|(p, &q)| pinball(p, q, y));
                Some(2.0 * losses.sum::<f64>() / count(LEVELS))
            }
        }
    }

    /// The mean pinball loss of the quantiles at these levels.
    pub(super) fn mean_pinball(&self, levels: &[f64], y: f64) -> f64 {
        mean(&levels.iter().map(|&p| pinball(p, self.quantile(p), y)).collect::<Vec<_>>())
    }

    fn quantiles(&self) -> &[f64] {
        self.quantiles.get_or_init(|| {
            let [low, high] = [0, LEVELS - 1].map(|i| self.quantile(middle(i)));
            let at = |cells: f64| low + (high - low) / count(CELLS) * cells;
            let levels: Vec<f64> = (0..=CELLS).map(|cell| self.cdf(at(count(cell)))).collect();
            middles().map(|p| at(place(&levels, p))).collect()
        })
    }
}

/// Whether all quantiles that are asked for here are finite, as those of the predictions are, and those of 2.5 % and 97.5 %
/// are not just as far out as a distribution function can tell.
pub(super) fn is_finite(map: &QuantileRecalibration) -> bool {
    let is_known = map.quantile_level(0.975) < 1.0_f64.next_down().next_down();
    is_known && middles().map(|p| map.quantile_level(p)).all(|level| level > 0.0 && level < 1.0)
}

/// The middles of the levels.
fn middles() -> impl Iterator<Item = f64> {
    (0..LEVELS).map(middle)
}

fn middle(i: usize) -> f64 {
    (count(i) + 0.5) / count(LEVELS)
}

/// Where rising values reach `p`, in cells from the first value.
fn place(values: &[f64], p: f64) -> f64 {
    let next = values.partition_point(|&value| value < p).clamp(1, values.len() - 1);
    let (below, above) = (values[next - 1], values[next]);
    let share = if above > below { (p - below) / (above - below) } else { 0.5 };
    count(next - 1) + share.clamp(0.0, 1.0)
}

fn pinball(p: f64, quantile: f64, y: f64) -> f64 {
    if y >= quantile { p * (y - quantile) } else { (1.0 - p) * (quantile - y) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recalibrate::VarianceScaling;
    use proptest::prelude::*;

    fn mixture(parts: &[(f64, f64)]) -> Mixture {
        let mut mixture = Mixture::default();
        for &(loc, scale) in parts {
            mixture.push_normal(loc, scale);
        }
        mixture
    }

    fn parts() -> impl Strategy<Value = Vec<(f64, f64)>> {
        prop::collection::vec((-5.0_f64..5.0, 0.1_f64..2.0), 1..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

        /// Quantiles invert the distribution function, whose slope is the density.
        #[test]
        fn the_forms_of_a_distribution_agree(
            parts in parts(), pit in prop::collection::vec(0.001_f64..0.999, 1..20), p in 0.01_f64..0.99, factor in 0.1_f64..9.0,
        ) {
            let distribution = mixture(&parts);
            let levels = QuantileRecalibration::fit(&pit).unwrap();
            let variance = VarianceScaling::fit(&[0.0], &[1.0], &[factor.sqrt()], 1).unwrap();
            for map in [RealCalibration::Identity, RealCalibration::Quantile(levels), RealCalibration::Variance(variance)] {
                let recalibrated = map.of(&distribution);
                let y = recalibrated.quantile(p);
                prop_assert!((recalibrated.cdf(y) - p).abs() < 1e-8, "{:?}", map);
                let direct = map.quantile(p, (distribution.mean(), distribution.variance()), |p| distribution.quantile(p));
                prop_assert!((y - direct).abs() < 1e-8 * y.abs().max(1.0), "{} and {}", y, direct);
                let h = 1e-7;
                let [below, above] = [y - h, y + h].map(|y| recalibrated.log_density(y));
                let slope = (recalibrated.cdf(y + h) - recalibrated.cdf(y - h)) / (2.0 * h);
                // At a knot of the levels the density jumps.
                if (below - above).abs() < 1e-3 {
                    let density = recalibrated.log_density(y).exp();
                    prop_assert!((slope - density).abs() < 1e-4 * density.max(1.0), "{} and {}", slope, density);
                }
            }
        }

        /// Quantiles of all levels are no further than a cell from the solutions, and in their order.
        #[test]
        fn cells_hold_the_quantiles(parts in parts(), pit in prop::collection::vec(0.001_f64..0.999, 1..20)) {
            let distribution = mixture(&parts);
            let map = RealCalibration::Quantile(QuantileRecalibration::fit(&pit).unwrap());
            let recalibrated = map.of(&distribution);
            let found = recalibrated.quantiles();
            let cell = (found[LEVELS - 1] - found[0]) / count(CELLS);
            prop_assert!(cell > 0.0 && found.is_sorted());
            for (p, y) in middles().zip(found) {
                let solved = recalibrated.quantile(p);
                prop_assert!((y - solved).abs() <= 1.001 * cell, "{} for {} of {}", y, solved, p);
            }
        }

        /// Levels that stay as they are: the integrals are near those that are exact.
        #[test]
        fn integrals_are_those_of_the_distribution(parts in parts(), y in -8.0_f64..8.0) {
            let distribution = mixture(&parts);
            let pit: Vec<f64> = (1..=9999).map(|i| f64::from(i) / 10_000.0).collect();
            let map = RealCalibration::Quantile(QuantileRecalibration::fit(&pit).unwrap());
            let recalibrated = map.of(&distribution);
            let (stddev, (mean, variance)) = (distribution.variance().sqrt(), recalibrated.moments());
            prop_assert!((mean - distribution.mean()).abs() < 0.01 * stddev, "{}", mean);
            prop_assert!((variance.sqrt() / stddev - 1.0).abs() < 0.03, "{} for {}", variance, stddev);
            let (found, exact) = (recalibrated.crps(y).unwrap(), distribution.crps(y).unwrap());
            prop_assert!((found - exact).abs() < 0.01 * stddev, "{} for {}", found, exact);
        }
    }

    #[test]
    fn places_are_within_the_values() {
        let values = [0.25, 0.5, 0.5, 1.0];
        let expected = [(0.0, 0.0), (0.25, 0.0), (0.375, 0.5), (0.5, 1.0), (0.75, 2.5), (1.0, 3.0), (2.0, 3.0)];
        assert!(expected.iter().all(|&(p, at)| place(&values, p) == at));
        assert_eq!(place(&[0.5, 0.5], 0.7), 0.5);
    }

    #[test]
    fn targets_beyond_everything_are_noticed() {
        let fit = |pit: &[f64]| QuantileRecalibration::fit(pit).unwrap();
        assert!(is_finite(&fit(&[0.1, 0.9])) && is_finite(&fit(&[1e-300, 0.5])));
        assert!(!is_finite(&fit(&[0.0, 0.5])) && !is_finite(&fit(&[0.5, 1.0])));
        assert!(!is_finite(&fit(&[1.0; 10])) && !is_finite(&fit(&[7.6e-24, 1.0].repeat(5))));
        // One of three hundred does no harm, ten of them do.
        let of = |beyond: usize| fit(&[vec![0.5; 300 - beyond], vec![1.0; beyond]].concat());
        assert!(is_finite(&of(1)) && !is_finite(&of(10)));
        assert!(!is_finite(&fit(&[1.0_f64.next_down(), 1.0])));
    }
}

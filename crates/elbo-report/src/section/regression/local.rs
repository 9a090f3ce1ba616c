//! Computations that only the report needs today; `elbo::metric` takes them over when it has them.
//!
//! A run keeps mean and standard deviation of each prediction; what is computed here takes it for a normal with these
//! moments, as the run's own intervals do.

use crate::error::Result;
use crate::number::{count, mean};
use crate::read::Reals;
use crate::section::local::wilson;
use elbo::metric::coverage;

/// Levels of the coverage table, and the quantiles of the standard normal that belong to them: `Φ⁻¹((1 + level) / 2)`.
pub const LEVELS: [(f64, f64); 6] = [
    (0.5, 0.674_489_750_196_081_7),
    (0.8, 1.281_551_565_544_600_4),
    (0.9, 1.644_853_626_951_472_2),
    (0.95, 1.959_963_984_540_054),
    (0.98, 2.326_347_874_040_840_8),
    (0.99, 2.575_829_303_548_901),
];

/// How often intervals of one level hold the target.
#[derive(Clone, Copy, Debug)]
pub struct Covered {
    /// What was promised.
    pub level: f64,
    /// What was found.
    pub share: f64,
    /// Wilson's 95 % interval of it.
    pub interval: (f64, f64),
    /// Mean width of the intervals, in the target's unit.
    pub width: f64,
}

/// Coverage at every level.
pub fn coverages(reals: &Reals) -> Result<Vec<Covered>> {
    LEVELS.iter().map(|&(level, z)| covered(reals, level, z)).collect()
}

fn covered(reals: &Reals, level: f64, z: f64) -> Result<Covered> {
    let end = |sign: f64| ends(reals, sign * z);
    let share = coverage(&end(-1.0), &end(1.0), &reals.targets)?;
    let n = count(reals.targets.len());
    Ok(Covered { level, share, interval: wilson(share * n, n), width: 2.0 * z * mean(&reals.stddev) })
}

/// `mean + z stddev` of every example.
fn ends(reals: &Reals, z: f64) -> Vec<f64> {
    reals.mean.iter().zip(&reals.stddev).map(|(mean, stddev)| mean + z * stddev).collect()
}

/// `(y - mean) / stddev` of every example: standard normal if the predictions are right.
pub fn standardized(reals: &Reals) -> Vec<f64> {
    (0..reals.targets.len())
        .map(|i| (reals.targets[i] - reals.mean[i]) / reals.stddev[i].max(f64::MIN_POSITIVE))
        .collect()
}

/// `Φ((y - mean) / stddev)` of every example (Dawid 1984): uniform between 0 and 1 if the predictions are right.
pub fn integral_transform(reals: &Reals) -> Vec<f64> {
    standardized(reals).into_iter().map(normal_cdf).collect()
}

fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * core::f64::consts::FRAC_1_SQRT_2)
}

/// Counts of a bin that holds an example with chance `p`, of `n`: the normal approximation of the central 95 %.
pub fn expected_counts(n: usize, p: f64) -> (f64, f64) {
    let (centre, spread) = (count(n) * p, (count(n) * p * (1.0 - p)).sqrt());
    ((centre - 1.96 * spread).max(0.0), centre + 1.96 * spread)
}

/// Part of the targets' variance that the predicted means explain: `1 - Σ (y - mean)² / Σ (y - ȳ)²`; `None` if all targets
/// are equal.
pub fn explained(reals: &Reals) -> Option<f64> {
    let centre = mean(&reals.targets);
    let squares = |of: &dyn Fn(usize) -> f64| (0..reals.targets.len()).map(|i| of(i).powi(2)).sum::<f64>();
    let (left, all) = (squares(&|i| reals.targets[i] - reals.mean[i]), squares(&|i| reals.targets[i] - centre));
    (all > 0.0).then(|| 1.0 - left / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reals(targets: &[f64]) -> Reals {
        let n = targets.len();
        Reals { targets: targets.to_vec(), mean: vec![0.0; n], stddev: vec![1.0; n], ..Reals::default() }
    }

    #[test]
    fn levels_and_quantiles_belong_together() {
        for (level, z) in LEVELS {
            assert!((2.0 * normal_cdf(z) - 1.0 - level).abs() < 1e-14, "{level}");
        }
    }

    #[test]
    fn coverage_by_hand() {
        let found = coverages(&reals(&[0.0, 1.0, -1.5, 3.0])).unwrap();
        assert_eq!(found.iter().map(|c| c.share).collect::<Vec<_>>(), [0.25, 0.5, 0.75, 0.75, 0.75, 0.75]);
        assert!((found[2].width - 2.0 * LEVELS[2].1).abs() < 1e-15);
    }

    #[test]
    fn the_transform_of_a_median_is_a_half() {
        let pit = integral_transform(&reals(&[0.0, 1.959_963_984_540_054, f64::MIN]));
        assert!((pit[0] - 0.5).abs() < 1e-15 && (pit[1] - 0.975).abs() < 1e-12 && pit[2] == 0.0);
        assert_eq!((explained(&reals(&[1.0, 1.0])), explained(&reals(&[-1.0, 1.0]))), (None, Some(0.0)));
    }
}

//! The settings of a training run.

use crate::error::{Error, Result};
use crate::objective::KlAnnealing;
use serde::{Deserialize, Serialize};

/// Most epochs, and most examples of a step: their product with a data set still fits into a counter.
const MAX_COUNT: usize = 1_000_000_000;

/// How the learning rate falls over a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// It does not.
    Constant,
    /// Half a cosine from the full rate to 0 (Loshchilov and Hutter 2017, without restarts).
    #[default]
    Cosine,
}

/// How a model is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Passes over the training part.
    pub epochs: usize,
    /// Examples of a step.
    pub batch_size: usize,
    /// Adam's step size at its highest.
    pub learning_rate: f64,
    /// How the step size falls.
    pub schedule: Schedule,
    /// Weight β of the divergence; 1 is the ELBO.
    pub kl_weight: f64,
    /// How the divergence's weight grows.
    pub annealing: KlAnnealing,
    /// Weight samples S of a step.
    pub samples: usize,
    /// Seed of initial values, order and noise.
    pub seed: u64,
    /// Part of the training data that is held out for validation.
    pub validation_fraction: f64,
    /// Part of the training data that is kept for recalibration and conformal prediction: neither trained on nor used
    /// for validation.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calibration_fraction: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the signature that serde calls
fn is_zero(fraction: &f64) -> bool {
    *fraction == 0.0
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            epochs: 300,
            batch_size: 16,
            learning_rate: 2e-3,
            schedule: Schedule::Cosine,
            kl_weight: 1.0,
            annealing: KlAnnealing::None,
            samples: 1,
            seed: 1,
            validation_fraction: 0.1,
            calibration_fraction: 0.0,
        }
    }
}

impl TrainingConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] naming the first that is not allowed.
    pub fn check(&self) -> Result<()> {
        const OWNER: &str = "training";
        let limit = crate::noise::SAMPLES_PER_PASS;
        let fail = |argument, expected: &str, found: &dyn core::fmt::Display| {
            Err(Error::argument(OWNER, argument, expected, found))
        };
        for (argument, count) in [("epochs", self.epochs), ("batch_size", self.batch_size)] {
            if !(1..=MAX_COUNT).contains(&count) {
                return fail(argument, &format!("between 1 and {MAX_COUNT}"), &count);
            }
        }
        if !(1..=limit).contains(&(self.samples as u64)) {
            return fail("samples", &format!("between 1 and {limit}"), &self.samples);
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return fail("learning_rate", "positive and finite", &self.learning_rate);
        }
        if !(self.kl_weight.is_finite() && self.kl_weight >= 0.0) {
            return fail("kl_weight", "finite and not negative", &self.kl_weight);
        }
        if !(0.0..1.0).contains(&self.validation_fraction) {
            return fail("validation_fraction", "at least 0 and below 1", &self.validation_fraction);
        }
        if !(0.0..1.0 - self.validation_fraction).contains(&self.calibration_fraction) {
            let expected = format!("at least 0 and below 1 - {} (validation_fraction)", self.validation_fraction);
            return fail("calibration_fraction", &expected, &self.calibration_fraction);
        }
        match self.annealing {
            KlAnnealing::Linear { fraction } if !(fraction > 0.0 && fraction <= 1.0) => {
                fail("annealing.fraction", "above 0 and at most 1", &fraction)
            }
            KlAnnealing::Cyclical { cycles: 0 } => fail("annealing.cycles", "at least 1", &0),
            _ => Ok(()),
        }
    }

    /// The learning rate after `progress`, the part of the run that is done, in `[0, 1]`.
    #[must_use]
    pub fn learning_rate_at(&self, progress: f64) -> f64 {
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::Cosine => 0.5 * self.learning_rate * (1.0 + (core::f64::consts::PI * progress).cos()),
        }
    }

    /// The weight of the divergence after `progress`.
    #[must_use]
    pub fn kl_weight_at(&self, progress: f64) -> f64 {
        self.kl_weight * self.annealing.factor(progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_setting_is_named() {
        let good = TrainingConfig::default;
        let cases = [
            (TrainingConfig { epochs: 0, ..good() }, "training: `epochs` must be between 1 and 1000000000, found 0"),
            (
                TrainingConfig { learning_rate: f64::NAN, ..good() },
                "training: `learning_rate` must be positive and finite, found NaN",
            ),
            (
                TrainingConfig { kl_weight: -1.0, ..good() },
                "training: `kl_weight` must be finite and not negative, found -1",
            ),
            (
                TrainingConfig { calibration_fraction: 0.95, ..good() },
                "training: `calibration_fraction` must be at least 0 and below 1 - 0.1 (validation_fraction), found 0.95",
            ),
            (
                TrainingConfig { validation_fraction: 1.0, ..good() },
                "training: `validation_fraction` must be at least 0 and below 1, found 1",
            ),
            (
                TrainingConfig { annealing: KlAnnealing::Cyclical { cycles: 0 }, ..good() },
                "training: `annealing.cycles` must be at least 1, found 0",
            ),
            (TrainingConfig { samples: 0, ..good() }, "training: `samples` must be between 1 and 16777216, found 0"),
        ];
        for (config, message) in cases {
            assert_eq!(config.check().unwrap_err().to_string(), message);
        }
        good().check().unwrap();
    }

    #[test]
    fn the_cosine_falls_from_the_full_rate_to_nothing() {
        let config = TrainingConfig { learning_rate: 0.5, ..TrainingConfig::default() };
        let rates: Vec<f64> = (0..=10).map(|i| config.learning_rate_at(f64::from(i) / 10.0)).collect();
        assert!((rates[0] - 0.5).abs() < 1e-12 && (rates[5] - 0.25).abs() < 1e-12 && rates[10] < 1e-12);
        assert!(rates.windows(2).all(|pair| pair[1] < pair[0]));
    }
}

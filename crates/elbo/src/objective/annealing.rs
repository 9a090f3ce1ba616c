//! Warming up the divergence: the weights first find the data, then pay for what they know.

use serde::{Deserialize, Serialize};

/// How the KL weight grows over a run. The last value is always the full weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum KlAnnealing {
    /// The full weight from the first step.
    #[default]
    None,
    /// From 0 to the full weight over the first `fraction` of all steps (Bowman et al. 2016).
    Linear {
        /// Part of the run, in `(0, 1]`.
        fraction: f64,
    },
    /// `cycles` ramps from 0, each followed by as many steps at the full weight (Fu et al. 2019).
    Cyclical {
        /// Number of cycles, at least 1.
        cycles: u32,
    },
}

impl KlAnnealing {
    /// The factor on the KL weight after `progress`, the part of the run that is done, in `[0, 1]`.
    #[must_use]
    pub fn factor(&self, progress: f64) -> f64 {
        match self {
            Self::Linear { fraction } if *fraction > 0.0 => (progress / fraction).clamp(0.0, 1.0),
            // A ramp of no length is none: 0 / 0 would hide in the loss.
            Self::None | Self::Linear { .. } => 1.0,
            Self::Cyclical { cycles } => {
                if progress >= 1.0 {
                    return 1.0;
                }
                let position = (progress * f64::from(*cycles)).fract();
                (2.0 * position).min(1.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramps_end_at_the_full_weight() {
        for annealing in [KlAnnealing::None, KlAnnealing::Linear { fraction: 0.4 }, KlAnnealing::Cyclical { cycles: 3 }]
        {
            assert!((annealing.factor(1.0) - 1.0).abs() < 1e-12, "{annealing:?}");
            for i in 0..=100 {
                let factor = annealing.factor(f64::from(i) / 100.0);
                assert!((0.0..=1.0).contains(&factor), "{annealing:?} at {i} %: {factor}");
            }
        }
        assert!((KlAnnealing::Linear { fraction: 0.5 }.factor(0.25) - 0.5).abs() < 1e-12);
        assert!((KlAnnealing::Cyclical { cycles: 2 }.factor(0.625) - 0.5).abs() < 1e-12);
    }
}

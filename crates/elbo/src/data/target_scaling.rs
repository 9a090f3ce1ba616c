//! Scaling of real targets, and back.

use super::dataset::Dataset;
use super::scaling::{Moments, Scaler};
use serde::{Deserialize, Serialize};

/// The scaling of real targets to mean 0 and variance 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetScaler {
    /// Mean of the training targets.
    pub loc: f64,
    /// Standard deviation of the training targets; 1 if they are all equal.
    pub scale: f64,
}

impl TargetScaler {
    /// Targets stay as they are.
    pub const NEUTRAL: Self = Self { loc: 0.0, scale: 1.0 };

    /// The scaling for the training targets `targets`, which are finite; without any, nothing is scaled.
    #[must_use]
    pub fn fit(targets: &[f64]) -> Self {
        let Moments { loc, scale } = Moments::of(targets.iter().copied());
        Self { loc, scale }
    }

    /// `(y - loc) / scale`.
    #[must_use]
    pub fn forward(&self, y: f64) -> f64 {
        (y - self.loc) / self.scale
    }

    /// `loc + scale z`, in the units of the targets.
    #[must_use]
    pub fn inverse(&self, z: f64) -> f64 {
        self.loc + self.scale * z
    }
}

/// How the targets of a data set are scaled for the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TargetScaling {
    /// Not at all.
    #[default]
    None,
    /// All alike.
    Same(TargetScaler),
    /// What follows a series, as the series: scalers `[N, V]` of the V variables that are forecast.
    PerExample {
        /// V.
        variables: usize,
        /// A scaler for each variable of each example.
        scalers: Vec<TargetScaler>,
    },
}

impl TargetScaling {
    /// What follows the series of `data`, whose first `variables` channels are forecast, scaled as they are by `scaler`.
    #[must_use]
    pub fn following(scaler: &Scaler, data: &Dataset, variables: usize) -> Self {
        let of = |example| (0..variables).map(move |c| scaler.of_channel(example, c));
        Self::PerExample { variables, scalers: data.examples.iter().flat_map(of).collect() }
    }

    /// The scaler of target value `element` of example `i`; the values of a horizon are `[H, V]`, row-major.
    ///
    /// # Panics
    /// If there is no such example.
    #[must_use]
    pub fn of(&self, i: usize, element: usize) -> TargetScaler {
        match self {
            Self::None => TargetScaler::NEUTRAL,
            Self::Same(scaler) => *scaler,
            Self::PerExample { variables, scalers } => scalers[i * variables + element % variables],
        }
    }
}

impl From<Option<TargetScaler>> for TargetScaling {
    fn from(scaler: Option<TargetScaler>) -> Self {
        scaler.map_or(Self::None, Self::Same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Example, Labels, ScalingKind};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn targets_come_back(targets in prop::collection::vec(-1e6_f64..1e6, 1..20)) {
            let scaler = TargetScaler::fit(&targets);
            for y in targets {
                prop_assert!((scaler.inverse(scaler.forward(y)) - y).abs() <= 1e-9);
            }
        }
    }

    #[test]
    fn target_moments() {
        assert_eq!(TargetScaler::fit(&[1.0, 3.0]), TargetScaler { loc: 2.0, scale: 1.0 });
        assert_eq!(TargetScaler::fit(&[0.1, 0.1, 0.1]), TargetScaler { loc: 0.1, scale: 1.0 });
        assert_eq!(TargetScaler::fit(&[]), TargetScaler::NEUTRAL);
    }

    #[test]
    fn a_horizon_is_scaled_as_its_window() {
        let example = |values: &[f32]| Example { id: "w".into(), values: values.to_vec() };
        let examples = vec![example(&[0.0, 5.0, 9.0, 2.0, 9.0, 9.0]), example(&[4.0, 1.0, 0.0, 8.0, 1.0, 0.0])];
        let data = Dataset { name: "set".into(), channels: 3, examples, labels: Labels::None };
        let scaler = Scaler::fit(ScalingKind::PerSeries, &data).unwrap();
        let scaling = TargetScaling::following(&scaler, &data, 2);
        assert_eq!(scaling.of(0, 0), TargetScaler { loc: 1.0, scale: 1.0 });
        assert_eq!(scaling.of(0, 3), TargetScaler { loc: 7.0, scale: 2.0 }, "step 1 of variable 1");
        assert_eq!(scaling.of(1, 2), TargetScaler { loc: 6.0, scale: 2.0 });
        assert_eq!(TargetScaling::from(None).of(7, 7), TargetScaler::NEUTRAL);
    }
}

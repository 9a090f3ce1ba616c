//! Scaling of series and targets: `(x - loc) / scale`.
//!
//! What is fitted is fitted on the training part alone; other parts are scaled by the same numbers. Missing values are
//! left out of every moment and filled after scaling: linearly in time between their neighbours, with the nearest value
//! at the ends, and with 0, the mean, where a channel of a series is wholly missing.

use super::dataset::{Dataset, Example};
use super::error::{DataError, Place};
use serde::{Deserialize, Serialize};

/// What is brought to mean 0 and standard deviation 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalingKind {
    /// Nothing: values stay as they are.
    None,
    /// Every channel of every series by its own moments.
    PerSeries,
    /// Every channel by its moments in the training part.
    PerChannel,
}

/// A scaling of series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaler {
    /// What is scaled.
    pub kind: ScalingKind,
    /// Mean of each channel `[C]`; zeros unless the kind is `PerChannel`.
    pub loc: Vec<f64>,
    /// Standard deviation of each channel `[C]`, 1 for a constant one; ones unless the kind is `PerChannel`.
    pub scale: Vec<f64>,
}

/// A scaling of real targets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetScaler {
    /// Mean of the training targets.
    pub loc: f64,
    /// Their standard deviation; 1 if they are all equal.
    pub scale: f64,
}

impl Scaler {
    /// Fits a scaling on the training part.
    ///
    /// # Errors
    /// [`DataError::NoExamples`].
    pub fn fit(kind: ScalingKind, training: &Dataset) -> Result<Self, DataError> {
        if training.is_empty() {
            return Err(DataError::NoExamples { origin: training.name.clone() });
        }
        let moments = |c| match kind {
            ScalingKind::PerChannel => moments(training.examples.iter().flat_map(|e| channel(e, c, training.channels))),
            ScalingKind::None | ScalingKind::PerSeries => (0.0, 1.0),
        };
        let (loc, scale) = (0..training.channels).map(moments).unzip();
        Ok(Self { kind, loc, scale })
    }

    /// The series scaled and without missing values; labels stay.
    ///
    /// # Errors
    /// [`DataError::Mismatch`] for another number of channels.
    pub fn apply(&self, data: &Dataset) -> Result<Dataset, DataError> {
        if data.channels != self.loc.len() {
            return Err(DataError::Mismatch {
                place: Place::whole(&data.name),
                what: "number of channels",
                expected: format!("{}, as in the training part", self.loc.len()),
                found: data.channels.to_string(),
            });
        }
        let mut scaled = data.clone();
        for example in &mut scaled.examples {
            for c in 0..data.channels {
                self.apply_channel(example, c, data.channels);
            }
        }
        Ok(scaled)
    }

    fn apply_channel(&self, example: &mut Example, c: usize, channels: usize) {
        let (loc, scale) = match self.kind {
            ScalingKind::None => (0.0, 1.0),
            ScalingKind::PerSeries => moments(channel(example, c, channels)),
            ScalingKind::PerChannel => (self.loc[c], self.scale[c]),
        };
        for value in example.values.iter_mut().skip(c).step_by(channels) {
            *value = rounded((f64::from(*value) - loc) / scale);
        }
        fill(&mut example.values, c, channels);
    }
}

impl TargetScaler {
    /// The moments of the training targets.
    #[must_use]
    pub fn fit(targets: &[f64]) -> Self {
        let (loc, scale) = moments(targets.iter().copied());
        Self { loc, scale }
    }

    /// `(y - loc) / scale`
    #[must_use]
    pub fn forward(&self, y: f64) -> f64 {
        (y - self.loc) / self.scale
    }

    /// `loc + scale z`
    #[must_use]
    pub fn inverse(&self, z: f64) -> f64 {
        self.loc + self.scale * z
    }
}

/// The values of channel `c` in time.
fn channel(example: &Example, c: usize, channels: usize) -> impl Iterator<Item = f64> + Clone {
    example.values.iter().skip(c).step_by(channels).map(|&value| f64::from(value))
}

/// Mean and standard deviation of the values that are there; `(0, 1)` if there are none, scale 1 if they are equal.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let present = values.filter(|value| !value.is_nan());
    let (count, sum) = present.clone().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    if count == 0.0 {
        return (0.0, 1.0);
    }
    let mean: f64 = sum / count;
    let variance = present.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    let scale = variance.sqrt();
    // Below this the spread is the rounding of equal values.
    let equal = scale <= 1e-6 * mean.abs() || scale < f64::from(f32::MIN_POSITIVE);
    (mean, if equal { 1.0 } else { scale })
}

/// Fills what is missing in channel `c`.
fn fill(values: &mut [f32], c: usize, channels: usize) {
    let length = values.len() / channels;
    let at = |t: usize| t * channels + c;
    let present: Vec<usize> = (0..length).filter(|&t| !values[at(t)].is_nan()).collect();
    let (Some(&first), Some(&last)) = (present.first(), present.last()) else {
        (0..length).for_each(|t| values[at(t)] = 0.0);
        return;
    };
    (0..first).for_each(|t| values[at(t)] = values[at(first)]);
    (last + 1..length).for_each(|t| values[at(t)] = values[at(last)]);
    for pair in present.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        let (low, high) = (f64::from(values[at(start)]), f64::from(values[at(end)]));
        for t in start + 1..end {
            let part = count(t - start) / count(end - start);
            values[at(t)] = rounded(low + part * (high - low));
        }
    }
}

#[allow(clippy::cast_possible_truncation)] // series are held in single precision
fn rounded(value: f64) -> f32 {
    value as f32
}

#[allow(clippy::cast_precision_loss)] // numbers of time steps
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Labels;
    use proptest::prelude::*;

    fn dataset(channels: usize, series: Vec<Vec<f32>>) -> Dataset {
        let example = |(i, values)| Example { id: format!("{i}"), values };
        Dataset {
            name: "test".into(),
            channels,
            examples: series.into_iter().enumerate().map(example).collect(),
            labels: Labels::None,
        }
    }

    fn values(channels: usize) -> impl Strategy<Value = Dataset> {
        let series = prop::collection::vec(-100.0_f32..100.0, 4 * channels..=9 * channels).prop_map(move |mut values| {
            values.truncate(values.len() / channels * channels);
            values
        });
        prop::collection::vec(series, 2..6).prop_map(move |series| dataset(channels, series))
    }

    proptest! {
        #[test]
        fn training_channels_get_mean_zero_and_variance_one(data in values(2)) {
            let scaled = Scaler::fit(ScalingKind::PerChannel, &data).unwrap().apply(&data).unwrap();
            for c in 0..2 {
                let all = scaled.examples.iter().flat_map(|e| channel(e, c, 2));
                let (mean, scale) = moments(all);
                prop_assert!(mean.abs() < 1e-5 && (scale - 1.0).abs() < 1e-5, "{} {}", mean, scale);
            }
        }

        #[test]
        fn every_series_gets_mean_zero_and_variance_one(data in values(2)) {
            let scaled = Scaler::fit(ScalingKind::PerSeries, &data).unwrap().apply(&data).unwrap();
            for example in &scaled.examples {
                for c in 0..2 {
                    let (mean, scale) = moments(channel(example, c, 2));
                    prop_assert!(mean.abs() < 1e-5 && (scale - 1.0).abs() < 1e-5, "{} {}", mean, scale);
                }
            }
        }

        #[test]
        fn other_parts_are_scaled_by_the_training_moments(data in values(1), other in values(1)) {
            let scaler = Scaler::fit(ScalingKind::PerChannel, &data).unwrap();
            let scaled = scaler.apply(&other).unwrap();
            for (before, after) in other.examples.iter().zip(&scaled.examples) {
                for (x, z) in before.values.iter().zip(&after.values) {
                    prop_assert_eq!(*z, rounded((f64::from(*x) - scaler.loc[0]) / scaler.scale[0]));
                }
            }
        }

        #[test]
        fn settings_survive_their_text(loc: f64, scale in 1e-300_f64..1e300) {
            prop_assume!(loc.is_finite());
            let scaler = Scaler { kind: ScalingKind::PerChannel, loc: vec![loc, 0.1], scale: vec![scale, 1.0 / 3.0] };
            let json = serde_json::to_string(&scaler).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Scaler>(&json).unwrap(), &scaler);
            let toml = toml::to_string(&scaler).unwrap();
            prop_assert_eq!(&toml::from_str::<Scaler>(&toml).unwrap(), &scaler);
        }
    }

    #[test]
    fn missing_values_are_filled_in_time() {
        let gap = f32::NAN;
        let data = dataset(1, vec![vec![gap, 1.0, gap, gap, 4.0, gap], vec![gap, gap]]);
        let scaled = Scaler::fit(ScalingKind::None, &data).unwrap().apply(&data).unwrap();
        assert_eq!(scaled.examples[0].values, [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
        assert_eq!(scaled.examples[1].values, [0.0, 0.0]);
    }

    #[test]
    fn constant_channels_become_zero() {
        let data = dataset(1, vec![vec![0.3; 5], vec![0.3; 7]]);
        for kind in [ScalingKind::PerSeries, ScalingKind::PerChannel] {
            let scaled = Scaler::fit(kind, &data).unwrap().apply(&data).unwrap();
            assert!(scaled.examples.iter().flat_map(|e| &e.values).all(|z| z.abs() < 1e-6), "{kind:?}");
        }
    }

    #[test]
    fn another_number_of_channels_is_refused() {
        let scaler = Scaler::fit(ScalingKind::PerSeries, &dataset(2, vec![vec![1.0, 2.0]])).unwrap();
        let message = scaler.apply(&dataset(1, vec![vec![1.0]])).unwrap_err().to_string();
        assert_eq!(message, "test: number of channels: expected 2, as in the training part, found 1");
    }

    #[test]
    fn targets_come_back() {
        let scaler = TargetScaler::fit(&[1.0, 2.0, 6.0]);
        assert!((scaler.loc - 3.0).abs() < 1e-12 && (scaler.scale - (14.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((scaler.inverse(scaler.forward(7.5)) - 7.5).abs() < 1e-12);
        assert_eq!(TargetScaler::fit(&[2.0, 2.0]), TargetScaler { loc: 2.0, scale: 1.0 });
    }
}

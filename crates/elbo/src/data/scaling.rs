//! Scaling to mean 0 and variance 1, with moments from the training part only, and filling of missing values.
//!
//! ```text
//! z = (x - loc) / scale,   loc = Σ x / n,   scale = sqrt(Σ (x - loc)² / n)
//! ```
//!
//! Sums are over the values that are there. Where they are all equal, or none is there, `scale` is 1.

use super::dataset::{Dataset, Example};
use super::error::{DataError, Place, counted};
use super::target_scaling::TargetScaler;
use serde::{Deserialize, Serialize};

/// Which values share their moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalingKind {
    /// Values stay as they are.
    None,
    /// Each channel of each series has its own: level and spread of a series are not seen by the model.
    #[default]
    PerSeries,
    /// Each channel has its own, from all training series together.
    PerChannel,
    /// Each value of a row has its own, from all training rows together: for tables, whose columns have units of their own.
    /// All rows must have one length, and a missing value becomes the column's mean.
    PerFeature,
    /// As `per_series`, for windows of one series that are forecast from: a window's variance is increased by that of the
    /// training rows times `0.1²`, so that what follows a flat window is not blown up.
    PerWindow,
}

/// The part of the training rows' standard deviation that every window has at least.
const WINDOW_FLOOR: f64 = 0.1;

/// The scaling of the inputs of a model. Part of the model: the same numbers go with it to every later prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaler {
    /// Which values share their moments.
    pub kind: ScalingKind,
    /// What is subtracted, per channel `[C]` (per value of a row `[L, C]` if `kind` is `per_feature`); zeros unless `kind`
    /// is one of these.
    pub loc: Vec<f64>,
    /// What is divided by, as `loc`, if `kind` is `per_channel` or `per_feature`; per channel `[C]` the standard deviation of the training rows if
    /// it is `per_window`; else ones.
    pub scale: Vec<f64>,
}

impl Scaler {
    /// The scaling of `kind` for models of `train`.
    ///
    /// # Errors
    /// [`DataError::NoExamples`] if `train` is empty; [`DataError::NotFinite`] if a value is infinite;
    /// [`DataError::Mismatch`] for rows of unequal lengths if `kind` is `per_feature`.
    pub fn fit(kind: ScalingKind, train: &Dataset) -> Result<Self, DataError> {
        if train.is_empty() {
            return Err(DataError::NoExamples { origin: train.name.clone() });
        }
        train.examples.iter().try_for_each(|example| check_finite(example, &train.name))?;
        let channels = train.channels;
        let moments: Vec<Moments> = match kind {
            ScalingKind::None | ScalingKind::PerSeries => vec![Moments::NEUTRAL; channels],
            ScalingKind::PerChannel => (0..channels).map(|c| channel_moments(train, c)).collect(),
            ScalingKind::PerFeature => {
                let features = train.examples[0].values.len();
                check_features(train, features)?;
                (0..features).map(|k| feature_moments(train, k)).collect()
            }
            ScalingKind::PerWindow => {
                (0..channels).map(|c| Moments { loc: 0.0, ..channel_moments(train, c) }).collect()
            }
        };
        let (loc, scale) = moments.iter().map(|moments| (moments.loc, moments.scale)).unzip();
        Ok(Self { kind, loc, scale })
    }

    /// The data scaled, then their missing values filled: by linear interpolation between the values before and after,
    /// by the nearest value at the ends, and by 0 (after scaling: the mean) where a channel of a series has no value.
    ///
    /// # Errors
    /// [`DataError::Mismatch`] if the data have another number of channels; [`DataError::NotFinite`] if a value is
    /// infinite; [`DataError::Argument`] if a scale is not a positive number (in a file that was edited).
    pub fn apply(&self, data: &Dataset) -> Result<Dataset, DataError> {
        self.check(data)?;
        let mut scaled = data.clone();
        for example in &mut scaled.examples {
            check_finite(example, &data.name)?;
            if self.kind == ScalingKind::PerFeature {
                self.apply_features(&mut example.values);
                continue;
            }
            for c in 0..data.channels {
                self.apply_channel(Channel::new(&mut example.values, c, data.channels));
            }
        }
        Ok(scaled)
    }

    fn check(&self, data: &Dataset) -> Result<(), DataError> {
        let (expected, found) = (self.loc.len(), data.channels);
        if self.kind == ScalingKind::PerFeature {
            check_features(data, expected)?;
        } else if expected != found {
            return Err(DataError::Mismatch {
                place: Place::whole(&data.name),
                what: "number of channels",
                expected: format!("{} as in the training data", counted(expected, "channel")),
                found: found.to_string(),
            });
        }
        let usable = |scale: &&f64| scale.is_finite() && **scale > 0.0;
        let bad = self.scale.iter().find(|scale| !usable(scale)).or(self.loc.iter().find(|loc| !loc.is_finite()));
        match bad {
            None if self.scale.len() == expected => Ok(()),
            _ => Err(DataError::Argument {
                origin: data.name.clone(),
                argument: "scaler",
                expected: format!("a finite `loc` and a positive `scale` per {}", self.what()),
                found: format!("loc {:?}, scale {:?}", self.loc, self.scale),
            }),
        }
    }

    /// What has moments of its own.
    fn what(&self) -> &'static str {
        if self.kind == ScalingKind::PerFeature { "feature" } else { "channel" }
    }

    /// Scales a row and puts the mean, 0, where a value is missing.
    fn apply_features(&self, values: &mut [f32]) {
        for (value, (&loc, &scale)) in values.iter_mut().zip(self.loc.iter().zip(&self.scale)) {
            *value = if value.is_nan() { 0.0 } else { Moments { loc, scale }.standardize(*value) };
        }
    }

    /// What is subtracted from channel `c` of one series, and what it is divided by: [`apply`](Self::apply) checks the
    /// scaler.
    pub(super) fn of_channel(&self, example: &Example, c: usize) -> TargetScaler {
        let mut values = example.values.clone();
        let Moments { loc, scale } = self.moments(&Channel::new(&mut values, c, self.loc.len()));
        TargetScaler { loc, scale }
    }

    fn moments(&self, channel: &Channel<'_>) -> Moments {
        match self.kind {
            // Features are scaled by themselves: nothing that is forecast goes by them.
            ScalingKind::None | ScalingKind::PerFeature => Moments::NEUTRAL,
            ScalingKind::PerSeries => Moments::of(channel.present()),
            ScalingKind::PerChannel => Moments { loc: self.loc[channel.index], scale: self.scale[channel.index] },
            ScalingKind::PerWindow => Moments::of_window(channel.present(), WINDOW_FLOOR * self.scale[channel.index]),
        }
    }

    /// Scales and fills one channel of one series.
    fn apply_channel(&self, mut channel: Channel<'_>) {
        let moments = self.moments(&channel);
        if self.kind != ScalingKind::None {
            channel.map(|value| moments.standardize(value));
        }
        channel.fill();
    }
}

/// Mean and standard deviation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) loc: f64,
    pub(super) scale: f64,
}

impl Moments {
    /// They change nothing.
    const NEUTRAL: Self = Self { loc: 0.0, scale: 1.0 };

    /// Of `values`, which are gone through three times: equal values must give exactly themselves and 1.
    #[allow(clippy::float_cmp)] // equal means equal
    pub(super) fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let Some(first) = values.clone().next() else { return Self::NEUTRAL };
        if values.clone().all(|value| value == first) {
            return Self { loc: first, scale: 1.0 };
        }
        let (count, sum) = values.clone().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
        let loc = sum / count;
        let variance = values.map(|value| (value - loc) * (value - loc)).sum::<f64>() / count;
        // Values that differ by less than the square root of the smallest number have variance 0 too.
        Self { loc, scale: if variance > 0.0 { variance.sqrt() } else { 1.0 } }
    }

    /// The mean of `values` and `sqrt(variance + floor²)`.
    fn of_window(values: impl Iterator<Item = f64> + Clone, floor: f64) -> Self {
        let Some(first) = values.clone().next() else { return Self { loc: 0.0, scale: floor } };
        let (count, sum) = values.clone().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value - first));
        let loc = first + sum / count;
        let variance = values.map(|value| (value - loc) * (value - loc)).sum::<f64>() / count;
        Self { loc, scale: (variance + floor * floor).sqrt() }
    }

    #[allow(clippy::cast_possible_truncation)] // computed in f64, kept in f32
    fn standardize(self, value: f32) -> f32 {
        ((f64::from(value) - self.loc) / self.scale) as f32
    }
}

/// Moments of channel `c` over all series.
fn channel_moments(data: &Dataset, c: usize) -> Moments {
    let values = data.examples.iter().flat_map(|example| example.values.iter().skip(c).step_by(data.channels));
    Moments::of(values.filter(|value| !value.is_nan()).map(|&value| f64::from(value)))
}

/// Moments of value `k` of every row.
fn feature_moments(data: &Dataset, k: usize) -> Moments {
    let values = data.examples.iter().map(move |example| example.values[k]);
    Moments::of(values.filter(|value| !value.is_nan()).map(f64::from))
}

/// That all rows have as many values as there are features.
fn check_features(data: &Dataset, features: usize) -> Result<(), DataError> {
    match data.examples.iter().find(|example| example.values.len() != features) {
        None => Ok(()),
        Some(example) => Err(DataError::Mismatch {
            place: Place::whole(&data.name),
            what: "number of values of a row, for scaling per feature",
            expected: format!("{features} in every row"),
            found: format!("{} in `{}`", example.values.len(), example.id),
        }),
    }
}

fn check_finite(example: &Example, origin: &str) -> Result<(), DataError> {
    match example.values.iter().find(|value| value.is_infinite()) {
        None => Ok(()),
        Some(value) => Err(DataError::NotFinite {
            place: Place::whole(origin),
            position: format!("series `{}`", example.id),
            found: format!("`{value}`"),
        }),
    }
}

/// One channel of one series in place.
struct Channel<'a> {
    values: &'a mut [f32],
    index: usize,
    channels: usize,
}

impl<'a> Channel<'a> {
    fn new(values: &'a mut [f32], index: usize, channels: usize) -> Self {
        Self { values, index, channels }
    }

    /// The values that are there.
    fn present(&self) -> impl Iterator<Item = f64> + Clone {
        let values = self.values.iter().skip(self.index).step_by(self.channels);
        values.filter(|value| !value.is_nan()).map(|&value| f64::from(value))
    }

    fn map(&mut self, function: impl Fn(f32) -> f32) {
        self.values.iter_mut().skip(self.index).step_by(self.channels).for_each(|value| *value = function(*value));
    }

    fn get(&self, t: usize) -> f32 {
        self.values[t * self.channels + self.index]
    }

    /// Fills what is missing.
    fn fill(&mut self) {
        let length = self.values.len() / self.channels;
        let mut before = None;
        for t in 0..length {
            if !self.get(t).is_nan() {
                self.fill_gap(before, Some(t), t);
                before = Some(t);
            }
        }
        self.fill_gap(before, None, length);
    }

    /// Fills what is between the value at time `before` and the one at time `after`; the gap ends at time `end`.
    fn fill_gap(&mut self, before: Option<usize>, after: Option<usize>, end: usize) {
        for t in before.map_or(0, |before| before + 1)..end {
            let value = match (before, after) {
                (Some(before), Some(after)) => self.interpolated(before, after, t),
                (Some(nearest), None) | (None, Some(nearest)) => self.get(nearest),
                (None, None) => 0.0,
            };
            self.values[t * self.channels + self.index] = value;
        }
    }

    /// `x_a + (x_b - x_a) (t - a) / (b - a)`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // times are far below 2^52
    fn interpolated(&self, a: usize, b: usize, t: usize) -> f32 {
        let (left, right) = (f64::from(self.get(a)), f64::from(self.get(b)));
        (left + (right - left) * (t - a) as f64 / (b - a) as f64) as f32
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // what is exact is compared so
mod tests {
    use super::*;
    use crate::data::Labels;
    use proptest::prelude::*;

    const NAN: f32 = f32::NAN;

    fn set(channels: usize, series: &[&[f32]]) -> Dataset {
        let example = |(i, values): (usize, &&[f32])| Example { id: i.to_string(), values: values.to_vec() };
        let examples = series.iter().enumerate().map(example).collect();
        Dataset { name: "set".into(), channels, examples, labels: Labels::None }
    }

    /// Series of two channels, unequal lengths, some values missing, of very different sizes.
    fn any_set() -> impl Strategy<Value = Dataset> {
        let value = prop_oneof![8 => -1000.0_f32..1000.0, 1 => Just(NAN)];
        let series = prop::collection::vec(prop::array::uniform2(value), 2..12);
        prop::collection::vec(series, 2..8).prop_map(|rows| {
            let rows: Vec<Vec<f32>> =
                rows.iter().map(|row| row.iter().flat_map(|&[a, b]| [a, b * 1e-3 + 7.0]).collect()).collect();
            set(2, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
        })
    }

    /// Mean and variance of some values, by the plain formula.
    fn mean_variance(values: &[f32]) -> (f64, f64) {
        let n = f64::from(u32::try_from(values.len()).unwrap());
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        (mean, values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n)
    }

    /// The values of channel `c` in `scaled` that are there in `data`.
    fn kept(data: &Dataset, scaled: &Dataset, c: usize, examples: std::ops::Range<usize>) -> Vec<f32> {
        let pairs = examples.flat_map(|i| data.examples[i].values.iter().zip(&scaled.examples[i].values));
        pairs.skip(c).step_by(2).filter(|(x, _)| !x.is_nan()).map(|(_, &z)| z).collect()
    }

    fn distinct(values: &[f32]) -> bool {
        values.iter().any(|value| *value != values[0])
    }

    /// f32 values of size up to 4 have an error of 2^-22 or less, and so have their means; squares 8 times that.
    const ROUNDING: f64 = 4e-6;

    proptest! {
        #[test]
        fn training_data_have_mean_0_and_variance_1(data in any_set()) {
            let scaled = Scaler::fit(ScalingKind::PerChannel, &data).unwrap().apply(&data).unwrap();
            prop_assert_eq!(scaled.missing(), 0);
            for c in 0..2 {
                let values = kept(&data, &scaled, c, 0..data.len());
                if !values.is_empty() && distinct(&values) {
                    let (mean, variance) = mean_variance(&values);
                    prop_assert!(mean.abs() < ROUNDING && (variance - 1.0).abs() < ROUNDING, "{} {}", mean, variance);
                }
            }
        }

        #[test]
        fn every_series_has_mean_0_and_variance_1(data in any_set()) {
            let scaled = Scaler::fit(ScalingKind::PerSeries, &data).unwrap().apply(&data).unwrap();
            for (i, c) in (0..data.len()).flat_map(|i| [(i, 0), (i, 1)]) {
                let values = kept(&data, &scaled, c, i..i + 1);
                if !values.is_empty() && distinct(&values) {
                    let (mean, variance) = mean_variance(&values);
                    prop_assert!(mean.abs() < ROUNDING && (variance - 1.0).abs() < ROUNDING, "{} {}", mean, variance);
                }
            }
        }

        #[test]
        fn every_feature_has_mean_0_and_variance_1(rows in prop::collection::vec(prop::array::uniform3(-1000.0_f32..1000.0), 2..20)) {
            let rows: Vec<Vec<f32>> = rows.iter().map(|&[a, b, c]| vec![a, b * 1e-3 + 7.0, c, 4.0]).collect();
            let data = set(2, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let scaled = Scaler::fit(ScalingKind::PerFeature, &data).unwrap().apply(&data).unwrap();
            for k in 0..4 {
                let values: Vec<f32> = scaled.examples.iter().map(|example| example.values[k]).collect();
                if distinct(&values) {
                    let (mean, variance) = mean_variance(&values);
                    prop_assert!(mean.abs() < ROUNDING && (variance - 1.0).abs() < ROUNDING, "{} {}", mean, variance);
                }
            }
        }

        #[test]
        fn files_keep_every_bit(data in any_set(), kind in 0_usize..4) {
            use ScalingKind::{None, PerChannel, PerSeries, PerWindow};
            let kind = [None, PerSeries, PerChannel, PerWindow][kind];
            let scaler = Scaler::fit(kind, &data).unwrap();
            let json = serde_json::to_string(&scaler).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Scaler>(&json).unwrap(), &scaler);
            let toml = toml::to_string(&scaler).unwrap();
            prop_assert_eq!(&toml::from_str::<Scaler>(&toml).unwrap(), &scaler);
        }

    }

    #[test]
    fn other_data_use_the_moments_of_the_training_part() {
        let scaler = Scaler::fit(ScalingKind::PerChannel, &set(2, &[&[1.0, 10.0, 3.0, 30.0]])).unwrap();
        assert_eq!((&scaler.loc[..], &scaler.scale[..]), (&[2.0, 20.0][..], &[1.0, 10.0][..]));
        let test = scaler.apply(&set(2, &[&[100.0, 50.0]])).unwrap();
        assert_eq!(test.examples[0].values, [98.0, 3.0]);
    }

    #[test]
    fn features_have_moments_of_their_own() {
        let scaler = Scaler::fit(ScalingKind::PerFeature, &set(1, &[&[1.0, 10.0, 5.0], &[3.0, 30.0, 5.0]])).unwrap();
        assert_eq!((&scaler.loc[..], &scaler.scale[..]), (&[2.0, 20.0, 5.0][..], &[1.0, 10.0, 1.0][..]));
        let test = scaler.apply(&set(1, &[&[4.0, NAN, 6.0]])).unwrap();
        assert_eq!(test.examples[0].values, [2.0, 0.0, 1.0]);
        let toml = toml::to_string(&scaler).unwrap();
        assert_eq!(toml::from_str::<Scaler>(&toml).unwrap(), scaler);
        assert_eq!(
            scaler.apply(&set(1, &[&[4.0, 1.0]])).unwrap_err().to_string(),
            "set: number of values of a row, for scaling per feature: expected 3 in every row, found 2 in `0`"
        );
        assert!(Scaler::fit(ScalingKind::PerFeature, &set(1, &[&[1.0], &[1.0, 2.0]])).is_err());
    }

    #[test]
    fn constant_channels_are_only_shifted() {
        let data = set(1, &[&[0.1, 0.1, 0.1], &[0.1]]);
        for kind in [ScalingKind::PerSeries, ScalingKind::PerChannel] {
            let scaled = Scaler::fit(kind, &data).unwrap().apply(&data).unwrap();
            assert!(scaled.examples.iter().flat_map(|example| &example.values).all(|&value| value == 0.0), "{kind:?}");
        }
        let scaler = Scaler::fit(ScalingKind::PerChannel, &data).unwrap();
        assert_eq!((scaler.loc[0], scaler.scale[0]), (f64::from(0.1_f32), 1.0));
        assert_eq!(Scaler::fit(ScalingKind::None, &data).unwrap().apply(&data).unwrap(), data);
    }

    #[test]
    fn a_flat_window_keeps_a_scale() {
        let train = set(1, &[&[-10.0, 10.0]]);
        let scaler = Scaler::fit(ScalingKind::PerWindow, &train).unwrap();
        assert_eq!((scaler.loc[0], scaler.scale[0]), (0.0, 10.0));
        let scaled = scaler.apply(&set(1, &[&[4.0, 4.0], &[1.0, 3.0]])).unwrap();
        assert_eq!(scaled.examples[0].values, [0.0, 0.0]);
        assert!((scaled.examples[1].values[1] - 0.5_f32.sqrt()).abs() < 1e-6, "variance 1 and 1² make sqrt 2");
        let TargetScaler { loc, scale } = scaler.of_channel(&set(1, &[&[4.0, NAN]]).examples[0], 0);
        assert_eq!((loc, scale), (4.0, 1.0));
    }

    #[test]
    fn gaps_are_filled_in_time() {
        let data = set(2, &[&[NAN, 1.0, 2.0, NAN, NAN, NAN, NAN, NAN, 8.0, 9.0, NAN, NAN], &[NAN, NAN, NAN, 5.0]]);
        let filled = Scaler::fit(ScalingKind::None, &data).unwrap().apply(&data).unwrap();
        assert_eq!(filled.examples[0].values, [2.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 8.0, 9.0]);
        assert_eq!(filled.examples[1].values, [0.0, 5.0, 0.0, 5.0]);
    }

    #[test]
    fn misuse_is_explained() {
        let data = set(2, &[&[1.0, 2.0]]);
        let scaler = Scaler::fit(ScalingKind::PerChannel, &data).unwrap();
        let message = |result: Result<Dataset, DataError>| result.unwrap_err().to_string();
        assert_eq!(
            message(scaler.apply(&set(1, &[&[1.0]]))),
            "set: number of channels: expected 2 channels as in the training data, found 1"
        );
        assert_eq!(
            message(scaler.apply(&set(2, &[&[f32::INFINITY, 1.0]]))),
            "set: series `0`: expected a finite 32-bit number, found `inf`; write `?` for a missing value"
        );
        let edited = Scaler { scale: vec![1.0, 0.0], ..scaler };
        assert_eq!(
            message(edited.apply(&data)),
            "set: `scaler` must be a finite `loc` and a positive `scale` per channel, found loc [1.0, 2.0], scale \
             [1.0, 0.0]"
        );
        assert_eq!(
            Scaler::fit(ScalingKind::None, &set(1, &[])).unwrap_err().to_string(),
            "set: expected at least one example, found none"
        );
    }
}

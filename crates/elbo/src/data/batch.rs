//! Batches: which examples go together, and their values as one array.

use super::dataset::Dataset;
use super::error::DataError;
use super::permutation::permutation;
use elbo_kernels::Stream;

/// Batches per bucket, see [`Padding::Longest`].
const BUCKET: usize = 16;

/// The order of `n` examples in epoch `epoch`: a permutation of `0..n`, each equally likely, and a function of the
/// arguments alone.
#[must_use]
pub fn shuffled(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    permutation(n, Stream::named(seed, "data/shuffle"), epoch)
}

/// The length of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// All batches have this length.
    To(usize),
    /// Each batch has the length of its longest series, and series of similar lengths go together: within buckets of
    /// 16 batches of the given order, examples are sorted by length; then the batches are shuffled, as a function of
    /// the given order.
    Longest,
}

/// Some examples as one array.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Which examples of the data set `[B]`.
    pub indices: Vec<usize>,
    /// Values `[B, length, C]`, row-major; zeros after the end of a series.
    pub values: Vec<f32>,
    /// Number of time steps of the array.
    pub length: usize,
    /// Number of channels C.
    pub channels: usize,
    /// Number of time steps of each series `[B]`.
    pub lengths: Vec<usize>,
}

impl Batch {
    /// Whether a series is shorter than the array.
    #[must_use]
    pub fn is_padded(&self) -> bool {
        self.lengths.iter().any(|&length| length < self.length)
    }

    /// 1 where the series is, 0 where it is padded: `[B, length]`, row-major.
    #[must_use]
    pub fn mask(&self) -> Vec<f32> {
        let mut mask = vec![0.0; self.lengths.len() * self.length];
        for (b, &length) in self.lengths.iter().enumerate() {
            mask[b * self.length..][..length].fill(1.0);
        }
        mask
    }

    /// The examples `indices` of `data`, all of at most `length` time steps.
    fn gather(data: &Dataset, indices: &[usize], length: usize) -> Self {
        let channels = data.channels;
        let mut values = vec![0.0; indices.len() * length * channels];
        for (b, &i) in indices.iter().enumerate() {
            let series = &data.examples[i].values[..data.example_length(i) * channels];
            values[b * length * channels..][..series.len()].copy_from_slice(series);
        }
        let lengths = indices.iter().map(|&i| data.example_length(i)).collect();
        Self { indices: indices.to_vec(), values, length, channels, lengths }
    }
}

/// The examples `order` of `data` in batches of `batch_size`; the last one may be smaller, and with
/// [`Padding::Longest`] stands anywhere. Missing values stay `NaN`: scale first.
///
/// # Errors
/// [`DataError::Argument`] if `batch_size` is 0 or an index is not below the number of examples;
/// [`DataError::TooLong`] if a series is longer than [`Padding::To`] allows.
pub fn batches(data: &Dataset, order: &[usize], batch_size: usize, padding: Padding) -> Result<Vec<Batch>, DataError> {
    check(data, order, batch_size)?;
    match padding {
        Padding::To(length) => {
            order.iter().try_for_each(|&i| check_length(data, i, length))?;
            Ok(order.chunks(batch_size).map(|indices| Batch::gather(data, indices, length)).collect())
        }
        Padding::Longest => Ok(bucketed(data, order, batch_size)),
    }
}

fn check(data: &Dataset, order: &[usize], batch_size: usize) -> Result<(), DataError> {
    let argument = |argument, expected: String, found: usize| {
        Err(DataError::Argument { origin: data.name.clone(), argument, expected, found: found.to_string() })
    };
    match order.iter().find(|&&i| i >= data.len()) {
        _ if batch_size == 0 => argument("batch_size", "at least 1".to_owned(), 0),
        Some(&i) => argument("order", format!("indices below {}", data.len()), i),
        None => Ok(()),
    }
}

fn check_length(data: &Dataset, i: usize, expected: usize) -> Result<(), DataError> {
    match data.example_length(i) {
        found if found <= expected => Ok(()),
        found => {
            Err(DataError::TooLong { origin: data.name.clone(), series: data.examples[i].id.clone(), expected, found })
        }
    }
}

fn bucketed(data: &Dataset, order: &[usize], batch_size: usize) -> Vec<Batch> {
    let mut sorted = order.to_vec();
    for bucket in sorted.chunks_mut(batch_size.saturating_mul(BUCKET)) {
        bucket.sort_by_key(|&i| data.example_length(i));
    }
    let parts: Vec<&[usize]> = sorted.chunks(batch_size).collect();
    let longest = |part: &[usize]| part.iter().map(|&i| data.example_length(i)).max().unwrap_or(0);
    let shuffle = permutation(parts.len(), Stream { seed: hash(order), id: Stream::named(0, "data/batches").id }, 0);
    shuffle.into_iter().map(|b| Batch::gather(data, parts[b], longest(parts[b]))).collect()
}

/// All examples of `data` from the shortest to the longest, in batches of at most `batch_size`.
///
/// Neither the order nor the length that a series is padded to depends on `batch_size`: lengths of the same [`grade`] are
/// padded to the longest of them. So a layer sees the same values of an example however batches are cut.
pub(crate) fn batches_by_length(data: &Dataset, batch_size: usize) -> Vec<Batch> {
    let length = |i: &usize| data.example_length(*i);
    let mut order: Vec<usize> = (0..data.len()).collect();
    order.sort_by_key(length);
    let alike = order.chunk_by(|a, b| grade(length(a)) == grade(length(b)));
    let cut = |alike: &[usize]| {
        let longest = alike.last().map_or(0, length);
        let part = |part: &[usize]| Batch::gather(data, part, longest);
        alike.chunks(batch_size.max(1)).map(part).collect::<Vec<_>>()
    };
    alike.flat_map(cut).collect()
}

/// A length down to its first four binary digits: lengths of the same grade differ by less than an eighth.
fn grade(length: usize) -> usize {
    let rest = length.checked_ilog2().unwrap_or(0).saturating_sub(3);
    length >> rest << rest
}

/// 64-bit FNV-1a hash over the indices.
fn hash(order: &[usize]) -> u64 {
    let step = |hash: u64, &i: &usize| (hash ^ i as u64).wrapping_mul(0x0000_0100_0000_01b3);
    order.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::cast_precision_loss)] // values are copied, and small
mod tests {
    use super::*;
    use crate::data::{Example, Labels};
    use proptest::prelude::*;

    /// Series of the given lengths with two channels; value `100 i + t + c / 2` of example `i`, never 0.
    fn set(lengths: &[usize]) -> Dataset {
        let value = |i: usize, k: usize| 1.0 + (100 * i + k / 2) as f32 + 0.5 * (k % 2) as f32;
        let example = |(i, &length): (usize, &usize)| Example {
            id: format!("s{i}"),
            values: (0..2 * length).map(|k| value(i, k)).collect(),
        };
        let examples = lengths.iter().enumerate().map(example).collect();
        Dataset { name: "set".into(), channels: 2, examples, labels: Labels::None }
    }

    proptest! {
        #[test]
        fn every_example_is_in_one_batch_with_its_mask(
            lengths in prop::collection::vec(1_usize..12, 0..120), batch_size in 1_usize..9, seed: u64, fixed: bool,
        ) {
            let data = set(&lengths);
            let padding = if fixed { Padding::To(12) } else { Padding::Longest };
            let order = shuffled(data.len(), seed, 0);
            let batches = batches(&data, &order, batch_size, padding).unwrap();
            let mut all: Vec<usize> = batches.iter().flat_map(|batch| batch.indices.clone()).collect();
            prop_assert!(!fixed || all == order);
            all.sort_unstable();
            prop_assert_eq!(all, (0..data.len()).collect::<Vec<_>>());
            prop_assert!(batches.iter().filter(|batch| batch.indices.len() != batch_size).count() <= 1);
            for batch in &batches {
                check_batch(&data, batch, fixed)?;
            }
        }

        /// The places and the padding of examples do not depend on the size of batches.
        #[test]
        fn batches_by_length_are_parts_of_one_list(
            lengths in prop::collection::vec(1_usize..60, 0..120), batch_size in 1_usize..9,
        ) {
            let data = set(&lengths);
            let padded = |batch_size| -> Vec<(usize, usize)> {
                let batches = batches_by_length(&data, batch_size);
                assert!(batches.iter().all(|batch| (1..=batch_size).contains(&batch.indices.len())));
                let one = |batch: Batch| batch.indices.into_iter().map(move |i| (i, batch.length));
                batches.into_iter().flat_map(one).collect()
            };
            let all = padded(usize::MAX);
            prop_assert_eq!(padded(batch_size), all.clone());
            prop_assert!(all.is_sorted_by_key(|&(i, _)| (lengths[i], i)));
            prop_assert!(all.iter().all(|&(i, length)| (lengths[i]..lengths[i] + lengths[i].div_ceil(8)).contains(&length)));
            let mut indices: Vec<usize> = all.into_iter().map(|(i, _)| i).collect();
            indices.sort_unstable();
            prop_assert_eq!(indices, (0..data.len()).collect::<Vec<_>>());
        }

        #[test]
        fn orders_are_permutations(n in 0_usize..100, seed: u64, epoch: u64) {
            let mut order = shuffled(n, seed, epoch);
            prop_assert_eq!(&order, &shuffled(n, seed, epoch));
            order.sort_unstable();
            prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }

    fn check_batch(data: &Dataset, batch: &Batch, fixed: bool) -> Result<(), TestCaseError> {
        let longest = batch.indices.iter().map(|&i| data.example_length(i)).max().unwrap();
        prop_assert_eq!(batch.length, if fixed { 12 } else { longest });
        prop_assert_eq!(batch.is_padded(), batch.mask().contains(&0.0));
        let mask = batch.mask();
        prop_assert_eq!(batch.values.len(), 2 * mask.len());
        for (b, &i) in batch.indices.iter().enumerate() {
            for (k, value) in batch.values[b * 2 * batch.length..][..2 * batch.length].iter().enumerate() {
                let expected = data.examples[i].values.get(k).copied();
                prop_assert_eq!(*value, expected.unwrap_or(0.0));
                prop_assert_eq!(mask[b * batch.length + k / 2], f32::from(u8::from(expected.is_some())));
            }
        }
        Ok(())
    }

    #[test]
    fn buckets_save_padding_and_change_with_the_order() {
        let lengths: Vec<usize> = (0..64).map(|i| 1 + i % 32).collect();
        let data = set(&lengths);
        let padded = |batches: &[Batch]| batches.iter().map(|batch| batch.values.len()).sum::<usize>();
        let first = batches(&data, &shuffled(64, 1, 0), 4, Padding::Longest).unwrap();
        let second = batches(&data, &shuffled(64, 1, 1), 4, Padding::Longest).unwrap();
        assert!(padded(&first) < 2 * lengths.iter().map(|length| length + 2).sum::<usize>());
        assert_ne!(
            first.iter().map(|b| b.length).collect::<Vec<_>>(),
            second.iter().map(|b| b.length).collect::<Vec<_>>()
        );
    }

    /// A change of these numbers changes every run.
    #[test]
    fn values_are_stable() {
        assert_eq!(shuffled(8, 7, 0), [6, 5, 2, 7, 0, 4, 3, 1]);
        assert_eq!(shuffled(8, 7, 1), [0, 6, 3, 4, 7, 2, 1, 5]);
        assert_eq!(shuffled(8, 8, 0), [4, 0, 7, 2, 6, 1, 3, 5]);
    }

    #[test]
    fn misuse_is_explained() {
        let data = set(&[3, 5]);
        let message = |order: &[usize], size, padding| batches(&data, order, size, padding).unwrap_err().to_string();
        assert_eq!(message(&[0], 0, Padding::Longest), "set: `batch_size` must be at least 1, found 0");
        assert_eq!(message(&[0, 2], 1, Padding::Longest), "set: `order` must be indices below 2, found 2");
        assert_eq!(message(&[0, 1], 2, Padding::To(4)), "set: length of series `s1`: expected at most 4, found 5");
        assert!(batches(&data, &[], 2, Padding::Longest).unwrap().is_empty());
    }
}

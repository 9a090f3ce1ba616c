//! Order and batches: which examples a step sees, and how series of unequal length share a tensor.

use super::dataset::Dataset;
use super::error::DataError;
use super::permutation::permutation;
use elbo_kernels::Stream;

/// The order of `n` examples in an epoch: a permutation, and a function of its arguments alone, so that a resumed run
/// sees what an uninterrupted one would.
#[must_use]
pub fn shuffled(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    permutation(n, Stream::named(seed, "shuffle"), epoch)
}

/// The length that series are padded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadTo {
    /// One length for all batches; a longer series is an error.
    Length(usize),
    /// Of each batch its own longest series. If lengths differ, batches are made of series of similar length and come
    /// in an order of their own, so that little is padded.
    Longest,
}

/// Examples side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Numbers of the examples `[B]`.
    pub indices: Vec<usize>,
    /// Values `[B, L, C]`, zeros after the end of a series.
    pub values: Vec<f32>,
    /// Common length L.
    pub length: usize,
    /// Number of channels C.
    pub channels: usize,
    /// Length of each series `[B]`.
    pub lengths: Vec<usize>,
}

impl Batch {
    /// Whether any series is shorter than the batch.
    #[must_use]
    pub fn is_padded(&self) -> bool {
        self.lengths.iter().any(|&length| length < self.length)
    }

    /// 1 where a series is and 0 where its padding is, `[B, L]`.
    #[must_use]
    pub fn mask(&self) -> Vec<f32> {
        let row = |&n: &usize| (0..self.length).map(move |t| f32::from(u8::from(t < n)));
        self.lengths.iter().flat_map(row).collect()
    }
}

/// The examples `order` of `data` in batches of `batch_size`; the last one may be smaller.
///
/// # Errors
/// [`DataError::Argument`] if `batch_size` is 0, [`DataError::TooLong`] for a series beyond [`PadTo::Length`].
///
/// # Panics
/// If an entry of `order` is not an example's number.
pub fn batches(
    data: &Dataset,
    order: &[usize],
    batch_size: usize,
    padding: PadTo,
) -> Result<Vec<Batch>, DataError> {
    if batch_size == 0 {
        return Err(DataError::Argument {
            origin: data.name.clone(),
            argument: "batch_size",
            expected: "at least 1".into(),
            found: "0".into(),
        });
    }
    let chunks = match padding {
        PadTo::Longest if !data.has_equal_lengths() => bucketed(data, order, batch_size),
        PadTo::Longest | PadTo::Length(_) => order.chunks(batch_size).map(<[usize]>::to_vec).collect(),
    };
    chunks.into_iter().map(|indices| batch(data, indices, padding)).collect()
}

/// Series of similar length together; the batches in the order in which `order` meets their first example.
fn bucketed(data: &Dataset, order: &[usize], batch_size: usize) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..order.len()).collect();
    // A stable sort: among equal lengths the order stays.
    places.sort_by_key(|&place| data.example_length(order[place]));
    let mut chunks: Vec<&[usize]> = places.chunks(batch_size).collect();
    chunks.sort_by_key(|chunk| chunk.iter().min().copied());
    chunks.into_iter().map(|chunk| chunk.iter().map(|&place| order[place]).collect()).collect()
}

fn batch(data: &Dataset, indices: Vec<usize>, padding: PadTo) -> Result<Batch, DataError> {
    let lengths: Vec<usize> = indices.iter().map(|&i| data.example_length(i)).collect();
    let length = match padding {
        PadTo::Length(length) => length,
        PadTo::Longest => lengths.iter().copied().max().unwrap_or(0),
    };
    if let Some(row) = lengths.iter().position(|&found| found > length) {
        return Err(DataError::TooLong {
            origin: data.name.clone(),
            series: data.examples[indices[row]].id.clone(),
            expected: length,
            found: lengths[row],
        });
    }
    let width = length * data.channels;
    let mut values = vec![0.0; indices.len() * width];
    for (row, &i) in indices.iter().enumerate() {
        let series = &data.examples[i].values;
        values[row * width..row * width + series.len()].copy_from_slice(series);
    }
    Ok(Batch { indices, values, length, channels: data.channels, lengths })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Example, Labels};
    use proptest::prelude::*;

    fn dataset(lengths: &[usize]) -> Dataset {
        let example = |(i, &length): (usize, &usize)| Example {
            id: format!("s{i}"),
            values: (0..2 * length).map(|k| f32::from(u16::try_from(100 * i + k + 1).unwrap())).collect(),
        };
        let examples = lengths.iter().enumerate().map(example).collect();
        Dataset { name: "test".into(), channels: 2, examples, labels: Labels::None }
    }

    proptest! {
        #[test]
        fn every_example_comes_once_with_its_values_and_its_mask(
            lengths in prop::collection::vec(1_usize..9, 0..30), batch_size in 1_usize..8, fixed: bool, seed: u64
        ) {
            let data = dataset(&lengths);
            let padding = if fixed { PadTo::Length(10) } else { PadTo::Longest };
            let order = shuffled(lengths.len(), seed, 0);
            let batches = batches(&data, &order, batch_size, padding).unwrap();
            let mut seen: Vec<usize> = batches.iter().flat_map(|b| b.indices.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            prop_assert_eq!(batches.len(), lengths.len().div_ceil(batch_size));
            for b in &batches {
                prop_assert!(!fixed || b.length == 10);
                let mask = b.mask();
                for (row, &i) in b.indices.iter().enumerate() {
                    let values = &b.values[row * b.length * 2..(row + 1) * b.length * 2];
                    prop_assert_eq!(&values[..2 * lengths[i]], &data.examples[i].values[..]);
                    prop_assert!(values[2 * lengths[i]..].iter().all(|&x| x == 0.0));
                    let ones: f32 = mask[row * b.length..(row + 1) * b.length].iter().sum();
                    prop_assert_eq!(ones, f32::from(u16::try_from(lengths[i]).unwrap()));
                    prop_assert!(mask[row * b.length..row * b.length + lengths[i]].iter().all(|&m| m == 1.0));
                }
            }
        }
    }

    #[test]
    fn buckets_pad_less_than_chance() {
        let lengths: Vec<usize> = (0..40).map(|i| 1 + i % 20).collect();
        let data = dataset(&lengths);
        let padded = |padding| -> usize {
            let batches = batches(&data, &shuffled(40, 3, 0), 4, padding).unwrap();
            batches.iter().map(|b| b.indices.len() * b.length).sum()
        };
        assert!(padded(PadTo::Longest) < padded(PadTo::Length(20)) * 2 / 3);
    }

    #[test]
    fn epochs_have_orders_of_their_own() {
        assert_eq!(shuffled(30, 1, 2), shuffled(30, 1, 2));
        assert_ne!(shuffled(30, 1, 2), shuffled(30, 1, 3));
        assert_ne!(shuffled(30, 1, 2), shuffled(30, 2, 2));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let message = |batch_size, padding| batches(&dataset(&[2, 5]), &[0, 1], batch_size, padding).unwrap_err().to_string();
        assert_eq!(message(1, PadTo::Length(4)), "test: length of series `s1`: expected at most 4, found 5");
        assert_eq!(message(0, PadTo::Longest), "test: `batch_size` must be at least 1, found 0");
    }
}

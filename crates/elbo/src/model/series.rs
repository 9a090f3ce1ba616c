//! A batch of series on a device, and how series of unequal length stay apart from their padding.

use crate::data::Batch;
use crate::error::{Error, Result};
use burn::tensor::{DType, Device, Tensor, TensorData};

/// What a network is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputShape {
    /// Channels of a series.
    pub channels: usize,
    /// Longest length.
    pub length: usize,
}

/// A batch of series: `[batch, length, channels]`, padded with zeros at the end where lengths differ.
#[derive(Clone, Debug)]
pub struct SeriesBatch {
    /// Values `[batch, length, channels]`.
    pub values: Tensor<3>,
    /// Length of each series; `None` if all have the whole length.
    pub lengths: Option<Vec<usize>>,
}

impl SeriesBatch {
    /// Series of one length.
    #[must_use]
    pub fn new(values: Tensor<3>) -> Self {
        Self { values, lengths: None }
    }

    /// A batch of a data set, on a device.
    #[must_use]
    pub fn from_batch(batch: &Batch, device: &Device, dtype: DType) -> Self {
        let shape = [batch.lengths.len(), batch.length, batch.channels];
        let values = Tensor::from_data(TensorData::new(batch.values.clone(), shape), (device, dtype));
        Self { values, lengths: batch.is_padded().then(|| batch.lengths.clone()) }
    }

    /// Checks that every series has time steps, and that its length is known where there is padding.
    pub(super) fn check(&self) -> Result<()> {
        let [batch, length, _] = self.values.dims();
        let wrong = |what, expected, found| Err(Error::Input { layer: "network".into(), what, expected, found });
        if length == 0 {
            return wrong("length", "at least 1".into(), "0".into());
        }
        let lengths = self.lengths.as_deref().unwrap_or_default();
        if self.lengths.is_some() && lengths.len() != batch {
            return wrong("number of lengths", format!("{batch}, one for each series"), lengths.len().to_string());
        }
        match lengths.iter().find(|n| !(1..=length).contains(*n)) {
            Some(found) => wrong("length", format!("1 to {length} for each series"), found.to_string()),
            None => Ok(()),
        }
    }
}

/// `[S N, length, 1]`: 1 where a series is, 0 where its padding is; `like` is `[S N, length, ..]`.
pub(super) fn mask(lengths: &[usize], like: &Tensor<3>) -> Tensor<3> {
    let [batch, length, _] = like.dims();
    let row = |&n: &usize| (0..length).map(move |t| f32::from(u8::from(t < n)));
    let values: Vec<f32> = lengths.iter().flat_map(row).collect();
    let data = TensorData::new(values, [lengths.len(), length, 1]);
    repeated(Tensor::from_data(data, (&like.device(), like.dtype())), batch)
}

/// `[S N, 1]`: the lengths as numbers.
pub(super) fn counts(lengths: &[usize], like: &Tensor<3>) -> Tensor<2> {
    #[allow(clippy::cast_precision_loss)] // lengths of series
    let values: Vec<f32> = lengths.iter().map(|&n| n.max(1) as f32).collect();
    let data = TensorData::new(values, [lengths.len(), 1]);
    repeated(Tensor::from_data(data, (&like.device(), like.dtype())), like.dims()[0])
}

/// N rows once for each of the weight samples that make up `batch`.
fn repeated<const D: usize>(rows: Tensor<D>, batch: usize) -> Tensor<D> {
    match batch.checked_div(rows.dims()[0]) {
        Some(samples) if samples > 1 => rows.repeat_dim(0, samples),
        _ => rows,
    }
}

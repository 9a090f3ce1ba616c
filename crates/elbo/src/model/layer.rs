//! The layers of a described network.

use super::series::{counts, mask};
use crate::error::{Error, Result};
use crate::layer::{Conv1d, Dense};
use crate::trace::Trace;
use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData};
use elbo_kernels::{ConvGeometry, Padding};

/// One layer.
#[derive(Module, Debug)]
pub enum NetworkLayer {
    /// A temporal convolution, channels last.
    Conv1d(Conv1d),
    /// A dense layer.
    Dense(Dense),
    /// All time steps side by side.
    Flatten(Flatten),
    /// The mean over time.
    GlobalAveragePooling(GlobalAveragePooling),
    /// The last time step.
    LastStep(LastStep),
}

/// `[batch, length, channels] -> [batch, length * channels]`.
#[derive(Module, Debug)]
pub struct Flatten;

/// `[batch, length, channels] -> [batch, channels]`: the mean over the time steps that are not padding.
#[derive(Module, Debug)]
pub struct GlobalAveragePooling;

/// `[batch, length, channels] -> [batch, channels]`: the last time step that is not padding. After causal convolutions it
/// has seen all that its receptive field holds.
#[derive(Module, Debug)]
pub struct LastStep;

/// What flows between layers.
pub(super) enum Flow {
    /// `[S N, length, channels]` with the N series' lengths where they differ.
    Series(Tensor<3>, Option<Vec<usize>>),
    /// `[S N, features]`
    Flat(Tensor<2>),
}

impl NetworkLayer {
    pub(super) fn apply(&self, input: Flow, trace: &mut Trace) -> Result<Flow> {
        Ok(match (self, input) {
            (Self::Conv1d(layer), Flow::Series(x, lengths)) => {
                let geometry = *layer.settings().0;
                let lengths = lengths.map(|lengths| output_lengths(&geometry, &lengths)).transpose()?;
                masked(layer.try_forward(x, trace)?, lengths)
            }
            (Self::Dense(layer), Flow::Series(x, lengths)) => masked(layer.try_forward(x, trace)?, lengths),
            (Self::Dense(layer), Flow::Flat(x)) => Flow::Flat(layer.try_forward(x, trace)?),
            (Self::Flatten(_), Flow::Series(x, _)) => Flow::Flat(x.flatten(1, 2)),
            (Self::GlobalAveragePooling(_), Flow::Series(x, lengths)) => Flow::Flat(average(x, lengths.as_deref())),
            (Self::LastStep(_), Flow::Series(x, lengths)) => Flow::Flat(last(x, lengths.as_deref())),
            // The plan of the network has these orders of layers refused.
            (Self::Conv1d(_) | Self::Flatten(_) | Self::GlobalAveragePooling(_) | Self::LastStep(_), Flow::Flat(x)) => {
                Flow::Flat(x)
            }
        })
    }
}

/// Sets what a layer made of padding back to zero (a bias or an activation need not be).
fn masked(x: Tensor<3>, lengths: Option<Vec<usize>>) -> Flow {
    let x = match &lengths {
        Some(lengths) => x.clone() * mask(lengths, &x),
        None => x,
    };
    Flow::Series(x, lengths)
}

/// Mean over time. Padding is zero already, so only the divisor differs.
fn average(x: Tensor<3>, lengths: Option<&[usize]>) -> Tensor<2> {
    let [batch, _, channels] = x.dims();
    match lengths {
        None => x.mean_dim(1).reshape([batch, channels]),
        Some(lengths) => {
            let counts = counts(lengths, &x);
            x.sum_dim(1).reshape([batch, channels]) / counts
        }
    }
}

/// The last time step of every series; of the N `lengths` for S N rows, sample-major.
fn last(x: Tensor<3>, lengths: Option<&[usize]>) -> Tensor<2> {
    let [batch, length, channels] = x.dims();
    let Some(lengths) = lengths else {
        return x.narrow(1, length - 1, 1).reshape([batch, channels]);
    };
    let row = |b: usize| b * length + lengths[b % lengths.len()].max(1) - 1;
    let rows: Vec<i64> = (0..batch).map(|b| i64::try_from(row(b)).unwrap_or(i64::MAX)).collect();
    let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [batch]), &x.device());
    x.reshape([batch * length, channels]).select(0, rows)
}

/// Lengths of padded series after a convolution.
///
/// Under `same` padding with strides above 1 the zeros before a series depend on its length: a short series beside a long
/// one would be cut into other windows than alone. Under `valid` padding every series must hold a window.
fn output_lengths(geometry: &ConvGeometry, lengths: &[usize]) -> Result<Vec<usize>> {
    let wrong = |expected: &str, found: String| Error::Input {
        layer: "conv1d".into(),
        what: "length",
        expected: expected.into(),
        found,
    };
    if geometry.padding == Padding::Same && geometry.strides[2] > 1 {
        let expected = "of one length where padding is `same` and strides are above 1";
        return Err(wrong(expected, "series of unequal lengths".into()));
    }
    let output = |&n: &usize| match geometry.extent(&[n]) {
        Ok(extent) => Ok(extent.output[2]),
        Err(error) => Err(wrong(&error.to_string(), format!("a series of {n} time steps"))),
    };
    lengths.iter().map(output).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_kernels::DataFormat;

    fn geometry(padding: Padding, stride: usize) -> ConvGeometry {
        ConvGeometry {
            rank: 1,
            kernel: [1, 1, 3],
            strides: [1, 1, stride],
            dilation: [1; 3],
            padding,
            format: DataFormat::ChannelsLast,
            channels: 1,
            filters: 1,
            groups: 1,
        }
    }

    #[test]
    fn the_last_step_is_that_of_the_series() {
        let values: Vec<f32> = (0..2 * 2 * 3 * 2_u8).map(f32::from).collect();
        let x = Tensor::<3>::from_data(TensorData::new(values, [4, 3, 2]), &burn::tensor::Device::flex());
        let list = |lengths| last(x.clone(), lengths).into_data().iter::<f32>().collect::<Vec<f32>>();
        assert_eq!(list(None), [4.0, 5.0, 10.0, 11.0, 16.0, 17.0, 22.0, 23.0]);
        // Two weight samples of two series.
        assert_eq!(list(Some(&[1, 2])), [0.0, 1.0, 8.0, 9.0, 12.0, 13.0, 20.0, 21.0]);
    }

    #[test]
    fn padded_series_keep_their_windows_or_are_refused() {
        assert_eq!(output_lengths(&geometry(Padding::Same, 1), &[5, 6]).unwrap(), [5, 6]);
        assert_eq!(output_lengths(&geometry(Padding::Valid, 2), &[5, 6, 3]).unwrap(), [2, 2, 1]);
        assert_eq!(output_lengths(&geometry(Padding::Causal, 2), &[5, 6, 1]).unwrap(), [3, 3, 1]);
        let strided = output_lengths(&geometry(Padding::Same, 2), &[5, 6]).unwrap_err().to_string();
        assert!(strided.contains("of one length where padding is `same` and strides are above 1"), "{strided}");
        let short = output_lengths(&geometry(Padding::Valid, 1), &[5, 2]).unwrap_err().to_string();
        assert!(short.contains("found a series of 2 time steps"), "{short}");
    }
}

//! The layers of a described network.

use super::series::{counts, mask};
use crate::error::Result;
use crate::layer::{Conv1d, Dense};
use crate::trace::Trace;
use burn::module::Module;
use burn::tensor::Tensor;
use elbo_kernels::ConvGeometry;

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
}

/// `[batch, length, channels] -> [batch, length * channels]`.
#[derive(Module, Debug)]
pub struct Flatten;

/// `[batch, length, channels] -> [batch, channels]`: the mean over the time steps that are not padding.
#[derive(Module, Debug)]
pub struct GlobalAveragePooling;

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
                let lengths = lengths.map(|lengths| lengths.iter().map(|&n| output_length(&geometry, n)).collect());
                masked(layer.try_forward(x, trace)?, lengths)
            }
            (Self::Dense(layer), Flow::Series(x, lengths)) => masked(layer.try_forward(x, trace)?, lengths),
            (Self::Dense(layer), Flow::Flat(x)) => Flow::Flat(layer.try_forward(x, trace)?),
            (Self::Flatten(_), Flow::Series(x, _)) => Flow::Flat(x.flatten(1, 2)),
            (Self::GlobalAveragePooling(_), Flow::Series(x, lengths)) => Flow::Flat(average(x, lengths.as_deref())),
            // The plan of the network has these orders of layers refused.
            (Self::Conv1d(_) | Self::Flatten(_) | Self::GlobalAveragePooling(_), Flow::Flat(x)) => Flow::Flat(x),
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

/// Length of a series after a convolution; 0 where no window fits.
pub(super) fn output_length(geometry: &ConvGeometry, length: usize) -> usize {
    geometry.extent(&[length]).map_or(0, |extent| extent.output[2])
}

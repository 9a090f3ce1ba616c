//! Networks by name.

use super::description::{LayerDescription, ModelDescription};
use super::weights::{PosteriorDescription, PriorDescription, Size};
use crate::error::{Error, Result};
use crate::estimator::Estimator;

/// The names that [`preset`] knows.
pub const PRESETS: [&str; 3] = ["conv1d", "mlp", "tcn"];

/// A network by name:
///
/// | name | layers |
/// | --- | --- |
/// | `conv1d` | the seed's network: 64 filters of length 5, SAME, relu; flatten; dense |
/// | `tcn` | four causal convolutions: 32 filters of length 3, dilation 1, 2, 4 and 8, relu (a temporal convolutional network: Bai, Kolter and Koltun 2018, arXiv 1803.01271, without its residual connections; it sees 31 steps); last step; dense |
/// | `mlp` | flatten; dense 64, relu; dense 64, relu; dense |
///
/// # Errors
/// [`Error::InvalidArgument`] for another name.
pub fn preset(name: &str) -> Result<ModelDescription> {
    let layers = match name {
        "conv1d" => vec![conv1d(64, 5, "same", 1), LayerDescription::Flatten, dense(None, "linear")],
        "mlp" => {
            vec![LayerDescription::Flatten, dense(Some(64), "relu"), dense(Some(64), "relu"), dense(None, "linear")]
        }
        "tcn" => {
            let convolutions = [1, 2, 4, 8].map(|dilation_rate| conv1d(32, 3, "causal", dilation_rate));
            convolutions.into_iter().chain([LayerDescription::LastStep, dense(None, "linear")]).collect()
        }
        _ => return Err(Error::argument("preset", "preset", format!("one of {}", PRESETS.join(", ")), name)),
    };
    Ok(ModelDescription {
        prior: PriorDescription::Normal { scale: Size::PerFanIn { per_fan_in: core::f64::consts::SQRT_2 } },
        posterior: PosteriorDescription {
            scale: Size::PerFanIn { per_fan_in: 0.5 },
            ..PosteriorDescription::default()
        },
        ..ModelDescription::new(layers)
    })
}

fn conv1d(filters: usize, kernel_size: usize, padding: &str, dilation_rate: usize) -> LayerDescription {
    LayerDescription::Conv1d {
        name: None,
        filters,
        kernel_size,
        strides: 1,
        padding: padding.into(),
        dilation_rate,
        groups: 1,
        activation: "relu".into(),
        estimator: Estimator::Reparameterization,
        bias: true,
    }
}

fn dense(units: Option<usize>, activation: &str) -> LayerDescription {
    LayerDescription::Dense {
        name: None,
        units,
        activation: activation.into(),
        estimator: Estimator::Reparameterization,
        bias: true,
    }
}

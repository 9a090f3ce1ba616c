//! Networks by name.

use super::description::{LayerDescription, ModelDescription};
use super::weights::{PosteriorDescription, PriorDescription, Size};
use crate::error::{Error, Result};
use crate::estimator::Estimator;

/// The names that [`preset`] knows.
pub const PRESETS: [&str; 2] = ["conv1d", "mlp"];

/// A network by name:
///
/// | name | layers |
/// | --- | --- |
/// | `conv1d` | the seed's network: 64 filters of length 5, SAME, relu; flatten; dense |
/// | `mlp` | flatten; dense 64, relu; dense 64, relu; dense |
///
/// # Errors
/// [`Error::InvalidArgument`] for another name.
pub fn preset(name: &str) -> Result<ModelDescription> {
    let layers = match name {
        "conv1d" => vec![conv1d(64, 5), LayerDescription::Flatten, dense(None, "linear")],
        "mlp" => {
            vec![LayerDescription::Flatten, dense(Some(64), "relu"), dense(Some(64), "relu"), dense(None, "linear")]
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

fn conv1d(filters: usize, kernel_size: usize) -> LayerDescription {
    LayerDescription::Conv1d {
        name: None,
        filters,
        kernel_size,
        strides: 1,
        padding: "same".into(),
        dilation_rate: 1,
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

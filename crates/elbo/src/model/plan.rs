//! Shapes before memory: what a described network will look like for an input, checked before anything is built.

use super::description::{LayerDescription, ModelDescription};
use super::series::InputShape;
use super::weights::PosteriorFamily;
use crate::estimator::Estimator;

/// What a network is made for and made of.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Names of the layers.
    pub(super) names: Vec<String>,
    /// Channels or features that each layer takes.
    pub(super) inputs: Vec<usize>,
    /// The length that all series must have (padding counts), if a layer needs one.
    pub(super) fixed_length: Option<usize>,
    /// Values of one example that exist at once, in the layer that has most of them.
    pub(super) values: usize,
    /// Weights that are drawn for one weight sample.
    pub(super) drawn: usize,
}

/// What stands between two layers.
#[derive(Clone, Copy)]
enum Shape {
    Series { length: usize, channels: usize },
    Flat(usize),
}

impl Shape {
    fn width(self) -> usize {
        match self {
            Self::Series { channels, .. } => channels,
            Self::Flat(features) => features,
        }
    }

    fn values(self) -> Option<usize> {
        match self {
            Self::Series { length, channels } => length.checked_mul(channels),
            Self::Flat(features) => Some(features),
        }
    }
}

impl Plan {
    /// Follows an example through the layers.
    pub(super) fn new(description: &ModelDescription, input: InputShape, outputs: usize) -> Result<Self, String> {
        description.check()?;
        let names = description.layer_names()?;
        let mut shape = Shape::Series { length: input.length, channels: input.channels };
        let mut plan = Self { names, inputs: Vec::new(), fixed_length: None, values: 0, drawn: 0 };
        let mut parameters = 0_usize;
        for (number, layer) in description.layers.iter().enumerate() {
            let fail = |reason: String| format!("layer {} (`{}`): {reason}", number + 1, plan.names[number]);
            let next = follow(layer, shape, outputs).map_err(fail)?;
            if matches!(layer, LayerDescription::Flatten) {
                plan.fixed_length = Some(input.length);
            }
            let weights = weights(layer, description.posterior.family, shape.width(), next.width());
            parameters = weights
                .and_then(|weights| parameters.checked_add(weights))
                .filter(|&total| total <= description.max_parameters)
                .ok_or_else(|| fail(too_many(description.max_parameters)))?;
            let values = working(layer, shape, next).filter(|&n| isize::try_from(n).is_ok());
            plan.values = plan.values.max(values.ok_or_else(|| fail("its output does not fit into memory".into()))?);
            // Not more than the posterior's own numbers, which were just counted.
            plan.drawn += drawn(layer, shape.width(), next.width()).unwrap_or(0);
            plan.inputs.push(shape.width());
            shape = next;
        }
        match shape {
            Shape::Flat(width) if width == outputs => Ok(plan),
            Shape::Flat(width) => Err(format!("the last layer must have {outputs} outputs, found {width}")),
            Shape::Series { .. } => {
                Err("the last layer must give one row per example: add `flatten` or `global_average_pooling`".into())
            }
        }
    }
}

fn too_many(limit: usize) -> String {
    format!("the network has more than {limit} parameters; set `max_parameters` higher if that is meant")
}

/// The shape after a layer.
fn follow(layer: &LayerDescription, shape: Shape, outputs: usize) -> Result<Shape, String> {
    match (layer, shape) {
        (LayerDescription::Conv1d { filters, .. }, Shape::Series { length, .. }) => {
            Ok(Shape::Series { length: convolved(layer, length)?, channels: *filters })
        }
        (LayerDescription::Dense { units, .. }, shape) => {
            let units = units.unwrap_or(outputs);
            Ok(match shape {
                Shape::Series { length, .. } => Shape::Series { length, channels: units },
                Shape::Flat(_) => Shape::Flat(units),
            })
        }
        (LayerDescription::Flatten, Shape::Series { length, channels }) => {
            let features = length.checked_mul(channels).ok_or("its output does not fit into memory")?;
            Ok(Shape::Flat(features))
        }
        (LayerDescription::GlobalAveragePooling, Shape::Series { channels, .. }) => Ok(Shape::Flat(channels)),
        (_, Shape::Flat(_)) => Err("expected a series, found one row per example: it must come before".into()),
    }
}

/// Output length of a convolution. What else is wrong with it is said when it is built.
fn convolved(layer: &LayerDescription, length: usize) -> Result<usize, String> {
    let LayerDescription::Conv1d { kernel_size, strides, padding, dilation_rate, .. } = layer else {
        return Ok(length);
    };
    if ["same", "causal"].iter().any(|known| padding.eq_ignore_ascii_case(known)) {
        return Ok(length.div_ceil((*strides).max(1)));
    }
    let effective = kernel_size.saturating_sub(1).saturating_mul(*dilation_rate).saturating_add(1);
    if effective > length {
        return Err(format!("its window of {effective} time steps is longer than the series ({length})"));
    }
    Ok((length - effective + 1).div_ceil((*strides).max(1)))
}

/// Values of one example while a layer works: its input and output and what its estimator makes of them. (A convolution
/// pads a few examples at a time.)
fn working(layer: &LayerDescription, shape: Shape, next: Shape) -> Option<usize> {
    let (inputs, mut outputs) = match layer {
        LayerDescription::Conv1d { estimator, .. } | LayerDescription::Dense { estimator, .. } => match estimator {
            Estimator::Flipout | Estimator::LocalReparameterization => (2, 3),
            _ => (1, 1),
        },
        // Series of unequal lengths are multiplied with a mask before.
        LayerDescription::GlobalAveragePooling | LayerDescription::Flatten => (2, 1),
    };
    if let LayerDescription::Conv1d { activation, .. } | LayerDescription::Dense { activation, .. } = layer
        && !["linear", "relu"].contains(&activation.as_str())
    {
        outputs += 1;
    }
    shape.values()?.checked_mul(inputs)?.checked_add(next.values()?.checked_mul(outputs)?)
}

/// Numbers of the posterior: the kernel's, and one per bias.
fn weights(layer: &LayerDescription, family: PosteriorFamily, inputs: usize, outputs: usize) -> Option<usize> {
    let (kernel, bias) = kernel_and_bias(layer, inputs, outputs)?;
    family.numbers(kernel)?.checked_add(bias)
}

/// Weights of one draw.
fn drawn(layer: &LayerDescription, inputs: usize, outputs: usize) -> Option<usize> {
    let (kernel, bias) = kernel_and_bias(layer, inputs, outputs)?;
    kernel.checked_add(bias)
}

/// Elements of kernel and bias.
fn kernel_and_bias(layer: &LayerDescription, inputs: usize, outputs: usize) -> Option<(usize, usize)> {
    let (window, bias) = match layer {
        LayerDescription::Conv1d { kernel_size, groups, bias, .. } => {
            (kernel_size.checked_mul(inputs / (*groups).max(1))?, *bias)
        }
        LayerDescription::Dense { bias, .. } => (inputs, *bias),
        LayerDescription::Flatten | LayerDescription::GlobalAveragePooling => return Some((0, 0)),
    };
    Some((window.checked_mul(outputs)?, if bias { outputs } else { 0 }))
}

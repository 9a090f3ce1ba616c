//! Shapes of inputs and outputs of layers with spatial axes: convolutions and transposed ones.

use crate::error::{Error, Result};
use crate::variable::MAX_ELEMENTS;
use elbo_kernels::{ConvGeometry, DataFormat, GeometryError, TransposedGeometry};

/// What the shape of an output depends on.
pub(super) trait Spatial {
    /// Rank, layout, channels in and filters out.
    fn sizes(&self) -> &ConvGeometry;

    /// Output length along spatial axis `axis`, counted from 0.
    fn output_length(&self, axis: usize, length: usize) -> Result<usize, GeometryError>;
}

impl Spatial for ConvGeometry {
    fn sizes(&self) -> &ConvGeometry {
        self
    }

    fn output_length(&self, axis: usize, length: usize) -> Result<usize, GeometryError> {
        self.output_length(axis, length)
    }
}

impl Spatial for TransposedGeometry {
    fn sizes(&self) -> &ConvGeometry {
        &self.sizes
    }

    fn output_length(&self, axis: usize, length: usize) -> Result<usize, GeometryError> {
        self.output_length(axis, length)
    }
}

/// The shape of an output, after checking rank, channels and lengths of the input as far as they are known.
pub(super) fn output_shape(
    owner: &str,
    geometry: &impl Spatial,
    input: &[Option<usize>],
) -> Result<Vec<Option<usize>>> {
    let sizes = geometry.sizes();
    check_channels(owner, sizes, input)?;
    let lengths = match sizes.format {
        DataFormat::ChannelsLast => &input[1..=sizes.rank],
        DataFormat::ChannelsFirst => &input[2..],
    };
    let length = |(axis, length): (usize, &Option<usize>)| {
        let output = length.map(|length| geometry.output_length(axis, length)).transpose();
        output.map_err(|error| wrong(owner, "length", error.to_string(), show(input)))
    };
    let output = lengths.iter().enumerate().map(length).collect::<Result<Vec<_>>>()?;
    let (batch, filters) = ([input[0]], [Some(sizes.filters)]);
    Ok(match sizes.format {
        DataFormat::ChannelsLast => [&batch, output.as_slice(), &filters].concat(),
        DataFormat::ChannelsFirst => [&batch, &filters, output.as_slice()].concat(),
    })
}

/// Checks the rank, and the number of channels if it is known.
fn check_channels(owner: &str, sizes: &ConvGeometry, shape: &[Option<usize>]) -> Result<()> {
    let axes = sizes.rank + 2;
    if shape.len() != axes {
        let found = format!("{} in {}", shape.len(), show(shape));
        return Err(wrong(owner, "rank", format!("{axes} axes"), found));
    }
    let axis = sizes.channel_axis();
    match shape[axis] {
        Some(channels) if channels != sizes.channels => {
            let expected = format!("{} on axis {axis}", sizes.channels);
            Err(wrong(owner, "number of channels", expected, format!("{channels} in {}", show(shape))))
        }
        _ => Ok(()),
    }
}

/// Checks that a tensor of a pass can be had at all.
pub(super) fn check_size(
    owner: &str,
    what: &'static str,
    batch: usize,
    lengths: [usize; 3],
    channels: usize,
) -> Result<()> {
    let [a, b, c] = lengths;
    let sizes = [batch, a, b, c, channels];
    let product = sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    if product.is_some_and(|product| product <= MAX_ELEMENTS) {
        return Ok(());
    }
    Err(Error::TooLarge { owner: owner.to_owned(), what, found: format!("{sizes:?}"), limit: MAX_ELEMENTS })
}

/// `[K.., C / G, F]`.
pub(super) fn kernel_shape<const D: usize>(sizes: &ConvGeometry) -> [usize; D] {
    let mut shape = [sizes.filters; D];
    shape[..D - 2].copy_from_slice(&sizes.kernel[3 - sizes.rank..]);
    shape[D - 2] = sizes.group_channels();
    shape
}

/// An input that does not fit a layer.
pub(super) fn wrong(owner: &str, what: &'static str, expected: String, found: String) -> Error {
    Error::Input { layer: owner.to_owned(), what, expected, found }
}

/// `[?, 24, 1]`
pub(super) fn show(shape: &[Option<usize>]) -> String {
    let axes: Vec<String> = shape.iter().map(|n| n.map_or("?".into(), |n| n.to_string())).collect();
    format!("[{}]", axes.join(", "))
}

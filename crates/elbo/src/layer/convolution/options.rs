//! The optional arguments of convolutions, and how they are checked.

use crate::error::{Error, Result};
use crate::layer::arguments::{Choice, Sizes};
use crate::layer::options::{LayerOptions, MAX_SIZE, layer_option_setters};
use elbo_kernels::{ConvGeometry, DataFormat, Padding};

/// The optional arguments of a convolution with inputs of `D = rank + 2` axes.
#[derive(Clone, Debug)]
pub struct ConvOptions<const D: usize> {
    /// Step between windows.
    pub strides: Sizes,
    /// `valid`, `same` or, along one axis, `causal`.
    pub padding: Choice<Padding>,
    /// `channels_last` or `channels_first`.
    pub data_format: Choice<DataFormat>,
    /// Distance of a window's elements.
    pub dilation_rate: Sizes,
    /// Number of groups that channels and filters are cut into.
    pub groups: usize,
    /// The arguments that all layers share.
    pub layer: LayerOptions<D>,
}

/// Options of a [`Conv1d`](super::Conv1d).
pub type Conv1dOptions = ConvOptions<3>;
/// Options of a [`Conv2d`](super::Conv2d).
pub type Conv2dOptions = ConvOptions<4>;
/// Options of a [`Conv3d`](super::Conv3d).
pub type Conv3dOptions = ConvOptions<5>;

impl<const D: usize> Default for ConvOptions<D> {
    fn default() -> Self {
        Self {
            strides: Sizes::All(1),
            padding: Choice::Known(Padding::Valid),
            data_format: Choice::Known(DataFormat::ChannelsLast),
            dilation_rate: Sizes::All(1),
            groups: 1,
            layer: LayerOptions::default(),
        }
    }
}

/// Setters of the arguments that only convolutions have.
macro_rules! convolution_setters {
    ($($path:ident).*) => {
        /// Step between windows, one for all axes or one for each.
        #[must_use]
        pub fn with_strides(mut self, strides: impl Into<Sizes>) -> Self {
            self.$($path.)*strides = strides.into();
            self
        }

        /// `valid`, `same` or, along one axis, `causal`: as a value or by name in any case.
        #[must_use]
        pub fn with_padding(mut self, padding: impl Into<Choice<Padding>>) -> Self {
            self.$($path.)*padding = padding.into();
            self
        }

        /// `channels_last` or `channels_first`, as a value or by name in any case.
        #[must_use]
        pub fn with_data_format(mut self, data_format: impl Into<Choice<DataFormat>>) -> Self {
            self.$($path.)*data_format = data_format.into();
            self
        }

        /// Distance of a window's elements, one for all axes or one for each.
        #[must_use]
        pub fn with_dilation_rate(mut self, dilation_rate: impl Into<Sizes>) -> Self {
            self.$($path.)*dilation_rate = dilation_rate.into();
            self
        }

        /// Groups: run g of the filters sees run g of the input channels only. As many as input channels for a
        /// depthwise convolution.
        #[must_use]
        #[doc(alias = "depthwise")]
        pub fn with_groups(mut self, groups: usize) -> Self {
            self.$($path.)*groups = groups;
            self
        }
    };
}

impl<const D: usize> ConvOptions<D> {
    convolution_setters!();
    layer_option_setters!(layer, D);
}

/// Checks the arguments that convolutions and transposed ones share, with the padding looked up before.
pub(in crate::layer) fn sizes<const D: usize>(
    owner: &str,
    (channels, filters): (usize, usize),
    kernel_size: &Sizes,
    padding: Padding,
    options: &ConvOptions<D>,
) -> Result<ConvGeometry> {
    let rank = rank::<D>();
    options.layer.check(owner)?;
    for (argument, size) in [("channels_in", channels), ("filters", filters)] {
        if !(1..=MAX_SIZE).contains(&size) {
            return Err(Error::argument(owner, argument, format!("between 1 and {MAX_SIZE}"), size));
        }
    }
    let geometry = ConvGeometry {
        rank,
        kernel: kernel_size.expand(owner, "kernel_size", rank)?,
        strides: options.strides.expand(owner, "strides", rank)?,
        dilation: options.dilation_rate.expand(owner, "dilation_rate", rank)?,
        padding,
        format: options.data_format.resolve(owner)?,
        channels,
        filters,
        groups: options.groups,
    };
    if geometry.check().is_err() {
        let expected = format!("a divisor of both {channels} (`channels_in`) and {filters} (`filters`)");
        return Err(Error::argument(owner, "groups", expected, options.groups));
    }
    check_window(owner, &geometry)?;
    geometry.kernel_len().map_err(|error| Error::argument(owner, "filters", "a size memory can hold", error))?;
    Ok(geometry)
}

/// Checks that a dilated window can be reckoned with.
fn check_window(owner: &str, geometry: &ConvGeometry) -> Result<()> {
    let window = |axis: usize| (geometry.kernel[axis] - 1).checked_mul(geometry.dilation[axis]);
    if (0..3).any(|axis| window(axis).is_none_or(|window| window >= MAX_SIZE)) {
        let expected = format!("so small that windows span at most {MAX_SIZE} elements");
        let found = format!("{:?}", &geometry.dilation[3 - geometry.rank..]);
        return Err(Error::argument(owner, "dilation_rate", expected, found));
    }
    Ok(())
}

/// Spatial axes of inputs with `D` axes; other ranks do not compile.
pub(in crate::layer) const fn rank<const D: usize>() -> usize {
    const { assert!(3 <= D && D <= 5, "convolutions have inputs of 3 to 5 axes") };
    D - 2
}

pub(in crate::layer) use convolution_setters;

//! Convolutional layers of rank 1, 2 and 3: `y = activation(x ⋆ W + b)`, W and b random.
//!
//! `out[b, o, f] = Σ_{k, c} in[b, o s - p + k d, c] W[k, c, f]` per spatial axis: cross-correlation, zero outside the
//! input. Kernels are `[K.., C, F]` in both layouts.

use super::arguments::{Choice, Sizes};
use super::forward::{self, Pass};
use super::options::{LayerOptions, MAX_SIZE, Settings, init_option_setters, layer_option_setters};
use super::weight::Weight;
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::estimator::Estimator;
use crate::op::ConvOp;
use crate::posterior::{Family, Posterior};
use crate::trace::Trace;
use crate::variable::{MAX_ELEMENTS, VariableInfo, VariableRequest, VariableScope};
use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use elbo_kernels::{ConvGeometry, DataFormat, Padding};

/// The optional arguments of a convolution with inputs of `D = rank + 2` axes.
#[derive(Clone, Debug)]
pub struct ConvOptions<const D: usize> {
    /// Step between windows.
    pub strides: Sizes,
    /// `valid` or `same`.
    pub padding: Choice<Padding>,
    /// `channels_last` or `channels_first`.
    pub data_format: Choice<DataFormat>,
    /// Distance of a window's elements. Not together with strides above 1.
    pub dilation_rate: Sizes,
    /// The arguments that all layers share.
    pub layer: LayerOptions<D>,
}

/// Options of a [`Conv1d`].
pub type Conv1dOptions = ConvOptions<3>;
/// Options of a [`Conv2d`].
pub type Conv2dOptions = ConvOptions<4>;
/// Options of a [`Conv3d`].
pub type Conv3dOptions = ConvOptions<5>;

impl<const D: usize> Default for ConvOptions<D> {
    fn default() -> Self {
        Self {
            strides: Sizes::All(1),
            padding: Choice::Known(Padding::Valid),
            data_format: Choice::Known(DataFormat::ChannelsLast),
            dilation_rate: Sizes::All(1),
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

        /// `valid` or `same`, as a value or by name in any case.
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
    };
}

impl<const D: usize> ConvOptions<D> {
    convolution_setters!();
    layer_option_setters!(layer, D);
}

/// Configuration of a convolution with inputs of `D = rank + 2` axes.
///
/// ```
/// use burn::tensor::Device;
/// use elbo::{Activation, layer::Conv1dConfig};
/// let layer = Conv1dConfig::new(1, 64, 5)
///     .with_padding("SAME")
///     .with_activation(Activation::Relu)
///     .init(&Device::flex())?;
/// assert_eq!(layer.output_shape(&[None, Some(128), Some(1)])?, [None, Some(128), Some(64)]);
/// # Ok::<(), elbo::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConvConfig<const D: usize> {
    /// Input channels C.
    #[doc(alias = "in_channels")]
    pub channels_in: usize,
    /// Output channels F.
    #[doc(alias = "channels_out")]
    pub filters: usize,
    /// Lengths of the kernel.
    pub kernel_size: Sizes,
    /// Everything else.
    pub options: ConvOptions<D>,
}

/// Configuration of a [`Conv1d`].
pub type Conv1dConfig = ConvConfig<3>;
/// Configuration of a [`Conv2d`].
pub type Conv2dConfig = ConvConfig<4>;
/// Configuration of a [`Conv3d`].
pub type Conv3dConfig = ConvConfig<5>;

impl<const D: usize> ConvConfig<D> {
    convolution_setters!(options);
    layer_option_setters!(options.layer, D);
    init_option_setters!(options.layer);

    /// `channels_in` channels in, `filters` out.
    #[must_use]
    pub fn new(channels_in: usize, filters: usize, kernel_size: impl Into<Sizes>) -> Self {
        Self { channels_in, filters, kernel_size: kernel_size.into(), options: ConvOptions::default() }
    }

    /// Builds the layer with a built-in posterior.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::TooLarge`] or [`Error::NoClosedForm`], naming the argument.
    pub fn init(&self, device: &Device) -> Result<Conv<D>> {
        let (class, options) = (class(D), &self.options.layer);
        let mut scope = VariableScope::fresh(device, options.owner(class), options.init_seed(class)?);
        let dtype = options.dtype.unwrap_or_else(|| device.settings().float_dtype.into());
        self.build(class, dtype, &mut scope)
    }

    /// Builds the layer with a kernel posterior of your own type, and its divergence from the prior.
    ///
    /// # Errors
    /// As [`init`](Self::init), and those of `posterior_fn`.
    pub fn init_with<Q: Posterior<D>>(
        &self,
        device: &Device,
        posterior_fn: impl FnOnce(&VariableRequest<D>, &mut VariableScope<'_>) -> Result<Q>,
        divergence: Option<Divergence<Q, D>>,
    ) -> Result<Conv<D, Q>> {
        let (class, options) = (class(D), &self.options.layer);
        let geometry = self.geometry(class)?;
        let mut scope = VariableScope::fresh(device, options.owner(class), options.init_seed(class)?);
        let dtype = options.dtype.unwrap_or_else(|| device.settings().float_dtype.into());
        let shape = kernel_shape(&geometry);
        let (kernel, bias) = forward::build_with(options, shape, dtype, &mut scope, posterior_fn, divergence)?;
        Ok(Conv { kernel, bias, op: ConvOp { geometry }, settings: options.settings(class, dtype) })
    }

    /// Builds the layer from variables of `scope`.
    pub(crate) fn build(&self, class: &'static str, dtype: DType, scope: &mut VariableScope<'_>) -> Result<Conv<D>> {
        let geometry = self.geometry(class)?;
        let options = &self.options.layer;
        let (kernel, bias) = forward::build(options, kernel_shape(&geometry), dtype, scope)?;
        Ok(Conv { kernel, bias, op: ConvOp { geometry }, settings: options.settings(class, dtype) })
    }

    /// The shape of an output before the layer is built; unknown lengths stay unknown.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for bad arguments, [`Error::Input`] for a wrong rank or too short an input.
    pub fn output_shape(&self, input: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
        let class = class(D);
        output_shape(self.options.layer.owner(class), &self.geometry(class)?, input)
    }

    /// Checks all arguments.
    fn geometry(&self, class: &str) -> Result<ConvGeometry> {
        let (rank, owner, options) = (D - 2, self.options.layer.owner(class), &self.options);
        options.layer.check(owner)?;
        for (argument, size) in [("channels_in", self.channels_in), ("filters", self.filters)] {
            if !(1..=MAX_SIZE).contains(&size) {
                return Err(Error::argument(owner, argument, format!("between 1 and {MAX_SIZE}"), size));
            }
        }
        let geometry = ConvGeometry {
            rank,
            kernel: self.kernel_size.expand(owner, "kernel_size", rank)?,
            strides: options.strides.expand(owner, "strides", rank)?,
            dilation: options.dilation_rate.expand(owner, "dilation_rate", rank)?,
            padding: options.padding.resolve(owner)?,
            format: options.data_format.resolve(owner)?,
            channels: self.channels_in,
            filters: self.filters,
        };
        if geometry.strides.iter().any(|&s| s > 1) && geometry.dilation.iter().any(|&d| d > 1) {
            let expected = "1 on every axis where strides are above 1 on any";
            let found = format!(
                "dilation_rate {:?} with strides {:?}",
                &geometry.dilation[3 - rank..],
                &geometry.strides[3 - rank..]
            );
            return Err(Error::argument(owner, "dilation_rate", expected, found));
        }
        let window = |axis: usize| (geometry.kernel[axis] - 1).checked_mul(geometry.dilation[axis]);
        if (0..3).any(|axis| window(axis).is_none_or(|window| window >= MAX_SIZE)) {
            let expected = format!("so small that windows span at most {MAX_SIZE} elements");
            return Err(Error::argument(owner, "dilation_rate", expected, format!("{:?}", options.dilation_rate)));
        }
        geometry.kernel_len().map_err(|error| Error::argument(owner, "filters", "a size memory can hold", error))?;
        Ok(geometry)
    }
}

/// A convolution with random kernel `[K.., C, F]` and bias `[F]`; inputs have `D = rank + 2` axes.
#[derive(Module, Debug)]
pub struct Conv<const D: usize, Q: Module = Family<D>> {
    /// The kernel.
    pub kernel: Weight<Q, D>,
    /// The bias.
    pub bias: Option<Weight<Family<1>, 1>>,
    #[module(skip)]
    op: ConvOp,
    #[module(skip)]
    settings: Settings,
}

/// A temporal convolution: inputs `[batch, length, channels]`.
pub type Conv1d<Q = Family<3>> = Conv<3, Q>;
/// A planar convolution: inputs `[batch, height, width, channels]`.
pub type Conv2d<Q = Family<4>> = Conv<4, Q>;
/// A volumetric convolution: inputs `[batch, depth, height, width, channels]`.
pub type Conv3d<Q = Family<5>> = Conv<5, Q>;

impl<const D: usize, Q: Posterior<D>> Conv<D, Q> {
    /// `activation(x ⋆ W + b)`.
    ///
    /// # Shapes
    /// - input: `[batch, spatial.., C]` or `[batch, C, spatial..]`; lengths may differ from call to call
    /// - output: `[S batch, spatial.., F]` or `[S batch, F, spatial..]` for S weight samples
    ///
    /// # Panics
    /// Where [`try_forward`](Self::try_forward) gives an error.
    #[must_use]
    pub fn forward(&self, input: Tensor<D>, trace: &mut Trace) -> Tensor<D> {
        self.try_forward(input, trace).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward), for an input of any number of axes.
    ///
    /// # Errors
    /// [`Error::Input`] for a wrong rank, number of channels, dtype, or an input shorter than the kernel under valid
    /// padding; [`Error::TooLarge`] if the padded input or the output is beyond all memory; [`Error::DuplicateName`];
    /// [`Error::Replay`].
    pub fn try_forward<const X: usize>(&self, input: Tensor<X>, trace: &mut Trace) -> Result<Tensor<X>> {
        let pass = Pass { settings: &self.settings, kernel: &self.kernel, bias: self.bias.as_ref() };
        check_input(pass.owner(), &self.op.geometry, &input.dims().map(Some))?;
        check_size(pass.owner(), &self.op.geometry, &input.dims(), trace.samples())?;
        pass.run(&self.op, input, trace)
    }

    /// The shape of an output; unknown lengths stay unknown.
    ///
    /// # Errors
    /// [`Error::Input`] for a wrong rank or number of channels, or too short an input.
    pub fn output_shape(&self, input: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
        let owner = self.settings.name.as_deref().unwrap_or(self.settings.class);
        output_shape(owner, &self.op.geometry, input)
    }

    /// The variables, in order of creation.
    #[must_use]
    pub fn variables(&self) -> Vec<VariableInfo> {
        let bias = self.bias.as_ref().map(Weight::variables).unwrap_or_default();
        [self.kernel.variables(), bias].concat()
    }

    /// The same weights under another estimator.
    #[must_use]
    pub fn with_estimator(mut self, estimator: Estimator) -> Self {
        self.settings.estimator = estimator;
        self
    }

    /// The layer after the projections of its variables: call it after an optimizer step if there are constraints.
    #[must_use]
    pub fn constrained(self) -> Self {
        Self { kernel: self.kernel.constrained(), bias: self.bias.map(Weight::constrained), ..self }
    }

    /// Geometry and settings.
    #[must_use]
    pub fn settings(&self) -> (&ConvGeometry, &Settings) {
        (&self.op.geometry, &self.settings)
    }
}

/// Class of a convolution with inputs of `axes` axes.
pub(crate) fn class(axes: usize) -> &'static str {
    match axes {
        3 => "conv1d",
        4 => "conv2d",
        5 => "conv3d",
        _ => panic!("convolutions have inputs of 3 to 5 axes, found {axes}"),
    }
}

/// `[K.., C, F]`.
fn kernel_shape<const D: usize>(geometry: &ConvGeometry) -> [usize; D] {
    let mut shape = [geometry.filters; D];
    shape[..D - 2].copy_from_slice(&geometry.kernel[3 - geometry.rank..]);
    shape[D - 2] = geometry.channels;
    shape
}

/// Checks that the padded input and the output of a pass with `samples` weight samples can be had at all.
fn check_size(owner: &str, geometry: &ConvGeometry, shape: &[usize], samples: usize) -> Result<()> {
    let Ok(extent) = geometry.extent(geometry.spatial(shape)) else { return Ok(()) };
    let parts = [
        ("the padded input", extent.padded(), [shape[0], geometry.channels]),
        ("the output", extent.output, [shape[0].saturating_mul(samples), geometry.filters]),
    ];
    for (what, [a, b, c], [batch, channels]) in parts {
        let sizes = [batch, a, b, c, channels];
        let product = sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        if product.is_none_or(|product| product > MAX_ELEMENTS) {
            let found = format!("{sizes:?}");
            return Err(Error::TooLarge { owner: owner.to_owned(), what, found, limit: MAX_ELEMENTS });
        }
    }
    Ok(())
}

/// Checks rank, channels and lengths as far as they are known.
fn check_input(owner: &str, geometry: &ConvGeometry, shape: &[Option<usize>]) -> Result<()> {
    let axes = geometry.rank + 2;
    let fail = |what, expected: String, found: String| Err(Error::Input { layer: owner.into(), what, expected, found });
    if shape.len() != axes {
        return fail("rank", format!("{axes} axes"), format!("{} in {}", shape.len(), show(shape)));
    }
    let axis = match geometry.format {
        DataFormat::ChannelsLast => axes - 1,
        DataFormat::ChannelsFirst => 1,
    };
    if let Some(channels) = shape[axis].filter(|&channels| channels != geometry.channels) {
        let expected = format!("{} on axis {axis}", geometry.channels);
        return fail("number of channels", expected, format!("{channels} in {}", show(shape)));
    }
    let lengths = spatial(geometry, shape);
    if let Err(error) = geometry.extent(&lengths.iter().map(|l| l.unwrap_or(usize::MAX >> 8)).collect::<Vec<_>>()) {
        return fail("length", error.to_string(), show(shape));
    }
    Ok(())
}

fn output_shape(owner: &str, geometry: &ConvGeometry, input: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
    check_input(owner, geometry, input)?;
    let known = |length: &Option<usize>, axis: usize| {
        let mut lengths = vec![usize::MAX >> 8; geometry.rank];
        lengths[axis] = (*length)?;
        let extent = geometry.extent(&lengths).ok()?;
        Some(extent.output[3 - geometry.rank + axis])
    };
    let lengths = spatial(geometry, input);
    let output = lengths.iter().enumerate().map(|(axis, length)| known(length, axis));
    let batch = core::iter::once(input[0]);
    let filters = core::iter::once(Some(geometry.filters));
    Ok(match geometry.format {
        DataFormat::ChannelsLast => batch.chain(output).chain(filters).collect(),
        DataFormat::ChannelsFirst => batch.chain(filters).chain(output).collect(),
    })
}

fn spatial<'a>(geometry: &ConvGeometry, shape: &'a [Option<usize>]) -> &'a [Option<usize>] {
    match geometry.format {
        DataFormat::ChannelsLast => &shape[1..=geometry.rank],
        DataFormat::ChannelsFirst => &shape[2..],
    }
}

/// `[?, 24, 1]`
fn show(shape: &[Option<usize>]) -> String {
    let axes: Vec<String> = shape.iter().map(|n| n.map_or("?".into(), |n| n.to_string())).collect();
    format!("[{}]", axes.join(", "))
}

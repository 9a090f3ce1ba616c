//! Configuration of convolutions.

use super::Conv;
use super::options::{ConvOptions, convolution_setters, rank, sizes};
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::layer::arguments::{Choice, Sizes};
use crate::layer::forward;
use crate::layer::options::{init_option_setters, layer_option_setters};
use crate::layer::spatial::{kernel_shape, output_shape};
use crate::op::ConvOp;
use crate::posterior::Posterior;
use crate::variable::{VariableRequest, VariableScope};
use burn::tensor::{DType, Device};
use elbo_kernels::{ConvGeometry, DataFormat, Padding};

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
///
/// Inputs have 3, 4 or 5 axes; other configurations do not compile:
///
/// ```compile_fail
/// let config = elbo::layer::ConvConfig::<6>::new(1, 1, 1);
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
    /// Whether strides and dilation rates may both be above 1, which the module that this library follows refuses.
    pub strides_with_dilation: bool,
    /// Everything else.
    pub options: ConvOptions<D>,
}

/// Configuration of a [`Conv1d`](super::Conv1d).
pub type Conv1dConfig = ConvConfig<3>;
/// Configuration of a [`Conv2d`](super::Conv2d).
pub type Conv2dConfig = ConvConfig<4>;
/// Configuration of a [`Conv3d`](super::Conv3d).
pub type Conv3dConfig = ConvConfig<5>;

impl<const D: usize> ConvConfig<D> {
    convolution_setters!(options);
    layer_option_setters!(options.layer, D);
    init_option_setters!(options.layer);

    /// `channels_in` channels in, `filters` out.
    #[must_use]
    pub fn new(channels_in: usize, filters: usize, kernel_size: impl Into<Sizes>) -> Self {
        // Checked here too, so that a wrong rank does not compile from its first mention on.
        let _ = rank::<D>();
        let (kernel_size, options) = (kernel_size.into(), ConvOptions::default());
        Self { channels_in, filters, kernel_size, strides_with_dilation: false, options }
    }

    /// Lets strides and dilation rates both be above 1: an extension. Windows of `K_e = (K - 1) d + 1` places are then
    /// taken every s places, as elsewhere.
    #[must_use]
    pub fn allow_strides_with_dilation(mut self) -> Self {
        self.strides_with_dilation = true;
        self
    }

    /// Builds the layer with a built-in posterior.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::TooLarge`] or [`Error::NoClosedForm`], naming the argument.
    pub fn init(&self, device: &Device) -> Result<Conv<D>> {
        let (class, options) = (class::<D>(), &self.options.layer);
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
        let (class, options) = (class::<D>(), &self.options.layer);
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
        let class = class::<D>();
        output_shape(self.options.layer.owner(class), &self.geometry(class)?, input)
    }

    /// Checks all arguments.
    fn geometry(&self, class: &str) -> Result<ConvGeometry> {
        let (owner, options) = (self.options.layer.owner(class), &self.options);
        let padding = if D == 3 { options.padding.resolve(owner)? } else { options.padding.resolve_acausal(owner)? };
        let geometry = sizes(owner, (self.channels_in, self.filters), &self.kernel_size, padding, options)?;
        if !self.strides_with_dilation {
            refuse_strides_with_dilation(owner, &geometry)?;
        }
        Ok(geometry)
    }
}

/// The rule of the module that this library follows, on whichever axes.
fn refuse_strides_with_dilation(owner: &str, geometry: &ConvGeometry) -> Result<()> {
    let above_one = |sizes: &[usize]| sizes.iter().any(|&size| size > 1);
    if !above_one(&geometry.strides) || !above_one(&geometry.dilation) {
        return Ok(());
    }
    let spatial = 3 - geometry.rank..;
    let (dilation, strides) = (&geometry.dilation[spatial.clone()], &geometry.strides[spatial]);
    let expected = "1 on every axis where strides are above 1 on any";
    Err(Error::argument(owner, "dilation_rate", expected, format!("{dilation:?} with strides {strides:?}")))
}

/// Class of a convolution with inputs of `D` axes.
pub(crate) const fn class<const D: usize>() -> &'static str {
    ["conv1d", "conv2d", "conv3d"][rank::<D>() - 1]
}

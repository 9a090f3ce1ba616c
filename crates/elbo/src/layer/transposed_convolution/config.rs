//! Configuration of transposed convolutions.

use super::ConvTranspose;
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::layer::arguments::{Choice, Sizes};
use crate::layer::convolution::options::{ConvOptions, convolution_setters, rank, sizes};
use crate::layer::forward;
use crate::layer::options::{init_option_setters, layer_option_setters};
use crate::layer::spatial::{kernel_shape, output_shape};
use crate::op::TransposedConvOp;
use crate::posterior::Posterior;
use crate::variable::{VariableRequest, VariableScope};
use burn::tensor::Device;
use elbo_kernels::{ConvGeometry, DataFormat, Padding, TransposedGeometry};

/// Configuration of a transposed convolution with inputs of `D = rank + 2` axes.
///
/// Padding is `valid` or `same`; strides and dilation rates may both be above 1.
///
/// ```
/// use burn::tensor::Device;
/// use elbo::{Activation, layer::ConvTranspose1dConfig};
/// let layer = ConvTranspose1dConfig::new(64, 1, 5)
///     .with_strides(4)
///     .with_padding("same")
///     .with_activation(Activation::Relu)
///     .init(&Device::flex())?;
/// assert_eq!(layer.output_shape(&[None, Some(32), Some(64)])?, [None, Some(128), Some(1)]);
/// # Ok::<(), elbo::Error>(())
/// ```
///
/// Inputs have 3, 4 or 5 axes; other configurations do not compile:
///
/// ```compile_fail
/// let config = elbo::layer::ConvTransposeConfig::<6>::new(1, 1, 1);
/// ```
#[derive(Clone, Debug)]
pub struct ConvTransposeConfig<const D: usize> {
    /// Input channels C.
    #[doc(alias = "in_channels")]
    pub channels_in: usize,
    /// Output channels F.
    #[doc(alias = "channels_out")]
    pub filters: usize,
    /// Lengths of the kernel.
    pub kernel_size: Sizes,
    /// Which of the `strides` possible output lengths is taken, from 0, the shortest, to strides - 1; `None` for 0 under
    /// valid padding and `strides - 1` under same.
    pub output_padding: Option<Sizes>,
    /// Everything else.
    pub options: ConvOptions<D>,
}

/// Configuration of a [`ConvTranspose1d`](super::ConvTranspose1d).
pub type ConvTranspose1dConfig = ConvTransposeConfig<3>;
/// Configuration of a [`ConvTranspose2d`](super::ConvTranspose2d).
pub type ConvTranspose2dConfig = ConvTransposeConfig<4>;
/// Configuration of a [`ConvTranspose3d`](super::ConvTranspose3d).
pub type ConvTranspose3dConfig = ConvTransposeConfig<5>;

impl<const D: usize> ConvTransposeConfig<D> {
    convolution_setters!(options);
    layer_option_setters!(options.layer, D);
    init_option_setters!(options.layer);

    /// `channels_in` channels in, `filters` out.
    #[must_use]
    pub fn new(channels_in: usize, filters: usize, kernel_size: impl Into<Sizes>) -> Self {
        // Checked here too, so that a wrong rank does not compile from its first mention on.
        let _ = rank::<D>();
        let (kernel_size, options) = (kernel_size.into(), ConvOptions::default());
        Self { channels_in, filters, kernel_size, output_padding: None, options }
    }

    /// Which of the possible output lengths is taken, one number for all axes or one for each.
    #[must_use]
    pub fn with_output_padding(mut self, output_padding: impl Into<Sizes>) -> Self {
        self.output_padding = Some(output_padding.into());
        self
    }

    /// Builds the layer with a built-in posterior.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::TooLarge`] or [`Error::NoClosedForm`], naming the argument.
    pub fn init(&self, device: &Device) -> Result<ConvTranspose<D>> {
        let (class, options) = (class::<D>(), &self.options.layer);
        let geometry = self.geometry(class)?;
        let mut scope = VariableScope::fresh(device, options.owner(class), options.init_seed(class)?);
        let dtype = options.dtype.unwrap_or_else(|| device.settings().float_dtype.into());
        let (kernel, bias) = forward::build(options, kernel_shape(&geometry.sizes), dtype, &mut scope)?;
        Ok(ConvTranspose { kernel, bias, op: TransposedConvOp { geometry }, settings: options.settings(class, dtype) })
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
    ) -> Result<ConvTranspose<D, Q>> {
        let (class, options) = (class::<D>(), &self.options.layer);
        let geometry = self.geometry(class)?;
        let mut scope = VariableScope::fresh(device, options.owner(class), options.init_seed(class)?);
        let dtype = options.dtype.unwrap_or_else(|| device.settings().float_dtype.into());
        let shape = kernel_shape(&geometry.sizes);
        let (kernel, bias) = forward::build_with(options, shape, dtype, &mut scope, posterior_fn, divergence)?;
        Ok(ConvTranspose { kernel, bias, op: TransposedConvOp { geometry }, settings: options.settings(class, dtype) })
    }

    /// The shape of an output before the layer is built; unknown lengths stay unknown.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for bad arguments, [`Error::Input`] for a wrong rank or number of channels, or a
    /// length of 0 under valid padding.
    pub fn output_shape(&self, input: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
        let class = class::<D>();
        output_shape(self.options.layer.owner(class), &self.geometry(class)?, input)
    }

    /// Checks all arguments.
    fn geometry(&self, class: &str) -> Result<TransposedGeometry> {
        let (owner, options) = (self.options.layer.owner(class), &self.options);
        let padding = options.padding.resolve_acausal(owner)?;
        let sizes = sizes(owner, (self.channels_in, self.filters), &self.kernel_size, padding, options)?;
        let output_padding = self.output_padding.as_ref().map(|given| output_padding(owner, given, &sizes));
        Ok(TransposedGeometry { sizes, output_padding: output_padding.transpose()? })
    }
}

/// Output padding below the strides on every axis.
fn output_padding(owner: &str, given: &Sizes, sizes: &ConvGeometry) -> Result<[usize; 3]> {
    let padding = given.expand_from(0, owner, "output_padding", sizes.rank)?;
    if (0..3).all(|axis| padding[axis] < sizes.strides[axis]) {
        return Ok(padding);
    }
    let spatial = 3 - sizes.rank..;
    let (found, strides) = (&padding[spatial.clone()], &sizes.strides[spatial]);
    Err(Error::argument(owner, "output_padding", format!("below the strides {strides:?}"), format!("{found:?}")))
}

/// Class of a transposed convolution with inputs of `D` axes.
pub(crate) const fn class<const D: usize>() -> &'static str {
    ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"][rank::<D>() - 1]
}

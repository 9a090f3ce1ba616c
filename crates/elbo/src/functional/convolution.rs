//! Convolutions by name.

use super::{Call, Scope};
use crate::error::Result;
use crate::estimator::Estimator;
use crate::layer::{Choice, Conv1dOptions, Conv2dOptions, Conv3dOptions, ConvConfig, ConvOptions, Sizes};
use crate::trace::Trace;
use crate::variable::VariableScope;
use burn::tensor::Tensor;

/// Convolves with the variables `<name>/kernel_posterior_loc` and so on of `scope`.
fn convolve<const D: usize>(
    class: &'static str,
    estimator: Estimator,
    scope: &mut Scope,
    trace: &mut Trace,
    inputs: Tensor<D>,
    (filters, kernel_size): (usize, Sizes),
    call: Call<ConvOptions<D>>,
) -> Result<Tensor<D>> {
    let Call { mut options, reuse } = call;
    let name = scope.layer_name(class, options.layer.name.as_deref(), reuse);
    options.layer.name = Some(name.clone());
    options.layer.estimator = estimator;
    let axis = match options.data_format.resolve(&name)? {
        elbo_kernels::DataFormat::ChannelsLast => D - 1,
        elbo_kernels::DataFormat::ChannelsFirst => 1,
    };
    // What the module's page has: valid or same padding, and strides or dilation.
    options.padding = Choice::Known(options.padding.resolve_acausal(&name)?);
    let channels_in = inputs.dims()[axis];
    let config = ConvConfig { channels_in, filters, kernel_size, strides_with_dilation: false, options };
    scope.attempt(|scope| {
        let mut variables = VariableScope::stored(scope, &name, reuse);
        config.build(class, inputs.dtype(), &mut variables)?.try_forward(inputs, trace)
    })
}

/// Defines the function of one rank.
macro_rules! convolution {
    ($(#[$doc:meta])* $name:ident, $axes:literal, $options:ty, $estimator:expr) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// Those of the layer's configuration and forward pass, and of [`Reuse`](super::Reuse).
        pub fn $name(
            scope: &mut Scope,
            trace: &mut Trace,
            inputs: Tensor<$axes>,
            filters: usize,
            kernel_size: impl Into<Sizes>,
            call: impl Into<Call<$options>>,
        ) -> Result<Tensor<$axes>> {
            let sizes = (filters, kernel_size.into());
            convolve(stringify!($name), $estimator, scope, trace, inputs, sizes, call.into())
        }
    };
}

convolution! {
    /// Temporal convolution with a random kernel: `activation(inputs ⋆ W + b)`, `W ~ q`.
    ///
    /// Inputs `[batch, length, channels]`, or `[batch, channels, length]` with `channels_first`.
    conv1d_reparameterization, 3, Conv1dOptions, Estimator::Reparameterization
}
convolution! {
    /// Planar convolution with a random kernel: `activation(inputs ⋆ W + b)`, `W ~ q`.
    ///
    /// Inputs `[batch, height, width, channels]`, or `[batch, channels, height, width]` with `channels_first`.
    conv2d_reparameterization, 4, Conv2dOptions, Estimator::Reparameterization
}
convolution! {
    /// Volumetric convolution with a random kernel: `activation(inputs ⋆ W + b)`, `W ~ q`.
    ///
    /// Inputs `[batch, depth, height, width, channels]`, or with channels second with `channels_first`.
    conv3d_reparameterization, 5, Conv3dOptions, Estimator::Reparameterization
}
convolution! {
    /// Temporal convolution whose kernel is perturbed with random signs for every example (Wen et al. 2018).
    ///
    /// Inputs `[batch, length, channels]`, or `[batch, channels, length]` with `channels_first`.
    conv1d_flipout, 3, Conv1dOptions, Estimator::Flipout
}
convolution! {
    /// Planar convolution whose kernel is perturbed with random signs for every example (Wen et al. 2018).
    ///
    /// Inputs `[batch, height, width, channels]`, or `[batch, channels, height, width]` with `channels_first`.
    conv2d_flipout, 4, Conv2dOptions, Estimator::Flipout
}
convolution! {
    /// Volumetric convolution whose kernel is perturbed with random signs for every example (Wen et al. 2018).
    ///
    /// Inputs `[batch, depth, height, width, channels]`, or with channels second with `channels_first`.
    conv3d_flipout, 5, Conv3dOptions, Estimator::Flipout
}
convolution! {
    /// Temporal convolution whose outputs are drawn from their own normal distributions (Kingma, Salimans and Welling
    /// 2015), positions of an example independently. The module has no such function; here it comes with the estimator.
    ///
    /// Inputs `[batch, length, channels]`, or `[batch, channels, length]` with `channels_first`.
    conv1d_local_reparameterization, 3, Conv1dOptions, Estimator::LocalReparameterization
}
convolution! {
    /// Planar convolution whose outputs are drawn from their own normal distributions (Kingma, Salimans and Welling
    /// 2015), positions of an example independently. The module has no such function; here it comes with the estimator.
    ///
    /// Inputs `[batch, height, width, channels]`, or `[batch, channels, height, width]` with `channels_first`.
    conv2d_local_reparameterization, 4, Conv2dOptions, Estimator::LocalReparameterization
}
convolution! {
    /// Volumetric convolution whose outputs are drawn from their own normal distributions (Kingma, Salimans and Welling
    /// 2015), positions of an example independently. The module has no such function; here it comes with the estimator.
    ///
    /// Inputs `[batch, depth, height, width, channels]`, or with channels second with `channels_first`.
    conv3d_local_reparameterization, 5, Conv3dOptions, Estimator::LocalReparameterization
}

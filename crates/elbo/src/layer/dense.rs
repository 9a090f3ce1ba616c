//! Dense layers: `y = activation(x W + b)` over the last axis, W and b random.

use super::forward::{self, Pass, kernel_and_bias_methods};
use super::options::{LayerOptions, MAX_SIZE, Settings, init_option_setters, layer_option_setters};
use super::spatial::{show, wrong};
use super::weight::Weight;
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::op::DenseOp;
use crate::posterior::{Family, Posterior};
use crate::trace::Trace;
use crate::variable::{VariableRequest, VariableScope};
use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};

pub(crate) const CLASS: &str = "dense";

/// The optional arguments of a dense layer.
#[derive(Clone, Debug, Default)]
pub struct DenseOptions {
    /// The arguments that all layers share.
    pub layer: LayerOptions<2>,
}

impl DenseOptions {
    layer_option_setters!(layer, 2);
}

/// Configuration of a [`Dense`] layer.
///
/// ```
/// use burn::tensor::Device;
/// use elbo::{Activation, layer::DenseConfig};
/// let layer = DenseConfig::new(24, 2).with_activation(Activation::Relu).init(&Device::flex())?;
/// assert_eq!(layer.variables()[0].name, "kernel_posterior_loc");
/// # Ok::<(), elbo::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DenseConfig {
    /// Length of the input's last axis.
    pub inputs: usize,
    /// Length of the output's last axis.
    pub units: usize,
    /// Everything else.
    pub options: DenseOptions,
}

impl DenseConfig {
    layer_option_setters!(options.layer, 2);
    init_option_setters!(options.layer);

    /// `inputs` features in, `units` out.
    #[must_use]
    pub fn new(inputs: usize, units: usize) -> Self {
        Self { inputs, units, options: DenseOptions::default() }
    }

    /// Builds the layer with a built-in posterior.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::TooLarge`] or [`Error::NoClosedForm`], naming the argument.
    pub fn init(&self, device: &Device) -> Result<Dense> {
        let options = &self.options.layer;
        let owner = options.owner(CLASS);
        let mut scope = VariableScope::fresh(device, owner, options.init_seed(CLASS)?);
        let dtype = options.dtype.unwrap_or_else(|| device.settings().float_dtype.into());
        self.build(CLASS, dtype, &mut scope)
    }

    /// Builds the layer with a kernel posterior of your own type, and its divergence from the prior.
    ///
    /// # Errors
    /// As [`init`](Self::init), and those of `posterior_fn`.
    pub fn init_with<Q: Posterior<2>>(
        &self,
        device: &Device,
        posterior_fn: impl FnOnce(&VariableRequest<2>, &mut VariableScope<'_>) -> Result<Q>,
        divergence: Option<Divergence<Q, 2>>,
    ) -> Result<Dense<Q>> {
        let options = &self.options.layer;
        let op = self.op(CLASS)?;
        let mut scope = VariableScope::fresh(device, options.owner(CLASS), options.init_seed(CLASS)?);
        let dtype = options.dtype.unwrap_or_else(|| device.settings().float_dtype.into());
        let shape = [op.inputs, op.units];
        let (kernel, bias) = forward::build_with(options, shape, dtype, &mut scope, posterior_fn, divergence)?;
        Ok(Dense { kernel, bias, op, settings: options.settings(CLASS, dtype) })
    }

    /// Builds the layer from variables of `scope`.
    pub(crate) fn build(&self, class: &'static str, dtype: DType, scope: &mut VariableScope<'_>) -> Result<Dense> {
        let op = self.op(class)?;
        let options = &self.options.layer;
        let (kernel, bias) = forward::build(options, [op.inputs, op.units], dtype, scope)?;
        Ok(Dense { kernel, bias, op, settings: options.settings(class, dtype) })
    }

    /// The shape of an output before the layer is built; unknown lengths stay unknown.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for bad arguments, [`Error::Input`] for a wrong rank or number of features.
    pub fn output_shape(&self, input: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
        output_shape(self.options.layer.owner(CLASS), &self.op(CLASS)?, input)
    }

    fn op(&self, class: &str) -> Result<DenseOp> {
        let owner = self.options.layer.owner(class);
        self.options.layer.check(owner)?;
        for (argument, size) in [("inputs", self.inputs), ("units", self.units)] {
            if !(1..=MAX_SIZE).contains(&size) {
                return Err(Error::argument(owner, argument, format!("between 1 and {MAX_SIZE}"), size));
            }
        }
        Ok(DenseOp { inputs: self.inputs, units: self.units })
    }
}

/// A dense layer with random kernel `[in, units]` and bias `[units]`.
#[derive(Module, Debug)]
pub struct Dense<Q: Module = Family<2>> {
    /// The kernel.
    pub kernel: Weight<Q, 2>,
    /// The bias.
    pub bias: Option<Weight<Family<1>, 1>>,
    #[module(skip)]
    op: DenseOp,
    #[module(skip)]
    settings: Settings,
}

impl<Q: Posterior<2>> Dense<Q> {
    /// `activation(x W + b)`.
    ///
    /// # Shapes
    /// - input: `[batch, .., in]`, rank 2 or more
    /// - output: `[S batch, .., units]` for S weight samples
    ///
    /// # Panics
    /// Where [`try_forward`](Self::try_forward) gives an error.
    #[must_use]
    pub fn forward<const D: usize>(&self, input: Tensor<D>, trace: &mut Trace) -> Tensor<D> {
        self.try_forward(input, trace).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward).
    ///
    /// # Errors
    /// [`Error::Input`] for a wrong rank, number of features or dtype; [`Error::DuplicateName`]; [`Error::Replay`].
    pub fn try_forward<const D: usize>(&self, input: Tensor<D>, trace: &mut Trace) -> Result<Tensor<D>> {
        let pass = Pass { settings: &self.settings, kernel: &self.kernel, bias: self.bias.as_ref() };
        output_shape(self.settings.owner(), &self.op, &input.dims().map(Some))?;
        pass.run(&self.op, input, trace)
    }

    /// The shape of an output; unknown lengths stay unknown.
    ///
    /// # Errors
    /// [`Error::Input`] for a wrong rank or number of features.
    pub fn output_shape(&self, input: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
        output_shape(self.settings.owner(), &self.op, input)
    }

    kernel_and_bias_methods!();

    /// Features in and out, and settings.
    #[must_use]
    pub fn settings(&self) -> (&DenseOp, &Settings) {
        (&self.op, &self.settings)
    }
}

/// The shape of an output, after checking rank and features of the input as far as they are known.
pub(super) fn output_shape(owner: &str, op: &DenseOp, input: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
    let [first, middle @ .., last] = input else {
        return Err(wrong(owner, "rank", "at least 2 axes".into(), format!("{} in {}", input.len(), show(input))));
    };
    if let Some(features) = last.filter(|&features| features != op.inputs) {
        let expected = format!("{} on axis {}", op.inputs, input.len() - 1);
        return Err(wrong(owner, "number of features", expected, format!("{features} in {}", show(input))));
    }
    Ok([&[*first], middle, &[Some(op.units)]].concat())
}

//! Layers that ignore their input and return a trained tensor (`VariableLayer` of TensorFlow Probability), which may be
//! random: a noise scale, a starting state, a table.

use super::options::{Settings, WeightOptions, common_option_setters, init_option_setters, init_seed};
use super::single::{self, Single};
use super::weight::Weight;
use crate::activation::Activation;
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::estimator::Estimator;
use crate::posterior::{Family, LocScaleOptions, Posterior, PosteriorFn, default_mean_field_normal_fn};
use crate::prior::{Prior, PriorFn, fixed_prior};
use crate::trace::Trace;
use crate::variable::{Initializer, Regularizer, VariableInfo, VariableRequest, VariableScope};
use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};

pub(crate) const CLASS: &str = "variable_layer";

/// The optional arguments of a [`VariableLayer`].
#[derive(Clone, Debug)]
pub struct VariableLayerOptions<const D: usize> {
    /// The tensor's distributions: by default a point mass that starts at 0, without prior.
    pub variable: WeightOptions<D>,
    /// Applied to the tensor.
    pub activation: Activation,
    /// Penalty on the output.
    pub activity_regularizer: Option<Regularizer>,
    /// Whether variables are trained.
    pub trainable: bool,
    /// The layer's name, without `@`, `#` and `:`: its noise and its losses go by it.
    pub name: Option<String>,
    /// Seed of the initial values; `None` for values that differ from run to run. Needs a name.
    pub seed: Option<u64>,
    /// Type of the variables; `None` for the device's default.
    pub dtype: Option<DType>,
}

impl<const D: usize> Default for VariableLayerOptions<D> {
    fn default() -> Self {
        Self {
            variable: WeightOptions { posterior_fn: point(Initializer::Constant(0.0)), ..WeightOptions::bias() },
            activation: Activation::default(),
            activity_regularizer: None,
            trainable: true,
            name: None,
            seed: None,
            dtype: None,
        }
    }
}

fn point<const D: usize>(loc_initializer: Initializer) -> PosteriorFn<D> {
    default_mean_field_normal_fn(LocScaleOptions { loc_initializer, ..LocScaleOptions::singular() })
}

/// Configuration of a [`VariableLayer`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use elbo::{Activation, Trace, layer::VariableLayerConfig};
/// let device = Device::flex();
/// let scale = VariableLayerConfig::new([1, 3]).with_activation(Activation::Softplus).init(&device)?;
/// let output = scale.forward(Tensor::<2>::ones([8, 5], &device), &mut Trace::mean());
/// assert_eq!(output.dims(), [1, 3]); // ln 2 everywhere
/// # Ok::<(), elbo::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct VariableLayerConfig<const D: usize> {
    /// Shape of the tensor.
    pub shape: [usize; D],
    /// Everything else.
    pub options: VariableLayerOptions<D>,
}

impl<const D: usize> VariableLayerConfig<D> {
    common_option_setters!(options);
    init_option_setters!(options);

    /// A tensor of this shape.
    #[must_use]
    pub fn new(shape: [usize; D]) -> Self {
        Self { shape, options: VariableLayerOptions::default() }
    }

    /// A point mass that starts so.
    #[must_use]
    pub fn with_initializer(self, initializer: Initializer) -> Self {
        self.with_posterior_fn(point(initializer))
    }

    /// Builder of the posterior: called under the name `posterior`.
    #[must_use]
    pub fn with_posterior_fn(mut self, posterior_fn: PosteriorFn<D>) -> Self {
        self.options.variable.posterior_fn = posterior_fn;
        self
    }

    /// Builder of the prior, under the name `prior`; `None`, the default, for no prior and no divergence.
    #[must_use]
    pub fn with_prior_fn(mut self, prior_fn: Option<PriorFn<D>>) -> Self {
        self.options.variable.prior_fn = prior_fn;
        self
    }

    /// One fixed prior.
    #[must_use]
    pub fn with_prior(self, prior: Prior<D>) -> Self {
        self.with_prior_fn(Some(fixed_prior(prior)))
    }

    /// Divergence from the prior; `None` for no loss.
    #[must_use]
    pub fn with_divergence(mut self, divergence: Option<Divergence<Family<D>, D>>) -> Self {
        self.options.variable.divergence = divergence;
        self
    }

    /// Builds the layer with a built-in posterior.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::TooLarge`] or [`Error::NoClosedForm`], naming the argument.
    pub fn init(&self, device: &Device) -> Result<VariableLayer<Family<D>, D>> {
        let WeightOptions { posterior_fn, divergence, .. } = &self.options.variable;
        self.init_with(device, |request, scope| posterior_fn(request, scope), divergence.clone())
    }

    /// Builds the layer with a posterior of your own type, and its divergence from the prior.
    ///
    /// # Errors
    /// As [`init`](Self::init), and those of `posterior_fn`.
    pub fn init_with<Q: Posterior<D>>(
        &self,
        device: &Device,
        posterior_fn: impl FnOnce(&VariableRequest<D>, &mut VariableScope<'_>) -> Result<Q>,
        divergence: Option<Divergence<Q, D>>,
    ) -> Result<VariableLayer<Q, D>> {
        let options = &self.options;
        let owner = options.name.as_deref().unwrap_or(CLASS);
        self.check(owner)?;
        let mut scope = VariableScope::fresh(device, owner, init_seed(CLASS, options.seed, options.name.as_deref())?);
        let dtype = options.dtype.unwrap_or_else(|| device.settings().float_dtype.into());
        let request = (self.shape, dtype, options.trainable);
        let prior_fn = options.variable.prior_fn.as_ref();
        let variable = single::build(request, &mut scope, posterior_fn, prior_fn, divergence)?;
        Ok(VariableLayer { variable, settings: self.settings(dtype) })
    }

    /// The shape of an output, whatever the input.
    #[must_use]
    pub fn output_shape(&self) -> [usize; D] {
        self.shape
    }

    fn check(&self, owner: &str) -> Result<()> {
        super::options::check(owner, self.options.dtype, self.options.activity_regularizer.as_ref())?;
        if D == 0 || self.shape.contains(&0) {
            return Err(Error::argument(owner, "shape", "of at least one element", format!("{:?}", self.shape)));
        }
        Ok(())
    }

    fn settings(&self, dtype: DType) -> Settings {
        Settings {
            name: self.options.name.clone(),
            class: CLASS,
            estimator: Estimator::Reparameterization,
            activation: self.options.activation.clone(),
            activity_regularizer: self.options.activity_regularizer.clone(),
            dtype,
        }
    }
}

/// A trained tensor as a layer.
#[derive(Module, Debug)]
pub struct VariableLayer<Q: Module, const D: usize> {
    /// The tensor.
    pub variable: Weight<Q, D>,
    #[module(skip)]
    settings: Settings,
}

impl<Q: Posterior<D>, const D: usize> VariableLayer<Q, D> {
    /// `activation(variable)`; the input is not looked at.
    ///
    /// # Shapes
    /// - output: the variable's shape; with S weight samples its first axis is S times as long, sample-major
    ///
    /// A random layer that gets this output as the first input of the pass takes it for the batch, all S parts of it: let
    /// the pass see its examples first, by a layer on them or by [`Trace::expand`].
    ///
    /// # Panics
    /// Where [`try_forward`](Self::try_forward) gives an error.
    #[must_use]
    pub fn forward<const X: usize>(&self, input: Tensor<X>, trace: &mut Trace) -> Tensor<D> {
        self.try_forward(input, trace).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`forward`](Self::forward).
    ///
    /// # Errors
    /// [`Error::DuplicateName`]; [`Error::Replay`].
    pub fn try_forward<const X: usize>(&self, _: Tensor<X>, trace: &mut Trace) -> Result<Tensor<D>> {
        let pass = Single { settings: &self.settings, weight: &self.variable, kl_weight: 1.0 };
        trace.attempt(|trace| {
            let (entered, drawn) = pass.draw(trace)?;
            let mut shape = self.output_shape();
            shape[0] *= drawn.dims()[0];
            let output = self.settings.activation.apply(drawn.clone().reshape(shape), D - 1);
            pass.record(trace, &entered, drawn, &output)?;
            Ok(output)
        })
    }

    /// The shape of an output of one weight sample.
    #[must_use]
    pub fn output_shape(&self) -> [usize; D] {
        self.variable.posterior.shape()
    }

    /// The variables, in order of creation.
    #[must_use]
    pub fn variables(&self) -> Vec<VariableInfo> {
        self.variable.variables()
    }

    /// The layer after the projections of its variables: call it after an optimizer step if there are constraints.
    #[must_use]
    pub fn constrained(self) -> Self {
        Self { variable: self.variable.constrained(), ..self }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

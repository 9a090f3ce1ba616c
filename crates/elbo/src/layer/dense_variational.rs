//! Dense layers whose kernel and bias are one random vector: `y = activation(x W + b)` with a joint posterior of
//! `[W row by row, b]`, which can have any correlations (`DenseVariational` of TensorFlow Probability).

use super::dense::output_shape;
use super::options::{MAX_SIZE, Settings, WeightOptions, common_option_setters, init_option_setters, init_seed};
use super::single::{self, Single};
use super::weight::Weight;
use crate::activation::Activation;
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::estimator::Estimator;
use crate::op::{DenseOp, LinearOp};
use crate::posterior::{Family, Posterior, PosteriorFn};
use crate::prior::{Prior, PriorFn, fixed_prior};
use crate::trace::Trace;
use crate::variable::{MAX_ELEMENTS, Regularizer, VariableInfo, VariableRequest, VariableScope};
use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use std::fmt;

pub(crate) const CLASS: &str = "dense_variational";

/// The optional arguments of a [`DenseVariational`] layer.
#[derive(Clone)]
pub struct DenseVariationalOptions {
    /// Builds the joint posterior, of a vector of `in * units + units` elements (without bias `in * units`).
    pub posterior_fn: PosteriorFn<1>,
    /// Builds the joint prior; `None` for no prior, hence no divergence.
    pub prior_fn: Option<PriorFn<1>>,
    /// Whether there is a bias.
    pub use_bias: bool,
    /// Factor on the divergence, 1 by default. [`Elbo`](crate::objective::Elbo) divides every divergence by the number
    /// of training examples, so the successor's advice to give `1 / N` here does not apply.
    pub kl_weight: f64,
    /// Whether the divergence is the KL in closed form, or `ln q(w) - ln p(w)` of the weights that were drawn. The
    /// latter is the default, as in the successor, because it exists for every pair.
    pub kl_use_exact: bool,
    /// Applied after the bias.
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

impl Default for DenseVariationalOptions {
    /// A mean-field normal, a standard normal prior and a bias.
    fn default() -> Self {
        let WeightOptions { posterior_fn, prior_fn, .. } = WeightOptions::kernel();
        Self {
            posterior_fn,
            prior_fn,
            use_bias: true,
            kl_weight: 1.0,
            kl_use_exact: false,
            activation: Activation::default(),
            activity_regularizer: None,
            trainable: true,
            name: None,
            seed: None,
            dtype: None,
        }
    }
}

impl fmt::Debug for DenseVariationalOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenseVariationalOptions")
            .field("prior", &self.prior_fn.is_some())
            .field("use_bias", &self.use_bias)
            .field("kl_weight", &self.kl_weight)
            .field("kl_use_exact", &self.kl_use_exact)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Configuration of a [`DenseVariational`] layer.
///
/// ```
/// use burn::tensor::Device;
/// use elbo::layer::DenseVariationalConfig;
/// use elbo::posterior::{TriLOptions, multivariate_normal_tril_fn};
/// let layer = DenseVariationalConfig::new(4, 2)
///     .with_posterior_fn(multivariate_normal_tril_fn(TriLOptions::default()))
///     .with_kl_use_exact(true)
///     .init(&Device::flex())?;
/// // 4 x 2 weights and 2 biases, and their 45 covariances.
/// assert_eq!(layer.variables()[0].shape, [10]);
/// assert_eq!(layer.variables()[2].shape, [45]);
/// # Ok::<(), elbo::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DenseVariationalConfig {
    /// Length of the input's last axis.
    pub inputs: usize,
    /// Length of the output's last axis.
    pub units: usize,
    /// Everything else.
    pub options: DenseVariationalOptions,
}

impl DenseVariationalConfig {
    common_option_setters!(options);
    init_option_setters!(options);

    /// `inputs` features in, `units` out.
    #[must_use]
    pub fn new(inputs: usize, units: usize) -> Self {
        Self { inputs, units, options: DenseVariationalOptions::default() }
    }

    /// Builder of the joint posterior: called with the vector's shape, under the name `posterior`.
    #[must_use]
    pub fn with_posterior_fn(mut self, posterior_fn: PosteriorFn<1>) -> Self {
        self.options.posterior_fn = posterior_fn;
        self
    }

    /// Builder of the joint prior, under the name `prior`; `None` for no prior and no divergence.
    #[must_use]
    pub fn with_prior_fn(mut self, prior_fn: Option<PriorFn<1>>) -> Self {
        self.options.prior_fn = prior_fn;
        self
    }

    /// One fixed prior.
    #[must_use]
    pub fn with_prior(self, prior: Prior<1>) -> Self {
        self.with_prior_fn(Some(fixed_prior(prior)))
    }

    /// Whether there is a bias.
    #[must_use]
    pub fn with_use_bias(mut self, use_bias: bool) -> Self {
        self.options.use_bias = use_bias;
        self
    }

    /// Factor on the divergence; see [`DenseVariationalOptions::kl_weight`].
    #[must_use]
    pub fn with_kl_weight(mut self, kl_weight: f64) -> Self {
        self.options.kl_weight = kl_weight;
        self
    }

    /// Whether the divergence is the KL in closed form.
    #[must_use]
    pub fn with_kl_use_exact(mut self, kl_use_exact: bool) -> Self {
        self.options.kl_use_exact = kl_use_exact;
        self
    }

    /// Builds the layer with a built-in posterior.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::TooLarge`] or [`Error::NoClosedForm`], naming the argument.
    pub fn init(&self, device: &Device) -> Result<DenseVariational> {
        self.init_with(device, |request, scope| (self.options.posterior_fn)(request, scope))
    }

    /// Builds the layer with a posterior of your own type.
    ///
    /// # Errors
    /// As [`init`](Self::init), and those of `posterior_fn`.
    pub fn init_with<Q: Posterior<1>>(
        &self,
        device: &Device,
        posterior_fn: impl FnOnce(&VariableRequest<1>, &mut VariableScope<'_>) -> Result<Q>,
    ) -> Result<DenseVariational<Q>> {
        let options = &self.options;
        let (op, elements) = self.check()?;
        let mut scope =
            VariableScope::fresh(device, self.owner(), init_seed(CLASS, options.seed, options.name.as_deref())?);
        let dtype = options.dtype.unwrap_or_else(|| device.settings().float_dtype.into());
        let divergence = if options.kl_use_exact { Divergence::Kl } else { Divergence::MonteCarlo };
        let request = ([elements], dtype, options.trainable);
        let weights = single::build(request, &mut scope, posterior_fn, options.prior_fn.as_ref(), Some(divergence))?;
        let (use_bias, kl_weight) = (options.use_bias, options.kl_weight);
        Ok(DenseVariational { weights, op, use_bias, kl_weight, settings: self.settings(dtype) })
    }

    /// The shape of an output before the layer is built; unknown lengths stay unknown.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for bad arguments, [`Error::Input`] for a wrong rank or number of features.
    pub fn output_shape(&self, input: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
        output_shape(self.owner(), &self.check()?.0, input)
    }

    /// Name or class, for messages.
    fn owner(&self) -> &str {
        self.options.name.as_deref().unwrap_or(CLASS)
    }

    /// The operation, and how many elements kernel and bias have.
    fn check(&self) -> Result<(DenseOp, usize)> {
        let (owner, options) = (self.owner(), &self.options);
        super::options::check(owner, options.dtype, options.activity_regularizer.as_ref())?;
        for (argument, size) in [("inputs", self.inputs), ("units", self.units)] {
            if !(1..=MAX_SIZE).contains(&size) {
                return Err(Error::argument(owner, argument, format!("between 1 and {MAX_SIZE}"), size));
            }
        }
        if !(options.kl_weight.is_finite() && options.kl_weight >= 0.0) {
            return Err(Error::argument(owner, "kl_weight", "finite and not negative", options.kl_weight));
        }
        let rows = self.inputs + usize::from(options.use_bias);
        let elements = rows.checked_mul(self.units).filter(|&n| n <= MAX_ELEMENTS).ok_or_else(|| Error::TooLarge {
            owner: owner.to_owned(),
            what: "the vector of kernel and bias",
            found: format!("{rows} x {}", self.units),
            limit: MAX_ELEMENTS,
        })?;
        Ok((DenseOp { inputs: self.inputs, units: self.units }, elements))
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

/// A dense layer with one random vector for kernel and bias.
///
/// In the trace it has one divergence, the kernel's, times `kl_weight`; its draw is the kernel's, `[S, in * units +
/// units]`; its noise is the stream `<name>/kernel`.
#[derive(Module, Debug)]
pub struct DenseVariational<Q: Module = Family<1>> {
    /// `[kernel (in, units) row by row, then bias (units)]`.
    pub weights: Weight<Q, 1>,
    #[module(skip)]
    op: DenseOp,
    #[module(skip)]
    use_bias: bool,
    #[module(skip)]
    kl_weight: f64,
    #[module(skip)]
    settings: Settings,
}

impl<Q: Posterior<1>> DenseVariational<Q> {
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
        let pass = Single { settings: &self.settings, weight: &self.weights, kl_weight: self.kl_weight };
        let owner = self.settings.owner();
        output_shape(owner, &self.op, &input.dims().map(Some))?;
        self.settings.check_dtype(&input)?;
        trace.attempt(|trace| {
            let shared = trace.is_shared(owner, input.dims()[0])?;
            let (entered, drawn) = pass.draw(trace)?;
            let (kernel, bias) = self.split(drawn.clone());
            let activation = &self.settings.activation;
            let output = LinearOp::<D>::apply(&self.op, input, kernel, bias, shared, activation.epilogue());
            let output = activation.after_epilogue(output, D - 1);
            pass.record(trace, &entered, drawn, &output)?;
            Ok(output)
        })
    }

    /// Kernels `[S, in * units]` and biases `[S, units]` of draws; zeros if there is no bias.
    fn split(&self, drawn: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let (samples, weights, units) = (drawn.dims()[0], self.op.inputs * self.op.units, self.op.units);
        if self.use_bias {
            return (drawn.clone().narrow(1, 0, weights), drawn.narrow(1, weights, units));
        }
        let bias = Tensor::zeros([samples, units], (&drawn.device(), drawn.dtype()));
        (drawn, bias)
    }

    /// The shape of an output; unknown lengths stay unknown.
    ///
    /// # Errors
    /// [`Error::Input`] for a wrong rank or number of features.
    pub fn output_shape(&self, input: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
        output_shape(self.settings.owner(), &self.op, input)
    }

    /// The variables, in order of creation.
    #[must_use]
    pub fn variables(&self) -> Vec<VariableInfo> {
        self.weights.variables()
    }

    /// The layer after the projections of its variables: call it after an optimizer step if there are constraints.
    #[must_use]
    pub fn constrained(self) -> Self {
        Self { weights: self.weights.constrained(), ..self }
    }

    /// Features in and out, and settings.
    #[must_use]
    pub fn settings(&self) -> (&DenseOp, &Settings) {
        (&self.op, &self.settings)
    }

    /// Whether there is a bias.
    #[must_use]
    pub fn use_bias(&self) -> bool {
        self.use_bias
    }

    /// Factor on the divergence.
    #[must_use]
    pub fn kl_weight(&self) -> f64 {
        self.kl_weight
    }
}

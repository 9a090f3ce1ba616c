//! What all layers can be told: the optional arguments of the module's page.

use super::weight::TensorFn;
use crate::activation::Activation;
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::estimator::Estimator;
use crate::posterior::{Family, LocScaleOptions, PosteriorFn, default_mean_field_normal_fn};
use crate::prior::{Prior, PriorFn, fixed_prior};
use crate::variable::{Regularizer, VariableRequest, VariableScope};
use burn::tensor::DType;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

/// Largest value of a size such as `filters`: beyond it products overflow long before memory could be had.
pub(crate) const MAX_SIZE: usize = 1 << 40;

/// The types that variables can have.
const FLOATS: [DType; 4] = [DType::F32, DType::F64, DType::F16, DType::BF16];

/// How one weight of a layer is made.
#[derive(Clone)]
pub struct WeightOptions<const D: usize> {
    /// Builds the posterior.
    pub posterior_fn: PosteriorFn<D>,
    /// Draws a value from the posterior; `None` for one sample.
    pub posterior_tensor_fn: Option<TensorFn<D>>,
    /// Builds the prior; `None` for no prior, hence no divergence.
    pub prior_fn: Option<PriorFn<D>>,
    /// Divergence of posterior and prior; `None` for no loss.
    pub divergence: Option<Divergence<Family<D>, D>>,
}

impl<const D: usize> WeightOptions<D> {
    /// The kernel's defaults: mean-field normal, standard normal prior, closed-form KL.
    #[must_use]
    pub fn kernel() -> Self {
        Self {
            posterior_fn: default_mean_field_normal_fn(LocScaleOptions::default()),
            posterior_tensor_fn: None,
            prior_fn: Some(fixed_prior(Prior::standard_normal())),
            divergence: Some(Divergence::Kl),
        }
    }

    /// The bias's defaults: a point mass without prior.
    #[must_use]
    pub fn bias() -> Self {
        Self {
            posterior_fn: default_mean_field_normal_fn(LocScaleOptions::singular()),
            posterior_tensor_fn: None,
            prior_fn: None,
            divergence: Some(Divergence::Kl),
        }
    }

    /// The prior, asked for under `name`.
    pub(crate) fn prior(
        &self,
        request: &VariableRequest<D>,
        scope: &mut VariableScope<'_>,
    ) -> Result<Option<Prior<D>>> {
        self.prior_fn.as_ref().map(|prior_fn| prior_fn(request, scope)).transpose()
    }
}

impl<const D: usize> fmt::Debug for WeightOptions<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeightOptions")
            .field("prior", &self.prior_fn.is_some())
            .field("divergence", &self.divergence)
            .finish_non_exhaustive()
    }
}

/// The arguments that all layers share.
#[derive(Clone, Debug)]
pub struct LayerOptions<const K: usize> {
    /// Applied after the bias.
    pub activation: Activation,
    /// Penalty on the output.
    pub activity_regularizer: Option<Regularizer>,
    /// Whether variables are trained.
    pub trainable: bool,
    /// The kernel's distributions.
    pub kernel: WeightOptions<K>,
    /// The bias's distributions; `None` for no bias.
    pub bias: Option<WeightOptions<1>>,
    /// The first argument that a setter was given for a bias that was not there: no layer is built with it.
    pub stray_bias_argument: Option<&'static str>,
    /// How a pass draws.
    pub estimator: Estimator,
    /// The layer's name, without `@`, `#` and `:`: its noise and its losses go by it.
    pub name: Option<String>,
    /// Seed of the initial values; `None` for values that differ from run to run. Needs a name.
    pub seed: Option<u64>,
    /// Type of the variables; `None` for the device's default.
    pub dtype: Option<DType>,
}

impl<const K: usize> Default for LayerOptions<K> {
    fn default() -> Self {
        Self {
            activation: Activation::default(),
            activity_regularizer: None,
            trainable: true,
            kernel: WeightOptions::kernel(),
            bias: Some(WeightOptions::bias()),
            stray_bias_argument: None,
            estimator: Estimator::default(),
            name: None,
            seed: None,
            dtype: None,
        }
    }
}

/// A layer's settings that are not parameters.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The layer's name, if it was given one.
    pub name: Option<String>,
    /// Snake-case class: the default name.
    pub class: &'static str,
    /// How a pass draws.
    pub estimator: Estimator,
    /// Applied after the bias.
    pub activation: Activation,
    /// Penalty on the output.
    pub activity_regularizer: Option<Regularizer>,
    /// Type of the variables.
    pub dtype: DType,
}

impl<const K: usize> LayerOptions<K> {
    /// Name or class, for messages.
    pub(crate) fn owner<'a>(&'a self, class: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(class)
    }

    /// Checks dtype and penalty, and that nothing was said of a bias that is not there.
    pub(crate) fn check(&self, owner: &str) -> Result<()> {
        if let Some(argument) = self.stray_bias_argument {
            let expected = "given while the layer has a bias: not after `with_bias_posterior_fn(None)`";
            return Err(Error::argument(owner, argument, expected, "no bias"));
        }
        check(owner, self.dtype, self.activity_regularizer.as_ref())
    }

    /// Changes the bias's distributions. Where there is no bias, an argument that says something of it is kept for
    /// [`check`](Self::check) to refuse.
    pub(crate) fn change_bias(
        &mut self,
        argument: &'static str,
        is_given: bool,
        change: impl FnOnce(&mut WeightOptions<1>),
    ) {
        match &mut self.bias {
            Some(bias) => change(bias),
            None if is_given => drop(self.stray_bias_argument.get_or_insert(argument)),
            None => (),
        }
    }

    /// The seed of initial values.
    pub(crate) fn init_seed(&self, class: &str) -> Result<u64> {
        init_seed(class, self.seed, self.name.as_deref())
    }

    pub(crate) fn settings(&self, class: &'static str, dtype: DType) -> Settings {
        Settings {
            name: self.name.clone(),
            class,
            estimator: self.estimator,
            activation: self.activation.clone(),
            activity_regularizer: self.activity_regularizer.clone(),
            dtype,
        }
    }
}

/// What tells streams of noise apart: the calls of a layer, the requests of a call, the purposes of a seed.
const RESERVED: [char; 3] = ['@', '#', ':'];

/// Checks the name, the type of the variables and the penalty on the output. A layer called `a@1` would have the noise
/// of the second call of `a`.
pub(crate) fn check(owner: &str, dtype: Option<DType>, activity_regularizer: Option<&Regularizer>) -> Result<()> {
    if owner.contains(RESERVED) {
        return Err(Error::argument(owner, "name", "without `@`, `#` and `:`", format!("`{owner}`")));
    }
    if let Some(dtype) = dtype.filter(|dtype| !FLOATS.contains(dtype)) {
        return Err(Error::argument(owner, "dtype", format!("one of {FLOATS:?}"), format!("{dtype:?}")));
    }
    activity_regularizer.map_or(Ok(()), |regularizer| regularizer.check(owner, "activity_regularizer"))
}

/// The seed of initial values, which goes with a name; without one a seed that differs from run to run.
pub(crate) fn init_seed(class: &str, seed: Option<u64>, name: Option<&str>) -> Result<u64> {
    match (seed, name) {
        (Some(_), None) => Err(Error::argument(
            class,
            "name",
            "given together with `seed`, so that layers of one shape do not start equal",
            "none",
        )),
        (Some(seed), Some(_)) => Ok(seed),
        (None, _) => Ok(RandomState::new().build_hasher().finish()),
    }
}

/// Setters of the arguments that every layer has, for a type with a field path to its options.
macro_rules! common_option_setters {
    ($($path:ident).+) => {
        /// What is applied after the bias.
        #[must_use]
        pub fn with_activation(mut self, activation: $crate::activation::Activation) -> Self {
            self.$($path).+.activation = activation;
            self
        }

        /// Penalty on the output, evaluated at every call, un-normalised.
        #[must_use]
        pub fn with_activity_regularizer(mut self, regularizer: $crate::variable::Regularizer) -> Self {
            self.$($path).+.activity_regularizer = Some(regularizer);
            self
        }

        /// Whether variables are trained; sampling and divergences do not change.
        #[must_use]
        pub fn with_trainable(mut self, trainable: bool) -> Self {
            self.$($path).+.trainable = trainable;
            self
        }

        /// The layer's name: its noise, its losses and its variables go by it.
        #[must_use]
        pub fn with_name(mut self, name: impl Into<String>) -> Self {
            self.$($path).+.name = Some(name.into());
            self
        }
    };
}

/// Setters for a type with a field path to [`LayerOptions`].
macro_rules! layer_option_setters {
    ($($path:ident).+, $rank:expr) => {
        $crate::layer::options::common_option_setters!($($path).+);

        /// Builder of the kernel's posterior.
        #[must_use]
        pub fn with_kernel_posterior_fn(mut self, posterior_fn: $crate::posterior::PosteriorFn<{ $rank }>) -> Self {
            self.$($path).+.kernel.posterior_fn = posterior_fn;
            self
        }

        /// How a kernel is drawn from its posterior; by default one sample.
        #[must_use]
        pub fn with_kernel_posterior_tensor_fn(mut self, tensor_fn: $crate::layer::TensorFn<{ $rank }>) -> Self {
            self.$($path).+.kernel.posterior_tensor_fn = Some(tensor_fn);
            self
        }

        /// Builder of the kernel's prior; `None` for no prior and no divergence.
        #[must_use]
        pub fn with_kernel_prior_fn(mut self, prior_fn: Option<$crate::prior::PriorFn<{ $rank }>>) -> Self {
            self.$($path).+.kernel.prior_fn = prior_fn;
            self
        }

        /// One fixed prior for the kernel.
        #[must_use]
        pub fn with_kernel_prior(self, prior: $crate::prior::Prior<{ $rank }>) -> Self {
            self.with_kernel_prior_fn(Some($crate::prior::fixed_prior(prior)))
        }

        /// Divergence of the kernel; `None` for no loss.
        #[must_use]
        pub fn with_kernel_divergence(
            mut self,
            divergence: Option<$crate::divergence::Divergence<$crate::posterior::Family<{ $rank }>, { $rank }>>,
        ) -> Self {
            self.$($path).+.kernel.divergence = divergence;
            self
        }

        /// Builder of the bias's posterior; `None` for no bias, which forgets what was said of it before. What is said
        /// of it after is an error when the layer is built.
        #[must_use]
        pub fn with_bias_posterior_fn(mut self, posterior_fn: Option<$crate::posterior::PosteriorFn<1>>) -> Self {
            let options = &mut self.$($path).+;
            options.bias = posterior_fn.map(|posterior_fn| {
                let bias = options.bias.take().unwrap_or_else($crate::layer::WeightOptions::bias);
                $crate::layer::WeightOptions { posterior_fn, ..bias }
            });
            self
        }

        /// How a bias is drawn from its posterior; by default one sample.
        #[must_use]
        pub fn with_bias_posterior_tensor_fn(mut self, tensor_fn: $crate::layer::TensorFn<1>) -> Self {
            let set = |bias: &mut $crate::layer::WeightOptions<1>| bias.posterior_tensor_fn = Some(tensor_fn);
            self.$($path).+.change_bias("bias_posterior_tensor_fn", true, set);
            self
        }

        /// Builder of the bias's prior; `None`, the default, for no prior and no divergence.
        #[must_use]
        pub fn with_bias_prior_fn(mut self, prior_fn: Option<$crate::prior::PriorFn<1>>) -> Self {
            let is_given = prior_fn.is_some();
            let set = |bias: &mut $crate::layer::WeightOptions<1>| bias.prior_fn = prior_fn;
            self.$($path).+.change_bias("bias_prior_fn", is_given, set);
            self
        }

        /// One fixed prior for the bias.
        #[must_use]
        pub fn with_bias_prior(self, prior: $crate::prior::Prior<1>) -> Self {
            self.with_bias_prior_fn(Some($crate::prior::fixed_prior(prior)))
        }

        /// Divergence of the bias; `None` for no loss.
        #[must_use]
        pub fn with_bias_divergence(
            mut self,
            divergence: Option<$crate::divergence::Divergence<$crate::posterior::Family<1>, 1>>,
        ) -> Self {
            let is_given = divergence.is_some();
            let set = |bias: &mut $crate::layer::WeightOptions<1>| bias.divergence = divergence;
            self.$($path).+.change_bias("bias_divergence", is_given, set);
            self
        }

        /// How a pass draws.
        #[must_use]
        pub fn with_estimator(mut self, estimator: $crate::estimator::Estimator) -> Self {
            self.$($path).+.estimator = estimator;
            self
        }

    };
}

/// Setters that only a layer's configuration has: a function takes seed and dtype from its scope and inputs.
macro_rules! init_option_setters {
    ($($path:ident).+) => {
        /// Seed of the initial values; needs a name.
        #[must_use]
        pub fn with_seed(mut self, seed: u64) -> Self {
            self.$($path).+.seed = Some(seed);
            self
        }

        /// Type of the variables: `F32`, `F64`, `F16` or `BF16`.
        #[must_use]
        pub fn with_dtype(mut self, dtype: burn::tensor::DType) -> Self {
            self.$($path).+.dtype = Some(dtype);
            self
        }
    };
}

pub(crate) use {common_option_setters, init_option_setters, layer_option_setters};

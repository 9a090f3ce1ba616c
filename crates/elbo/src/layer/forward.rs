//! What all layers do in the same way: build their weights, and run a pass.

use super::losses::{divergence, record_activity, record_penalties};
use super::options::{LayerOptions, Settings, WeightOptions};
use super::weight::Weight;
use crate::error::Result;
use crate::estimator::Draw;
use crate::op::LinearOp;
use crate::posterior::{Family, Posterior};
use crate::trace::{LossKind, Trace};
use crate::variable::{VariableRequest, VariableScope};
use burn::tensor::{DType, Tensor};

/// Kernel and bias of a layer.
pub(super) type Weights<Q, const K: usize> = (Weight<Q, K>, Option<Weight<Family<1>, 1>>);

/// Builds both weights with built-in posteriors: kernel posterior, kernel prior, bias posterior, bias prior.
pub(super) fn build<const K: usize>(
    options: &LayerOptions<K>,
    shape: [usize; K],
    dtype: DType,
    scope: &mut VariableScope<'_>,
) -> Result<Weights<Family<K>, K>> {
    let WeightOptions { posterior_fn, posterior_tensor_fn, divergence, .. } = &options.kernel;
    let request = |name| VariableRequest { dtype, shape, name, trainable: options.trainable };
    let posterior = posterior_fn(&request("kernel_posterior"), scope)?;
    let prior = options.kernel.prior(&request("kernel_prior"), scope)?;
    let kernel = Weight::new(posterior, prior, divergence.clone(), posterior_tensor_fn.clone())?;
    Ok((kernel, build_bias(options, shape[K - 1], dtype, scope)?))
}

/// Builds a kernel with a posterior of the caller's own type.
pub(super) fn build_with<Q: Posterior<K>, const K: usize>(
    options: &LayerOptions<K>,
    shape: [usize; K],
    dtype: DType,
    scope: &mut VariableScope<'_>,
    posterior_fn: impl FnOnce(&VariableRequest<K>, &mut VariableScope<'_>) -> Result<Q>,
    divergence: Option<crate::divergence::Divergence<Q, K>>,
) -> Result<Weights<Q, K>> {
    let request = |name| VariableRequest { dtype, shape, name, trainable: options.trainable };
    let posterior = posterior_fn(&request("kernel_posterior"), scope)?;
    let prior = options.kernel.prior(&request("kernel_prior"), scope)?;
    let kernel = Weight::new(posterior, prior, divergence, options.kernel.posterior_tensor_fn.clone())?;
    Ok((kernel, build_bias(options, shape[K - 1], dtype, scope)?))
}

fn build_bias<const K: usize>(
    options: &LayerOptions<K>,
    units: usize,
    dtype: DType,
    scope: &mut VariableScope<'_>,
) -> Result<Option<Weight<Family<1>, 1>>> {
    let Some(bias) = &options.bias else { return Ok(None) };
    let request = |name| VariableRequest { dtype, shape: [units], name, trainable: options.trainable };
    let posterior = (bias.posterior_fn)(&request("bias_posterior"), scope)?;
    let prior = bias.prior(&request("bias_prior"), scope)?;
    Weight::new(posterior, prior, bias.divergence.clone(), bias.posterior_tensor_fn.clone()).map(Some)
}

/// A layer as a pass sees it.
pub(super) struct Pass<'a, Q: Posterior<K>, const K: usize> {
    pub(super) settings: &'a Settings,
    pub(super) kernel: &'a Weight<Q, K>,
    pub(super) bias: Option<&'a Weight<Family<1>, 1>>,
}

impl<Q: Posterior<K>, const K: usize> Pass<'_, Q, K> {
    /// Draws weights, applies the operation, and leaves the losses in the trace.
    pub(super) fn run<O: LinearOp<X>, const X: usize>(
        &self,
        op: &O,
        input: Tensor<X>,
        trace: &mut Trace,
    ) -> Result<Tensor<X>> {
        trace.attempt(|trace| self.attempt(op, input, trace))
    }

    fn attempt<O: LinearOp<X>, const X: usize>(
        &self,
        op: &O,
        input: Tensor<X>,
        trace: &mut Trace,
    ) -> Result<Tensor<X>> {
        self.settings.check_dtype(&input)?;
        let shared = trace.is_shared(self.settings.owner(), input.dims()[0])?;
        let entered = trace.enter(&self.settings.id(self.kernel))?;
        let samples = trace.samples();
        let draw = Draw {
            owner: self.settings.owner(),
            kernel: self.kernel,
            bias: self.bias,
            activation: &self.settings.activation,
            noise: trace.noise(&entered),
            samples,
            shared,
        };
        let estimate = self.settings.estimator.apply(op, input, &draw)?;

        let noise = trace.divergence_noise(&entered);
        // Neither the mean nor what a layer draws in place of a weight is a sample of the posterior.
        let bias_draws = estimate.bias.clone().filter(|_| trace.is_sampling() && self.settings.estimator.is_random());
        let kernel = divergence(self.kernel, estimate.kernel.clone(), &noise, "kernel_divergence")?;
        let bias = self.bias.map(|bias| divergence(bias, bias_draws, &noise, "bias_divergence")).transpose()?;

        let record = trace.layer_mut(&entered);
        record_penalties(record, self.regularization());
        if let Some(divergence) = kernel {
            record.set_loss(LossKind::KernelDivergence, divergence);
        }
        if let Some(divergence) = bias.flatten() {
            record.set_loss(LossKind::BiasDivergence, divergence);
        }
        record_activity(record, self.settings.activity_regularizer.as_ref(), &estimate.output, samples);
        record.kernel_posterior_tensor = estimate.kernel;
        record.kernel_posterior_affine = estimate.affine;
        record.bias_posterior_tensor = estimate.bias;
        Ok(estimate.output)
    }

    /// The penalties on variables: the kernel's, then the bias's.
    fn regularization(&self) -> Vec<(String, Tensor<1>)> {
        let bias = self.bias.map(Weight::regularization).unwrap_or_default();
        self.kernel.regularization().into_iter().chain(bias).collect()
    }
}

/// Methods of a layer with `kernel`, `bias` and `settings`.
macro_rules! kernel_and_bias_methods {
    () => {
        /// The variables, in order of creation.
        #[must_use]
        pub fn variables(&self) -> Vec<$crate::variable::VariableInfo> {
            let bias = self.bias.as_ref().map($crate::layer::Weight::variables).unwrap_or_default();
            [self.kernel.variables(), bias].concat()
        }

        /// The same weights under another estimator.
        #[must_use]
        pub fn with_estimator(mut self, estimator: $crate::estimator::Estimator) -> Self {
            self.settings.estimator = estimator;
            self
        }

        /// The layer after the projections of its variables: call it after an optimizer step if there are constraints.
        #[must_use]
        pub fn constrained(self) -> Self {
            let bias = self.bias.map($crate::layer::Weight::constrained);
            Self { kernel: self.kernel.constrained(), bias, ..self }
        }
    };
}

pub(super) use kernel_and_bias_methods;

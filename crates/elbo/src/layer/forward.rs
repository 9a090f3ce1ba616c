//! What all layers do in the same way: build their weights, and run a pass.

use super::options::{LayerOptions, Settings, WeightOptions};
use super::weight::Weight;
use crate::divergence::Draws;
use crate::error::{Error, Result};
use crate::estimator::Draw;
use crate::noise::LayerNoise;
use crate::op::LinearOp;
use crate::posterior::{Family, Posterior};
use crate::trace::{LayerId, LossKind, Trace};
use crate::variable::{VariableRequest, VariableScope};
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{DType, Tensor};
use elbo_kernels::Stream;

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
    /// Name or class, for messages.
    pub(super) fn owner(&self) -> &str {
        self.settings.name.as_deref().unwrap_or(self.settings.class)
    }

    /// Draws weights, applies the operation, and leaves the losses in the trace.
    pub(super) fn run<O: LinearOp<X>, const X: usize>(
        &self,
        op: &O,
        input: Tensor<X>,
        trace: &mut Trace,
    ) -> Result<Tensor<X>> {
        self.check_dtype(&input)?;
        let id = LayerId {
            name: self.settings.name.as_deref(),
            class: self.settings.class,
            identity: identity(self.kernel, self.settings.name.as_deref()),
        };
        let shared = trace.is_shared(self.owner(), input.dims()[0])?;
        let entered = trace.enter(&id)?;
        let samples = trace.samples();
        let draw = Draw {
            owner: self.owner(),
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
        for (number, (name, value)) in self.regularization().into_iter().enumerate() {
            record.set_loss(LossKind::Regularizer(number, name), move || value.clone());
        }
        if let Some(divergence) = kernel {
            record.set_loss(LossKind::KernelDivergence, divergence);
        }
        if let Some(divergence) = bias.flatten() {
            record.set_loss(LossKind::BiasDivergence, divergence);
        }
        if let Some(regularizer) = &self.settings.activity_regularizer {
            let penalty = regularizer.penalty(estimate.output.clone());
            let mean = penalty.mul_scalar(1.0 / f64::from(u32::try_from(samples).unwrap_or(u32::MAX)));
            record.set_loss(LossKind::Activity(record.calls()), move || mean.clone());
        }
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

    fn check_dtype<const X: usize>(&self, input: &Tensor<X>) -> Result<()> {
        if input.dtype() == self.settings.dtype {
            return Ok(());
        }
        Err(Error::Input {
            layer: self.owner().to_owned(),
            what: "dtype",
            expected: format!("{:?}", self.settings.dtype),
            found: format!("{:?}", input.dtype()),
        })
    }
}

/// How to compute a weight's divergence from what the pass drew, `[S, elements]`. A Monte Carlo divergence draws for
/// itself where the pass did not.
fn divergence<Q: Posterior<D>, const D: usize>(
    weight: &Weight<Q, D>,
    drawn: Option<Tensor<2>>,
    noise: &LayerNoise,
    role: &str,
) -> Result<Option<impl Fn() -> Tensor<1> + Send + use<Q, D>>> {
    if !weight.has_divergence() {
        return Ok(None);
    }
    let drawn = match drawn {
        None if weight.needs_sample() => Draws::Own(weight.posterior.sample(&mut noise.weight(role))?),
        None => Draws::None,
        Some(drawn) if weight.tensor_fn().is_some() => Draws::Given(drawn),
        Some(drawn) => Draws::Own(drawn),
    };
    let weight = weight.clone();
    Ok(Some(move || weight.divergence_of(drawn.clone()).expect("asked for only where there is one")))
}

/// The identity of a parameter set: its first parameter's. A weight without parameters goes by the layer's name, and
/// without a name cannot be told from another: each call is a layer of its own.
fn identity<M: Module>(weight: &M, name: Option<&str>) -> ParamId {
    struct First(Option<ParamId>);
    impl ModuleVisitor for First {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.get_or_insert(param.id);
        }
    }
    let mut first = First(None);
    weight.visit(&mut first);
    let by_name = || name.map_or_else(ParamId::new, |name| ParamId::from(Stream::named(0, name).id));
    first.0.unwrap_or_else(by_name)
}

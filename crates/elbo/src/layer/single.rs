//! What layers with one weight do in the same way: build it, draw it, and leave their losses in the trace.

use super::options::Settings;
use super::weight::Weight;
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::posterior::Posterior;
use crate::prior::PriorFn;
use crate::record::parameter_names;
use crate::trace::{Entered, LayerId, LossKind, Trace};
use crate::variable::{VariableRequest, VariableScope};
use burn::tensor::{DType, Tensor};

/// The weight of a layer with one: posterior (`posterior`), then prior (`prior`).
pub(super) fn build<Q: Posterior<D>, const D: usize>(
    (shape, dtype, trainable): ([usize; D], DType, bool),
    scope: &mut VariableScope<'_>,
    posterior_fn: impl FnOnce(&VariableRequest<D>, &mut VariableScope<'_>) -> Result<Q>,
    prior_fn: Option<&PriorFn<D>>,
    divergence: Option<Divergence<Q, D>>,
) -> Result<Weight<Q, D>> {
    let request = |name| VariableRequest { dtype, shape, name, trainable };
    let posterior = posterior_fn(&request("posterior"), scope)?;
    if posterior.shape() != shape {
        let (owner, found) = (posterior.name().to_owned(), format!("{:?}", posterior.shape()));
        return Err(Error::argument(owner, "shape", format!("{shape:?}, as requested"), found));
    }
    let prior = prior_fn.map(|prior_fn| prior_fn(&request("prior"), scope)).transpose()?;
    Weight::new(posterior, prior, divergence, None)
}

/// A layer as a pass sees it.
pub(super) struct Single<'a, Q: Posterior<D>, const D: usize> {
    pub(super) settings: &'a Settings,
    pub(super) weight: &'a Weight<Q, D>,
    /// Factor on the divergence.
    pub(super) kl_weight: f64,
}

impl<Q: Posterior<D>, const D: usize> Single<'_, Q, D> {
    /// Name or class, for messages.
    pub(super) fn owner(&self) -> &str {
        self.settings.name.as_deref().unwrap_or(self.settings.class)
    }

    /// Draws the weight for every sample, `[S, elements]`: its means in a pass of means. A posterior of a user's own
    /// that draws another shape is refused.
    pub(super) fn draw(&self, trace: &mut Trace) -> Result<(Entered, Tensor<2>)> {
        let first = parameter_names(self.weight).into_iter().next();
        let id = LayerId {
            name: self.settings.name.as_deref(),
            class: self.settings.class,
            // A weight without parameters cannot be told from another: each call is a layer of its own.
            identity: first.map(|(_, id, _)| id).unwrap_or_default(),
        };
        let entered = trace.enter(&id)?;
        let drawn = match trace.noise(&entered, "kernel") {
            Some(mut noise) => self.weight.posterior.sample(&mut noise)?,
            None => self.weight.mean_rows(trace.samples()),
        };
        let expected = [trace.samples(), self.weight.posterior.shape().into_iter().product()];
        if drawn.dims() != expected {
            let (expected, found) = (format!("draws of shape {expected:?}"), format!("{:?}", drawn.dims()));
            return Err(Error::argument(self.owner(), "posterior", expected, found));
        }
        Ok((entered, drawn))
    }

    /// Leaves penalties, divergence and draw in the trace.
    pub(super) fn record<const X: usize>(
        &self,
        trace: &mut Trace,
        entered: &Entered,
        drawn: Tensor<2>,
        output: &Tensor<X>,
    ) {
        let (samples, own) = (trace.samples(), trace.is_sampling());
        let record = trace.layer_mut(entered);
        for (number, (name, value)) in self.weight.regularization().into_iter().enumerate() {
            record.set_loss(LossKind::Regularizer(number, name), move || value.clone());
        }
        if self.weight.has_divergence() {
            let (weight, kl_weight, draws) = (self.weight.clone(), self.kl_weight, own.then(|| drawn.clone()));
            record.set_loss(LossKind::KernelDivergence, move || {
                let divergence = weight.divergence_of_draws(draws.clone()).expect("asked for only where there is one");
                if kl_weight == 1.0 { divergence } else { divergence.mul_scalar(kl_weight) }
            });
        }
        if let Some(regularizer) = &self.settings.activity_regularizer {
            let penalty = regularizer.penalty(output.clone());
            let mean = penalty.mul_scalar(1.0 / f64::from(u32::try_from(samples).unwrap_or(u32::MAX)));
            record.set_loss(LossKind::Activity(record.calls()), move || mean.clone());
        }
        record.kernel_posterior_tensor = Some(drawn);
    }
}

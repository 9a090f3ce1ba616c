//! What layers with one weight do in the same way: build it, draw it, and leave their losses in the trace.

use super::losses::{divergence, record_activity, record_penalties};
use super::options::Settings;
use super::weight::Weight;
use crate::divergence::Divergence;
use crate::error::{Error, Result};
use crate::posterior::Posterior;
use crate::prior::PriorFn;
use crate::trace::{Entered, LossKind, Trace};
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
    /// Draws the weight for every sample, `[S, elements]`: its means in a pass of means.
    pub(super) fn draw(&self, trace: &mut Trace) -> Result<(Entered, Tensor<2>)> {
        let entered = trace.enter(&self.settings.id(self.weight))?;
        let drawn = match trace.noise(&entered) {
            Some(noise) => noise.weight("kernel").once(|noise| self.weight.sample(self.settings.owner(), noise))?,
            None => self.weight.mean_rows(trace.samples()),
        };
        Ok((entered, drawn))
    }

    /// Leaves penalties, divergence and draw in the trace.
    pub(super) fn record<const X: usize>(
        &self,
        trace: &mut Trace,
        entered: &Entered,
        drawn: Tensor<2>,
        output: &Tensor<X>,
    ) -> Result<()> {
        let (samples, kl_weight) = (trace.samples(), self.kl_weight);
        let draws = trace.is_sampling().then_some(drawn);
        let divergence = divergence(self.weight, draws.clone(), &trace.divergence_noise(entered), "kernel_divergence")?;
        let record = trace.layer_mut(entered);
        record_penalties(record, self.weight.regularization());
        if let Some(divergence) = divergence {
            let weighted = move || if kl_weight == 1.0 { divergence() } else { divergence().mul_scalar(kl_weight) };
            record.set_loss(LossKind::KernelDivergence, weighted);
        }
        record_activity(record, self.settings.activity_regularizer.as_ref(), output, samples);
        record.kernel_posterior_tensor = draws;
        Ok(())
    }
}

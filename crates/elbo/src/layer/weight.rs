//! One random weight: posterior, prior and the divergence between them.

use crate::distribution::Distribution;
use crate::divergence::{Divergence, Draws};
use crate::error::{Error, Result};
use crate::noise::WeightNoise;
use crate::posterior::{Family, Posterior};
use crate::prior::Prior;
use crate::variable::VariableInfo;
use burn::module::{Content, Module, ModuleDisplay, ModuleDisplayDefault};
use burn::tensor::Tensor;
use std::fmt;
use std::sync::Arc;

/// Draws one value from the distribution it is given: the posterior of a weight.
pub type TensorFn<const D: usize> =
    Arc<dyn Fn(&dyn Distribution<D>, &mut WeightNoise) -> Result<Tensor<D>> + Send + Sync>;

/// A random weight of rank `D`.
#[derive(Module, Debug)]
pub struct Weight<Q: Module = Family<2>, const D: usize = 2> {
    /// What the weight is believed to be.
    pub posterior: Q,
    /// What it was believed to be before data were seen; without a prior there is no divergence.
    pub prior: Option<Prior<D>>,
    pub(crate) extras: Extras<Q, D>,
}

/// The parts of a weight that are not parameters.
pub(crate) struct Extras<Q, const D: usize> {
    pub(crate) divergence: Option<Divergence<Q, D>>,
    pub(crate) tensor_fn: Option<TensorFn<D>>,
}

impl<Q: Posterior<D>, const D: usize> Weight<Q, D> {
    /// A weight from its parts.
    ///
    /// # Errors
    /// [`Error::NoClosedForm`] if [`Divergence::Kl`] has no formula for this pair; [`Error::InvalidArgument`] if the
    /// prior's numbers are not allowed, or not for the type of the weights.
    pub fn new(
        posterior: Q,
        prior: Option<Prior<D>>,
        divergence: Option<Divergence<Q, D>>,
        tensor_fn: Option<TensorFn<D>>,
    ) -> Result<Self> {
        if let Some(prior) = &prior {
            prior.check(posterior.shape())?;
            prior.check_dtype(posterior.mean().dtype())?;
            if matches!(divergence, Some(Divergence::Kl)) && !posterior.has_kl(prior) {
                let (posterior, prior) = (posterior.name().to_owned(), prior.name().to_owned());
                return Err(Error::NoClosedForm { posterior, prior });
            }
        }
        Ok(Self { posterior, prior, extras: Extras { divergence, tensor_fn } })
    }

    /// The divergence now, in nats, shape `[1]`; `samples` are weights drawn from the posterior, `[S, elements]`, which
    /// [`Divergence::MonteCarlo`] needs. `None` without prior or divergence.
    ///
    /// # Panics
    /// If the divergence is a Monte Carlo one and there are no samples.
    #[must_use]
    pub fn divergence(&self, samples: Option<Tensor<2>>) -> Option<Tensor<1>> {
        self.divergence_of(samples.map_or(Draws::None, Draws::Given))
    }

    /// The divergence, given what a pass drew.
    pub(crate) fn divergence_of(&self, draws: Draws) -> Option<Tensor<1>> {
        let (prior, divergence) = (self.prior.as_ref()?, self.extras.divergence.as_ref()?);
        Some(divergence.evaluate(&self.posterior, prior, draws))
    }

    /// Whether the divergence cannot be computed without a sample of the posterior.
    pub(crate) fn needs_sample(&self) -> bool {
        matches!(self.extras.divergence, Some(Divergence::MonteCarlo))
    }

    /// Whether the weight adds a divergence to the losses.
    #[must_use]
    pub fn has_divergence(&self) -> bool {
        self.prior.is_some() && self.extras.divergence.is_some()
    }

    /// The KL divergence element by element, for diagnosis, where a formula is known.
    #[must_use]
    pub fn elementwise_kl(&self) -> Option<Tensor<D>> {
        self.posterior.elementwise_kl(self.prior.as_ref()?)
    }

    /// The function that draws this weight, if the posterior's own is not used.
    pub(crate) fn tensor_fn(&self) -> Option<&TensorFn<D>> {
        self.extras.tensor_fn.as_ref()
    }

    /// One draw per sample of the noise, `[S, elements]`, by the posterior itself: one of a user's own that draws another
    /// shape is refused.
    pub(crate) fn sample(&self, owner: &str, noise: &mut WeightNoise) -> Result<Tensor<2>> {
        let expected = [noise.samples(), self.posterior.shape().into_iter().product()];
        let drawn = self.posterior.sample(noise)?;
        if drawn.dims() == expected {
            return Ok(drawn);
        }
        let (expected, found) = (format!("one that draws {expected:?} values"), format!("{:?}", drawn.dims()));
        Err(Error::argument(owner, "posterior", expected, found))
    }

    /// The mean for every sample, `[S, elements]`.
    pub(crate) fn mean_rows(&self, samples: usize) -> Tensor<2> {
        let row: Tensor<2> = self.posterior.mean().flatten::<1>(0, D - 1).unsqueeze_dim(0);
        if samples == 1 { row } else { row.repeat_dim(0, samples) }
    }

    /// All variables, the posterior's first.
    #[must_use]
    pub fn variables(&self) -> Vec<VariableInfo> {
        let prior = self.prior.as_ref().map(Prior::variables).unwrap_or_default();
        [self.posterior.variables(), prior].concat()
    }

    /// All penalties on variables, the posterior's first.
    #[must_use]
    pub fn regularization(&self) -> Vec<(String, Tensor<1>)> {
        let mut penalties = self.posterior.regularization();
        penalties.extend(self.prior.as_ref().map(Prior::regularization).unwrap_or_default());
        penalties
    }

    /// The weight after the projections of its variables.
    #[must_use]
    pub fn constrained(self) -> Self {
        Self { posterior: self.posterior.constrained(), prior: self.prior.map(Prior::constrained), extras: self.extras }
    }
}

/// No parameters. (A field whose type has the posterior in it cannot be skipped by the derive.)
impl<Q: Module, const D: usize> Module for Extras<Q, D> {
    burn::empty!(module);
}

impl<Q: Module, const D: usize> ModuleDisplayDefault for Extras<Q, D> {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&format!("{:?}", self.divergence)).optional()
    }
}

impl<Q: Module, const D: usize> ModuleDisplay for Extras<Q, D> {}

impl<Q, const D: usize> Clone for Extras<Q, D> {
    fn clone(&self) -> Self {
        Self { divergence: self.divergence.clone(), tensor_fn: self.tensor_fn.clone() }
    }
}

impl<Q, const D: usize> fmt::Debug for Extras<Q, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extras")
            .field("divergence", &self.divergence)
            .field("tensor_fn", &self.tensor_fn.as_ref().map(|_| ".."))
            .finish()
    }
}

//! D(q, p): what a posterior pays for leaving its prior, one scalar per weight, in nats.

pub mod kl;

use crate::posterior::Posterior;
use crate::prior::Prior;
use burn::tensor::Tensor;
use std::fmt;
use std::sync::Arc;

type DivergenceFn<Q, const D: usize> = dyn Fn(&Q, &Prior<D>, Option<Tensor<D>>) -> Tensor<D> + Send + Sync;

/// How the divergence of a weight is computed.
#[non_exhaustive]
pub enum Divergence<Q, const D: usize> {
    /// `KL(q ‖ p)` in closed form; building a layer fails if no formula is known.
    Kl,
    /// `ln q(w) - ln p(w)` at the weights drawn in the pass, averaged over samples: unbiased for the KL divergence.
    MonteCarlo,
    /// A function of posterior, prior and the sample drawn in the pass (`None` where the estimator draws none). A
    /// result with several elements is summed.
    Custom(Arc<DivergenceFn<Q, D>>),
}

impl<Q, const D: usize> Divergence<Q, D> {
    /// A divergence of your own.
    pub fn custom(divergence: impl Fn(&Q, &Prior<D>, Option<Tensor<D>>) -> Tensor<D> + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(divergence))
    }

    /// The divergence, shape `[1]`. `samples` are the weights of the pass, `[S, elements]`; `own` says that the
    /// posterior drew them itself, for its present parameters.
    ///
    /// # Panics
    /// For [`Divergence::Kl`] without a formula, which a layer excludes when it is built.
    pub(crate) fn evaluate(&self, posterior: &Q, prior: &Prior<D>, samples: Option<Tensor<2>>, own: bool) -> Tensor<1>
    where
        Q: Posterior<D>,
    {
        match self {
            Self::Kl => posterior.kl(prior).expect("checked when the layer was built"),
            Self::MonteCarlo => {
                let samples = samples.unwrap_or_else(|| flat(posterior.mean()));
                let drawn = samples.clone();
                let of_posterior = if own { posterior.log_prob_of_draws(drawn) } else { posterior.log_prob(drawn) };
                (of_posterior - prior.log_prob(samples)).mean()
            }
            Self::Custom(divergence) => {
                let shape = posterior.shape();
                let Some(samples) = samples else { return divergence(posterior, prior, None).sum() };
                let count = samples.dims()[0];
                let of_sample = |s: usize| {
                    let sample = samples.clone().narrow(0, s, 1).reshape(shape);
                    divergence(posterior, prior, Some(sample)).sum()
                };
                let total = (1..count).fold(of_sample(0), |sum, s| sum + of_sample(s));
                total.mul_scalar(1.0 / f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
            }
        }
    }
}

fn flat<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    x.flatten::<1>(0, D - 1).unsqueeze_dim(0)
}

impl<Q, const D: usize> Clone for Divergence<Q, D> {
    fn clone(&self) -> Self {
        match self {
            Self::Kl => Self::Kl,
            Self::MonteCarlo => Self::MonteCarlo,
            Self::Custom(divergence) => Self::Custom(divergence.clone()),
        }
    }
}

impl<Q, const D: usize> fmt::Debug for Divergence<Q, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kl => "Kl",
            Self::MonteCarlo => "MonteCarlo",
            Self::Custom(_) => "Custom(..)",
        })
    }
}

//! D(q, p): what a posterior pays for leaving its prior, one scalar per weight, in nats.

pub mod kl;

use crate::posterior::Posterior;
use crate::precision::wide;
use crate::prior::Prior;
use crate::sum::ordered_sum;
use burn::tensor::Tensor;
use std::fmt;
use std::sync::Arc;

type DivergenceFn<Q, const D: usize> = dyn Fn(&Q, &Prior<D>, Option<Tensor<D>>) -> Tensor<D> + Send + Sync;

/// Weights at which a divergence may be looked at, `[S, elements]`.
#[derive(Clone, Debug)]
pub(crate) enum Draws {
    /// There are none.
    None,
    /// From elsewhere, such as a tensor function.
    Given(Tensor<2>),
    /// What the posterior itself drew, for its present parameters.
    Own(Tensor<2>),
}

/// How the divergence of a weight is computed.
#[non_exhaustive]
pub enum Divergence<Q, const D: usize> {
    /// `KL(q ‖ p)` in closed form; building a layer fails if no formula is known.
    Kl,
    /// `ln q(w) - ln p(w)` at the weights drawn in the pass, averaged over samples: unbiased for the KL divergence. Where
    /// the pass draws no weights (flipout, local reparameterization, means) some are drawn for this.
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

    /// The divergence, shape `[1]`: of weights of half precision, which holds no sums of many, in `f32`.
    ///
    /// # Panics
    /// For [`Divergence::Kl`] without a formula, which a layer excludes when it is built, and for
    /// [`Divergence::MonteCarlo`] without draws, which a layer then makes.
    pub(crate) fn evaluate(&self, posterior: &Q, prior: &Prior<D>, draws: Draws) -> Tensor<1>
    where
        Q: Posterior<D>,
    {
        match self {
            Self::Kl => wide(posterior.kl(prior).expect("checked when the layer was built")),
            Self::MonteCarlo => {
                let (of_posterior, samples) = match draws {
                    Draws::None => panic!("a Monte Carlo divergence needs weights drawn from the posterior"),
                    Draws::Given(samples) => (posterior.log_prob(samples.clone()), samples),
                    Draws::Own(samples) => (posterior.log_prob_of_draws(samples.clone()), samples),
                };
                (wide(of_posterior) - wide(prior.log_prob(samples))).mean()
            }
            Self::Custom(divergence) => {
                let shape = posterior.shape();
                let (Draws::Given(samples) | Draws::Own(samples)) = draws else {
                    return summed(divergence(posterior, prior, None));
                };
                let count = samples.dims()[0];
                let of_sample = |s: usize| {
                    let sample = samples.clone().narrow(0, s, 1).reshape(shape);
                    summed(divergence(posterior, prior, Some(sample)))
                };
                let total = (1..count).fold(of_sample(0), |sum, s| sum + of_sample(s));
                total.mul_scalar(1.0 / f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
            }
        }
    }
}

/// The sum of all elements, whatever the number of threads.
fn summed<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    ordered_sum(wide(values.flatten(0, D - 1)))
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

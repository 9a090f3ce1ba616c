//! How a forward pass turns a posterior into an output. Each estimator is written once, for every operation.
//!
//! | estimator | draws | mean, variance of an output | covariance over examples |
//! | --- | --- | --- | --- |
//! | [`Reparameterization`](Estimator::Reparameterization) | a kernel per weight sample | exact | exact |
//! | [`Flipout`](Estimator::Flipout) | a perturbation per weight sample, signs per example | exact | 0 |
//! | [`LocalReparameterization`](Estimator::LocalReparameterization) | outputs | exact | 0 |
//! | [`Mean`](Estimator::Mean) | nothing | exact, 0 | 0 |
//!
//! Gradients of all have the same expectation where the loss is a mean over examples; those of the middle two vary less,
//! because the noise of a batch's examples averages out. The bias is one draw per weight sample for all of them.

mod affine;
mod draw;
mod flipout;
mod local_reparameterization;
mod mean;
mod reparameterization;

pub use affine::Affine;
pub(crate) use draw::Draw;

use crate::error::Result;
use crate::op::LinearOp;
use crate::posterior::Posterior;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// The estimators, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Estimator {
    /// One kernel per weight sample, `W = loc + scale * noise`, shared by the whole batch (Kingma and Welling 2014).
    #[default]
    Reparameterization,
    /// One perturbation of the kernel per weight sample, with random signs for every example (Wen et al. 2018). Needs a
    /// posterior of independent normals.
    Flipout,
    /// Outputs drawn from their own distributions (Kingma, Salimans and Welling 2015). Needs a posterior of independent
    /// normals. In a convolution the positions of an example, which share a kernel, are drawn independently too.
    LocalReparameterization,
    /// The posterior's mean, whatever the pass: the plug-in prediction.
    Mean,
}

/// An output before divergences, and what was drawn for it.
pub(crate) struct Estimate<const X: usize> {
    pub(crate) output: Tensor<X>,
    pub(crate) kernel: Option<Tensor<2>>,
    pub(crate) affine: Option<Affine>,
    pub(crate) bias: Option<Tensor<2>>,
}

impl Estimator {
    /// Whether a sampling pass draws anything under it.
    pub(crate) fn is_random(self) -> bool {
        self != Self::Mean
    }

    /// The layer's output, activation applied. In a pass of means all estimators give that of the posterior's mean.
    pub(crate) fn apply<Q, O, const K: usize, const X: usize>(
        self,
        op: &O,
        input: Tensor<X>,
        draw: &Draw<'_, Q, K>,
    ) -> Result<Estimate<X>>
    where
        Q: Posterior<K>,
        O: LinearOp<X>,
    {
        match (self, &draw.noise) {
            (Self::Mean, _) | (_, None) => Ok(mean::apply(op, input, draw)),
            (Self::Reparameterization, Some(noise)) => reparameterization::apply(op, input, draw, noise),
            (Self::Flipout, Some(noise)) => flipout::apply(op, input, draw, noise),
            (Self::LocalReparameterization, Some(noise)) => local_reparameterization::apply(op, input, draw, noise),
        }
    }
}

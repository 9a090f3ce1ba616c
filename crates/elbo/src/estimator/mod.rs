//! How a forward pass turns a posterior into an output. Each estimator is written once, for every operation.

mod mean;
mod reparameterization;

use crate::activation::Activation;
use crate::error::Result;
use crate::layer::{TensorFn, Weight};
use crate::noise::WeightNoise;
use crate::op::LinearOp;
use crate::posterior::{Family, Posterior};
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
    /// The posterior's mean, whatever the pass: the plug-in prediction.
    Mean,
}

/// The weights of a layer and the noise of a pass, as estimators see them.
pub(crate) struct Draw<'a, Q, const K: usize>
where
    Q: Posterior<K>,
{
    pub(crate) kernel: &'a Weight<Q, K>,
    pub(crate) bias: Option<&'a Weight<Family<1>, 1>>,
    /// Noise of kernel and bias; `None` in a pass of means.
    pub(crate) noise: Option<(WeightNoise, WeightNoise)>,
    pub(crate) samples: usize,
}

/// An output before divergences, and what was drawn for it.
pub(crate) struct Estimate<const X: usize> {
    pub(crate) output: Tensor<X>,
    pub(crate) kernel: Option<Tensor<2>>,
    pub(crate) bias: Option<Tensor<2>>,
}

impl Estimator {
    /// The layer's output, activation applied.
    pub(crate) fn apply<Q, O, const K: usize, const X: usize>(
        self,
        op: &O,
        input: Tensor<X>,
        draw: Draw<'_, Q, K>,
        shared: bool,
        activation: &Activation,
    ) -> Result<Estimate<X>>
    where
        Q: Posterior<K>,
        O: LinearOp<X>,
    {
        match self {
            Self::Reparameterization => reparameterization::apply(op, input, draw, shared, activation),
            Self::Mean => mean::apply(op, input, draw, shared, activation),
        }
    }
}

impl<Q: Posterior<K>, const K: usize> Draw<'_, Q, K> {
    /// The bias of every sample, `[S, units]`: drawn, or the mean where there is no noise.
    fn bias(&mut self) -> Result<Option<Tensor<2>>> {
        let Some(weight) = self.bias else { return Ok(None) };
        match &mut self.noise {
            Some((_, noise)) => sample(weight, noise).map(Some),
            None => Ok(Some(weight.mean_rows(self.samples))),
        }
    }
}

/// The weight drawn for every sample, `[S, elements]`, by its tensor function if it has one.
fn sample<Q: Posterior<K>, const K: usize>(weight: &Weight<Q, K>, noise: &mut WeightNoise) -> Result<Tensor<2>> {
    match weight.tensor_fn() {
        None => weight.posterior.sample(noise),
        Some(tensor_fn) => draw_each(&weight.posterior, tensor_fn, noise),
    }
}

/// One call of a tensor function per weight sample.
fn draw_each<Q: Posterior<K>, const K: usize>(
    posterior: &Q,
    tensor_fn: &TensorFn<K>,
    noise: &WeightNoise,
) -> Result<Tensor<2>> {
    let rows = (0..noise.samples())
        .map(|s| tensor_fn(posterior, &mut noise.sample(s)).map(|w| w.flatten::<1>(0, K - 1).unsqueeze_dim(0)))
        .collect::<Result<Vec<Tensor<2>>>>()?;
    Ok(if rows.len() == 1 { rows.into_iter().next().expect("one row") } else { Tensor::cat(rows, 0) })
}

/// Runs the operation with given kernels, biases (zeros if there is none) and activation.
fn finish<O: LinearOp<X>, const X: usize>(
    op: &O,
    input: Tensor<X>,
    kernel: Tensor<2>,
    bias: Option<Tensor<2>>,
    shared: bool,
    activation: &Activation,
) -> Tensor<X> {
    let samples = kernel.dims()[0];
    let zeros = || Tensor::zeros([samples, op.units()], (&kernel.device(), kernel.dtype()));
    let bias = bias.unwrap_or_else(zeros);
    let output = op.apply(input, kernel, bias, shared, activation.epilogue());
    activation.after_epilogue(output, op.channel_axis())
}

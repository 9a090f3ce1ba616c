//! `W_s = loc + scale * noise_s`, `y_s = op(x, W_s) + b_s`: one draw per weight sample, shared by the batch.
//!
//! Mean `op(x, loc)`; the outputs of one sample are correlated over the batch: `Cov = Σ x x' scale²` in a dense layer.

use super::draw::sample;
use super::{Draw, Estimate};
use crate::error::Result;
use crate::noise::LayerNoise;
use crate::op::LinearOp;
use crate::posterior::Posterior;
use burn::tensor::Tensor;

pub(super) fn apply<Q, O, const K: usize, const X: usize>(
    op: &O,
    input: Tensor<X>,
    draw: &Draw<'_, Q, K>,
    noise: &LayerNoise,
) -> Result<Estimate<X>>
where
    Q: Posterior<K>,
    O: LinearOp<X>,
{
    let kernel = sample((draw.owner, "kernel_posterior_tensor_fn"), draw.kernel, &mut noise.weight("kernel"))?;
    let bias = draw.bias(noise)?;
    let output = draw.whole(op, input, kernel.clone(), bias.clone());
    Ok(Estimate { output, kernel: Some(kernel), affine: None, bias })
}

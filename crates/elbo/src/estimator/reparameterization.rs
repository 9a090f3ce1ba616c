//! `W_s = loc + scale * noise_s`, `y_s = op(x, W_s) + b_s`: one draw per weight sample, shared by the batch.
//!
//! Mean `op(x, loc)`; the outputs of one sample are correlated over the batch: `Cov = Σ x x' scale²` in a dense layer.

use super::{Draw, Estimate, finish, mean, sample};
use crate::activation::Activation;
use crate::error::Result;
use crate::op::LinearOp;
use crate::posterior::Posterior;
use burn::tensor::Tensor;

pub(super) fn apply<Q, O, const K: usize, const X: usize>(
    op: &O,
    input: Tensor<X>,
    mut draw: Draw<'_, Q, K>,
    shared: bool,
    activation: &Activation,
) -> Result<Estimate<X>>
where
    Q: Posterior<K>,
    O: LinearOp<X>,
{
    let Some((noise, _)) = &mut draw.noise else { return mean::apply(op, input, draw, shared, activation) };
    let kernel = sample(draw.kernel, noise)?;
    let bias = draw.bias()?;
    let output = finish(op, input, kernel.clone(), bias.clone(), shared, activation);
    Ok(Estimate { output, kernel: Some(kernel), bias })
}

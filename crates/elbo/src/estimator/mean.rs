//! `y = op(x, E[W]) + E[b]`: the posterior means of kernel and bias, whatever the pass.

use super::{Draw, Estimate, finish};
use crate::activation::Activation;
use crate::error::Result;
use crate::op::LinearOp;
use crate::posterior::Posterior;
use burn::tensor::Tensor;

#[allow(clippy::unnecessary_wraps, clippy::needless_pass_by_value)] // the signature of its siblings
pub(super) fn apply<Q, O, const K: usize, const X: usize>(
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
    let kernel = draw.kernel.mean_rows(draw.samples);
    let bias = draw.bias.map(|weight| weight.mean_rows(draw.samples));
    let output = finish(op, input, kernel, bias.clone(), shared, activation);
    Ok(Estimate { output, kernel: None, bias })
}

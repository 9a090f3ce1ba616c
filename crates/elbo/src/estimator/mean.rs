//! `y = op(x, E[W]) + E[b]`: the posterior means of kernel and bias, whatever the pass.

use super::{Draw, Estimate};
use crate::op::LinearOp;
use crate::posterior::Posterior;
use burn::tensor::Tensor;

pub(super) fn apply<Q, O, const K: usize, const X: usize>(
    op: &O,
    input: Tensor<X>,
    draw: &Draw<'_, Q, K>,
) -> Estimate<X>
where
    Q: Posterior<K>,
    O: LinearOp<X>,
{
    let kernel = draw.kernel.mean_rows(draw.samples);
    let bias = draw.bias.map(|weight| weight.mean_rows(draw.samples));
    let output = draw.whole(op, input, kernel, bias.clone());
    Estimate { output, kernel: None, affine: None, bias }
}

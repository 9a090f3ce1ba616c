//! Backward pass of `sample_normal`.

use crate::VariationalOps;
use crate::noise::Draws;
use burn::backend::Autodiff;
use burn::backend::autodiff::{
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::tensor::FloatTensor;

#[derive(Debug)]
struct SampleNormal;

impl<B: VariationalOps> Backward<B, 2> for SampleNormal {
    type State = (FloatTensor<B>, Draws);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [loc, u] = ops.parents;
        let (untransformed_scale, draws) = ops.state;
        let grad = grads.consume::<B>(&ops.node);
        let (grad_loc, grad_u) = B::sample_normal_backward(untransformed_scale, grad, draws);
        if let Some(node) = loc {
            grads.register::<B>(node.id, grad_loc);
        }
        if let Some(node) = u {
            grads.register::<B>(node.id, grad_u);
        }
    }
}

pub(super) fn sample_normal<B: VariationalOps, C: CheckpointStrategy>(
    loc: FloatTensor<Autodiff<B, C>>,
    u: FloatTensor<Autodiff<B, C>>,
    draws: Draws,
) -> FloatTensor<Autodiff<B, C>> {
    let ((loc, loc_node), (u, u_node)) = (loc.into_parts(), u.into_parts());
    match SampleNormal.prepare::<C>([loc_node, u_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let sample = B::sample_normal(loc, u.clone(), draws);
            prep.finish((u, draws), sample)
        }
        OpsKind::UnTracked(prep) => prep.finish(B::sample_normal(loc, u, draws)),
    }
}

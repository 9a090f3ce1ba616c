//! Backward pass of `kl_normal`.

use crate::VariationalOps;
use burn::backend::Autodiff;
use burn::backend::autodiff::{
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::tensor::FloatTensor;

#[derive(Debug)]
struct KlNormal;

impl<B: VariationalOps> Backward<B, 4> for KlNormal {
    type State = [FloatTensor<B>; 4];

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [loc, u, prior_loc, prior_scale] = ops.state;
        let grad = grads.consume::<B>(&ops.node);
        let gradients = if let [_, _, None, None] = &ops.parents {
            let (of_loc, of_u) = B::kl_normal_backward_posterior(loc, u, prior_loc, prior_scale, grad);
            vec![of_loc, of_u]
        } else {
            let all = B::kl_normal_backward(loc, u, prior_loc, prior_scale, grad);
            vec![all.0, all.1, all.2, all.3]
        };
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

pub(super) fn kl_normal<B: VariationalOps, C: CheckpointStrategy>(
    loc: FloatTensor<Autodiff<B, C>>,
    u: FloatTensor<Autodiff<B, C>>,
    prior_loc: FloatTensor<Autodiff<B, C>>,
    prior_scale: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let (loc, loc_node) = loc.into_parts();
    let (u, u_node) = u.into_parts();
    let (prior_loc, prior_loc_node) = prior_loc.into_parts();
    let (prior_scale, prior_scale_node) = prior_scale.into_parts();
    let nodes = [loc_node, u_node, prior_loc_node, prior_scale_node];
    match KlNormal.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let state = [loc.clone(), u.clone(), prior_loc.clone(), prior_scale.clone()];
            prep.finish(state, B::kl_normal(loc, u, prior_loc, prior_scale))
        }
        OpsKind::UnTracked(prep) => prep.finish(B::kl_normal(loc, u, prior_loc, prior_scale)),
    }
}

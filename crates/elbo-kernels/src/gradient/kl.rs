//! Backward pass of `kl_normal`: under a prior that is not trained, together with what else was made of the weights.

use super::weights::{Account, Part, account, key};
use crate::VariationalOps;
use burn::backend::Autodiff;
use burn::backend::autodiff::{
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::tensor::FloatTensor;

/// Location, untransformed scale, and the prior's location and scale.
type Arguments<B> = [FloatTensor<B>; 4];

#[derive(Debug)]
struct KlNormal;

impl<B: VariationalOps> Backward<B, 1> for KlNormal {
    type State = (Arguments<B>, Account<B>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([loc, u, prior_loc, prior_scale], account) = ops.state;
        let grad = grads.consume::<B>(&ops.node);
        account.enter(Part::Divergence { loc, u, prior: [prior_loc, prior_scale], grad }, grads);
    }
}

#[derive(Debug)]
struct KlNormalOfPrior;

impl<B: VariationalOps> Backward<B, 4> for KlNormalOfPrior {
    type State = Arguments<B>;

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [loc, u, prior_loc, prior_scale] = ops.state;
        let grad = grads.consume::<B>(&ops.node);
        let all = B::kl_normal_backward(loc, u, prior_loc, prior_scale, grad);
        for (parent, gradient) in ops.parents.into_iter().zip([all.0, all.1, all.2, all.3]) {
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
    let trained = prior_loc.is_tracked() || prior_scale.is_tracked();
    let account = if trained { None } else { account::<B, C>(key::<B, C>(&loc, &u), Some(&loc), Some(&u)) };
    let nodes = [loc.node(), u.node(), prior_loc.node(), prior_scale.node()];
    let arguments = [loc, u, prior_loc, prior_scale].map(FloatTensor::<Autodiff<B, C>>::into_primitive);
    let [loc, u, prior_loc, prior_scale] = arguments.clone();
    let divergence = B::kl_normal(loc, u, prior_loc, prior_scale);
    let Some((node, account)) = account else {
        return match KlNormalOfPrior.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(arguments, divergence),
            OpsKind::UnTracked(prep) => prep.finish(divergence),
        };
    };
    match KlNormal.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((arguments, account), divergence),
        OpsKind::UnTracked(prep) => prep.finish(divergence),
    }
}

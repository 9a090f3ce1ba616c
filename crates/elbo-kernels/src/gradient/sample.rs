//! Backward pass of `sample_normal`.

use super::weights::{Account, Part, account, key};
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

impl<B: VariationalOps> Backward<B, 1> for SampleNormal {
    type State = (FloatTensor<B>, Draws, Account<B>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (u, draws, account) = ops.state;
        account.enter(Part::Draws { u, grad: grads.consume::<B>(&ops.node), draws }, grads);
    }
}

pub(super) fn sample_normal<B: VariationalOps, C: CheckpointStrategy>(
    loc: FloatTensor<Autodiff<B, C>>,
    u: FloatTensor<Autodiff<B, C>>,
    draws: Draws,
) -> FloatTensor<Autodiff<B, C>> {
    let account = account::<B, C>(key::<B, C>(&loc, &u), Some(&loc), Some(&u));
    let (loc, u) = (loc.into_primitive(), u.into_primitive());
    let sample = B::sample_normal(loc, u.clone(), draws);
    let Some((node, account)) = account else { return FloatTensor::<Autodiff<B, C>>::new(sample) };
    match SampleNormal.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((u, draws, account), sample),
        OpsKind::UnTracked(prep) => prep.finish(sample),
    }
}

//! Backward passes of `normal_mean` and `normal_variance`.

use super::weights::{Account, Part, account, key};
use crate::VariationalOps;
use burn::backend::autodiff::{
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{Autodiff, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

#[derive(Debug)]
struct NormalMean;

impl<B: VariationalOps> Backward<B, 1> for NormalMean {
    type State = (Shape, Account<B>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (shape, account) = ops.state;
        let grad = grads.consume::<B>(&ops.node);
        account.enter(Part::Mean { grad: B::float_reshape(grad, shape) }, grads);
    }
}

pub(super) fn normal_mean<B: VariationalOps, C: CheckpointStrategy>(
    loc: FloatTensor<Autodiff<B, C>>,
    u: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let (account, shape) = (account::<B, C>(key::<B, C>(&loc, &u), Some(&loc), None), loc.shape());
    let mean = B::normal_mean(loc.into_primitive(), u.into_primitive());
    let Some((node, account)) = account else { return FloatTensor::<Autodiff<B, C>>::new(mean) };
    match NormalMean.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((shape, account), mean),
        OpsKind::UnTracked(prep) => prep.finish(mean),
    }
}

#[derive(Debug)]
struct NormalVariance;

impl<B: VariationalOps> Backward<B, 1> for NormalVariance {
    type State = (FloatTensor<B>, Account<B>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (u, account) = ops.state;
        account.enter(Part::Variance { u, grad: grads.consume::<B>(&ops.node) }, grads);
    }
}

pub(super) fn normal_variance<B: VariationalOps, C: CheckpointStrategy>(
    u: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let account = account::<B, C>(u.id(), None, Some(&u));
    let u = u.into_primitive();
    let variance = B::normal_variance(u.clone());
    let Some((node, account)) = account else { return FloatTensor::<Autodiff<B, C>>::new(variance) };
    match NormalVariance.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((u, account), variance),
        OpsKind::UnTracked(prep) => prep.finish(variance),
    }
}

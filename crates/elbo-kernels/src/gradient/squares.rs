//! Backward pass of `sum_squares`.

use crate::VariationalOps;
use burn::backend::Autodiff;
use burn::backend::autodiff::{
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::tensor::FloatTensor;

#[derive(Debug)]
struct SumSquares;

impl<B: VariationalOps> Backward<B, 1> for SumSquares {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::sum_squares_backward(ops.state, grad));
        }
    }
}

pub(super) fn sum_squares<B: VariationalOps, C: CheckpointStrategy>(
    values: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let (values, node) = values.into_parts();
    match SumSquares.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(values.clone(), B::sum_squares(values)),
        OpsKind::UnTracked(prep) => prep.finish(B::sum_squares(values)),
    }
}

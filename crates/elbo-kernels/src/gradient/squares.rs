//! Backward passes of `square` and `sum_squares`.

use crate::VariationalOps;
use burn::backend::Autodiff;
use burn::backend::autodiff::{
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::tensor::FloatTensor;

macro_rules! of_values {
    ($step:ident, $operation:ident, $backward:ident) => {
        #[derive(Debug)]
        struct $step;

        impl<B: VariationalOps> Backward<B, 1> for $step {
            type State = FloatTensor<B>;

            fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
                let [parent] = ops.parents;
                let grad = grads.consume::<B>(&ops.node);
                if let Some(node) = parent {
                    grads.register::<B>(node.id, B::$backward(ops.state, grad));
                }
            }
        }

        pub(super) fn $operation<B: VariationalOps, C: CheckpointStrategy>(
            values: FloatTensor<Autodiff<B, C>>,
        ) -> FloatTensor<Autodiff<B, C>> {
            let (values, node) = values.into_parts();
            match $step.prepare::<C>([node]).compute_bound().stateful() {
                OpsKind::Tracked(prep) => prep.finish(values.clone(), B::$operation(values)),
                OpsKind::UnTracked(prep) => prep.finish(B::$operation(values)),
            }
        }
    };
}

of_values!(Square, square, square_backward);
of_values!(SumSquares, sum_squares, sum_squares_backward);

//! Backward pass of `dense`.

use super::{before_epilogue, epilogue_state};
use crate::VariationalOps;
use crate::geometry::Epilogue;
use burn::backend::autodiff::{
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{Autodiff, TensorMetadata, tensor::FloatTensor};

#[derive(Debug)]
struct Dense;

#[derive(Clone, Debug)]
struct State<B: VariationalOps> {
    input: FloatTensor<B>,
    kernel: FloatTensor<B>,
    output: Option<FloatTensor<B>>,
    shared: bool,
}

impl<B: VariationalOps> Backward<B, 3> for Dense {
    type State = State<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input, kernel, bias] = ops.parents;
        let state = ops.state;
        let samples = state.kernel.shape()[0];
        let grad = before_epilogue::<B>(state.output, grads.consume::<B>(&ops.node));
        if let Some(node) = bias {
            grads.register::<B>(node.id, B::bias_backward(grad.clone(), samples, 1));
        }
        if let Some(node) = input {
            grads.register::<B>(node.id, B::dense_backward_input(state.kernel, grad.clone(), state.shared));
        }
        if let Some(node) = kernel {
            let gradient = B::dense_backward_kernel(state.input, grad, samples, state.shared);
            grads.register::<B>(node.id, gradient);
        }
    }
}

pub(super) fn dense<B: VariationalOps, C: CheckpointStrategy>(
    input: FloatTensor<Autodiff<B, C>>,
    kernel: FloatTensor<Autodiff<B, C>>,
    bias: FloatTensor<Autodiff<B, C>>,
    shared: bool,
    epilogue: Epilogue,
) -> FloatTensor<Autodiff<B, C>> {
    let (input, input_node) = input.into_parts();
    let (kernel, kernel_node) = kernel.into_parts();
    let (bias, bias_node) = bias.into_parts();
    match Dense.prepare::<C>([input_node, kernel_node, bias_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let output = B::dense(input.clone(), kernel.clone(), bias, shared, epilogue);
            let state = State { input, kernel, output: epilogue_state::<B>(&output, epilogue), shared };
            prep.finish(state, output)
        }
        OpsKind::UnTracked(prep) => prep.finish(B::dense(input, kernel, bias, shared, epilogue)),
    }
}

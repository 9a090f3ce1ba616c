//! Backward pass of `dense`.

use super::{before_epilogue, epilogue_state, register, saved};
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
        let State { input, kernel, output, shared } = ops.state;
        let grad = grads.consume::<B>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let (output, epilogue) = saved(output, &grad);
        let found = B::dense_backward(input, kernel, output, grad, shared, epilogue, wanted);
        register::<B>(grads, ops.parents.map(|node| node.map(|node| node.id)), found);
    }
}

/// The gradients one by one.
pub(crate) fn dense_by_parts<B: VariationalOps>(
    [input, kernel, output, grad]: [FloatTensor<B>; 4],
    shared: bool,
    epilogue: Epilogue,
    [of_input, of_kernel, of_bias]: [bool; 3],
) -> super::Gradients<B> {
    let samples = kernel.shape()[0];
    let grad = before_epilogue::<B>((epilogue == Epilogue::Relu).then_some(output), grad);
    let bias = of_bias.then(|| B::bias_backward(grad.clone(), samples, 1));
    let of_input = of_input.then(|| B::dense_backward_input(kernel, grad.clone(), shared));
    let kernel = of_kernel.then(|| B::dense_backward_kernel(input, grad, samples, shared));
    (of_input, kernel, bias)
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

//! Backward pass of `transposed_convolution`.

use super::{before_epilogue, epilogue_state};
use crate::VariationalOps;
use crate::geometry::{Epilogue, TransposedGeometry};
use burn::backend::autodiff::{
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{Autodiff, TensorMetadata, tensor::FloatTensor};

#[derive(Debug)]
struct TransposedConvolution;

#[derive(Clone, Debug)]
struct State<B: VariationalOps> {
    input: FloatTensor<B>,
    kernel: FloatTensor<B>,
    output: Option<FloatTensor<B>>,
    geometry: TransposedGeometry,
    shared: bool,
}

impl<B: VariationalOps> Backward<B, 3> for TransposedConvolution {
    type State = State<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input, kernel, bias] = ops.parents;
        let State { input: x, kernel: weights, output, geometry, shared } = ops.state;
        let samples = weights.shape()[0];
        let grad = before_epilogue::<B>(output, grads.consume::<B>(&ops.node));
        if let Some(node) = bias {
            let axis = geometry.sizes.channel_axis();
            grads.register::<B>(node.id, B::bias_backward(grad.clone(), samples, axis));
        }
        if let Some(node) = input {
            let gradient = B::transposed_convolution_backward_input(weights, grad.clone(), geometry, shared);
            grads.register::<B>(node.id, gradient);
        }
        if let Some(node) = kernel {
            let gradient = B::transposed_convolution_backward_kernel(x, grad, geometry, samples, shared);
            grads.register::<B>(node.id, gradient);
        }
    }
}

pub(super) fn transposed_convolution<B: VariationalOps, C: CheckpointStrategy>(
    input: FloatTensor<Autodiff<B, C>>,
    kernel: FloatTensor<Autodiff<B, C>>,
    bias: FloatTensor<Autodiff<B, C>>,
    geometry: TransposedGeometry,
    shared: bool,
    epilogue: Epilogue,
) -> FloatTensor<Autodiff<B, C>> {
    let (input, input_node) = input.into_parts();
    let (kernel, kernel_node) = kernel.into_parts();
    let (bias, bias_node) = bias.into_parts();
    let nodes = [input_node, kernel_node, bias_node];
    match TransposedConvolution.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let output = B::transposed_convolution(input.clone(), kernel.clone(), bias, geometry, shared, epilogue);
            let saved = epilogue_state::<B>(&output, epilogue);
            prep.finish(State { input, kernel, output: saved, geometry, shared }, output)
        }
        OpsKind::UnTracked(prep) => {
            prep.finish(B::transposed_convolution(input, kernel, bias, geometry, shared, epilogue))
        }
    }
}

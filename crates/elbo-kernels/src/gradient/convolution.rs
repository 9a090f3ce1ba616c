//! Backward pass of `convolution`.

use super::{before_epilogue, epilogue_state};
use crate::VariationalOps;
use crate::geometry::{ConvGeometry, Epilogue};
use burn::backend::autodiff::{
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{Autodiff, TensorMetadata, tensor::FloatTensor};

#[derive(Debug)]
struct Convolution;

#[derive(Clone, Debug)]
struct State<B: VariationalOps> {
    input: FloatTensor<B>,
    kernel: FloatTensor<B>,
    output: Option<FloatTensor<B>>,
    geometry: ConvGeometry,
    shared: bool,
}

impl<B: VariationalOps> Backward<B, 3> for Convolution {
    type State = State<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input, kernel, bias] = ops.parents;
        let State { input: x, kernel: weights, output, geometry, shared } = ops.state;
        let samples = weights.shape()[0];
        let grad = before_epilogue::<B>(output, grads.consume::<B>(&ops.node));
        if let Some(node) = bias {
            grads.register::<B>(node.id, B::bias_backward(grad.clone(), samples, geometry.channel_axis()));
        }
        if let Some(node) = input {
            let spatial = volume_lengths(&geometry, &x.shape());
            let gradient = B::convolution_backward_input(weights, grad.clone(), geometry, spatial, shared);
            grads.register::<B>(node.id, gradient);
        }
        if let Some(node) = kernel {
            let gradient = B::convolution_backward_kernel(x, grad, geometry, samples, shared);
            grads.register::<B>(node.id, gradient);
        }
    }
}

/// Spatial lengths of an input with leading ones.
fn volume_lengths(geometry: &ConvGeometry, shape: &[usize]) -> [usize; 3] {
    let mut lengths = [1; 3];
    lengths[3 - geometry.rank..].copy_from_slice(geometry.spatial(shape));
    lengths
}

pub(super) fn convolution<B: VariationalOps, C: CheckpointStrategy>(
    input: FloatTensor<Autodiff<B, C>>,
    kernel: FloatTensor<Autodiff<B, C>>,
    bias: FloatTensor<Autodiff<B, C>>,
    geometry: ConvGeometry,
    shared: bool,
    epilogue: Epilogue,
) -> FloatTensor<Autodiff<B, C>> {
    let (input, input_node) = input.into_parts();
    let (kernel, kernel_node) = kernel.into_parts();
    let (bias, bias_node) = bias.into_parts();
    match Convolution.prepare::<C>([input_node, kernel_node, bias_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let output = B::convolution(input.clone(), kernel.clone(), bias, geometry, shared, epilogue);
            let saved = epilogue_state::<B>(&output, epilogue);
            prep.finish(State { input, kernel, output: saved, geometry, shared }, output)
        }
        OpsKind::UnTracked(prep) => prep.finish(B::convolution(input, kernel, bias, geometry, shared, epilogue)),
    }
}

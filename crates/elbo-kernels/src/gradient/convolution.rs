//! Backward pass of `convolution`.

use super::{before_epilogue, epilogue_state, register, saved};
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
        let State { input, kernel, output, geometry, shared } = ops.state;
        let grad = grads.consume::<B>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let (output, epilogue) = saved(output, &grad);
        let found = B::convolution_backward(input, kernel, output, grad, geometry, shared, epilogue, wanted);
        register::<B>(grads, ops.parents.map(|node| node.map(|node| node.id)), found);
    }
}

/// The gradients one by one.
pub(crate) fn convolution_by_parts<B: VariationalOps>(
    [input, kernel, output, grad]: [FloatTensor<B>; 4],
    geometry: ConvGeometry,
    shared: bool,
    epilogue: Epilogue,
    [of_input, of_kernel, of_bias]: [bool; 3],
) -> super::Gradients<B> {
    let (samples, spatial) = (kernel.shape()[0], geometry.volume_lengths(&input.shape()));
    let grad = before_epilogue::<B>((epilogue == Epilogue::Relu).then_some(output), grad);
    let bias = of_bias.then(|| B::bias_backward(grad.clone(), samples, geometry.channel_axis()));
    let of_input = of_input.then(|| B::convolution_backward_input(kernel, grad.clone(), geometry, spatial, shared));
    let kernel = of_kernel.then(|| B::convolution_backward_kernel(input, grad, geometry, samples, shared));
    (of_input, kernel, bias)
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

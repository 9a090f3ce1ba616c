//! Backward passes of `perturb_signs`, `add_perturbation` and `add_noise`.

use super::{before_epilogue, epilogue_state};
use crate::VariationalOps;
use crate::geometry::Epilogue;
use crate::layout::ChannelLayout;
use crate::noise::Draws;
use crate::reference::perturbation::sum_samples;
use burn::backend::autodiff::{
    NodeId,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use burn::backend::{Autodiff, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

#[derive(Debug)]
struct PerturbSigns;

impl<B: VariationalOps> Backward<B, 1> for PerturbSigns {
    type State = (Draws, ChannelLayout, bool);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([input], (draws, layout, shared)) = (ops.parents, ops.state);
        let grad = grads.consume::<B>(&ops.node);
        if let Some(node) = input {
            grads.register::<B>(node.id, B::perturb_signs_backward(grad, draws, layout, shared));
        }
    }
}

pub(super) fn perturb_signs<B: VariationalOps, C: CheckpointStrategy>(
    input: FloatTensor<Autodiff<B, C>>,
    draws: Draws,
    layout: ChannelLayout,
    shared: bool,
) -> FloatTensor<Autodiff<B, C>> {
    let (input, node) = input.into_parts();
    let output = B::perturb_signs(input, draws, layout, shared);
    match PerturbSigns.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((draws, layout, shared), output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}

#[derive(Debug)]
struct AddPerturbation;

#[derive(Clone, Debug)]
struct PerturbationState<B: VariationalOps> {
    output: Option<FloatTensor<B>>,
    mean: Shape,
    draws: Draws,
    layout: ChannelLayout,
}

impl<B: VariationalOps> Backward<B, 3> for AddPerturbation {
    type State = PerturbationState<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [mean, perturbation, bias] = ops.parents;
        let PerturbationState { output, mean: mean_shape, draws, layout } = ops.state;
        let grad = before_epilogue::<B>(output, grads.consume::<B>(&ops.node));
        if let Some(node) = perturbation {
            grads.register::<B>(node.id, B::perturb_signs(grad.clone(), draws, layout, false));
        }
        register_sum::<B>(grads, [mean, bias].map(|node| node.map(|node| node.id)), grad, &mean_shape, (draws, layout));
    }
}

pub(super) fn add_perturbation<B: VariationalOps, C: CheckpointStrategy>(
    mean: FloatTensor<Autodiff<B, C>>,
    perturbation: FloatTensor<Autodiff<B, C>>,
    bias: FloatTensor<Autodiff<B, C>>,
    draws: Draws,
    layout: ChannelLayout,
    epilogue: Epilogue,
) -> FloatTensor<Autodiff<B, C>> {
    let (mean, mean_node) = mean.into_parts();
    let (perturbation, perturbation_node) = perturbation.into_parts();
    let (bias, bias_node) = bias.into_parts();
    let shape = mean.shape();
    let output = B::add_perturbation(mean, perturbation, bias, draws, layout, epilogue);
    match AddPerturbation.prepare::<C>([mean_node, perturbation_node, bias_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let saved = epilogue_state::<B>(&output, epilogue);
            prep.finish(PerturbationState { output: saved, mean: shape, draws, layout }, output)
        }
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}

#[derive(Debug)]
struct AddNoise;

#[derive(Clone, Debug)]
struct NoiseState<B: VariationalOps> {
    variance: FloatTensor<B>,
    output: Option<FloatTensor<B>>,
    mean: Shape,
    draws: Draws,
    layout: ChannelLayout,
}

impl<B: VariationalOps> Backward<B, 3> for AddNoise {
    type State = NoiseState<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [mean, variance, bias] = ops.parents;
        let NoiseState { variance: v, output, mean: mean_shape, draws, layout } = ops.state;
        let grad = before_epilogue::<B>(output, grads.consume::<B>(&ops.node));
        if let Some(node) = variance {
            grads.register::<B>(node.id, B::add_noise_backward_variance(v, grad.clone(), draws, layout));
        }
        register_sum::<B>(grads, [mean, bias].map(|node| node.map(|node| node.id)), grad, &mean_shape, (draws, layout));
    }
}

pub(super) fn add_noise<B: VariationalOps, C: CheckpointStrategy>(
    mean: FloatTensor<Autodiff<B, C>>,
    variance: FloatTensor<Autodiff<B, C>>,
    bias: FloatTensor<Autodiff<B, C>>,
    draws: Draws,
    layout: ChannelLayout,
    epilogue: Epilogue,
) -> FloatTensor<Autodiff<B, C>> {
    let (mean, mean_node) = mean.into_parts();
    let (variance, variance_node) = variance.into_parts();
    let (bias, bias_node) = bias.into_parts();
    let shape = mean.shape();
    let output = B::add_noise(mean, variance.clone(), bias, draws, layout, epilogue);
    match AddNoise.prepare::<C>([mean_node, variance_node, bias_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let saved = epilogue_state::<B>(&output, epilogue);
            prep.finish(NoiseState { variance, output: saved, mean: shape, draws, layout }, output)
        }
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}

/// The gradients of a mean, which every sample has or all share, and of the bias `[samples, channels]` added to it.
fn register_sum<B: VariationalOps>(
    grads: &mut Gradients,
    [mean, bias]: [Option<NodeId>; 2],
    grad: FloatTensor<B>,
    mean_shape: &Shape,
    (draws, layout): (Draws, ChannelLayout),
) {
    if let Some(id) = bias {
        let shape = [draws.samples * layout.rows, layout.before, layout.channels, layout.after];
        let grad = B::float_reshape(grad.clone(), Shape::from(shape));
        grads.register::<B>(id, B::bias_backward(grad, draws.samples, 2));
    }
    if let Some(id) = mean {
        let shared = grad.shape() != *mean_shape;
        grads.register::<B>(id, if shared { sum_samples::<B>(grad, draws.samples) } else { grad });
    }
}

//! Hand-written backward passes, recorded as one node each on Burn's autodiff tape.
//!
//! The gradients of weights that have a divergence and were drawn are computed together: see the module `weights`.
//!
//! States hold what the forward pass had anyway (inputs, weights, seeds), never noise: it is regenerated. Work for a
//! parent that is not tracked is left out.

mod convolution;
mod dense;
mod kl;
mod moments;
mod perturbation;
mod sample;
mod squares;
mod transposed_convolution;
mod weights;

pub(crate) use convolution::convolution_by_parts;
pub(crate) use dense::dense_by_parts;

use crate::VariationalOps;
use crate::geometry::{ConvGeometry, Epilogue, TransposedGeometry};
use crate::layout::ChannelLayout;
use crate::noise::Draws;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::{NodeId, grads::Gradients as Tape};
use burn::backend::{Autodiff, Backend, tensor::FloatTensor};

impl<B: VariationalOps, C: CheckpointStrategy> VariationalOps for Autodiff<B, C> {
    fn sample_normal(
        loc: FloatTensor<Self>,
        untransformed_scale: FloatTensor<Self>,
        draws: Draws,
    ) -> FloatTensor<Self> {
        sample::sample_normal::<B, C>(loc, untransformed_scale, draws)
    }

    fn kl_normal(
        loc: FloatTensor<Self>,
        untransformed_scale: FloatTensor<Self>,
        prior_loc: FloatTensor<Self>,
        prior_scale: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        kl::kl_normal::<B, C>(loc, untransformed_scale, prior_loc, prior_scale)
    }

    fn normal_mean(loc: FloatTensor<Self>, untransformed_scale: FloatTensor<Self>) -> FloatTensor<Self> {
        moments::normal_mean::<B, C>(loc, untransformed_scale)
    }

    fn normal_variance(untransformed_scale: FloatTensor<Self>) -> FloatTensor<Self> {
        moments::normal_variance::<B, C>(untransformed_scale)
    }

    fn square(values: FloatTensor<Self>) -> FloatTensor<Self> {
        squares::square::<B, C>(values)
    }

    fn sum_squares(values: FloatTensor<Self>) -> FloatTensor<Self> {
        squares::sum_squares::<B, C>(values)
    }

    fn dense(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shared: bool,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        dense::dense::<B, C>(input, kernel, bias, shared, epilogue)
    }

    fn convolution(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
        shared: bool,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        convolution::convolution::<B, C>(input, kernel, bias, geometry, shared, epilogue)
    }

    fn perturb_signs(input: FloatTensor<Self>, draws: Draws, layout: ChannelLayout, shared: bool) -> FloatTensor<Self> {
        perturbation::perturb_signs::<B, C>(input, draws, layout, shared)
    }

    fn add_perturbation(
        mean: FloatTensor<Self>,
        perturbation: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        draws: Draws,
        layout: ChannelLayout,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        perturbation::add_perturbation::<B, C>(mean, perturbation, bias, draws, layout, epilogue)
    }

    fn add_noise(
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        draws: Draws,
        layout: ChannelLayout,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        perturbation::add_noise::<B, C>(mean, variance, bias, draws, layout, epilogue)
    }

    fn transposed_convolution(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: TransposedGeometry,
        shared: bool,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        transposed_convolution::transposed_convolution::<B, C>(input, kernel, bias, geometry, shared, epilogue)
    }
}

/// What a fused activation needs for its backward pass: its output, where it is not linear.
fn epilogue_state<B: Backend>(output: &FloatTensor<B>, epilogue: Epilogue) -> Option<FloatTensor<B>> {
    match epilogue {
        Epilogue::Linear => None,
        Epilogue::Relu => Some(output.clone()),
    }
}

/// Gradients in input, kernel and bias, each if it was wanted.
pub type Gradients<B> = (Option<FloatTensor<B>>, Option<FloatTensor<B>>, Option<FloatTensor<B>>);

/// A saved output with its activation; of a linear one none is needed, and the gradient takes its place.
fn saved<T: Clone>(output: Option<T>, grad: &T) -> (T, Epilogue) {
    output.map_or_else(|| (grad.clone(), Epilogue::Linear), |output| (output, Epilogue::Relu))
}

/// Hands gradients to the parents that are tracked.
fn register<B: Backend>(grads: &mut Tape, parents: [Option<NodeId>; 3], found: Gradients<B>) {
    for (node, gradient) in parents.into_iter().zip(<[_; 3]>::from(found)) {
        if let Some((node, gradient)) = node.zip(gradient) {
            grads.register::<B>(node, gradient);
        }
    }
}

/// The gradient before the activation.
pub(crate) fn before_epilogue<B: Backend>(output: Option<FloatTensor<B>>, grad: FloatTensor<B>) -> FloatTensor<B> {
    match output {
        None => grad,
        Some(output) => B::relu_backward(output, grad),
    }
}

//! The CPU backend: fused overrides and products of its own, default bodies for everything else.

mod adam;
mod arrays;
mod bias;
mod convolution;
mod dense;
mod kl;
mod perturbation;
mod product;
mod runs;
mod sample;
mod sgd;
mod softplus;
mod squares;
mod sum;
mod tensor;
mod weights;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;

use crate::VariationalOps;
use crate::adam::AdamStep;
use crate::geometry::{ConvGeometry, Epilogue};
use crate::gradient::Gradients;
use crate::layout::ChannelLayout;
use crate::noise::Draws;
use crate::sgd::SgdStep;
use crate::weight_use::WeightUse;
use burn::backend::{Flex, flex::FlexTensor, tensor::FloatTensor};

impl VariationalOps for Flex {
    fn dense(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shared: bool,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        dense::forward(input, kernel, bias, shared, epilogue)
    }

    fn dense_backward(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        output: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        shared: bool,
        epilogue: Epilogue,
        wanted: [bool; 3],
    ) -> Gradients<Self> {
        dense::backward([input, kernel, output, grad], shared, epilogue, wanted)
    }

    fn dense_backward_input(kernel: FloatTensor<Self>, grad: FloatTensor<Self>, shared: bool) -> FloatTensor<Self> {
        dense::backward_input(kernel, grad, shared)
    }

    fn dense_backward_kernel(
        input: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        samples: usize,
        shared: bool,
    ) -> FloatTensor<Self> {
        dense::backward_kernel(input, grad, samples, shared)
    }

    fn convolution(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
        shared: bool,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        convolution::forward(input, kernel, bias, &geometry, shared, epilogue)
    }

    fn convolution_backward(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        output: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        shared: bool,
        epilogue: Epilogue,
        wanted: [bool; 3],
    ) -> Gradients<Self> {
        convolution::backward([input, kernel, output, grad], geometry, shared, epilogue, wanted)
    }

    fn convolution_backward_input(
        kernel: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        spatial: [usize; 3],
        shared: bool,
    ) -> FloatTensor<Self> {
        convolution::backward_input(kernel, grad, &geometry, spatial, shared)
    }

    fn convolution_backward_kernel(
        input: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        samples: usize,
        shared: bool,
    ) -> FloatTensor<Self> {
        convolution::backward_kernel(input, grad, &geometry, samples, shared)
    }

    fn sample_normal(loc: FlexTensor, untransformed_scale: FlexTensor, draws: Draws) -> FlexTensor {
        sample::sample_normal(loc, untransformed_scale, draws)
    }

    fn sample_normal_backward(
        untransformed_scale: FlexTensor,
        grad: FlexTensor,
        draws: Draws,
    ) -> (FlexTensor, FlexTensor) {
        sample::sample_normal_backward(untransformed_scale, grad, draws)
    }

    fn kl_normal(
        loc: FlexTensor,
        untransformed_scale: FlexTensor,
        prior_loc: FlexTensor,
        prior_scale: FlexTensor,
    ) -> FlexTensor {
        kl::kl_normal(loc, untransformed_scale, prior_loc, prior_scale)
    }

    fn kl_normal_backward(
        loc: FlexTensor,
        untransformed_scale: FlexTensor,
        prior_loc: FlexTensor,
        prior_scale: FlexTensor,
        grad: FlexTensor,
    ) -> (FlexTensor, FlexTensor, FlexTensor, FlexTensor) {
        kl::kl_normal_backward(loc, untransformed_scale, prior_loc, prior_scale, grad)
    }

    fn kl_normal_backward_posterior(
        loc: FlexTensor,
        untransformed_scale: FlexTensor,
        prior_loc: FlexTensor,
        prior_scale: FlexTensor,
        grad: FlexTensor,
    ) -> (FlexTensor, FlexTensor) {
        kl::kl_normal_backward_posterior(loc, untransformed_scale, prior_loc, prior_scale, grad)
    }

    fn normal_variance(untransformed_scale: FlexTensor) -> FlexTensor {
        weights::normal_variance(untransformed_scale)
    }

    fn normal_variance_backward(untransformed_scale: FlexTensor, grad: FlexTensor) -> FlexTensor {
        weights::normal_variance_backward(untransformed_scale, grad)
    }

    fn normal_backward(
        loc: FlexTensor,
        untransformed_scale: FlexTensor,
        prior_loc: FlexTensor,
        prior_scale: FlexTensor,
        grad: FlexTensor,
        of_loc: FlexTensor,
        of_use: FlexTensor,
        weight_use: WeightUse,
    ) -> (FlexTensor, FlexTensor) {
        weights::normal_backward([loc, untransformed_scale, prior_loc, prior_scale, grad], [of_loc, of_use], weight_use)
    }

    fn square(values: FlexTensor) -> FlexTensor {
        squares::square(values)
    }

    fn square_backward(values: FlexTensor, grad: FlexTensor) -> FlexTensor {
        squares::square_backward(values, grad)
    }

    fn sum_squares(values: FlexTensor) -> FlexTensor {
        squares::sum_squares(values)
    }

    fn sum_squares_backward(values: FlexTensor, grad: FlexTensor) -> FlexTensor {
        squares::sum_squares_backward(values, grad)
    }

    fn adam_step(
        parameter: FlexTensor,
        grad: FlexTensor,
        moment_1: FlexTensor,
        moment_2: FlexTensor,
        step: AdamStep,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        adam::adam_step(parameter, grad, moment_1, moment_2, step)
    }

    fn sgd_step(
        parameter: FlexTensor,
        grad: FlexTensor,
        velocity: FlexTensor,
        step: SgdStep,
    ) -> (FlexTensor, FlexTensor) {
        sgd::sgd_step(parameter, grad, velocity, step)
    }

    fn bias_backward(grad: FlexTensor, samples: usize, channel_axis: usize) -> FlexTensor {
        bias::bias_backward(grad, samples, channel_axis)
    }

    fn perturb_signs(input: FlexTensor, draws: Draws, layout: ChannelLayout, shared: bool) -> FlexTensor {
        perturbation::perturb_signs(input, draws, layout, shared)
    }

    fn perturb_signs_backward(grad: FlexTensor, draws: Draws, layout: ChannelLayout, shared: bool) -> FlexTensor {
        perturbation::perturb_signs_backward(grad, draws, layout, shared)
    }

    fn add_perturbation(
        mean: FlexTensor,
        perturbation: FlexTensor,
        bias: FlexTensor,
        draws: Draws,
        layout: ChannelLayout,
        epilogue: Epilogue,
    ) -> FlexTensor {
        perturbation::add_perturbation(mean, perturbation, bias, draws, layout, epilogue)
    }

    fn add_noise(
        mean: FlexTensor,
        variance: FlexTensor,
        bias: FlexTensor,
        draws: Draws,
        layout: ChannelLayout,
        epilogue: Epilogue,
    ) -> FlexTensor {
        perturbation::add_noise(mean, variance, bias, draws, layout, epilogue)
    }

    fn add_noise_backward_variance(
        variance: FlexTensor,
        grad: FlexTensor,
        draws: Draws,
        layout: ChannelLayout,
    ) -> FlexTensor {
        perturbation::add_noise_backward_variance(variance, grad, draws, layout)
    }
}

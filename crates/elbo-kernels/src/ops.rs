//! The backend extension: every method has a default body of ordinary Burn operations.

use crate::adam::AdamStep;
use crate::geometry::{ConvGeometry, Epilogue, TransposedGeometry};
use crate::gradient;
use crate::layout::ChannelLayout;
use crate::noise::Draws;
use crate::reference;
use crate::sgd::SgdStep;
use crate::weight_use::WeightUse;
use burn::backend::{Backend, backend_extension, tensor::FloatTensor};

/// The primitive operations of variational layers.
///
/// Locations and untransformed scales of n weights have any shape. Weights of S samples are flat: kernels `[S, weights]` (row-major over `[kernel.., C / G, F]` or `[in, units]`),
/// biases `[S, F]`. Inputs have their batch either once (`shared`, read by every sample) or S times, sample-major; outputs
/// have it S times.
///
/// The functions of this crate's root wrap these methods for Burn's [`Tensor`](burn::tensor::Tensor).
#[backend_extension(
    Autodiff,
    Flex: cfg(feature = "flex"),
    Cube: cfg(any(feature = "wgpu", feature = "cuda", feature = "rocm"))
)]
pub trait VariationalOps: Backend {
    /// Standard normals `[samples, n]` in the dtype and on the device of `like`.
    fn normal_noise(like: FloatTensor<Self>, draws: Draws, n: usize) -> FloatTensor<Self> {
        reference::sample::normal_noise::<Self>(&like, draws, n)
    }

    /// Random signs, -1 or 1: `[samples, n]` in the dtype and on the device of `like`.
    fn sign_noise(like: FloatTensor<Self>, draws: Draws, n: usize) -> FloatTensor<Self> {
        reference::perturbation::sign_noise::<Self>(&like, draws, n)
    }

    /// `loc + (eps + softplus(u)) noise`: `[samples, n]`. A location of one element, which must be a constant, is that of
    /// all.
    fn sample_normal(
        loc: FloatTensor<Self>,
        untransformed_scale: FloatTensor<Self>,
        draws: Draws,
    ) -> FloatTensor<Self> {
        reference::sample::sample_normal::<Self>(loc, untransformed_scale, draws)
    }

    /// Gradients of [`sample_normal`](Self::sample_normal) in `loc` and `u`, of their shapes, from the gradient
    /// `[samples, n]`.
    fn sample_normal_backward(
        untransformed_scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        draws: Draws,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        reference::sample::sample_normal_backward::<Self>(untransformed_scale, grad, draws)
    }

    /// `Σ KL(N(loc, eps + softplus(u)) ‖ N(prior_loc, prior_scale))` in nats, shape `[1]`. The prior's tensors have n
    /// elements or one.
    fn kl_normal(
        loc: FloatTensor<Self>,
        untransformed_scale: FloatTensor<Self>,
        prior_loc: FloatTensor<Self>,
        prior_scale: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        reference::kl::kl_normal::<Self>(loc, untransformed_scale, prior_loc, prior_scale)
    }

    /// Gradients of [`kl_normal`](Self::kl_normal) in its four arguments, times `grad` of shape `[1]`. The last two
    /// have the prior's shapes.
    fn kl_normal_backward(
        loc: FloatTensor<Self>,
        untransformed_scale: FloatTensor<Self>,
        prior_loc: FloatTensor<Self>,
        prior_scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        reference::kl::kl_normal_backward::<Self>(loc, untransformed_scale, prior_loc, prior_scale, grad)
    }

    /// The first two gradients of [`kl_normal_backward`](Self::kl_normal_backward), under a prior that is not trained.
    fn kl_normal_backward_posterior(
        loc: FloatTensor<Self>,
        untransformed_scale: FloatTensor<Self>,
        prior_loc: FloatTensor<Self>,
        prior_scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        reference::kl::kl_normal_backward_posterior::<Self>(loc, untransformed_scale, prior_loc, prior_scale, grad)
    }

    /// `loc` as a row `[1, n]`. Its backward pass is that of the weights' other uses: `u` says which these are.
    fn normal_mean(loc: FloatTensor<Self>, untransformed_scale: FloatTensor<Self>) -> FloatTensor<Self> {
        drop(untransformed_scale);
        reference::weights::row::<Self>(loc)
    }

    /// `(eps + softplus(u))²`, as a row `[1, n]`.
    fn normal_variance(untransformed_scale: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::weights::normal_variance::<Self>(untransformed_scale)
    }

    /// Gradient of [`normal_variance`](Self::normal_variance): `2 σ σ' g`, of the shape of `u`.
    fn normal_variance_backward(untransformed_scale: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::weights::normal_variance_backward::<Self>(untransformed_scale, grad)
    }

    /// Gradients in `loc` and `u` of a divergence under a prior that is not trained, times `grad`, together with those of
    /// what else was made of the weights: `of_loc` `[1, n]`, or without elements, is added to the first; `of_use` is the
    /// gradient of draws or variances, without elements if there are none.
    #[allow(clippy::too_many_arguments)]
    fn normal_backward(
        loc: FloatTensor<Self>,
        untransformed_scale: FloatTensor<Self>,
        prior_loc: FloatTensor<Self>,
        prior_scale: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        of_loc: FloatTensor<Self>,
        of_use: FloatTensor<Self>,
        weight_use: WeightUse,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        reference::weights::normal_backward::<Self>(
            loc,
            untransformed_scale,
            prior_loc,
            prior_scale,
            grad,
            of_loc,
            of_use,
            weight_use,
        )
    }

    /// `x²`.
    fn square(values: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::squares::square::<Self>(values)
    }

    /// Gradient of [`square`](Self::square): `2 g x`.
    fn square_backward(values: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::squares::square_backward::<Self>(values, grad)
    }

    /// `Σ x²`, shape `[1]`.
    fn sum_squares(values: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::squares::sum_squares::<Self>(values)
    }

    /// Gradient of [`sum_squares`](Self::sum_squares): `2 g x`.
    fn sum_squares_backward(values: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::squares::sum_squares_backward::<Self>(values, grad)
    }

    /// A step of Adam: the new parameter and the new first and second moments, from the old ones and the gradient. Not
    /// differentiable.
    fn adam_step(
        parameter: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        moment_1: FloatTensor<Self>,
        moment_2: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        reference::adam::adam_step::<Self>(parameter, grad, moment_1, moment_2, step)
    }

    /// A step of stochastic gradient descent: the new parameter and the new velocity, from the old ones and the gradient.
    /// Not differentiable.
    fn sgd_step(
        parameter: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        step: SgdStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        reference::sgd::sgd_step::<Self>(parameter, grad, velocity, step)
    }

    /// `epilogue(x W_s + b_s)`: x `[rows, in]` (or S of them), kernel `[S, in units]`, bias `[S, units]`.
    fn dense(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shared: bool,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        reference::dense::dense::<Self>(input, kernel, bias, shared, epilogue)
    }

    /// Gradient of [`dense`](Self::dense) in its input, from the gradient before the epilogue.
    fn dense_backward_input(kernel: FloatTensor<Self>, grad: FloatTensor<Self>, shared: bool) -> FloatTensor<Self> {
        reference::dense::dense_backward_input::<Self>(kernel, grad, shared)
    }

    /// Gradient of [`dense`](Self::dense) in its kernel `[samples, in units]`, from the gradient before the epilogue.
    fn dense_backward_kernel(
        input: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        samples: usize,
        shared: bool,
    ) -> FloatTensor<Self> {
        reference::dense::dense_backward_kernel::<Self>(input, grad, samples, shared)
    }

    /// Gradients of [`dense`](Self::dense) in input, kernel and bias, each if it is `wanted`, from the gradient after the
    /// epilogue. The `output` is read if the epilogue is not linear.
    #[allow(clippy::type_complexity)]
    fn dense_backward(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        output: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        shared: bool,
        epilogue: Epilogue,
        wanted: [bool; 3],
    ) -> (Option<FloatTensor<Self>>, Option<FloatTensor<Self>>, Option<FloatTensor<Self>>) {
        gradient::dense_by_parts::<Self>([input, kernel, output, grad], shared, epilogue, wanted)
    }

    /// `epilogue(x ⋆ W_s + b_s)`, cross-correlation: kernel `[S, K.. (C / G) F]`, bias `[S, F]`.
    fn convolution(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
        shared: bool,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        reference::convolution::convolution::<Self>(input, kernel, bias, &geometry, shared, epilogue)
    }

    /// Gradient of [`convolution`](Self::convolution) in its input of spatial lengths `spatial`, from the gradient
    /// before the epilogue.
    fn convolution_backward_input(
        kernel: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        spatial: [usize; 3],
        shared: bool,
    ) -> FloatTensor<Self> {
        reference::convolution::convolution_backward_input::<Self>(kernel, grad, &geometry, spatial, shared)
    }

    /// Gradient of [`convolution`](Self::convolution) in its kernel, from the gradient before the epilogue.
    fn convolution_backward_kernel(
        input: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        samples: usize,
        shared: bool,
    ) -> FloatTensor<Self> {
        reference::convolution::convolution_backward_kernel::<Self>(input, grad, &geometry, samples, shared)
    }

    /// Gradients of [`convolution`](Self::convolution) in input, kernel and bias, each if it is `wanted`, from the
    /// gradient after the epilogue. The `output` is read if the epilogue is not linear.
    #[allow(clippy::too_many_arguments, clippy::type_complexity)]
    fn convolution_backward(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        output: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: ConvGeometry,
        shared: bool,
        epilogue: Epilogue,
        wanted: [bool; 3],
    ) -> (Option<FloatTensor<Self>>, Option<FloatTensor<Self>>, Option<FloatTensor<Self>>) {
        gradient::convolution_by_parts::<Self>([input, kernel, output, grad], geometry, shared, epilogue, wanted)
    }

    /// `epilogue(x ⋆ᵀ W_s + b_s)`, the adjoint of a convolution: kernel `[S, K.. (C / G) F]`, bias `[S, F]`.
    fn transposed_convolution(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: TransposedGeometry,
        shared: bool,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        reference::transposed_convolution::transposed_convolution::<Self>(
            input, kernel, bias, &geometry, shared, epilogue,
        )
    }

    /// Gradient of [`transposed_convolution`](Self::transposed_convolution) in its input, from the gradient before the
    /// epilogue.
    fn transposed_convolution_backward_input(
        kernel: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: TransposedGeometry,
        shared: bool,
    ) -> FloatTensor<Self> {
        reference::transposed_convolution::transposed_convolution_backward_input::<Self>(
            kernel, grad, &geometry, shared,
        )
    }

    /// Gradient of [`transposed_convolution`](Self::transposed_convolution) in its kernel, from the gradient before the
    /// epilogue.
    fn transposed_convolution_backward_kernel(
        input: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        geometry: TransposedGeometry,
        samples: usize,
        shared: bool,
    ) -> FloatTensor<Self> {
        reference::transposed_convolution::transposed_convolution_backward_kernel::<Self>(
            input, grad, &geometry, samples, shared,
        )
    }

    /// Gradient of any of these products in its bias `[samples, F]`: the gradient before the epilogue, summed over all axes
    /// but samples and channels (`channel_axis`).
    fn bias_backward(grad: FloatTensor<Self>, samples: usize, channel_axis: usize) -> FloatTensor<Self> {
        reference::product::bias_backward::<Self>(grad, samples, channel_axis)
    }

    /// `x ∘ r`: every row and channel of every sample times a sign. An input that is `shared` is read by every sample.
    fn perturb_signs(input: FloatTensor<Self>, draws: Draws, layout: ChannelLayout, shared: bool) -> FloatTensor<Self> {
        reference::perturbation::perturb_signs::<Self>(input, draws, layout, shared)
    }

    /// Gradient of [`perturb_signs`](Self::perturb_signs) in its input.
    fn perturb_signs_backward(
        grad: FloatTensor<Self>,
        draws: Draws,
        layout: ChannelLayout,
        shared: bool,
    ) -> FloatTensor<Self> {
        reference::perturbation::perturb_signs_backward::<Self>(grad, draws, layout, shared)
    }

    /// `epilogue(mean + perturbation ∘ q + b_s)` with signs q for every row and channel: how flipout ends. The mean has
    /// its batch once (shared by all samples) or S times, the perturbation S times; bias `[S, channels]`.
    fn add_perturbation(
        mean: FloatTensor<Self>,
        perturbation: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        draws: Draws,
        layout: ChannelLayout,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        reference::perturbation::add_perturbation::<Self>(mean, perturbation, bias, draws, layout, epilogue)
    }

    /// `epilogue(mean + sqrt(variance) ∘ ε + b_s)` with standard normals ε for every element: how local
    /// reparameterization ends. Mean and variance have their batch once or S times, the output S times. The variance can
    /// be of a wider type than the rest.
    fn add_noise(
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        draws: Draws,
        layout: ChannelLayout,
        epilogue: Epilogue,
    ) -> FloatTensor<Self> {
        reference::perturbation::add_noise::<Self>(mean, variance, bias, draws, layout, epilogue)
    }

    /// Gradient of [`add_noise`](Self::add_noise) in the variance, of its type, from the gradient before the epilogue: 0
    /// where the variance is 0.
    fn add_noise_backward_variance(
        variance: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        draws: Draws,
        layout: ChannelLayout,
    ) -> FloatTensor<Self> {
        reference::perturbation::add_noise_backward_variance::<Self>(variance, grad, draws, layout)
    }
}

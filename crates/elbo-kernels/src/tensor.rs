//! The operations for Burn's [`Tensor`].

use crate::VariationalOps;
use crate::adam::AdamStep;
use crate::geometry::{ConvGeometry, Epilogue, TransposedGeometry};
use crate::layout::ChannelLayout;
use crate::noise::Draws;
use crate::noise::uniform::{uniforms_f32, uniforms_f64};
use crate::sgd::SgdStep;
use burn::backend::{Dispatch, ops::FloatTensorOps};
use burn::tensor::{DType, Shape, Tensor, TensorData};

/// Standard normals `[draws.samples, n]` with the dtype and device of `like`; a constant on the tape.
#[must_use]
pub fn normal_noise<const D: usize>(like: &Tensor<D>, draws: Draws, n: usize) -> Tensor<2> {
    let like = like.clone().detach();
    Tensor::from_dispatch(Dispatch::normal_noise(like.into_dispatch(), draws, n))
}

/// Random signs `[draws.samples, n]`, -1 or 1, with the dtype and device of `like`; a constant on the tape.
#[must_use]
pub fn sign_noise<const D: usize>(like: &Tensor<D>, draws: Draws, n: usize) -> Tensor<2> {
    let like = like.clone().detach();
    Tensor::from_dispatch(Dispatch::sign_noise(like.into_dispatch(), draws, n))
}

/// Uniform numbers in the open interval (0, 1), `[draws.samples, n]`, on the device of `like`; a constant on the tape.
///
/// In `f64` for an `f64` tensor, else in `f32`: half precision would round some of them to 0 or 1.
#[must_use]
pub fn uniform_noise<const D: usize>(like: &Tensor<D>, draws: Draws, n: usize) -> Tensor<2> {
    let shape = [draws.samples, n];
    let device = like.device();
    if like.dtype() == DType::F64 {
        return Tensor::from_data(TensorData::new(uniforms_f64(draws, n), shape), (&device, DType::F64));
    }
    Tensor::from_data(TensorData::new(uniforms_f32(draws, n), shape), (&device, DType::F32))
}

/// The same values in another shape, in which 0 is a length: to Burn's own `reshape` it stands for the length of the
/// input's axis at its place.
///
/// # Panics
/// If the numbers of elements differ.
#[must_use]
pub fn reshape<const D: usize, const E: usize>(x: Tensor<D>, shape: [usize; E]) -> Tensor<E> {
    let (found, expected) = (x.shape().num_elements(), shape.iter().product::<usize>());
    assert_eq!(found, expected, "x: expected the elements of {shape:?}, found {:?}", x.dims());
    Tensor::from_dispatch(Dispatch::float_reshape(x.into_dispatch(), Shape::from(shape)))
}

/// `loc + (eps + softplus(untransformed_scale)) * noise` for every draw: `[draws.samples, elements of loc]`.
///
/// # Panics
/// If the shapes of `loc` and `untransformed_scale` differ.
#[must_use]
pub fn sample_normal<const D: usize>(loc: Tensor<D>, untransformed_scale: Tensor<D>, draws: Draws) -> Tensor<2> {
    assert_same_shape("untransformed_scale", &loc, &untransformed_scale);
    let (loc, u) = (loc.into_dispatch(), untransformed_scale.into_dispatch());
    Tensor::from_dispatch(Dispatch::sample_normal(loc, u, draws))
}

/// `(eps + softplus(untransformed_scale)) * noise` for every draw: `[draws.samples, elements]`.
#[must_use]
pub fn sample_perturbation<const D: usize>(untransformed_scale: Tensor<D>, draws: Draws) -> Tensor<2> {
    let zero = Tensor::<1>::zeros([1], (&untransformed_scale.device(), untransformed_scale.dtype()));
    Tensor::from_dispatch(Dispatch::sample_normal(zero.into_dispatch(), untransformed_scale.into_dispatch(), draws))
}

/// `loc` as a row `[1, n]`, for estimators that apply means by themselves. With the `untransformed_scale` of the same
/// weights, whose other gradients are computed together with this one's.
///
/// # Panics
/// If the shapes of `loc` and `untransformed_scale` differ.
#[must_use]
pub fn normal_mean<const D: usize>(loc: Tensor<D>, untransformed_scale: Tensor<D>) -> Tensor<2> {
    assert_same_shape("untransformed_scale", &loc, &untransformed_scale);
    let (loc, u) = (loc.into_dispatch(), untransformed_scale.into_dispatch());
    Tensor::from_dispatch(Dispatch::normal_mean(loc, u))
}

/// `(eps + softplus(untransformed_scale))²` as a row `[1, n]`.
#[must_use]
pub fn normal_variance<const D: usize>(untransformed_scale: Tensor<D>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::normal_variance(untransformed_scale.into_dispatch()))
}

/// `Σ KL(N(loc, eps + softplus(untransformed_scale)) ‖ N(prior_loc, prior_scale))` in nats, shape `[1]`.
///
/// The prior's tensors have the shape of `loc`, flattened, or one element.
///
/// # Panics
/// If shapes do not fit.
#[must_use]
pub fn kl_normal<const D: usize>(
    loc: Tensor<D>,
    untransformed_scale: Tensor<D>,
    prior_loc: Tensor<1>,
    prior_scale: Tensor<1>,
) -> Tensor<1> {
    assert_same_shape("untransformed_scale", &loc, &untransformed_scale);
    let n = loc.shape().num_elements();
    for (name, prior) in [("prior_loc", &prior_loc), ("prior_scale", &prior_scale)] {
        let found = prior.dims()[0];
        assert!(found == 1 || found == n, "{name}: expected 1 or {n} elements, found {found}");
    }
    Tensor::from_dispatch(Dispatch::kl_normal(
        loc.into_dispatch(),
        untransformed_scale.into_dispatch(),
        prior_loc.into_dispatch(),
        prior_scale.into_dispatch(),
    ))
}

/// `x²`, element by element.
#[must_use]
pub fn square<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::square(values.into_dispatch()))
}

/// `Σ x²`, shape `[1]`, read once forward and once backward.
#[must_use]
pub fn sum_squares<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::sum_squares(values.into_dispatch()))
}

/// A step of [Adam](AdamStep): the new parameter and its new first and second moments. Not differentiable.
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn adam_step<const D: usize>(
    parameter: Tensor<D>,
    grad: Tensor<D>,
    moments: [Tensor<D>; 2],
    step: AdamStep,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let [first, second] = moments;
    for (name, tensor) in [("grad", &grad), ("first moment", &first), ("second moment", &second)] {
        assert_eq!(tensor.dims(), parameter.dims(), "{name}: expected the shape of the parameter");
    }
    let (parameter, first, second) = Dispatch::adam_step(
        parameter.into_dispatch(),
        grad.into_dispatch(),
        first.into_dispatch(),
        second.into_dispatch(),
        step,
    );
    (Tensor::from_dispatch(parameter), [first, second].map(Tensor::from_dispatch))
}

/// A step of [stochastic gradient descent](SgdStep): the new parameter and its new velocity. Not differentiable.
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn sgd_step<const D: usize>(
    parameter: Tensor<D>,
    grad: Tensor<D>,
    velocity: Tensor<D>,
    step: SgdStep,
) -> (Tensor<D>, Tensor<D>) {
    for (name, tensor) in [("grad", &grad), ("velocity", &velocity)] {
        assert_eq!(tensor.dims(), parameter.dims(), "{name}: expected the shape of the parameter");
    }
    let tensors = (parameter.into_dispatch(), grad.into_dispatch(), velocity.into_dispatch());
    let (parameter, velocity) = Dispatch::sgd_step(tensors.0, tensors.1, tensors.2, step);
    (Tensor::from_dispatch(parameter), Tensor::from_dispatch(velocity))
}

/// `epilogue(x W_s + b_s)` for S kernels.
///
/// # Shapes
/// - `input`: `[rows, in]` if `shared`, else `[S rows, in]`, sample-major
/// - `kernel`: `[S, in units]`, row-major over `[in, units]`; `bias`: `[S, units]`
/// - output: `[S rows, units]`
///
/// # Panics
/// If shapes do not fit.
#[must_use]
pub fn dense(input: Tensor<2>, kernel: Tensor<2>, bias: Tensor<2>, shared: bool, epilogue: Epilogue) -> Tensor<2> {
    let ([rows, inputs], [samples, weights], [biases, units]) = (input.dims(), kernel.dims(), bias.dims());
    assert!(inputs > 0 && units > 0, "kernel: expected at least one input and one unit, found {inputs} x {units}");
    assert_eq!(weights, inputs * units, "kernel: expected {inputs} x {units} weights, found {weights}");
    assert_samples(samples, biases, rows, shared);
    Tensor::from_dispatch(Dispatch::dense(
        input.into_dispatch(),
        kernel.into_dispatch(),
        bias.into_dispatch(),
        shared,
        epilogue,
    ))
}

/// `epilogue(x ⋆ W_s + b_s)` for S kernels, as the geometry says.
///
/// # Shapes
/// - `input`: `[batch, spatial.., C]` or `[batch, C, spatial..]`; `batch` is N if `shared`, else S N, sample-major
/// - `kernel`: `[S, K.. (C / G) F]`, row-major over `[K.., C / G, F]`; `bias`: `[S, F]`
/// - output: `[S N, ..]` in the input's layout
///
/// # Panics
/// If shapes do not fit, a window does not fit into the input under valid padding, or the geometry contradicts itself.
#[must_use]
pub fn convolution<const D: usize>(
    input: Tensor<D>,
    kernel: Tensor<2>,
    bias: Tensor<2>,
    geometry: ConvGeometry,
    shared: bool,
    epilogue: Epilogue,
) -> Tensor<D> {
    let shape = input.dims();
    let checked = geometry.check().and_then(|()| {
        assert_fits(&geometry, &shape, kernel.dims(), bias.dims(), shared);
        geometry.extent(geometry.spatial(&shape))
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
    Tensor::from_dispatch(Dispatch::convolution(
        input.into_dispatch(),
        kernel.into_dispatch(),
        bias.into_dispatch(),
        geometry,
        shared,
        epilogue,
    ))
}

/// `epilogue(x ⋆ᵀ W_s + b_s)` for S kernels: `out[b, o, f] = Σ in[b, i, c] W_s[k, c, f]` over all i, k and c of the
/// filter's group with `i s + k d - before = o`, where `before` are the zeros that the
/// [convolution](TransposedGeometry::convolution) from outputs to inputs would put before the output.
///
/// # Shapes
/// - `input`: `[batch, spatial.., C]` or `[batch, C, spatial..]`; `batch` is N if `shared`, else S N, sample-major
/// - `kernel`: `[S, K.. (C / G) F]`, row-major over `[K.., C / G, F]`; `bias`: `[S, F]`
/// - output: `[S N, ..]` in the input's layout
///
/// # Panics
/// If shapes do not fit, an input is empty under valid padding, or the geometry contradicts itself.
#[must_use]
pub fn transposed_convolution<const D: usize>(
    input: Tensor<D>,
    kernel: Tensor<2>,
    bias: Tensor<2>,
    geometry: TransposedGeometry,
    shared: bool,
    epilogue: Epilogue,
) -> Tensor<D> {
    let shape = input.dims();
    let checked = geometry.check().and_then(|()| {
        assert_fits(&geometry.sizes, &shape, kernel.dims(), bias.dims(), shared);
        geometry.output_lengths(geometry.sizes.spatial(&shape))
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
    Tensor::from_dispatch(Dispatch::transposed_convolution(
        input.into_dispatch(),
        kernel.into_dispatch(),
        bias.into_dispatch(),
        geometry,
        shared,
        epilogue,
    ))
}

/// `x ∘ r` for S samples: every row and channel times a random sign.
///
/// # Shapes
/// - `input`: N of the layout's `[rows, before, channels, after]` in any shape with the batch first; N is 1 if
///   `shared`, else S
/// - output: S of them, the batch of the input times S if it was shared
///
/// # Panics
/// If the layout does not fit the input.
#[must_use]
pub fn perturb_signs<const D: usize>(input: Tensor<D>, draws: Draws, layout: ChannelLayout, shared: bool) -> Tensor<D> {
    let copies = if shared { 1 } else { draws.samples };
    assert_eq!(input.shape().num_elements(), copies * layout.elements(), "input: {copies} of {layout:?} expected");
    Tensor::from_dispatch(Dispatch::perturb_signs(input.into_dispatch(), draws, layout, shared))
}

/// `epilogue(mean + perturbation ∘ q + b_s)` for S samples, with a random sign q for every row and channel.
///
/// # Shapes
/// - `mean`: `[N, ..]`, shared by all samples, or `[S N, ..]`; `perturbation`, output: `[S N, ..]`
/// - `bias`: `[S, channels]`
///
/// # Panics
/// If shapes do not fit.
#[must_use]
pub fn add_perturbation<const D: usize>(
    mean: Tensor<D>,
    perturbation: Tensor<D>,
    bias: Tensor<2>,
    draws: Draws,
    layout: ChannelLayout,
    epilogue: Epilogue,
) -> Tensor<D> {
    assert_parts("mean", &mean, draws.samples, layout);
    assert_eq!(perturbation.shape().num_elements(), draws.samples * layout.elements(), "perturbation: {layout:?}");
    assert_eq!(bias.dims(), [draws.samples, layout.channels], "bias: one value per sample and channel expected");
    Tensor::from_dispatch(Dispatch::add_perturbation(
        mean.into_dispatch(),
        perturbation.into_dispatch(),
        bias.into_dispatch(),
        draws,
        layout,
        epilogue,
    ))
}

/// `epilogue(mean + sqrt(variance) ∘ noise + b_s)` for S samples, with a standard normal for every element. The slope
/// in a variance of 0 is 0. The variance can be of a wider type than the rest, which have that of `mean`: half precision
/// holds scales whose squares it does not.
///
/// # Shapes
/// - `mean`, `variance`: both `[N, ..]`, shared by all samples, or both `[S N, ..]`; output: `[S N, ..]`
/// - `bias`: `[S, channels]`
///
/// # Panics
/// If shapes do not fit.
#[must_use]
pub fn add_noise<const D: usize>(
    mean: Tensor<D>,
    variance: Tensor<D>,
    bias: Tensor<2>,
    draws: Draws,
    layout: ChannelLayout,
    epilogue: Epilogue,
) -> Tensor<D> {
    assert_eq!(mean.dims(), variance.dims(), "variance: expected the shape of `mean`");
    assert_parts("mean", &mean, draws.samples, layout);
    assert_eq!(bias.dims(), [draws.samples, layout.channels], "bias: one value per sample and channel expected");
    Tensor::from_dispatch(Dispatch::add_noise(
        mean.into_dispatch(),
        variance.into_dispatch(),
        bias.into_dispatch(),
        draws,
        layout,
        epilogue,
    ))
}

/// Checks rank, channels and the sizes of the weights.
fn assert_fits(geometry: &ConvGeometry, shape: &[usize], kernel: [usize; 2], bias: [usize; 2], shared: bool) {
    let (rank, axes) = (geometry.rank, shape.len());
    assert_eq!(rank + 2, axes, "a rank-{rank} convolution has inputs of {} axes", rank + 2);
    let channels = shape[geometry.channel_axis()];
    assert_eq!(channels, geometry.channels, "input: expected {} channels, found {channels}", geometry.channels);
    let ([samples, weights], [biases, filters]) = (kernel, bias);
    let expected = geometry.kernel_len().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((weights, filters), (expected, geometry.filters), "kernel and bias do not fit the geometry");
    assert_samples(samples, biases, shape[0], shared);
}

fn assert_same_shape<const D: usize>(name: &str, a: &Tensor<D>, b: &Tensor<D>) {
    assert_eq!(a.dims(), b.dims(), "{name}: expected the shape of `loc`");
}

fn assert_samples(samples: usize, biases: usize, batch: usize, shared: bool) {
    assert!(samples > 0, "at least one weight sample is needed");
    assert_eq!(biases, samples, "bias: expected {samples} samples, found {biases}");
    assert!(
        shared || batch.is_multiple_of(samples),
        "input: expected a batch divisible by {samples} weight samples, found {batch}"
    );
}

/// One or `samples` of the layout.
fn assert_parts<const D: usize>(name: &str, x: &Tensor<D>, samples: usize, layout: ChannelLayout) {
    let (found, one) = (x.shape().num_elements(), layout.elements());
    assert!(found == one || found == samples * one, "{name}: expected one or {samples} of {layout:?}, found {found}");
}

//! Devices, inputs, layers and comparisons that the rows share.

#[path = "../device/mod.rs"]
mod device;

pub use device::{for_type, plain};

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use elbo::layer::{Conv1dConfig, Conv2dConfig, Conv3dConfig, ConvConfig, DenseConfig};
use elbo::posterior::{LocScaleOptions, PosteriorFn, default_mean_field_normal_fn};
use elbo::record::parameter_names;
use elbo::variable::Initializer;
use elbo::{Noise, Trace};
use std::collections::BTreeMap;

/// Bound on relative rounding of a few hundred operations in `f64`.
pub const EXACT: f64 = 1e-12;

/// Where everything is computed, in `f64` and with gradients.
pub fn device() -> Device {
    for_type(DType::F64).autodiff()
}

/// A tensor without pattern: `sin(1 + 2.3 i + phase)`.
pub fn wave<const D: usize>(shape: [usize; D], phase: f64) -> Tensor<D> {
    let values: Vec<f64> = (0..shape.iter().product()).map(|i| (1.0 + 2.3 * float(i) + phase).sin()).collect();
    tensor(shape, values)
}

/// A tensor of given values, in `f64`.
pub fn tensor<const D: usize>(shape: [usize; D], values: Vec<f64>) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), (&device(), DType::F64))
}

/// The values of a tensor, row-major.
pub fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    tensor.clone().into_data().try_into_vec_as().unwrap()
}

/// The only value of a tensor.
pub fn scalar<const D: usize>(tensor: &Tensor<D>) -> f64 {
    let values = values(tensor);
    assert_eq!(values.len(), 1, "a scalar has one value");
    values[0]
}

pub fn float(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

/// A sampling pass of its own: pass 0 of the seed.
pub fn pass(seed: u64) -> Trace {
    Trace::sampling(&mut Noise::seeded(seed))
}

/// A dense layer in `f64` called `dense`.
pub fn dense(inputs: usize, units: usize) -> DenseConfig {
    DenseConfig::new(inputs, units).with_name("dense").with_seed(3).with_dtype(DType::F64)
}

/// A temporal convolution in `f64` called `conv`.
pub fn conv1d(channels: usize, filters: usize, kernel: usize) -> Conv1dConfig {
    Conv1dConfig::new(channels, filters, kernel).with_name("conv").with_seed(3).with_dtype(DType::F64)
}

/// A planar convolution in `f64` called `conv`.
pub fn conv2d(channels: usize, filters: usize, kernel: [usize; 2]) -> Conv2dConfig {
    Conv2dConfig::new(channels, filters, kernel).with_name("conv").with_seed(3).with_dtype(DType::F64)
}

/// A volumetric convolution in `f64` called `conv`.
pub fn conv3d(channels: usize, filters: usize, kernel: [usize; 3]) -> Conv3dConfig {
    Conv3dConfig::new(channels, filters, kernel).with_name("conv").with_seed(3).with_dtype(DType::F64)
}

/// Builds a posterior that starts at given values: a point mass, or a normal with untransformed scales.
pub fn posterior<const D: usize>(loc: &Tensor<D>, untransformed_scale: Option<&Tensor<D>>) -> PosteriorFn<D> {
    let start = |tensor: &Tensor<D>| Initializer::Values(values(tensor));
    default_mean_field_normal_fn(LocScaleOptions {
        is_singular: untransformed_scale.is_none(),
        loc_initializer: start(loc),
        untransformed_scale_initializer: untransformed_scale.map_or(Initializer::Constant(0.0), start),
        ..LocScaleOptions::default()
    })
}

/// A normal posterior with the default starts.
pub fn normal<const D: usize>() -> PosteriorFn<D> {
    default_mean_field_normal_fn(LocScaleOptions::default())
}

/// A convolution whose kernel and bias are point masses at given values.
pub fn fixed<const D: usize>(config: ConvConfig<D>, kernel: &Tensor<D>, bias: &Tensor<1>) -> ConvConfig<D> {
    config
        .with_kernel_posterior_fn(posterior(kernel, None))
        .with_bias_posterior_fn(Some(posterior(bias, None)))
        .with_kernel_prior_fn(None)
}

/// All gradients of a loss by the names of the module's parameters, flat.
pub fn gradients<M: Module>(module: &M, loss: &Tensor<1>) -> BTreeMap<String, Vec<f64>> {
    by_name(module, &GradientsParams::from_grads(loss.backward(), module))
}

/// Gradients by the names of the module's parameters, flat.
pub fn by_name<M: Module>(module: &M, grads: &GradientsParams) -> BTreeMap<String, Vec<f64>> {
    let of = |id, rank| match rank {
        1 => grads.get::<1>(id).map(|g| values(&g)),
        2 => grads.get::<2>(id).map(|g| values(&g)),
        3 => grads.get::<3>(id).map(|g| values(&g)),
        4 => grads.get::<4>(id).map(|g| values(&g)),
        _ => grads.get::<5>(id).map(|g| values(&g)),
    };
    let names = parameter_names(module).into_iter();
    names.filter_map(|(name, id, shape)| Some((name, of(id, shape.len())?))).collect()
}

/// Compares two lists of numbers: `|got - want| <= tolerance (1 + |want|)`.
#[track_caller]
pub fn assert_close(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "numbers of values");
    assert!(!want.is_empty(), "there is nothing to compare");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= tolerance * (1.0 + want.abs()), "[{i}]: expected {want}, found {got}");
    }
}

/// The message of an error, which has to contain all of these.
#[track_caller]
pub fn assert_error<T>(result: elbo::Result<T>, parts: &[&str]) {
    let Err(error) = result else { panic!("expected an error with {parts:?}") };
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "expected `{part}` in `{message}`");
    }
}

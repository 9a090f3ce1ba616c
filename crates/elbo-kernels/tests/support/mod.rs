//! What the integration tests share: tensors from numbers and back, and numbers to test with.

#![allow(dead_code)] // every test binary takes a part

pub mod case;
pub mod laws;

use burn::tensor::{DType, Device, Tensor, TensorData};
use elbo_kernels::Stream;
use elbo_kernels::device::{DeviceName, computes_in};
use elbo_kernels::noise::normal::normals_f64;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// The device that tests run on: the one named by `ELBO_TEST_DEVICE`, as in `vulkan` or `cuda:1`; the CPU without it.
pub fn named_device() -> Device {
    let name = std::env::var("ELBO_TEST_DEVICE").map_or(Ok(DeviceName::FLEX), |name| name.parse());
    name.and_then(DeviceName::open).unwrap_or_else(|error| panic!("ELBO_TEST_DEVICE: {error}"))
}

/// That device if it has a type, as sums and products need it; else the CPU, which is told.
pub fn device_with(dtype: DType) -> Device {
    static TOLD: Once = Once::new();
    let device = named_device();
    if dtype == DType::F32 || device.supports_dtype(dtype) {
        return device;
    }
    TOLD.call_once(|| tell(&format!("no {dtype:?} on {device:?}: run on the CPU instead")));
    Device::flex()
}

/// Where `f64` is worked with.
pub fn device() -> Device {
    device_with(DType::F64)
}

/// Those of some types in which the device knows `exp` and `log` as well. The others are told, and left out.
pub fn types<const N: usize>(all: [DType; N]) -> Vec<DType> {
    let device = named_device();
    let (known, unknown): (Vec<_>, Vec<_>) = all.into_iter().partition(|&dtype| computes_in(&device, dtype));
    if !unknown.is_empty() {
        tell(&format!("left out, as {device:?} does not compute in it: {unknown:?}"));
    }
    known
}

/// Whether the device knows `exp` and `log` in `f64`. If not, it is told: a test of them has nothing to do.
pub fn has_f64() -> bool {
    !types([DType::F64]).is_empty()
}

/// On standard error, not captured as `eprintln` is.
fn tell(what: &str) {
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "{}: {what}", thread.name().unwrap_or_default());
}

/// An `f64` tensor.
pub fn tensor<const D: usize>(values: &[f64], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (device, DType::F64))
}

/// An `f64` parameter on the device with automatic differentiation.
pub fn parameter<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    tensor(values, shape, &device().autodiff()).require_grad()
}

/// The values of a tensor of any floating-point type.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().try_into_vec_as::<f64>().unwrap()
}

/// Fixed standard normals.
pub fn normals(seed: u64, name: &str, n: usize) -> Vec<f64> {
    normals_f64(Stream::named(seed, name).draws(0, 1), n)
}

/// `Σ a b`.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Compares within `bound (1 + |expected|)`.
pub fn assert_close(what: &str, found: &[f64], expected: &[f64], bound: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let allowed = bound * (1.0 + expected.abs());
        assert!((found - expected).abs() <= allowed, "{what} {i}: expected {expected}, found {found}");
    }
}

/// Central differences of `f` in every coordinate of `x`.
pub fn differences(f: impl Fn(&[f64]) -> f64, x: &[f64], step: f64) -> Vec<f64> {
    let at = |i: usize, moved: f64| {
        let mut x = x.to_vec();
        x[i] += moved;
        f(&x)
    };
    (0..x.len()).map(|i| (at(i, step) - at(i, -step)) / (2.0 * step)).collect()
}

/// The message with which `f` panics.
pub fn message<T>(f: impl FnOnce() -> T) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else { panic!("did not panic") };
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap()
}

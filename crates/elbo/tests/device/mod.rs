//! The device that tests run on: the one named by `ELBO_TEST_DEVICE`, as in `vulkan` or `cuda:1`; the CPU without it.

#![allow(dead_code)] // every test binary takes a part

use burn::tensor::{DType, Device};
use elbo::device::{DeviceName, computes_in};
use std::io::Write;
use std::sync::Once;

/// That device, without gradients.
pub fn plain() -> Device {
    let name = std::env::var("ELBO_TEST_DEVICE").map_or(Ok(DeviceName::FLEX), |name| name.parse());
    name.and_then(DeviceName::open).unwrap_or_else(|error| panic!("ELBO_TEST_DEVICE: {error}"))
}

/// For work in a type: that device, or the CPU where it does not compute in that type, which is told once.
pub fn for_type(dtype: DType) -> Device {
    static TOLD: Once = Once::new();
    let device = plain();
    if computes_in(&device, dtype) {
        return device;
    }
    TOLD.call_once(|| {
        // Not captured, as `eprintln` would be.
        let _ = writeln!(std::io::stderr(), "no {dtype:?} on {device:?}: left out there, run on the CPU instead");
    });
    Device::flex()
}

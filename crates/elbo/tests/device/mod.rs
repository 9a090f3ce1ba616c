//! The device that tests run on: the one named by `ELBO_TEST_DEVICE`, as in `vulkan` or `cuda:1`; the CPU without it.

use burn::tensor::Device;
use elbo::device::DeviceName;

/// That device, without gradients.
#[allow(dead_code)] // not in every test binary
pub fn plain() -> Device {
    let name = std::env::var("ELBO_TEST_DEVICE").map_or(Ok(DeviceName::FLEX), |name| name.parse());
    name.and_then(DeviceName::open).unwrap_or_else(|error| panic!("ELBO_TEST_DEVICE: {error}"))
}

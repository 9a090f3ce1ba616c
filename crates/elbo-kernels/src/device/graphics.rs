//! Devices of wgpu.

use super::{DeviceError, DeviceName};
use burn::tensor::{Device, DeviceKind};
use std::sync::{Mutex, PoisonError};

pub(super) use burn::tensor::wgpu::WgpuBackend;

/// The devices that are open. Burn opens one only once, and panics at the first tensor where it cannot.
static OPEN: Mutex<Vec<DeviceName>> = Mutex::new(Vec::new());

/// The device, opened if it is not yet.
pub(super) fn open(
    name: DeviceName,
    api: WgpuBackend,
    opened: impl Fn(DeviceKind) -> Device,
) -> Result<Device, DeviceError> {
    let kind = || name.number.map_or(DeviceKind::DefaultDevice, DeviceKind::DiscreteGpu);
    // A list of names is whole at every moment, also when an opening panicked.
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if !open.contains(&name) {
        let options = Device::wgpu_options().device_kind(kind()).graphics_api(api);
        options.init().map_err(|error| name.is_not_there(&error))?;
        open.push(name);
    }
    Ok(opened(kind()))
}

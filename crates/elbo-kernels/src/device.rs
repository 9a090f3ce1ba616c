//! Devices by name, for command lines and test runs: `flex`, `vulkan`, `cuda:1`.
//!
//! | name | cargo feature | what it is |
//! | --- | --- | --- |
//! | `flex` | `flex` (default) | the CPU |
//! | `wgpu` | `wgpu` | the GPU, through the graphics interface that wgpu prefers there |
//! | `vulkan` | `vulkan` | the GPU through Vulkan |
//! | `metal` | `metal` | the GPU through Metal |
//! | `cuda` | `cuda` | an NVIDIA GPU |
//! | `rocm` | `rocm` | an AMD GPU |
//!
//! A number after a colon chooses among several: discrete GPUs are counted from 0.

use burn::tensor::{DType, Device, Tensor, TensorData};
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use crate::reference::scale::machine_epsilon;

#[cfg(feature = "wgpu")]
mod graphics;

/// What tensors lie on and are computed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// The CPU.
    Flex,
    /// A GPU, through the graphics interface that wgpu prefers.
    Wgpu,
    /// A GPU, through Vulkan.
    Vulkan,
    /// A GPU, through Metal.
    Metal,
    /// An NVIDIA GPU.
    Cuda,
    /// An AMD GPU.
    Rocm,
}

impl Runtime {
    /// All that there are, built or not.
    pub const ALL: [Self; 6] = [Self::Flex, Self::Wgpu, Self::Vulkan, Self::Metal, Self::Cuda, Self::Rocm];

    /// The name, which is also that of its cargo feature.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Wgpu => "wgpu",
            Self::Vulkan => "vulkan",
            Self::Metal => "metal",
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
        }
    }

    /// Whether this build has it.
    #[must_use]
    pub const fn is_built(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Vulkan => cfg!(feature = "vulkan"),
            Self::Metal => cfg!(feature = "metal"),
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Rocm => cfg!(feature = "rocm"),
        }
    }

    /// Names of those that are chosen, for a message.
    fn names(chosen: impl Fn(Self) -> bool) -> String {
        let names: Vec<_> = Self::ALL.into_iter().filter(|runtime| chosen(*runtime)).map(Self::name).collect();
        names.join(", ")
    }
}

/// A device as it is named: a runtime, and a number where there are several.
///
/// ```
/// use elbo_kernels::device::DeviceName;
/// let device = "flex".parse::<DeviceName>()?.open()?;
/// assert!("gpu".parse::<DeviceName>().is_err());
/// # Ok::<(), elbo_kernels::device::DeviceError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceName {
    /// The runtime.
    pub runtime: Runtime,
    /// The number, if one is given.
    pub number: Option<usize>,
}

/// Why there is no such device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No runtime has that name.
    #[error("unknown device `{found}`: expected one of {}, or a GPU with its number as in cuda:1", Runtime::names(|_| true))]
    Unknown {
        /// What was asked for.
        found: String,
    },
    /// The runtime was left out of this build.
    #[error(
        "this build has no device `{device}`, only {}; build with the cargo feature `{}`",
        Runtime::names(Runtime::is_built),
        device.runtime.name()
    )]
    NotBuilt {
        /// What was asked for.
        device: DeviceName,
    },
    /// The machine has no such device, or no driver for it.
    #[error("device `{device}`: {reason}")]
    NotThere {
        /// What was asked for.
        device: DeviceName,
        /// What the driver says.
        reason: String,
    },
}

impl DeviceName {
    /// The CPU.
    pub const FLEX: Self = Self { runtime: Runtime::Flex, number: None };

    /// The device, without automatic differentiation; opened at the first call, the same at all later ones.
    ///
    /// # Errors
    /// [`DeviceError::NotBuilt`] without the runtime's cargo feature, [`DeviceError::NotThere`] on a machine without such
    /// a device.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self.runtime {
            #[cfg(feature = "flex")]
            Runtime::Flex if self.number.is_some() => Err(self.is_not_there(&"the CPU has no number")),
            #[cfg(feature = "flex")]
            Runtime::Flex => Ok(Device::flex()),
            #[cfg(feature = "wgpu")]
            Runtime::Wgpu => graphics::open(self, graphics::WgpuBackend::Auto, Device::wgpu),
            #[cfg(feature = "vulkan")]
            Runtime::Vulkan => graphics::open(self, graphics::WgpuBackend::Vulkan, Device::vulkan),
            #[cfg(feature = "metal")]
            Runtime::Metal => graphics::open(self, graphics::WgpuBackend::Metal, Device::metal),
            #[cfg(feature = "cuda")]
            Runtime::Cuda => self.counted(burn::tensor::DeviceType::Cuda),
            #[cfg(feature = "rocm")]
            Runtime::Rocm => self.counted(burn::tensor::DeviceType::Rocm),
            #[allow(unreachable_patterns)] // a build with every feature
            _ => Err(DeviceError::NotBuilt { device: self }),
        }
    }

    /// One of the devices that the runtime counts.
    #[cfg(any(feature = "cuda", feature = "rocm"))]
    fn counted(self, of: burn::tensor::DeviceType) -> Result<Device, DeviceError> {
        let devices = Device::enumerate(of).into_vec();
        let reason = format!("the driver finds {} of them", devices.len());
        devices.into_iter().nth(self.number.unwrap_or(0)).ok_or_else(|| self.is_not_there(&reason))
    }

    #[allow(dead_code)] // of no runtime at all
    fn is_not_there(self, reason: &impl ToString) -> DeviceError {
        DeviceError::NotThere { device: self, reason: reason.to_string() }
    }
}

impl FromStr for DeviceName {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown { found: text.to_owned() };
        let (name, number) = text.split_once(':').map_or((text, None), |(name, number)| (name, Some(number)));
        let runtime = Runtime::ALL.into_iter().find(|runtime| runtime.name() == name).ok_or_else(unknown)?;
        let number = number.map(str::parse).transpose().map_err(|_| unknown())?;
        Ok(Self { runtime, number })
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.runtime.name())?;
        self.number.map_or(Ok(()), |number| write!(f, ":{number}"))
    }
}

/// Whether a device computes in a floating-point type, exponentials and logarithms included. The CPU does in all, every
/// device in `f32`; elsewhere it is tried out once.
///
/// To have a type is less: Vulkan's devices add and multiply in `f64`, but know `exp` and `log` of `f32` and `f16` only,
/// and what Burn then computes in `f64` is any number at all.
#[must_use]
pub fn computes_in(device: &Device, dtype: DType) -> bool {
    static KNOWN: Mutex<Vec<(Device, DType, bool)>> = Mutex::new(Vec::new());
    let device = device.clone().without_autodiff();
    if dtype == DType::F32 || is_cpu(&device) {
        return true;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((.., computes)) = known.iter().find(|(of, at, _)| *of == device && *at == dtype) {
        return *computes;
    }
    let computes = device.supports_dtype(dtype) && softplus_is_right(&device, dtype);
    known.push((device, dtype, computes));
    computes
}

#[allow(unused_variables)] // without the CPU's feature
fn is_cpu(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    return *device == Device::flex();
    #[cfg(not(feature = "flex"))]
    return false;
}

/// `ln(1 + e^x)` at numbers that every type has. Graphics interfaces allow their functions some units of the last place.
fn softplus_is_right(device: &Device, dtype: DType) -> bool {
    const POINTS: [f64; 4] = [-3.0, -0.5, 0.75, 2.5];
    let x = Tensor::<1>::from_data(TensorData::from(POINTS), (device, dtype));
    let found = x.exp().log1p().try_into_data().ok().and_then(|data| data.try_into_vec_as::<f64>().ok());
    let is_right = |(found, x): (f64, f64)| {
        let exact = x.exp().ln_1p();
        (found - exact).abs() <= 32.0 * machine_epsilon(dtype) * exact
    };
    found.is_some_and(|found| found.into_iter().zip(POINTS).all(is_right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["flex", "wgpu", "vulkan", "metal", "cuda:1", "rocm:0"] {
            assert_eq!(text.parse::<DeviceName>().unwrap().to_string(), text);
        }
        for text in ["", "gpu", "Cuda", "cuda:", "cuda:x", "cuda:-1", ":0", "cuda:1:2"] {
            let error = text.parse::<DeviceName>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "unknown device `{text}`: expected one of flex, wgpu, vulkan, metal, cuda, rocm, or a GPU with its \
                     number as in cuda:1"
                )
            );
        }
    }

    #[test]
    fn what_is_not_built_is_told_with_its_feature() {
        assert!(Runtime::Flex.is_built());
        for runtime in Runtime::ALL.into_iter().filter(|runtime| !runtime.is_built()) {
            let device = DeviceName { runtime, number: None };
            let message = device.open().unwrap_err().to_string();
            let name = runtime.name();
            assert!(message.starts_with(&format!("this build has no device `{name}`, only flex")), "{message}");
            assert!(message.ends_with(&format!("; build with the cargo feature `{name}`")), "{message}");
        }
    }

    #[test]
    fn the_cpu_computes_in_every_type() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            assert!([DType::F64, DType::F32, DType::F16, DType::BF16].iter().all(|&dtype| computes_in(&device, dtype)));
        }
        // And what is tried out elsewhere is true here.
        assert!([DType::F64, DType::F32, DType::F16].iter().all(|&dtype| softplus_is_right(&Device::flex(), dtype)));
    }

    #[test]
    fn the_cpu_is_one_device() {
        assert_eq!(DeviceName::FLEX.open().unwrap(), Device::flex());
        let numbered = DeviceName { number: Some(0), ..DeviceName::FLEX };
        assert_eq!(numbered.open().unwrap_err().to_string(), "device `flex:0`: the CPU has no number");
    }
}

//! GPUs, through wgpu, Vulkan, Metal, CUDA or ROCm: the default bodies, with noise from the host.
//!
//! Implemented for Burn's alias of the backend, which is the same type with and without kernel fusion.

use crate::VariationalOps;
use burn::backend::Cube;

impl VariationalOps for Cube {}

//! Functions that Burn has not: on tensors where a log density needs them, on the host where only a distribution
//! function or its inverse does.

pub(crate) mod gamma;
pub(super) mod incomplete_beta;
pub(super) mod incomplete_gamma;
pub(super) mod normal;

mod host;

pub(super) use host::{Curve, on_host, with_slope};

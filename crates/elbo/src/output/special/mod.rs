//! Functions that Burn has not: on tensors where a log density needs them, on the host where only a distribution
//! function or its inverse does.

pub(crate) mod gamma;
pub(crate) mod incomplete_beta;
pub(super) mod incomplete_gamma;
pub(crate) mod normal;

mod host;

pub(super) use host::{Curve, on_host, with_slope};

/// What Lentz's method for continued fractions puts in place of a zero.
fn nonzero(x: f64) -> f64 {
    if x.abs() < 1e-300 { 1e-300 } else { x }
}

//! Bayesian deep learning on [Burn](https://burn.dev).
//!
//! A *variational layer* is a deterministic operation ([`op`]), random weights ([`posterior`], [`prior`] and the
//! [`divergence`] between them) and an [`estimator`] that says how a pass draws. Layers are Burn modules: Burn's
//! optimizers and records work on them, and they mix with Burn's own layers. What a forward pass does besides its
//! output (drawing noise, collecting divergences) goes through its [`Trace`] and nowhere else.
//!
//! Everything that is a divergence, a log probability or a likelihood is in nats.
//!
//! For contributors: Burn 0.22 computes the backward pass of `div_scalar` with a reciprocal in `f32`, whatever the
//! tensor's type; write `mul_scalar(1.0 / x)` on everything that is differentiated.

#![forbid(unsafe_code)]

pub mod activation;
pub mod conformal;
pub mod convert;
pub mod data;
pub mod distribution;
pub mod divergence;
pub mod error;
pub mod estimator;
pub mod functional;
pub mod layer;
pub mod metric;
pub mod model;
pub mod noise;
pub mod objective;
pub mod op;
pub mod output;
pub mod posterior;
pub mod predict;
pub mod prior;
pub mod recalibrate;
pub mod record;
pub mod run;
pub mod threads;
pub mod trace;
pub mod train;
pub mod variable;

mod named;
mod precision;
mod sum;

pub use activation::Activation;
pub use elbo_kernels::{DataFormat, Padding, device, memory, switch};
pub use error::{Error, Result};
pub use estimator::Estimator;
pub use noise::Noise;
pub use trace::Trace;

/// The snippets of the pages on other libraries.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../docs/from-tfp.md")]
    struct FromTfp;
    #[doc = include_str!("../../../docs/import.md")]
    struct Import;
}

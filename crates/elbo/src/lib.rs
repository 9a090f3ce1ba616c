//! Bayesian deep learning on [Burn](https://burn.dev).
//!
//! A *variational layer* is a deterministic operation ([`op`]), random weights ([`posterior`], [`prior`] and the
//! [`divergence`] between them) and an [`estimator`] that says how a pass draws. Layers are Burn modules: Burn's
//! optimizers and records work on them, and they mix with Burn's own layers. What a forward pass does besides its
//! output (drawing noise, collecting divergences) goes through its [`Trace`] and nowhere else.
//!
//! Everything that is a divergence, a log probability or a likelihood is in nats.

pub mod activation;
pub mod data;
pub mod distribution;
pub mod divergence;
pub mod error;
pub mod estimator;
pub mod functional;
pub mod layer;
pub mod metric {
    #[derive(Debug, thiserror::Error)]
    pub enum MetricError {}
}
pub mod noise;
pub mod objective;
pub mod op;
pub mod posterior;
pub mod prior;
pub mod record;
pub mod trace;
pub mod variable;

pub use activation::Activation;
pub use elbo_kernels::{DataFormat, Padding};
pub use error::{Error, Result};
pub use estimator::Estimator;
pub use noise::Noise;
pub use trace::Trace;

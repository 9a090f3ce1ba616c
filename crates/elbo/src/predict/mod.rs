//! Prediction: S draws of the weights, averaged over the predictive distribution.
//!
//! `p(y | x) ≈ 1/S Σ_s p(y | x, W_s)`, `W_s ~ q`. Examples and weight samples are cut into chunks that fit a memory
//! budget; a chunk's draws are the same numbers that a single pass over everything would use.

mod chunks;
mod classes;
mod posterior_predictive;
mod real;

pub use posterior_predictive::{PosteriorPredictive, Predictions};
pub use real::RealPredictions;

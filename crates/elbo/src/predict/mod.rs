//! Prediction: S draws of the weights, averaged over the predictive distribution.
//!
//! `p(y | x) ≈ 1/S Σ_s p(y | x, W_s)`, `W_s ~ q`. Examples and weight samples are cut into passes that stay in a core's
//! cache and are spread over the threads; a pass's draws are the same numbers that a single pass over everything would
//! use, and its outputs are gathered in the order of the weight samples. So predictions depend neither on the number of
//! threads nor on how passes are cut, and memory does not grow with the number of weight samples.
//!
//! Noise that examples have of their own (flipout, local reparameterization) goes by their number in the data set, or,
//! where the network takes series of any length, by their place in the order by length (of one length: their number).

mod chunks;
mod classes;
mod passes;
mod posterior_predictive;
mod real;

pub use chunks::PassSize;
pub use posterior_predictive::{PosteriorPredictive, Predictions};
pub use real::{Mixture, RealPredictions};

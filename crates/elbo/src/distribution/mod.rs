//! What can be random: the object that a tensor function draws from and that a divergence looks at.

use crate::error::Result;
use crate::noise::WeightNoise;
use burn::tensor::Tensor;
use std::fmt;

/// A distribution over a tensor of rank `D`. All its elements are one event: log probabilities are summed over them.
pub trait Distribution<const D: usize>: fmt::Debug {
    /// Its family, for messages: `Normal`, `Deterministic`, ...
    fn name(&self) -> &str;

    /// Shape of a sample.
    fn shape(&self) -> [usize; D];

    /// One sample per weight sample of the noise: `[S, elements]`, differentiable in the parameters.
    ///
    /// # Errors
    /// [`Error::Replay`](crate::Error::Replay) if recorded noise does not fit.
    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<2>>;

    /// `ln p(value)` of S values `[S, elements]`, one number each: `[S]`, in nats.
    fn log_prob(&self, values: Tensor<2>) -> Tensor<1>;

    /// The mean.
    fn mean(&self) -> Tensor<D>;
}

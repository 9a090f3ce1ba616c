//! `burn::nn::Linear` to [`Dense`]: both store `[in, out]`.

use super::options::ConvertOptions;
use super::posterior::{Trained, layer_options};
use crate::error::Result;
use crate::layer::{Dense, DenseConfig, DenseOptions};
use burn::nn::Linear;

const SOURCE: &str = "burn::nn::Linear";

impl Dense {
    /// The Bayesian layer around a trained one, on its device and of its type.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if a weight is not finite or an option not allowed.
    pub fn from_linear(linear: &Linear, options: &ConvertOptions) -> Result<Self> {
        options.check()?;
        let weight = linear.weight.val();
        let ([inputs, units], device) = (weight.dims(), weight.device());
        let bias = linear.bias.as_ref().map(|bias| Trained::read(SOURCE, bias.val())).transpose()?;
        let layer = layer_options(Trained::read(SOURCE, weight)?, bias, options)?;
        DenseConfig { inputs, units, options: DenseOptions { layer } }.init(&device)
    }
}

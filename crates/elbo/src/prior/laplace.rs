//! `p(x) = exp(-|x - loc| / scale) / (2 scale)`.

use burn::module::Module;
use burn::tensor::Tensor;

/// Independent double exponentials.
#[derive(Module, Debug)]
pub struct LaplacePrior {
    /// Centre.
    pub loc: f64,
    /// Mean distance from the centre.
    pub scale: f64,
}

impl LaplacePrior {
    /// A prior around `loc`.
    #[must_use]
    pub fn new(loc: f64, scale: f64) -> Self {
        Self { loc, scale }
    }

    /// Element-wise, in nats.
    pub(super) fn log_density(&self, x: Tensor<2>) -> Tensor<2> {
        x.sub_scalar(self.loc).abs().mul_scalar(-1.0 / self.scale).sub_scalar((2.0 * self.scale).ln())
    }
}

//! `p(x) = 1 / (π scale (1 + z²))`, `z = (x - loc) / scale`.

use burn::module::Module;
use burn::tensor::Tensor;

/// Independent Cauchy variables.
#[derive(Module, Debug)]
pub struct CauchyPrior {
    /// Centre.
    pub loc: f64,
    /// Half width at half height.
    pub scale: f64,
}

impl CauchyPrior {
    /// A prior around `loc`.
    #[must_use]
    pub fn new(loc: f64, scale: f64) -> Self {
        Self { loc, scale }
    }

    /// Element-wise, in nats.
    pub(super) fn log_density(&self, x: Tensor<2>) -> Tensor<2> {
        let z = x.sub_scalar(self.loc).mul_scalar(1.0 / self.scale);
        (z.clone() * z).log1p().neg().sub_scalar((core::f64::consts::PI * self.scale).ln())
    }
}

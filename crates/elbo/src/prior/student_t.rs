//! `p(x) = Γ((ν+1)/2) / (Γ(ν/2) sqrt(νπ) scale) (1 + z²/ν)^{-(ν+1)/2}`, `z = (x - loc) / scale`.

use crate::output::special::gamma::ln_gamma_half_step_f64;
use burn::module::Module;
use burn::tensor::Tensor;

/// Independent Student-t variables.
#[derive(Module, Debug)]
pub struct StudentTPrior {
    /// Degrees of freedom ν.
    pub df: f64,
    /// Centre.
    pub loc: f64,
    /// Scale.
    pub scale: f64,
}

impl StudentTPrior {
    /// A prior around `loc` with `df` degrees of freedom.
    #[must_use]
    pub fn new(df: f64, loc: f64, scale: f64) -> Self {
        Self { df, loc, scale }
    }

    /// Element-wise, in nats.
    pub(super) fn log_density(&self, x: Tensor<2>) -> Tensor<2> {
        let half = 0.5 * (self.df + 1.0);
        let normalizer =
            ln_gamma_half_step_f64(0.5 * self.df) - 0.5 * (self.df * core::f64::consts::PI).ln() - self.scale.ln();
        let z = x.sub_scalar(self.loc).mul_scalar(1.0 / self.scale);
        (z.clone() * z).mul_scalar(1.0 / self.df).log1p().mul_scalar(-half).add_scalar(normalizer)
    }
}

//! `p(x) = π N(x; 0, σ₁²) + (1 - π) N(x; 0, σ₂²)` (Blundell et al. 2015, section 3.3).

use super::normal::stable_softplus;
use burn::module::Module;
use burn::tensor::Tensor;

/// Independent two-component mixtures of centred normals.
#[derive(Module, Debug)]
pub struct ScaleMixturePrior {
    /// Weight of the first component, in (0, 1).
    pub pi: f64,
    /// Standard deviation of the first component.
    pub scale1: f64,
    /// Standard deviation of the second component.
    pub scale2: f64,
}

impl ScaleMixturePrior {
    /// A mixture with weight `pi` on `scale1`.
    #[must_use]
    pub fn new(pi: f64, scale1: f64, scale2: f64) -> Self {
        Self { pi, scale1, scale2 }
    }

    /// Element-wise, in nats: `a + ln(1 + e^{b - a})` of the two weighted log densities.
    pub(super) fn log_density(&self, x: Tensor<2>) -> Tensor<2> {
        let first = component(x.clone(), self.pi, self.scale1);
        let second = component(x, 1.0 - self.pi, self.scale2);
        first.clone() + stable_softplus(second - first)
    }
}

/// `ln(weight N(x; 0, scale²))`. The scale divides before the square is taken: `1 / scale²` of a narrow component is
/// beyond `f16`.
fn component(x: Tensor<2>, weight: f64, scale: f64) -> Tensor<2> {
    let constant = weight.ln() - scale.ln() - 0.5 * core::f64::consts::TAU.ln();
    let z = x.mul_scalar(core::f64::consts::FRAC_1_SQRT_2 / scale);
    (z.clone() * z).neg().add_scalar(constant)
}

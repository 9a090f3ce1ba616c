//! `p(y) = Π_j N(y_j; loc_j, scale_j²)`.

use super::independent::{block, diagonal, draws, flat, total};
use super::special::{Curve, normal, on_host, with_slope};
use super::{OutputDistribution, Support};
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::prior::{normal_log_density, positive};
use burn::tensor::{Tensor, TensorData};

/// Independent normal values.
#[derive(Clone, Debug)]
pub struct Normal {
    /// Means `[rows, event]`.
    pub loc: Tensor<2>,
    /// Standard deviations `[rows, event]`.
    pub scale: Tensor<2>,
}

impl Normal {
    /// `2 event`.
    #[must_use]
    pub fn params_size(event: usize) -> usize {
        event.saturating_mul(2)
    }

    pub(super) fn from_outputs(outputs: &Tensor<2>, event: usize) -> Self {
        Self { loc: block(outputs, 0, event), scale: positive(block(outputs, 1, event)) }
    }

    fn standardized(&self, values: Tensor<2>) -> Tensor<2> {
        (values - self.loc.clone()) / self.scale.clone()
    }
}

impl OutputDistribution for Normal {
    fn name(&self) -> &'static str {
        "normal"
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn dims(&self) -> [usize; 2] {
        self.loc.dims()
    }

    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        total(normal_log_density(values, self.loc.clone(), self.scale.clone()))
    }

    fn mean(&self) -> Tensor<2> {
        self.loc.clone()
    }

    fn variance(&self) -> Tensor<2> {
        self.scale.clone() * self.scale.clone()
    }

    fn stddev(&self) -> Tensor<2> {
        self.scale.clone()
    }

    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<3>> {
        let z = noise.normal(&self.loc)?;
        Ok(draws(flat(self.loc.clone()) + flat(self.scale.clone()) * z, self.dims()))
    }

    fn mode(&self) -> Option<Tensor<2>> {
        Some(self.loc.clone())
    }

    /// `Σ_j ln scale_j + ½ ln(2πe)`.
    fn entropy(&self) -> Option<Tensor<1>> {
        let constant = 0.5 + 0.5 * core::f64::consts::TAU.ln();
        Some(total(self.scale.clone().log().add_scalar(constant)))
    }

    fn covariance(&self) -> Option<Tensor<3>> {
        Some(diagonal(self.variance()))
    }

    fn log_cdf(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(log_cdf(self.standardized(values)))
    }

    fn log_survival(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(log_cdf(self.standardized(values).neg()))
    }

    fn quantile(&self, probabilities: Tensor<2>) -> Option<Tensor<2>> {
        let z = on_host(&probabilities, [], |p, []| normal::quantile(p));
        let z = Tensor::from_data(TensorData::new(z, self.dims()), (&self.loc.device(), self.loc.dtype()));
        Some(self.loc.clone() + self.scale.clone() * z)
    }
}

/// `ln Φ(z)`, with slope `φ / Φ`.
fn log_cdf(z: Tensor<2>) -> Tensor<2> {
    with_slope(z, [], |z, []| {
        let value = normal::log_cdf(z);
        Curve { value, slope: (normal::log_density(z) - value).exp() }
    })
}

//! `-ln p(y) = Σ_t ½ ((y_t - μ_t) / σ_t)² + ln σ_t + ½ ln 2π`.

use crate::error::{Error, Result};
use crate::output::Normal;
use crate::prior::{positive, softplus_inverse};
use crate::variable::Variable;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// Real targets with independent normal noise.
#[derive(Module, Debug)]
pub struct Gaussian {
    /// Number of target values per example.
    pub targets: usize,
    /// The noise's standard deviation.
    pub noise: GaussianNoise,
}

/// Where the standard deviation comes from.
#[derive(Module, Debug)]
pub enum GaussianNoise {
    /// A known number.
    Known(f64),
    /// One trained value per target: `eps + softplus(variable)`.
    Learned(Variable<1>),
    /// The second half of the network's outputs: `eps + softplus(output)`.
    Predicted(Predicted),
}

/// Marks noise that the network predicts; it has no parameters of its own.
#[derive(Module, Debug)]
pub struct Predicted;

impl Gaussian {
    /// Known noise.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if `scale` is not positive and finite.
    pub fn known(targets: usize, scale: f64) -> Result<Self> {
        check(scale)?;
        Ok(Self { targets, noise: GaussianNoise::Known(scale) })
    }

    /// Learned noise that starts at `scale`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if `scale` is not positive and finite.
    pub fn learned(targets: usize, scale: f64, device: &Device) -> Result<Self> {
        check(scale)?;
        let start = softplus_inverse(scale);
        let value = Tensor::from_data(TensorData::new(vec![start; targets], [targets]), device);
        let variable = Variable::new("noise_untransformed_scale", Param::from_tensor(value));
        Ok(Self { targets, noise: GaussianNoise::Learned(variable) })
    }

    /// Noise as the network's second half of outputs.
    #[must_use]
    pub fn predicted(targets: usize) -> Self {
        Self { targets, noise: GaussianNoise::Predicted(Predicted) }
    }

    /// Number of outputs that the network must have.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self.noise {
            GaussianNoise::Predicted(_) => 2 * self.targets,
            GaussianNoise::Known(_) | GaussianNoise::Learned(_) => self.targets,
        }
    }

    /// Mean and standard deviation, `[rows, targets]` each.
    #[must_use]
    pub fn moments(&self, outputs: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let [rows, targets] = [outputs.dims()[0], self.targets];
        match &self.noise {
            GaussianNoise::Known(scale) => {
                let scale = Tensor::full([rows, targets], *scale, (&outputs.device(), outputs.dtype()));
                (outputs, scale)
            }
            GaussianNoise::Learned(variable) => {
                let scale = positive(variable.value().cast(outputs.dtype()));
                (outputs, scale.unsqueeze_dim::<2>(0).repeat_dim(0, rows))
            }
            GaussianNoise::Predicted(_) => {
                let loc = outputs.clone().narrow(1, 0, targets);
                let scale = positive(outputs.narrow(1, targets, targets));
                (loc, scale)
            }
        }
    }

    /// The distribution of the targets: `[rows, targets]`.
    #[must_use]
    pub fn distribution(&self, outputs: Tensor<2>) -> Normal {
        let (loc, scale) = self.moments(outputs);
        Normal { loc, scale }
    }
}

fn check(scale: f64) -> Result<()> {
    if scale.is_finite() && scale > 0.0 {
        return Ok(());
    }
    Err(Error::argument("gaussian likelihood", "scale", "positive and finite", scale))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::{Likelihood, Targets};

    #[test]
    fn noise_must_be_positive() {
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let message = Gaussian::known(1, scale).unwrap_err().to_string();
            assert_eq!(message, format!("gaussian likelihood: `scale` must be positive and finite, found {scale}"));
            assert!(Gaussian::learned(1, scale, &Device::flex()).is_err());
        }
    }

    /// `-ln N(1; 0.5, 2²) = ½ 0.25² + ln 2 + ½ ln 2π`, whichever way the standard deviation 2 is given.
    #[test]
    fn the_three_kinds_of_noise_agree() {
        let device = Device::flex();
        let outputs = |row: Vec<f64>| {
            let width = row.len();
            Tensor::<2>::from_data(TensorData::new(row, [1, width]), &device)
        };
        let expected = 0.5 * 0.0625 + 2.0_f64.ln() + 0.5 * core::f64::consts::TAU.ln();
        let cases = [
            (Gaussian::known(1, 2.0).unwrap(), outputs(vec![0.5])),
            (Gaussian::learned(1, 2.0, &device).unwrap(), outputs(vec![0.5])),
            (Gaussian::predicted(1), outputs(vec![0.5, softplus_inverse(2.0)])),
        ];
        for (likelihood, outputs) in cases {
            let nll = Likelihood::Gaussian(likelihood).nll(outputs, &Targets::real(&[1.0], &device), 1).unwrap();
            assert!((nll.into_scalar::<f64>() - expected).abs() < 1e-6);
        }
    }
}

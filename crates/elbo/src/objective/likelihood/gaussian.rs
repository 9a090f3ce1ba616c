//! `-ln p(y) = Σ_t ½ ((y_t - μ_t) / σ_t)² + ln σ_t + ½ ln 2π`.

use crate::prior::softplus;
use crate::variable::Variable;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use elbo_kernels::reference::scale::machine_epsilon;

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
    #[must_use]
    pub fn known(targets: usize, scale: f64) -> Self {
        Self { targets, noise: GaussianNoise::Known(scale) }
    }

    /// Learned noise that starts at `scale`.
    #[must_use]
    pub fn learned(targets: usize, scale: f64, device: &Device) -> Self {
        // softplus⁻¹(σ) = σ + ln(1 - e^-σ)
        let start = scale + (-(-scale).exp()).ln_1p();
        let value = Tensor::from_data(TensorData::new(vec![start; targets], [targets]), device);
        let variable = Variable::new("noise_untransformed_scale", Param::from_tensor(value));
        Self { targets, noise: GaussianNoise::Learned(variable) }
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
        let epsilon = machine_epsilon(outputs.dtype());
        match &self.noise {
            GaussianNoise::Known(scale) => {
                let scale = Tensor::full([rows, targets], *scale, (&outputs.device(), outputs.dtype()));
                (outputs, scale)
            }
            GaussianNoise::Learned(variable) => {
                let scale = softplus(variable.value()).add_scalar(epsilon);
                (outputs, scale.unsqueeze_dim::<2>(0).repeat_dim(0, rows))
            }
            GaussianNoise::Predicted(_) => {
                let loc = outputs.clone().narrow(1, 0, targets);
                let scale = softplus(outputs.narrow(1, targets, targets)).add_scalar(epsilon);
                (loc, scale)
            }
        }
    }

    /// `[rows]` for outputs `[rows, ..]` and values `[rows, targets]`.
    pub(super) fn nll(&self, outputs: Tensor<2>, values: Tensor<2>) -> Tensor<1> {
        let rows = outputs.dims()[0];
        let (loc, scale) = self.moments(outputs);
        crate::prior::normal_log_density(values, loc, scale).sum_dim(1).reshape([rows]).neg()
    }
}

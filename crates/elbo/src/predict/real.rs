//! Real predictions: a mixture of normals, one per weight sample, told by its moments.
//!
//! Law of total variance: `Var y = E_s σ_s² + Var_s μ_s`, aleatoric and epistemic. The log likelihood of a target is
//! that of the mixture itself, `ln 1/S Σ_s N(y; μ_s, σ_s²)`, not of a normal with its moments.

use crate::data::{Dataset, Labels, TargetScaler};
use crate::objective::likelihood::Gaussian;
use burn::tensor::{DType, Device, Tensor, TensorData};

/// The 95 % quantile of the standard normal.
const Z_90: f64 = 1.644_853_626_951_472_2;

/// Predictions of a real target, in its own units; lists are `[examples]`.
#[derive(Clone, Debug, PartialEq)]
pub struct RealPredictions {
    /// Predictive means.
    pub mean: Vec<f64>,
    /// Variance that more data would not remove: `E_s σ_s²`.
    pub aleatoric_variance: Vec<f64>,
    /// Variance from not knowing the weights: `Var_s μ_s`.
    pub epistemic_variance: Vec<f64>,
    /// `ln p(y)` in nats, where targets are known.
    pub log_likelihood: Option<Vec<f64>>,
}

impl RealPredictions {
    /// Standard deviation of the predictive distribution of example `i`.
    #[must_use]
    pub fn stddev(&self, i: usize) -> f64 {
        (self.aleatoric_variance[i] + self.epistemic_variance[i]).sqrt()
    }

    /// Ends of the central 90 % interval of the normal with the predictive's moments.
    #[must_use]
    pub fn interval_90(&self) -> (Vec<f64>, Vec<f64>) {
        let end = |sign: f64| (0..self.mean.len()).map(|i| self.mean[i] + sign * Z_90 * self.stddev(i)).collect();
        (end(-1.0), end(1.0))
    }
}

/// Gathers the predictions of a data set, part by part.
pub(super) struct RealGatherer {
    likelihood: Gaussian,
    scaler: TargetScaler,
    device: Device,
    targets: Option<Vec<f64>>,
    moments: Vec<Moments>,
}

/// Running moments of one example over weight samples (Welford 1962), in the scaled unit.
#[derive(Clone, Copy, Default)]
struct Moments {
    samples: f64,
    mean: f64,
    squares: f64,
    variance: f64,
    log_likelihood: LogSum,
}

/// `ln Σ e^x`, term by term.
#[derive(Clone, Copy)]
struct LogSum {
    largest: f64,
    sum: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { largest: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSum {
    fn add(&mut self, x: f64) {
        if x.is_nan() {
            self.sum = f64::NAN;
        } else if x > self.largest {
            self.sum = self.sum * (self.largest - x).exp() + 1.0;
            self.largest = x;
        } else if x > f64::NEG_INFINITY {
            self.sum += (x - self.largest).exp();
        }
    }

    fn value(self) -> f64 {
        self.largest + self.sum.ln()
    }
}

impl Moments {
    fn add(&mut self, loc: f64, scale: f64, target: Option<f64>) {
        self.samples += 1.0;
        let step = loc - self.mean;
        self.mean += step / self.samples;
        self.squares += step * (loc - self.mean);
        self.variance += scale * scale;
        if let Some(y) = target {
            let z = (y - loc) / scale;
            self.log_likelihood.add(-0.5 * z * z - scale.ln() - 0.5 * core::f64::consts::TAU.ln());
        }
    }
}

impl RealGatherer {
    pub(super) fn new(data: &Dataset, likelihood: Gaussian, scaler: Option<TargetScaler>, device: &Device) -> Self {
        let targets = match &data.labels {
            Labels::Real(targets) => Some(targets.clone()),
            Labels::Classes { .. } | Labels::None => None,
        };
        let scaler = scaler.unwrap_or(TargetScaler { loc: 0.0, scale: 1.0 });
        let moments = vec![Moments::default(); data.len()];
        Self { likelihood, scaler, device: device.clone(), targets, moments }
    }

    /// Gathers the outputs of the examples `indices` under one weight sample.
    pub(super) fn push(&mut self, indices: &[usize], outputs: &[f64]) {
        let (locs, scales) = self.moments_of(outputs, indices.len());
        for (row, &i) in indices.iter().enumerate() {
            let target = self.targets.as_ref().map(|targets| self.scaler.forward(targets[i]));
            self.moments[i].add(locs[row], scales[row], target);
        }
    }

    /// Means and standard deviations of one weight sample.
    fn moments_of(&self, outputs: &[f64], rows: usize) -> (Vec<f64>, Vec<f64>) {
        let shape = [rows, self.likelihood.outputs()];
        let outputs = Tensor::from_data(TensorData::new(outputs.to_vec(), shape), (&self.device, DType::F32));
        let (loc, scale) = self.likelihood.moments(outputs);
        (loc.into_data().iter::<f64>().collect(), scale.into_data().iter::<f64>().collect())
    }

    /// The predictions in the target's own unit.
    pub(super) fn finish(self) -> RealPredictions {
        let TargetScaler { scale, .. } = self.scaler;
        let of = |f: &dyn Fn(&Moments) -> f64| self.moments.iter().map(f).collect::<Vec<f64>>();
        RealPredictions {
            mean: of(&|m| self.scaler.inverse(m.mean)),
            aleatoric_variance: of(&|m| m.variance / m.samples * scale * scale),
            epistemic_variance: of(&|m| m.squares / m.samples * scale * scale),
            log_likelihood: self
                .targets
                .is_some()
                .then(|| of(&|m| m.log_likelihood.value() - m.samples.ln() - scale.ln())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_mixture_density_match_their_definitions() {
        let components = [(0.3, 0.5, 1.2), (-1.0, 2.0, 1.2), (0.9, 0.1, 1.2)];
        let mut moments = Moments::default();
        for (loc, scale, y) in components {
            moments.add(loc, scale, Some(y));
        }
        let mean = components.iter().map(|c| c.0).sum::<f64>() / 3.0;
        let spread = components.iter().map(|c| (c.0 - mean).powi(2)).sum::<f64>() / 3.0;
        assert!((moments.mean - mean).abs() < 1e-15 && (moments.squares / 3.0 - spread).abs() < 1e-15);
        let density = |(loc, scale, y): (f64, f64, f64)| {
            (-0.5 * ((y - loc) / scale).powi(2)).exp() / (scale * core::f64::consts::TAU.sqrt())
        };
        let mixture = components.iter().map(|&c| density(c)).sum::<f64>() / 3.0;
        assert!((moments.log_likelihood.value() - 3.0_f64.ln() - mixture.ln()).abs() < 1e-13);
    }

    #[test]
    fn a_log_sum_of_far_terms_does_not_vanish() {
        let mut sum = LogSum::default();
        for x in [-2000.0, -1000.0, -3000.0] {
            sum.add(x);
        }
        assert!((sum.value() + 1000.0).abs() < 1e-12);
    }
}

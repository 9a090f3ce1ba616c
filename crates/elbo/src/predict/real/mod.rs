//! Real predictions: for each target value a mixture of distributions, one per weight sample.
//!
//! Law of total variance: `Var y = E_s Var[y | W_s] + Var_s E[y | W_s]`, aleatoric and epistemic. The log likelihood of an
//! example's targets is that of the mixture itself, `ln 1/S Σ_s p(y | W_s)`, not of a normal with its moments.

mod gather;
mod log_sum;
mod mixture;
mod ranked;

pub(super) use gather::{RealGatherer, unknown};
use log_sum::LogSum;
pub use mixture::Mixture;

/// Predictions of real targets, in their own units: `values` of each example, row-major (`[N]` for one target, `[N, H, V]`
/// for a horizon of H steps of V variables).
#[derive(Clone, Debug, PartialEq)]
pub struct RealPredictions {
    /// Number of target values of an example.
    pub values: usize,
    /// Predictive means `[N values]`.
    pub mean: Vec<f64>,
    /// Variance that more data would not remove: `E_s Var[y | W_s]`, `[N values]`.
    pub aleatoric_variance: Vec<f64>,
    /// Variance from not knowing the weights: `Var_s E[y | W_s]`, `[N values]`.
    pub epistemic_variance: Vec<f64>,
    /// The predictive distribution of each target value by itself `[N values]`.
    pub distributions: Vec<Mixture>,
    /// `ln p(y)` in nats of all target values of an example together `[N]`, where targets are known.
    pub log_likelihood: Option<Vec<f64>>,
}

impl RealPredictions {
    /// Standard deviation of the predictive distribution of target value `i`.
    ///
    /// # Panics
    /// If there is no such value.
    #[must_use]
    pub fn stddev(&self, i: usize) -> f64 {
        (self.aleatoric_variance[i] + self.epistemic_variance[i]).sqrt()
    }

    /// Ends of the central intervals that hold the target with probability `level`: quantiles of the predictive
    /// distributions.
    #[must_use]
    pub fn interval(&self, level: f64) -> (Vec<f64>, Vec<f64>) {
        self.distributions.iter().map(|distribution| distribution.interval(level)).unzip()
    }

    /// Ends of the central intervals that hold the target with probability 0.9.
    #[must_use]
    pub fn interval_90(&self) -> (Vec<f64>, Vec<f64>) {
        self.interval(0.9)
    }

    /// Ends of the central credible intervals of the mean under the posterior of the weights: what the noise of the
    /// targets has no part in.
    #[must_use]
    pub fn credible_interval(&self, level: f64) -> (Vec<f64>, Vec<f64>) {
        self.distributions.iter().map(|distribution| distribution.credible_interval(level)).unzip()
    }

    /// `Pr(Y <= y)` of each target value: uniform if predictions are calibrated (Dawid 1984).
    ///
    /// # Panics
    /// If there are fewer targets than predictions.
    #[must_use]
    pub fn pit(&self, targets: &[f64]) -> Vec<f64> {
        self.distributions.iter().enumerate().map(|(i, distribution)| distribution.cdf(targets[i])).collect()
    }
}

//! Conformal prediction: sets and intervals that hold the target with a probability that is guaranteed, whatever the
//! model (Vovk, Gammerman and Shafer 2005; an introduction: Angelopoulos and Bates 2023).
//!
//! | what | type | guarantee |
//! | --- | --- | --- |
//! | sets of classes: THR, APS, RAPS, by class or not | [`ClassConformal`] | marginal, or for each class |
//! | intervals: residuals, normalised residuals, quantiles | [`IntervalConformal`] | marginal |
//! | levels of the predictive distribution | [`DistributionConformal`] | marginal |
//! | series, with a given step | [`AdaptiveConformal`] | the average over time |
//! | series, with a learnt step | [`DynamicConformal`] | small regret over every span of time |
//! | the same for every step ahead and variable of forecasts, learnt when targets are known | [`HorizonConformal`] | each of its experts': the average over time |
//!
//! **The guarantee.** A score says how badly a target fits a prediction. With n held-out examples the
//! [`Threshold`] is the `⌈(n + 1)(1 - α)⌉`-th smallest of their scores; what a new example allows are the targets whose
//! score is not above it. If held-out and new examples are exchangeable (drawn from one population, none of them
//! trained on), then
//!
//! `1 - α <= P(target allowed) <= 1 - α + 1/(n + 1)`,
//!
//! the right side if no two scores are equal. With fewer than `⌈1/α⌉ - 1` held-out examples the threshold is infinite
//! and everything is allowed: [`Threshold::is_finite`] says so.
//!
//! **What it is not.** The probability is over held-out and new examples: for given held-out examples the coverage
//! varies as [`CoverageLaw`] says. It is an average over all kinds of examples ([`SetScores::by_size`] shows where it
//! fails). And it is lost when new data differ from the held-out ones.
//!
//! A map of [`recalibrate`](crate::recalibrate) that was fitted to the same held-out examples breaks exchangeability:
//! give one part of them to the map and another to the threshold.

mod adaptive;
mod classes;
mod distribution;
mod dynamic;
mod horizon;
mod law;
mod regression;
mod score;
mod sets;
mod threshold;

pub use adaptive::{AdaptiveConformal, p_value, threshold_at};
pub use classes::{ClassConformal, ClassConformalConfig};
pub use distribution::DistributionConformal;
pub use dynamic::DynamicConformal;
pub use horizon::HorizonConformal;
pub use law::CoverageLaw;
pub use regression::{Band, BandKind, IntervalConformal, Intervals};
pub use score::{CLASS_SCORES, ClassScore};
pub use sets::{PredictionSets, SetScores, Stratum};
pub use threshold::Threshold;

use crate::metric::MetricError;

/// That a share of misses is one.
fn check_alpha(alpha: f64) -> Result<(), MetricError> {
    if alpha > 0.0 && alpha < 1.0 {
        return Ok(());
    }
    Err(MetricError::Setting { name: "alpha", expected: "above 0 and below 1", found: alpha.to_string() })
}

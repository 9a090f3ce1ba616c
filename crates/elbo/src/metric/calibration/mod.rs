//! Whether a confidence is a frequency.

mod bands;
mod binning;
mod classwise;
mod gaps;
mod quantile_buckets;
mod reliability;
mod smooth;

pub use bands::{BandedBin, reliability_diagram, wilson_interval};
pub use binning::Binning;
pub use classwise::classwise_calibration_error;
pub(super) use classwise::of_classes;
pub use gaps::{
    BinnedGaps, debiased_squared_calibration_error, equal_mass_calibration_error, expected_calibration_error,
    max_calibration_error,
};
pub use quantile_buckets::QuantileBuckets;
pub use reliability::{ReliabilityBin, reliability};
pub use smooth::{SmoothGaps, smooth_calibration_error};

use super::{MetricError, Probabilities, correct_per_example};

/// Confidence and correctness (1 or 0) of every prediction.
fn top_label(probs: &Probabilities, labels: &[usize]) -> Result<(Vec<f64>, Vec<f64>), MetricError> {
    let correct = correct_per_example(probs, labels)?;
    Ok(((0..correct.len()).map(|i| probs.confidence(i)).collect(), correct))
}

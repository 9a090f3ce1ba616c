//! Calibration errors that chance alone would bring about.

use crate::number::count;
use elbo::metric::Probabilities;
use elbo_kernels::Stream;
use elbo_kernels::noise::uniform::uniforms_f64;

/// Bins of calibration, as in the scores of a run.
pub const BINS: usize = 15;
/// Draws of outcomes under perfect calibration: fewer where there are very many examples.
const DRAWS: usize = 1000;
const FEWEST_DRAWS: usize = 100;
/// Outcomes that are drawn in all, about.
const OUTCOMES: usize = 50_000_000;

/// Largest probability of every example.
pub fn confidences(probabilities: &Probabilities) -> Vec<f64> {
    (0..probabilities.rows()).map(|i| probabilities.confidence(i)).collect()
}

/// Calibration errors that a perfectly calibrated model with these confidences would show: 2.5 % and 97.5 % quantiles and
/// the share of draws at or above `found`. Outcomes are drawn with the probabilities that the model states (consistency
/// resampling: Broecker and Smith 2007, section 3; Vaicenavicius et al. 2019, section 5).
pub fn consistent_ece(probabilities: &Probabilities, found: f64) -> (f64, f64, f64) {
    let confidence = confidences(probabilities);
    let bins: Vec<usize> = confidence.iter().map(|&p| bin(p)).collect();
    let stream = Stream::named(0, "report/consistency");
    let draws = (OUTCOMES / confidence.len().max(1)).clamp(FEWEST_DRAWS, DRAWS);
    let mut errors: Vec<f64> = (0..draws as u64)
        .map(|draw| {
            let mut sums = [0.0; BINS];
            for (i, u) in uniforms_f64(stream.draws(draw, 1), confidence.len()).into_iter().enumerate() {
                sums[bins[i]] += confidence[i] - f64::from(u8::from(u < confidence[i]));
            }
            sums.iter().map(|sum| sum.abs()).sum::<f64>() / count(confidence.len())
        })
        .collect();
    errors.sort_unstable_by(f64::total_cmp);
    let above = errors.iter().filter(|&&error| error >= found).count();
    (errors[draws / 40], errors[draws - 1 - draws / 40], count(above) / count(draws))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a probability
fn bin(confidence: f64) -> usize {
    ((confidence * count(BINS)) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certain_and_right_is_consistent_with_itself_alone() {
        let probabilities = Probabilities::new([1.0, 0.0].repeat(50), 2).unwrap();
        assert_eq!(consistent_ece(&probabilities, 0.0), (0.0, 0.0, 1.0));
        assert_eq!(consistent_ece(&probabilities, 0.1).2, 0.0);
    }

    /// Sum over one bin of n examples at confidence 0.75: mean |error| is near sqrt(2 / pi) sqrt(0.1875 / n) = 0.0346 for
    /// n = 100, its spread 0.026; quantiles of 1000 draws on a lattice of 0.01.
    #[test]
    fn the_range_is_that_of_chance() {
        let probabilities = Probabilities::new([0.75, 0.25].repeat(100), 2).unwrap();
        let (low, high, share) = consistent_ece(&probabilities, 0.0346);
        assert!(low < 0.011 && (0.07..0.12).contains(&high), "{low} {high}");
        assert!((0.25..0.65).contains(&share), "{share}");
    }
}

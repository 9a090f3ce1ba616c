//! Calibration errors in bins (Guo, Pleiss, Sun and Weinberger 2017, section 2; Naeini, Cooper and Hauskrecht 2015).
//!
//! With `d_i = confidence_i - correct_i`, bins b of `n_b` examples and `gap_b = Σ_{i in b} d_i / n_b`:
//!
//! | error | formula |
//! | --- | --- |
//! | expected | `Σ_b n_b / B · abs(gap_b)` |
//! | maximum | `max_b abs(gap_b)` over filled bins |
//! | debiased square | `Σ_b n_b / B · Σ_{i ≠ j in b} d_i d_j / (n_b (n_b - 1))`, 0 for a bin of one |
//!
//! The sums over a bin cancel its size: `ECE = Σ_b |Σ_{i in b} d_i| / B`, which is what is computed.
//!
//! The plug-in error is biased upward (Kumar, Liang and Ma 2019, section 4). The debiased square takes the pairs of
//! different examples only, so its expectation is `Σ_b n_b / B · gap_b²` of the true gaps, 0 for calibrated forecasts. It
//! is the estimator of Kumar et al. (section 5, definition 5.1: less `acc_b (1 - acc_b) / (n_b - 1)`) where the forecasts of
//! a bin are all equal, as theirs are.

use super::super::lists::check_probabilities;
use super::super::{MetricError, Probabilities, all, count};
use super::{Binning, top_label};

/// Expected calibration error with `num_bins` bins of equal width, 0 to 1.
///
/// This is the plug-in value: on finite data it overstates the calibration error, by more with more bins (Kumar,
/// Liang and Ma 2019, section 4). It is no proper score: always predicting the class frequencies gives 0.
///
/// ```
/// use elbo::metric::{Probabilities, expected_calibration_error};
/// let probs = Probabilities::new([0.8, 0.2].repeat(5), 2)?;
/// assert!((expected_calibration_error(&probs, &[0, 0, 0, 0, 1], 15)? - 0.0).abs() < 1e-15); // 4 of 5 are right
/// assert!((expected_calibration_error(&probs, &[0, 0, 0, 0, 0], 15)? - 0.2).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Setting`] without bins; [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if
/// the labels do not fit.
pub fn expected_calibration_error(
    probs: &Probabilities,
    labels: &[usize],
    num_bins: usize,
) -> Result<f64, MetricError> {
    Ok(BinnedGaps::top_label(probs, labels, Binning::EqualWidth(num_bins))?.expected())
}

/// Expected calibration error with `num_bins` bins of about equally many examples, 0 to 1: no bin is left to a few
/// examples, as the lower ones of equal width often are (Nguyen and O'Connor 2015, section 3; Nixon et al. 2019,
/// section 4, "adaptive").
///
/// ```
/// use elbo::metric::{Probabilities, equal_mass_calibration_error};
/// let probs = Probabilities::new(vec![0.6, 0.4, 0.7, 0.3, 0.8, 0.2, 0.9, 0.1], 2)?;
/// let error = equal_mass_calibration_error(&probs, &[0, 1, 0, 0], 2)?; // |1.3 - 1| and |1.7 - 2|
/// assert!((error - 0.6 / 4.0).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// As [`expected_calibration_error`].
pub fn equal_mass_calibration_error(
    probs: &Probabilities,
    labels: &[usize],
    num_bins: usize,
) -> Result<f64, MetricError> {
    Ok(BinnedGaps::top_label(probs, labels, Binning::EqualMass(num_bins))?.expected())
}

/// Largest gap of accuracy and confidence of a filled bin of equal width, 0 to 1. One example alone in a bin can decide
/// it; read it beside the bins' counts.
///
/// ```
/// use elbo::metric::{Probabilities, max_calibration_error};
/// let probs = Probabilities::new(vec![0.6, 0.4, 0.9, 0.1, 0.9, 0.1], 2)?;
/// assert!((max_calibration_error(&probs, &[0, 0, 1], 2)? - (2.4 - 2.0) / 3.0).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// As [`expected_calibration_error`].
pub fn max_calibration_error(probs: &Probabilities, labels: &[usize], num_bins: usize) -> Result<f64, MetricError> {
    Ok(BinnedGaps::top_label(probs, labels, Binning::EqualWidth(num_bins))?.maximum())
}

/// Squared calibration error with `num_bins` bins of about equally many examples, without the upward bias of the
/// plug-in, at most 1. For calibrated forecasts its expectation is 0 and more than half of its values are below: of one large
/// bin 68 %, as of a squared standard normal less 1.
///
/// ```
/// use elbo::metric::{Probabilities, debiased_squared_calibration_error};
/// let probs = Probabilities::new([0.8, 0.2].repeat(5), 2)?;
/// // (acc - conf)² - acc (1 - acc) / (n - 1) with acc = 0.8
/// let square = debiased_squared_calibration_error(&probs, &[0, 0, 0, 0, 1], 1)?;
/// assert!((square + 0.8 * 0.2 / 4.0).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// As [`expected_calibration_error`].
pub fn debiased_squared_calibration_error(
    probs: &Probabilities,
    labels: &[usize],
    num_bins: usize,
) -> Result<f64, MetricError> {
    Ok(BinnedGaps::top_label(probs, labels, Binning::EqualMass(num_bins))?.debiased_square())
}

/// What each example adds to the calibration errors: prepared once for all examples and for resamples, whose bins are
/// those of all.
///
/// ```
/// use elbo::metric::{BinnedGaps, Binning, Bootstrap, Probabilities};
/// let probs = Probabilities::new([0.8, 0.2].repeat(50), 2)?;
/// let labels: Vec<usize> = (0..50).map(|i| usize::from(i % 2 == 0)).collect();
/// let gaps = BinnedGaps::top_label(&probs, &labels, Binning::EqualWidth(15))?;
/// let ece = Bootstrap::default().estimate_shifted(50, |chosen| gaps.expected_of(chosen))?;
/// assert!((ece.value - 0.3).abs() < 1e-12 && ece.low > 0.1);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BinnedGaps {
    /// `(bin, forecast - outcome)`.
    examples: Vec<(usize, f64)>,
    num_bins: usize,
}

/// Sums over the chosen examples of a bin.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: f64,
    gap: f64,
    square: f64,
}

impl BinnedGaps {
    /// Of forecasts of any event and whether it came, 1 or 0.
    ///
    /// # Shapes
    /// - `forecasts`, `outcomes`: `[B]`
    ///
    /// # Errors
    /// [`MetricError::Setting`] without bins; [`MetricError::Length`], [`MetricError::Empty`] or
    /// [`MetricError::Value`] if the lists do not fit or are no numbers between 0 and 1.
    pub fn new(forecasts: &[f64], outcomes: &[f64], binning: Binning) -> Result<Self, MetricError> {
        check_probabilities("forecasts", forecasts, forecasts.len())?;
        check_probabilities("outcomes", outcomes, forecasts.len())?;
        Self::of(forecasts, outcomes, binning)
    }

    /// Of the predicted class: its probability, and whether it is the label.
    ///
    /// # Shapes
    /// - `probs`: `[B, K]`; `labels`: `[B]`
    ///
    /// # Errors
    /// As [`expected_calibration_error`].
    pub fn top_label(probs: &Probabilities, labels: &[usize], binning: Binning) -> Result<Self, MetricError> {
        let (confidences, correct) = top_label(probs, labels)?;
        Self::of(&confidences, &correct, binning)
    }

    /// Forecasts of softmaxes may exceed 1 by rounding.
    pub(super) fn of(forecasts: &[f64], outcomes: &[f64], binning: Binning) -> Result<Self, MetricError> {
        let bins = binning.sort(forecasts)?.bins;
        let gaps = forecasts.iter().zip(outcomes).map(|(forecast, outcome)| forecast - outcome);
        Ok(Self { examples: bins.into_iter().zip(gaps).collect(), num_bins: binning.num_bins() })
    }

    /// Expected calibration error, 0 to 1.
    #[must_use]
    pub fn expected(&self) -> f64 {
        self.expected_of(&all(self.examples.len()))
    }

    /// Expected calibration error of a choice of examples; NaN for none.
    ///
    /// # Panics
    /// If a number is not below the number of examples.
    #[must_use]
    pub fn expected_of(&self, chosen: &[usize]) -> f64 {
        self.sums(chosen).iter().map(|sum| sum.gap.abs()).sum::<f64>() / count(chosen.len())
    }

    /// Largest gap of a filled bin, 0 to 1.
    #[must_use]
    pub fn maximum(&self) -> f64 {
        self.maximum_of(&all(self.examples.len()))
    }

    /// Largest gap of a choice of examples; 0 for none.
    ///
    /// # Panics
    /// If a number is not below the number of examples.
    #[must_use]
    pub fn maximum_of(&self, chosen: &[usize]) -> f64 {
        let filled = self.sums(chosen).into_iter().filter(|sum| sum.count > 0.0);
        filled.map(|sum| sum.gap.abs() / sum.count).fold(0.0, f64::max)
    }

    /// Debiased squared calibration error, at most 1, with expectation 0 if calibrated.
    #[must_use]
    pub fn debiased_square(&self) -> f64 {
        self.debiased_square_of(&all(self.examples.len()))
    }

    /// Debiased squared calibration error of a choice of different examples; NaN for none. Of a resample it is shifted
    /// upward again, by the pairs of an example with itself: take [`Bootstrap::estimate_shifted`].
    ///
    /// [`Bootstrap::estimate_shifted`]: crate::metric::Bootstrap::estimate_shifted
    ///
    /// # Panics
    /// If a number is not below the number of examples.
    #[must_use]
    pub fn debiased_square_of(&self, chosen: &[usize]) -> f64 {
        let several = self.sums(chosen).into_iter().filter(|sum| sum.count > 1.0);
        let pairs = several.map(|sum| (sum.gap * sum.gap - sum.square) / (sum.count - 1.0));
        pairs.sum::<f64>() / count(chosen.len())
    }

    fn sums(&self, chosen: &[usize]) -> Vec<Sums> {
        let mut sums = vec![Sums::default(); self.num_bins];
        for &i in chosen {
            let (bin, gap) = self.examples[i];
            let sum = &mut sums[bin];
            *sum = Sums { count: sum.count + 1.0, gap: sum.gap + gap, square: sum.square + gap * gap };
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::super::reliability;
    use super::*;

    fn binary(confidences: &[f64]) -> Probabilities {
        Probabilities::new(confidences.iter().flat_map(|&p| [p, 1.0 - p]).collect(), 2).unwrap()
    }

    #[test]
    fn by_hand() {
        // Two bins: [0.5, 1] holds all; gaps 0.6 - 1, 0.8 - 1, 0.9 - 0, 1 - 1 sum to 0.3.
        let probs = binary(&[0.6, 0.8, 0.9, 1.0]);
        let labels = [0, 0, 1, 0];
        assert!((expected_calibration_error(&probs, &labels, 2).unwrap() - 0.3 / 4.0).abs() < 1e-15);
        // Ten bins: every example is alone.
        let alone = (0.4 + 0.2 + 0.9 + 0.0) / 4.0;
        // 0.9 * 10 rounds to 9, so the last two share a bin: |0.9 + 0| is the same sum.
        assert!((expected_calibration_error(&probs, &labels, 10).unwrap() - alone).abs() < 1e-15);
    }

    #[test]
    fn all_forms_by_hand() {
        // Gaps 0.6 - 1, 0.7 - 0 | 0.8 - 1, 0.9 - 1 in two bins of equal mass.
        let (probs, labels) = (binary(&[0.6, 0.7, 0.8, 0.9]), [0, 1, 0, 0]);
        let error = equal_mass_calibration_error(&probs, &labels, 2).unwrap();
        assert!((error - (0.3 + 0.3) / 4.0).abs() < 1e-15);
        assert!((max_calibration_error(&probs, &labels, 1).unwrap() - 0.0).abs() < 1e-15);
        // Ten bins: 0.6 and 0.7 · 10 = 7, alone each; the largest gap is 0.7.
        assert!((max_calibration_error(&probs, &labels, 10).unwrap() - 0.7).abs() < 1e-15);
        // U-statistics of the two bins: -0.4 · 0.7 and -0.2 · -0.1, each of half of the examples.
        let square = debiased_squared_calibration_error(&probs, &labels, 2).unwrap();
        assert!((square - 0.5 * (-0.28 + 0.02)).abs() < 1e-15, "{square}");
    }

    /// Over all outcomes of five calibrated forecasts in two bins, weighted by their probability.
    #[test]
    fn the_debiased_square_is_unbiased() {
        let (confidences, chances) = ([0.55, 0.6, 0.7, 0.8, 0.95], [0.55, 0.6, 0.7, 0.8, 0.95]);
        let expectation = |chances: [f64; 5]| {
            let mut sum = 0.0;
            for outcome in 0_u32..32 {
                let hits: Vec<f64> = (0..5).map(|i| f64::from(outcome >> i & 1)).collect();
                let weight: f64 = hits.iter().zip(chances).map(|(h, p)| if *h > 0.0 { p } else { 1.0 - p }).product();
                let gaps = BinnedGaps::new(&confidences, &hits, Binning::EqualMass(2)).unwrap();
                sum += weight * gaps.debiased_square();
            }
            sum
        };
        assert!(expectation(chances).abs() < 1e-15);
        // Everyone overconfident by 0.1: the square is 0.01 in both bins, whatever the noise.
        assert!((expectation(chances.map(|p| p - 0.1)) - 0.01).abs() < 1e-15);
    }

    #[test]
    fn bad_outcomes_are_named() {
        let error = BinnedGaps::new(&[0.5, 0.5], &[1.0, 2.0], Binning::EqualWidth(2)).unwrap_err();
        assert_eq!(error.to_string(), "outcomes of example 1: expected a number between 0 and 1, found 2");
        assert!(BinnedGaps::new(&[0.5], &[], Binning::EqualWidth(2)).is_err());
    }

    #[test]
    fn no_bins_are_an_error() {
        let error = expected_calibration_error(&binary(&[0.75]), &[0], 0).unwrap_err();
        assert_eq!(error.to_string(), "`num_bins` must be at least 1, found 0");
        assert_eq!(reliability(&binary(&[0.75]), &[0], 0).unwrap_err(), error);
    }
}

//! The parts of the Brier score (Murphy 1973, "A new vector partition of the probability score", eq. 9).
//!
//! With examples sorted into strata s of `n_s`, `ō_s` the label frequencies of a stratum, `ō` those of all, `p̄_s` the
//! mean forecast of a stratum, and everything a vector over classes:
//!
//! `brier = reliability - resolution + uncertainty - covariance`
//!
//! | part | formula |
//! | --- | --- |
//! | reliability | `Σ_i ‖p_i - ō_s(i)‖² / B`: 0 if a forecast is the frequency that follows it |
//! | resolution | `Σ_s n_s / B ‖ō_s - ō‖²`: how far the strata tell the labels apart |
//! | uncertainty | `Σ_k ō_k (1 - ō_k)`: the Brier score of always forecasting `ō` |
//! | covariance | `2 Σ_i (p_i - p̄_s(i)) · (e_{y_i} - ō_s(i)) / B`: what forecasts know within a stratum |
//!
//! Murphy's strata are the different forecasts, and then the covariance is 0. With coarser ones it is not (Stephenson,
//! Coelho and Jolliffe 2008, section 3: their within-bin covariance; their within-bin variance is part of the
//! reliability here), and three parts alone do not add up.

use super::super::calibration::Binning;
use super::super::{MetricError, all, count};
use super::Probabilities;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The parts of a Brier score: `reliability - resolution + uncertainty - covariance`.
///
/// ```
/// use elbo::metric::{BrierStrata, Probabilities, brier};
/// let (probs, labels) = (Probabilities::new([0.8, 0.2].repeat(4), 2)?, [0, 0, 0, 1]);
/// let parts = BrierStrata::by_forecast(&probs, &labels)?.decomposition();
/// assert!((parts.reliability - 2.0 * 0.05 * 0.05).abs() < 1e-15); // 0.8 was said, 0.75 came
/// assert_eq!((parts.resolution, parts.uncertainty), (0.0, 2.0 * 0.75 * 0.25));
/// assert!((parts.brier() - brier(&probs, &labels)?).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrierDecomposition {
    /// 0 to 2, 0 for forecasts that are frequencies; smaller is better.
    pub reliability: f64,
    /// 0 to the uncertainty; larger is better.
    pub resolution: f64,
    /// 0 to `1 - 1/K`, a property of the labels alone.
    pub uncertainty: f64,
    /// Twice the covariance of forecasts and labels within strata; 0 where a stratum is one forecast.
    pub covariance: f64,
}

impl BrierDecomposition {
    /// The Brier score that the parts add up to.
    #[must_use]
    pub fn brier(&self) -> f64 {
        self.reliability - self.resolution + self.uncertainty - self.covariance
    }
}

/// Examples sorted into strata, prepared for [`BrierDecomposition`]s of all of them and of resamples.
#[derive(Clone, Debug)]
pub struct BrierStrata {
    classes: Vec<ClassStrata>,
    count: usize,
}

/// One class: forecast, outcome and stratum of every example.
#[derive(Clone, Debug)]
struct ClassStrata {
    examples: Vec<(f64, f64, usize)>,
}

/// Sums over a stratum.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: f64,
    forecast: f64,
    outcome: f64,
}

impl BrierStrata {
    /// A stratum for every different forecast: the exact partition of Murphy 1973. For forecasts that take few values;
    /// where all differ, resolution is uncertainty and reliability the Brier score.
    ///
    /// # Shapes
    /// - `probs`: `[B, K]`; `labels`: `[B]`
    ///
    /// # Errors
    /// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Label`] if the labels do not fit.
    pub fn by_forecast(probs: &Probabilities, labels: &[usize]) -> Result<Self, MetricError> {
        let mut found: HashMap<Vec<u64>, usize> = HashMap::new();
        let mut stratum = |row: &[f64]| {
            let next = found.len();
            *found.entry(row.iter().map(|p| (p + 0.0).to_bits()).collect()).or_insert(next)
        };
        let strata: Vec<usize> = (0..probs.rows()).map(|i| stratum(probs.row(i))).collect();
        Self::new(probs, labels, found.len(), |i, _| strata[i])
    }

    /// A stratum for every predicted class, as `TensorFlow` Probability's `brier_decomposition` means it (its
    /// uncertainty is this less 1, as its Brier score is; its resolution is off, see the golden files' README).
    ///
    /// # Errors
    /// As [`by_forecast`](Self::by_forecast).
    pub fn by_predicted_class(probs: &Probabilities, labels: &[usize]) -> Result<Self, MetricError> {
        Self::new(probs, labels, probs.classes(), |i, _| probs.predicted(i))
    }

    /// The bins of each class's probability, class by class: the usual one for forecasts that take many values.
    ///
    /// # Errors
    /// As [`by_forecast`](Self::by_forecast), and [`MetricError::Setting`] without bins.
    pub fn by_bins(probs: &Probabilities, labels: &[usize], binning: Binning) -> Result<Self, MetricError> {
        let column = |class: usize| -> Vec<f64> { (0..probs.rows()).map(|i| probs.row(i)[class]).collect() };
        let bins = (0..probs.classes()).map(|class| Ok(binning.sort(&column(class))?.bins));
        let bins = bins.collect::<Result<Vec<Vec<usize>>, MetricError>>()?;
        Self::new(probs, labels, binning.num_bins(), |i, class| bins[class][i])
    }

    fn new(
        probs: &Probabilities,
        labels: &[usize],
        count: usize,
        stratum: impl Fn(usize, usize) -> usize,
    ) -> Result<Self, MetricError> {
        probs.check_labels(labels)?;
        let outcome = |i: usize, class| f64::from(u8::from(labels[i] == class));
        let example = |i: usize, class| (probs.row(i)[class], outcome(i, class), stratum(i, class));
        let of_class = |class| ClassStrata { examples: (0..labels.len()).map(|i| example(i, class)).collect() };
        Ok(Self { classes: (0..probs.classes()).map(of_class).collect(), count })
    }

    /// The parts of the Brier score of all examples.
    #[must_use]
    pub fn decomposition(&self) -> BrierDecomposition {
        self.decomposition_of(&all(self.classes[0].examples.len()))
    }

    /// The parts of the Brier score of a choice of examples; NaN for none.
    ///
    /// # Panics
    /// If a number is not below the number of examples.
    #[must_use]
    pub fn decomposition_of(&self, chosen: &[usize]) -> BrierDecomposition {
        let n = count(chosen.len());
        let parts = self.classes.iter().map(|class| class.parts(chosen, self.count));
        let [reliability, resolution, uncertainty, covariance] =
            parts.fold([0.0; 4], |sum, part| core::array::from_fn(|k| sum[k] + part[k] / n));
        BrierDecomposition { reliability, resolution, uncertainty, covariance }
    }
}

impl ClassStrata {
    /// The four parts, each summed over the chosen examples.
    fn parts(&self, chosen: &[usize], strata: usize) -> [f64; 4] {
        let mut sums = vec![Sums::default(); strata];
        let mut outcomes = 0.0;
        for &i in chosen {
            let (forecast, outcome, stratum) = self.examples[i];
            let sum = &mut sums[stratum];
            (sum.count, sum.forecast, sum.outcome) = (sum.count + 1.0, sum.forecast + forecast, sum.outcome + outcome);
            outcomes += outcome;
        }
        let rate = outcomes / count(chosen.len());
        let mut parts = [0.0, 0.0, outcomes * (1.0 - rate), 0.0];
        for &i in chosen {
            let (forecast, outcome, stratum) = self.examples[i];
            let sum = sums[stratum];
            let (within, mean) = (sum.outcome / sum.count, sum.forecast / sum.count);
            parts[0] += (forecast - within) * (forecast - within);
            parts[1] += (within - rate) * (within - rate);
            parts[3] += 2.0 * (forecast - mean) * (outcome - within);
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::super::brier;
    use super::*;

    /// Two forecasts, 0.8 (four times, three right) and 0.3 (two times, one right); `ō = 4/6`.
    #[test]
    fn by_hand() {
        let probs =
            Probabilities::new([0.8, 0.2].repeat(4).into_iter().chain([0.3, 0.7].repeat(2)).collect(), 2).unwrap();
        let labels = [0, 0, 1, 0, 0, 1];
        let parts = BrierStrata::by_forecast(&probs, &labels).unwrap().decomposition();
        let square = |x: f64| x * x;
        let reliability = 2.0 * (4.0 * square(0.05) + 2.0 * square(0.2)) / 6.0;
        let resolution = 2.0 * (4.0 * square(0.75 - 2.0 / 3.0) + 2.0 * square(0.5 - 2.0 / 3.0)) / 6.0;
        assert!((parts.reliability - reliability).abs() < 1e-15, "{parts:?}");
        assert!((parts.resolution - resolution).abs() < 1e-15, "{parts:?}");
        assert!((parts.uncertainty - 2.0 * (2.0 / 3.0) / 3.0).abs() < 1e-15, "{parts:?}");
        assert!(parts.covariance.abs() < 1e-15, "{parts:?}");
        assert!((parts.brier() - brier(&probs, &labels).unwrap()).abs() < 1e-15);
        // Bins that separate the forecasts are the same strata.
        let binned = BrierStrata::by_bins(&probs, &labels, Binning::EqualWidth(10)).unwrap().decomposition();
        assert!((binned.reliability - reliability).abs() < 1e-15 && (binned.resolution - resolution).abs() < 1e-15);
    }

    #[test]
    fn the_order_of_equal_zeros_does_not_make_strata() {
        let probs = Probabilities::new(vec![0.0, 1.0, -0.0, 1.0], 2).unwrap();
        assert_eq!(BrierStrata::by_forecast(&probs, &[0, 1]).unwrap().count, 1);
    }

    #[test]
    fn bad_input_is_named() {
        let probs = Probabilities::new(vec![0.5, 0.5], 2).unwrap();
        assert!(matches!(BrierStrata::by_forecast(&probs, &[]), Err(MetricError::Length { .. })));
        assert!(matches!(
            BrierStrata::by_bins(&probs, &[0], Binning::EqualMass(0)),
            Err(MetricError::Setting { name: "num_bins", .. })
        ));
    }
}

//! What a prediction does not know, and why (Depeweg et al. 2018, section 3): with class probabilities `p_s` from S
//! weight samples and their mean `p`,
//!
//! `H[p] = E_s H[p_s] + I`, total = aleatoric + epistemic, all in nats.
//!
//! `H[p] = -Σ_k p_k ln p_k` is the predictive entropy, `E_s H[p_s]` the expected entropy (noise that remains if the
//! weights were known), I the mutual information of label and weights.
//!
//! The same by variances, of the label as a unit vector `e_y` (the law of total variance, trace of each covariance):
//!
//! `1 - Σ_k p_k² = E_s (1 - Σ_k p_sk²) + Σ_k Var_s p_sk`, total = aleatoric + epistemic, each between 0 and 1
//! (Kwon, Won, Kim and Paik 2020, eq. 4; the variance divides by S).

use super::super::{MetricError, count};
use super::probabilities::{Probabilities, check};

/// `-Σ_k p_k ln p_k` in nats, `0 ln 0 = 0`: from 0 (certain) to `ln K` (uniform).
#[must_use]
pub fn entropy(probs: &[f64]) -> f64 {
    0.0 - probs.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

/// `1 - max_k p_ik`, the probability that the predicted class is wrong: `[examples]`, from 0 to `1 - 1/K` (Freeman 1965,
/// the variation ratio of the mean probabilities).
#[must_use]
pub fn variation_ratio(probs: &Probabilities) -> Vec<f64> {
    (0..probs.rows()).map(|i| 1.0 - probs.confidence(i)).collect()
}

/// Gathers class probabilities weight sample by weight sample; memory does not grow with their number.
///
/// ```
/// use elbo::metric::ClassUncertainty;
/// let mut uncertainty = ClassUncertainty::new(1, 2)?; // one example, two classes
/// uncertainty.push(&[1.0, 0.0])?;
/// uncertainty.push(&[0.0, 1.0])?; // the samples are certain, and disagree
/// let split = uncertainty.finish()?;
/// assert_eq!(split.expected_entropy, [0.0]);
/// assert!((split.mutual_information[0] - 2.0_f64.ln()).abs() < 1e-15);
///
/// let mut uncertainty = ClassUncertainty::new(1, 2)?;
/// uncertainty.push(&[1.0, 0.0])?;
/// uncertainty.push(&[0.5, 0.5])?;
/// let variance = uncertainty.variances()?;
/// assert_eq!((variance.total[0], variance.aleatoric[0], variance.epistemic[0]), (0.375, 0.25, 0.125));
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClassUncertainty {
    classes: usize,
    samples: usize,
    probs: Vec<f64>,
    entropy: Vec<f64>,
    /// `Σ_k Σ_s (p_sk - p_k)²`.
    squares: Vec<f64>,
}

/// Mean probabilities and the split of their entropy; lists are `[examples]`, in nats.
#[derive(Clone, Debug, PartialEq)]
pub struct UncertaintySplit {
    /// Mean probabilities over weight samples: the prediction.
    pub probabilities: Probabilities,
    /// Total uncertainty `H[p]`.
    pub predictive_entropy: Vec<f64>,
    /// Aleatoric part `E_s H[p_s]`.
    pub expected_entropy: Vec<f64>,
    /// Epistemic part `H[p] - E_s H[p_s]`, at least 0; rounding below 0 is clipped.
    pub mutual_information: Vec<f64>,
    /// The same by variances.
    pub variances: VarianceSplit,
}

/// Mean variance of the label as a unit vector, and its split; lists are `[examples]`, between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub struct VarianceSplit {
    /// `1 - Σ_k p_k²`: the sum of the next two.
    pub total: Vec<f64>,
    /// `E_s (1 - Σ_k p_sk²)`: what remains if the weights were known.
    pub aleatoric: Vec<f64>,
    /// `Σ_k Var_s p_sk`: from not knowing the weights.
    pub epistemic: Vec<f64>,
}

impl ClassUncertainty {
    /// Nothing gathered yet, for `examples` examples and `classes` classes.
    ///
    /// # Errors
    /// [`MetricError::Setting`] without classes, or if `examples classes` values cannot be addressed.
    pub fn new(examples: usize, classes: usize) -> Result<Self, MetricError> {
        check(&[], classes)?;
        let size = examples.checked_mul(classes).filter(|&size| size <= isize::MAX.unsigned_abs() / size_of::<f64>());
        let size = size.ok_or_else(|| MetricError::Setting {
            name: "examples",
            expected: "a number whose product with `classes` can be addressed",
            found: format!("{examples} x {classes}"),
        })?;
        Ok(Self {
            classes,
            samples: 0,
            probs: vec![0.0; size],
            entropy: vec![0.0; examples],
            squares: vec![0.0; examples],
        })
    }

    /// Adds the probabilities of one weight sample, row-major `[examples, classes]`.
    ///
    /// # Errors
    /// [`MetricError::Length`] for another size, [`MetricError::Probability`] or [`MetricError::RowSum`] at a row that
    /// is no distribution. Nothing is added then.
    pub fn push(&mut self, probs: &[f64]) -> Result<(), MetricError> {
        if probs.len() != self.probs.len() {
            let (expected, found) = (self.probs.len(), probs.len());
            return Err(MetricError::Length { what: "probabilities", expected, found });
        }
        check(probs, self.classes)?;
        self.add_squares(probs);
        self.samples += 1;
        self.probs.iter_mut().zip(probs).for_each(|(sum, p)| *sum += p);
        self.entropy.iter_mut().zip(probs.chunks_exact(self.classes)).for_each(|(sum, row)| *sum += entropy(row));
        Ok(())
    }

    /// Welford's step (1962), with the sums of the samples so far: `Σ (p - p̄)²` grows by `S / (S + 1) (p_new - p̄)²`.
    fn add_squares(&mut self, probs: &[f64]) {
        if self.samples == 0 {
            return;
        }
        let samples = count(self.samples);
        let (inverse, weight) = (1.0 / samples, samples / (samples + 1.0));
        let rows = self.probs.chunks_exact(self.classes).zip(probs.chunks_exact(self.classes));
        for (square, (sums, row)) in self.squares.iter_mut().zip(rows) {
            let distance = sums.iter().zip(row).map(|(sum, p)| p - sum * inverse);
            *square += weight * distance.map(|d| d * d).sum::<f64>();
        }
    }

    /// Number of weight samples S gathered so far.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The split by variances of the samples so far.
    ///
    /// # Errors
    /// [`MetricError::Empty`] if no sample was added.
    pub fn variances(&self) -> Result<VarianceSplit, MetricError> {
        if self.samples == 0 {
            return Err(MetricError::Empty { what: "weight samples" });
        }
        let samples = count(self.samples);
        let square = |sums: &[f64]| sums.iter().map(|sum| (sum / samples) * (sum / samples)).sum::<f64>();
        let total: Vec<f64> = self.probs.chunks_exact(self.classes).map(|sums| (1.0 - square(sums)).max(0.0)).collect();
        let epistemic: Vec<f64> = self.squares.iter().map(|sum| sum / samples).collect();
        // Rounding below 0 is clipped.
        let aleatoric = total.iter().zip(&epistemic).map(|(total, part)| (total - part).max(0.0)).collect();
        Ok(VarianceSplit { total, aleatoric, epistemic })
    }

    /// The means over weight samples.
    ///
    /// # Errors
    /// [`MetricError::Empty`] if no sample was added.
    pub fn finish(mut self) -> Result<UncertaintySplit, MetricError> {
        let variances = self.variances()?;
        let samples = count(self.samples);
        self.probs.iter_mut().chain(&mut self.entropy).for_each(|sum| *sum /= samples);
        let expected_entropy = self.entropy;
        let predictive_entropy: Vec<f64> = self.probs.chunks_exact(self.classes).map(entropy).collect();
        let information = |(total, expected): (&f64, &f64)| (total - expected).max(0.0);
        let mutual_information = predictive_entropy.iter().zip(&expected_entropy).map(information).collect();
        let probabilities = Probabilities::new(self.probs, self.classes)?;
        Ok(UncertaintySplit { probabilities, predictive_entropy, expected_entropy, mutual_information, variances })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_by_hand() {
        assert_eq!(entropy(&[1.0, 0.0]).to_bits(), 0.0_f64.to_bits());
        assert!((entropy(&[0.25; 4]) - 4.0_f64.ln()).abs() < 1e-15);
        assert!((entropy(&[0.5, 0.25, 0.25]) - 1.5 * 2.0_f64.ln()).abs() < 1e-15);
    }

    #[test]
    fn samples_that_agree_leave_no_epistemic_part() {
        let mut uncertainty = ClassUncertainty::new(2, 2).unwrap();
        for _ in 0..7 {
            uncertainty.push(&[0.3, 0.7, 1.0, 0.0]).unwrap();
        }
        assert_eq!(uncertainty.samples(), 7);
        let split = uncertainty.finish().unwrap();
        assert!(split.mutual_information.iter().all(|&i| (0.0..1e-15).contains(&i)), "{split:?}");
        assert!((split.expected_entropy[0] - entropy(&[0.3, 0.7])).abs() < 1e-15);
        assert_eq!(split.expected_entropy[1].to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn variances_split_by_hand() {
        let mut uncertainty = ClassUncertainty::new(2, 2).unwrap();
        assert_eq!(uncertainty.variances().unwrap_err(), MetricError::Empty { what: "weight samples" });
        for first in [0.2, 0.4, 0.9] {
            uncertainty.push(&[first, 1.0 - first, 1.0, 0.0]).unwrap();
        }
        // Mean 0.5, variance (0.09 + 0.01 + 0.16) / 3 for each of the two classes.
        let split = uncertainty.variances().unwrap();
        assert!((split.total[0] - 0.5).abs() < 1e-15 && (split.epistemic[0] - 2.0 * 0.26 / 3.0).abs() < 1e-15);
        let aleatoric = [0.2_f64, 0.4, 0.9].iter().map(|p| 2.0 * p * (1.0 - p)).sum::<f64>() / 3.0;
        assert!((split.aleatoric[0] - aleatoric).abs() < 1e-15, "{split:?}");
        assert_eq!((split.total[1], split.aleatoric[1], split.epistemic[1]), (0.0, 0.0, 0.0));
    }

    #[test]
    fn the_variation_ratio_is_the_predicted_chance_of_an_error() {
        let probs = Probabilities::new(vec![0.7, 0.3, 0.0, 1.0], 2).unwrap();
        assert_eq!(variation_ratio(&probs), [1.0 - 0.7, 0.0]);
    }

    #[test]
    fn a_refused_sample_changes_nothing() {
        let mut uncertainty = ClassUncertainty::new(1, 2).unwrap();
        uncertainty.push(&[0.5, 0.5]).unwrap();
        assert!(matches!(uncertainty.push(&[0.5]), Err(MetricError::Length { expected: 2, found: 1, .. })));
        assert!(matches!(uncertainty.push(&[0.9, 0.9]), Err(MetricError::RowSum { row: 0, .. })));
        assert!(matches!(uncertainty.push(&[f64::NAN, 1.0]), Err(MetricError::Probability { class: 0, .. })));
        let variances = uncertainty.variances().unwrap();
        let split = uncertainty.finish().unwrap();
        assert_eq!((split.probabilities.values(), &split.variances), ([0.5, 0.5].as_slice(), &variances));
    }

    #[test]
    fn nothing_gathered_and_nothing_addressable_are_errors() {
        let error = ClassUncertainty::new(3, 2).unwrap().finish().unwrap_err();
        assert_eq!(error, MetricError::Empty { what: "weight samples" });
        assert!(matches!(ClassUncertainty::new(1, 0), Err(MetricError::Setting { name: "classes", .. })));
        assert!(matches!(ClassUncertainty::new(usize::MAX, 2), Err(MetricError::Setting { name: "examples", .. })));
    }
}

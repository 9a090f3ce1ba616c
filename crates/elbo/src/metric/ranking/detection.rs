//! Telling positives from negatives by a score that should be larger for positives: errors or foreign examples by their
//! uncertainty (Hendrycks and Gimpel 2017, section 2).
//!
//! With P positives, N negatives and `tp(t)`, `fp(t)` the numbers of positives and negatives of score at least t:
//!
//! | score | formula |
//! | --- | --- |
//! | AUROC | `Pr(s₊ > s₋) + Pr(s₊ = s₋) / 2` (Mann and Whitney 1947) |
//! | AUPR | `Σ_t (tp(t) - tp(t₊)) / P · tp(t) / (tp(t) + fp(t))` over distinct scores t, `t₊` the next larger: average precision |
//! | FPR at a TPR | `fp(t) / N` at the largest t with `tp(t) / P` of at least that TPR |
//!
//! Thresholds lie between distinct scores, so examples of equal score are taken or left together.

use super::super::lists::{check_level, check_numbers};
use super::super::order::{Ranked, multiplicities};
use super::super::{MetricError, all};

/// Positives and negatives in order of their score: prepared once for all examples and for resamples.
///
/// ```
/// use elbo::metric::{Bootstrap, Detection};
/// let uncertainty = [0.1, 0.2, 0.2, 0.6, 0.9];
/// let wrong = [false, false, true, true, true];
/// let detection = Detection::new(&uncertainty, &wrong)?;
/// assert_eq!(detection.auroc(), (5.0 + 0.5) / 6.0); // one tie
/// let interval = Bootstrap::default().estimate_where_defined(5, |chosen| detection.auroc_of(chosen))?;
/// assert!(interval.is_some());
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Detection {
    ranked: Ranked,
    positives: Vec<bool>,
}

impl Detection {
    /// Scores, infinite ones too, and which examples are positive.
    ///
    /// # Shapes
    /// - `scores`, `positives`: `[B]`
    ///
    /// # Errors
    /// [`MetricError::Length`] or [`MetricError::Empty`] if the lists do not fit or hold no positive or no negative,
    /// [`MetricError::Value`] if a score is not a number.
    pub fn new(scores: &[f64], positives: &[bool]) -> Result<Self, MetricError> {
        let detection = Self::of(scores, positives)?;
        for (what, kind) in [("positive examples", true), ("negative examples", false)] {
            if !positives.contains(&kind) {
                return Err(MetricError::Empty { what });
            }
        }
        Ok(detection)
    }

    /// As [`new`](Self::new), also where all are of one kind and no score is defined.
    pub(in super::super) fn of(scores: &[f64], positives: &[bool]) -> Result<Self, MetricError> {
        check_numbers("scores", scores, scores.len())?;
        if positives.len() != scores.len() {
            return Err(MetricError::Length { what: "positives", expected: scores.len(), found: positives.len() });
        }
        Ok(Self { ranked: Ranked::new(scores), positives: positives.to_vec() })
    }

    /// Area under the curve of true against false positive rate, 0 to 1: ½ for scores that say nothing, 1 if every
    /// positive is above every negative. Swapping positives and negatives gives `1 -` it.
    #[must_use]
    pub fn auroc(&self) -> f64 {
        self.auroc_of(&all(self.ranked.len()))
    }

    /// AUROC of a choice of examples; NaN if it holds no positive or no negative.
    ///
    /// # Panics
    /// If a number is not below the number of examples.
    #[must_use]
    pub fn auroc_of(&self, chosen: &[usize]) -> f64 {
        self.auroc_with(&multiplicities(chosen, self.positives.len()))
    }

    /// AUROC with every example taken so many times.
    pub(in super::super) fn auroc_with(&self, times: &[f64]) -> f64 {
        let (mut pairs, mut positives, mut negatives) = (0.0, 0.0, 0.0);
        for [positive, negative] in self.steps(times) {
            pairs += positive * (negatives + 0.5 * negative);
            positives += positive;
            negatives += negative;
        }
        pairs / (positives * negatives)
    }

    /// Area under the curve of precision against recall as average precision, 0 to 1: about the share of positives for
    /// scores that say nothing.
    #[must_use]
    pub fn aupr(&self) -> f64 {
        self.aupr_of(&all(self.ranked.len()))
    }

    /// Average precision of a choice of examples; NaN if it holds no positive.
    ///
    /// # Panics
    /// If a number is not below the number of examples.
    #[must_use]
    pub fn aupr_of(&self, chosen: &[usize]) -> f64 {
        self.aupr_with(&multiplicities(chosen, self.positives.len()))
    }

    /// Average precision with every example taken so many times.
    pub(in super::super) fn aupr_with(&self, times: &[f64]) -> f64 {
        let (mut area, mut positives, mut negatives) = (0.0, 0.0, 0.0);
        for [positive, negative] in self.steps(times).rev() {
            positives += positive;
            negatives += negative;
            if positive > 0.0 {
                area += positive * positives / (positives + negatives);
            }
        }
        area / positives
    }

    /// Share of the negatives that are taken when at least the share `tpr` of the positives is, 0 to 1; smaller is
    /// better. FPR95 is that at 0.95.
    ///
    /// # Errors
    /// [`MetricError::Setting`] unless `0 < tpr < 1`.
    pub fn fpr_at_tpr(&self, tpr: f64) -> Result<f64, MetricError> {
        check_level("tpr", tpr)?;
        Ok(self.fpr_at_tpr_of(tpr, &all(self.ranked.len())))
    }

    /// The same of a choice of examples; NaN if it holds no positive or no negative.
    ///
    /// # Panics
    /// If a number is not below the number of examples.
    #[must_use]
    pub fn fpr_at_tpr_of(&self, tpr: f64, chosen: &[usize]) -> f64 {
        self.fpr_at_tpr_with(tpr, &multiplicities(chosen, self.positives.len()))
    }

    /// The same with every example taken so many times.
    pub(in super::super) fn fpr_at_tpr_with(&self, tpr: f64, times: &[f64]) -> f64 {
        let steps: Vec<[f64; 2]> = self.steps(times).collect();
        let total = |kind: usize| steps.iter().map(|step| step[kind]).sum::<f64>();
        if total(0) == 0.0 {
            return f64::NAN;
        }
        // 95 % of 60 are 57, whatever the rounding of 0.95.
        let enough = tpr * total(0) - 1e-9;
        let (mut positives, mut negatives) = (0.0, 0.0);
        for [positive, negative] in steps.iter().rev() {
            positives += positive;
            negatives += negative;
            if positives >= enough {
                break;
            }
        }
        negatives / total(1)
    }

    /// How many positives and negatives each distinct score has, smallest score first.
    fn steps<'a>(&'a self, times: &'a [f64]) -> impl DoubleEndedIterator<Item = [f64; 2]> + 'a {
        self.ranked.groups().map(|group| {
            let mut step = [0.0; 2];
            for &i in group {
                step[usize::from(!self.positives[i])] += times[i];
            }
            step
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Descending: 4+, 3-, 2+ 2-, 1-.
        let detection = Detection::new(&[4.0, 3.0, 2.0, 2.0, 1.0], &[true, false, true, false, false]).unwrap();
        assert!((detection.auroc() - (3.0 + 1.0 + 0.5) / 6.0).abs() < 1e-15);
        assert!((detection.aupr() - (0.5 * 1.0 + 0.5 * 2.0 / 4.0)).abs() < 1e-15);
        assert_eq!(detection.fpr_at_tpr(0.5).unwrap(), 0.0);
        assert!((detection.fpr_at_tpr(0.95).unwrap() - 2.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn all_scores_equal_say_nothing() {
        let detection = Detection::new(&[1.0; 4], &[true, false, false, false]).unwrap();
        assert_eq!((detection.auroc(), detection.aupr(), detection.fpr_at_tpr(0.95).unwrap()), (0.5, 0.25, 1.0));
    }

    #[test]
    fn repetitions_count() {
        let detection = Detection::new(&[1.0, 2.0, 3.0], &[false, true, false]).unwrap();
        // -1, +2, +2, -3 -3: pairs 2 of 6.
        assert!((detection.auroc_of(&[0, 1, 1, 2, 2]) - 2.0 / 6.0).abs() < 1e-15);
        assert!(detection.auroc_of(&[0, 2]).is_nan() && detection.auroc_of(&[1]).is_nan());
        assert!(detection.aupr_of(&[0]).is_nan() && detection.fpr_at_tpr_of(0.95, &[0]).is_nan());
        assert!(detection.fpr_at_tpr_of(0.95, &[1]).is_nan());
    }

    #[test]
    fn one_kind_alone_is_an_error() {
        let text = |scores: &[f64], positives: &[bool]| Detection::new(scores, positives).unwrap_err().to_string();
        assert_eq!(text(&[1.0], &[true]), "negative examples: expected at least one example, found none");
        assert_eq!(text(&[1.0], &[false]), "positive examples: expected at least one example, found none");
        assert_eq!(text(&[1.0], &[]), "positives: expected 1 values, found 0");
        assert_eq!(text(&[1.0, f64::NAN], &[true, false]), "scores of example 1: expected a number, found NaN");
        assert!(Detection::new(&[1.0, 2.0], &[true, false]).unwrap().fpr_at_tpr(1.0).is_err());
    }
}

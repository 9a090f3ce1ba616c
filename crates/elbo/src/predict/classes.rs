//! Class probabilities from logits, gathered weight sample by weight sample.

use super::real::Mixture;
use crate::error::Result;
use crate::metric::{ClassUncertainty, Probabilities, ProbabilityIntervals, UncertaintySplit, VarianceSplit};

/// Gathers the predictions of a data set, part by part.
pub(super) struct ClassGatherer {
    classes: usize,
    parts: Vec<ClassUncertainty>,
    intervals: Option<Intervals>,
    probabilities: Vec<f64>,
}

/// What becomes intervals: the probabilities of every part, `[examples, classes]`.
struct Intervals {
    level: f64,
    parts: Vec<Vec<Mixture>>,
}

impl ClassGatherer {
    /// For parts of these numbers of examples; with a level, intervals are made too.
    pub(super) fn new(parts: impl Iterator<Item = usize> + Clone, classes: usize, level: Option<f64>) -> Result<Self> {
        let of_part = |examples: usize| vec![Mixture::default(); examples * classes];
        let intervals = level.map(|level| Intervals { level, parts: parts.clone().map(of_part).collect() });
        let parts = parts.map(|examples| ClassUncertainty::new(examples, classes));
        Ok(Self { classes, parts: parts.collect::<Result<_, _>>()?, intervals, probabilities: Vec::new() })
    }

    /// Gathers the logits of a part under one weight sample.
    pub(super) fn push(&mut self, part: usize, logits: &[f64]) -> Result<()> {
        self.probabilities.clear();
        logits.chunks_exact(self.classes).for_each(|row| softmax(row, &mut self.probabilities));
        if let Some(intervals) = &mut self.intervals {
            let points = intervals.parts[part].iter_mut().zip(&self.probabilities);
            points.for_each(|(points, &p)| points.push_normal(p, 0.0));
        }
        Ok(self.parts[part].push(&self.probabilities)?)
    }

    /// The predictions of all `examples` examples; the parts have these `indices`.
    pub(super) fn finish<'a>(
        self,
        examples: usize,
        indices: impl Iterator<Item = &'a [usize]> + Clone,
    ) -> Result<UncertaintySplit> {
        let intervals = self.intervals.map(|intervals| intervals.finish(examples, indices.clone(), self.classes));
        let (classes, mut probabilities) = (self.classes, vec![0.0; examples * self.classes]);
        let mut lists: [Vec<f64>; 6] = core::array::from_fn(|_| vec![0.0; examples]);
        for (part, indices) in self.parts.into_iter().zip(indices) {
            let split = part.finish()?;
            let VarianceSplit { total, aleatoric, epistemic } = split.variances;
            let entropies = [split.predictive_entropy, split.expected_entropy, split.mutual_information];
            let parts = entropies.into_iter().chain([total, aleatoric, epistemic]);
            for (row, &i) in indices.iter().enumerate() {
                probabilities[i * classes..(i + 1) * classes].copy_from_slice(split.probabilities.row(row));
            }
            for (list, part) in lists.iter_mut().zip(parts) {
                indices.iter().zip(part).for_each(|(&i, value)| list[i] = value);
            }
        }
        let [predictive_entropy, expected_entropy, mutual_information, total, aleatoric, epistemic] = lists;
        let probabilities = Probabilities::new(probabilities, classes)?;
        let variances = VarianceSplit { total, aleatoric, epistemic };
        Ok(UncertaintySplit {
            probabilities,
            predictive_entropy,
            expected_entropy,
            mutual_information,
            variances,
            intervals,
        })
    }
}

impl Intervals {
    /// The intervals of all `examples` examples; the parts have these `indices`.
    fn finish<'a>(
        self,
        examples: usize,
        indices: impl Iterator<Item = &'a [usize]>,
        classes: usize,
    ) -> ProbabilityIntervals {
        let (mut low, mut high) = (vec![0.0; examples * classes], vec![0.0; examples * classes]);
        for (part, indices) in self.parts.into_iter().zip(indices) {
            for (points, &i) in part.chunks_exact(classes).zip(indices) {
                for (class, points) in points.iter().enumerate() {
                    let at = i * classes + class;
                    (low[at], high[at]) = points.credible_interval(self.level);
                }
            }
        }
        ProbabilityIntervals { level: self.level, low, high }
    }
}

/// `e^{z_k - max z} / Σ_j e^{z_j - max z}`, appended to `out`.
fn softmax(logits: &[f64], out: &mut Vec<f64>) {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let start = out.len();
    out.extend(logits.iter().map(|z| (z - largest).exp()));
    let total: f64 = out[start..].iter().sum();
    out[start..].iter_mut().for_each(|p| *p /= total);
}

#[cfg(test)]
mod tests {
    use super::softmax;

    #[test]
    fn softmax_neither_overflows_nor_vanishes() {
        let mut out = Vec::new();
        softmax(&[1000.0, 1000.0], &mut out);
        softmax(&[-1000.0, 0.0], &mut out);
        assert_eq!(out[..2], [0.5, 0.5]);
        assert!(out[2] >= 0.0 && (out[3] - 1.0).abs() < 1e-15);
    }
}

//! Class probabilities from logits, gathered weight sample by weight sample.

use crate::error::Result;
use crate::metric::{ClassUncertainty, Probabilities, UncertaintySplit, VarianceSplit};

/// Gathers the predictions of a data set, part by part.
pub(super) struct ClassGatherer {
    classes: usize,
    parts: Vec<ClassUncertainty>,
    probabilities: Vec<f64>,
}

impl ClassGatherer {
    /// For parts of these numbers of examples.
    pub(super) fn new(parts: impl IntoIterator<Item = usize>, classes: usize) -> Result<Self> {
        let parts = parts.into_iter().map(|examples| ClassUncertainty::new(examples, classes));
        Ok(Self { classes, parts: parts.collect::<Result<_, _>>()?, probabilities: Vec::new() })
    }

    /// Gathers the logits of a part under one weight sample.
    pub(super) fn push(&mut self, part: usize, logits: &[f64]) -> Result<()> {
        self.probabilities.clear();
        logits.chunks_exact(self.classes).for_each(|row| softmax(row, &mut self.probabilities));
        Ok(self.parts[part].push(&self.probabilities)?)
    }

    /// The predictions of all `examples` examples; the parts have these `indices`.
    pub(super) fn finish<'a>(
        self,
        examples: usize,
        indices: impl IntoIterator<Item = &'a [usize]>,
    ) -> Result<UncertaintySplit> {
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
        Ok(UncertaintySplit { probabilities, predictive_entropy, expected_entropy, mutual_information, variances })
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

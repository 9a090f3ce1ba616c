//! Class probabilities from logits, gathered weight sample by weight sample.

use crate::error::Result;
use crate::metric::{ClassUncertainty, Probabilities, UncertaintySplit};

/// Gathers the predictions of a data set, batch by batch.
pub(super) struct ClassGatherer {
    classes: usize,
    probabilities: Vec<f64>,
    predictive_entropy: Vec<f64>,
    expected_entropy: Vec<f64>,
    mutual_information: Vec<f64>,
}

impl ClassGatherer {
    pub(super) fn new(examples: usize, classes: usize) -> Self {
        let zeros = || vec![0.0; examples];
        Self {
            classes,
            probabilities: vec![0.0; examples * classes],
            predictive_entropy: zeros(),
            expected_entropy: zeros(),
            mutual_information: zeros(),
        }
    }

    /// Gathers the examples `indices`; `run` hands over their logits under every weight sample.
    pub(super) fn batch(
        &mut self,
        indices: &[usize],
        run: impl FnOnce(&mut dyn FnMut(&[f64]) -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        let classes = self.classes;
        let mut uncertainty = ClassUncertainty::new(indices.len(), classes)?;
        let mut probabilities = Vec::new();
        run(&mut |logits| {
            probabilities.clear();
            logits.chunks_exact(classes).for_each(|row| softmax(row, &mut probabilities));
            Ok(uncertainty.push(&probabilities)?)
        })?;
        let split = uncertainty.finish()?;
        for (row, &i) in indices.iter().enumerate() {
            self.probabilities[i * classes..(i + 1) * classes].copy_from_slice(split.probabilities.row(row));
            self.predictive_entropy[i] = split.predictive_entropy[row];
            self.expected_entropy[i] = split.expected_entropy[row];
            self.mutual_information[i] = split.mutual_information[row];
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<UncertaintySplit> {
        Ok(UncertaintySplit {
            probabilities: Probabilities::new(self.probabilities, self.classes)?,
            predictive_entropy: self.predictive_entropy,
            expected_entropy: self.expected_entropy,
            mutual_information: self.mutual_information,
        })
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

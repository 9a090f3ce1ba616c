//! Passes over parts of the examples under groups of weight samples, on all threads.

use super::chunks::{Chunks, pieces};
use crate::error::{Error, Result};
use crate::noise::Kept;
use crate::trace::Trace;
use burn::tensor::Tensor;
use rayon::prelude::*;
use std::ops::Range;

/// The outputs of a group of weight samples: for every part of the examples `[samples, rows, outputs]`, row-major.
type Outputs = Vec<Vec<f64>>;

/// Passes over the examples `parts` under `samples` weight samples.
pub(super) struct Passes<'a, T, F> {
    /// The numbers of each part's examples.
    pub(super) parts: &'a [Range<usize>],
    pub(super) samples: usize,
    pub(super) chunks: Chunks,
    /// A pass that draws these weight samples.
    pub(super) trace: T,
    /// The outputs of a part `[S rows, outputs]`.
    pub(super) forward: F,
}

impl<T, F> Passes<'_, T, F>
where
    T: Fn(Range<u64>) -> Trace + Sync,
    F: Fn(usize, &mut Trace) -> Result<Tensor<2>> + Sync,
{
    /// Hands over the outputs of every part under every weight sample, `[rows, outputs]`: of each part in the order of the
    /// weight samples.
    pub(super) fn for_each(&self, mut each: impl FnMut(usize, &[f64]) -> Result<()>) -> Result<()> {
        let groups: Vec<Range<usize>> = pieces(self.samples, self.chunks.samples).collect();
        for groups in groups.chunks(self.chunks.at_once) {
            let outputs: Vec<Result<Outputs>> =
                groups.par_iter().with_max_len(1).map(|samples| self.group(samples)).collect();
            for (samples, outputs) in groups.iter().zip(outputs) {
                for (part, values) in outputs?.iter().enumerate() {
                    let size = values.len() / samples.len();
                    (0..samples.len()).try_for_each(|s| each(part, &values[s * size..(s + 1) * size]))?;
                }
            }
        }
        Ok(())
    }

    /// All parts under the same weights: the first draws them for the others.
    fn group(&self, samples: &Range<usize>) -> Result<Outputs> {
        let kept = Kept::default();
        let (first, others) = match self.parts.len() {
            0 => return Ok(vec![]),
            parts => (self.pass(0, samples, &kept)?, 1..parts),
        };
        let others = others.into_par_iter().with_max_len(1).map(|part| self.pass(part, samples, &kept));
        let others: Result<Outputs> = others.collect();
        Ok([vec![first], others?].concat())
    }

    /// One pass.
    fn pass(&self, part: usize, samples: &Range<usize>, kept: &Kept) -> Result<Vec<f64>> {
        let rows = &self.parts[part];
        let trace = (self.trace)(samples.start as u64..samples.end as u64);
        let mut trace = trace.with_first_example(rows.start);
        if self.parts.len() > 1 {
            trace = trace.keeping(kept.clone());
        }
        values((self.forward)(part, &mut trace)?, rows.len(), samples.len())
    }
}

/// The numbers of outputs with `rows` rows for each of `samples` weight samples.
pub(super) fn values(outputs: Tensor<2>, rows: usize, samples: usize) -> Result<Vec<f64>> {
    let [found, _] = outputs.dims();
    if found != rows * samples {
        let expected = format!("{rows} rows for each of {samples} weight samples");
        let found = found.to_string();
        return Err(Error::Input { layer: "network".into(), what: "output", expected, found });
    }
    let values: Vec<f64> = outputs.into_data().iter::<f64>().collect();
    match values.iter().find(|value| !value.is_finite()) {
        Some(&value) => Err(Error::OutputNotFinite { value }),
        None => Ok(values),
    }
}

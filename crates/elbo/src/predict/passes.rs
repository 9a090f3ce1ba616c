//! Passes over parts of the examples under groups of weight samples, on all threads.

use super::chunks::{Chunks, pieces};
use crate::error::{Error, Result};
use crate::noise::Kept;
use crate::threads;
use crate::trace::Trace;
use burn::tensor::Tensor;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

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
            // Threads share the groups if there are enough of them, else the parts of each.
            let shared = groups.len() >= threads::count();
            let outputs = match shared {
                true => in_lanes(threads::count(), groups, |samples| self.group(samples, false)),
                false => groups.iter().map(|samples| self.group(samples, true)).collect(),
            };
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
    fn group(&self, samples: &Range<usize>, share: bool) -> Result<Outputs> {
        let kept = Kept::default();
        let numbers: Vec<usize> = (0..self.parts.len()).collect();
        let Some((&first, others)) = numbers.split_first() else { return Ok(vec![]) };
        let run = |&part: &usize| self.pass(part, samples, &kept);
        let first = run(&first);
        let others = if share { in_lanes(threads::count(), others, run) } else { others.iter().map(run).collect() };
        core::iter::once(first).chain(others).collect()
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

/// `f` of every item, in their order, of at most `lanes` at a time: a lane that is done with one takes the next.
///
/// A lane is a task of the pool: one that no thread has begun when the others are done is left with nothing to do, so that
/// a thread that is busy elsewhere holds nobody up. A thread that waits for a part of an operation may begin another lane
/// meanwhile, but a lane has no second item in memory.
fn in_lanes<I: Sync, T: Send>(lanes: usize, items: &[I], f: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let lanes = lanes.min(items.len()).min(threads::count());
    if lanes < 2 {
        return items.iter().map(f).collect();
    }
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(items.len())));
    let lane = || {
        let take = || {
            let number = next.fetch_add(1, Ordering::Relaxed);
            items.get(number).map(|item| (number, f(item)))
        };
        let own: Vec<(usize, T)> = core::iter::from_fn(take).collect();
        done.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
    };
    rayon::scope(|scope| (0..lanes).for_each(|_| scope.spawn(|_| lane())));
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn lanes_keep_the_order_and_are_as_many_as_threads() {
        let items: Vec<usize> = (0..500).collect();
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let run = |&item: &usize| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Parts of an operation: a thread that waits for them may begin another lane, but no item more.
                let parts = rayon::join(|| std::hint::black_box(item), || std::hint::black_box(item));
                now.fetch_sub(1, Ordering::SeqCst);
                parts.0 + parts.1
            };
            for lanes in [1, 2, 3, 500] {
                most.store(0, Ordering::SeqCst);
                let found = pool.install(|| in_lanes(lanes, &items, run));
                assert_eq!(found, items.iter().map(|item| 2 * item).collect::<Vec<_>>());
                assert!((1..=threads.min(lanes)).contains(&most.load(Ordering::SeqCst)));
            }
        }
    }

    /// A thread of the pool that is busy with something else, even something that waits for the caller, holds nobody up.
    #[test]
    fn a_busy_thread_is_not_waited_for() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let (begun, wait_for_begin) = mpsc::channel();
        let (release, wait_for_release) = mpsc::channel::<()>();
        pool.spawn(move || {
            begun.send(()).unwrap();
            wait_for_release.recv().unwrap();
        });
        wait_for_begin.recv().unwrap();
        let (done, wait_for_done) = mpsc::channel();
        pool.spawn(move || done.send(in_lanes(2, &[1, 2, 3], |item| 2 * item)).unwrap());
        let found = wait_for_done.recv_timeout(Duration::from_secs(20));
        release.send(()).unwrap();
        assert_eq!(found.unwrap(), [2, 4, 6]);
    }

    /// An error of any item is the result's.
    #[test]
    fn errors_come_through() {
        let run = |&item: &usize| if item == 7 { Err(Error::OutputNotFinite { value: f64::NAN }) } else { Ok(item) };
        let results = in_lanes(3, &(0..20).collect::<Vec<_>>(), run);
        assert!(results.into_iter().collect::<Result<Vec<_>>>().is_err());
    }
}

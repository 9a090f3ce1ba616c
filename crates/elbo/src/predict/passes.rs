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
        for groups in groups.chunks(self.chunks.groups) {
            // Threads share the groups or the parts of each: what keeps more of them busy.
            let lanes = groups.len().min(threads::count());
            if lanes > 1 && lanes >= self.chunks.parts {
                let outputs = in_lanes(lanes, groups, |samples| self.group(samples));
                for (samples, outputs) in groups.iter().zip(outputs) {
                    let mut parts = outputs?.into_iter().enumerate();
                    parts.try_for_each(|(part, values)| hand_over(part, &values, samples, &mut each))?;
                }
            } else {
                groups.iter().try_for_each(|samples| self.by_parts(samples, &mut each))?;
            }
        }
        Ok(())
    }

    /// All parts under the same weights, on one thread: the first draws them for the others.
    fn group(&self, samples: &Range<usize>) -> Result<Outputs> {
        let kept = Kept::default();
        (0..self.parts.len()).map(|part| self.pass(part, samples, &kept)).collect()
    }

    /// All parts under the same weights, on all threads: the first draws them for the others.
    fn by_parts(&self, samples: &Range<usize>, each: &mut impl FnMut(usize, &[f64]) -> Result<()>) -> Result<()> {
        let kept = Kept::default();
        let numbers: Vec<usize> = (0..self.parts.len()).collect();
        let Some((first, others)) = numbers.split_first() else { return Ok(()) };
        let run = |&part: &usize| self.pass(part, samples, &kept);
        hand_over(*first, &run(first)?, samples, each)?;
        for parts in others.chunks(self.chunks.waiting) {
            let outputs = in_lanes(self.chunks.parts, parts, run);
            let mut outputs = parts.iter().zip(outputs);
            outputs.try_for_each(|(&part, values)| hand_over(part, &values?, samples, each))?;
        }
        Ok(())
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

/// The outputs of a part, one weight sample after the other.
fn hand_over(
    part: usize,
    values: &[f64],
    samples: &Range<usize>,
    each: &mut impl FnMut(usize, &[f64]) -> Result<()>,
) -> Result<()> {
    let size = values.len() / samples.len();
    (0..samples.len()).try_for_each(|s| each(part, &values[s * size..(s + 1) * size]))
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
    use burn::tensor::Device;
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
        // Nobody listens any more where the wait below has failed.
        pool.spawn(move || done.send(in_lanes(2, &[1, 2, 3], |item| 2 * item)).unwrap_or_default());
        let found = wait_for_done.recv_timeout(Duration::from_secs(20));
        release.send(()).unwrap();
        assert_eq!(found.unwrap(), [2, 4, 6]);
    }

    /// Whatever the number of threads, there are no more passes at once and no more waiting outputs than the budget has
    /// room for, and what is handed over is the same.
    #[test]
    fn passes_at_once_and_waiting_outputs_fit_the_budget() {
        const ROWS: usize = 4;
        let ranges: Vec<Range<usize>> = pieces(30 * ROWS, ROWS).collect();
        let chunks = |groups, parts| Chunks { examples: ROWS, samples: 1, groups, parts, waiting: 5 };
        let mut handed = Vec::new();
        for (threads, groups, parts) in [(1, 1, 1), (2, 1, 2), (8, 1, 3), (8, 2, 3), (2, 2, 2)] {
            let chunks = chunks(groups, parts);
            let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let (waiting, most_waiting) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let forward = |part: usize, _: &mut Trace| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(1));
                now.fetch_sub(1, Ordering::SeqCst);
                most_waiting.fetch_max(waiting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                Ok(Tensor::<2>::ones([ROWS, 2], &Device::flex()).mul_scalar(f64::from(u32::try_from(part).unwrap())))
            };
            let trace = |_| Trace::mean();
            let passes = Passes { parts: &ranges, samples: 4, chunks, trace, forward };
            let mut outputs = Vec::new();
            let each = |part: usize, values: &[f64]| {
                waiting.fetch_sub(1, Ordering::SeqCst);
                outputs.push((part, values.to_vec()));
                Ok(())
            };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| passes.for_each(each)).unwrap();
            // Two threads share two groups.
            let (lanes, room) = if (groups, parts) == (2, 2) { (2, 2 * 30) } else { (parts, 5) };
            assert!(most.into_inner() <= lanes, "{threads} threads, {chunks:?}");
            assert!(most_waiting.into_inner() <= room, "{threads} threads, {chunks:?}");
            assert_eq!(outputs.len(), 4 * 30);
            handed.push(outputs);
        }
        assert!(handed.iter().all(|outputs| *outputs == handed[0]));
    }

    /// An error of any item is the result's.
    #[test]
    fn errors_come_through() {
        let run = |&item: &usize| if item == 7 { Err(Error::OutputNotFinite { value: f64::NAN }) } else { Ok(item) };
        let results = in_lanes(3, &(0..20).collect::<Vec<_>>(), run);
        assert!(results.into_iter().collect::<Result<Vec<_>>>().is_err());
    }
}

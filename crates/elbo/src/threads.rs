//! The threads that everything runs on.
//!
//! There is one pool for the whole process: the products, noise and reductions of the CPU backend, those of Burn, passes
//! of a prediction and bootstrap samples share it, so threads are never more than asked for. It starts with the first
//! work that is worth a second thread, with as many threads as the machine has cores (or the environment variable
//! `RAYON_NUM_THREADS` says), unless [`start`] has been called before. Small work stays on the thread that asks for it.
//!
//! **No result depends on the number of threads.** Work is cut in the same places for any number, and sums are added up
//! in a fixed order: a training run gives bit-identical parameters and predictions on 1, 2 or 8 threads. This is always
//! so and costs nothing; there is no faster setting without it. (What a program adds of its own with Burn's `sum` over
//! more than four million elements is not covered: Burn adds such a sum's parts as they come.)
//!
//! **Backward passes that share weights are not for tasks of the pool** (`par_iter().map(|batch| loss(batch).backward())`).
//! Burn locks a graph while it is differentiated, and a thread that waits there for a part of an operation begins other
//! tasks meanwhile: one that needs the same graph never gets it. Threads of your own that share weights
//! can wait for each other too: Burn 0.22 takes the locks of a graph and of the list of graphs in one order going back and in
//! the other when it records. Run such passes one after the other, each of which uses all
//! threads. Predictions, which have no backward pass, can be tasks.
//!
//! Between machines of different instruction sets, or builds against different mathematical libraries, the last bits of
//! products, exponentials and logarithms can differ; noise does not.

use crate::error::{Error, Result};
use std::error::Error as _;

/// The most threads that a pool can have.
pub const MAX_THREADS: usize = 1024;

/// Starts the pool with `count` threads. Call it before anything else that computes.
///
/// ```
/// elbo::threads::start(2)?;
/// assert_eq!(elbo::threads::count(), 2);
/// assert!(elbo::threads::start(3).is_err(), "there are two already");
/// # Ok::<(), elbo::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidArgument`] for 0 or more than [`MAX_THREADS`]; [`Error::Threads`] if there is a pool of another size
/// already, or the system refuses.
pub fn start(count: usize) -> Result<()> {
    if !(1..=MAX_THREADS).contains(&count) {
        return Err(Error::argument("threads", "count", format!("between 1 and {MAX_THREADS}"), count));
    }
    let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(count).build_global() else { return Ok(()) };
    if let Some(source) = error.source() {
        return Err(Error::Threads { expected: count, reason: source.to_string() });
    }
    match of_process() {
        found if found == count => Ok(()),
        found => Err(Error::Threads { expected: count, reason: format!("the pool has {found} already") }),
    }
}

/// The number of threads of the pool that the caller's work runs on: the process's, unless a program has made others.
#[must_use]
pub fn count() -> usize {
    rayon::current_num_threads()
}

/// The size of the pool of the whole process, from within whatever other pool.
fn of_process() -> usize {
    std::thread::spawn(count).join().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_a_size_that_can_be_had() {
        for (count, found) in [(0, "0"), (MAX_THREADS + 1, "1025")] {
            let message = format!("threads: `count` must be between 1 and 1024, found {found}");
            assert_eq!(start(count).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn there_is_one_pool() {
        let there = of_process();
        start(there).unwrap();
        let message = format!("cannot work on {} threads: the pool has {there} already", there + 1);
        assert_eq!(start(there + 1).unwrap_err().to_string(), message);
        // Within another pool the question is still about the one of the process.
        let other = rayon::ThreadPoolBuilder::new().num_threads(there + 2).build().unwrap();
        other.install(|| {
            assert_eq!(count(), there + 2);
            start(there).unwrap();
            assert!(start(there + 2).is_err());
        });
    }
}

//! New arrays, written once and in whole, in parallel where that pays.
//!
//! Work is always cut in the same places, so no result depends on the number of threads.

use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Elements that are worked on at once: a few buffers of that size fit into the first-level cache.
pub(crate) const BLOCK: usize = 1024;

/// Elements of a task for one thread, of one row.
pub(crate) const TASK: usize = 8 * BLOCK;

/// Rows of a task.
const ROWS: usize = 16;

/// Up to this many elements, waking another thread costs more than it saves.
pub(crate) const ALONE: usize = 1 << 15;

/// `[rows, n]`, row-major, block by block: `begin(first, len)` prepares the elements `first .. first + len` of all
/// rows, then `write(prepared, row, first, block)` gives those of one row.
///
/// # Panics
/// If the array does not fit into memory.
pub(crate) fn built<T: Copy + Default + Send + Sync, P>(
    rows: usize,
    n: usize,
    begin: impl Fn(usize, usize) -> P + Sync,
    write: impl Fn(&P, usize, usize, &mut [T]) + Sync,
) -> Vec<T> {
    let all = rows.checked_mul(n).expect("the draws of all samples fit into memory");
    let mut out = Vec::with_capacity(all);
    let tasks = cut(&mut out.spare_capacity_mut()[..all], n);
    for_each(all, tasks, |task| task.run(&begin, &write));
    // SAFETY: `cut` hands every one of the `all` elements to exactly one task, and `Task::run` writes all it is given
    // or panics, in which case this is not reached.
    unsafe { out.set_len(all) };
    out
}

/// Runs `f` on every task, on several threads if there are more than [`ALONE`] elements.
pub(crate) fn for_each<I: Send>(elements: usize, tasks: Vec<I>, f: impl Fn(I) + Sync + Send) {
    if elements <= ALONE {
        tasks.into_iter().for_each(f);
    } else {
        tasks.into_par_iter().for_each(f);
    }
}

/// Elements `first ..` of the rows `row ..` of an array that is not there yet.
struct Task<'a, T> {
    row: usize,
    first: usize,
    parts: Vec<&'a mut [MaybeUninit<T>]>,
}

impl<T: Copy + Default> Task<'_, T> {
    fn run<P>(self, begin: impl Fn(usize, usize) -> P, write: impl Fn(&P, usize, usize, &mut [T])) {
        let Self { row, first, mut parts } = self;
        let len = parts.first().map_or(0, |part| part.len());
        let mut buffer = [T::default(); BLOCK];
        for at in (0..len).step_by(BLOCK) {
            let block = &mut buffer[..BLOCK.min(len - at)];
            let prepared = begin(first + at, block.len());
            for (row, part) in (row..).zip(&mut parts) {
                write(&prepared, row, first + at, block);
                part[at..at + block.len()].write_copy_of_slice(block);
            }
        }
    }
}

/// Cuts `[rows, n]` into tasks.
fn cut<T>(out: &mut [MaybeUninit<T>], n: usize) -> Vec<Task<'_, T>> {
    let mut tasks = vec![];
    if n == 0 {
        return tasks;
    }
    for (group, rows) in out.chunks_mut(n.saturating_mul(ROWS)).enumerate() {
        let mut rows: Vec<_> = rows.chunks_mut(n).map(|row| row.chunks_mut(TASK)).collect();
        for first in (0..n).step_by(TASK) {
            let parts = rows.iter_mut().filter_map(Iterator::next).collect();
            tasks.push(Task { row: group * ROWS, first, parts });
        }
    }
    tasks
}

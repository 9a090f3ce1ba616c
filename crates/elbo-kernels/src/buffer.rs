//! New arrays, written once and in whole, in parallel where that pays.
//!
//! Work is always cut in the same places, so no result depends on the number of threads.

use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Elements that are worked on at once: a few buffers of that size fit into the first-level cache.
pub(crate) const BLOCK: usize = if cfg!(miri) { 32 } else { 1024 };

/// Elements of a task for one thread, of one row.
pub(crate) const TASK: usize = 4 * BLOCK;

/// Rows of a task.
const ROWS: usize = 16;

/// Up to this many elements, waking another thread costs more than it saves.
pub(crate) const ALONE: usize = if cfg!(miri) { 64 } else { 1 << 15 };

/// `[rows, n]`, row-major, block by block: `begin(part)` prepares these elements of all rows, then `write(prepared, row, first, block)` gives those of one row.
///
/// # Panics
/// If the array does not fit into memory.
pub(crate) fn built<T: Copy + Default + Send + Sync, P>(
    rows: usize,
    n: usize,
    begin: impl Fn(Range<usize>) -> P + Sync,
    write: impl Fn(&P, usize, usize, &mut [T]) + Sync,
) -> Vec<T> {
    let all = rows.checked_mul(n).expect("the draws of all samples fit into memory");
    let mut out = Vec::with_capacity(all);
    let tasks = cut(&mut out.spare_capacity_mut()[..all], n);
    let run = |task: Task<'_, T>| task.run(&begin, &write);
    match all > ALONE {
        true => tasks.into_par_iter().for_each(run),
        false => tasks.into_iter().for_each(run),
    }
    // SAFETY: `cut` hands every one of the `all` elements to a task, and `Task::run` writes zeros at least to all it is
    // given or panics, in which case this is not reached.
    unsafe { out.set_len(all) };
    out
}

/// `COUNT` arrays `[n]`, block by block: `write(part, blocks)` gives these elements of all arrays and one more thing. Those are returned in the order of the blocks. `reads` is how many elements are read for one that is written.
pub(crate) fn pass<R: Send, const COUNT: usize>(
    n: usize,
    reads: usize,
    write: impl Fn(Range<usize>, [&mut [f32]; COUNT]) -> R + Sync,
) -> ([Vec<f32>; COUNT], Vec<R>) {
    let mut out: [Vec<f32>; COUNT] = core::array::from_fn(|_| Vec::with_capacity(n));
    let mut parts = out.each_mut().map(|array| array.spare_capacity_mut()[..n].chunks_mut(BLOCK));
    let tasks: Vec<_> = (0..n)
        .step_by(BLOCK)
        .map(|first| (first, parts.each_mut().map(|parts| parts.next().expect("as many parts as blocks"))))
        .collect();
    let run = |(first, parts): (usize, [&mut [MaybeUninit<f32>]; COUNT])| {
        let len = BLOCK.min(n - first);
        write(first..first + len, parts.map(zeroed))
    };
    let results = match n.saturating_mul(reads) > ALONE {
        true => tasks.into_par_iter().with_min_len(TASK / BLOCK).map(run).collect(),
        false => tasks.into_iter().map(run).collect(),
    };
    for array in &mut out {
        // SAFETY: the blocks cover `0 .. n`, each was one task, and a task writes zeros at least to its part of every array
        // or panics, in which case this is not reached.
        unsafe { array.set_len(n) };
    }
    (out, results)
}

/// A block that holds zeros: cheap while it stays in the cache for what comes next.
pub(crate) fn zeroed<T: Copy + Default>(block: &mut [MaybeUninit<T>]) -> &mut [T] {
    for element in &mut *block {
        element.write(T::default());
    }
    // SAFETY: the loop has written every element.
    unsafe { block.assume_init_mut() }
}

/// Elements `first ..` of the rows `row ..` of an array that is not there yet.
struct Task<'a, T> {
    row: usize,
    first: usize,
    parts: Vec<&'a mut [MaybeUninit<T>]>,
}

impl<T: Copy + Default> Task<'_, T> {
    fn run<P>(self, begin: impl Fn(Range<usize>) -> P, write: impl Fn(&P, usize, usize, &mut [T])) {
        let Self { row, first, mut parts } = self;
        let len = parts.first().map_or(0, |part| part.len());
        for at in (0..len).step_by(BLOCK) {
            let part = at..len.min(at + BLOCK);
            let prepared = begin(first + part.start..first + part.end);
            for (row, out) in (row..).zip(&mut parts) {
                write(&prepared, row, first + at, zeroed(&mut out[part.clone()]));
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

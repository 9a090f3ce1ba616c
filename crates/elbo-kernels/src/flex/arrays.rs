//! Work in pieces over a new array.

use core::mem::MaybeUninit;
use rayon::prelude::*;

/// Multiply-adds below which a second thread costs more than it saves.
const SERIAL: usize = if cfg!(miri) { 1 << 8 } else { 1 << 18 };

/// Tasks that are enough to keep a machine busy.
pub const TASKS: usize = 16;

/// Calls `f` for every item, on one thread if the `work` of all is small. What `f` does must not depend on the order.
pub fn each<I: Send>(items: Vec<I>, work: usize, f: impl Fn(I) + Sync + Send) {
    if work < SERIAL { items.into_iter().for_each(f) } else { items.into_par_iter().with_max_len(1).for_each(f) }
}

/// Calls `f` for every piece of `piece` elements, the last of which may be shorter.
pub fn pieces<T: Send>(values: &mut [T], piece: usize, work: usize, f: impl Fn(usize, &mut [T]) + Sync + Send) {
    let piece = piece.max(1);
    if work < SERIAL || values.len() <= piece {
        values.chunks_mut(piece).enumerate().for_each(|(i, piece)| f(i, piece));
    } else {
        values.par_chunks_mut(piece).enumerate().with_max_len(1).for_each(|(i, piece)| f(i, piece));
    }
}

/// A new array of `len` elements, written in pieces: every run of `outer` elements is cut into pieces of `piece`, the
/// last of which may be shorter. `f` gets the number of the run, the piece's first element in it, and the piece.
///
/// # Safety
/// `f` writes every element of the piece it is given.
pub unsafe fn written<T: Send>(
    len: usize,
    [outer, piece]: [usize; 2],
    work: usize,
    f: impl Fn(usize, usize, &mut [MaybeUninit<T>]) + Sync + Send,
) -> Vec<T> {
    let mut values = Vec::with_capacity(len);
    let runs = values.spare_capacity_mut()[..len].chunks_mut(outer.max(1)).enumerate();
    let pieces = runs.flat_map(|(run, values)| {
        values.chunks_mut(piece.max(1)).enumerate().map(move |(i, values)| (run, i * piece, values))
    });
    each(pieces.collect(), work, |(run, at, values)| f(run, at, values));
    // SAFETY: the pieces cover `len` elements, all of which are written.
    unsafe { values.set_len(len) };
    values
}

/// How many of `count` things of `work` each are one task: enough to be worth it, and, where there is a choice, few
/// enough for [`TASKS`] tasks.
pub fn grain(count: usize, work: usize) -> usize {
    let worth = |least: usize| least.div_ceil(work.max(1));
    count.div_ceil(TASKS).clamp(worth(SERIAL / 2), worth(SERIAL * 4)).clamp(1, count.max(1))
}

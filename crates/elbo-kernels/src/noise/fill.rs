//! Blocks of a stream into arrays, in parallel; the values do not depend on how the work is cut.

use super::{Draws, Stream};
use rayon::prelude::*;

/// Elements per parallel task: a multiple of every block size, large enough to pay for waking a thread.
pub(super) const TASK: usize = 1 << 15;

/// `[samples, n]` from blocks of `LANES` values, starting after the elements that `draws` skips.
pub(super) fn fill<T: Copy + Send + Sync, const LANES: usize>(
    draws: Draws,
    n: usize,
    zero: T,
    block: impl Fn([u32; 4]) -> [T; LANES] + Sync,
) -> Vec<T> {
    let all = draws.samples.checked_mul(n).expect("the draws of all samples fit into memory");
    let mut out = vec![zero; all];
    if n == 0 {
        return out;
    }
    for (sample, row) in out.chunks_exact_mut(n).enumerate() {
        let draw = draws.first + sample as u64;
        let task = |number: usize, part: &mut [T]| {
            fill_task(draws.stream, draw, draws.skipped + (number * TASK) as u64, part, &block);
        };
        if n <= TASK {
            task(0, row);
        } else {
            row.par_chunks_mut(TASK).enumerate().for_each(|(number, part)| task(number, part));
        }
    }
    out
}

/// Elements `first..` of a draw.
fn fill_task<T: Copy, const LANES: usize>(
    stream: Stream,
    draw: u64,
    first: u64,
    out: &mut [T],
    block: &impl Fn([u32; 4]) -> [T; LANES],
) {
    let lanes = LANES as u64;
    // What is left of a block that begins before `first`, then whole blocks.
    let offset = usize::try_from(first % lanes).expect("less than the lanes");
    let head = if offset == 0 { 0 } else { (LANES - offset).min(out.len()) };
    let (head, body) = out.split_at_mut(head);
    if !head.is_empty() {
        head.copy_from_slice(&block(stream.block(draw, first / lanes))[offset..offset + head.len()]);
    }
    for (number, chunk) in (first.div_ceil(lanes)..).zip(body.chunks_mut(LANES)) {
        let values = block(stream.block(draw, number));
        chunk.copy_from_slice(&values[..chunk.len()]);
    }
}

//! Blocks of a stream into arrays, many counters at once; the values do not depend on how the work is cut.

use super::{Draws, Stream, philox, words};
use crate::buffer::built;

/// `[samples, n]`: `run(stream, draw, first, part)` writes the elements `first ..` of one draw.
pub(super) fn fill<T: Copy + Default + Send + Sync>(
    draws: Draws,
    n: usize,
    run: impl Fn(Stream, u64, u64, &mut [T]) + Sync,
) -> Vec<T> {
    let Draws { stream, first, samples, skipped } = draws;
    built(samples, n, |_| (), |(), sample, at, part| run(stream, first + sample as u64, skipped + at as u64, part))
}

/// A kind of noise: how the words of `COUNTERS` blocks become `ELEMENTS` values.
///
/// A trait and not a closure, since only what is `#[inline(always)]` is surely compiled for its caller's instructions.
pub(super) trait Transform<const COUNTERS: usize, const ELEMENTS: usize> {
    type Value: Copy + Default;

    /// Values from words: word w of block i is `words[w][i]`.
    fn values(words: &[[u32; COUNTERS]; 4], out: &mut [Self::Value; ELEMENTS]);
}

/// Elements `first ..` of a draw into `out`.
#[inline(always)]
pub(super) fn run<K: Transform<COUNTERS, ELEMENTS>, const COUNTERS: usize, const ELEMENTS: usize>(
    stream: Stream,
    draw: u64,
    first: u64,
    out: &mut [K::Value],
) {
    let lanes = ELEMENTS / COUNTERS;
    let mut batch = [K::Value::default(); ELEMENTS];
    let mut at = 0;
    while at < out.len() {
        let element = first + at as u64;
        #[allow(clippy::cast_possible_truncation)] // less than the lanes
        let inside = (element % lanes as u64) as usize;
        K::values(&blocks(stream, draw, element / lanes as u64), &mut batch);
        // A batch may begin before `first` and end after the last element.
        let len = (ELEMENTS - inside).min(out.len() - at);
        out[at..at + len].copy_from_slice(&batch[inside..inside + len]);
        at += len;
    }
}

/// The words of consecutive blocks: word w of block i is `[w][i]`.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // a few counters
fn blocks<const COUNTERS: usize>(stream: Stream, draw: u64, first: u64) -> [[u32; COUNTERS]; 4] {
    let mut out = [[0; COUNTERS]; 4];
    let [low, ..] = words(first);
    if low.checked_add(COUNTERS as u32).is_none() {
        across(stream, draw, first, &mut out);
        return out;
    }
    let ([_, c1, c2, c3], key) = (stream.counter(draw, first), words(stream.seed));
    let [mut a, mut b, mut c, mut d] = out;
    for i in 0..COUNTERS {
        [a[i], b[i], c[i], d[i]] = philox::philox4x32_10([low + i as u32, c1, c2, c3], key);
    }
    [a, b, c, d]
}

/// As [`blocks`], where the block number's high half changes on the way.
#[cold]
fn across<const COUNTERS: usize>(stream: Stream, draw: u64, first: u64, out: &mut [[u32; COUNTERS]; 4]) {
    for (i, block) in (0..COUNTERS).zip(first..) {
        for (word, out) in stream.block(draw, block).into_iter().zip(&mut *out) {
            out[i] = word;
        }
    }
}

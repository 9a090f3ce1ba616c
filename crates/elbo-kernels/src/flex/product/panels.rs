//! The right-hand side of a product: rows of columns, in strips.

use super::{Element, Kernel};
use crate::buffer::zeroed;
use core::mem::MaybeUninit;
use core::ops::Range;

/// Columns that are turned together.
const FEW: usize = 8;

/// Bytes between columns from which on few are turned together.
const FAR: usize = 512;

/// Rows `[depth, columns]`, of which strip k starts at `k next` and rows are `step` apart.
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a, T> {
    /// The elements.
    pub data: &'a [T],
    /// Columns of all strips.
    pub columns: usize,
    /// From a row to the next.
    pub step: usize,
    /// From a strip to the next.
    pub next: usize,
}

impl<'a, T: Element> Panels<'a, T> {
    /// Plain rows, where they lie.
    pub fn rows(data: &'a [T], columns: usize, kernel: Kernel<T>) -> Self {
        Self { data, columns, step: columns, next: kernel.columns }
    }

    /// What [`pack`] has made of `depth` rows.
    pub fn packed(data: &'a [T], depth: usize, columns: usize, kernel: Kernel<T>) -> Self {
        Self { data, columns, step: kernel.columns, next: depth * kernel.columns }
    }
}

/// Strips of a matrix one after the other, `[strips, depth, columns of a strip]`: row p starts at element `row(p)` of
/// `from`, and its columns are `across` apart. What is behind the last column is 0; all of `to` is written.
pub fn pack<T: Element>(
    from: &[T],
    row: impl Fn(usize) -> usize,
    across: usize,
    columns: usize,
    width: usize,
    to: &mut [MaybeUninit<T>],
) {
    let strip = to.len() / columns.div_ceil(width).max(1);
    for (at, to) in to.chunks_exact_mut(strip.max(1)).enumerate() {
        let (first, columns) = (at * width, (columns - at * width).min(width));
        if columns < width {
            zeroed(to);
        }
        if across == 1 {
            for (p, to) in to.chunks_exact_mut(width).enumerate() {
                to[..columns].write_copy_of_slice(&from[row(p) + first..][..columns]);
            }
        } else {
            turn(from, &row, across, first..first + columns, width, to);
        }
    }
}

/// One strip from columns that are rows of memory, a few at a time if they are far apart: more would not stay in the
/// cache together.
fn turn<T: Element>(
    from: &[T],
    row: impl Fn(usize) -> usize,
    across: usize,
    columns: Range<usize>,
    width: usize,
    to: &mut [MaybeUninit<T>],
) {
    let few = if across * size_of::<T>() < FAR { width } else { FEW };
    for start in columns.clone().step_by(few) {
        let count = few.min(columns.end - start);
        for (p, to) in to.chunks_exact_mut(width).enumerate() {
            let from = &from[row(p) + start * across..];
            let to = &mut to[start - columns.start..][..count];
            to.iter_mut().zip(from.iter().step_by(across)).for_each(|(to, from)| {
                to.write(*from);
            });
        }
    }
}

/// Elements that [`pack`] needs.
pub fn packed_len(depth: usize, columns: usize, width: usize) -> usize {
    columns.div_ceil(width) * width * depth
}

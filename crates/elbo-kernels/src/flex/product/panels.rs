//! The right-hand side of a product: rows of columns, in strips.

use super::{Element, Kernel};

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
/// `from`, and its columns are `across` apart. What is behind the last column is left as it was.
pub fn pack<T: Element>(
    from: &[T],
    row: impl Fn(usize) -> usize,
    across: usize,
    columns: usize,
    width: usize,
    to: &mut [T],
) {
    let strip = to.len() / columns.div_ceil(width).max(1);
    for (at, to) in to.chunks_exact_mut(strip.max(1)).enumerate() {
        let columns = (columns - at * width).min(width);
        for (p, to) in to.chunks_exact_mut(width).enumerate() {
            copy(&from[row(p) + at * width * across..], across, &mut to[..columns]);
        }
    }
}

/// Every `across`-th element.
fn copy<T: Element>(from: &[T], across: usize, to: &mut [T]) {
    if across == 1 {
        to.copy_from_slice(&from[..to.len()]);
    } else {
        to.iter_mut().zip(from.iter().step_by(across)).for_each(|(to, from)| *to = *from);
    }
}

/// Elements that [`pack`] needs.
pub fn packed_len(depth: usize, columns: usize, width: usize) -> usize {
    columns.div_ceil(width) * width * depth
}

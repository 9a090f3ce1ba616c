//! Rows into strips: what a right-hand side becomes that is changed on its way.

use super::Element;

/// Rows `[places, columns]` that go to strips `[strips, places, width]`.
pub struct Gather<'a, T> {
    /// The rows.
    pub from: &'a [T],
    /// Elements like the rows', which become 0 where the gate is at most 0; NaN lets them pass.
    pub gate: Option<&'a [T]>,
    /// Number of columns.
    pub columns: usize,
    /// The strips. What is behind the last column is left as it was.
    pub to: &'a mut [T],
    /// What the columns are added to, after the gate.
    pub sums: Option<&'a mut [T]>,
}

/// Gathers strips of W columns. Plain loops, compiled for every kind of instructions.
#[inline(always)]
pub fn gather<T: Element, const W: usize>(g: Gather<'_, T>) {
    let Gather { from, gate, columns, to, mut sums } = g;
    let places = from.len() / columns;
    for (at, to) in to.chunks_exact_mut((places * W).max(1)).enumerate() {
        let first = at * W;
        let count = (columns - first).min(W);
        let mut total = [T::default(); W];
        for (p, to) in to.chunks_exact_mut(W).enumerate() {
            let range = p * columns + first..p * columns + first + count;
            let gate = gate.map(|gate| &gate[range.clone()]);
            if count == W {
                // The same loop with a length that is known.
                row(&from[range][..W], gate.map(|gate| &gate[..W]), &mut to[..W], &mut total[..W]);
            } else {
                row(&from[range], gate, &mut to[..count], &mut total[..count]);
            }
        }
        if let Some(sums) = &mut sums {
            sums[first..first + count].iter_mut().zip(total).for_each(|(sum, total)| *sum += total);
        }
    }
}

/// One row of a strip.
#[inline(always)]
fn row<T: Element>(from: &[T], gate: Option<&[T]>, to: &mut [T], total: &mut [T]) {
    match gate {
        None => to.copy_from_slice(from),
        Some(gate) => through(from, gate, to),
    }
    total.iter_mut().zip(to).for_each(|(total, x)| *total += *x);
}

/// `to = from`, with 0 where the gate is at most 0.
#[inline(always)]
pub fn through<T: Element>(from: &[T], gate: &[T], to: &mut [T]) {
    to.iter_mut().zip(from.iter().zip(gate)).for_each(|(to, (x, gate))| *to = gated(*x, *gate));
}

/// What passes the gate.
#[inline(always)]
pub fn gated<T: Element>(x: T, gate: T) -> T {
    if gate <= T::default() { T::default() } else { x }
}

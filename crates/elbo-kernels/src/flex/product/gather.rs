//! Rows into strips: what a right-hand side becomes that is changed on its way.

use super::Element;

/// Rows `[places, columns]` that go to strips: row p of strip k starts at `k next + p width`, where the width is the
/// strip's, or the number of columns if there are not more.
pub struct Gather<'a, T> {
    /// The rows.
    pub from: &'a [T],
    /// Elements like the rows', which become 0 where the gate is at most 0; NaN lets them pass.
    pub gate: Option<&'a [T]>,
    /// Number of columns.
    pub columns: usize,
    /// The strips. What is behind the last column is left as it was.
    pub to: &'a mut [T],
    /// From a strip to the next.
    pub next: usize,
    /// What the columns are added to, after the gate.
    pub sums: &'a mut [T],
}

/// Gathers strips of W columns. Plain loops, compiled for every kind of instructions.
#[inline(always)]
pub fn gather<T: Element, const W: usize>(g: Gather<'_, T>) {
    let Gather { from, gate, columns, to, next, sums } = g;
    let width = columns.min(W);
    for (p, from) in from.chunks_exact(columns).enumerate() {
        let gate = gate.map(|gate| &gate[p * columns..][..columns]);
        for first in (0..columns).step_by(W) {
            let count = (columns - first).min(W);
            let (to, sums) = (&mut to[first / W * next + p * width..], &mut sums[first..][..count]);
            let (from, gate) = (&from[first..][..count], gate.map(|gate| &gate[first..][..count]));
            if count == W {
                // The same loop with a length that is known.
                row(&from[..W], gate.map(|gate| &gate[..W]), &mut to[..W], &mut sums[..W]);
            } else {
                row(from, gate, &mut to[..count], sums);
            }
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
fn through<T: Element>(from: &[T], gate: &[T], to: &mut [T]) {
    to.iter_mut().zip(from.iter().zip(gate)).for_each(|(to, (x, gate))| *to = gated(*x, *gate));
}

/// What passes the gate.
#[inline(always)]
pub fn gated<T: Element>(x: T, gate: T) -> T {
    if gate <= T::default() { T::default() } else { x }
}

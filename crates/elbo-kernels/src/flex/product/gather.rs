//! Rows into strips: what a right-hand side becomes that is changed on its way.

use super::Element;
use super::lanes::Lanes;
use super::tile::{add, gated as through, load_row, store_part, store_row};
use core::ptr::null;

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

/// Rows that are gathered strip by strip: few enough to stay in the cache until the last strip.
const ROWS: usize = 16;

/// Gathers strips of two vectors.
///
/// # Safety
/// The instructions of V exist.
///
/// # Panics
/// If gate, strips or sums are too short.
#[inline(always)]
pub unsafe fn gather<V: Lanes>(g: Gather<'_, V::Element>)
where
    V::Element: Element,
{
    let Gather { from, gate, columns, to, next, sums } = g;
    let (all, rows) = (2 * V::LEN, from.len() / columns);
    let (width, last) = (columns.min(all), (columns - 1) / all);
    assert!(gate.is_none_or(|gate| gate.len() >= from.len()) && sums.len() >= columns, "gate or sums too short");
    let ends = [(0, width), (last, columns - last * all)];
    let fits = |(strip, count)| rows == 0 || strip * next + (rows - 1) * width + count <= to.len();
    assert!(ends.into_iter().all(fits), "strips too short");
    assert!(last == 0 || next >= all, "strips overlap");
    for row in (0..rows).step_by(ROWS) {
        for first in (0..columns).step_by(all) {
            // SAFETY: the rows lie in the arrays and the strip, as was checked; the instructions are the caller's.
            unsafe {
                let strip = Part {
                    from: from.as_ptr().add(row * columns + first),
                    gate: gate.map_or(null(), |gate| gate.as_ptr().add(row * columns + first)),
                    columns,
                    rows: ROWS.min(rows - row),
                    to: to.as_mut_ptr().add(first / all * next + row * width),
                    width,
                    sums: sums.as_mut_ptr().add(first),
                };
                match (columns - first).min(all) {
                    count if count > V::LEN => strip.gather::<V, 2>(count),
                    count => strip.gather::<V, 1>(count),
                }
            }
        }
    }
}

/// Some rows of a strip.
struct Part<T> {
    from: *const T,
    /// May be null.
    gate: *const T,
    columns: usize,
    rows: usize,
    to: *mut T,
    width: usize,
    sums: *mut T,
}

impl<T> Part<T> {
    /// Gathers `count` columns, which are N vectors, the last one perhaps in part.
    ///
    /// # Safety
    /// The instructions of V exist, the rows can be read and the strip's and the sums be written.
    #[inline(always)]
    unsafe fn gather<V: Lanes<Element = T>, const N: usize>(&self, count: usize) {
        // SAFETY: the caller's; only addresses that are fetched may lie outside, which any may.
        unsafe {
            let (mask, whole) = (V::mask(count - (N - 1) * V::LEN), count == N * V::LEN);
            let mut total = [V::zero(); N];
            for p in 0..self.rows {
                let (at, ahead) = (p * self.columns, (p + ROWS) * self.columns);
                let mut row: [V; N] = load_row(self.from.add(at), mask);
                (0..N).for_each(|i| V::fetch(self.from.wrapping_add(ahead + i * V::LEN)));
                if !self.gate.is_null() {
                    row = through(row, load_row(self.gate.add(at), mask));
                    (0..N).for_each(|i| V::fetch(self.gate.wrapping_add(ahead + i * V::LEN)));
                }
                total = add(total, row);
                let to = self.to.add(p * self.width);
                if whole { store_row(row, to) } else { store_part(row, to, mask) }
            }
            store_part(add(load_row(self.sums, mask), total), self.sums, mask);
        }
    }
}

/// Bytes that come from memory together.
pub const LINE: usize = 64;

/// Asks for memory that will be read soon. Any address will do.
#[inline(always)]
pub fn fetch<T>(from: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which reads nothing; every processor of this kind has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}

/// What passes the gate.
#[inline(always)]
pub fn gated<T: Element>(x: T, gate: T) -> T {
    if gate <= T::default() { T::default() } else { x }
}

//! Matrix products of strided views, on one thread.
//!
//! `C[i, j] = activation(Σ_runs Σ_p A[i, p] B[p, j] + bias[j])`. A run is a stretch of the sum over which A and B advance by constant
//! steps: one tap of a convolution, one line of its output, or all of a plain product. A is read where it lies. Columns
//! are taken in strips of two vectors; the depth is cut so that a strip's part of B stays in the first-level cache.
//! Every element is summed in the order of the runs, whatever the size of the product.

// Vectors must not leave the functions that were compiled for their instructions.
#![allow(clippy::inline_always)]

mod gather;
mod kernel;
mod lanes;
mod panels;
mod tile;

pub use gather::{Gather, gated};
pub use kernel::{Element, Kernel};
pub use panels::{Panels, pack, packed_len};
pub use tile::Run;

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr::null;
use tile::Strip;

/// Elements of B in a block of the sum: 128 rows of a strip of 32. With as much of A they fit into a first-level cache.
const BLOCK: usize = 4096;

/// Bytes after which an address falls into the same set of a first-level cache.
pub const SET: usize = 4096;

/// Lines of memory that one set of a first-level cache can be expected to hold.
pub const COLLIDING: usize = 8;

/// The runs of a sum, cut into blocks, with the steps of A and B.
#[derive(Clone, Debug)]
pub struct Runs {
    list: Vec<Run>,
    /// Ends of the blocks in the list.
    ends: Vec<usize>,
    a_step: usize,
    b_step: usize,
    /// One past the last element of A and B, of the first row and strip; `usize::MAX` for places that no array has.
    needs: [usize; 2],
}

impl Runs {
    /// Cuts runs into blocks of [`BLOCK`] elements of B, in rows of at most 32.
    pub fn new(runs: impl IntoIterator<Item = Run>, a_step: usize, b_step: usize) -> Self {
        Self::in_blocks(runs, a_step, b_step, BLOCK / b_step.clamp(4, 32))
    }

    /// Cuts runs into blocks of `most` terms.
    pub fn in_blocks(runs: impl IntoIterator<Item = Run>, a_step: usize, b_step: usize, most: usize) -> Self {
        let mut cut = Self { list: vec![], ends: vec![], a_step, b_step, needs: [0; 2] };
        let mut open = 0;
        for run in runs.into_iter().filter(|run| run.depth > 0) {
            let last = run.depth - 1;
            cut.needs[0] = cut.needs[0].max(reach(run.a, last, a_step).saturating_add(1));
            cut.needs[1] = cut.needs[1].max(reach(run.b, last, b_step).saturating_add(1));
            let mut from = 0;
            while from < run.depth {
                if open == most {
                    cut.ends.push(cut.list.len());
                    open = 0;
                }
                let depth = (run.depth - from).min(most - open);
                cut.list.push(Run { a: run.a + from * a_step, b: run.b + from * b_step, depth });
                from += depth;
                open += depth;
            }
        }
        cut.ends.push(cut.list.len());
        cut
    }

    /// The blocks.
    pub fn blocks(&self) -> impl Iterator<Item = &[Run]> {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.list[start..end])
    }
}

/// `start + count step`, or `usize::MAX`, which is beyond every array, if that does not fit.
fn reach(start: usize, count: usize, step: usize) -> usize {
    count.saturating_mul(step).saturating_add(start)
}

/// Two arrays that will be read after this product, or after some: they come into the cache meanwhile.
#[derive(Clone, Debug)]
pub struct Ahead<'a, T> {
    arrays: [&'a [T]; 2],
    /// Elements that every tile asks for.
    share: usize,
    at: Cell<usize>,
}

impl<'a, T> Ahead<'a, T> {
    /// Arrays of one length, and the number of tiles until they are read.
    pub fn new(arrays: [&'a [T]; 2], tiles: usize) -> Self {
        Self { arrays, share: arrays[0].len().div_ceil(tiles.max(1)), at: Cell::new(0) }
    }

    /// What the tiles of a strip ask for.
    fn next(&self, tiles: usize) -> [*const T; 2] {
        let at = self.at.replace(self.at.get() + tiles * self.share);
        self.arrays.map(|array| array.as_ptr().wrapping_add(at))
    }
}

/// A product without its target.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a, T> {
    /// The instructions.
    pub kernel: Kernel<T>,
    /// The sum.
    pub runs: &'a Runs,
    /// Elements of A from its first row on.
    pub a: &'a [T],
    /// From a row of A to the next.
    pub a_row: usize,
    /// B.
    pub b: Panels<'a, T>,
    /// Rows of A and C.
    pub rows: usize,
    /// What will be read later.
    pub ahead: Option<&'a Ahead<'a, T>>,
}

impl<T: Element> Product<'_, T> {
    /// Writes `activation(bias + A B)` to rows of C that are `c_row` apart.
    ///
    /// # Panics
    /// If A, B, C or the bias are too short.
    pub fn write(&self, c: &mut [MaybeUninit<T>], c_row: usize, bias: Option<&[T]>, relu: bool) {
        assert!(bias.is_none_or(|bias| bias.len() >= self.b.columns), "bias too short");
        self.check(c.len(), c_row);
        // SAFETY: checked, and the first block of the sum does not read C.
        unsafe { self.run(c.as_mut_ptr().cast(), c_row, false, bias, relu) }
    }

    /// Adds `A B'` to rows of C that are `c_row` apart, and the columns of B' to `sums`: B' is B with 0 for what has a
    /// gate of at most 0. The product has one tile, its rows of A are neighbours, and B and the gate lie in plain rows.
    ///
    /// # Panics
    /// If A, B, C, the gate or the sums are too short, or the product is not such a one.
    pub fn add_gated(&self, gate: &[T], c: &mut [T], c_row: usize, sums: &mut [T]) {
        assert!(self.rows <= self.kernel.rows && self.a_row == 1 && self.b.next == self.kernel.columns, "not one tile");
        assert!(gate.len() >= self.b.data.len() && sums.len() >= self.b.columns, "gate or sums too short");
        self.check(c.len(), c_row);
        // SAFETY: checked, C has values, and the gate is as long as B.
        unsafe { self.run_gated(c.as_mut_ptr(), c_row, gate, sums) }
    }

    /// As [`write`](Self::write), over values that are there.
    ///
    /// # Panics
    /// If A, B, C or the bias are too short.
    pub fn overwrite(&self, c: &mut [T], c_row: usize, bias: Option<&[T]>, relu: bool) {
        let c: *mut [T] = c;
        // SAFETY: only values are written to what is borrowed as uninitialised here.
        self.write(unsafe { &mut *(c as *mut [MaybeUninit<T>]) }, c_row, bias, relu);
    }

    /// Adds `A B` to rows of C that are `c_row` apart.
    ///
    /// # Panics
    /// If A, B or C are too short.
    pub fn add(&self, c: &mut [T], c_row: usize) {
        self.check(c.len(), c_row);
        // SAFETY: checked, and C has values.
        unsafe { self.run(c.as_mut_ptr(), c_row, true, None, false) }
    }

    /// Whether everything that the sums name is there.
    fn check(&self, c_len: usize, c_row: usize) {
        let last = self.rows.saturating_sub(1);
        let Panels { data, columns, next, .. } = self.b;
        if self.rows == 0 || columns == 0 {
            return;
        }
        assert!(reach(columns, last, c_row) <= c_len, "C too short");
        let [a, b] = self.runs.needs;
        assert!(a == 0 || reach(a, last, self.a_row) <= self.a.len(), "A too short");
        let strip = (columns - 1) / self.kernel.columns;
        let rest = columns - strip * self.kernel.columns;
        let ends = [(0, columns.min(self.kernel.columns)), (strip, rest)];
        // Strips between these two lie between them.
        assert!(b == 0 || strip == 0 || next >= self.kernel.columns, "strips overlap");
        let fits = |&(at, width): &(usize, usize)| reach(b - 1, at, next).saturating_add(width) <= data.len();
        assert!(b == 0 || ends.iter().all(fits), "B too short");
        assert_eq!(self.runs.b_step, self.b.step, "runs made for other rows of B");
    }

    /// Strip by strip, block by block.
    ///
    /// # Safety
    /// [`check`](Self::check) has passed for C, which has values where it is added to.
    unsafe fn run(&self, c: *mut T, c_row: usize, add: bool, bias: Option<&[T]>, relu: bool) {
        let blocks = self.runs.ends.len();
        for from in (0..self.b.columns).step_by(self.kernel.columns) {
            for (block, runs) in self.runs.blocks().enumerate().filter(|_| self.rows > 0) {
                let (add, last) = (add || block > 0, block + 1 == blocks);
                let bias = bias.filter(|_| last).map_or(null(), |bias| bias[from..].as_ptr());
                // SAFETY: the strip lies within A, B, C and the bias, as was checked; later blocks add to what the first
                // has written.
                unsafe {
                    (self.kernel.strip)(&Strip { add, bias, relu: relu && last, ..self.strip(from, runs, c, c_row) });
                }
            }
        }
    }

    /// The same, gated, block by block: B and the gate are read once, so all strips of a row are read together.
    ///
    /// # Safety
    /// As of [`run`](Self::run); C has values, the gate is as long as B, and there are sums for all columns.
    unsafe fn run_gated(&self, c: *mut T, c_row: usize, gate: &[T], sums: &mut [T]) {
        for runs in self.runs.blocks().filter(|_| self.rows > 0) {
            for from in (0..self.b.columns).step_by(self.kernel.columns) {
                // SAFETY: the strip lies within A, B, C, gate and sums, as was checked.
                unsafe {
                    let (gate, sums) = (gate.as_ptr().wrapping_add(from), sums.as_mut_ptr().add(from));
                    (self.kernel.gated)(&Strip { gate, sums, ..self.strip(from, runs, c, c_row) });
                }
            }
        }
    }

    /// Whether the rows of a tile share a set of the cache.
    fn collides(&self) -> bool {
        self.runs.a_step == 1 && (self.a_row * size_of::<T>()).is_multiple_of(SET)
    }

    /// The strip from column `from` on, which adds to C.
    ///
    /// # Safety
    /// [`check`](Self::check) has passed for C.
    unsafe fn strip<'a>(&self, from: usize, runs: &'a [Run], c: *mut T, c_row: usize) -> Strip<'a, T> {
        let Panels { data, columns, next, .. } = self.b;
        Strip {
            runs,
            a: self.a.as_ptr(),
            a_row: self.a_row,
            a_step: self.runs.a_step,
            // A sum without terms reads no B, which then may be of any length.
            b: data.as_ptr().wrapping_add(from / self.kernel.columns * next),
            b_step: self.runs.b_step,
            // SAFETY: column `from` is one of C.
            c: unsafe { c.add(from) },
            c_row,
            rows: self.rows,
            most: if self.collides() { COLLIDING } else { usize::MAX },
            columns: self.kernel.columns.min(columns - from),
            add: true,
            bias: null(),
            relu: false,
            gate: null(),
            sums: core::ptr::null_mut(),
            ahead: self.ahead.map_or([null(); 2], |ahead| ahead.next(self.rows.div_ceil(self.kernel.rows))),
            share: self.ahead.map_or(0, |ahead| ahead.share),
        }
    }
}

#[cfg(test)]
mod tests;

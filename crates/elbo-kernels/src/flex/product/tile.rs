//! The innermost product: a tile of rows and columns, held in registers while the depth runs by.
//!
//! `C[i, j] = Σ_runs Σ_p A[a_r + i a_row + p a_step] B[b_r + p b_step + j] + bias[j]`: elements of A are read one by one,
//! wherever they lie, and B by vectors. So A may be any strided view of memory, overlapping rows included, and no copy
//! of it in another order is made.

use super::gather::{Gather, LINE, fetch, gather};
use super::lanes::Lanes;

/// Rows of B and gate that are asked for ahead of their use.
const AHEAD: usize = 32;

/// A stretch of the sum over which A and B advance by constant steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where A starts.
    pub a: usize,
    /// Where B starts.
    pub b: usize,
    /// Number of terms.
    pub depth: usize,
}

/// `rows x columns` of C, with at most two vectors of columns.
#[derive(Clone, Copy, Debug)]
pub struct Strip<'a, T> {
    pub runs: &'a [Run],
    pub a: *const T,
    pub a_row: usize,
    pub a_step: usize,
    pub b: *const T,
    pub b_step: usize,
    pub c: *mut T,
    pub c_row: usize,
    pub rows: usize,
    /// Most rows of a tile, if the instructions can have more.
    pub most: usize,
    pub columns: usize,
    /// Whether the sum is added to what C has.
    pub add: bool,
    /// What is added to the sum in the end, one value per column; may be null.
    pub bias: *const T,
    pub relu: bool,
    /// Of a gated strip: elements like those of B, which are taken as 0 where the gate is at most 0.
    pub gate: *const T,
    /// Of a gated strip: what the columns of the gated B are added to.
    pub sums: *mut T,
    /// Two stretches of memory that will be read later; every tile asks for `share` elements of both.
    pub ahead: [*const T; 2],
    pub share: usize,
}

impl<T> Strip<'_, T> {
    /// Asks for the share of a tile.
    #[inline(always)]
    fn fetch(&self, tile: usize) {
        for i in (0..self.share).step_by(LINE / size_of::<T>()) {
            self.ahead.iter().for_each(|ahead| fetch(ahead.wrapping_add(tile * self.share + i)));
        }
    }
}

/// The body for every row, written out: an index that is no constant would keep the sums in memory.
macro_rules! each {
    ($count:expr, $i:ident, $body:expr) => {
        each!(@ $count, $i, $body, [0 1 2 3 4 5 6 7 8 9 10 11 12 13])
    };
    (@ $count:expr, $i:ident, $body:expr, [$($at:literal)*]) => {
        {$(if $at < $count {
            let $i = $at;
            $body;
        })*}
    };
}

/// Rows `row..row + M` of a strip of N vectors, of which the last may be a part. UNIT: rows of A are neighbours. GATE:
/// the strip is gated.
///
/// # Safety
/// The instructions of V exist; every element that the strip's sum names can be read, every element of C written, and
/// read if it is added to.
#[inline(always)]
unsafe fn tile<V: Lanes, const M: usize, const N: usize, const UNIT: bool, const GATE: bool>(
    s: &Strip<'_, V::Element>,
    row: usize,
) {
    // SAFETY: the caller's; the last vector touches the columns of its mask only.
    unsafe {
        let mask = V::mask(s.columns - (N - 1) * V::LEN);
        let a_row = if UNIT { 1 } else { s.a_row };
        let c = s.c.add(row * s.c_row);
        let (mut sums, mut total) = ([[V::zero(); N]; M], [V::zero(); N]);
        if s.add {
            each!(M, i, sums[i] = load_row(c.add(i * s.c_row), mask));
        }
        for run in s.runs {
            let (a, mut b) = (s.a.add(run.a + row * a_row), s.b.add(run.b));
            let lines: [_; M] = core::array::from_fn(|i| a.wrapping_add(i * a_row));
            let mut at = 0;
            let mut gate = s.gate.wrapping_add(run.b);
            for _ in 0..run.depth {
                let mut columns: [V; N] = load_row(b, mask);
                if GATE {
                    fetch_row::<V, N>(b.wrapping_add(AHEAD * s.b_step));
                    fetch_row::<V, N>(gate.wrapping_add(AHEAD * s.b_step));
                    columns = gated(columns, load_row(gate, mask));
                    total = add(total, columns);
                    gate = gate.wrapping_add(s.b_step);
                }
                each!(M, i, sums[i] = add_products(sums[i], V::splat(*lines[i].add(at)), columns));
                at += s.a_step;
                // After the last row of a strip this may lie behind the array.
                b = b.wrapping_add(s.b_step);
            }
        }
        if GATE {
            store_part(add(load_row(s.sums, mask), total), s.sums, mask);
        }
        if !s.bias.is_null() {
            let bias = load_row(s.bias, mask);
            each!(M, i, sums[i] = add(sums[i], bias));
        }
        if s.relu {
            each!(M, i, sums[i] = sums[i].map(|x| x.relu()));
        }
        if s.columns == N * V::LEN {
            each!(M, i, store_row(sums[i], c.add(i * s.c_row)));
        } else {
            each!(M, i, store_part(sums[i], c.add(i * s.c_row), mask));
        }
    }
}

/// One or two vectors, the last one as far as the mask goes.
#[inline(always)]
pub unsafe fn load_row<V: Lanes, const N: usize>(from: *const V::Element, mask: V::Mask) -> [V; N] {
    // SAFETY: the caller's pointer is good for the lanes that are read.
    unsafe {
        let mut row = [V::zero(); N];
        if N == 2 {
            row[0] = V::load(from);
        }
        row[N - 1] = V::load_part(from.add((N - 1) * V::LEN), mask);
        row
    }
}

/// Asks for a row.
#[inline(always)]
unsafe fn fetch_row<V: Lanes, const N: usize>(from: *const V::Element) {
    // SAFETY: the caller has the instructions.
    unsafe {
        V::fetch(from);
        if N == 2 {
            V::fetch(from.wrapping_add(V::LEN));
        }
    }
}

/// `sums + x columns`.
#[inline(always)]
unsafe fn add_products<V: Lanes, const N: usize>(mut sums: [V; N], x: V, columns: [V; N]) -> [V; N] {
    // SAFETY: the caller has the instructions.
    unsafe {
        sums[0] = sums[0].add_product(x, columns[0]);
        if N == 2 {
            sums[N - 1] = sums[N - 1].add_product(x, columns[N - 1]);
        }
    }
    sums
}

/// `a + b`.
#[inline(always)]
pub unsafe fn add<V: Lanes, const N: usize>(mut a: [V; N], b: [V; N]) -> [V; N] {
    // SAFETY: the caller has the instructions.
    unsafe {
        a[0] = a[0].add(b[0]);
        if N == 2 {
            a[N - 1] = a[N - 1].add(b[N - 1]);
        }
    }
    a
}

/// What passes the gate.
#[inline(always)]
pub unsafe fn gated<V: Lanes, const N: usize>(mut a: [V; N], gate: [V; N]) -> [V; N] {
    // SAFETY: the caller has the instructions.
    unsafe {
        a[0] = a[0].gated(gate[0]);
        if N == 2 {
            a[N - 1] = a[N - 1].gated(gate[N - 1]);
        }
    }
    a
}

/// Whole vectors.
#[inline(always)]
pub unsafe fn store_row<V: Lanes, const N: usize>(row: [V; N], to: *mut V::Element) {
    // SAFETY: the caller's pointer is good for N vectors.
    unsafe {
        row[0].store(to);
        if N == 2 {
            row[N - 1].store(to.add(V::LEN));
        }
    }
}

/// The same with a last vector as far as the mask goes.
#[inline(always)]
pub unsafe fn store_part<V: Lanes, const N: usize>(row: [V; N], to: *mut V::Element, mask: V::Mask) {
    // SAFETY: the caller's pointer is good for the lanes that are written.
    unsafe {
        if N == 2 {
            row[0].store(to);
        }
        row[N - 1].store_part(to.add((N - 1) * V::LEN), mask);
    }
}

/// Cuts the rows into the fewest tiles of at most `most` rows, as equal as can be.
#[inline(always)]
unsafe fn rows<T>(s: &Strip<'_, T>, most: usize, mut tile: impl FnMut(usize, usize)) {
    let tiles = s.rows.div_ceil(most.min(s.most));
    let (each, longer) = (s.rows / tiles, s.rows % tiles);
    let mut row = 0;
    for i in 0..tiles {
        let count = each + usize::from(i < longer);
        s.fetch(i);
        tile(row, count);
        row += count;
    }
}

/// Calls the tile of as many rows as asked for.
macro_rules! by_rows {
    ($V:ty, $N:literal, $UNIT:literal, $GATE:literal, $s:expr, $row:expr, $count:expr, [$($M:literal)*]) => {
        match $count {
            $($M => tile::<$V, $M, $N, $UNIT, $GATE>($s, $row),)*
            _ => unreachable!("tiles have at most as many rows as were asked for"),
        }
    };
}

macro_rules! strips {
    ($strip:ident $gated:ident $gather:ident, $V:ty, $most:literal, [$($M:literal)*] $(, $features:literal)?) => {
        /// A strip of products.
        ///
        /// # Safety
        /// As of [`tile`].
        $(#[target_feature(enable = $features)])?
        pub unsafe fn $strip(s: &Strip<'_, <$V as Lanes>::Element>) {
            // SAFETY: the caller's.
            unsafe {
                match (s.columns > <$V as Lanes>::LEN, s.a_row == 1) {
                    (true, true) => {
                        rows(s, $most, |row, count| by_rows!($V, 2, true, false, s, row, count, [$($M)*]));
                    }
                    (true, false) => {
                        rows(s, $most, |row, count| by_rows!($V, 2, false, false, s, row, count, [$($M)*]));
                    }
                    (false, true) => {
                        rows(s, $most, |row, count| by_rows!($V, 1, true, false, s, row, count, [$($M)*]));
                    }
                    (false, false) => {
                        rows(s, $most, |row, count| by_rows!($V, 1, false, false, s, row, count, [$($M)*]));
                    }
                }
            }
        }

        /// A gated strip of one tile whose rows of A are neighbours.
        ///
        /// # Safety
        /// As of [`tile`].
        $(#[target_feature(enable = $features)])?
        pub unsafe fn $gated(s: &Strip<'_, <$V as Lanes>::Element>) {
            // SAFETY: the caller's.
            unsafe {
                if s.columns > <$V as Lanes>::LEN {
                    by_rows!($V, 2, true, true, s, 0, s.rows, [$($M)*]);
                } else {
                    by_rows!($V, 1, true, true, s, 0, s.rows, [$($M)*]);
                }
            }
        }

        /// [`gather`] for strips of two vectors.
        ///
        /// # Safety
        /// The instructions exist.
        $(#[target_feature(enable = $features)])?
        pub unsafe fn $gather(g: Gather<'_, <$V as Lanes>::Element>) {
            // SAFETY: the caller's.
            unsafe { gather::<$V>(g) }
        }
    };
}

strips!(strip_f32 gated_f32 gather_f32, [f32; 4], 4, [1 2 3 4]);
strips!(strip_f64 gated_f64 gather_f64, [f64; 2], 4, [1 2 3 4]);

#[cfg(target_arch = "x86_64")]
pub use x86::*;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Gather, Lanes, Strip, gather, rows, tile};
    use core::arch::x86_64::{__m256, __m256d, __m512, __m512d};

    strips!(strip_f32_avx2 gated_f32_avx2 gather_f32_avx2, __m256, 5, [1 2 3 4 5], "avx2,fma");
    strips!(strip_f64_avx2 gated_f64_avx2 gather_f64_avx2, __m256d, 5, [1 2 3 4 5], "avx2,fma");
    strips!(
        strip_f32_avx512 gated_f32_avx512 gather_f32_avx512,
        __m512, 14, [1 2 3 4 5 6 7 8 9 10 11 12 13 14], "avx512f"
    );
    strips!(
        strip_f64_avx512 gated_f64_avx512 gather_f64_avx512,
        __m512d, 14, [1 2 3 4 5 6 7 8 9 10 11 12 13 14], "avx512f"
    );
}

#[cfg(target_arch = "aarch64")]
pub use arm::*;

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{Gather, Lanes, Strip, gather, rows, tile};
    use core::arch::aarch64::{float32x4_t, float64x2_t};

    strips!(
        strip_f32_neon gated_f32_neon gather_f32_neon,
        float32x4_t, 8, 10, [1 2 3 4 5 6 7 8 9 10], "neon"
    );
    strips!(
        strip_f64_neon gated_f64_neon gather_f64_neon,
        float64x2_t, 4, 10, [1 2 3 4 5 6 7 8 9 10], "neon"
    );
}

//! Matrix products of other crates on the shapes of this project's workloads, in GFLOP/s; the machine's peak is
//! measured by `cargo bench --bench products` of the workspace.
//!
//! Convolutions are given to them in their best form: strided views of padded inputs, whose rows overlap, one product an
//! example, the examples shared out by rayon. Padding, bias and activation are left out, kernels are turned beforehand.
//! `cargo bench --workspace --bench products` times this project's operations, which have all of that, on the same shapes.

#![allow(clippy::cast_precision_loss)] // counts of operations, far below 2^53

use faer::mat::{MatMut, MatRef};
use faer::{Accum, Par};
use gemm::Parallelism;
use rayon::prelude::*;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// `C (+)= A B` with steps of A from row to row and along the depth; B and C have plain rows, B perhaps turned.
#[derive(Clone, Copy)]
struct Sizes {
    rows: usize,
    depth: usize,
    columns: usize,
    a: [usize; 2],
    b: [usize; 2],
    add: bool,
    /// Whether the crate's own threads share the product.
    parallel: bool,
}

impl Sizes {
    /// Whether the arrays are long enough.
    fn check(&self, a: &[f32], b: &[f32], c: &[f32]) {
        let end = |[x, y]: [usize; 2], m: usize, n: usize| (m - 1) * x + (n - 1) * y + 1;
        assert!(end(self.a, self.rows, self.depth) <= a.len());
        assert!(end(self.b, self.depth, self.columns) <= b.len());
        assert!(self.rows * self.columns <= c.len());
    }
}

type Multiply = fn(Sizes, &[f32], &[f32], &mut [f32]);

const CRATES: [(&str, Multiply); 3] = [("gemm", by_gemm), ("faer", by_faer), ("matrixmultiply", by_matrixmultiply)];

fn signed(step: usize) -> isize {
    isize::try_from(step).expect("small")
}

fn by_gemm(s: Sizes, a: &[f32], b: &[f32], c: &mut [f32]) {
    s.check(a, b, c);
    let ([ar, ac], [br, bc]) = (s.a.map(signed), s.b.map(signed));
    let parallel = if s.parallel { Parallelism::Rayon(0) } else { Parallelism::None };
    // SAFETY: the arrays are long enough.
    unsafe {
        gemm::gemm(
            s.rows,
            s.columns,
            s.depth,
            c.as_mut_ptr(),
            1,
            signed(s.columns),
            s.add,
            a.as_ptr(),
            ac,
            ar,
            b.as_ptr(),
            bc,
            br,
            1.0,
            1.0,
            false,
            false,
            false,
            parallel,
        );
    }
}

fn by_faer(s: Sizes, a: &[f32], b: &[f32], c: &mut [f32]) {
    s.check(a, b, c);
    let ([ar, ac], [br, bc]) = (s.a.map(signed), s.b.map(signed));
    // SAFETY: the arrays are long enough, and C is not A or B.
    let (a, b, c) = unsafe {
        (
            MatRef::from_raw_parts(a.as_ptr(), s.rows, s.depth, ar, ac),
            MatRef::from_raw_parts(b.as_ptr(), s.depth, s.columns, br, bc),
            MatMut::from_raw_parts_mut(c.as_mut_ptr(), s.rows, s.columns, signed(s.columns), 1),
        )
    };
    let add = if s.add { Accum::Add } else { Accum::Replace };
    faer::linalg::matmul::matmul(c, add, a, b, 1.0, if s.parallel { Par::rayon(0) } else { Par::Seq });
}

fn by_matrixmultiply(s: Sizes, a: &[f32], b: &[f32], c: &mut [f32]) {
    s.check(a, b, c);
    let ([ar, ac], [br, bc]) = (s.a.map(signed), s.b.map(signed));
    let beta = if s.add { 1.0 } else { 0.0 };
    // SAFETY: the arrays are long enough.
    unsafe {
        matrixmultiply::sgemm(
            s.rows,
            s.depth,
            s.columns,
            1.0,
            a.as_ptr(),
            ar,
            ac,
            b.as_ptr(),
            br,
            bc,
            beta,
            c.as_mut_ptr(),
            signed(s.columns),
            1,
        );
    }
}

/// `name, batch, length, channels, filters, kernel`
const CONVOLUTIONS: [(&str, usize, usize, usize, usize, usize); 5] = [
    ("seed n128", 128, 128, 1, 64, 5),
    ("l256 c64 f128 k5", 32, 256, 64, 128, 5),
    ("l512 c128 f128 k3", 16, 512, 128, 128, 3),
    ("l1024 c16 f32 k9", 64, 1024, 16, 32, 9),
    ("l150 c128 f256 k5", 16, 150, 128, 256, 5),
];

/// `name, rows, inputs, units`
const DENSE: [(&str, usize, usize, usize); 2] = [("128x8192x10", 128, 8192, 10), ("256x1024x1024", 256, 1024, 1024)];

fn main() {
    println!("{} threads", rayon::current_num_threads());
    print!("{:28}", "");
    CRATES.iter().for_each(|(name, _)| print!(" {name:>14} ms GFLOP/s"));
    println!();
    CONVOLUTIONS.iter().for_each(|&(name, n, l, c, f, k)| convolution(name, [n, l, c, f, k]));
    DENSE.iter().for_each(|&(name, rows, inputs, units)| dense(name, [rows, inputs, units]));
}

fn convolution(name: &str, [n, l, c, f, k]: [usize; 5]) {
    let (x, grad) = (random(n * (l + k - 1) * c), random(n * (l + k - 1) * f));
    let (kernel, turned) = (random(k * c * f), random(k * f * c));
    let (x_len, grad_len) = ((l + k - 1) * c, (l + k - 1) * f);
    let flops = 2.0 * (n * l * k * c * f) as f64;
    let one = Sizes { rows: l, depth: k * c, columns: f, a: [c, 1], b: [f, 1], add: false, parallel: false };
    let mut y = vec![0.0; n * l * f];
    row(&format!("{name} forward"), flops, |multiply| {
        y.par_chunks_mut(l * f).zip(x.par_chunks(x_len)).for_each(|(y, x)| multiply(one, x, &kernel, y));
    });
    // Eight parts of the batch, each with a sum of its own.
    let one = Sizes { rows: k * c, depth: l, columns: f, a: [1, c], b: [f, 1], add: true, parallel: false };
    let mut sums = vec![0.0; 8 * k * c * f];
    row(&format!("{name} dW"), flops, |multiply| {
        sums.par_chunks_mut(k * c * f).enumerate().with_max_len(1).for_each(|(part, sum)| {
            sum.fill(0.0);
            for i in n * part / 8..n * (part + 1) / 8 {
                multiply(one, &x[i * x_len..][..x_len], &grad[i * grad_len..][..l * f], sum);
            }
        });
        let (total, rest) = sums.split_at_mut(k * c * f);
        rest.chunks(k * c * f).for_each(|part| total.iter_mut().zip(part).for_each(|(a, b)| *a += b));
    });
    let one = Sizes { rows: l, depth: k * f, columns: c, a: [f, 1], b: [c, 1], add: false, parallel: false };
    let mut dx = vec![0.0; n * l * c];
    row(&format!("{name} dx"), flops, |multiply| {
        dx.par_chunks_mut(l * c).zip(grad.par_chunks(grad_len)).for_each(|(dx, grad)| multiply(one, grad, &turned, dx));
    });
}

fn dense(name: &str, [rows, inputs, units]: [usize; 3]) {
    let (x, kernel, grad) = (random(rows * inputs), random(inputs * units), random(rows * units));
    let flops = 2.0 * (rows * inputs * units) as f64;
    let run = |of: &str, [m, k, n]: [usize; 3], a_steps, b_steps, a: &[f32], b: &[f32]| {
        let mut c = vec![0.0; m * n];
        let s = Sizes { rows: m, depth: k, columns: n, a: a_steps, b: b_steps, add: false, parallel: true };
        row(&format!("{name} {of}"), flops, |multiply| multiply(s, a, b, &mut c));
    };
    run("forward", [rows, inputs, units], [inputs, 1], [units, 1], &x, &kernel);
    run("dW", [inputs, rows, units], [1, inputs], [units, 1], &x, &grad);
    run("dx", [rows, units, inputs], [units, 1], [1, units], &grad, &kernel);
}

/// The smallest times of all crates, which take turns.
fn row(name: &str, flops: f64, mut run: impl FnMut(Multiply)) {
    let (mut best, started) = ([f64::INFINITY; CRATES.len()], Instant::now());
    while started.elapsed() < Duration::from_millis(900) {
        for ((_, multiply), best) in CRATES.iter().zip(&mut best) {
            for _ in 0..4 {
                let started = Instant::now();
                run(*multiply);
                *best = best.min(started.elapsed().as_secs_f64());
            }
        }
    }
    print!("{name:28}");
    best.iter().for_each(|best| print!(" {:14.3}    {:7.0}", best * 1e3, flops / best / 1e9));
    println!();
    black_box(());
}

fn random(n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0).collect()
}

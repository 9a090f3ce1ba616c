use super::*;
use crate::noise::Stream;
use crate::noise::normal::normals_f64;
use proptest::prelude::*;

/// Numbers of a type from `f64`.
trait Number: Element {
    const EPSILON: f64;
    fn of(x: f64) -> Self;
    fn to(self) -> f64;
}

impl Number for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;
    #[allow(clippy::cast_possible_truncation)]
    fn of(x: f64) -> Self {
        x as f32
    }
    fn to(self) -> f64 {
        self.into()
    }
}

impl Number for f64 {
    const EPSILON: f64 = f64::EPSILON;
    fn of(x: f64) -> Self {
        x
    }
    fn to(self) -> f64 {
        self
    }
}

fn random<T: Number>(name: &str, n: usize) -> Vec<T> {
    normals_f64(Stream::named(3, name).draws(0, 1), n).into_iter().map(T::of).collect()
}

fn float(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

/// Sizes of a product with two runs.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    rows: usize,
    columns: usize,
    depths: [usize; 2],
    neighbours: bool,
    relu: bool,
}

/// Every kernel of this machine against the plain sum: arrays end where the last element that is needed does, so that
/// a read or write beyond it would be found by a sanitizer.
fn every_kernel_is_the_sum<T: Number>(s: Sizes) {
    for kernel in T::kernels() {
        let [first, second] = s.depths;
        let depth = first + second;
        let (a_row, a_step) = if s.neighbours { (1, s.rows + 2) } else { (depth + 3, 1) };
        let a = random::<T>("a", (s.rows - 1) * a_row + (depth - 1) * a_step + 1);
        let plain = random::<T>("b", depth * s.columns);
        let mut packed = vec![MaybeUninit::uninit(); packed_len(depth, s.columns, kernel.columns)];
        pack(&plain, |p| p * s.columns, 1, s.columns, kernel.columns, &mut packed);
        // SAFETY: all of it is written.
        let packed: Vec<T> = packed.iter().map(|value| unsafe { value.assume_init() }).collect();
        let bias = random::<T>("bias", s.columns);
        let panels = [Panels::rows(&plain, s.columns, kernel), Panels::packed(&packed, depth, s.columns, kernel)];
        for b in panels {
            let step = b.step;
            let second = Run { a: first * a_step, b: first * step, depth: second };
            let runs = Runs::new([Run { a: 0, b: 0, depth: first }, second], a_step, step);
            let product = Product { kernel, runs: &runs, a: &a, a_row, b, rows: s.rows, ahead: None };
            let mut c = random::<T>("c", (s.rows - 1) * (s.columns + 1) + s.columns);
            let before = c.clone();
            product.add(&mut c, s.columns + 1);
            let sum = |i: usize, j: usize, f: fn(f64) -> f64| {
                let term = |p: usize| f(a[i * a_row + p * a_step].to()) * f(plain[p * s.columns + j].to());
                (0..depth).map(term).sum::<f64>()
            };
            let unit = T::EPSILON * float(depth + 2);
            for (i, j) in (0..s.rows).flat_map(|i| (0..s.columns).map(move |j| (i, j))) {
                let (at, size) = (i * (s.columns + 1) + j, sum(i, j, f64::abs));
                let expected = before[at].to() + sum(i, j, |x| x);
                assert!((c[at].to() - expected).abs() <= unit * (size + before[at].to().abs()), "{s:?} {i} {j}");
            }
            product.overwrite(&mut c, s.columns + 1, Some(&bias), s.relu);
            for (i, j) in (0..s.rows).flat_map(|i| (0..s.columns).map(move |j| (i, j))) {
                let (at, size) = (i * (s.columns + 1) + j, sum(i, j, f64::abs) + bias[j].to().abs());
                let linear = bias[j].to() + sum(i, j, |x| x);
                let expected = if s.relu { linear.max(0.0) } else { linear };
                assert!((c[at].to() - expected).abs() <= unit * size, "{s:?} {i} {j}");
            }
            let between =
                |values: &[T]| values.iter().skip(s.columns).step_by(s.columns + 1).map(|x| x.to()).collect::<Vec<_>>();
            assert_eq!(between(&c), between(&before), "what lies between the rows is left alone");
        }
    }
}

/// The gated product against the product of what a gathered gate leaves, and both sums of columns.
fn every_gate_is_the_same<T: Number>(s: Sizes) {
    for kernel in T::kernels().into_iter().filter(|kernel| s.rows <= kernel.rows) {
        let depth = s.depths[0];
        let (a, b) = (random::<T>("a", depth * s.rows), random::<T>("b", depth * s.columns));
        let mut gate = random::<T>("gate", b.len());
        gate[0] = T::of(f64::NAN);
        let run = Run { a: 0, b: 0, depth };
        let runs = Runs::new([run], s.rows, s.columns);
        let panels = Panels::rows(&b, s.columns, kernel);
        let (mut found, mut sums) = (vec![T::default(); s.rows * s.columns], vec![T::default(); s.columns]);
        let product = Product { kernel, runs: &runs, a: &a, a_row: 1, b: panels, rows: s.rows, ahead: None };
        product.add_gated(&gate, &mut found, s.columns, &mut sums);

        let mut strips = vec![T::default(); packed_len(depth, s.columns, kernel.columns)];
        let mut total = vec![T::default(); s.columns];
        let (step, next) = (s.columns.min(kernel.columns), depth * kernel.columns);
        kernel.gather(Gather {
            from: &b,
            gate: Some(&gate),
            columns: s.columns,
            to: &mut strips,
            next,
            sums: &mut total,
        });
        let runs = Runs::new([run], s.rows, step);
        let b = Panels { data: &strips, columns: s.columns, step, next };
        let mut expected = vec![T::default(); s.rows * s.columns];
        Product { runs: &runs, b, ..product }.add(&mut expected, s.columns);
        let of = |values: &[T]| values.iter().map(|x| x.to()).collect::<Vec<_>>();
        assert_eq!(of(&found), of(&expected));
        let unit = T::EPSILON * float(depth + 2) * 8.0 * float(depth);
        assert!(of(&sums).iter().zip(of(&total)).all(|(a, b)| (a - b).abs() <= unit));
        let passed = |p: usize, j: usize| gated(product.b.data[p * s.columns + j], gate[p * s.columns + j]).to();
        for (j, sum) in of(&sums).into_iter().enumerate() {
            assert!((sum - (0..depth).map(|p| passed(p, j)).sum::<f64>()).abs() <= unit);
        }
    }
}

fn sizes() -> impl Strategy<Value = Sizes> {
    let [rows, columns, deep]: [usize; 3] = if cfg!(miri) { [10, 20, 130] } else { [40, 80, 300] };
    let depths = (1_usize..20, prop_oneof![0_usize..5, 100_usize..deep]);
    (1_usize..rows, 1_usize..columns, depths, any::<bool>(), any::<bool>()).prop_map(
        |(rows, columns, (first, second), neighbours, relu)| Sizes {
            rows,
            columns,
            depths: [first, second],
            neighbours,
            relu,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 3 } else { 150 }) })]

    #[test]
    fn f32_is_the_sum(s in sizes()) {
        every_kernel_is_the_sum::<f32>(s);
    }

    #[test]
    fn f64_is_the_sum(s in sizes()) {
        every_kernel_is_the_sum::<f64>(s);
    }

    #[test]
    fn gates_agree(s in sizes(), rows in 1_usize..15) {
        every_gate_is_the_same::<f32>(Sizes { rows, ..s });
        every_gate_is_the_same::<f64>(Sizes { rows, ..s });
    }
}

#[test]
fn no_terms_give_the_bias() {
    let kernel = f32::kernel();
    let runs = Runs::new([], 1, 3);
    let product =
        Product { kernel, runs: &runs, a: &[], a_row: 1, b: Panels::rows(&[], 3, kernel), rows: 2, ahead: None };
    let mut c = [9.0_f32; 6];
    product.overwrite(&mut c, 3, Some(&[1.0, -2.0, 3.0]), true);
    assert_eq!(c, [1.0, 0.0, 3.0, 1.0, 0.0, 3.0]);
}

/// The same in more than one strip, of a B without an element.
#[test]
fn no_terms_give_the_bias_in_every_strip() {
    for kernel in f32::kernels() {
        let columns = 2 * kernel.columns + 1;
        let runs = Runs::new([], 1, columns);
        let b = Panels::rows(&[], columns, kernel);
        let bias: Vec<f32> = random("bias", columns);
        let mut c = vec![9.0_f32; columns];
        Product { kernel, runs: &runs, a: &[], a_row: 1, b, rows: 1, ahead: None }.overwrite(
            &mut c,
            columns,
            Some(&bias),
            false,
        );
        assert_eq!(c, bias);
    }
}

/// Places whose numbers wrap around to small ones are refused too.
#[test]
fn places_beyond_memory_are_refused() {
    let (kernel, numbers) = (f32::kernel(), [0.0_f32; 100]);
    let refused = |runs: &Runs, a_row: usize| {
        let b = Panels::rows(&numbers, 1, kernel);
        let product = Product { kernel, runs, a: &numbers, a_row, b, rows: 2, ahead: None };
        let run = || product.overwrite(&mut [0.0; 2], 1, None, false);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err()
    };
    let runs = |a, a_step| Runs::new([Run { a, b: 0, depth: 2 }], a_step, 1);
    assert!(!refused(&runs(0, 1), 1));
    assert!(refused(&runs(0, usize::MAX), 1) && refused(&runs(usize::MAX - 4, 0), 10));
    assert!(refused(&runs(0, 1), usize::MAX - 1));
}

/// What is too short is refused before anything is read or written.
#[test]
fn short_arrays_are_refused() {
    let kernel = f32::kernel();
    let runs = Runs::new([Run { a: 0, b: 0, depth: 4 }], 1, 3);
    let refused = |a: usize, b: usize, c: usize, bias: usize| {
        let (a, b, bias) = (vec![0.0_f32; a], vec![0.0; b], vec![0.0; bias]);
        let product =
            Product { kernel, runs: &runs, a: &a, a_row: 4, b: Panels::rows(&b, 3, kernel), rows: 2, ahead: None };
        let run = || product.overwrite(&mut vec![0.0; c], 3, Some(&bias), false);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err()
    };
    assert!(!refused(8, 12, 6, 3));
    assert!(refused(7, 12, 6, 3) && refused(8, 11, 6, 3) && refused(8, 12, 5, 3) && refused(8, 12, 6, 2));
}

//! Dense layers and convolutions in GFLOP/s beside the reference and the machine's measured peaks:
//! `cargo bench --bench products [filter]`.
//!
//! Both versions take turns; of every time the smallest counts. A multiply-add is two operations, useful ones only.
//! Without `--bench` everything runs once.

#![allow(clippy::cast_precision_loss)] // counts of operations, far below 2^53

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, ops::ActivationOps};
use burn::tensor::{Shape, TensorData};
use elbo_kernels::geometry::Extent;
use elbo_kernels::{ConvGeometry, DataFormat, Epilogue, Padding, VariationalOps, reference};
use std::hint::black_box;
use std::time::Instant;

/// `name, batch, lengths, channels, filters, kernel, stride, dilation`
type Convolution = (&'static str, usize, &'static [usize], usize, usize, usize, usize, usize);

const CONVOLUTIONS: [Convolution; 11] = [
    ("seed n32", 32, &[128], 1, 64, 5, 1, 1),
    ("seed n128", 128, &[128], 1, 64, 5, 1, 1),
    ("seed n512", 512, &[128], 1, 64, 5, 1, 1),
    ("l256 c64 f128 k5", 32, &[256], 64, 128, 5, 1, 1),
    ("l512 c128 f128 k3", 16, &[512], 128, 128, 3, 1, 1),
    ("l1024 c16 f32 k9", 64, &[1024], 16, 32, 9, 1, 1),
    ("l256 c64 f128 k5 s2", 32, &[256], 64, 128, 5, 2, 1),
    ("l256 c64 f128 k5 d2", 32, &[256], 64, 128, 5, 1, 2),
    ("l150 c128 f256 k5", 16, &[150], 128, 256, 5, 1, 1),
    ("28x28 c16 f32 k3", 32, &[28, 28], 16, 32, 3, 1, 1),
    ("8x16x16 c8 f16 k3", 4, &[8, 16, 16], 8, 16, 3, 1, 1),
];

/// `name, rows, inputs, units`
const DENSE: [(&str, usize, usize, usize); 4] = [
    ("dense 32x8192x10", 32, 8192, 10),
    ("dense 128x8192x10", 128, 8192, 10),
    ("dense 512x8192x10", 512, 8192, 10),
    ("dense 256x1024x1024", 256, 1024, 1024),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seconds = if arguments.iter().any(|a| a == "--bench") { 0.6 } else { 0.0 };
    let filters: Vec<_> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let chosen = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let threads = rayon::current_num_threads();
    let (peak, copy) = (peak(threads), copy(threads));
    println!("{threads} threads: {peak:.0} GFLOP/s, copies {copy:.1} GB/s (read and written)");
    println!("{:24} {:>14} {:>14} {:>7} {:>8}", "", "ours ms", "GFLOP/s", "peak", "ref/ours");
    for case in CONVOLUTIONS.iter().filter(|case| chosen(case.0)) {
        convolution(case, seconds, peak);
    }
    for &(name, rows, inputs, units) in DENSE.iter().filter(|case| chosen(case.0)) {
        dense(name, [rows, inputs, units], seconds, peak);
    }
}

fn convolution(&(name, batch, lengths, channels, filters, k, stride, dilation): &Convolution, seconds: f64, peak: f64) {
    let three = |value: usize| core::array::from_fn(|axis| if axis + lengths.len() >= 3 { value } else { 1 });
    let geometry = ConvGeometry {
        rank: lengths.len(),
        kernel: three(k),
        strides: three(stride),
        dilation: three(dilation),
        padding: Padding::Same,
        format: DataFormat::ChannelsLast,
        channels,
        filters,
        groups: 1,
    };
    let extent: Extent = geometry.extent(lengths).unwrap();
    let x = random(&[&[batch], lengths, &[channels]].concat());
    let (kernel, bias) = (random(&[1, geometry.window() * filters]), random(&[1, filters]));
    let grad = random(&geometry.output_shape(batch, &extent));
    let flops = 2.0 * (batch * extent.positions() * geometry.window() * filters) as f64;
    let relu = Epilogue::Relu;
    let forward = || Flex::convolution(x.clone(), kernel.clone(), bias.clone(), geometry, true, relu);
    let by_reference =
        || reference::convolution::convolution::<Flex>(x.clone(), kernel.clone(), bias.clone(), &geometry, true, relu);
    row(&format!("{name} forward"), flops, peak, seconds, forward, by_reference);
    let output = forward();
    let parts = [([false, true, true], "dW", 1.0), ([true, false, false], "dx", 1.0), ([true; 3], "dx, dW", 2.0)];
    for (wanted, of, products) in parts {
        let backward = || {
            let tensors = (x.clone(), kernel.clone(), output.clone(), grad.clone());
            Flex::convolution_backward(tensors.0, tensors.1, tensors.2, tensors.3, geometry, true, relu, wanted)
        };
        let by_reference = || {
            let (x, kernel, grad) = (x.clone(), kernel.clone(), Flex::relu_backward(output.clone(), grad.clone()));
            let dx = wanted[0].then(|| {
                let dx = reference::convolution::convolution_backward_input::<Flex>;
                dx(kernel, grad.clone(), &geometry, extent.input, true)
            });
            let dw = wanted[1].then(|| {
                let dw = reference::convolution::convolution_backward_kernel::<Flex>;
                dw(x, grad.clone(), &geometry, 1, true)
            });
            let bias = reference::product::bias_backward::<Flex>;
            (dx, dw, wanted[2].then(|| bias(grad, 1, geometry.channel_axis())))
        };
        row(&format!("{name} {of}"), products * flops, peak, seconds, backward, by_reference);
    }
}

fn dense(name: &str, [rows, inputs, units]: [usize; 3], seconds: f64, peak: f64) {
    let (x, kernel, bias) = (random(&[rows, inputs]), random(&[1, inputs * units]), random(&[1, units]));
    let grad = random(&[rows, units]);
    let flops = 2.0 * (rows * inputs * units) as f64;
    let linear = Epilogue::Linear;
    let forward = || Flex::dense(x.clone(), kernel.clone(), bias.clone(), true, linear);
    let by_reference = || reference::dense::dense::<Flex>(x.clone(), kernel.clone(), bias.clone(), true, linear);
    row(&format!("{name} forward"), flops, peak, seconds, forward, by_reference);
    let backward = || Flex::dense_backward_kernel(x.clone(), grad.clone(), 1, true);
    let by_reference = || reference::dense::dense_backward_kernel::<Flex>(x.clone(), grad.clone(), 1, true);
    row(&format!("{name} dW"), flops, peak, seconds, backward, by_reference);
    let backward = || Flex::dense_backward_input(kernel.clone(), grad.clone(), true);
    let by_reference = || reference::dense::dense_backward_input::<Flex>(kernel.clone(), grad.clone(), true);
    row(&format!("{name} dx"), flops, peak, seconds, backward, by_reference);
}

fn row<A, B>(name: &str, flops: f64, peak: f64, seconds: f64, ours: impl Fn() -> A, reference: impl Fn() -> B) {
    let (mut best, started) = ([f64::INFINITY; 2], Instant::now());
    loop {
        for _ in 0..4 {
            best[0] = best[0].min(time(&ours));
        }
        best[1] = best[1].min(time(&reference));
        if started.elapsed().as_secs_f64() >= seconds {
            break;
        }
    }
    let rate = flops / best[0] / 1e9;
    println!("{name:24} {:14.3} {rate:14.1} {:6.0}% {:8.2}", best[0] * 1e3, rate / peak * 100.0, best[1] / best[0]);
}

fn time<T>(f: impl Fn() -> T) -> f64 {
    let started = Instant::now();
    black_box(f());
    started.elapsed().as_secs_f64()
}

fn random(shape: &[usize]) -> FlexTensor {
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i: usize| ((i * 7919) % 1000) as f32 / 500.0 - 1.0).collect();
    FlexTensor::from_data(TensorData::new(values, Shape::from(shape.to_vec())))
}

/// The best of several rounds in which every thread does `work` units, in units per nanosecond.
fn rate(threads: usize, work: f64, f: impl Fn() + Sync) -> f64 {
    let round = || {
        let started = Instant::now();
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(&f))));
        started.elapsed().as_secs_f64()
    };
    let seconds = (0..60).map(|_| round()).fold(f64::INFINITY, f64::min);
    threads as f64 * work / seconds / 1e9
}

const LOOPS: usize = 500_000;

/// Operations of a loop of multiply-adds in registers.
fn peak(threads: usize) -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps, _mm512_fmadd_ps, _mm512_set1_ps};

        /// Twelve sums that stay in registers.
        macro_rules! multiply_add {
            ($name:ident, $features:literal, $splat:ident $fma:ident) => {
                #[target_feature(enable = $features)]
                fn $name() {
                    let (x, y) = ($splat(black_box(0.5)), $splat(black_box(0.25)));
                    let mut sums = [$splat(1.0); 12];
                    for _ in 0..LOOPS {
                        let [a, b, c, d, e, f, g, h, i, j, k, l] = sums;
                        sums = [
                            $fma(a, x, y),
                            $fma(b, x, y),
                            $fma(c, x, y),
                            $fma(d, x, y),
                            $fma(e, x, y),
                            $fma(f, x, y),
                            $fma(g, x, y),
                            $fma(h, x, y),
                            $fma(i, x, y),
                            $fma(j, x, y),
                            $fma(k, x, y),
                            $fma(l, x, y),
                        ];
                    }
                    black_box(sums);
                }
            };
        }
        multiply_add!(wide, "avx2,fma", _mm256_set1_ps _mm256_fmadd_ps);
        multiply_add!(widest, "avx512f", _mm512_set1_ps _mm512_fmadd_ps);
        let work = (LOOPS * 12 * 2) as f64;
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the instructions are there.
            return rate(threads, work * 16.0, || unsafe { widest() });
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the instructions are there.
            return rate(threads, work * 8.0, || unsafe { wide() });
        }
    }
    rate(threads, (LOOPS * 12 * 2) as f64 * 4.0, || {
        let (x, mut sums) = (black_box([0.5_f32; 4]), [[1.0_f32; 4]; 12]);
        for _ in 0..LOOPS {
            for sum in &mut sums {
                (0..4).for_each(|i| sum[i] = sum[i] * x[i] + 0.25);
            }
        }
        black_box(sums);
    })
}

/// Bytes of a copy that no cache can hold, read and written.
fn copy(threads: usize) -> f64 {
    let len = 1_usize << 24;
    let targets: Vec<_> = (0..threads).map(|_| std::sync::Mutex::new(vec![0.0_f32; len])).collect();
    let from = vec![1.0_f32; len];
    rate(threads, (len * 8) as f64, || {
        if let Some(mut to) = targets.iter().find_map(|target| target.try_lock().ok()) {
            to.copy_from_slice(&from);
        }
    })
}

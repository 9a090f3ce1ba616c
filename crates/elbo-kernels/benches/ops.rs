//! Time and throughput of the operations on the shapes of a small time-series network: `cargo bench --bench ops`.
//!
//! Items are elements for draws and divergences, multiply-adds for products (three times as many with the backward
//! pass). Under `cargo test` every benchmark runs once.

use burn::optim::{AdamConfig, Optimizer};
use burn::tensor::{Device, Distribution, Tensor};
use divan::{
    Bencher,
    counter::{BytesCount, ItemsCount},
};
use elbo_kernels::noise::{normal::normals_f32, sign::signs};
use elbo_kernels::{
    AdamStep, ConvGeometry, DataFormat, Epilogue, Padding, Stream, TransposedGeometry, adam_step, convolution, dense,
    kl_normal, normal_mean, normal_variance, sample_normal, sum_squares, transposed_convolution,
};
use rayon::prelude::*;

const BATCH: usize = 128;
const LENGTH: usize = 128;
const FILTERS: usize = 64;
const KERNEL: usize = 5;
const WEIGHTS: [usize; 2] = [20_480, 1 << 20];
const DENSE: [usize; 2] = [8192, 10];

#[global_allocator]
static ALLOCATOR: elbo_kernels::memory::Recycling = elbo_kernels::memory::Recycling::new();

fn main() {
    divan::main();
}

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

fn geometry(channels: usize) -> ConvGeometry {
    ConvGeometry {
        rank: 1,
        kernel: [1, 1, KERNEL],
        strides: [1; 3],
        dilation: [1; 3],
        padding: Padding::Same,
        format: DataFormat::ChannelsLast,
        channels,
        filters: FILTERS,
        groups: 1,
    }
}

/// What the machine can copy: the peak beside which passes over memory stand. Bytes are read and written.
#[divan::bench(args = [1_000_000, 10_000_000])]
fn copy_peak(bencher: Bencher<'_, '_>, n: usize) {
    let (from, mut to) = (vec![1.0_f32; n], vec![0.0_f32; n]);
    bencher.counter(BytesCount::new(8 * n)).bench_local(|| {
        let parts = from.par_chunks(1 << 14).zip(to.par_chunks_mut(1 << 14));
        parts.for_each(|(from, to)| to.copy_from_slice(from));
    });
}

/// A step of Adam. Bytes: parameter, gradient and both moments read, parameter and moments written.
#[divan::bench(args = [20_480, 1_000_000, 10_000_000])]
fn adam(bencher: Bencher<'_, '_>, n: usize) {
    let device = Device::flex();
    let mut state = Some((random::<1>([n], &device), [random([n], &device), random([n], &device).abs()]));
    let grad = random([n], &device);
    let mut time = 0;
    bencher.counter(BytesCount::new(28 * n)).bench_local(|| {
        time += 1;
        let step = AdamStep::new(1e-3, [0.9, 0.999], 1e-8, time);
        let (parameter, moments) = state.take().expect("the state of the last step");
        state = Some(adam_step(parameter, grad.clone(), moments, step));
    });
}

/// The same by Burn's operations.
#[divan::bench(args = [20_480, 1_000_000, 10_000_000])]
fn adam_of_burn(bencher: Bencher<'_, '_>, n: usize) {
    let device = Device::flex();
    let adam = AdamConfig::new().with_epsilon(1e-8).build();
    let mut state = Some((random::<1>([n], &device), None));
    let grad = random([n], &device);
    bencher.counter(BytesCount::new(28 * n)).bench_local(|| {
        let (parameter, moments) = state.take().expect("the state of the last step");
        state = Some(adam.step(1e-3, parameter, grad.clone(), moments));
    });
}

#[divan::bench(args = WEIGHTS)]
fn normals(bencher: Bencher<'_, '_>, n: usize) {
    let draws = Stream::named(7, "bench/kernel").draws(0, 1);
    bencher.counter(ItemsCount::new(n)).bench(|| normals_f32(draws, n));
}

#[divan::bench(args = WEIGHTS)]
fn random_signs(bencher: Bencher<'_, '_>, n: usize) {
    let draws = Stream::named(7, "bench/kernel").draws(0, 1);
    bencher.counter(ItemsCount::new(n)).bench(|| signs(draws, n));
}

#[divan::bench(args = WEIGHTS)]
fn sample(bencher: Bencher<'_, '_>, n: usize) {
    let device = Device::flex();
    let (loc, u) = (random([n], &device), random([n], &device));
    let draws = Stream::named(7, "bench/kernel").draws(0, 1);
    bencher.counter(ItemsCount::new(n)).bench(|| sample_normal(loc.clone(), u.clone(), draws).into_data());
}

#[divan::bench(args = WEIGHTS)]
fn sample_backward(bencher: Bencher<'_, '_>, n: usize) {
    let device = Device::flex().autodiff();
    let (loc, u) = (random([n], &device).require_grad(), random([n], &device).require_grad());
    let draws = Stream::named(7, "bench/kernel").draws(0, 1);
    bencher.counter(ItemsCount::new(n)).bench(|| {
        let grads = sample_normal(loc.clone(), u.clone(), draws).sum().backward();
        (loc.grad(&grads), u.grad(&grads))
    });
}

/// Forward and backward.
#[divan::bench(args = WEIGHTS)]
fn kl(bencher: Bencher<'_, '_>, n: usize) {
    let device = Device::flex().autodiff();
    let (loc, u) = (random([n], &device).require_grad(), random([n], &device).require_grad());
    let (prior_loc, prior_scale) = (Tensor::zeros([1], &device), Tensor::ones([1], &device));
    bencher.counter(ItemsCount::new(n)).bench(|| {
        let grads = kl_normal(loc.clone(), u.clone(), prior_loc.clone(), prior_scale.clone()).backward();
        (loc.grad(&grads), u.grad(&grads))
    });
}

/// A draw and a divergence, forward and backward: the workload `sample_kl` of the comparison with other libraries.
#[divan::bench(args = [100_000, 1_000_000, 10_000_000])]
fn sample_kl(bencher: Bencher<'_, '_>, n: usize) {
    let device = Device::flex().autodiff();
    let (loc, u) = (random([n], &device).require_grad(), random([n], &device).require_grad());
    let (prior_loc, prior_scale) = (Tensor::<1>::zeros([1], &device), Tensor::<1>::ones([1], &device));
    let weight = 1.0 / f64::from(u32::try_from(n).expect("few weights"));
    let mut draw = 0;
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        draw += 1;
        let sample = sample_normal(loc.clone(), u.clone(), Stream::named(7, "bench/kernel").draws(draw, 1));
        let divergence = kl_normal(loc.clone(), u.clone(), prior_loc.clone(), prior_scale.clone());
        let loss = sum_squares(sample).mul_scalar(0.5 * weight) + divergence.mul_scalar(weight);
        let grads = loss.backward();
        (loss.into_scalar::<f32>(), loc.grad(&grads), u.grad(&grads))
    });
}

/// Means, variances and a divergence, forward and backward: what local reparameterization makes of its weights.
#[divan::bench(args = [100_000, 1_000_000])]
fn moments_kl(bencher: Bencher<'_, '_>, n: usize) {
    let device = Device::flex().autodiff();
    let (loc, u) = (random([n], &device).require_grad(), random([n], &device).require_grad());
    let (prior_loc, prior_scale) = (Tensor::<1>::zeros([1], &device), Tensor::<1>::ones([1], &device));
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        let (mean, variance) = (normal_mean(loc.clone(), u.clone()), normal_variance(u.clone()));
        let divergence = kl_normal(loc.clone(), u.clone(), prior_loc.clone(), prior_scale.clone());
        let grads = (sum_squares(mean) + sum_squares(variance) + divergence).backward();
        (loc.grad(&grads), u.grad(&grads))
    });
}

#[divan::bench(args = [1, 64])]
fn conv_forward(bencher: Bencher<'_, '_>, channels: usize) {
    let device = Device::flex();
    let input = random([BATCH, LENGTH, channels], &device);
    let kernel = random([1, KERNEL * channels * FILTERS], &device);
    let bias = random([1, FILTERS], &device);
    let items = BATCH * LENGTH * KERNEL * channels * FILTERS;
    bencher
        .counter(ItemsCount::new(items))
        .bench(|| convolution(input.clone(), kernel.clone(), bias.clone(), geometry(channels), true, Epilogue::Relu));
}

#[divan::bench(args = [1, 64])]
fn conv_backward(bencher: Bencher<'_, '_>, channels: usize) {
    let device = Device::flex().autodiff();
    let input = random([BATCH, LENGTH, channels], &device).require_grad();
    let kernel = random([1, KERNEL * channels * FILTERS], &device).require_grad();
    let bias = random([1, FILTERS], &device).require_grad();
    let items = 3 * BATCH * LENGTH * KERNEL * channels * FILTERS;
    bencher.counter(ItemsCount::new(items)).bench(|| {
        convolution(input.clone(), kernel.clone(), bias.clone(), geometry(channels), true, Epilogue::Relu)
            .sum()
            .backward()
    });
}

/// Forward and backward; as many groups as channels are a depthwise convolution.
#[divan::bench(args = [1, 4, 64])]
fn grouped(bencher: Bencher<'_, '_>, groups: usize) {
    let device = Device::flex().autodiff();
    let weights = KERNEL * FILTERS / groups * FILTERS;
    let input = random([BATCH, LENGTH, FILTERS], &device).require_grad();
    let kernel = random([1, weights], &device).require_grad();
    let bias = random([1, FILTERS], &device).require_grad();
    let geometry = ConvGeometry { groups, ..geometry(FILTERS) };
    bencher.counter(ItemsCount::new(3 * BATCH * LENGTH * weights)).bench(|| {
        convolution(input.clone(), kernel.clone(), bias.clone(), geometry, true, Epilogue::Relu).sum().backward()
    });
}

/// Forward and backward, to twice the length.
#[divan::bench]
fn transposed(bencher: Bencher<'_, '_>) {
    let device = Device::flex().autodiff();
    let weights = KERNEL * FILTERS * FILTERS;
    let input = random([BATCH, LENGTH / 2, FILTERS], &device).require_grad();
    let kernel = random([1, weights], &device).require_grad();
    let bias = random([1, FILTERS], &device).require_grad();
    let geometry =
        TransposedGeometry { sizes: ConvGeometry { strides: [1, 1, 2], ..geometry(FILTERS) }, output_padding: None };
    bencher.counter(ItemsCount::new(3 * BATCH * LENGTH / 2 * weights)).bench(|| {
        transposed_convolution(input.clone(), kernel.clone(), bias.clone(), geometry, true, Epilogue::Relu)
            .sum()
            .backward()
    });
}

#[divan::bench]
fn dense_forward(bencher: Bencher<'_, '_>) {
    let device = Device::flex();
    let [inputs, units] = DENSE;
    let (input, kernel) = (random([BATCH, inputs], &device), random([1, inputs * units], &device));
    let bias = random([1, units], &device);
    bencher
        .counter(ItemsCount::new(BATCH * inputs * units))
        .bench(|| dense(input.clone(), kernel.clone(), bias.clone(), true, Epilogue::Linear));
}

#[divan::bench]
fn dense_backward(bencher: Bencher<'_, '_>) {
    let device = Device::flex().autodiff();
    let [inputs, units] = DENSE;
    let input = random([BATCH, inputs], &device).require_grad();
    let kernel = random([1, inputs * units], &device).require_grad();
    let bias = random([1, units], &device).require_grad();
    bencher
        .counter(ItemsCount::new(3 * BATCH * inputs * units))
        .bench(|| dense(input.clone(), kernel.clone(), bias.clone(), true, Epilogue::Linear).sum().backward());
}

//! Noise has the same bits wherever it is made: by itself, inside an operation, by a default body, on any instruction set
//! and any number of threads.

use super::{Kernels, POOLS, available, draws, limited, with};
use crate::VariationalOps;
use crate::geometry::Epilogue;
use crate::layout::ChannelLayout;
use crate::noise::normal::normals_f32;
use crate::noise::sign::signs;
use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Shape, TensorData};

const SAMPLES: usize = 2;
const N: usize = if cfg!(miri) { 300 } else { 20_003 };

fn full(value: f32, shape: impl Into<Shape>) -> FlexTensor {
    let shape = shape.into();
    FlexTensor::from_data(TensorData::new(vec![value; shape.num_elements()], shape))
}

fn bits(x: &FlexTensor, scale: f32) -> Vec<u32> {
    x.to_contiguous().as_slice::<f32>().unwrap().iter().map(|x| (x * scale).to_bits()).collect()
}

/// Every operation that makes normals, with arguments that leave them alone.
fn normals() -> Vec<(&'static str, Vec<u32>)> {
    let (draws, one) = (draws(SAMPLES), draws(1));
    let layout = ChannelLayout { rows: N, before: 1, channels: 1, after: 1 };
    let added =
        Flex::add_noise(full(0.0, [N, 1]), full(1.0, [N, 1]), full(0.0, [SAMPLES, 1]), draws, layout, Epilogue::Linear);
    // The smallest scale is a power of 2, and the largest slope 1.
    let sample = Flex::sample_normal(full(0.0, [N]), full(f32::NEG_INFINITY, [N]), draws);
    let (_, slope) = Flex::sample_normal_backward(full(100.0, [N]), full(1.0, [1, N]), one);
    let variance = Flex::add_noise_backward_variance(full(0.25, [N, 1]), full(1.0, [N, 1]), one, layout);
    vec![
        ("normal_noise", bits(&Flex::normal_noise(full(0.0, [1]), draws, N), 1.0)),
        ("add_noise", bits(&added, 1.0)),
        ("sample_normal", bits(&sample, 1.0 / f32::EPSILON)),
        ("sample_normal_backward", bits(&slope, 1.0)),
        ("add_noise_backward_variance", bits(&variance, 1.0)),
    ]
}

/// Every operation that makes signs.
fn all_signs() -> Vec<(&'static str, Vec<u32>)> {
    let draws = draws(SAMPLES);
    let layout = ChannelLayout { rows: N, before: 1, channels: 1, after: 1 };
    let (ones, zeros) = (full(1.0, [SAMPLES * N, 1]), full(0.0, [SAMPLES * N, 1]));
    let bias = full(0.0, [SAMPLES, 1]);
    vec![
        ("sign_noise", bits(&Flex::sign_noise(full(0.0, [1]), draws, N), 1.0)),
        ("perturb_signs", bits(&Flex::perturb_signs(full(1.0, [N, 1]), draws, layout, true), 1.0)),
        ("perturb_signs_backward", bits(&Flex::perturb_signs_backward(ones.clone(), draws, layout, false), 1.0)),
        ("add_perturbation", bits(&Flex::add_perturbation(zeros, ones, bias, draws, layout, Epilogue::Linear), 1.0)),
    ]
}

/// `f` on every path.
fn everywhere<T>(f: impl Fn() -> T + Sync) -> Vec<(String, T)>
where
    T: Send,
{
    let mut results = vec![];
    for level in available() {
        for kernels in [Kernels::Fused, Kernels::Reference] {
            let run = || limited(level, || with(kernels, &f));
            results.push((format!("{level:?} {kernels:?}"), run()));
            for pool in POOLS.iter() {
                let threads = pool.current_num_threads();
                results.push((format!("{level:?} {kernels:?} {threads} threads"), pool.install(run)));
            }
        }
    }
    results
}

#[test]
fn noise_is_the_same_on_every_path() {
    let of = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
    let (expected, first) = (of(normals_f32(draws(SAMPLES), N)), of(normals_f32(draws(1), N)));
    for (path, found) in everywhere(normals) {
        for (name, found) in found {
            let expected = if found.len() == N { &first } else { &expected };
            assert!(found == *expected, "{name} by {path}");
        }
    }
    let expected = of(signs(draws(SAMPLES), N));
    for (path, found) in everywhere(all_signs) {
        for (name, found) in found {
            assert!(found == expected, "{name} by {path}");
        }
    }
}

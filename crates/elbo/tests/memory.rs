//! The highest resident memory of a prediction does not grow with the number of weight samples: each is a process of its
//! own that says what it took.
#![cfg(target_os = "linux")]

use burn::tensor::{Device, Tensor};
use elbo::model::{InputShape, Model, SeriesBatch, preset};
use elbo::objective::Likelihood;
use elbo::predict::{PassSize, PosteriorPredictive};
use elbo::{Noise, Trace};
use std::process::Command;

/// As in the program `elbo`.
#[global_allocator]
static MEMORY: elbo::memory::Recycling = elbo::memory::Recycling::new();

/// Names threads, series and weight samples to a process that is measured.
const SIZES: &str = "ELBO_TEST_SIZES";

/// Length of the series.
const LENGTH: usize = 24;

/// What a process does.
#[derive(Clone, Copy)]
struct Sizes {
    threads: usize,
    series: usize,
    samples: usize,
}

/// Predicts series with the `conv1d` preset.
fn predict(Sizes { series, samples, .. }: Sizes) {
    let input = InputShape { channels: 1, length: LENGTH };
    let model = Model::new(&preset("conv1d").unwrap(), input, Likelihood::categorical(2), 3, &Device::flex()).unwrap();
    let network = &model.network;
    let x = Tensor::<3>::ones([series, LENGTH, 1], &Device::flex());
    let size =
        PassSize { examples: series, values: network.values_at(LENGTH), weights: network.drawn_weights(), outputs: 2 };
    let forward = |rows: std::ops::Range<usize>, trace: &mut Trace| {
        network.forward(SeriesBatch::new(x.clone().narrow(0, rows.start, rows.len())), trace)
    };
    let mut sum = 0.0;
    let each = |_, outputs: &[f64]| {
        sum += outputs.iter().sum::<f64>();
        Ok(())
    };
    PosteriorPredictive::new(samples, Noise::seeded(1)).unwrap().for_each_part(size, forward, each).unwrap();
    assert!(sum.is_finite());
}

/// The highest resident set so far, in kB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The highest peak of some processes, in kB: with few passes, one of two threads can happen to do most of them.
fn peak_of(Sizes { threads, series, samples }: Sizes, processes: usize) -> usize {
    let run = |_| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let child = child.args(["--exact", "one_prediction", "--nocapture"]);
        let output = child.env(SIZES, format!("{threads} {series} {samples}")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let peak = text.split_once("PEAK ").unwrap().1;
        peak.split_whitespace().next().unwrap().parse().unwrap()
    };
    (0..processes).map(run).max().unwrap()
}

/// What the processes do.
#[test]
fn one_prediction() {
    let sizes = std::env::var(SIZES).unwrap_or_else(|_| "2 100 10".into());
    let sizes: Vec<usize> = sizes.split(' ').map(|size| size.parse().unwrap()).collect();
    let sizes = Sizes { threads: sizes[0], series: sizes[1], samples: sizes[2] };
    elbo::threads::start(sizes.threads).unwrap();
    predict(sizes);
    println!("PEAK {}", peak());
}

/// Memory of `more` weight samples is within a tenth of that of ten.
fn compare(ten: Sizes, more: usize) {
    let (few, many) = (peak_of(ten, 5), peak_of(Sizes { samples: more, ..ten }, 1));
    assert!(10 * many <= 11 * few, "{more} samples: {many} kB, ten: {few} kB");
    assert!(10 * few <= 11 * many, "{more} samples: {many} kB, ten: {few} kB");
}

#[test]
fn a_thousand_weight_samples_take_the_memory_of_ten() {
    compare(Sizes { threads: 2, series: 6000, samples: 10 }, 1000);
}

#[test]
fn ten_thousand_weight_samples_take_the_memory_of_ten() {
    compare(Sizes { threads: 1, series: 100, samples: 10 }, 10_000);
}

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

/// Names the number of weight samples to a process that is measured.
const SAMPLES: &str = "ELBO_TEST_SAMPLES";

/// Predicts 128 series of 48 steps with the `conv1d` preset.
fn predict(samples: usize) {
    let input = InputShape { channels: 1, length: 48 };
    let model = Model::new(&preset("conv1d").unwrap(), input, Likelihood::categorical(2), 3, &Device::flex()).unwrap();
    let x = Tensor::<3>::ones([128, 48, 1], &Device::flex());
    let size =
        PassSize { examples: 128, values: model.network.values_at(48), weights: model.network.drawn_weights() };
    let forward = |rows: std::ops::Range<usize>, trace: &mut Trace| {
        model.network.forward(SeriesBatch::new(x.clone().narrow(0, rows.start, rows.len())), trace)
    };
    let mut sum = 0.0;
    let predictive = PosteriorPredictive::new(samples, Noise::seeded(1)).unwrap();
    predictive.for_each_part(size, forward, |_, outputs| {
        sum += outputs.iter().sum::<f64>();
        Ok(())
    })
    .unwrap();
    assert!(sum.is_finite());
}

/// The highest resident set so far, in kB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The highest peak of five processes, in kB: with few passes, one of two threads can happen to do most of them.
fn peak_of(samples: usize) -> usize {
    let run = |_| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let child = child.args(["--exact", "one_prediction", "--nocapture"]).env(SAMPLES, samples.to_string());
        let output = child.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let peak = text.split_once("PEAK ").unwrap().1;
        peak.split_whitespace().next().unwrap().parse().unwrap()
    };
    (0..5).map(run).max().unwrap()
}

/// What the processes do.
#[test]
fn one_prediction() {
    elbo::threads::start(2).unwrap();
    predict(std::env::var(SAMPLES).map_or(1, |samples| samples.parse().unwrap()));
    println!("PEAK {}", peak());
}

#[test]
fn a_thousand_and_ten_thousand_weight_samples_take_no_more_memory_than_ten() {
    let ten = peak_of(10);
    for samples in [1000, 10_000] {
        let found = peak_of(samples);
        assert!(10 * found <= 11 * ten, "{samples} samples: {found} kB, ten: {ten} kB");
    }
}

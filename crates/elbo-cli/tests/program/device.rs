//! `--device`: what this build has, and runs that move from one device to another.
//!
//! With `ELBO_TEST_DEVICE` the other device is a GPU, without it the CPU once more.

use crate::program::{Folder, fail, run, shipped};
use elbo::device::Runtime;
use serde_json::Value;
use std::fs;
use std::path::Path;

const TEST: &str = "ItalyPowerDemand/ItalyPowerDemand_TEST.ts";

fn other() -> String {
    std::env::var("ELBO_TEST_DEVICE").unwrap_or_else(|_| "flex".into())
}

#[test]
fn a_device_that_is_not_there_is_told_before_anything_is_written() {
    let folder = Folder::new();
    let out = folder.path("run");
    let unknown = fail(["train", "--out", &out, "--device", "gpu"]);
    assert!(
        unknown.contains("unknown device `gpu`: expected one of flex, wgpu, vulkan, metal, cuda, rocm"),
        "{unknown}"
    );
    let numbered = fail(["train", "--out", &out, "--device", "flex:1"]);
    assert_eq!(numbered, "device `flex:1`: the CPU has no number");
    for missing in Runtime::ALL.into_iter().filter(|runtime| !runtime.is_built()).map(Runtime::name) {
        let message = fail(["train", "--out", &out, "--device", missing]);
        assert!(message.starts_with(&format!("this build has no device `{missing}`, only flex")), "{message}");
        assert!(message.ends_with(&format!("build with the cargo feature `{missing}`")), "{message}");
    }
    assert!(folder.files().is_empty());
}

/// Probabilities of the first class.
fn predicted(run_folder: &str, device: &str) -> Vec<f64> {
    let input = shipped(TEST);
    let rows = run(["predict", "--json", "--run", run_folder, "--input", &input, "--device", device]);
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    rows.iter().map(|row| row["prob_1"].as_f64().unwrap()).collect()
}

/// Draws are equal on all devices, outputs of the same weights to the rounding of `f32`: logits of some ten units, from
/// sums of some hundred terms, move by less than 1e-4, and probabilities by no more than a quarter of that.
#[test]
fn a_run_opens_on_another_device() {
    let folder = Folder::new();
    let out = folder.path("run");
    run(["train", "--epochs", "10", "--samples", "5", "--out", &out, "--device", &other()]);
    let metrics: Value = serde_json::from_slice(&fs::read(Path::new(&out).join("metrics.json")).unwrap()).unwrap();
    assert_eq!(metrics["timing"]["device"], other().as_str());
    let events = fs::read_to_string(Path::new(&out).join("events.jsonl")).unwrap();
    let start: Value = serde_json::from_str(events.lines().next().unwrap()).unwrap();
    assert_eq!((&start["event"], &start["device"]), (&"start".into(), &other().into()));

    let (here, there) = (predicted(&out, "flex"), predicted(&out, &other()));
    assert_eq!(here.len(), 1029);
    for (here, there) in here.iter().zip(&there) {
        assert!((here - there).abs() < 2.5e-5, "{here} on the CPU, {there} on {}", other());
    }
}

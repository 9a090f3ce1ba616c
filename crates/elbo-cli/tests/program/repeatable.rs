//! The same seed gives the same numbers.

use crate::program::{Folder, elbo, metrics, run};
use std::fs;
use std::path::Path;

#[test]
fn two_runs_of_one_seed_are_equal_and_another_seed_is_not() {
    let folder = Folder::new();
    let train = |name: &str, seed: &str| {
        let out = folder.path(name);
        run(["train", "--epochs", "20", "--seed", seed, "--out", &out]);
        let file = |name: &str| fs::read(Path::new(&out).join(name)).unwrap();
        (metrics(&out), file("model.safetensors"), file("predictions.csv"))
    };
    let first = train("a", "5");
    assert_eq!(first, train("b", "5"));
    let other = train("c", "6");
    assert_ne!(first.0, other.0);
    assert_ne!(first.1, other.1);
}

/// A network whose layers are large enough for several threads.
const NETWORK: &str = r#"
[[layer]]
kind = "conv1d"
filters = 64
kernel_size = 8
padding = "same"
activation = "relu"

[[layer]]
kind = "conv1d"
filters = 96
kernel_size = 5
padding = "same"
activation = "silu"
estimator = "flipout"

[[layer]]
kind = "global_average_pooling"

[[layer]]
kind = "dense"
estimator = "local_reparameterization"
"#;

/// Parameters and predictions do not depend on the number of threads: not in their last bit.
#[test]
fn runs_on_one_two_and_eight_threads_are_equal() {
    let folder = Folder::new();
    let model = folder.file("model.toml", NETWORK);
    for (name, network) in [("preset", ["--preset", "conv1d"]), ("network", ["--model", &model])] {
        let train = |threads: &str| {
            let out = folder.path(&format!("{name}-{threads}"));
            let settings = ["--epochs", "3", "--samples", "5", "--threads", threads, "--out", &out];
            run(["train", "--dataset", "gun-point"].into_iter().chain(settings).chain(network));
            let file = |name: &str| fs::read(Path::new(&out).join(name)).unwrap();
            (file("model.safetensors"), file("predictions.csv"), metrics(&out))
        };
        let one = train("1");
        for threads in ["2", "8"] {
            assert!(train(threads) == one, "{name}: {threads} threads");
        }
    }
}

/// The pool is the only one: what runs besides it are the main thread and the one that waits for signals.
#[cfg(target_os = "linux")]
#[test]
fn there_are_as_many_threads_as_asked_for() {
    let folder = Folder::new();
    let model = folder.file("model.toml", NETWORK);
    for (threads, variable) in [(1, None), (3, None), (5, Some("5"))] {
        let out = folder.path(&format!("run-{threads}"));
        let mut command = elbo(["train", "--dataset", "gun-point", "--model", &model, "--epochs", "4", "--out", &out]);
        match variable {
            Some(count) => command.env("ELBO_THREADS", count),
            None => command.args(["--threads", &threads.to_string()]),
        };
        let mut child = command.spawn().unwrap();
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let found = status.lines().find_map(|line| line.strip_prefix("Threads:"));
            most = most.max(found.map_or(0, |found| found.trim().parse().unwrap()));
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert_eq!(most, threads + 2, "{threads} threads");
    }
}

#[test]
fn one_and_two_threads_predict_alike() {
    let folder = Folder::new();
    let out = folder.path("run");
    run(["train", "--epochs", "20", "--threads", "2", "--out", &out]);
    let input = crate::program::shipped("ItalyPowerDemand/ItalyPowerDemand_TEST.ts");
    let predict = |threads: &str| run(["predict", "--threads", threads, "--run", &out, "--input", &input]);
    let one = predict("1");
    assert_eq!(one.lines().count(), 1030);
    assert_eq!(predict("2"), one);
}

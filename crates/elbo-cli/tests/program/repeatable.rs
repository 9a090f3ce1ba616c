//! The same seed gives the same numbers.

use crate::program::{Folder, metrics, run};
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

#[test]
fn one_and_two_threads_predict_alike() {
    let folder = Folder::new();
    let out = folder.path("run");
    run(["train", "--epochs", "20", "--threads", "2", "--out", &out]);
    let input = crate::program::shipped("ItalyPowerDemand/ItalyPowerDemand_TEST.ts");
    let predict = |threads: &str| run(["predict", "--threads", threads, "--run", &out, "--input", &input]);
    let (one, two) = (predict("1"), predict("2"));
    assert_eq!(one.lines().count(), 1030);
    for (a, b) in one.lines().zip(two.lines()).skip(1) {
        let numbers = |line: &str| line.split(',').skip(3).map(|x| x.parse::<f64>().unwrap()).collect::<Vec<_>>();
        assert!(numbers(a).iter().zip(numbers(b)).all(|(x, y)| (x - y).abs() <= 1e-5), "{a}\n{b}");
    }
}

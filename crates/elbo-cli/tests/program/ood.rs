//! `evaluate --ood`: telling another file's series by their uncertainty.

use crate::program::{Folder, fail, run, shipped};
use serde_json::Value;
use std::fmt::Write;

const TEST: &str = "ItalyPowerDemand/ItalyPowerDemand_TEST.ts";
const NAMES: [&str; 6] = [
    "expected_entropy",
    "mutual_information",
    "one_minus_max_probability",
    "predictive_entropy",
    "variance_epistemic",
    "variance_total",
];

/// Series of `length` values without labels: a fixed pseudo-random sequence.
fn noise(rows: u32, length: u32) -> String {
    let mut text = "@univariate true\n@data\n".to_owned();
    for i in 0..rows {
        let value = |t: u32| (f64::from(i * length + t) * 0.618_033_988_75 * 97.0).fract();
        let values: Vec<String> = (0..length).map(|t| format!("{:.4}", value(t))).collect();
        writeln!(text, "{}", values.join(",")).unwrap();
    }
    text
}

fn trained(folder: &Folder) -> String {
    let out = folder.path("run");
    run(["train", "--epochs", "40", "--samples", "30", "--no-report", "--out", &out]);
    out
}

fn evaluated(out: &str, input: &str, ood: &str) -> Value {
    serde_json::from_str(&run(["evaluate", "--json", "--run", out, "--input", input, "--ood", ood])).unwrap()
}

#[test]
fn both_ways_round_are_told_apart_equally_well() {
    let folder = Folder::new();
    let (out, foreign) = (trained(&folder), folder.file("noise.ts", noise(80, 24)));
    let found = evaluated(&out, &shipped(TEST), &foreign);
    assert!(found["scores"]["posterior_predictive"]["accuracy"]["value"].is_number());
    assert_eq!(found["ood"]["examples"], 80);
    let names: Vec<&String> = found["ood"]["scores"].as_object().unwrap().keys().collect();
    assert_eq!(names, NAMES);
    let back = evaluated(&out, &foreign, &shipped(TEST));
    assert!(back.get("scores").is_none(), "there is nothing to score by: {back}");
    for name in NAMES {
        let (there, back) = (&found["ood"]["scores"][name], &back["ood"]["scores"][name]);
        for score in ["auroc", "aupr_out", "aupr_in", "fpr95"] {
            let number = |end: &str| there[score][end].as_f64().unwrap();
            assert!(0.0 <= number("low") && number("low") <= number("high") && number("high") <= 1.0, "{name} {score}");
        }
        let sum = there["auroc"]["value"].as_f64().unwrap() + back["auroc"]["value"].as_f64().unwrap();
        assert!((sum - 1.0).abs() < 1e-12, "{name}: {sum}");
    }
    let table = run(["evaluate", "--run", &out, "--input", &shipped(TEST), "--ood", &foreign]);
    assert!(table.contains("Telling 80 examples of") && table.contains("mutual information"), "{table}");
}

#[test]
fn what_cannot_be_compared_is_an_error() {
    let folder = Folder::new();
    let (out, test) = (trained(&folder), shipped(TEST));
    let long = folder.file("long.ts", noise(3, 25));
    let message = fail(["evaluate", "--run", &out, "--input", &test, "--ood", &long]);
    assert!(message.contains("wrong length: expected 24"), "{message}");
    let message = fail(["evaluate", "--run", &out, "--input", &test, "--ood", &folder.path("none.ts")]);
    assert!(message.contains("none.ts: cannot read"), "{message}");
    let unlabelled = folder.file("noise.ts", noise(3, 24));
    let message = fail(["evaluate", "--run", &out, "--input", &unlabelled, "--ood", &test, "--min-accuracy", "0.5"]);
    assert!(message.contains("labels") || message.contains("class"), "{message}");
}

#[test]
fn real_targets_have_two_uncertainties() {
    let folder = Folder::new();
    let rows = |scale: f64, n: u32| {
        let row = |i: u32| {
            let values: Vec<f64> = (0..4).map(|t| scale * (f64::from((i * 13 + t * 29) % 17) / 8.0 - 1.0)).collect();
            let target = values.iter().sum::<f64>() + f64::from(i * 31 % 11) * 0.02;
            format!("{},{target:.3}\n", values.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
        };
        "a,b,c,d,target\n".to_owned() + &(0..n).map(row).collect::<String>()
    };
    let (train, far) = (folder.file("train.csv", rows(1.0, 80)), folder.file("far.csv", rows(20.0, 40)));
    let out = folder.path("run");
    let settings = ["--preset", "mlp", "--scaling", "none", "--epochs", "60", "--samples", "30", "--no-report"];
    run(["train", "--train", &train, "--out", &out].into_iter().chain(settings));
    let found = evaluated(&out, &train, &far);
    let scores = found["ood"]["scores"].as_object().unwrap();
    assert_eq!(scores.keys().collect::<Vec<_>>(), ["epistemic_stddev", "stddev"]);
    for (name, score) in scores {
        assert!(score["auroc"]["low"].as_f64().unwrap() > 0.8, "{name} far from the training data: {score}");
    }
}

//! Recalibration and conformal prediction after training.

use crate::program::{Folder, elbo, fail, files, metrics, run, shipped, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const TRAIN: &str = "ItalyPowerDemand/ItalyPowerDemand_TRAIN.ts";
const TEST: &str = "ItalyPowerDemand/ItalyPowerDemand_TEST.ts";

/// A run that is trained on the larger file, so that there is something to keep.
fn trained(folder: &Folder, name: &str, settings: &[&str]) -> String {
    let (train, test, out) = (shipped(TEST), shipped(TRAIN), folder.path(name));
    let own = ["train", "--train", &train, "--test", &test, "--out", &out, "--epochs", "4", "--samples", "20"];
    run(own.iter().chain(&["--no-report"]).chain(settings));
    out
}

fn file(out: &str, name: &str) -> Vec<u8> {
    fs::read(Path::new(out).join(name)).unwrap()
}

fn json(out: &str, name: &str) -> Value {
    serde_json::from_slice(&file(out, name)).unwrap()
}

/// The rows of a CSV file by the names of its columns.
fn rows(csv: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines.map(|line| header.iter().copied().zip(line.split(',')).collect()).collect()
}

fn value(scores: &Value, name: &str) -> f64 {
    scores[name]["value"].as_f64().unwrap()
}

/// That the coverage is the one to expect; gives it.
fn covered_as_expected(conformal: &Value) -> f64 {
    let (coverage, expected) = (value(conformal, "coverage"), &conformal["expected"][0]);
    let (low, high) = (expected["low"].as_f64().unwrap(), expected["high"].as_f64().unwrap());
    assert!(low <= coverage && coverage <= high && low < 1.0, "{conformal}");
    coverage
}

#[test]
fn classes_are_recalibrated_and_put_into_sets() {
    let folder = Folder::new();
    let out = trained(&folder, "run", &["--calibrate", "auto", "--conformal", "aps", "--calibration-fraction", "0.4"]);
    let metrics = metrics(&out);
    let size = |part: &str| metrics["examples"][part].as_u64().unwrap();
    assert_eq!(size("train") + size("validation") + size("calibration"), 1029);
    assert_eq!((size("calibration"), size("test")), (412, 67));
    let (calibration, conformal) = (json(&out, "calibration.json"), json(&out, "conformal.json"));
    let used = calibration["examples"].as_u64().unwrap() + conformal["examples"].as_u64().unwrap();
    assert_eq!((used, &calibration["schema"], &conformal["recalibrated"]), (412, &1.into(), &true.into()));
    assert_ne!(calibration["map"]["method"], "identity");
    let nll = |way: &str| value(&metrics["test"][way], "nll");
    assert!(nll("calibrated") < nll("posterior_predictive") + 0.02, "{metrics}");
    let coverage = covered_as_expected(&metrics["test"]["conformal"]);

    let csv = text(&file(&out, "predictions.csv"));
    let mut covered = 0.0;
    for row in rows(&csv) {
        let sum: f64 = ["calibrated_1", "calibrated_2"].iter().map(|name| row[name].parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{row:?}");
        let members: Vec<&str> = row["set"].split('|').filter(|name| !name.is_empty()).collect();
        assert_eq!(members.len().to_string(), row["set_size"], "{row:?}");
        covered += if members.contains(&row["label"]) { 1.0 } else { 0.0 };
    }
    assert!((covered / 67.0 - coverage).abs() < 1e-12);
    look_again(&folder, &out, &metrics, &csv);
}

/// `predict`, `evaluate` and a run that is resumed give what the run gave; `--raw` the model's own.
fn look_again(folder: &Folder, out: &str, metrics: &Value, csv: &str) {
    let input = shipped(TRAIN);
    let predicted = folder.path("p.csv");
    run(["predict", "--run", out, "--input", &input, "--out", &predicted]);
    assert!(fs::read_to_string(&predicted).unwrap() == csv);
    let evaluate = ["evaluate", "--json", "--run", out, "--input", &input];
    let scores: Value = serde_json::from_str(&run(evaluate)).unwrap();
    assert_eq!(scores["scores"], metrics["test"]);
    let json: Value = serde_json::from_str(&run(["predict", "--json", "--run", out, "--input", &input])).unwrap();
    assert!(json[0]["set"].is_string() && json[0]["set_size"].is_number(), "{}", json[0]);

    let raw = run(["predict", "--raw", "--run", out, "--input", &input]);
    for (own, all) in rows(&raw).into_iter().zip(rows(csv)) {
        assert!(!own.contains_key("set") && !own.contains_key("calibrated_1"));
        assert!(own.iter().all(|(name, field)| all[name] == *field), "the model's own columns stay");
    }
    let scores: Value = serde_json::from_str(&run(evaluate.into_iter().chain(["--raw"]))).unwrap();
    assert!(scores["scores"].get("calibrated").is_none() && scores["scores"].get("conformal").is_none());
    let table = run(["evaluate", "--run", out, "--input", &input]);
    warned(out, &input);
    assert!(table.contains("recalibrated") && table.contains("Conformal sets (aps, alpha = 0.1) from"), "{table}");

    let kept = ["calibration.json", "conformal.json", "predictions.csv"].map(|name| (name, file(out, name)));
    for name in kept.iter().map(|(name, _)| *name).chain(["metrics.json"]) {
        fs::remove_file(Path::new(out).join(name)).unwrap();
    }
    run(["train", "--resume", out, "--calibrate", "auto", "--conformal", "aps", "--no-report"]);
    for (name, bytes) in kept {
        assert!(file(out, name) == bytes, "{name} after resuming");
    }
    assert_eq!(&crate::program::metrics(out), metrics);
}

/// What makes the promises of maps and thresholds doubtful is told: other draws, and the examples they were fitted to.
fn warned(out: &str, input: &str) {
    let warnings = |more: &[&str]| {
        let found = run(["evaluate", "--json", "--run", out].iter().chain(more));
        serde_json::from_str::<Value>(&found).unwrap()["warnings"].clone()
    };
    assert_eq!(warnings(&["--input", input]), Value::Null);
    for other in [["--samples", "3"], ["--seed", "77"]] {
        let found = warnings(&["--input", input, other[0], other[1]]);
        assert!(found[0].as_str().unwrap().contains("thresholds were fitted to predictions of"), "{found}");
        assert_eq!(warnings(&["--input", input, "--raw", other[0], other[1]]), Value::Null);
    }
    let known = warnings(&["--input", &shipped(TEST)]);
    assert!(known[0].as_str().unwrap().contains("were trained on"), "{known}");
    assert!(known[1].as_str().unwrap().starts_with("412 of 1029 examples"), "{known}");
}

#[test]
fn every_class_can_keep_to_alpha() {
    let folder = Folder::new();
    let out = trained(&folder, "run", &["--conformal", "thr", "--alpha", "0.2", "--per-class"]);
    let conformal = &metrics(&out)["test"]["conformal"];
    assert_eq!((&conformal["config"]["alpha"], &conformal["config"]["per_class"]), (&0.2.into(), &true.into()));
    let (expected, by_class) = (&conformal["expected"], &conformal["by_class"]);
    for class in 0..2 {
        assert_eq!((&expected[class]["class"], &by_class[class]["key"]), (&class.into(), &class.into()));
        let coverage = by_class[class]["coverage"].as_f64().unwrap();
        let (low, high) = (expected[class]["low"].as_f64().unwrap(), expected[class]["high"].as_f64().unwrap());
        assert!(low <= coverage && coverage <= high, "{conformal}");
    }
    assert!(!Path::new(&out).join("calibration.json").exists());
}

fn real_rows(range: std::ops::Range<u32>) -> String {
    let row = |i: u32| {
        let values: Vec<f64> = (0..4).map(|t| f64::from((i * 13 + t * 29) % 17) / 8.0 - 1.0).collect();
        let target = 30.0 + 4.0 * values.iter().sum::<f64>() + (f64::from(i) * 0.618_033_988_75 * 97.0).fract();
        format!("{},{target:.3}\n", values.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
    };
    "a,b,c,d,target\n".to_owned() + &range.map(row).collect::<String>()
}

#[test]
fn real_targets_have_intervals() {
    let folder = Folder::new();
    let (train, test) = (folder.file("train.csv", real_rows(0..200)), folder.file("test.csv", real_rows(200..300)));
    for score in ["distribution", "scaled", "mean", "cqr"] {
        let out = folder.path(score);
        let own = ["train", "--train", &train, "--test", &test, "--out", &out, "--conformal", score];
        let settings = ["--preset", "mlp", "--scaling", "none", "--epochs", "60", "--samples", "20", "--no-report"];
        let table = run(own.into_iter().chain(settings));
        assert!(table.contains(&format!("Conformal intervals ({score}, alpha = 0.1) from 40 examples")), "{table}");
        let coverage = covered_as_expected(&metrics(&out)["test"]["conformal"]);
        let csv = text(&file(&out, "predictions.csv"));
        let inside = |row: &BTreeMap<&str, &str>| {
            let number = |name: &str| row[name].parse::<f64>().unwrap();
            number("conformal_low") <= number("label") && number("label") <= number("conformal_high")
        };
        let covered = f64::from(u32::try_from(rows(&csv).iter().filter(|row| inside(row)).count()).unwrap());
        assert!((covered / 100.0 - coverage).abs() < 1e-12);
    }
}

/// Intervals are recalibrated on 20 of 40 examples and the conformal ones on the others; every file and command says the same.
#[test]
fn real_targets_are_recalibrated() {
    let folder = Folder::new();
    let (train, test) = (folder.file("train.csv", real_rows(0..200)), folder.file("test.csv", real_rows(200..300)));
    for asked in ["auto", "quantile", "variance"] {
        let out = folder.path(asked);
        let own = ["train", "--train", &train, "--test", &test, "--out", &out, "--calibrate", asked];
        let settings = ["--preset", "mlp", "--scaling", "none", "--epochs", "60", "--samples", "20", "--no-report"];
        let table = run(own.into_iter().chain(settings).chain(["--conformal", "scaled"]));
        assert!(table.contains("recalibrated") && table.contains("alpha = 0.1) from 20 examples"), "{table}");
        let (calibration, scores) = (json(&out, "calibration.json"), metrics(&out)["test"].clone());
        let expected = (&Value::from(asked), &Value::from(20), &Value::Null);
        assert_eq!((&calibration["asked"], &calibration["examples"], &calibration["warning"]), expected);
        let method = calibration["real_map"]["method"].as_str().unwrap();
        assert!(asked == "auto" || asked == method, "{calibration}");
        assert_eq!(json(&out, "conformal.json")["recalibrated"], false);

        let csv = text(&file(&out, "predictions.csv"));
        let inside = |row: &BTreeMap<&str, &str>| {
            let [low, label, high] =
                ["calibrated_low_90", "label", "calibrated_high_90"].map(|name| row[name].parse::<f64>().unwrap());
            assert!(low < high);
            low <= label && label <= high
        };
        let covered = f64::from(u32::try_from(rows(&csv).iter().filter(|row| inside(row)).count()).unwrap()) / 100.0;
        assert!((covered - value(&scores["calibrated"], "coverage_90")).abs() < 1e-12);
        let error = |way: &str| value(&scores[way], "crps");
        assert!(error("calibrated") < 1.1 * error("posterior_predictive"), "{scores}");

        let predict = ["predict", "--run", &out, "--input", &test];
        assert_eq!(run(predict), csv);
        let raw = run(predict.into_iter().chain(["--raw"]));
        assert!(!raw.contains("calibrated") && rows(&raw)[0].iter().all(|(name, own)| rows(&csv)[0][name] == *own));
        let evaluated: Value =
            serde_json::from_str(&run(["evaluate", "--json", "--run", &out, "--input", &test])).unwrap();
        assert_eq!(evaluated["scores"], scores);
    }
}

#[test]
fn what_cannot_be_is_told_before_training() {
    let folder = Folder::new();
    let (real, out) = (folder.file("real.csv", real_rows(0..40)), folder.path("run"));
    let series =
        folder.file("s.csv", (0..60).fold("time,a\n".to_owned(), |text, t| text + &format!("{t},{}\n", t % 7)));
    let cases: [(&[&str], &str); 11] = [
        (&["--conformal", "thr", "--alpha", "1"], "`alpha` must be above 0 and below 1, found 1"),
        (&["--conformal", "mean"], "`conformal` must be thr, aps or raps for classes, found mean"),
        (
            &["--train", &real, "--conformal", "thr"],
            "must be distribution, scaled, mean or cqr for real targets, found thr",
        ),
        (
            &["--train", &real, "--calibrate", "vector"],
            "`calibrate` must be auto, quantile or variance for real targets, found vector",
        ),
        (
            &["--calibrate", "variance"],
            "must be auto, temperature, vector, dirichlet, isotonic or histogram for classes, found variance",
        ),
        (
            &["--calibrate", "vector", "--calibration-fraction", "0"],
            "`calibration_fraction` must be above 0, large enough to keep examples for recalibration or conformal",
        ),
        (&["--calibration-fraction", "0.95"], "must be at least 0 and below 1 - 0.1 (validation_fraction), found 0.95"),
        (&["--calibration-fraction", "0.001"], "must be large enough to keep one of 67 examples, found 0.001"),
        (
            &["--series", &series, "--horizon", "2", "--calibrate", "auto"],
            "`calibrate` must be left out for forecasts (there is --conformal adaptive), found auto",
        ),
        (
            &["--series", &series, "--horizon", "2", "--conformal", "scaled"],
            "`conformal` must be adaptive for forecasts, found scaled",
        ),
        (&["--conformal", "adaptive"], "`conformal` must be thr, aps or raps for classes, found adaptive"),
    ];
    for (settings, part) in cases {
        let message = fail(["train", "--out", &out].iter().chain(settings));
        assert!(message.contains(part), "{settings:?}: {message}");
    }
    assert!(files(Path::new(&out)).is_empty());
}

#[test]
fn a_run_keeps_to_what_it_began_with_and_misses_what_is_gone() {
    let folder = Folder::new();
    let out = trained(&folder, "run", &["--calibrate", "temperature", "--conformal", "thr"]);
    for (settings, part) in [
        (["--calibrate", "vector"], "--calibrate: expected temperature, found vector"),
        (["--conformal", "raps"], "--conformal: expected thr with alpha 0.1, found raps with alpha 0.1"),
        (["--calibration-fraction", "0.3"], "--calibration-fraction: expected 0.2, found 0.3"),
    ] {
        let message = fail(["train", "--resume", &out].iter().chain(&settings));
        assert!(message.contains(part), "{message}");
    }
    let (path, input) = (Path::new(&out).join("calibration.json"), shipped(TRAIN));
    let predict = ["predict", "--run", &out, "--input", &input];
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace("\"schema\": 1", "\"schema\": 9")).unwrap();
    assert!(fail(predict).contains("calibration.json: expected schema 1 to 1, found 9"));
    fs::write(&path, &good[..good.len() / 2]).unwrap();
    assert!(fail(predict).contains("calibration.json: EOF"));
    fs::remove_file(&path).unwrap();
    assert!(fail(predict).contains("calibration.json: the run asks for it, but it is missing"));
    assert_eq!(run(predict.into_iter().chain(["--raw"])).lines().count(), 68);
}

/// Classes that are told apart without a mistake have no best temperature, and a handful of examples no threshold.
#[test]
fn what_cannot_be_fitted_is_a_warning() {
    let folder = Folder::new();
    let row = |i: u32| {
        let level = if i.is_multiple_of(2) { -3.0 } else { 3.0 };
        format!("{},{},{level},{}\n", level + f64::from(i % 5) * 0.1, level, if level < 0.0 { "low" } else { "high" })
    };
    let train = folder.file("train.csv", "a,b,c,label\n".to_owned() + &(0..40).map(row).collect::<String>());
    let out = folder.path("run");
    let own = ["train", "--json", "--train", &train, "--test", &train, "--out", &out, "--no-report"];
    let settings = ["--preset", "mlp", "--scaling", "none", "--epochs", "60", "--samples", "20"];
    let after = ["--calibrate", "temperature", "--conformal", "thr", "--calibration-fraction", "0.3"];
    let output = elbo(own.into_iter().chain(settings).chain(after)).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{}", text(&output.stderr));
    let result: Value = serde_json::from_str(text(&output.stdout).lines().last().unwrap()).unwrap();
    let warnings: Vec<&str> = result["warnings"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    assert!(warnings[0].starts_with("probabilities are not recalibrated: temperature"), "{warnings:?}");
    assert_eq!(warnings[1], "every set holds high, low: fewer than 9 held-out examples");
    // The test file is the training file.
    assert!(warnings[2].starts_with("40 of 40 test examples of") && warnings.len() == 3, "{warnings:?}");
    assert_eq!(json(&out, "calibration.json")["map"]["method"], "identity");
    assert_eq!(value(&metrics(&out)["test"]["conformal"], "mean_size"), 2.0);
    let again = elbo(["train", "--resume", &out, "--no-report"]).output().unwrap();
    assert!(text(&again.stderr).contains("warning: every set holds high, low"), "{}", text(&again.stderr));
}

//! `predict`, `evaluate` and `inspect` on small runs, and the forms of output.

use crate::program::{Folder, elbo, fail, metrics, run, shipped};
use serde_json::Value;
use std::fs;
use std::path::Path;

const TEST: &str = "ItalyPowerDemand/ItalyPowerDemand_TEST.ts";

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&run(arguments)).unwrap()
}

fn trained(folder: &Folder) -> String {
    let out = folder.path("run");
    run(["train", "--epochs", "40", "--samples", "30", "--out", &out]);
    out
}

#[test]
fn predict_and_evaluate_repeat_the_run_s_own_test() {
    let folder = Folder::new();
    let out = trained(&folder);
    let csv = folder.path("p.csv");
    run(["predict", "--run", &out, "--input", &shipped(TEST), "--out", &csv]);
    let own = fs::read(Path::new(&out).join("predictions.csv")).unwrap();
    assert!(fs::read(&csv).unwrap() == own);

    let rows = json(&["predict", "--json", "--run", &out, "--input", &shipped(TEST)]);
    assert_eq!(rows.as_array().unwrap().len(), 1029);
    assert_eq!((&rows[0]["id"], rows[0]["prob_1"].is_number()), (&"1".into(), true));

    let scores = json(&["evaluate", "--json", "--run", &out, "--input", &shipped(TEST)]);
    assert_eq!(scores["scores"]["posterior_predictive"], metrics(&out)["test"]["posterior_predictive"]);
    let table = run(["evaluate", "--run", &out, "--input", &shipped(TEST)]);
    assert!(table.contains("1029 examples of") && table.contains("ECE (15 bins)"), "{table}");

    let more = run(["predict", "--run", &out, "--input", &shipped(TEST), "--seed", "9"]);
    assert_ne!(more.into_bytes(), own, "another seed draws other weights");
}

#[test]
fn predict_adds_intervals_and_the_most_probable_classes() {
    let folder = Folder::new();
    let out = trained(&folder);
    let predict = ["predict", "--run", &out, "--input", &shipped(TEST)];
    let with = |more: &[&str]| run(predict.iter().chain(more));
    let csv = with(&["--intervals", "--top", "2"]);
    let mut rows = csv.lines();
    let own = "id,label,predicted,prob_1,prob_2,predictive_entropy,mutual_information";
    let added = "low_90_1,low_90_2,high_90_1,high_90_2,top_1,prob_top_1,top_2,prob_top_2";
    assert_eq!(rows.next().unwrap(), format!("{own},{added}"));
    for row in rows {
        let fields: Vec<&str> = row.split(',').collect();
        let number = |at: usize| fields[at].parse::<f64>().unwrap();
        // The two probabilities add up to 1 under every weight sample.
        assert!((number(7) + number(10) - 1.0).abs() < 1e-9 && (number(8) + number(9) - 1.0).abs() < 1e-9, "{row}");
        assert!(0.0 <= number(7) && number(7) <= number(9) && number(9) <= 1.0, "{row}");
        assert_eq!(fields[11], fields[2]);
        assert!(number(12) >= number(14) && (number(12) + number(14) - 1.0).abs() < 1e-9, "{row}");
    }
    let plain: String = csv.lines().map(|row| row.split(',').take(7).collect::<Vec<_>>().join(",") + "\n").collect();
    assert_eq!(plain, with(&[]));
    for (top, part) in [("3", "between 1 and the model's 2 classes, found 3"), ("0", "2 classes, found 0")] {
        let message = fail(predict.iter().chain(&["--top", top]));
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_missed_target_is_exit_code_1() {
    let folder = Folder::new();
    let out = trained(&folder);
    let code = |least: &str| {
        let arguments = ["evaluate", "--run", &out, "--input", &shipped(TEST), "--min-accuracy", least];
        elbo(arguments).output().unwrap().status.code()
    };
    assert_eq!((code("0.5"), code("1.01")), (Some(0), Some(1)));
}

#[test]
fn inspect_shows_runs_models_descriptions_and_data() {
    let folder = Folder::new();
    let out = trained(&folder);
    let found = json(&["inspect", "--json", &out]);
    assert_eq!((&found["kind"], &found["status"]), (&"run".into(), &"finished".into()));
    assert_eq!(found["parameters_total"], 6850);
    let last = &metrics(&out)["training"]["last_epoch"];
    let close = |a: &Value, b: &Value| (a.as_f64().unwrap() / b.as_f64().unwrap() - 1.0).abs() < 1e-2;
    assert!(close(&found["kl_nats"], &last["kl"]), "{found} {last}");
    let names: Vec<&str> =
        found["parameters"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names[0], "conv1d.kernel.posterior.loc");

    let model = json(&["inspect", "--json", &format!("{out}/model.safetensors")]);
    assert_eq!(model["kl_nats_by_weight"], found["kl_nats_by_weight"]);

    let data = json(&["inspect", "--json", &shipped(TEST)]);
    assert_eq!((&data["examples"], &data["channels"], &data["missing_values"]), (&1029.into(), &1.into(), &0.into()));
    assert_eq!(data["labels"]["examples_by_class"]["1"], 513);

    let toml = folder.file("m.toml", "[[layer]]\nkind = 'flatten'\n[[layer]]\nkind = 'dense'\n");
    let text = run(["inspect", &toml]);
    assert!(text.contains("kind: model description") && text.contains("kind flatten"), "{text}");
    let text = run(["inspect", &shipped(TEST)]);
    assert!(text.contains("examples: 1029") && text.contains("name: ItalyPowerDemand"), "{text}");
}

#[test]
fn json_is_all_that_json_prints() {
    let folder = Folder::new();
    let out = folder.path("run");
    let output = elbo(["train", "--json", "--epochs", "3", "--out", &out]).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["start", "epoch", "epoch", "epoch", "result"]);
    assert!(lines[4]["metrics"]["test"]["mean_network"]["accuracy"]["value"].is_number());
}

/// Unequal lengths, several channels, missing values, a described network, classes as words.
#[test]
fn other_data_and_networks_are_trained_on() {
    let folder = Folder::new();
    let head = "@dimensions 2\n@classLabel true low high\n@data\n";
    let row = |i: u32| {
        let length = 4 + i % 5 + u32::from(i == 50);
        let level = if i.is_multiple_of(2) { -1.0 } else { 1.0 };
        let wave = |t: u32| level + f64::from((i * 7 + t * 3) % 5) * 0.1;
        let first: Vec<String> = (0..length).map(|t| format!("{:.2}", wave(t))).collect();
        let second: Vec<String> = (0..length).map(|t| if t == 1 { "?".into() } else { format!("{t}") }).collect();
        format!("{}:{}:{}\n", first.join(","), second.join(","), if i.is_multiple_of(2) { "low" } else { "high" })
    };
    let rows = |range: std::ops::Range<u32>| head.to_owned() + &range.map(row).collect::<String>();
    let (train, test) = (folder.file("TRAIN.ts", rows(0..40)), folder.file("TEST.ts", rows(40..60)));
    let pooled = "[prior]\nkind = 'laplace'\nscale = 0.5\n[[layer]]\nkind = 'conv1d'\nfilters = 8\nkernel_size = 3\n\
                  padding = 'same'\nactivation = 'relu'\n[[layer]]\nkind = 'global_average_pooling'\n\
                  [[layer]]\nkind = 'dense'\n";
    let toml = folder.file("net.toml", pooled);
    for (name, network) in [("pooled", ["--model", toml.as_str()]), ("flat", ["--preset", "conv1d"])] {
        let out = folder.path(name);
        let data = ["--train", &train, "--test", &test, "--scaling", "per-channel", "--epochs", "60", "--out", &out];
        run(["train"].into_iter().chain(network).chain(data));
        let accuracy = metrics(&out)["test"]["posterior_predictive"]["accuracy"]["value"].as_f64().unwrap();
        assert!(accuracy >= 0.95, "{name}: {accuracy}");
    }
}

/// Every other row is ten times as noisy, and a column says which: one likelihood learns that, the other has one noise for all.
#[test]
fn noise_can_differ_from_row_to_row() {
    let folder = Folder::new();
    let row = |i: u32| {
        let (x, noisy) = (f64::from(i * 13 % 17) / 8.0 - 1.0, i % 2);
        let noise = (f64::from(i) * 0.618_033_988_75 * 97.0).fract() - 0.5;
        format!("{x},{noisy},{:.4}\n", 5.0 * x + if noisy == 1 { 10.0 } else { 1.0 } * noise)
    };
    let file = folder.file("train.csv", "x,noisy,y\n".to_owned() + &(0..400).map(row).collect::<String>());
    let ratio = |likelihood: &str| {
        let out = folder.path(likelihood);
        let own = ["train", "--train", &file, "--csv-label", "y", "--task", "real", "--out", &out, "--no-report"];
        run(own.into_iter().chain(["--preset", "mlp", "--epochs", "400", "--likelihood", likelihood]));
        let rows: Value = serde_json::from_str(&run(["predict", "--json", "--run", &out, "--input", &file])).unwrap();
        let mean = |noisy: usize| {
            let rows = rows.as_array().unwrap().iter().skip(noisy).step_by(2);
            rows.map(|row| row["aleatoric_stddev"].as_f64().unwrap()).sum::<f64>()
        };
        mean(1) / mean(0)
    };
    let (one, predicted) = (ratio("gaussian"), ratio("student-t"));
    assert!((one - 1.0).abs() < 1e-9 && predicted > 2.5, "{one} and {predicted}");
}

#[test]
fn real_targets_are_regressed_on() {
    let folder = Folder::new();
    let row = |i: u32| {
        let values: Vec<f64> = (0..6).map(|t| f64::from((i * 13 + t * 29) % 17) / 8.0 - 1.0).collect();
        let target = 30.0 + 4.0 * values.iter().sum::<f64>() + 0.5;
        format!("{},{target:.3}\n", values.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
    };
    let rows = |range: std::ops::Range<u32>| "a,b,c,d,e,f,target\n".to_owned() + &range.map(row).collect::<String>();
    let (train, test) = (folder.file("train.csv", rows(0..80)), folder.file("test.csv", rows(80..120)));
    let out = folder.path("run");
    let settings = ["--preset", "mlp", "--scaling", "none", "--epochs", "300", "--validation", "0"];
    run(["train", "--train", &train, "--test", &test, "--out", &out].into_iter().chain(settings));
    let scores = &metrics(&out)["test"]["posterior_predictive"];
    let rmse = scores["rmse"]["value"].as_f64().unwrap();
    assert!(rmse < 3.0, "the targets' standard deviation is about 7: {scores}");
    let csv = run(["predict", "--run", &out, "--input", &test]);
    assert!(
        csv.starts_with("id,label,predicted,stddev,aleatoric_stddev,epistemic_stddev,low_90,high_90,pit\n"),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 41);
}

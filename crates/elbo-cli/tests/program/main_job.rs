//! `elbo train` without settings: the main job.

use crate::program::{Folder, metrics, run};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Published accuracies on this test part: FCN 96.3 %, residual network 96.2 %.
#[test]
fn the_default_run_reaches_published_accuracy_and_is_calibrated() {
    let folder = Folder::new();
    let out = folder.path("run");
    let table = run(["train", "--out", &out]);
    assert!(table.contains("1029 test examples of ItalyPowerDemand") && table.contains("mean network"), "{table}");

    let metrics = metrics(&out);
    for way in ["posterior_predictive", "mean_network"] {
        let scores = &metrics["test"][way];
        for score in ["accuracy", "nll", "brier", "ece"] {
            let number = |end: &str| scores[score][end].as_f64().unwrap();
            assert!(number("low") <= number("value") && number("value") <= number("high"), "{way} {score}");
        }
    }
    let score = |name: &str| metrics["test"]["posterior_predictive"][name]["value"].as_f64().unwrap();
    assert!(score("accuracy") >= 0.955, "accuracy {}", score("accuracy"));
    assert!(score("ece") <= 0.03, "ECE {}", score("ece"));
    assert!(score("nll") <= 0.15, "NLL {}", score("nll"));

    for file in ["config.toml", "model.safetensors", "events.jsonl", "checkpoints/last.safetensors"] {
        assert!(Path::new(&out).join(file).is_file(), "{file}");
    }
    check_predictions(&out, score("accuracy"));
    check_events(&out);
}

/// Rows agree with the scores, and every row's probabilities are a distribution.
fn check_predictions(out: &str, accuracy: f64) {
    let text = fs::read_to_string(Path::new(out).join("predictions.csv")).unwrap();
    let mut lines = text.lines();
    let header = "id,label,predicted,prob_1,prob_2,predictive_entropy,mutual_information";
    assert_eq!(lines.next(), Some(header));
    let mut right = 0;
    let mut rows = 0;
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |column: usize| fields[column].parse::<f64>().unwrap();
        let (p, q, entropy, information) = (number(3), number(4), number(5), number(6));
        assert!((p + q - 1.0).abs() < 1e-9, "{line}");
        let expected = -[p, q].iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>();
        assert!((entropy - expected).abs() < 1e-9 && (0.0..=entropy + 1e-12).contains(&information), "{line}");
        assert_eq!(fields[2], if p >= q { "1" } else { "2" }, "{line}");
        right += u32::from(fields[1] == fields[2]);
        rows += 1;
    }
    assert_eq!(rows, 1029);
    assert!((f64::from(right) / 1029.0 - accuracy).abs() < 1e-12);
}

/// One event an epoch, between a start and an end.
fn check_events(out: &str) {
    let text = fs::read_to_string(Path::new(out).join("events.jsonl")).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&events[0]["event"], &events[events.len() - 1]["event"]), (&"start".into(), &"done".into()));
    let epochs: Vec<u64> =
        events.iter().filter(|e| e["event"] == "epoch").map(|e| e["epoch"].as_u64().unwrap()).collect();
    assert_eq!(epochs, (1..=events[0]["epochs"].as_u64().unwrap()).collect::<Vec<_>>());
    let last = events.iter().rev().find(|e| e["event"] == "epoch").unwrap();
    let weights: f64 = last["kl_by_weight"].as_object().unwrap().values().map(|kl| kl.as_f64().unwrap()).sum();
    assert!((weights / last["kl"].as_f64().unwrap() - 1.0).abs() < 1e-5, "{last}");
}

//! `report` and `compare`, and the report at the end of `train`.

use crate::program::{Folder, elbo, fail, run, shipped, text};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn train(folder: &Folder, name: &str, settings: &[&str]) -> String {
    let out = folder.path(name);
    run(["train", "--epochs", "3", "--samples", "10", "--out", &out].into_iter().chain(settings.iter().copied()));
    out
}

fn page(path: impl AsRef<Path>) -> String {
    let page = fs::read_to_string(path).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    page
}

#[test]
fn train_ends_with_a_report() {
    let folder = Folder::new();
    let out = folder.path("run");
    let said = run(["train", "--epochs", "2", "--out", &out]);
    assert!(said.ends_with(&format!("Report: {out}/report.html\n")), "{said}");
    let first = page(format!("{out}/report.html"));
    assert!(first.contains("1,029 test examples of ItalyPowerDemand") && first.contains("id=\"reliability\""));

    run(["report", &out]);
    assert!(page(format!("{out}/report.html")) == first, "a report is a function of the run");
    fs::remove_file(format!("{out}/report.html")).unwrap();
    run(["train", "--resume", &out]);
    assert!(page(format!("{out}/report.html")) == first, "a finished run gets the report that it lacks");

    let out = train(&folder, "silent", &["--no-report"]);
    assert!(!Path::new(&out).join("report.html").exists());
}

#[test]
fn no_failure_of_the_report_is_one_of_the_training() {
    let folder = Folder::new();
    let out = folder.path("run");
    fs::create_dir_all(Path::new(&out).join("report.html")).unwrap();
    let output = elbo(["train", "--epochs", "2", "--out", &out]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("warning: there is no report: ") && stderr.contains("report.html"), "{stderr}");
    assert!(text(&output.stdout).contains("accuracy") && Path::new(&out).join("metrics.json").exists());

    // A report of before the end of the run is not taken for one of the whole.
    fs::remove_dir(Path::new(&out).join("report.html")).unwrap();
    let old = fs::File::create(Path::new(&out).join("report.html")).unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let json = run(["train", "--json", "--resume", &out]);
    page(format!("{out}/report.html"));
    let result: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(result["report"], format!("{out}/report.html"));
}

#[test]
fn report_says_where_it_is_and_what_is_wrong() {
    let folder = Folder::new();
    let out = train(&folder, "run", &["--no-report"]);
    let other = folder.path("other.html");
    let said = run(["report", &out, "--output", &other]);
    assert_eq!(said, format!("Report: {other}\n"));
    page(&other);
    assert!(!Path::new(&out).join("report.html").exists());
    let json: Value = serde_json::from_str(&run(["report", "--json", &out])).unwrap();
    assert_eq!(json["report"], format!("{out}/report.html"));

    assert!(fail(["report", &folder.path("none")]).contains("none/config.toml"));
    assert!(fail(["report", &out, "-o", &folder.path("no/folder.html")]).contains("no/folder.html"));
    fs::write(Path::new(&out).join("metrics.json"), "{").unwrap();
    assert!(fail(["report", &out]).contains("metrics.json"));
}

#[test]
fn an_unfinished_run_has_a_report() {
    let folder = Folder::new();
    let out = train(&folder, "run", &[]);
    for file in ["metrics.json", "model.safetensors", "predictions.csv"] {
        fs::remove_file(Path::new(&out).join(file)).unwrap();
    }
    run(["report", &out]);
    let page = page(format!("{out}/report.html"));
    assert!(page.contains("This run is not finished: 3 of 3 epochs are done"));
}

#[test]
fn compare_shows_runs_side_by_side() {
    let folder = Folder::new();
    let (a, b) = (train(&folder, "a", &[]), train(&folder, "b", &["--seed", "2"]));
    let output = folder.path("compare.html");
    let table = run(["compare", &a, &b, "--output", &output]);
    assert!(
        table.contains("Scores on 1029 common test examples") && table.contains("accuracy (higher is better)"),
        "{table}"
    );
    assert!(page(&output).contains("training.seed"));
    let json: Value = serde_json::from_str(&run(["compare", "--json", &a, &b, "--output", &output])).unwrap();
    assert_eq!((&json["examples"], &json["page"]), (&1029.into(), &output.as_str().into()));
    let low = json["runs"][1]["difference"]["nll"]["low"].as_f64().unwrap();
    assert!(low <= json["runs"][1]["difference"]["nll"]["high"].as_f64().unwrap());

    let other = train(&folder, "gun", &["--dataset", "gun-point"]);
    let message = fail(["compare", &a, &other, "--output", &folder.path("never.html")]);
    assert!(message.contains("number of test examples: expected 1029 as in"), "{message}");
    assert!(!Path::new(&folder.path("never.html")).exists());
    let trained =
        ["train", "--train", &shipped("GunPoint/GunPoint_TRAIN.ts"), "--epochs", "1", "--out", &folder.path("c")];
    run(trained);
    let message = fail(["compare", &a, &folder.path("c")]);
    assert!(message.contains("expected a finished run with a test part, found no test part"), "{message}");
    let few = elbo(["compare", &a]).output().unwrap();
    assert_eq!(few.status.code(), Some(2));
}

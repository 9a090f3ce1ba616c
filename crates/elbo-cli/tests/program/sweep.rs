//! `elbo train --sweep`: what it chooses, what it leaves, and that a killed sweep goes on as if nothing had happened.

use crate::program::{Folder, elbo, error_of, fail, files, metrics, run, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// `sweep.json` without its times.
fn table(run: &str) -> Value {
    let mut table: Value = serde_json::from_slice(&fs::read(Path::new(run).join("sweep.json")).unwrap()).unwrap();
    for trial in table["trials"].as_array_mut().unwrap() {
        assert!(trial.as_object_mut().unwrap().remove("seconds").unwrap().is_number());
    }
    table
}

fn model(run: &str) -> Vec<u8> {
    fs::read(Path::new(run).join("model.safetensors")).unwrap()
}

/// A learning rate that does not move, and a divergence that outweighs the data, lose by far.
#[test]
fn a_clearly_better_setting_wins() {
    let folder = Folder::new();
    let out = folder.path("run");
    let settings = ["train", "--epochs=20", "--samples=20", "--folds=3", "--sweep=lr=1e-7,0.005"];
    let shown = run(settings.into_iter().chain(["--sweep=kl-weight=0.01,100", "--out", &out]));
    assert!(shown.contains("* 3      0.01             0.005"), "{shown}");
    assert!(shown.contains("* trial 3 is chosen: the best NLL; all in"), "{shown}");

    let table = table(&out);
    assert_eq!((&table["chosen"], &table["examples"], &table["folds"]), (&3.into(), &67.into(), &3.into()));
    let trials = table["trials"].as_array().unwrap();
    let settings: Vec<[f64; 2]> =
        trials.iter().map(|trial| ["lr", "kl-weight"].map(|name| trial["settings"][name].as_f64().unwrap())).collect();
    assert_eq!(settings.len(), 4);
    for (trial, [lr, weight]) in trials.iter().zip(settings) {
        let (gap, error) = (trial["gap"].as_f64().unwrap(), trial["gap_standard_error"].as_f64().unwrap());
        let won = lr == 0.005 && weight == 0.01;
        assert!(won || gap > 3.0 * error && gap > 0.1, "{trial}");
        assert!(!won || trial["accuracy"].as_f64().unwrap() > 0.9, "{trial}");
    }

    // The run is one like any other, on all 67 training examples, and says what was swept.
    assert_eq!(metrics(&out)["examples"]["train"], 67);
    let config = fs::read_to_string(Path::new(&out).join("config.toml")).unwrap();
    for part in
        ["learning_rate = 0.005", "kl_weight = 0.01", "[sweep]", r#"space = ["lr=0.0000001,0.005","#, "folds = 3"]
    {
        assert!(config.contains(part), "{part}: {config}");
    }
    let csv = fs::read_to_string(Path::new(&out).join("sweep.csv")).unwrap();
    assert!(csv.starts_with("trial,kl-weight,lr,nll,standard_error,gap,"), "{csv}");
    assert_eq!(csv.lines().count(), 5);
    let trials = files(&Path::new(&out).join("trials"));
    assert_eq!(trials.iter().filter(|path| path.ends_with("trial.json")).count(), 4);
    run(["evaluate", "--run", &out, "--input", &crate::program::shipped("ItalyPowerDemand/ItalyPowerDemand_TEST.ts")]);
}

/// A sweep over ranges with folds, and a run after it.
const SETTINGS: [&str; 9] = [
    "train",
    "--epochs=40",
    "--samples=10",
    "--seed=5",
    "--folds=2",
    "--trials=4",
    "--checkpoint-every=0",
    "--sweep=lr=1e-4..1e-2:log",
    "--sweep=prior-scale=0.5..3:log",
];

#[test]
fn killed_sweeps_end_in_the_bits_of_an_uninterrupted_one() {
    let folder = Folder::new();
    let whole = folder.path("whole");
    run(SETTINGS.into_iter().chain(["--out", &whole]));
    let (expected, scores, trials) = (model(&whole), metrics(&whole), table(&whole));
    let mut cut = 0;
    // After this many folds of eight; then in the final run.
    for (number, folds) in [0, 1, 2, 3, 5, 7, 8, 8].into_iter().enumerate() {
        let out = folder.path(&format!("run-{number}"));
        let mut child = elbo(SETTINGS.into_iter().chain(["--resume", &out])).spawn().unwrap();
        wait_for_folds(&out, folds);
        sleep(Duration::from_micros(number as u64 * 7919 % 40_000));
        child.kill().unwrap();
        cut += u32::from(!child.wait().unwrap().success());
        let done = fold_files(&out);
        let before: Vec<_> = done.iter().map(|path| fs::metadata(path).unwrap().modified().unwrap()).collect();
        // Without the settings as well: the folder knows them.
        let again: Vec<&str> = if number % 2 == 0 { SETTINGS.to_vec() } else { vec!["train"] };
        run(again.into_iter().chain(["--resume", &out]));
        let after: Vec<_> = done.iter().map(|path| fs::metadata(path).unwrap().modified().unwrap()).collect();
        assert_eq!(before, after, "finished folds are not run again");
        assert_eq!(table(&out), trials, "kill {number}");
        assert!(model(&out) == expected, "the model after kill {number} differs");
        assert_eq!(metrics(&out), scores, "kill {number}");
        let leftovers =
            files(Path::new(&out)).into_iter().filter(|path| path.extension().is_some_and(|end| end == "tmp"));
        assert_eq!(leftovers.count(), 0, "a resumed run sweeps up");
    }
    assert!(cut >= 6, "only {cut} sweeps were cut short");
}

fn fold_files(run: &str) -> Vec<std::path::PathBuf> {
    let is_fold =
        |path: &std::path::PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fold-"));
    files(&Path::new(run).join("trials")).into_iter().filter(is_fold).collect()
}

fn wait_for_folds(run: &str, folds: usize) {
    let started = Instant::now();
    let trials = Path::new(run).join("trials");
    let done = || {
        let folders = fs::read_dir(&trials).into_iter().flatten().flatten();
        folders
            .map(|folder| (1..=2).filter(|fold| folder.path().join(format!("fold-{fold}.json")).exists()).count())
            .sum()
    };
    while {
        let done: usize = done();
        done
    } < folds
    {
        assert!(started.elapsed() < Duration::from_mins(2), "the sweep does not get to fold {folds}");
        sleep(Duration::from_millis(1));
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_says_how_to_go_on() {
    let folder = Folder::new();
    let out = folder.path("run");
    let child = elbo(["train", "--epochs=100000", "--sweep=lr=0.001,0.002", "--validation=0.5", "--out", &out])
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !Path::new(&out).join("trials/001/config.toml").exists() {
        assert!(started.elapsed() < Duration::from_mins(2), "the sweep does not begin");
        sleep(Duration::from_millis(1));
    }
    sleep(Duration::from_millis(100));
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    let last = stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: interrupted in trial 1 of 2; go on with `elbo train --resume "), "{stderr}");
}

#[test]
fn a_sweep_can_end_with_its_table() {
    let folder = Folder::new();
    let out = folder.path("run");
    let settings =
        ["train", "--epochs=3", "--validation=0.3", "--json", "--sweep=posterior-scale=0.1,0.5", "--choose=one-se"];
    let lines = run(settings.into_iter().chain(["--sweep-only", "--out", &out]));
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        events.iter().map(|event| event["event"].as_str().unwrap()).collect::<Vec<_>>(),
        ["trial", "trial", "sweep"]
    );
    assert_eq!(events[2]["choose"], "one_standard_error");
    assert!(!Path::new(&out).join("config.toml").exists());
    let message = fail(["train", "--epochs=3", "--out", &out]);
    assert!(message.contains("`out` must be a folder without a sweep (or resume it)"), "{message}");
    run(["train", "--resume", &out]);
    assert_eq!(metrics(&out)["training"]["epochs"], 3);
    let message = fail(["train", "--resume", &out, "--sweep=lr=1,2"]);
    assert!(message.contains("the run began with other settings: --sweep: expected"), "{message}");
}

/// A file of another fold in the folder of a trial.
#[test]
fn scores_of_other_examples_are_refused() {
    let folder = Folder::new();
    let out = folder.path("run");
    run(["train", "--sweep", "lr=0.01,0.02", "--folds", "2", "--epochs", "2", "--sweep-only", "--out", &out]);
    let fold = format!("{out}/trials/001/fold-2.json");
    let mut scores: Value = serde_json::from_slice(&std::fs::read(&fold).unwrap()).unwrap();
    scores["nll"].as_array_mut().unwrap().pop();
    std::fs::write(&fold, scores.to_string()).unwrap();
    let output = elbo(["train", "--resume", &out]).output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("fold-2.json: expected scores of 33 examples, found 32 and 33"), "{message}");
}

/// Every trial at once fails only for its settings: the sweep goes on.
#[test]
fn settings_that_cannot_be_trained_lose() {
    let folder = Folder::new();
    let out = folder.path("run");
    let shown = run(["train", "--epochs=3", "--folds=2", "--sweep=lr=1e38,0.002", "--sweep-only", "--out", &out]);
    assert!(shown.contains("failed") && shown.contains("* 2      0.002"), "{shown}");
    let table = table(&out);
    assert_eq!((&table["trials"][0]["nll"], &table["chosen"]), (&"inf".into(), &2.into()));
    assert!(table["trials"][0]["failed"].as_str().unwrap().contains("try a smaller learning rate"));
}

#[test]
fn bad_sweeps_are_refused_before_anything_is_trained() {
    let folder = Folder::new();
    let out = folder.path("run");
    let two = "[prior]\nkind='scale_mixture'\npi=0.5\nscale1=1.0\nscale2=0.1\n[[layer]]\nkind='flatten'\n[[layer]]\nkind='dense'\n";
    let mixture = folder.file("mixture.toml", two);
    let point = folder
        .file("point.toml", two.replace(&two[..two.find("[[").unwrap()], "[posterior]\nfamily='deterministic'\n"));
    let cases: [(&[&str], &str); 14] = [
        (&["--sweep=rate=1"], "`setting` must be one of kl-weight, lr, prior-scale, posterior-scale, found `rate`"),
        (&["--sweep=lr"], "`space` must be of the form NAME=VALUES, found `lr`"),
        (&["--sweep=lr="], "`lr` must be a number, found ``"),
        (&["--sweep=lr=0.1,0"], "`lr` must be positive and finite, found 0"),
        (&["--sweep=lr=0.1..0.01", "--trials=3"], "`lr` must be a range from low to high, found 0.1..0.01"),
        (&["--sweep=lr=0.01..0.1"], "`trials` must be given: ranges have no end of points, found none"),
        (&["--sweep=lr=0.01,0.1", "--trials=0"], "`trials` must be between 1 and 10000, found 0"),
        (&["--sweep=lr=1", "--sweep=lr=2"], "`space` must be a list of different settings, found lr twice"),
        (&["--sweep=lr=1,2", "--lr=1"], "--lr: expected no value beside --sweep lr=1,2, found 1"),
        (&["--sweep=lr=1,2", "--validation=0"], "`validation` must be above 0 (or use folds)"),
        (&["--sweep=lr=1,2", "--folds=1"], "`folds` must be at least 2, found 1"),
        (&["--sweep=lr=1,2", "--folds=68"], "`folds` must be between 2 and the 67 examples, found 68"),
        (&["--sweep=prior-scale=1,2", "--model", &mixture], "`prior-scale` must be left out: the prior has two scales"),
        (
            &["--sweep=posterior-scale=1", "--model", &point],
            "`posterior-scale` must be left out: the posterior is a point",
        ),
    ];
    for (arguments, part) in cases {
        let message = fail(["train", "--out", &out].into_iter().chain(arguments.iter().copied()));
        assert!(message.contains(part), "{arguments:?}: {message}");
        assert!(!Path::new(&out).exists(), "{arguments:?} left a folder behind");
    }
    let rows = (0..60).map(|t| format!("{t},{}\n", t % 7)).collect::<Vec<_>>().concat();
    let series = folder.file("series.csv", "time,value\n".to_owned() + &rows);
    let settings = ["train", "--series", &series, "--horizon=2", "--sweep=lr=1,2", "--folds=2", "--out", &out];
    let message = error_of(&elbo(settings).output().unwrap());
    assert!(message.contains("`folds` must be left out for a series, whose windows overlap"), "{message}");
}

/// The validation part of a series follows its training part; the final run is trained on both.
#[test]
fn forecasts_are_swept_on_their_validation_part() {
    let folder = Folder::new();
    let out = folder.path("run");
    let rows = (0..120).map(|t| format!("{t},{}\n", (f64::from(t) / 3.0).sin())).collect::<Vec<_>>().concat();
    let series = folder.file("series.csv", "time,value\n".to_owned() + &rows);
    let settings = ["train", "--series", &series, "--horizon=3", "--epochs=3", "--samples=10", "--validation=0.2"];
    let shown = run(settings.into_iter().chain(["--sweep=kl-weight=0.1,1", "--out", &out]));
    assert!(shown.contains("RMSE") && shown.contains("Trials on 22 held-out examples"), "{shown}");
    assert!(table(&out)["trials"][0]["rmse"].is_number());
    assert_eq!(metrics(&out)["examples"]["validation"], 0);
}

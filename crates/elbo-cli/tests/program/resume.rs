//! A run that is killed goes on as if nothing had happened.

use crate::program::{Folder, elbo, error_of, metrics, run};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Settings of a run that takes long enough to be killed in the middle; a checkpoint after every epoch.
const SETTINGS: [&str; 5] = ["train", "--epochs=300", "--checkpoint-every=0", "--seed=3", "--samples=20"];

fn model(run: &str) -> Vec<u8> {
    fs::read(Path::new(run).join("model.safetensors")).unwrap()
}

/// 20 runs, each killed at another moment of its life and resumed until it is done.
#[test]
fn killed_runs_end_in_the_bits_of_an_uninterrupted_one() {
    let folder = Folder::new();
    let whole = folder.path("whole");
    let started = Instant::now();
    run(SETTINGS.into_iter().chain(["--out", &whole]));
    let life = started.elapsed();
    let (expected, scores) = (model(&whole), metrics(&whole));
    let mut cut = 0;
    for kill in 0..20_u32 {
        let out = folder.path(&format!("run-{kill}"));
        let mut child = elbo(SETTINGS.into_iter().chain(["--resume", &out])).spawn().unwrap();
        sleep(life * (2 * kill + 1) / 40);
        child.kill().unwrap();
        cut += u32::from(!child.wait().unwrap().success());
        run(SETTINGS.into_iter().chain(["--resume", &out]));
        assert!(model(&out) == expected, "the model after kill {kill} differs");
        assert_eq!(metrics(&out), scores, "kill {kill}");
        let leftovers: Vec<_> =
            crate::program::files(Path::new(&out)).into_iter().filter(|path| is_temporary(path)).collect();
        assert!(leftovers.len() <= 1, "one file was being written at most: {leftovers:?}");
    }
    assert!(cut >= 15, "only {cut} of 20 runs were cut short");
}

fn is_temporary(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "tmp")
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_an_epoch_with_a_checkpoint_and_says_how_to_go_on() {
    let folder = Folder::new();
    let (out, whole) = (folder.path("run"), folder.path("whole"));
    let settings = ["train", "--epochs=300", "--checkpoint-every=1000", "--seed=4", "--samples=20"];
    let child = elbo(settings.into_iter().chain(["--out", &out])).spawn().unwrap();
    let events = Path::new(&out).join("events.jsonl");
    let begun = || fs::read_to_string(&events).is_ok_and(|text| text.contains("\"epoch\":3,"));
    while !begun() {
        sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = stderr.lines().last().unwrap_or_default();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(last.starts_with("error: interrupted after epoch ") && last.contains(" of 300; go on with"), "{last}");
    assert!(!Path::new(&out).join("model.safetensors").exists());

    let unfinished = error_of(&elbo(["predict", "--run", &out, "--input", "x.ts"]).output().unwrap());
    assert!(unfinished.contains("the run was not finished: resume it first"), "{unfinished}");

    run(["train", "--resume", &out]);
    run(settings.into_iter().chain(["--out", &whole]));
    assert!(model(&out) == model(&whole));
}

#[test]
fn a_finished_run_is_shown_and_left_alone() {
    let folder = Folder::new();
    let out = folder.path("run");
    run(["train", "--epochs", "2", "--out", &out]);
    let before = model(&out);
    let table = run(["train", "--resume", &out]);
    assert!(table.contains("accuracy"), "{table}");
    assert!(model(&out) == before);
}

#[test]
fn a_resumed_run_cannot_be_told_otherwise() {
    let folder = Folder::new();
    let out = folder.path("run");
    run(["train", "--epochs", "2", "--out", &out]);
    for (flag, value, part) in [
        ("--epochs", "3", "--epochs: expected 2, found 3"),
        ("--lr", "0.5", "--lr: expected 0.002, found 0.5"),
        ("--dataset", "gun-point", "the data: expected"),
        ("--preset", "fcn", "--model or --preset: expected the one in config.toml"),
        ("--scaling", "none", "--scaling: expected PerSeries, found None"),
    ] {
        let message = crate::program::fail(["train", "--resume", &out, flag, value]);
        assert!(message.contains(part), "{message}");
    }
}

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

/// Runs that are killed, each after another epoch: from before the first to the writing of the last files.
const KILLS: [usize; 20] = [0, 0, 1, 2, 5, 20, 35, 50, 70, 90, 110, 140, 170, 200, 230, 260, 299, 300, 300, 300];

#[test]
fn killed_runs_end_in_the_bits_of_an_uninterrupted_one() {
    let folder = Folder::new();
    let whole = folder.path("whole");
    run(SETTINGS.into_iter().chain(["--out", &whole]));
    let (expected, scores) = (model(&whole), metrics(&whole));
    let mut cut = 0;
    for (number, epochs) in KILLS.into_iter().enumerate() {
        let out = folder.path(&format!("run-{number}"));
        let mut child = elbo(SETTINGS.into_iter().chain(["--resume", &out])).spawn().unwrap();
        wait_for_epochs(&out, epochs);
        // Somewhere within the next epochs, or in what comes after the last.
        sleep(Duration::from_micros(number as u64 * 7919 % 20_000));
        child.kill().unwrap();
        cut += u32::from(!child.wait().unwrap().success());
        run(SETTINGS.into_iter().chain(["--resume", &out]));
        assert!(model(&out) == expected, "the model after kill {number} differs");
        assert_eq!(metrics(&out), scores, "kill {number}");
        let leftovers: Vec<_> =
            crate::program::files(Path::new(&out)).into_iter().filter(|path| is_temporary(path)).collect();
        assert!(leftovers.is_empty(), "a resumed run sweeps up: {leftovers:?}");
    }
    assert!(cut >= 17, "only {cut} of {} runs were cut short", KILLS.len());
}

/// Until that many epochs are logged; 0 is at once.
fn wait_for_epochs(run: &str, epochs: usize) {
    let log = Path::new(run).join("events.jsonl");
    let logged = || fs::read_to_string(&log).map_or(0, |text| text.matches("\"event\":\"epoch\"").count());
    let started = Instant::now();
    while logged() < epochs {
        assert!(started.elapsed() < Duration::from_mins(2), "the run does not get to epoch {epochs}");
        sleep(Duration::from_millis(1));
    }
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
    wait_for_epochs(&out, 3);
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
fn a_run_belongs_to_one_process_at_a_time() {
    let folder = Folder::new();
    let out = folder.path("run");
    let mut first = elbo(["train", "--epochs=100000", "--out", &out]).spawn().unwrap();
    wait_for_epochs(&out, 1);
    let message = crate::program::fail(["train", "--resume", &out]);
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(message.contains("`out` must be a run that no other process works on"), "{message}");
}

/// Another process has the folder already, and is about to begin: nothing of this one is written there.
#[test]
fn a_run_is_begun_by_one_process() {
    let folder = Folder::new();
    let out = folder.path("run");
    fs::create_dir(&out).unwrap();
    let lock = fs::File::create(Path::new(&out).join(".lock")).unwrap();
    lock.try_lock().unwrap();
    for more in [&[][..], &["--sweep", "lr=0.01,0.02"]] {
        let message = crate::program::fail(["train", "--epochs", "2", "--out", &out].iter().chain(more));
        assert!(message.contains("`out` must be a run that no other process works on"), "{message}");
    }
    assert_eq!(crate::program::files(Path::new(&out)).len(), 1, "the lock alone");
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
        ("--preset", "mlp", "--model or --preset: expected the one in config.toml"),
        ("--scaling", "none", "--scaling: expected PerSeries, found None"),
    ] {
        let message = crate::program::fail(["train", "--resume", &out, flag, value]);
        assert!(message.contains(part), "{message}");
    }
}

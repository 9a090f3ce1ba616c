//! Running the program and looking at what it leaves.

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program with arguments, without a terminal.
pub fn elbo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_elbo"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to a good end; gives standard output.
pub fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> String {
    let output = elbo(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs to an error: exit code 2, nothing on standard output, one line on standard error. Gives that line.
pub fn fail<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> String {
    error_of(&elbo(arguments).output().unwrap())
}

/// The message of a failed run.
pub fn error_of(output: &Output) -> String {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert_eq!(text(&output.stdout), "");
    assert!(!error.contains("panicked") && !error.contains("RUST_BACKTRACE"), "{error}");
    let message = error.strip_prefix("error: ").unwrap_or_else(|| panic!("no message: {error}"));
    message.trim_end().to_owned()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder that is removed when it is dropped, and paths in it.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// A file with this content.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// All files in it, with their folders.
    pub fn files(&self) -> Vec<PathBuf> {
        files(self.0.path())
    }
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A data set that comes with the library.
pub fn shipped(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../elbo/data");
    folder.join(name).to_str().unwrap().to_owned()
}

/// `metrics.json` of a run without its times.
pub fn metrics(run: &str) -> Value {
    let mut metrics: Value = serde_json::from_slice(&fs::read(Path::new(run).join("metrics.json")).unwrap()).unwrap();
    assert!(metrics["timing"]["training_seconds"].is_number());
    metrics.as_object_mut().unwrap().remove("timing");
    metrics
}

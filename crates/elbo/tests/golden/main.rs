//! Golden vectors: outputs, gradients and losses of existing libraries, reproduced with their draws.
//!
//! Runs every case of every file of the folder named by `ELBO_GOLDEN_DIR`, by default this repository's `golden/`, in
//! `f64` and in `f32`, one test a file. Nothing is skipped in silence: an unknown file, configuration key or value, and
//! an expected field that is not checked, are failures; what is not built yet is listed in [`pending`].
//!
//! A new kind of file is a module with a function `run(&Case, DType)` and a line in [`RUNNERS`].

mod calibration_classification;
mod calibration_regression;
mod calibration_uncertainty;
mod compare;
mod convolution;
#[path = "../device/mod.rs"]
mod device;
mod distributions;
mod evaluation;
mod fields;
mod file;
mod kl;
mod layers;
mod layers_dense_variational;
mod layers_moments;
mod named;
mod optimizers;
mod pending;
mod selftest;

use burn::tensor::DType;
use fields::Failure;
use file::{Case, File};
use libtest_mimic::{Arguments, Trial};
use pending::Pending;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How the cases of one file are run.
pub struct Runner {
    /// Name of the file.
    pub file: &'static str,
    /// Runs one case; reads every key of it.
    pub run: fn(&Case<'_>, DType) -> Result<(), Failure>,
    /// What the case is about: the words under which [`pending`] may list it.
    pub kinds: fn(&Case<'_>) -> Result<Vec<String>, Failure>,
}

const RUNNERS: &[Runner] = &[
    Runner { file: "calibration_classification.json", run: calibration_classification::run, kinds: no_kinds },
    Runner { file: "calibration_regression.json", run: calibration_regression::run, kinds: no_kinds },
    Runner { file: "calibration_uncertainty.json", run: calibration_uncertainty::run, kinds: no_kinds },
    Runner { file: "conv1d.json", run: convolution::run, kinds: no_kinds },
    Runner { file: "conv2d.json", run: convolution::run, kinds: no_kinds },
    Runner { file: "conv3d.json", run: convolution::run, kinds: no_kinds },
    Runner { file: "distributions.json", run: distributions::run, kinds: distributions::kinds },
    Runner { file: "kl.json", run: kl::run, kinds: kl::kinds },
    Runner { file: "layers_dense_variational.json", run: layers_dense_variational::run, kinds: no_kinds },
    Runner { file: "layers_moments.json", run: layers_moments::run, kinds: no_kinds },
    Runner { file: "layers_flipout.json", run: layers::run, kinds: no_kinds },
    Runner { file: "layers_local_reparameterization.json", run: layers::run, kinds: no_kinds },
    Runner { file: "layers_reparameterization.json", run: layers::run, kinds: no_kinds },
    Runner { file: "optimizers_adam.json", run: optimizers::run, kinds: optimizers::kinds },
];

/// The types in which cases are run.
const DTYPES: [DType; 2] = [DType::F64, DType::F32];

/// For files of one kind.
#[allow(clippy::unnecessary_wraps)] // as the other files have it
fn no_kinds(_: &Case<'_>) -> Result<Vec<String>, Failure> {
    Ok(Vec::new())
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let (folder, own) = folder();
    let mut trials = match file::list(&folder) {
        Ok(files) => files.into_iter().map(trial).collect(),
        Err(message) => vec![Trial::test("folder", move || Err(message.into()))],
    };
    if own {
        trials.extend(selftest::trials(&folder));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The folder, and whether it is this repository's. A relative name counts from the repository's root: cargo runs tests
/// in the package's folder, which is not where the command was typed.
fn folder() -> (PathBuf, bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match std::env::var_os("ELBO_GOLDEN_DIR") {
        Some(folder) => (root.join(folder), false),
        None => (root.join("golden"), true),
    }
}

fn trial(path: PathBuf) -> Trial {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Trial::test(name, move || {
        let report = report(&File::read(&path)?)?;
        println!("{report}");
        Ok(())
    })
}

/// Runs a file: a line about what passed, or what failed.
fn report(file: &File) -> Result<String, Failure> {
    let runner = RUNNERS.iter().find(|runner| runner.file == file.name);
    if let Some(reason) = pending::file(&file.name) {
        return Ok(format!("{}: pending: {} ({reason})", file.name, file.cases.len()));
    }
    let runner = runner.ok_or_else(|| format!("{}: this harness does not know such a file", file.name))?;
    let (mut passed, mut waiting, mut failures) = (0, BTreeMap::<&str, usize>::new(), Vec::new());
    for value in &file.cases {
        match run_case(runner, value) {
            Ok(Some(reason)) => *waiting.entry(reason).or_default() += 1,
            Ok(None) => passed += 1,
            Err(failure) => failures.push(failure),
        }
    }
    if !failures.is_empty() {
        return Err(format!("{}: {} failures\n{}", file.name, failures.len(), failures.join("\n")));
    }
    let mut line = format!("{}: {passed} cases passed in f64, {passed} in f32", file.name);
    let waiting = waiting.into_iter().map(|(reason, count)| format!("; pending: {count} ({reason})"));
    line.extend(waiting.chain(pending::described_fields(&file.name)));
    Ok(line)
}

/// Runs a case in every type, or says why it is pending.
fn run_case(runner: &Runner, value: &serde_json::Value) -> Result<Option<&'static str>, Failure> {
    let case = Case::new(value)?;
    let kinds = (runner.kinds)(&case).map_err(|failure| format!("  {}: {failure}", case.name))?;
    if let Some(Pending { reason, .. }) = pending::case(runner.file, &kinds) {
        return Ok(Some(reason));
    }
    for dtype in DTYPES {
        // A panic of the library is a failure of the case, not of the file.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run_whole(runner, value, dtype)));
        let outcome = outcome.unwrap_or_else(|_| Err("panicked; see above".into()));
        outcome.map_err(|failure| format!("  {} in {dtype:?}: {failure}", case.name))?;
    }
    Ok(None)
}

/// Runs a case and makes sure that all of it was looked at.
fn run_whole(runner: &Runner, value: &serde_json::Value, dtype: DType) -> Result<(), Failure> {
    let case = Case::new(value)?;
    (runner.run)(&case, dtype)?;
    case.config.finish()?;
    case.inputs.finish()?;
    leave_out_pending_fields(runner, &case)?;
    case.expected.finish()
}

/// Passes over the expected fields that are listed as pending for this kind of case. A listed field that was checked
/// after all is a failure: the table must not say less than what is done.
fn leave_out_pending_fields(runner: &Runner, case: &Case<'_>) -> Result<(), Failure> {
    let unread = case.expected.unread();
    for name in pending::fields(runner.file, &(runner.kinds)(case)?) {
        if case.expected.has(name) && !unread.contains(&name) {
            return Err(format!("`{name}` is checked, but listed as pending"));
        }
        case.expected.optional(name);
    }
    Ok(())
}

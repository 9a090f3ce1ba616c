//! The harness on spoilt copies of the repository's own files: each has to fail, and for the right reason.

use crate::fields::Failure;
use crate::file::{self, Case, File};
use crate::pending::{self, PENDING, Part};
use crate::{RUNNERS, report};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is done to the first case of a file, and a part of the message that must follow.
type Damage = (&'static str, fn(&mut Value), &'static str);

const CONVOLUTION: &[Damage] = &[
    ("unknown configuration key", |case| case["config"]["groups"] = json!(2), "groups"),
    ("unknown padding", |case| case["config"]["padding"] = json!("full"), "padding"),
    ("unknown kernel layout", |case| case["config"]["kernel_layout"] = json!("[filters, ..]"), "kernel_layout"),
    ("unread input", |case| case["inputs"]["mask"] = json!(1.0), "mask"),
    ("unchecked expectation", |case| case["expected"]["grad_mask"] = json!(1.0), "grad_mask"),
    ("missing expectation", |case| drop(remove(case, "expected", "grad_bias")), "grad_bias"),
    ("wrong output", |case| nudge(&mut case["expected"]["output"]), "output[0]"),
    ("wrong gradient of x", |case| nudge(&mut case["expected"]["grad_x"]), "grad_x[0]"),
    ("wrong gradient of the kernel", |case| nudge(&mut case["expected"]["grad_kernel"]), "grad_kernel[0]"),
    ("short array", |case| drop(case["inputs"]["x"]["data"].as_array_mut().map(Vec::pop)), "values"),
    ("unknown key of the case", |case| case["rtol"] = json!(1.0), "rtol"),
];

const LAYER: &[Damage] = &[
    ("unknown activation", |case| case["config"]["activation"] = json!("selu"), "selu"),
    ("unknown bias", |case| case["config"]["bias"] = json!("laplace"), "laplace"),
    ("unknown prior", |case| case["config"]["kernel_prior"]["distribution"] = json!("Gumbel"), "Gumbel"),
    ("unknown parameter of a prior", |case| case["config"]["kernel_prior"]["df"] = json!(3), "df"),
    ("unknown divergence", |case| case["config"]["kernel_divergence"] = json!("renyi"), "renyi"),
    ("unknown layer", |case| case["config"]["layer"] = json!("DenseDropout"), "DenseDropout"),
    ("wrong loss", |case| nudge(&mut case["expected"]["losses"]["kernel"]), "kernel"),
    ("a loss too many", |case| case["expected"]["losses"]["bias"] = json!(0.0), "bias"),
    ("wrong objective", |case| nudge(&mut case["expected"]["objective"]), "objective"),
    ("wrong scale", |case| nudge(&mut case["expected"]["kernel_scale"]), "kernel_scale[0]"),
    ("missing noise", |case| drop(remove(case, "inputs", "kernel_eps")), "layer/kernel"),
];

const FLIPOUT: &[Damage] = &[
    ("flipped sign of an input", |case| negate(&mut case["inputs"]["sign_input"]), "grad_"),
    ("flipped sign of an output", |case| negate(&mut case["inputs"]["sign_output"]), "grad_"),
    ("missing signs", |case| drop(remove(case, "inputs", "sign_output")), "layer/sign_output"),
    ("another estimator", |case| case["config"]["layer"] = json!("DenseReparameterization"), "grad_"),
    ("wrong gradient", |case| nudge(&mut case["expected"]["grad_kernel_loc"]), "grad_kernel_loc[0]"),
];

const LOCAL: &[Damage] = &[
    ("other noise", |case| negate(&mut case["inputs"]["output_eps"]), "grad_"),
    ("missing noise", |case| drop(remove(case, "inputs", "output_eps")), "layer/output"),
    ("another estimator", |case| case["config"]["layer"] = json!("DenseFlipout"), "layer/kernel"),
];

const DENSE_VARIATIONAL: &[Damage] = &[
    ("unknown posterior", |case| case["config"]["posterior"] = json!("Normal(loc, scale)"), "posterior"),
    ("another factor", |case| case["config"]["kl_weight"] = json!(0.5), "loss"),
    ("no bias", |case| case["config"]["use_bias"] = json!(false), "values"),
    ("wrong output", |case| nudge(&mut case["expected"]["output"]), "output[0]"),
    ("wrong loss", |case| nudge(&mut case["expected"]["loss"]), "loss"),
    ("wrong gradient", |case| nudge(&mut case["expected"]["grad_untransformed_scale"]), "grad_untransformed_scale[0]"),
    ("missing noise", |case| drop(remove(case, "inputs", "eps")), "eps"),
];

const KL: &[Damage] = &[
    ("wrong divergence", |case| nudge(&mut case["expected"]["kl"]), "kl"),
    ("unknown distribution", |case| case["config"]["q"] = json!("Zipf"), "Zipf"),
];

const DISTRIBUTION: &[Damage] = &[
    ("wrong log density", |case| nudge(&mut case["expected"]["log_prob"]), "log_prob[0]"),
    ("wrong mean", |case| case["expected"]["mean"] = json!(0.001), "mean"),
    ("wrong distribution function", |case| nudge(&mut case["expected"]["cdf"]), "cdf[0]"),
    ("wrong tail", |case| nudge(&mut case["expected"]["log_survival_function"]), "log_survival_function[0]"),
    ("wrong variance", |case| nudge(&mut case["expected"]["variance"]), "variance"),
    ("wrong mode", |case| nudge(&mut case["expected"]["mode"]), "mode"),
    ("wrong entropy", |case| nudge(&mut case["expected"]["entropy"]), "entropy"),
    ("wrong quantile", |case| nudge(&mut case["expected"]["quantile"]), "quantile[0]"),
    ("unknown field", |case| case["expected"]["skewness"] = json!(0.0), "skewness"),
];

const MOMENTS: &[Damage] = &[
    ("wrong mean", |case| shift(&mut case["expected"]["mean"], 0.2), "mean[0]"),
    ("wrong variance", |case| shift(&mut case["expected"]["variance"], 0.5), "variance[0]"),
    ("wrong covariance", |case| shift(&mut case["expected"]["covariance_examples_0_1"], 0.5), "covariance[0]"),
];

const CLASSES: &[Damage] = &[
    ("wrong accuracy", |case| nudge(&mut case["expected"]["accuracy"]), "accuracy"),
    ("wrong score of an example", |case| nudge(&mut case["expected"]["nll_per_example"]), "nll_per_example[0]"),
    ("wrong Brier score", |case| nudge(&mut case["expected"]["brier_tfp_mean"]), "brier_tfp_mean"),
    ("wrong resolution", |case| nudge(&mut case["expected"]["brier_decomposition"]["resolution"]), "resolution"),
    ("unknown part", |case| case["expected"]["brier_decomposition"]["bias"] = json!(0.0), "bias"),
    ("wrong bin", |case| nudge(&mut case["expected"]["expected_calibration_error"][1]["bin_count"]), "bin_count[0]"),
    ("wrong largest gap", |case| nudge(&mut case["expected"]["expected_calibration_error"][2]["mce"]), "mce"),
    ("another number of bins", |case| case["expected"]["expected_calibration_error"][0]["num_bins"] = json!(9), "ece"),
    ("wrong bucket", |case| nudge(&mut case["expected"]["ece_quantiles_10"]["bucket_accuracy"]), "bucket_accuracy[0]"),
    ("moved bucket", |case| shift(&mut case["expected"]["ece_quantiles_10"]["bucket_count"], 2.0), "bucket_count[0]"),
    ("wrong ranking", |case| nudge(&mut case["expected"]["auroc_class0"]), "auroc_class0"),
    ("unknown score", |case| case["expected"]["kappa"] = json!(0.0), "kappa"),
    ("unknown binning", |case| case["config"]["binning"] = json!("round"), "binning"),
    ("another label", |case| case["inputs"]["labels"]["data"][0] = json!(1), "accuracy"),
];

const NUMBERS: &[Damage] = &[
    ("wrong density", |case| nudge(&mut case["expected"]["nll_per_example"]), "nll_per_example[0]"),
    ("wrong ranked score", |case| nudge(&mut case["expected"]["crps"]), "crps"),
    ("wrong transform", |case| nudge(&mut case["expected"]["pit"]), "pit[0]"),
    ("wrong coverage", |case| nudge(&mut case["expected"]["coverage_central"]), "coverage_central[0]"),
    ("wrong interval score", |case| nudge(&mut case["expected"]["interval_score"]), "interval_score[0]"),
    ("wrong error", |case| nudge(&mut case["expected"]["mae"]), "mae"),
    ("another level", |case| shift(&mut case["inputs"]["levels"], 0.1), "[0]"),
];

const UNCERTAINTY: &[Damage] = &[
    ("wrong information", |case| nudge(&mut case["expected"]["mutual_information"]), "mutual_information[0]"),
    ("wrong variance", |case| nudge(&mut case["expected"]["mean_variance_of_probs"]), "mean_variance_of_probs[0]"),
    ("unknown logarithm", |case| case["config"]["log"] = json!("binary"), "log"),
];

const SPOILT: &[(&str, &[Damage])] = &[
    ("conv1d.json", CONVOLUTION),
    ("conv2d.json", CONVOLUTION),
    ("conv3d.json", CONVOLUTION),
    ("layers_reparameterization.json", LAYER),
    ("layers_flipout.json", FLIPOUT),
    ("layers_local_reparameterization.json", LOCAL),
    ("layers_dense_variational.json", DENSE_VARIATIONAL),
    ("kl.json", KL),
    ("distributions.json", DISTRIBUTION),
    ("layers_moments.json", MOMENTS),
    ("calibration_classification.json", CLASSES),
    ("calibration_regression.json", NUMBERS),
    ("calibration_uncertainty.json", UNCERTAINTY),
];

/// The tests of the harness.
pub fn trials(folder: &Path) -> Vec<Trial> {
    let folder = folder.to_owned();
    let test = |name: &str, run: fn(&Path) -> Result<(), Failure>| {
        let folder: PathBuf = folder.clone();
        Trial::test(format!("harness::{name}"), move || run(&folder).map_err(Into::into))
    };
    vec![
        test("notices_damaged_cases", notices_damaged_cases),
        test("refuses_unknown_files", refuses_unknown_files),
        test("refuses_broken_files", refuses_broken_files),
        test("has_no_stale_pending_entries", has_no_stale_pending_entries),
    ]
}

fn notices_damaged_cases(folder: &Path) -> Result<(), Failure> {
    for (name, damages) in SPOILT {
        let file = File::read(&folder.join(name))?;
        let first = File { cases: vec![file.cases[0].clone()], ..file };
        report(&first).map_err(|failure| format!("the case is sound, but: {failure}"))?;
        for (what, damage, expected) in *damages {
            let mut spoilt = first.clone();
            damage(&mut spoilt.cases[0]);
            must_fail(&format!("{name}: {what}"), report(&spoilt), expected)?;
        }
    }
    Ok(())
}

fn refuses_unknown_files(folder: &Path) -> Result<(), Failure> {
    let file = File::read(&folder.join("conv1d.json"))?;
    let renamed = File { name: "conv4d.json".into(), ..file };
    must_fail("another name", report(&renamed), "does not know")
}

fn refuses_broken_files(folder: &Path) -> Result<(), Failure> {
    let empty = tempfile::tempdir().map_err(|error| error.to_string())?;
    must_fail("an empty folder", file::list(empty.path()), "there are no files")?;
    must_fail("a missing folder", file::list(&empty.path().join("missing")), "missing")?;
    let whole = std::fs::read_to_string(folder.join("kl.json")).map_err(|error| error.to_string())?;
    let broken = [
        ("half a file", whole[..whole.len() / 2].to_owned(), "not JSON"),
        ("a file without cases", r#"{"schema": 1, "meta": {"n_cases": 0}, "cases": []}"#.into(), "0 cases"),
        (
            "a file with a case less",
            r#"{"schema": 1, "meta": {"n_cases": 2}, "cases": [{"name": "a"}]}"#.into(),
            "is 2",
        ),
        ("another schema", r#"{"schema": 2, "meta": {"n_cases": 1}, "cases": [{"name": "a"}]}"#.into(), "schema"),
        ("a list", "[]".into(), "must be an object"),
    ];
    let path = empty.path().join("kl.json");
    for (what, text, expected) in broken {
        std::fs::write(&path, text).map_err(|error| error.to_string())?;
        must_fail(what, File::read(&path), expected)?;
    }
    Ok(())
}

/// Every entry of the table leaves something out.
fn has_no_stale_pending_entries(folder: &Path) -> Result<(), Failure> {
    for entry in PENDING {
        let stale = match entry.part {
            Part::File => unless(folder.join(format!("{}.json", entry.file)).is_file(), || vec![entry.file]),
            Part::Kinds(names) => missing(names, &kinds(folder, entry.file)?),
            Part::Fields(of, names) => missing_fields(folder, entry.file, of, names)?,
        };
        if !stale.is_empty() {
            return Err(format!("the table lists {stale:?} of {} in vain", entry.file));
        }
    }
    let known = RUNNERS.iter().find(|runner| pending::file(runner.file).is_some());
    known.map_or(Ok(()), |runner| Err(format!("{} is listed as pending, and has a runner", runner.file)))
}

fn unless<T>(fine: bool, otherwise: impl FnOnce() -> Vec<T>) -> Vec<T> {
    if fine { Vec::new() } else { otherwise() }
}

fn missing<'a>(names: &[&'a str], present: &BTreeSet<String>) -> Vec<&'a str> {
    names.iter().copied().filter(|name| !present.contains(*name)).collect()
}

fn kinds(folder: &Path, file: &str) -> Result<BTreeSet<String>, Failure> {
    let runner = RUNNERS.iter().find(|runner| runner.file == file).ok_or("kinds of a file without runner")?;
    let mut found = BTreeSet::new();
    for value in &File::read(&folder.join(file))?.cases {
        found.extend((runner.kinds)(&Case::new(value)?)?);
    }
    Ok(found)
}

/// Kinds of which no case expects one of the fields, and fields that no case of a kind expects.
fn missing_fields<'a>(folder: &Path, file: &str, of: &[&'a str], names: &[&str]) -> Result<Vec<&'a str>, Failure> {
    let runner = RUNNERS.iter().find(|runner| runner.file == file).ok_or("fields of a file without runner")?;
    let mut found = BTreeSet::new();
    for value in &File::read(&folder.join(file))?.cases {
        let case = Case::new(value)?;
        let fields = case.expected.unread();
        for kind in (runner.kinds)(&case)? {
            found.extend(fields.iter().map(|field| (kind.clone(), (*field).to_owned())));
        }
    }
    let has = |kind: &str, name: &str| found.contains(&(kind.to_owned(), name.to_owned()));
    Ok(of.iter().copied().filter(|kind| !names.iter().all(|name| has(kind, name))).collect())
}

fn must_fail<T>(what: &str, result: Result<T, Failure>, expected: &str) -> Result<(), Failure> {
    match result {
        Ok(_) => Err(format!("{what}: passed, but it should fail")),
        Err(message) if message.contains(expected) => Ok(()),
        Err(message) => Err(format!("{what}: failed without saying `{expected}`: {message}")),
    }
}

fn remove(case: &mut Value, part: &str, key: &str) -> Option<Value> {
    case[part].as_object_mut()?.remove(key)
}

/// Changes a number, or the first number of an array, by a millionth of it and a millionth.
fn nudge(value: &mut Value) {
    shift(value, 0.0);
    let number = first(value);
    *number = json!(number.as_f64().expect("a number") * (1.0 + 1e-6) + 1e-6);
}

fn negate(value: &mut Value) {
    let number = first(value);
    *number = json!(-number.as_f64().expect("a number"));
}

fn shift(value: &mut Value, by: f64) {
    let number = first(value);
    *number = json!(number.as_f64().expect("a number") + by);
}

fn first(value: &mut Value) -> &mut Value {
    if value.is_object() { &mut value["data"][0] } else { value }
}

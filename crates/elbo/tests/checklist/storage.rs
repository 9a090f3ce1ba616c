//! Row 74: a layer's numbers in a file, and back.

use crate::fixture::*;
use burn::tensor::DType;
use elbo::layer::{Conv1d, Conv1dConfig};
use elbo::prior::Prior;
use elbo::record::{NamedTensors, load_parameters, parameters, write_atomically};
use std::path::{Path, PathBuf};

const FORMAT: &str = "elbo-test-1";

fn config(seed: u64) -> Conv1dConfig {
    let config = conv1d(2, 3, 3).with_padding("same").with_seed(seed);
    config.with_bias_posterior_fn(Some(normal())).with_bias_prior(Prior::normal(0.0, 0.5))
}

fn build(seed: u64) -> Conv1d {
    config(seed).init(&device()).unwrap()
}

/// A file with the parameters of a layer.
fn saved(layer: &Conv1d, folder: &Path) -> PathBuf {
    let path = folder.join("model.safetensors");
    let named = NamedTensors { tensors: parameters(layer), ..NamedTensors::default() };
    write_atomically(&path, &named.to_bytes(FORMAT, &path).unwrap()).unwrap();
    path
}

#[test]
fn l74_a_loaded_layer_gives_the_same_outputs_and_losses() {
    let folder = tempfile::tempdir().unwrap();
    let (layer, other) = (build(3), build(4));
    let path = saved(&layer, folder.path());
    let file = NamedTensors::read(&path, FORMAT).unwrap();
    let names: Vec<&str> = file.tensors.keys().map(String::as_str).collect();
    let expected = [
        "bias.posterior.loc",
        "bias.posterior.untransformed_scale",
        "kernel.posterior.loc",
        "kernel.posterior.untransformed_scale",
    ];
    assert_eq!(names, expected);
    let run = |layer: &Conv1d| {
        let mut trace = pass(9);
        let output = values(&layer.forward(wave([2, 5, 2], 0.0), &mut trace));
        [output, trace.losses().iter().map(|loss| scalar(&loss.value)).collect()].concat()
    };
    assert_ne!(run(&layer), run(&other));
    let loaded = load_parameters(other, &file.tensors, &path).unwrap();
    assert_eq!(run(&layer), run(&loaded));
    assert!(loaded.variables().iter().all(|variable| variable.trainable));
    assert_eq!(gradients(&loaded, &loaded.kernel.divergence(None).unwrap()).len(), 2);
}

#[test]
fn l74_files_that_do_not_fit_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(&build(3), folder.path());
    let tensors = NamedTensors::read(&path, FORMAT).unwrap().tensors;
    let load = |config: Conv1dConfig| load_parameters(config.init(&device()).unwrap(), &tensors, &path);
    assert_error(load(config(1).with_bias_posterior_fn(None)), &["in the file but not in the model", "bias"]);
    assert_error(load(config(1).with_dtype(DType::F32)), &["expected type F32", "F64"]);
    let wide = conv1d(2, 4, 3).with_bias_posterior_fn(Some(normal()));
    assert_error(load(wide), &["expected shape", "[3, 2, 4]", "[3, 2, 3]"]);
    let mut fewer = tensors.clone();
    fewer.remove("kernel.posterior.loc");
    assert_error(load_parameters(build(1), &fewer, &path), &["in the model but not in the file", "kernel"]);
}

#[test]
fn l74_damaged_and_foreign_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(&build(3), folder.path());
    assert_error(NamedTensors::read(&path, "another"), &["expected format `another`", FORMAT]);
    assert_error(NamedTensors::read(&folder.path().join("missing"), FORMAT), &["missing", "cannot read"]);
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 7, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert_error(NamedTensors::read(&path, FORMAT), &["not a whole safetensors file"]);
    }
    let mut flipped = whole;
    *flipped.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &flipped).unwrap();
    assert_error(NamedTensors::read(&path, FORMAT), &["damaged", "SHA-256"]);
}

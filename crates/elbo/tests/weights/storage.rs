//! Layers with correlated posteriors and learned priors through files.

use crate::fixture::*;
use burn::tensor::DType;
use elbo::layer::{DenseVariational, DenseVariationalConfig, VariableLayer, VariableLayerConfig};
use elbo::posterior::{
    Family, LowRankOptions, PosteriorFn, TriLOptions, low_rank_normal_fn, multivariate_normal_tril_fn,
};
use elbo::prior::{LearnedNormalOptions, learned_normal_prior_fn};
use elbo::record::{NamedTensors, load_parameters, name_parameters, parameters};
use elbo::{Noise, Trace};
use std::path::Path;

fn build(posterior_fn: &PosteriorFn<1>, seed: u64) -> DenseVariational {
    let layer = DenseVariationalConfig::new(3, 2)
        .with_posterior_fn(posterior_fn.clone())
        .with_prior_fn(Some(learned_normal_prior_fn(LearnedNormalOptions::default())))
        .with_name("dense")
        .with_seed(seed)
        .with_dtype(DType::F64);
    name_parameters(layer.init(&device()).unwrap())
}

fn run(layer: &DenseVariational) -> (Vec<f64>, f64) {
    let mut trace = Trace::sampling(&mut Noise::seeded(1)).with_samples(2);
    let output = layer.forward(tensor([2, 3], wave(6, 0.1, 1.0)), &mut trace);
    (values(&output), scalar(&trace.losses()[0].value))
}

fn through_file<M: burn::module::Module>(from: &M, to: M, folder: &Path) -> M {
    let path = folder.join("layer.safetensors");
    let named = NamedTensors { tensors: parameters(from), ..NamedTensors::default() };
    std::fs::write(&path, named.to_bytes("test", &path).unwrap()).unwrap();
    load_parameters(to, &NamedTensors::read(&path, "test").unwrap().tensors, &path).unwrap()
}

#[test]
fn a_loaded_layer_is_the_saved_one() {
    let folder = tempfile::tempdir().unwrap();
    let kinds: [(PosteriorFn<1>, &[&str]); 2] = [
        (multivariate_normal_tril_fn(TriLOptions::default()), &["loc", "scale_off_diagonal", "untransformed_scale"]),
        (low_rank_normal_fn(LowRankOptions::new(2)), &["loc", "scale_perturb_factor", "untransformed_scale"]),
    ];
    for (posterior_fn, names) in kinds {
        let (saved, other) = (build(&posterior_fn, 1), build(&posterior_fn, 2));
        assert_ne!(run(&saved), run(&other));
        let loaded = through_file(&saved, other, folder.path());
        assert_eq!(run(&saved), run(&loaded));
        assert!(loaded.variables().iter().all(|variable| variable.trainable));
        let found: Vec<String> = parameters(&loaded).into_keys().collect();
        let mut expected: Vec<String> = names.iter().map(|name| format!("weights.posterior.{name}")).collect();
        expected.push("weights.prior.scale".into());
        assert_eq!(found, expected);
    }
}

#[test]
fn a_variable_layer_goes_through_files() {
    let folder = tempfile::tempdir().unwrap();
    let build = |seed| -> VariableLayer<Family<2>, 2> {
        let tril = multivariate_normal_tril_fn(TriLOptions::default());
        let config = VariableLayerConfig::new([2, 3]).with_posterior_fn(tril).with_name("w");
        config.with_seed(seed).with_dtype(DType::F64).init(&device()).unwrap()
    };
    let run = |layer: &VariableLayer<Family<2>, 2>| {
        values(&layer.forward(tensor([1], vec![0.0]), &mut Trace::sampling(&mut Noise::seeded(1))))
    };
    let loaded = through_file(&build(1), build(2), folder.path());
    assert_eq!(run(&build(1)), run(&loaded));
    assert_ne!(run(&build(2)), run(&loaded));
}

//! The layers of one weight: passes, traces, samples.

use crate::fixture::*;
use burn::tensor::{DType, Tensor, TensorData};
use elbo::distribution::Distribution;
use elbo::layer::{DenseVariationalConfig, VariableLayerConfig};
use elbo::posterior::{
    LocScaleOptions, LowRankOptions, Posterior, PosteriorFn, TriLOptions, default_mean_field_normal_fn,
    low_rank_normal_fn, multivariate_normal_tril_fn,
};
use elbo::prior::{Learned, LearnedNormalOptions, Prior, learned_normal_prior_fn};
use elbo::record::parameters;
use elbo::trace::LossKind;
use elbo::variable::{Constraint, Initializer, Regularizer};
use elbo::{Activation, Noise, Trace};

fn dense(inputs: usize, units: usize) -> DenseVariationalConfig {
    DenseVariationalConfig::new(inputs, units).with_name("dense").with_seed(3).with_dtype(DType::F64)
}

fn kinds<const D: usize>() -> [PosteriorFn<D>; 4] {
    let tril = TriLOptions {
        off_diagonal_initializer: Initializer::Normal { mean: 0.0, stddev: 0.3 },
        ..TriLOptions::default()
    };
    [
        default_mean_field_normal_fn(LocScaleOptions::default()),
        default_mean_field_normal_fn(LocScaleOptions::singular()),
        multivariate_normal_tril_fn(tril),
        low_rank_normal_fn(LowRankOptions::new(2)),
    ]
}

/// `tanh(x W + b)`, from the vector that the trace reports.
#[test]
fn an_output_is_that_of_the_vector_that_was_drawn() {
    for use_bias in [true, false] {
        let layer = dense(3, 2).with_use_bias(use_bias).with_activation(Activation::Tanh).init(&device()).unwrap();
        let x = wave(6, 0.2, 1.0);
        let mut trace = Trace::sampling(&mut Noise::seeded(4)).with_samples(2);
        let output = layer.forward(tensor([2, 3], x.clone()), &mut trace);
        assert_eq!(output.dims(), [4, 2]);
        let drawn = values(trace.layer("dense").unwrap().kernel_posterior_tensor.as_ref().unwrap());
        let n = if use_bias { 8 } else { 6 };
        assert_eq!(drawn.len(), 2 * n);
        let mut expected = Vec::new();
        for w in drawn.chunks(n) {
            for x in x.chunks(3) {
                for unit in 0..2 {
                    let sum: f64 = (0..3).map(|i| x[i] * w[2 * i + unit]).sum();
                    expected.push((sum + if use_bias { w[6 + unit] } else { 0.0 }).tanh());
                }
            }
        }
        assert_close(&values(&output), &expected, 1e-14);
        assert_eq!((layer.use_bias(), layer.output_shape(&[None, Some(3)])), (use_bias, vec![None, Some(2)]));
    }
}

#[test]
fn the_divergence_is_weighted_and_reported_once() {
    let build =
        |exact, weight: f64| dense(3, 2).with_kl_use_exact(exact).with_kl_weight(weight).init(&device()).unwrap();
    let loss = |layer: &elbo::layer::DenseVariational| {
        let mut trace = Trace::sampling(&mut Noise::seeded(4)).with_samples(3);
        let x = layer.forward(tensor([2, 3], wave(6, 0.2, 1.0)), &mut trace);
        assert_eq!(x.dims(), [6, 2]);
        let losses = trace.losses();
        assert_eq!((losses.len(), &losses[0].kind), (1, &LossKind::KernelDivergence));
        assert_eq!(losses[0].weight_path(), "dense/kernel");
        let drawn = trace.layer("dense").unwrap().kernel_posterior_tensor.clone().unwrap();
        (scalar(&losses[0].value), drawn)
    };
    let (layer, prior) = (build(true, 1.0), Prior::standard_normal());
    let (exact, drawn) = loss(&layer);
    assert_close(&[exact], &[scalar(&layer.weights.posterior.kl(&prior).unwrap())], 1e-14);
    assert_close(&[loss(&build(true, 0.25)).0], &[0.25 * exact], 1e-14);
    // In a pass of draws: the mean of ln q - ln p.
    let ratios = values(&(layer.weights.posterior.log_prob(drawn.clone()) - prior.log_prob(drawn)));
    assert_close(&[loss(&build(false, 1.0)).0], &[ratios.iter().sum::<f64>() / 3.0], 1e-12);
    assert_close(&[loss(&build(false, 0.5)).0], &[ratios.iter().sum::<f64>() / 6.0], 1e-12);
    assert_eq!(layer.kl_weight(), 1.0);

    // Applied twice in a pass it counts once; without prior, not at all.
    let mut trace = Trace::sampling(&mut Noise::seeded(4));
    let hidden = layer.forward(tensor([1, 3], wave(3, 0.2, 1.0)), &mut trace);
    let _ = layer.forward(Tensor::cat(vec![hidden.clone(), hidden.narrow(1, 0, 1)], 1), &mut trace);
    assert_eq!((trace.layers().len(), trace.divergences().len()), (1, 1));
    let bare = dense(3, 2).with_prior_fn(None).init(&device()).unwrap();
    let mut trace = Trace::sampling(&mut Noise::seeded(4));
    let _ = bare.forward(tensor([1, 3], wave(3, 0.2, 1.0)), &mut trace);
    assert!(trace.losses().is_empty());
}

#[test]
fn many_samples_in_one_pass_are_as_many_passes() {
    let x = tensor([2, 3], wave(6, 0.2, 1.0));
    for posterior_fn in kinds() {
        let layer = dense(3, 2).with_posterior_fn(posterior_fn).init(&device()).unwrap();
        let pass = |range| {
            let mut trace = Trace::sampling(&mut Noise::seeded(9)).with_sample_range(range);
            let output = values(&layer.forward(x.clone(), &mut trace));
            (output, scalar(&trace.losses()[0].value))
        };
        let (whole, divergence) = pass(0..4);
        let parts: Vec<(Vec<f64>, f64)> = (0..4).map(|s| pass(s..s + 1)).collect();
        assert_close(&whole, &parts.iter().flat_map(|part| part.0.clone()).collect::<Vec<_>>(), 1e-13);
        let mean = parts.iter().map(|part| part.1).sum::<f64>() / 4.0;
        assert!((divergence == mean) || (divergence - mean).abs() < 1e-12 * mean.abs(), "{divergence} {mean}");
        let name = layer.weights.posterior.name();
        assert_eq!(parts[0].0 == parts[1].0, name == "Deterministic", "{name}: samples differ");
    }
    for posterior_fn in kinds() {
        let config = VariableLayerConfig::new([2, 3]).with_posterior_fn(posterior_fn).with_name("w").with_seed(1);
        let layer = config.with_dtype(DType::F64).init(&device()).unwrap();
        let pass = |range| {
            let mut trace = Trace::sampling(&mut Noise::seeded(9)).with_sample_range(range);
            layer.forward(x.clone(), &mut trace)
        };
        assert_eq!(pass(0..4).dims(), [8, 3]);
        let parts: Vec<f64> = (0..4).flat_map(|s| values(&pass(s..s + 1))).collect();
        assert_close(&values(&pass(0..4)), &parts, 1e-13);
    }
}

#[test]
fn a_pass_of_means_uses_the_means() {
    for posterior_fn in kinds() {
        let layer = dense(3, 2).with_posterior_fn(posterior_fn).init(&device()).unwrap();
        let mut trace = Trace::mean();
        let _ = layer.forward(tensor([2, 3], wave(6, 0.2, 1.0)), &mut trace);
        let used = trace.layer("dense").unwrap().kernel_posterior_tensor.clone().unwrap();
        assert_eq!(values(&used), values(&layer.weights.posterior.mean()));
    }
}

/// Replayed noise of the low-rank family: n normals, then r.
#[test]
fn recorded_noise_is_played_back() {
    let layer = dense(1, 2).with_posterior_fn(low_rank_normal_fn(LowRankOptions::new(3))).init(&device()).unwrap();
    let recorded = wave(4 + 3, 0.0, 1.0);
    let run = |noise: Vec<f64>| {
        let n = noise.len();
        let mut trace = Trace::sampling(&mut Noise::replay([("dense/kernel", TensorData::new(noise, [n]))]));
        layer.try_forward(tensor([1, 1], vec![1.0]), &mut trace)?;
        Ok::<_, elbo::Error>(values(trace.layer("dense").unwrap().kernel_posterior_tensor.as_ref().unwrap()))
    };
    let elbo::posterior::Family::MultivariateNormalDiagPlusLowRank(q) = &layer.weights.posterior else { panic!() };
    let (loc, scale) = (values(&q.loc.value()), values(&q.scale_diag()));
    let factor = values(&q.scale_perturb_factor.value());
    let expected: Vec<f64> = (0..4)
        .map(|i| loc[i] + scale[i] * recorded[i] + (0..3).map(|k| factor[3 * i + k] * recorded[4 + k]).sum::<f64>())
        .collect();
    assert_close(&run(recorded.clone()).unwrap(), &expected, 1e-14);
    assert_error(run(recorded[..4].to_vec()), &["dense/kernel", "expected"]);
}

#[test]
fn a_variable_layer_returns_its_tensor() {
    let config = VariableLayerConfig::new([2, 3]).with_initializer(Initializer::Values(LOC())).with_dtype(DType::F64);
    let input = || Tensor::<3>::zeros([4, 1, 1], &device());
    let layer = config.clone().init(&device()).unwrap();
    let mut trace = Trace::sampling(&mut Noise::seeded(1));
    let output = layer.forward(input(), &mut trace);
    assert_eq!((output.dims(), values(&output)), ([2, 3], LOC()));
    assert!(trace.losses().is_empty());
    assert_eq!(gradients(&layer, &output.sum())["variable.posterior.loc"], [1.0; N]);

    let relu = config.clone().with_activation(Activation::Relu).init(&device()).unwrap();
    let expected: Vec<f64> = LOC().into_iter().map(|x| x.max(0.0)).collect();
    assert_eq!(values(&relu.forward(input(), &mut Trace::mean())), expected);
    let softplus = config.clone().with_activation(Activation::Softplus).init(&device()).unwrap();
    let expected: Vec<f64> = LOC().into_iter().map(|x| x.exp().ln_1p()).collect();
    assert_close(&values(&softplus.forward(input(), &mut Trace::mean())), &expected, 1e-14);

    // With a prior it pays: minus the log density of a point mass. The penalty on the output is apart.
    let regularizer = Regularizer::L1(0.5);
    let paying =
        config.with_prior(Prior::normal(0.0, 2.0)).with_activity_regularizer(regularizer).init(&device()).unwrap();
    let mut trace = Trace::sampling(&mut Noise::seeded(1)).with_samples(2);
    assert_eq!(paying.forward(input(), &mut trace).dims(), [4, 3]);
    let losses: Vec<f64> = trace.losses().iter().map(|loss| scalar(&loss.value)).collect();
    let density = Prior::<2>::normal(0.0, 2.0).log_prob(tensor([1, N], LOC()));
    let l1: f64 = LOC().iter().map(|x| x.abs()).sum();
    assert_close(&losses, &[-values(&density)[0], 0.5 * l1], 1e-13);
    assert_eq!(paying.output_shape(), [2, 3]);
}

#[test]
fn layers_are_built_as_they_are_asked_to() {
    let layer = dense(3, 2).with_trainable(false).init(&device()).unwrap();
    let names: Vec<String> = layer.variables().into_iter().map(|v| v.name).collect();
    assert_eq!(names, ["posterior_loc", "posterior_untransformed_scale"]);
    assert!(layer.variables().iter().all(|v| !v.trainable));
    assert_eq!(layer.settings().0.units, 2);
    let single = VariableLayerConfig::new([1]).with_posterior_fn(kinds()[2].clone()).init(&device()).unwrap();
    assert_eq!(single.variables().len(), 2, "one weight has nothing below its diagonal");
    let mut trace = Trace::sampling(&mut Noise::seeded(1)).with_samples(3);
    assert_eq!(single.forward(Tensor::<1>::zeros([1], &device()), &mut trace).dims(), [3]);
    // Equal seeds and names, equal starts.
    let start = |seed| values(&dense(3, 2).with_seed(seed).init(&device()).unwrap().weights.posterior.mean());
    assert_eq!(start(1), start(1));
    assert_ne!(start(1), start(2));
}

/// Penalties and projections of every variable, by name, in order of creation.
#[test]
fn penalties_and_projections_reach_every_variable() {
    let loc_scale = LocScaleOptions {
        loc_regularizer: Some(Regularizer::L1(1.0)),
        untransformed_scale_regularizer: Some(Regularizer::L2(0.5)),
        loc_constraint: Some(Constraint::Clip { low: -0.05, high: 0.05 }),
        untransformed_scale_constraint: Some(Constraint::Clip { low: -2.0, high: -1.0 }),
        ..LocScaleOptions::default()
    };
    let start = Initializer::Normal { mean: 0.0, stddev: 0.3 };
    let tril = TriLOptions {
        loc_scale: loc_scale.clone(),
        off_diagonal_initializer: start.clone(),
        off_diagonal_regularizer: Some(Regularizer::L2(2.0)),
        off_diagonal_constraint: Some(Constraint::NonNegative),
    };
    let low_rank = LowRankOptions {
        rank: 2,
        loc_scale,
        factor_initializer: start,
        factor_regularizer: Some(Regularizer::L2(2.0)),
        factor_constraint: Some(Constraint::NonNegative),
    };
    let prior = LearnedNormalOptions {
        loc: Learned::PerElement(0.2),
        scale: Learned::PerLayer(0.7),
        loc_regularizer: Some(Regularizer::L1(1.0)),
        untransformed_scale_regularizer: Some(Regularizer::L2(1.0)),
        loc_constraint: Some(Constraint::Clip { low: 0.0, high: 0.1 }),
        untransformed_scale_constraint: Some(Constraint::NonNegative),
    };
    let kinds: [(PosteriorFn<1>, &str); 2] = [
        (multivariate_normal_tril_fn(tril), "scale_off_diagonal"),
        (low_rank_normal_fn(low_rank), "scale_perturb_factor"),
    ];
    for (posterior_fn, part) in kinds {
        let config = dense(3, 2).with_posterior_fn(posterior_fn);
        let layer = config.with_prior_fn(Some(learned_normal_prior_fn(prior.clone()))).init(&device()).unwrap();
        let names = ["posterior_loc", "posterior_untransformed_scale", &format!("posterior_{part}"), "prior_loc"];
        let names: Vec<String> = names.into_iter().chain(["prior_untransformed_scale"]).map(str::to_owned).collect();
        let variables: Vec<String> = layer.variables().into_iter().map(|variable| variable.name).collect();
        assert_eq!(variables, names);

        let found = parameters(&layer);
        let numbers = |name: &str| found[name].clone().try_into_vec_as::<f64>().unwrap();
        let l1 = |x: Vec<f64>| x.iter().map(|x| x.abs()).sum::<f64>();
        let l2 = |x: Vec<f64>| x.iter().map(|x| x * x).sum::<f64>();
        let expected = [
            l1(numbers("weights.posterior.loc")),
            0.5 * l2(numbers("weights.posterior.untransformed_scale")),
            2.0 * l2(numbers(&format!("weights.posterior.{part}"))),
            l1(numbers("weights.prior.loc")),
            l2(numbers("weights.prior.scale")),
        ];
        let mut trace = Trace::sampling(&mut Noise::seeded(1));
        let _ = layer.forward(tensor([1, 3], wave(3, 0.0, 1.0)), &mut trace);
        let penalties = trace.regularizers();
        let kinds: Vec<LossKind> = penalties.iter().map(|loss| loss.kind.clone()).collect();
        let listed = names.into_iter().enumerate().map(|(i, name)| LossKind::Regularizer(i, name));
        assert_eq!(kinds, listed.collect::<Vec<_>>());
        assert_close(&penalties.iter().map(|loss| scalar(&loss.value)).collect::<Vec<_>>(), &expected, 1e-14);

        let projected = parameters(&layer.constrained());
        let inside = |name: &str, low: f64, high: f64| {
            let numbers = projected[name].clone().try_into_vec_as::<f64>().unwrap();
            assert!(numbers.iter().all(|x| (low..=high).contains(x)), "{name}: {numbers:?}");
        };
        inside("weights.posterior.loc", -0.05, 0.05);
        inside("weights.posterior.untransformed_scale", -2.0, -1.0);
        inside(&format!("weights.posterior.{part}"), 0.0, f64::MAX);
        inside("weights.prior.loc", 0.0, 0.1);
        inside("weights.prior.scale", 0.0, f64::MAX);
        assert_ne!(found, projected);
    }
}

/// Half precision goes through every kind: values are finite, near those of `f64`.
#[test]
fn half_precision_works() {
    for dtype in [DType::F16, DType::BF16] {
        for posterior_fn in kinds() {
            let build = |dtype| dense(3, 2).with_posterior_fn(posterior_fn.clone()).with_dtype(dtype).init(&device());
            let (layer, exact) = (build(dtype).unwrap(), build(DType::F64).unwrap());
            let means = |layer: &elbo::layer::DenseVariational, dtype| {
                let output = layer.forward(tensor::<2>([1, 3], vec![1.0, -0.5, 0.25]).cast(dtype), &mut Trace::mean());
                assert_eq!(output.dtype(), dtype);
                values(&output)
            };
            assert_close(&means(&layer, dtype), &means(&exact, DType::F64), 0.01);
            let mut trace = Trace::sampling(&mut Noise::seeded(1)).with_samples(2);
            let output = layer.forward(tensor::<2>([1, 3], vec![1.0, -0.5, 0.25]).cast(dtype), &mut trace);
            let loss = scalar(&trace.losses()[0].value);
            let finite = values(&output).iter().all(|y| y.is_finite());
            assert!(finite && (loss.is_finite() || layer.variables().len() == 1), "{loss}");
        }
    }
}

//! Row 74: a layer in a file of its own, with settings and numbers by name.

use crate::fixture::*;
use crate::kinds::{AnyLayer, Belief, Kind, ROWS, Setting, Shape};
use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor, TensorData};
use elbo::divergence::Divergence;
use elbo::layer::{
    Conv, Conv1d, Conv1dConfig, Conv2d, Conv3d, ConvTranspose, ConvTranspose1dConfig, ConvTranspose2dConfig,
    ConvTranspose3dConfig, ConvTransposeConfig, Dense, DenseConfig, DenseVariational, DenseVariationalConfig,
    VariableLayer, VariableLayerConfig, Weight,
};
use elbo::posterior::{Family, LocScaleOptions, Posterior, PosteriorFn, default_mean_field_normal_fn};
use elbo::prior::{CauchyPrior, LaplacePrior, Moment, NormalPrior, Prior, PriorFn, ScaleMixturePrior, StudentTPrior};
use elbo::record::{NamedTensors, parameters, write_atomically};
use elbo::variable::{Constraint, Regularizer, Variable};
use elbo::{Activation, Error, Estimator, Padding, Trace};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;

const FORMAT: &str = "elbo-layer-1";

/// Saves a layer, loads it, and saves it again: the files are equal, byte by byte, and so is what the layers do.
fn round_trip<L: Clone>(
    layer: &L,
    save: impl Fn(&L, &Path) -> elbo::Result<()>,
    load: impl Fn(&Path) -> elbo::Result<L>,
    run: impl Fn(&L, &mut Trace) -> Vec<f64>,
) -> L {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    save(layer, &first).unwrap();
    let loaded = load(&first).unwrap();
    save(&loaded, &second).unwrap();
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let all = |layer: &L| {
        let mut trace = pass(9).with_samples(2);
        let output = run(layer, &mut trace);
        let losses = trace.losses();
        let kinds: Vec<_> = losses.iter().map(|loss| (loss.path.clone(), loss.kind.clone())).collect();
        (output, kinds, losses.iter().map(|loss| scalar(&loss.value)).collect::<Vec<_>>())
    };
    assert_eq!(all(layer), all(&loaded));
    loaded
}

fn round_trip_conv<const D: usize>(layer: &Conv<D>, shape: [usize; D]) -> Conv<D> {
    let run = |layer: &Conv<D>, trace: &mut Trace| values(&layer.forward(wave(shape, 0.2), trace));
    let loaded = round_trip(layer, Conv::save, |path| Conv::load(path, &device()), run);
    assert_eq!(loaded.settings().0, layer.settings().0);
    assert_eq!(format!("{:?}", loaded.settings().1), format!("{:?}", layer.settings().1));
    let variables =
        |layer: &Conv<D>| layer.variables().into_iter().map(|v| (v.name, v.shape, v.trainable)).collect::<Vec<_>>();
    assert_eq!(variables(&loaded), variables(layer));
    loaded
}

fn round_trip_dense(config: &DenseConfig) -> Dense {
    let layer = config.init(&device()).unwrap();
    let run = |layer: &Dense, trace: &mut Trace| values(&layer.forward(wave([4, 3], 0.2), trace));
    round_trip(&layer, Dense::save, |path| Dense::load(path, &device()), run)
}

/// A posterior with penalties and projections on everything.
fn strict<const D: usize>() -> PosteriorFn<D> {
    default_mean_field_normal_fn(LocScaleOptions {
        loc_regularizer: Some(Regularizer::L1(0.1)),
        untransformed_scale_regularizer: Some(Regularizer::L2(0.2)),
        loc_constraint: Some(Constraint::Clip { low: f64::NEG_INFINITY, high: 0.5 }),
        untransformed_scale_constraint: Some(Constraint::MaxNorm(0.75)),
        ..LocScaleOptions::default()
    })
}

fn learned<const D: usize>() -> PriorFn<D> {
    Arc::new(|request, _| {
        let param = |value: f64, shape: Vec<usize>| Tensor::full(shape, value, (&device(), request.dtype));
        let loc = Param::from_tensor(param(0.1, request.shape.to_vec())).set_require_grad(false);
        let scale = Param::from_tensor(Tensor::<1>::full([1], 0.4, (&device(), request.dtype)));
        let scale = Variable::new("width", scale).with_options(None, Some(Constraint::NonNegative));
        Ok(Prior::Normal(NormalPrior {
            loc: Moment::Learned(Variable::new("centre", loc)),
            scale: Moment::LearnedPositiveScalar(scale),
        }))
    })
}

#[test]
fn l74_convolutions_with_all_settings_come_back() {
    let temporal = conv1d(2, 3, 3)
        .with_strides(2)
        .with_padding("same")
        .with_data_format("channels_first")
        .with_activation(Activation::Softplus)
        .with_activity_regularizer(Regularizer::L2(0.3))
        .with_kernel_posterior_fn(strict())
        .with_bias_posterior_fn(Some(normal()))
        .with_bias_prior(Prior::normal(0.1, 0.5))
        .with_estimator(Estimator::Mean);
    round_trip_conv(&temporal.init(&device()).unwrap(), [2, 2, 7]);
    let planar = conv2d(2, 3, [3, 1]).with_dilation_rate([2, 1]).with_bias_posterior_fn(None).with_trainable(false);
    let planar = round_trip_conv(&planar.init(&device()).unwrap(), [2, 6, 4, 2]);
    assert!(planar.bias.is_none() && planar.variables().iter().all(|variable| !variable.trainable));
    let volumetric = conv3d(1, 2, [2, 1, 3]).with_strides([1, 2, 1]).with_kernel_prior_fn(Some(learned()));
    let volumetric = round_trip_conv(&volumetric.init(&device()).unwrap(), [2, 3, 4, 5, 1]);
    assert_eq!(volumetric.variables()[2].name, "centre");
}

#[test]
fn l74_constraints_and_penalties_come_back() {
    let config = conv1d(2, 3, 3).with_kernel_posterior_fn(strict());
    let layer = config.init(&device()).unwrap();
    let loaded = round_trip_conv(&layer, [2, 5, 2]);
    let projected = |layer: &Conv1d| parameters(&layer.clone().constrained());
    assert_eq!(projected(&layer), projected(&loaded));
    assert_ne!(parameters(&loaded), projected(&loaded));
}

#[test]
fn l74_every_prior_and_divergence_comes_back() {
    let given = || {
        let tensor = |value: f64| Tensor::<2>::full([3, 2], value, (&for_type(DType::F64), DType::F64));
        NormalPrior { loc: Moment::Given(tensor(0.2)), scale: Moment::Given(tensor(0.7)) }
    };
    let priors = [
        Prior::normal(0.3, 0.9),
        Prior::Normal(given()),
        Prior::Normal(NormalPrior { loc: Moment::Fixed(0.1), ..given() }),
        Prior::Laplace(LaplacePrior::new(0.1, 0.7)),
        Prior::StudentT(StudentTPrior::new(3.0, 0.1, 0.7)),
        Prior::Cauchy(CauchyPrior::new(0.1, 0.7)),
        Prior::ScaleMixture(ScaleMixturePrior::new(0.25, 1.0, 0.1)),
    ];
    for prior in priors {
        let name = prior.name();
        let config = dense(3, 2).with_kernel_prior(prior).with_kernel_divergence(Some(Divergence::MonteCarlo));
        assert_eq!(round_trip_dense(&config).kernel.prior.unwrap().name(), name);
    }
    assert!(round_trip_dense(&dense(3, 2).with_kernel_prior_fn(None)).kernel.prior.is_none());
    let silent = round_trip_dense(&dense(3, 2).with_kernel_divergence(None));
    assert!(silent.kernel.prior.is_some() && !silent.kernel.has_divergence());
    let singular = default_mean_field_normal_fn(LocScaleOptions::singular());
    round_trip_dense(&dense(3, 2).with_kernel_posterior_fn(singular));
}

#[test]
fn l74_every_activation_estimator_and_type_comes_back() {
    for name in Activation::NAMES {
        let layer = round_trip_dense(&dense(3, 2).with_activation(name.parse().unwrap()));
        assert_eq!(format!("{:?}", layer.settings().1.activation), name);
    }
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layer");
        let layer = dense(3, 2).with_dtype(dtype).init(&for_type(dtype)).unwrap();
        layer.save(&path).unwrap();
        let loaded = Dense::load(&path, &for_type(dtype)).unwrap();
        assert_eq!(parameters(&loaded), parameters(&layer));
        assert_eq!(loaded.settings().1.dtype, dtype);
    }
}

/// A layer without a name, saved where nothing is differentiated, trains after loading on a device with gradients.
#[test]
fn l74_what_is_trained_is_known_without_gradients() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer");
    for trainable in [true, false] {
        let layer = DenseConfig::new(3, 2).with_trainable(trainable).init(&device()).unwrap();
        layer.valid().save(&path).unwrap();
        let loaded = Dense::load(&path, &device()).unwrap();
        assert!(loaded.variables().iter().all(|variable| variable.trainable == trainable));
        let plain = Dense::load(&path, &plain()).unwrap();
        assert!(plain.train().variables().iter().all(|variable| variable.trainable == trainable));
    }
}

fn round_trip_any(setting: Setting) {
    let layer = setting.build("layer");
    let x = wave([ROWS, setting.kind.row()], 0.2);
    let run = |layer: &AnyLayer, trace: &mut Trace| values(&layer.forward(x.clone(), trace));
    let loaded = round_trip(&layer, AnyLayer::save, |path| layer.load(path), run);
    assert_eq!(loaded.settings(), layer.settings());
    assert_eq!(loaded.variables(), layer.variables());
}

#[test]
fn l74_every_kind_comes_back_under_every_estimator_and_layout() {
    for kind in Kind::ALL {
        for &estimator in kind.estimators() {
            for &layout in kind.layouts() {
                round_trip_any(Setting { layout, ..Setting::new(kind, estimator) });
            }
        }
    }
}

#[test]
fn l74_every_kind_comes_back_with_every_posterior_and_prior() {
    for kind in Kind::ALL {
        for shape in Shape::ALL {
            for belief in Belief::ALL {
                round_trip_any(Setting { shape, belief, ..Setting::new(kind, Estimator::Reparameterization) });
            }
        }
    }
}

#[test]
fn l74_causal_grouped_and_strided_dilated_convolutions_come_back() {
    let causal = conv1d(4, 6, 3).with_padding("causal").with_dilation_rate(2).with_groups(2);
    let causal = round_trip_conv(&causal.init(&device()).unwrap(), [2, 7, 4]);
    assert_eq!((causal.settings().0.padding, causal.settings().0.groups), (Padding::Causal, 2));
    let depthwise = conv2d(3, 3, [2, 2]).with_groups(3).with_strides([2, 1]).with_dilation_rate([1, 2]);
    let depthwise = depthwise.allow_strides_with_dilation().with_data_format("channels_first");
    round_trip_conv(&depthwise.init(&device()).unwrap(), [2, 3, 6, 5]);
    let volumetric = conv3d(2, 4, [2, 1, 2]).with_groups(2).with_strides(2).with_dilation_rate([3, 1, 1]);
    let volumetric = volumetric.allow_strides_with_dilation().with_padding("same");
    round_trip_conv(&volumetric.init(&device()).unwrap(), [1, 5, 3, 4, 2]);
}

fn round_trip_up<const D: usize>(config: ConvTransposeConfig<D>, shape: [usize; D]) -> ConvTranspose<D> {
    let config = config.with_name("up").with_seed(3).with_dtype(DType::F64);
    let layer = config.with_kernel_posterior_fn(strict()).init(&device()).unwrap();
    let run = |layer: &ConvTranspose<D>, trace: &mut Trace| values(&layer.forward(wave(shape, 0.2), trace));
    let loaded = round_trip(&layer, ConvTranspose::save, |path| ConvTranspose::load(path, &device()), run);
    assert_eq!(format!("{:?}", loaded.settings()), format!("{:?}", layer.settings()));
    loaded
}

#[test]
fn l74_transposed_convolutions_with_all_settings_come_back() {
    let line = ConvTranspose1dConfig::new(4, 2, 3).with_strides(3).with_dilation_rate(2).with_groups(2);
    let line = line.with_padding("same").with_output_padding(1).with_activation(Activation::Tanh);
    assert_eq!(round_trip_up(line, [2, 4, 4]).settings().0.output_padding, Some([0, 0, 1]));
    let plane = ConvTranspose2dConfig::new(2, 3, [3, 1]).with_strides([2, 1]).with_data_format("channels_first");
    let plane = round_trip_up(plane.with_bias_posterior_fn(None), [2, 2, 3, 4]);
    assert!(plane.bias.is_none() && plane.settings().0.output_padding.is_none());
    let volume = ConvTranspose3dConfig::new(1, 2, [2, 1, 3]).with_strides([1, 2, 2]).with_output_padding([0, 1, 0]);
    round_trip_up(volume.with_kernel_prior_fn(Some(learned())), [2, 2, 1, 2, 1]);
}

fn given<const D: usize>(shape: [usize; D]) -> Prior<D> {
    let tensor = |value: f64| Tensor::<D>::full(shape, value, (&for_type(DType::F64), DType::F64));
    Prior::Normal(NormalPrior { loc: Moment::Given(tensor(0.2)), scale: Moment::Given(tensor(0.7)) })
}

#[test]
fn l74_joint_layers_with_all_settings_come_back() {
    // A weight of 0.1 + 0.2 is read as it was written, to the last bit.
    let config = DenseVariationalConfig::new(3, 2).with_name("joint").with_seed(3).with_dtype(DType::F64);
    let config = config.with_kl_weight(0.1 + 0.2).with_kl_use_exact(true).with_prior(given([6]));
    let config = config.with_use_bias(false).with_activation(Activation::Softplus).with_posterior_fn(strict());
    let layer = config.with_activity_regularizer(Regularizer::L2(0.3)).init(&device()).unwrap();
    let mut without = layer.clone();
    without.weights = Weight::new(layer.weights.posterior.clone(), Some(given([6])), None, None).unwrap();
    for layer in [layer, without] {
        let run = |layer: &DenseVariational, trace: &mut Trace| values(&layer.forward(wave([4, 3], 0.2), trace));
        let load = |path: &Path| DenseVariational::load(path, &device());
        let loaded = round_trip(&layer, DenseVariational::save, load, run);
        assert_eq!((loaded.use_bias(), loaded.kl_weight()), (false, 0.1 + 0.2));
        assert_eq!(loaded.weights.has_divergence(), layer.weights.has_divergence());
    }
}

#[test]
fn l74_trained_tensors_with_all_settings_come_back() {
    let config = VariableLayerConfig::new([2, 1, 3]).with_name("table").with_seed(3).with_dtype(DType::F64);
    let config = config.with_posterior_fn(strict()).with_prior(given([2, 1, 3])).with_activation(Activation::Sigmoid);
    let config = config.with_divergence(Some(Divergence::Kl)).with_activity_regularizer(Regularizer::L1(0.3));
    let layer = config.init(&device()).unwrap();
    let run = |layer: &VariableLayer<_, 3>, trace: &mut Trace| values(&layer.forward(wave([1], 0.0), trace));
    let load = |path: &Path| VariableLayer::load(path, &device());
    let loaded = round_trip(&layer, VariableLayer::save, load, run);
    assert_eq!(loaded.output_shape(), [2, 1, 3]);
    let trained = VariableLayerConfig::<1>::new([3]).init(&device()).unwrap();
    let run = |layer: &VariableLayer<_, 1>, trace: &mut Trace| values(&layer.forward(wave([1], 0.0), trace));
    let load = |path: &Path| VariableLayer::load(path, &device());
    assert!(!round_trip(&trained, VariableLayer::save, load, run).variable.has_divergence());
}

#[test]
fn l74_functions_cannot_be_saved_and_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer");
    let refuse = |config: Conv1dConfig, setting: &str| {
        let result = config.init(&device()).unwrap().save(&path);
        assert!(matches!(&result, Err(Error::NotPlainData { setting: found, .. }) if found == setting), "{result:?}");
        assert!(!path.exists());
    };
    let config = || conv1d(2, 3, 3).with_bias_posterior_fn(Some(normal())).with_bias_prior(Prior::normal(0.0, 1.0));
    let penalty = || Regularizer::custom(|values| values.abs().sum());
    let posterior = |options| default_mean_field_normal_fn(options);
    refuse(config().with_activation(Activation::custom(|x| x)), "activation");
    refuse(config().with_activity_regularizer(penalty()), "activity_regularizer");
    refuse(
        config().with_kernel_divergence(Some(Divergence::custom(|q: &Family<_>, p, _| q.elementwise_kl(p).unwrap()))),
        "kernel_divergence",
    );
    refuse(
        config().with_bias_divergence(Some(Divergence::custom(|q: &Family<_>, p, _| q.elementwise_kl(p).unwrap()))),
        "bias_divergence",
    );
    refuse(config().with_kernel_posterior_tensor_fn(Arc::new(|q, _| Ok(q.mean()))), "kernel_posterior_tensor_fn");
    refuse(config().with_bias_posterior_tensor_fn(Arc::new(|q, _| Ok(q.mean()))), "bias_posterior_tensor_fn");
    let options = LocScaleOptions { loc_regularizer: Some(penalty()), ..LocScaleOptions::default() };
    refuse(config().with_kernel_posterior_fn(posterior(options)), "kernel_posterior_loc regularizer");
    let options = LocScaleOptions {
        untransformed_scale_constraint: Some(Constraint::custom(|values| values)),
        ..LocScaleOptions::default()
    };
    refuse(config().with_kernel_posterior_fn(posterior(options)), "kernel_posterior_untransformed_scale constraint");
}

/// Loads a file after a change to what it holds; its checksum is right.
fn load_changed(change: impl FnOnce(&mut NamedTensors)) -> elbo::Result<Conv1d> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer");
    let config = conv1d(2, 3, 3).with_bias_posterior_fn(Some(normal())).with_bias_prior(Prior::normal(0.0, 0.5));
    config.init(&device()).unwrap().save(&path).unwrap();
    let mut named = NamedTensors::read(&path, FORMAT).unwrap();
    change(&mut named);
    write_atomically(&path, &named.to_bytes(FORMAT, &path).unwrap()).unwrap();
    Conv1d::load(&path, &device())
}

/// As [`load_changed`], of the settings' text.
fn load_replaced(from: &str, to: &str) -> elbo::Result<Conv1d> {
    load_changed(|named| {
        let text = named.metadata.get_mut("settings").unwrap();
        assert!(text.contains(from), "`{from}` in `{text}`");
        *text = text.replacen(from, to, 1);
    })
}

#[test]
fn l74_settings_that_are_unknown_or_not_allowed_are_errors() {
    assert!(load_replaced("conv1d", "conv1d").is_ok());
    assert_error(load_replaced("\"version\":1", "\"version\":2"), &["expected version 1, found 2"]);
    assert_error(load_replaced("\"class\":\"conv1d\"", "\"class\":\"dense\""), &["class `conv1d`, found `dense`"]);
    assert_error(load_replaced("{\"version\"", "{\"groups\":2,\"version\""), &["unknown field `groups`"]);
    assert_error(load_replaced("\"filters\"", "\"fliters\""), &["unknown field `fliters`"]);
    assert_error(load_replaced("\"linear\"", "\"swish\""), &["unknown activation `swish`"]);
    assert_error(load_replaced("reparameterization", "guess"), &["unknown variant `guess`"]);
    assert_error(load_replaced("mean_field_normal", "cubist"), &["unknown variant `cubist`"]);
    assert_error(load_replaced("\"strides\":[1]", "\"strides\":[0]"), &["conv", "`strides`"]);
    assert_error(load_replaced("\"padding\":\"valid\"", "\"padding\":\"full\""), &["`padding`", "\"full\""]);
    assert_error(load_replaced("\"scale\":0.5", "\"scale\":-0.5"), &["scale", "positive"]);
    assert_error(load_replaced("\"regularizer\":null", "\"regularizer\":{\"l1\":-1.0}"), &["regularizer"]);
    assert_error(load_replaced("}", ""), &["settings"]);
    assert_error(load_changed(|named| named.metadata.clear()), &["there are no settings"]);
}

#[test]
fn l74_tensors_that_do_not_fit_their_settings_are_errors() {
    const LOC: &str = "kernel.posterior.loc";
    let put = |data: TensorData| load_changed(move |named| drop(named.tensors.insert(LOC.into(), data)));
    assert_error(put(TensorData::from([1.0_f64, 2.0])), &["expected shape [3, 2, 3], found [2]"]);
    assert_error(put(TensorData::new(vec![0.0_f32; 18], [3, 2, 3])), &["expected type F64, found F32"]);
    assert_error(load_changed(|named| drop(named.tensors.remove(LOC))), &["`kernel.posterior.loc`", "not among"]);
    let more = |named: &mut NamedTensors| drop(named.tensors.insert("more".into(), TensorData::from([1.0_f64])));
    assert_error(load_changed(more), &["`more` is in the file but not in the layer"]);
    // Settings of absurd sizes ask for no memory.
    assert_error(load_replaced("\"filters\":3", "\"filters\":1000000000000000"), &["`filters`"]);
    assert_error(load_replaced("\"filters\":3", "\"filters\":1000000000"), &["expected shape [3, 2, 1000000000]"]);
}

/// Loads a file of such a layer after a change to its settings' text.
fn load_spoilt(setting: Setting, from: &str, to: &str) -> elbo::Result<AnyLayer> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer");
    let layer = setting.build("layer");
    layer.save(&path).unwrap();
    let mut named = NamedTensors::read(&path, FORMAT).unwrap();
    let text = named.metadata.get_mut("settings").unwrap();
    assert!(text.contains(from), "`{from}` in `{text}`");
    *text = text.replacen(from, to, 1);
    write_atomically(&path, &named.to_bytes(FORMAT, &path).unwrap()).unwrap();
    layer.load(&path)
}

#[test]
fn l74_spoilt_settings_of_other_kinds_are_errors() {
    let of = |kind| Setting::new(kind, Estimator::Reparameterization);
    let up = of(Kind::ConvTranspose2d);
    assert!(load_spoilt(up, "\"groups\":1", "\"groups\":1").is_ok());
    assert_error(load_spoilt(up, "\"groups\":1", "\"groups\":3"), &["layer: `groups`", "found 3"]);
    assert_error(load_spoilt(up, "\"padding\":\"same\"", "\"padding\":\"causal\""), &["`padding`", "\"causal\""]);
    let padding = |to: &str| load_spoilt(up, "\"output_padding\":null", &format!("\"output_padding\":{to}"));
    assert_error(padding("[1,0]"), &["`output_padding`", "below the strides [1, 1]"]);
    assert_error(padding("[0]"), &["`output_padding`", "1 sizes"]);
    assert_error(padding("[-1,0]"), &["settings", "invalid value"]);
    assert_error(load_spoilt(up, "\"sizes\":{", "\"sizes\":{\"more\":1,"), &["unknown field `more`"]);
    assert_error(load_spoilt(up, "\"class\":\"conv_transpose2d\"", "\"class\":\"conv2d\""), &["found `conv2d`"]);
    assert_error(load_spoilt(up, "reparameterization", "guess"), &["unknown variant `guess`"]);

    let joint = of(Kind::DenseVariational);
    assert_error(load_spoilt(joint, "\"kl_weight\":1.0", "\"kl_weight\":-1.0"), &["`kl_weight`", "found -1"]);
    assert_error(load_spoilt(joint, "\"kl_weight\":1.0", "\"kl_weight\":1e999"), &["settings"]);
    assert_error(load_spoilt(joint, "\"use_bias\":true", "\"use_bias\":false"), &["expected shape [9], found [12]"]);
    assert_error(load_spoilt(joint, "\"use_bias\":true,", ""), &["missing field `use_bias`"]);
    assert_error(load_spoilt(joint, "\"inputs\":3", "\"inputs\":0"), &["`inputs`", "found 0"]);
    assert_error(load_spoilt(joint, "\"linear\"", "\"swish\""), &["unknown activation `swish`"]);
    assert_error(load_spoilt(joint, "\"scale\":0.8", "\"scale\":0.0"), &["scale", "positive"]);
    let table = of(Kind::VariableLayer);
    assert_error(load_spoilt(table, "\"shape\":[4,3]", "\"shape\":[4,3,1]"), &["2 axes", "[4, 3, 1]"]);
    assert_error(load_spoilt(table, "\"shape\":[4,3]", "\"shape\":[4,0]"), &["`shape`", "[4, 0]"]);
    assert_error(load_spoilt(table, "\"shape\":[4,3]", "\"shape\":[3,4]"), &["expected shape [3, 4], found [4, 3]"]);
    assert_error(load_spoilt(table, "\"kl\"", "\"guess\""), &["unknown variant `guess`"]);

    // Sizes beyond all reckoning, of the posteriors whose numbers grow with the square.
    for shape in [Shape::TriL, Shape::LowRank] {
        let table = Setting { shape, ..table };
        let far = "\"shape\":[9223372036854775807,9223372036854775807]";
        assert_error(load_spoilt(table, "\"shape\":[4,3]", far), &["expected shape [9223372036854775807"]);
        let joint = Setting { shape, ..joint };
        assert_error(
            load_spoilt(joint, "\"inputs\":3", "\"inputs\":1099511627776"),
            &["too large", "1099511627777 x 3"],
        );
    }
    let low_rank = Setting { shape: Shape::LowRank, ..joint };
    assert_error(load_spoilt(low_rank, "\"rank\":2", "\"rank\":3"), &["expected shape [12, 3], found [12, 2]"]);
    let tril = Setting { shape: Shape::TriL, ..joint };
    let off = |name: &str| load_spoilt(tril, "multivariate_normal_tri_l", name);
    assert_error(off("mean_field_normal"), &["unknown field `scale_off_diagonal`"]);
}

#[test]
fn l74_files_of_other_layers_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer");
    conv1d(2, 3, 3).init(&device()).unwrap().save(&path).unwrap();
    assert_error(Dense::load(&path, &device()), &["class `dense`, found `conv1d`"]);
    assert_error(Conv2d::load(&path, &device()), &["class `conv2d`, found `conv1d`"]);
    assert_error(Conv3d::load(&path, &device()), &["class `conv3d`, found `conv1d`"]);
    assert_error(Conv1d::load(&folder.path().join("absent"), &device()), &["absent", "cannot read"]);
    let bytes = NamedTensors::default().to_bytes("another", &path).unwrap();
    std::fs::write(&path, bytes).unwrap();
    assert_error(Conv1d::load(&path, &device()), &["expected format `elbo-layer-1`"]);
    let absent = folder.path().join("no/such/folder");
    assert_error(conv1d(2, 3, 3).init(&device()).unwrap().save(&absent), &["cannot write"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever byte is changed or wherever the file is cut: an error, or the same layer (unused bits), never a panic.
    #[test]
    fn l74_damaged_layer_files_are_errors(at in any::<prop::sample::Index>(), flip in 1..=255_u8, cut in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layer");
        let layer = conv1d(2, 3, 3).init(&device()).unwrap();
        layer.save(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(loaded) = Conv1d::load(&path, &device()) {
            prop_assert!(!cut);
            prop_assert_eq!(parameters(&loaded), parameters(&layer));
        }
    }

    #[test]
    fn l74_shapes_come_back(
        (channels, filters) in (1..4_usize, 1..4_usize),
        kernel in prop::array::uniform2(1..4_usize),
        strides in prop::array::uniform2(1..3_usize),
        same in any::<bool>(),
        first in any::<bool>(),
    ) {
        let padding = if same { "same" } else { "valid" };
        let format = if first { "channels_first" } else { "channels_last" };
        let config = conv2d(channels, filters, kernel).with_strides(strides).with_padding(padding).with_data_format(format);
        let shape = if first { [2, channels, 5, 4] } else { [2, 5, 4, channels] };
        round_trip_conv(&config.init(&device()).unwrap(), shape);
    }
}

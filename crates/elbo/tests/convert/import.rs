//! Files of other libraries: outputs agree with theirs, and nothing is left over or out in silence.

use crate::fixture::{assert_close, assert_error, device, plain, values, wave};
use burn::module::{Module, Param};
use burn::nn::conv::{
    ConvTranspose1dConfig as BurnConvTranspose1dConfig, ConvTranspose2dConfig as BurnConvTranspose2dConfig,
};
use burn::tensor::{DType, Tensor, TensorData, activation::relu};
use elbo::convert::ScaleRule;
use elbo::layer::{
    Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, ConvTranspose, ConvTransposeConfig, Dense, DenseConfig,
    DenseVariational, DenseVariationalConfig,
};
use elbo::posterior::{LocScaleOptions, Posterior, default_mean_field_normal_fn};
use elbo::prior::{LearnedNormalOptions, learned_normal_prior_fn};
use elbo::record::import::{Import, Role, Source, Transform, export};
use elbo::record::{NamedTensors, parameters, write_atomically};
use elbo::{DataFormat, Noise, Result, Trace};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The layers of the files.
#[derive(Module, Debug)]
struct Net {
    conv: Conv1d,
    plane: Conv2d,
    dense: Dense,
}

/// Which biases have scales: of the convolutions, of the dense layer.
type Random = (bool, bool);

impl Net {
    /// In the layout of axes of the library.
    fn new(format: DataFormat, (convolutions, dense): Random, dtype: DType) -> Self {
        let bias = |random| {
            let options = if random { LocScaleOptions::default() } else { LocScaleOptions::singular() };
            Some(default_mean_field_normal_fn(options))
        };
        let conv =
            Conv1dConfig::new(2, 4, 3).with_strides(2).with_padding("same").with_bias_posterior_fn(bias(convolutions));
        let plane = Conv2dConfig::new(2, 3, [2, 3]).with_bias_posterior_fn(bias(convolutions));
        let last = DenseConfig::new(4, 3).with_bias_posterior_fn(bias(dense));
        Self {
            conv: conv.with_data_format(format).with_name("conv").with_dtype(dtype).init(&device()).unwrap(),
            plane: plane.with_data_format(format).with_name("plane").with_dtype(dtype).init(&device()).unwrap(),
            dense: last.with_name("dense").with_dtype(dtype).init(&device()).unwrap(),
        }
    }

    fn series(&self, x: Tensor<3>, time: usize, trace: &mut Trace) -> Vec<f64> {
        let hidden: Tensor<2> = relu(self.conv.forward(x, trace)).mean_dim(time).squeeze_dim(time);
        values(&self.dense.forward(hidden, trace))
    }
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import").join(format!("{name}.safetensors"))
}

fn tensors(name: &str) -> BTreeMap<String, TensorData> {
    NamedTensors::read_foreign(&file(name)).unwrap().tensors
}

fn numbers(data: &TensorData) -> Vec<f64> {
    data.clone().try_into_vec_as().unwrap()
}

fn input<const D: usize>(data: &TensorData, dtype: DType) -> Tensor<D> {
    Tensor::from_data(data.clone(), (&device(), dtype))
}

/// The libraries computed in `f32`: sums of at most a dozen products of size 1.
const ROUNDING: f64 = 4e-6;

/// Compares all outputs that a file's companion has.
fn check(name: &str, net: &Net, format: DataFormat, dtype: DType) {
    let expected = tensors(&format!("{name}-expected"));
    let time = if format == DataFormat::ChannelsLast { 1 } else { 2 };
    let noise: Vec<(String, TensorData)> = expected
        .iter()
        .filter_map(|(name, data)| Some((name.strip_prefix("noise/")?.to_owned(), data.clone())))
        .collect();
    for kind in ["mean", "sampled"] {
        let Some(series) = expected.get(&format!("{kind}/series")) else { continue };
        let trace = || match kind {
            "mean" => Trace::mean(),
            _ => Trace::sampling(&mut Noise::replay(noise.clone())),
        };
        let got = net.series(input(&expected["series"], dtype), time, &mut trace());
        assert_close(&got, &numbers(series), ROUNDING);
        let got = values(&net.plane.forward(input(&expected["image"], dtype), &mut trace()));
        assert_close(&got, &numbers(&expected[&format!("{kind}/image")]), ROUNDING);
    }
}

fn imported(source: Source, name: &str, format: DataFormat, random: Random, dtype: DType) -> Net {
    Import::new(source).load(Net::new(format, random, dtype), &file(name)).unwrap()
}

#[test]
fn tensorflow_probability() {
    for dtype in [DType::F32, DType::F64] {
        let net = imported(Source::Tfp, "tfp", DataFormat::ChannelsLast, (false, true), dtype);
        check("tfp", &net, DataFormat::ChannelsLast, dtype);
        assert!(tensors("tfp-expected").contains_key("sampled/series"));
    }
}

#[test]
fn bayesian_torch() {
    for dtype in [DType::F32, DType::F64] {
        let net = imported(Source::BayesianTorch, "bayesian-torch", DataFormat::ChannelsFirst, (true, true), dtype);
        check("bayesian-torch", &net, DataFormat::ChannelsFirst, dtype);
        assert!(tensors("bayesian-torch-expected").contains_key("sampled/series"));
    }
}

#[test]
fn blitz() {
    let net = imported(Source::Blitz, "blitz", DataFormat::ChannelsFirst, (true, true), DType::F32);
    check("blitz", &net, DataFormat::ChannelsFirst, DType::F32);
    let rho = numbers(&tensors("blitz")["dense.bias_rho"]);
    let scale = values(&net.dense.bias.unwrap().posterior.loc_scale().unwrap().1);
    assert_close(&scale, &rho.into_iter().map(|rho| rho.exp().ln_1p()).collect::<Vec<_>>(), 1e-6);
}

#[test]
fn pytorch_weights_become_centres() {
    let import = Import::new(Source::PyTorch).with_scale(ScaleRule::Fixed(0.25));
    let net = Net::new(DataFormat::ChannelsFirst, (false, true), DType::F32);
    let net = import.load(net, &file("pytorch")).unwrap();
    check("pytorch", &net, DataFormat::ChannelsFirst, DType::F32);
    assert_close(&values(&net.plane.kernel.posterior.loc_scale().unwrap().1), &[0.25; 36], 1e-6);
    assert_close(&values(&net.dense.bias.unwrap().posterior.loc_scale().unwrap().1), &[0.25; 3], 1e-6);
}

#[test]
fn torchbnn() {
    #[derive(Module, Debug)]
    struct Two {
        plane: Conv2d,
        dense: Dense,
    }
    let Net { plane, dense, .. } = Net::new(DataFormat::ChannelsFirst, (true, true), DType::F32);
    let net = Import::new(Source::TorchBnn).load(Two { plane, dense }, &file("torchbnn")).unwrap();
    let expected = tensors("torchbnn-expected");
    let image = net.plane.forward(input(&expected["image"], DType::F32), &mut Trace::mean());
    assert_close(&values(&image), &numbers(&expected["mean/image"]), ROUNDING);
    let rows = net.dense.forward(input::<2>(&expected["rows"], DType::F32), &mut Trace::mean());
    assert_close(&values(&rows), &numbers(&expected["mean/rows"]), ROUNDING);
    let log_sigma = numbers(&tensors("torchbnn")["dense.bias_log_sigma"]);
    let scale = values(&net.dense.bias.unwrap().posterior.loc_scale().unwrap().1);
    assert_close(&scale, &log_sigma.into_iter().map(f64::exp).collect::<Vec<_>>(), 1e-6);
}

#[test]
fn layers_can_have_other_names() {
    let dense = || Net::new(DataFormat::ChannelsLast, (false, true), DType::F32).dense;
    let all = tensors("tfp");
    let mut tensors = all.clone();
    tensors.retain(|name, _| name.starts_with("dense/"));
    let path = Path::new("memory");
    let named = Import::new(Source::Tfp).layer("", "dense").apply(dense(), &tensors, path).unwrap();
    assert_eq!(values(&named.kernel.posterior.loc_scale().unwrap().0), numbers(&all["dense/kernel_posterior_loc:0"]));
    let bare =
        tensors.iter().map(|(name, data)| (name.replace("dense/", "").replace(":0", ""), data.clone())).collect();
    let bare = Import::new(Source::Tfp).apply(dense(), &bare, path).unwrap();
    assert_eq!(parameters(&bare), parameters(&named));
    let ignoring = Import::new(Source::Tfp).layer("", "dense").ignore("conv").ignore("plane");
    assert_eq!(parameters(&ignoring.apply(dense(), &all, path).unwrap()), parameters(&named));
}

#[test]
fn paths_may_be_kept() {
    let mut all = tensors("tfp");
    all.retain(|name, _| !name.starts_with("plane/"));
    let net = Net::new(DataFormat::ChannelsLast, (false, true), DType::F32);
    let before = parameters(&net)["plane.bias.posterior.loc"].clone();
    let path = Path::new("memory");
    let without = Import::new(Source::Tfp).apply(net.clone(), &all, path);
    assert_error(without, &["plane", "is in the model, but no tensor of the file is for it"]);
    let kept = Import::new(Source::Tfp).keep("plane").apply(net, &all, path).unwrap();
    assert_eq!(parameters(&kept)["plane.bias.posterior.loc"], before);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let net = |random| Net::new(DataFormat::ChannelsLast, random, DType::F32);
    let load = |random, change: &dyn Fn(&mut BTreeMap<String, TensorData>)| {
        let mut all = tensors("tfp");
        change(&mut all);
        Import::new(Source::Tfp).apply(net(random), &all, Path::new("memory"))
    };
    let fine = (false, true);
    assert!(load(fine, &|_| ()).is_ok());
    let scalar = || TensorData::from([1.0_f32]);
    let add =
        |name: &'static str| move |all: &mut BTreeMap<String, TensorData>| drop(all.insert(name.into(), scalar()));
    assert_error(load(fine, &add("Adam/m:0")), &["`Adam/m:0` is no parameter of TensorFlow Probability"]);
    assert_error(load(fine, &add("nokernel_posterior_loc")), &["`nokernel_posterior_loc` is no parameter"]);
    assert_error(load(fine, &add("other/bias_posterior_loc:0")), &["the model has no `other.bias.posterior.loc`"]);
    assert_error(load(fine, &add("conv/bias_posterior_loc:0")), &["expected shape [4]", "found [1]"]);
    assert_error(load(fine, &add("dense/bias_posterior_loc")), &["expected shape [3]"]);
    let twice = |all: &mut BTreeMap<String, TensorData>| {
        let data = all["dense/bias_posterior_loc:0"].clone();
        all.insert("dense/bias_posterior_loc".into(), data);
    };
    assert_error(load(fine, &twice), &["another tensor are both `dense.bias.posterior.loc`"]);
    assert_error(load((false, false), &|_| ()), &["the model has no `dense.bias.posterior.untransformed_scale`"]);
    assert_error(load((true, true), &|_| ()), &["conv.bias.posterior.untransformed_scale", "no tensor"]);
    let infinite = |all: &mut BTreeMap<String, TensorData>| {
        all.insert("dense/bias_posterior_loc:0".into(), TensorData::from([1.0_f32, f32::NAN, 0.0]));
    };
    assert_error(load(fine, &infinite), &["expected finite numbers, found NaN"]);
    let whole = |all: &mut BTreeMap<String, TensorData>| {
        all.insert("dense/bias_posterior_loc:0".into(), TensorData::from([1_i64, 2, 3]));
    };
    assert_error(load(fine, &whole), &["expected a float type, found I64"]);
    let large = TensorData::from([1e6_f32, 0.0, 0.0]);
    let mut half = tensors("tfp");
    half.insert("dense/bias_posterior_loc:0".into(), large);
    let half = Import::new(Source::Tfp).apply(
        Net::new(DataFormat::ChannelsLast, fine, DType::F16),
        &half,
        Path::new("memory"),
    );
    assert_error(half, &["as F16", "expected finite numbers, found inf"]);
    let scale = Import::new(Source::Tfp).with_scale(ScaleRule::Fixed(-1.0)).load(net(fine), &file("tfp"));
    assert_error(scale, &["`scale` must be made of positive finite numbers"]);
    let mapped = Import::new(Source::Tfp).layer("conv", "conv").load(net(fine), &file("tfp"));
    assert_error(mapped, &["layer `dense` is not in the map of names"]);
    assert_error(Import::new(Source::PyTorch).load(net(fine), &file("tfp")), &["is no parameter of PyTorch"]);
    assert_error(Import::new(Source::Tfp).load(net(fine), Path::new("absent")), &["absent", "cannot read"]);
}

#[test]
fn scales_keep_their_value_or_the_least_one() {
    for dtype in [DType::F32, DType::F64] {
        let epsilon = if dtype == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        for rho in [-12.0, -3.0, 0.0, 5.0_f64] {
            let ours = epsilon + Transform::Softplus.to_ours(rho, dtype).exp().ln_1p();
            assert!((ours / rho.exp().ln_1p() - 1.0).abs() < 1e-12, "{rho}");
            assert!((Transform::Softplus.to_theirs(Transform::Softplus.to_ours(rho, dtype), dtype) - rho).abs() < 1e-9);
            assert!((Transform::Log.to_theirs(Transform::Log.to_ours(rho, dtype), dtype) - rho).abs() < 1e-9);
        }
        let least = epsilon + Transform::Log.to_ours(-100.0, dtype).exp().ln_1p();
        assert!((least / epsilon - 1.01).abs() < 1e-9, "{least}");
    }
}

/// What was imported goes back to the same names, layouts and numbers.
#[test]
fn exports_are_what_was_imported() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (Source::Tfp, "tfp", (false, true)),
        (Source::BayesianTorch, "bayesian-torch", (true, true)),
        (Source::PyTorch, "pytorch", (false, false)),
        (Source::Blitz, "blitz", (true, true)),
    ];
    for (source, name, random) in cases {
        let net = imported(source, name, DataFormat::ChannelsLast, random, DType::F32);
        let exported = export(&net, source, &[])?;
        let mut theirs = tensors(name);
        theirs.retain(|name, _| !name.contains("_sampler."));
        let path = folder.path().join(name);
        write_atomically(&path, &exported.to_foreign_bytes(&path)?)?;
        let written = NamedTensors::read_foreign(&path)?.tensors;
        assert_eq!(written.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        for (name, data) in theirs {
            assert_eq!(written[&name].shape(), data.shape(), "{name}");
            assert_close(&numbers(&written[&name]), &numbers(&data), 1e-5);
        }
    }
    Ok(())
}

/// A network that goes up again.
#[derive(Module, Debug)]
struct Up<const D: usize> {
    up: ConvTranspose<D>,
}

/// With valid padding, channels first, biases with scales where they are `random`.
fn up<const D: usize>(channels: usize, filters: usize, kernel: [usize; 2], groups: usize, random: bool) -> Up<D> {
    let options = if random { LocScaleOptions::default() } else { LocScaleOptions::singular() };
    let config = ConvTransposeConfig::new(channels, filters, kernel[..D - 2].to_vec()).with_groups(groups);
    let config = config.with_data_format("channels_first").with_strides(2).with_name("up").with_dtype(DType::F64);
    let config = config.with_bias_posterior_fn(Some(default_mean_field_normal_fn(options)));
    Up { up: config.init(&device()).unwrap() }
}

fn named<const N: usize>(tensors: [(&str, TensorData); N]) -> BTreeMap<String, TensorData> {
    tensors.map(|(name, data)| (name.to_owned(), data)).into()
}

/// Burn lays its kernels out as `PyTorch` does, so that its output is what the file means.
#[test]
fn transposed_convolutions_of_pytorch_and_bayesian_torch() {
    for groups in [1, 2] {
        let (weight, bias) = (wave([4, 6 / groups, 3, 2], 0.3), wave([6], 0.7));
        let config = BurnConvTranspose2dConfig::new([4, 6], [3, 2]).with_stride([2, 2]).with_groups(groups);
        let mut conv = config.init(&device());
        conv.weight = Param::from_tensor(weight.clone());
        conv.bias = Some(Param::from_tensor(bias.clone()));
        let input = wave::<4>([2, 4, 3, 2], 0.1);
        let expected = values(&conv.forward(input.clone()));
        let check = |up: &Up<4>| {
            assert_close(&values(&up.up.forward(input.clone(), &mut Trace::mean())), &expected, 1e-12);
        };
        let path = Path::new("memory");
        let file = named([("up.weight", weight.to_data()), ("up.bias", bias.to_data())]);
        let import = Import::new(Source::PyTorch).with_scale(ScaleRule::Fixed(0.25));
        let plain = import.apply(up::<4>(4, 6, [3, 2], groups, false), &file, path).unwrap();
        check(&plain);
        assert_close(&values(&plain.up.kernel.posterior.loc_scale().unwrap().1), &[0.25; 144][..144 / groups], 1e-12);

        let rho = wave::<4>([4, 6 / groups, 3, 2], 2.0);
        let file = named([
            ("up.mu_kernel", weight.to_data()),
            ("up.rho_kernel", rho.to_data()),
            ("up.mu_bias", bias.to_data()),
            ("up.rho_bias", bias.to_data()),
            ("up.eps_kernel", weight.to_data()),
        ]);
        let random = up::<4>(4, 6, [3, 2], groups, true);
        let random = Import::new(Source::BayesianTorch).apply(random, &file, path).unwrap();
        check(&random);
        // The scale of a weight is where the weight is: element [c, f, k, l] at [k, l, c, f] of its group.
        let scale = values(&random.up.kernel.posterior.loc_scale().unwrap().1);
        let rho = values(&rho);
        let (per_group, filters) = (4 / groups, 6 / groups);
        for (c, f, k) in (0..4).flat_map(|c| (0..filters).flat_map(move |f| (0..6).map(move |k| (c, f, k)))) {
            let ours = (k * per_group + c % per_group) * 6 + c / per_group * filters + f;
            let expected: f64 = rho[(c * filters + f) * 6 + k].exp().ln_1p();
            assert!((scale[ours] - expected).abs() < 1e-12, "{c} {f} {k}");
        }
    }
}

/// `[K, F, C]` turned to Burn's `[C, F, K]`.
#[test]
fn convolutions_of_keras() {
    let (kernel, bias) = (wave([3, 5, 4], 0.3), wave([5], 0.7));
    let mut conv = BurnConvTranspose1dConfig::new([4, 5], 3).with_stride(2).init(&device());
    conv.weight = Param::from_tensor(kernel.clone().permute([2, 1, 0]));
    conv.bias = Some(Param::from_tensor(bias.clone()));
    let input = wave::<3>([2, 4, 3], 0.1);
    let file = named([("up/kernel:0", kernel.to_data()), ("up/bias:0", bias.to_data())]);
    let import = Import::new(Source::Keras).with_scale(ScaleRule::Fixed(0.25));
    let path = Path::new("memory");
    let found = import.apply(up::<3>(4, 5, [3, 1], 1, false), &file, path).unwrap();
    let expected = values(&conv.forward(input.clone()));
    assert_close(&values(&found.up.forward(input, &mut Trace::mean())), &expected, 1e-12);
    assert_close(&values(&found.up.kernel.posterior.loc_scale().unwrap().1), &[0.25; 60], 1e-12);

    // Plain ones are laid out as here, and go back.
    let (kernel, bias) = (wave([3, 2], 0.3), wave([2], 0.7));
    let file = named([("fc/kernel:0", kernel.to_data()), ("fc/bias:0", bias.to_data())]);
    let dense = DenseConfig::new(3, 2).with_dtype(DType::F64).init(&device()).unwrap();
    let dense = Import::new(Source::Keras).layer("", "fc").apply(dense, &file, path).unwrap();
    assert_eq!(values(&dense.kernel.posterior.loc_scale().unwrap().0), values(&kernel));
    let exported = export(&dense, Source::Keras, &[]).unwrap().tensors;
    assert_eq!(exported, named([("kernel:0", kernel.to_data()), ("bias:0", bias.to_data())]));
}

#[test]
fn transposed_kernels_that_do_not_fit_are_errors() {
    let load = |source, name: &str, shape: Vec<usize>, groups| {
        let values = vec![0.5; shape.iter().product()];
        let bias = if source == Source::Keras { "up/bias" } else { "up.bias" };
        let file = named([(name, TensorData::new(values, shape)), (bias, TensorData::from([0.0_f64; 6]))]);
        Import::new(source).apply(up::<3>(4, 6, [3, 1], groups, false), &file, Path::new("memory"))
    };
    assert!(load(Source::PyTorch, "up.weight", vec![4, 6, 3], 1).is_ok());
    assert!(load(Source::Keras, "up/kernel", vec![3, 6, 4], 1).is_ok());
    // Laid out as a plain convolution, or of other groups.
    assert_error(load(Source::PyTorch, "up.weight", vec![6, 4, 3], 1), &["expected shape [3, 4, 6]", "[6, 4, 3]"]);
    assert_error(load(Source::PyTorch, "up.weight", vec![4, 6, 3], 2), &["expected shape [3, 2, 6]", "[3, 2, 12]"]);
    assert_error(load(Source::PyTorch, "up.weight", vec![24], 1), &["expected shape [3, 4, 6]", "[24]"]);
    assert_error(load(Source::PyTorch, "up.weight", vec![0, 6, 3], 1), &["expected shape [3, 4, 6]", "[3, 4, 0]"]);
    assert_error(load(Source::Keras, "up/kernel", vec![3, 4, 6], 1), &["expected shape [3, 4, 6]", "[3, 6, 4]"]);
    assert_error(load(Source::Keras, "up/kernel", vec![3, 6, 4], 2), &["expected shape [3, 2, 6]", "[3, 4, 6]"]);
    assert_error(load(Source::Keras, "up/kernel", vec![72], 1), &["expected shape [3, 4, 6]", "[72]"]);
}

/// One vector for kernel and bias, and a prior of its own that the file does not have.
#[test]
fn joint_layers_of_tensorflow_probability() {
    #[derive(Module, Debug)]
    struct Joint {
        fc: DenseVariational,
    }
    let prior = learned_normal_prior_fn(LearnedNormalOptions::default());
    let config = DenseVariationalConfig::new(3, 2).with_dtype(DType::F64).with_prior_fn(Some(prior));
    let fc = || Joint { fc: config.init(&device()).unwrap() };
    let (loc, scale) = (wave::<1>([8], 0.3), wave::<1>([8], 1.3));
    let file = named([("fc/posterior_loc:0", loc.to_data()), ("fc/posterior_untransformed_scale:0", scale.to_data())]);
    let found = Import::new(Source::Tfp).apply(fc(), &file, Path::new("memory")).unwrap();
    let x = wave::<2>([4, 3], 0.1);
    let expected = x.clone().matmul(loc.clone().narrow(0, 0, 6).reshape([3, 2])) + loc.narrow(0, 6, 2).reshape([1, 2]);
    assert_close(&values(&found.fc.forward(x, &mut Trace::mean())), &values(&expected), 1e-12);
    let expected: Vec<f64> = values(&scale).into_iter().map(|u| u.exp().ln_1p()).collect();
    assert_close(&values(&found.fc.weights.posterior.loc_scale().unwrap().1), &expected, 1e-12);
    assert_eq!(export(&found, Source::Tfp, &[]).unwrap().tensors, file);
    assert_error(export(&found, Source::PyTorch, &[]), &["`fc.weights.posterior.loc` is no location or scale"]);
    let mut short = file.clone();
    short.remove("fc/posterior_loc:0");
    let missing = Import::new(Source::Tfp).apply(fc(), &short, Path::new("memory"));
    assert_error(missing, &["`fc.weights.posterior.loc` is in the model, but no tensor"]);
}

#[test]
fn what_a_library_cannot_hold_is_not_exported() {
    let net = Net::new(DataFormat::ChannelsLast, (false, false), DType::F32);
    assert_error(export(&net, Source::BayesianTorch, &[]), &["is a point mass", "bayesian-torch needs a scale"]);
    let linear = burn::nn::LinearConfig::new(2, 2).init(&plain());
    assert_error(export(&linear, Source::Tfp, &[]), &["`bias` is no location or scale"]);
    assert!(export(&linear, Source::Tfp, &["bias", "weight"]).unwrap().tensors.is_empty());
    let up = up::<3>(4, 6, [3, 1], 2, false);
    assert_error(export(&up, Source::PyTorch, &[]), &["`up.kernel.posterior.loc`", "transposed convolution"]);
    let rest = export(&up, Source::PyTorch, &["up.kernel"]).unwrap().tensors;
    assert_eq!(rest.keys().collect::<Vec<_>>(), ["up.bias"]);
}

/// The page shows every row of the table, in the section of its library and with its parameter.
#[test]
fn the_page_shows_the_table() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/import.md")).unwrap();
    for source in Source::ALL {
        let section = page.split("\n### ").find(|section| section.contains(&format!("`Source::{source:?}`"))).unwrap();
        for row in source.rows() {
            let theirs = format!("`{}`", row.theirs);
            let line = section.lines().find(|line| line.starts_with('|') && line.contains(&theirs));
            let line = line.unwrap_or_else(|| panic!("{source}: no line has {theirs}"));
            let (ours, numbers) = match row.role {
                Role::Parameter(part) => (
                    format!("| `{}` |", part.ours()),
                    match row.transform {
                        Transform::Same => "as they are",
                        Transform::Softplus => "ln(1 + e^rho)",
                        Transform::Log => "e^value",
                    },
                ),
                Role::LeftOut => ("| |".to_owned(), "left out"),
            };
            assert!(line.contains(&ours) && line.contains(numbers), "{line}: expected {ours} and {numbers}");
        }
    }
}

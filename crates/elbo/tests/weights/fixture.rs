//! Posteriors over a weight of shape `[2, 3]`, dense algebra, and comparisons.

#[path = "../device/mod.rs"]
mod device;

pub use device::{for_type, plain};

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use elbo::layer::VariableLayerConfig;
use elbo::posterior::{
    Deterministic, Family, MeanFieldNormal, MultivariateNormalDiagPlusLowRank, MultivariateNormalTriL, Posterior,
};
use elbo::record::parameter_names;
use elbo::variable::Variable;
use elbo::{Noise, Trace};
use std::collections::BTreeMap;

/// Largest z-score.
pub const LIMIT: f64 = 4.9;
/// Elements of the weights below.
pub const N: usize = 6;

/// Where everything is computed, in `f64` and with gradients.
pub fn device() -> Device {
    for_type(DType::F64).autodiff()
}

/// `scale sin(1 + 2.3 i + phase)`.
pub fn wave(n: usize, phase: f64, scale: f64) -> Vec<f64> {
    (0..n).map(|i| scale * (1.0 + 2.3 * float(i) + phase).sin()).collect()
}

pub fn tensor<const D: usize>(shape: [usize; D], values: Vec<f64>) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), (&device(), DType::F64))
}

pub fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    tensor.clone().into_data().try_into_vec_as().unwrap()
}

pub fn scalar(tensor: &Tensor<1>) -> f64 {
    assert_eq!(tensor.dims(), [1]);
    values(tensor)[0]
}

pub fn float(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

pub fn variable<const D: usize>(name: &str, shape: [usize; D], values: Vec<f64>) -> Variable<D> {
    Variable::new(name, Param::from_tensor(tensor(shape, values)).set_require_grad(true))
}

pub const LOC: fn() -> Vec<f64> = || wave(N, 0.0, 0.7);
pub const UNTRANSFORMED: fn() -> Vec<f64> = || wave(N, 4.0, 0.8);

pub fn scales() -> Vec<f64> {
    UNTRANSFORMED().into_iter().map(|u| f64::EPSILON + u.exp().ln_1p()).collect()
}

pub fn mean_field() -> Family<2> {
    let (loc, untransformed_scale) = (variable("loc", [2, 3], LOC()), variable("u", [2, 3], UNTRANSFORMED()));
    Family::MeanFieldNormal(MeanFieldNormal { loc, untransformed_scale })
}

pub fn point() -> Family<2> {
    Family::Deterministic(Deterministic { loc: variable("loc", [2, 3], LOC()) })
}

/// What L has below its diagonal.
pub fn below() -> Vec<f64> {
    wave(N * (N - 1) / 2, 0.7, 0.6)
}

pub fn tril() -> Family<2> {
    let (loc, untransformed_scale) = (variable("loc", [2, 3], LOC()), variable("u", [2, 3], UNTRANSFORMED()));
    let scale_off_diagonal = Some(variable("scale_off_diagonal", [N * (N - 1) / 2], below()));
    Family::MultivariateNormalTriL(MultivariateNormalTriL { loc, untransformed_scale, scale_off_diagonal })
}

pub fn factor() -> Vec<f64> {
    wave(N * 2, 2.0, 0.9)
}

pub fn low_rank() -> Family<2> {
    let (loc, untransformed_scale) = (variable("loc", [2, 3], LOC()), variable("u", [2, 3], UNTRANSFORMED()));
    let scale_perturb_factor = variable("factor", [N, 2], factor());
    Family::MultivariateNormalDiagPlusLowRank(MultivariateNormalDiagPlusLowRank {
        loc,
        untransformed_scale,
        scale_perturb_factor,
    })
}

/// The normals, with their covariances written out.
pub fn normals() -> Vec<(Family<2>, Vec<f64>)> {
    let square = |f: &dyn Fn(usize, usize) -> f64| (0..N * N).map(|k| f(k / N, k % N)).collect();
    let (scales, below, factor) = (scales(), below(), factor());
    let l = |i: usize, j: usize| match j.cmp(&i) {
        std::cmp::Ordering::Less => below[i * (i - 1) / 2 + j],
        std::cmp::Ordering::Equal => scales[i],
        std::cmp::Ordering::Greater => 0.0,
    };
    let diagonal = |i: usize, j: usize| if i == j { scales[i] * scales[i] } else { 0.0 };
    vec![
        (mean_field(), square(&diagonal)),
        (tril(), square(&|i, j| (0..N).map(|k| l(i, k) * l(j, k)).sum())),
        (
            low_rank(),
            square(&|i, j| diagonal(i, j) + factor[2 * i] * factor[2 * j] + factor[2 * i + 1] * factor[2 * j + 1]),
        ),
    ]
}

/// `ln N(x; loc, covariance)` by Gaussian elimination.
pub fn log_normal(x: &[f64], loc: &[f64], covariance: &[f64]) -> f64 {
    let n = loc.len();
    let mut rows: Vec<Vec<f64>> =
        (0..n).map(|i| [&covariance[i * n..(i + 1) * n], &[x[i] - loc[i]]].concat()).collect();
    let mut log_det = 0.0;
    for i in 0..n {
        log_det += rows[i][i].ln();
        for k in i + 1..n {
            let (upper, lower) = rows.split_at_mut(k);
            let ratio = lower[0][i] / upper[i][i];
            lower[0].iter_mut().zip(&upper[i]).for_each(|(a, b)| *a -= ratio * b);
        }
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| rows[i][j] * rows[j][n]).sum();
        rows[i][n] = (rows[i][n] - known) / rows[i][i];
    }
    let square: f64 = (0..n).map(|i| (x[i] - loc[i]) * rows[i][n]).sum();
    -0.5 * (square + log_det + float(n) * core::f64::consts::TAU.ln())
}

/// Draws of a posterior, `[samples, N]`.
pub fn draws<Q: Posterior<2>>(posterior: Q, samples: usize, seed: u64) -> Tensor<2> {
    let config = VariableLayerConfig::new(posterior.shape()).with_name("w").with_dtype(DType::F64);
    let layer = config.init_with(&device(), |_, _| Ok(posterior), None).unwrap();
    let mut trace = Trace::sampling(&mut Noise::seeded(seed)).with_samples(samples);
    let _ = layer.forward(Tensor::<1>::zeros([1], &device()), &mut trace);
    trace.layers()[0].kernel_posterior_tensor.clone().unwrap().detach()
}

/// All gradients of a loss by the names of the module's parameters, flat.
pub fn gradients<M: Module>(module: &M, loss: &Tensor<1>) -> BTreeMap<String, Vec<f64>> {
    let grads = GradientsParams::from_grads(loss.backward(), module);
    let of = |id, rank| match rank {
        1 => grads.get::<1>(id).map(|g| values(&g)),
        _ => grads.get::<2>(id).map(|g| values(&g)),
    };
    let names = parameter_names(module).into_iter();
    names.filter_map(|(name, id, shape)| Some((name, of(id, shape.len())?))).collect()
}

/// `|got - want| <= tolerance (1 + |want|)`.
#[track_caller]
pub fn assert_close(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "numbers of values");
    assert!(!want.is_empty(), "there is nothing to compare");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= tolerance * (1.0 + want.abs()), "[{i}]: expected {want}, found {got}");
    }
}

/// The message of an error, which has to contain all of these.
#[track_caller]
pub fn assert_error<T>(result: elbo::Result<T>, parts: &[&str]) {
    let Err(error) = result else { panic!("expected an error with {parts:?}") };
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "expected `{part}` in `{message}`");
    }
}

//! A GPU computes what the CPU does: every kind of layer in `f32`, with the same draws. Without `ELBO_TEST_DEVICE` the
//! two are one.

use crate::fixture::*;
use crate::kinds::{Belief, Kind, ROWS, Setting, Shape};
use burn::tensor::{DType, Device, Tensor, TensorData};
use std::collections::BTreeMap;

/// Relative to `1 + |value|`, as the golden files have it for outputs in `f32`: sums here have at most some twenty terms
/// of size one, that is an error of a few 1e-6 in any order, and `exp` and `log` of a GPU may err by some units in the last
/// place where those of the CPU do not.
const OUTPUT: f64 = 1e-5;
/// For gradients, as there.
const GRADIENT: f64 = 1e-4;

fn cpu() -> Device {
    Device::flex().autodiff()
}

fn gpu() -> Device {
    plain().autodiff()
}

/// Output, divergences and gradients of a sampling pass with two weight samples.
fn results(setting: Setting) -> (Vec<f64>, Vec<f64>, BTreeMap<String, Vec<f64>>) {
    let layer = setting.build("layer");
    let row = setting.kind.row();
    let numbers: Vec<f64> = (0..ROWS * row).map(|i| (1.0 + 2.3 * float(i)).sin()).collect();
    let x = Tensor::<2>::from_data(TensorData::new(numbers, [ROWS, row]), (&(setting.on)(), DType::F32));
    let mut trace = pass(5).with_samples(2);
    let output = layer.forward(x, &mut trace);
    let kl: Vec<Tensor<1>> = trace.divergences().into_iter().map(|found| found.value).collect();
    let loss = kl.iter().fold(output.clone().sin().sum(), |loss, kl| loss + kl.clone().mul_scalar(0.1));
    (values(&output), kl.iter().map(scalar).collect(), gradients(&layer, &loss))
}

fn check(setting: Setting) {
    let on = |on| results(Setting { on, dtype: DType::F32, ..setting });
    let ((output, kl, slopes), (expected, kl_expected, slopes_expected)) = (on(gpu), on(cpu));
    println!("{setting:?}");
    assert_close(&output, &expected, OUTPUT);
    for (kl, expected) in kl.iter().zip(&kl_expected) {
        assert_close(&[*kl], &[*expected], OUTPUT);
    }
    assert_eq!(slopes.keys().collect::<Vec<_>>(), slopes_expected.keys().collect::<Vec<_>>());
    for (name, expected) in &slopes_expected {
        println!("{name}");
        assert_close(&slopes[name], expected, GRADIENT);
    }
}

#[test]
fn every_kind_of_layer_under_every_estimator() {
    for kind in Kind::ALL {
        for (&estimator, &layout) in kind.estimators().iter().flat_map(|e| kind.layouts().iter().map(move |l| (e, l))) {
            check(Setting { layout, ..Setting::new(kind, estimator) });
        }
    }
}

#[test]
fn every_posterior_under_every_prior() {
    for kind in [Kind::Dense, Kind::DenseVariational, Kind::VariableLayer] {
        for (shape, belief) in Shape::ALL.into_iter().flat_map(|shape| Belief::ALL.map(|belief| (shape, belief))) {
            check(Setting { shape, belief, ..Setting::new(kind, elbo::Estimator::Reparameterization) });
        }
    }
}

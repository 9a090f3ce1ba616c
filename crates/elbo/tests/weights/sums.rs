//! Sums of many numbers do not depend on the number of threads.

use crate::fixture::{for_type, plain};
use burn::tensor::Device;
use burn::tensor::{DType, Tensor, TensorData};
use elbo::Trace;
use elbo::distribution::Distribution;
use elbo::divergence::Divergence;
use elbo::layer::DenseConfig;
use elbo::posterior::Family;
use elbo::prior::Prior;
use elbo::variable::{Constraint, Regularizer};

/// More than Burn adds on one thread.
const MANY: usize = 6_000_001;

fn results(values: &[f32]) -> Vec<u32> {
    let x = Tensor::<1>::from_data(TensorData::new(values.to_vec(), [MANY]), &plain());
    let penalties = [Regularizer::L1(1.0), Regularizer::L2(1.0)].map(|r| r.penalty(x.clone()).into_scalar::<f32>());
    let projected = Constraint::MaxNorm(2.0).project(x).narrow(0, 0, 3).try_into_vec_as::<f32>().unwrap();
    penalties.into_iter().chain(projected).map(f32::to_bits).collect()
}

#[test]
fn penalties_and_norms_are_equal_for_any_number_of_threads() {
    // Numbers of 24 bits whose sums have to be rounded.
    let value = |i: u32| f32::from(u16::try_from(i * 7919 % 10_240).unwrap()) / 1024.0 - 5.0;
    let values: Vec<f32> = (0..6_000_001_u32).map(|i| value(i % 500_000) * 1.000_123).collect();
    let exact: f64 = values.iter().map(|x| f64::from(x.abs())).sum();
    let with = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let one = with(1).install(|| results(&values));
    for threads in [2, 3, 5, 8] {
        for _ in 0..3 {
            assert_eq!(with(threads).install(|| results(&values)), one, "{threads} threads");
        }
    }
    let l1 = f64::from(f32::from_bits(one[0]));
    assert!((l1 / exact - 1.0).abs() < 1e-6, "{l1} for {exact}");
}

/// A divergence of a user's own, element by element.
#[test]
fn divergences_are_equal_for_any_number_of_threads() {
    let custom = Divergence::custom(|posterior: &Family<2>, _, _| posterior.mean() * posterior.mean());
    let config = DenseConfig::new(2300, 2000).with_kernel_divergence(Some(custom)).with_name("dense");
    let layer = config.init(&Device::flex()).unwrap();
    let divergence = || {
        let mut trace = Trace::mean();
        let _ = layer.forward(Tensor::<2>::zeros([1, 2300], &Device::flex()), &mut trace);
        trace.divergences()[0].value.clone().into_scalar::<f32>().to_bits()
    };
    let with = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let one = with(1).install(divergence);
    for threads in [2, 3, 5, 8] {
        for _ in 0..3 {
            assert_eq!(with(threads).install(divergence), one, "{threads} threads");
        }
    }
}

/// Densities of large weights in `f32`: sums of millions of terms.
#[test]
fn densities_of_large_weights_are_exact_to_rounding() {
    let n = 3_000_000;
    let weights: Vec<f64> = (0..n).map(|i| 0.05 * (f64::from(i) * 0.37).sin() + 0.01).collect();
    let density = |dtype| {
        let row = TensorData::new([weights.clone(), weights.clone()].concat(), [2, weights.len()]);
        let row = Tensor::<2>::from_data(row, (&for_type(dtype), dtype));
        Prior::<1>::standard_normal().log_prob(row).try_into_vec_as::<f64>().unwrap()
    };
    let (single, double) = (density(DType::F32), density(DType::F64));
    for (single, double) in single.into_iter().zip(double) {
        assert!((single / double - 1.0).abs() < 1e-6, "{single} for {double}");
    }
}

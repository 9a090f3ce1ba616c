//! Sums of many numbers do not depend on the number of threads.

use burn::tensor::{Device, Tensor, TensorData};
use elbo::variable::{Constraint, Regularizer};

/// More than Burn adds on one thread.
const MANY: usize = 6_000_001;

fn results(values: &[f32]) -> Vec<u32> {
    let x = Tensor::<1>::from_data(TensorData::new(values.to_vec(), [MANY]), &Device::flex());
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

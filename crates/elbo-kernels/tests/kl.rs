//! The divergence of normals against its formula, its gradients, extremes and long sums.

mod support;

use burn::tensor::{DType, Device, Tensor, TensorData};
use elbo_kernels::{kl_normal, sum_squares};
use proptest::prelude::*;
use support::{
    assert_close, device, device_with, differences, has_f64, message, normals, parameter, tensor, types, values,
};

const NAMES: [&str; 4] = ["loc", "untransformed_scale", "prior_loc", "prior_scale"];

fn softplus(u: f64) -> f64 {
    u.max(0.0) + (-u.abs()).exp().ln_1p()
}

/// `Σ ½ (d² + r² - 1) - ln r` in nats, priors of n elements or one.
fn formula([loc, u, prior_loc, prior_scale]: &[Vec<f64>; 4]) -> f64 {
    let at = |x: &[f64], i: usize| if x.len() == 1 { x[0] } else { x[i] };
    let term = |i: usize| {
        let ratio = (f64::EPSILON + softplus(u[i])) / at(prior_scale, i);
        let distance = (loc[i] - at(prior_loc, i)) / at(prior_scale, i);
        0.5 * (distance * distance + ratio * ratio - 1.0) - ratio.ln()
    };
    (0..loc.len()).map(term).sum()
}

fn run(x: &[Tensor<1>; 4]) -> Tensor<1> {
    kl_normal(x[0].clone(), x[1].clone(), x[2].clone(), x[3].clone())
}

/// `|loc|, |prior_loc| <= 1`, `-2 <= u <= 2`, `0.8 <= prior_scale <= 1.5`.
fn arguments() -> impl Strategy<Value = [Vec<f64>; 4]> {
    (1_usize..6, any::<bool>(), any::<bool>()).prop_flat_map(|(n, one_loc, one_scale)| {
        let list = |low: f64, high: f64, n: usize| prop::collection::vec(low..high, n);
        let [locs, scales] = [one_loc, one_scale].map(|one| if one { 1 } else { n });
        (list(-1.0, 1.0, n), list(-2.0, 2.0, n), list(-1.0, 1.0, locs), list(0.8, 1.5, scales))
            .prop_map(|(a, b, c, d)| [a, b, c, d])
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn forward_is_the_formula(x in arguments()) {
        if !has_f64() {
            return Ok(());
        }
        let tensors = core::array::from_fn(|i| tensor(&x[i], [x[i].len()], &device()));
        let found = run(&tensors);
        prop_assert_eq!(found.dims(), [1]);
        let (found, expected) = (values(found)[0], formula(&x));
        assert_close("divergence", &[found], &[expected], 1e-12);
        prop_assert!(found >= -1e-12);
    }

    /// Truncation is `h²/6 |f'''|`. The largest third derivative is that in `prior_scale`, `12 A / σ^5 + 2 / σ^3` with
    /// `A = (loc - prior_loc)² + scale² < 4 + 2.13² < 8.6`: below 320 for an element, 1600 for five under one prior.
    /// In u it is smaller still. With `h = 1e-5` that is 2.7e-8. Values are below 50 in sums of 5, so rounding is
    /// below `10 · 50 · 2^-53 / h = 6e-9`. The loss is 3 times the divergence: 1e-7.
    #[test]
    fn backward_is_the_difference_quotient(x in arguments()) {
        if !has_f64() {
            return Ok(());
        }
        let tensors: [Tensor<1>; 4] = core::array::from_fn(|i| parameter(&x[i], [x[i].len()]));
        let grads = run(&tensors).mul_scalar(3.0).sum().backward();
        for i in 0..4 {
            let loss = |moved: &[f64]| {
                let mut x = x.clone();
                x[i] = moved.to_vec();
                3.0 * formula(&x)
            };
            let found = values(tensors[i].grad(&grads).unwrap());
            let expected = differences(loss, &x[i], 1e-5);
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found - expected).abs() <= 1e-7, "{}: {} and {}", NAMES[i], found, expected);
            }
        }
    }
}

/// Without a divergence there is no gradient: q equal to p. `½ (r² - 1) - ln r` is flat at `r = 1`, so rounding of r
/// enters squared and only the sum's own rounding is left.
#[test]
fn a_posterior_equal_to_its_prior_has_none() {
    if !has_f64() {
        return;
    }
    let u = [-3.0, 0.0, 2.0];
    let scale = u.map(|u| f64::EPSILON + softplus(u));
    let x = [parameter(&[0.5; 3], [3]), parameter(&u, [3]), parameter(&[0.5], [1]), parameter(&scale, [3])];
    let loss = run(&x);
    assert!(values(loss.clone())[0].abs() < 1e-14);
    let grads = loss.sum().backward();
    for x in x {
        assert!(values(x.grad(&grads).unwrap()).iter().all(|g| g.abs() < 1e-13));
    }
}

#[test]
fn extreme_scales_are_finite() {
    for dtype in types([DType::F32, DType::F64]) {
        let device = device_with(dtype).autodiff();
        let make = |x: [f64; 2]| Tensor::<1>::from_data(TensorData::from(x), (&device, dtype)).require_grad();
        let x = [make([0.1, 0.1]), make([-1000.0, 1000.0]), make([0.0, 0.0]), make([1.0, 1.0])];
        let loss = run(&x);
        let epsilon = if dtype == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
        // Both have distance 0.1; the ratios are epsilon and 1000.
        let expected = 0.01 + 0.5 * (epsilon * epsilon - 1.0 + 1e6 - 1.0) - epsilon.ln() - 1000.0_f64.ln();
        assert_close("divergence", &values(loss.clone()), &[expected], 1e-6);
        let grads = loss.sum().backward();
        for (x, name) in x.iter().zip(NAMES) {
            let found = values(x.grad(&grads).unwrap());
            assert!(found.iter().all(|g| g.is_finite()), "{name} in {dtype:?}: {found:?}");
        }
        // d/du = (r - 1/r) sigmoid(u): nothing at -1000, 1000 - 1/1000 at 1000.
        assert_close("u", &values(x[1].grad(&grads).unwrap()), &[0.0, 999.999], 1e-6);
    }
}

/// A million elements in `f32`, and their gradient in a shared prior, against `f64`.
#[test]
fn long_sums_are_accurate() {
    let n = 1_000_000;
    let loc: Vec<f64> = normals(3, "loc", n).iter().map(|z| 0.1 * z).collect();
    let u: Vec<f64> = normals(3, "u", n).iter().map(|z| -3.0 + 0.1 * z).collect();
    let sums = [DType::F32, DType::F64].map(|dtype| {
        // What `f32` on a GPU is held to is `f64` on the CPU where the GPU has none.
        let device = if types([dtype]).is_empty() { Device::flex() } else { device_with(dtype) }.autodiff();
        let make = |x: &[f64]| Tensor::<1>::from_data(TensorData::from(x), (&device, dtype)).require_grad();
        let x = [make(&loc), make(&u), make(&[0.2]), make(&[0.9])];
        let loss = run(&x);
        let value = values(loss.clone())[0];
        let grads = loss.sum().backward();
        [value, values(x[2].grad(&grads).unwrap())[0], values(x[3].grad(&grads).unwrap())[0]]
    });
    for (short, long) in sums[0].iter().zip(sums[1]) {
        assert!((short - long).abs() <= 1e-5 * long.abs(), "{short} in f32, {long} in f64");
    }
    let exact = formula(&[loc, u, vec![0.2], vec![0.9]]);
    assert!((sums[1][0] - exact).abs() <= 1e-11 * exact, "{} and {exact}", sums[1][0]);
}

#[test]
fn what_does_not_fit_is_named() {
    let make = |n: usize| tensor(&vec![1.0; n], [n], &device());
    let call = |sizes: [usize; 4]| message(|| run(&sizes.map(make)));
    assert!(call([3, 2, 1, 1]).contains("untransformed_scale: expected the shape of `loc`"));
    assert!(call([3, 3, 2, 1]).contains("prior_loc: expected 1 or 3 elements, found 2"));
    assert!(call([3, 3, 1, 4]).contains("prior_scale: expected 1 or 3 elements, found 4"));
}

/// A prior that is not trained has no part in the tape, and changes no bit of the posterior's gradients.
#[test]
fn a_fixed_prior_gives_the_same_gradients() {
    for dtype in types([DType::F32, DType::F64]) {
        let device = device_with(dtype).autodiff();
        let make = |name: &str| {
            let numbers: Vec<f64> = normals(9, name, 3000).iter().map(|x| 0.5 + x.abs()).collect();
            Tensor::<1>::from_data(TensorData::from(numbers.as_slice()), (&device, dtype))
        };
        let run = |trained: bool| {
            let x = NAMES.map(make);
            let x: [Tensor<1>; 4] =
                core::array::from_fn(|i| if trained || i < 2 { x[i].clone().require_grad() } else { x[i].clone() });
            let grads = run(&x).mul_scalar(0.3).backward();
            assert_eq!(x[3].grad(&grads).is_some(), trained);
            [values(x[0].grad(&grads).unwrap()), values(x[1].grad(&grads).unwrap())]
        };
        assert!(run(true) == run(false), "{dtype:?}");
    }
}

/// `Σ x²` and its gradient `2 g x`, exact to rounding in both types.
#[test]
fn squares_are_summed() {
    let x = normals(8, "x", 5000);
    let exact: f64 = x.iter().map(|x| x * x).sum();
    for (dtype, bound) in [(DType::F32, 1e-6), (DType::F64, 1e-13)] {
        let device = device_with(dtype).autodiff();
        let tensor = Tensor::<1>::from_data(TensorData::from(x.as_slice()), (&device, dtype)).require_grad();
        let sum = sum_squares(tensor.clone().reshape([50, 100]));
        assert_eq!(sum.dims(), [1]);
        assert_close("sum", &values(sum.clone()), &[exact], bound);
        let grads = sum.mul_scalar(3.0).backward();
        let expected: Vec<f64> = x.iter().map(|x| 6.0 * x).collect();
        assert_close("gradient", &values(tensor.grad(&grads).unwrap()), &expected, bound);
    }
}

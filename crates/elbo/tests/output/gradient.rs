//! Gradients against central differences in `f64`: `h = 1e-5` leaves `h² f''' / 6` and `ε f / h`, both below 1e-8 of
//! the numbers here; 1e-6 is asked for.

use crate::fixture::{Case, cases, list, parameter};
use burn::tensor::{DType, Tensor};
use elbo::output::{Output, OutputDistribution, Support};

type Quantity = fn(&dyn OutputDistribution, Tensor<2>) -> Option<Tensor<1>>;

fn sum<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    // Weights, so that no symmetry hides an error.
    let n = tensor.shape().num_elements();
    let weights = Tensor::<1, burn::tensor::Int>::arange(1..i64::try_from(n).unwrap() + 1, &tensor.device());
    (tensor.reshape([n]) * weights.float().cast(DType::F64).cos()).sum()
}

const QUANTITIES: [(&str, Quantity); 9] = [
    ("log_prob", |d, x| Some(sum(d.log_prob(x)))),
    ("mean", |d, _| Some(sum(d.mean()))),
    ("variance", |d, _| Some(sum(d.variance()))),
    ("entropy", |d, _| d.entropy().map(sum)),
    ("covariance", |d, _| d.covariance().map(sum)),
    ("log_cdf", |d, x| d.log_cdf(x).map(sum)),
    ("log_survival", |d, x| d.log_survival(x).map(sum)),
    ("cdf", |d, x| d.cdf(x).map(sum)),
    ("stddev", |d, _| Some(sum(d.stddev()))),
];

/// Two rows, the second with other numbers.
fn outputs(case: &Case) -> Vec<f64> {
    case.row
        .iter()
        .chain(&case.row)
        .enumerate()
        .map(|(i, x)| x + 0.1 * f64::from(u32::try_from(i).unwrap()).sin())
        .collect()
}

fn check(what: &str, at: &[f64], gradient: &[f64], f: impl Fn(&[f64]) -> f64, skip: impl Fn(usize) -> bool) {
    for (i, found) in gradient.iter().enumerate().filter(|(i, _)| !skip(*i)) {
        let moved = |h: f64| {
            let mut at = at.to_vec();
            at[i] += h;
            f(&at)
        };
        let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert!((found - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{what} {i}: {found}, expected {expected}");
    }
}

#[test]
fn in_the_outputs() {
    for case in cases() {
        let (values, at, shape) = (case.values(2), outputs(&case), [2, case.row.len()]);
        for (name, quantity) in QUANTITIES {
            let value = |at: &[f64]| {
                let outputs = parameter(at, shape, DType::F64);
                let x = parameter(&values, [2, case.event()], DType::F64);
                quantity(case.output.distribution(outputs.clone()).unwrap().as_ref(), x).map(|sum| (sum, outputs))
            };
            let Some((sum, outputs)) = value(&at) else { continue };
            if !sum.clone().into_scalar::<f64>().is_finite() {
                // ln Pr(Y > y) at the largest class.
                continue;
            }
            let grads = sum.backward();
            let gradient = outputs.grad(&grads).map_or_else(|| vec![0.0; at.len()], list);
            // Distribution functions are constants in df: documented.
            let is_tail = name.contains("cdf") || name == "log_survival";
            let no_df = is_tail && matches!(case.output, Output::StudentT { df: None, .. });
            let what = format!("{:?}: {name}", case.output);
            let f = |at: &[f64]| value(at).unwrap().0.into_scalar::<f64>();
            check(&what, &at, &gradient, f, |i| no_df && i % case.row.len() == 2);
        }
    }
}

#[test]
fn in_real_values() {
    for case in cases().into_iter().filter(|case| case.rows(1).support() == Support::Real) {
        let (at, shape) = (case.values(3), [3, case.event()]);
        for (name, quantity) in QUANTITIES.into_iter().filter(|(name, _)| name.contains("log") || *name == "cdf") {
            let value = |at: &[f64]| {
                let x = parameter(at, shape, DType::F64);
                quantity(case.rows(3).as_ref(), x.clone()).map(|sum| (sum, x))
            };
            let Some((sum, x)) = value(&at) else { continue };
            let gradient = list(x.grad(&sum.backward()).unwrap());
            let what = format!("{:?}: {name}", case.output);
            check(&what, &at, &gradient, |at| value(at).unwrap().0.into_scalar::<f64>(), |_| false);
        }
    }
}

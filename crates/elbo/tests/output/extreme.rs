//! Outputs of ±1000, values far away or impossible, no rows, and half precision.

use crate::fixture::{cases, list, parameter, tensor};
use burn::tensor::{DType, Tensor};
use elbo::output::{OneHotCategorical, Output, OutputDistribution};

/// All outputs at ±1000 in turns: densities and their gradients stay finite, in `f32` too.
#[test]
fn log_probs_and_gradients_stay_finite() {
    for case in cases() {
        if format!("{:?}", case.output).contains("Poisson") {
            // A rate of e^1000 is beyond every type; see below.
            continue;
        }
        let width = case.row.len();
        for dtype in [DType::F32, DType::F64] {
            for pattern in 0..8_usize {
                let row: Vec<f64> =
                    (0..width).map(|i| if pattern >> (i % 3) & 1 == 1 { 1000.0 } else { -1000.0 }).collect();
                let outputs = parameter(&[row.clone(), row.clone()].concat(), [2, width], dtype);
                let values = Tensor::<2>::from_data(
                    tensor(&case.values(2), [2, case.event()], dtype).into_data(),
                    (&outputs.device(), dtype),
                );
                let log_prob = case.output.distribution(outputs.clone()).unwrap().log_prob(values);
                let what = format!("{:?} in {dtype:?} at {row:?}", case.output);
                assert!(list(log_prob.clone()).into_iter().all(f64::is_finite), "{what}: {:?}", list(log_prob));
                let gradient = list(outputs.grad(&log_prob.sum().backward()).unwrap());
                assert!(gradient.iter().all(|g| g.is_finite()), "{what}: {gradient:?}");
            }
        }
    }
}

/// What certain logits say: nothing about what they expect, everything about the rest.
#[test]
fn certain_logits_cost_their_size() {
    for dtype in [DType::F32, DType::F64] {
        let nll = |output: Output, row: &[f64], y: &[f64]| {
            let distribution = output.distribution(tensor(row, [1, row.len()], dtype)).unwrap();
            list(distribution.nll(tensor(y, [1, y.len()], dtype)))[0]
        };
        assert_eq!(nll(Output::Bernoulli { event: 2 }, &[1000.0, -1000.0], &[1.0, 0.0]), 0.0);
        assert_eq!(nll(Output::Bernoulli { event: 1 }, &[1000.0], &[0.0]), 1000.0);
        assert_eq!(nll(Output::Categorical { classes: 3 }, &[1000.0, -1000.0, 0.0], &[1.0]), 2000.0);
        assert_eq!(nll(Output::Poisson { event: 1 }, &[-1000.0], &[0.0]), 0.0);
        assert!((nll(Output::Poisson { event: 1 }, &[-1000.0], &[1.0]) - 1000.0).abs() < 1e-3);
        // e^-1000 (1 + ½): all weight on a component that hardly makes it, hardly any on one that does.
        let mixture = nll(Output::categorical_mixture(2, 2), &[1000.0, 0.0, 1000.0, 0.0, 0.0, 0.0], &[0.0, 1.0]);
        assert!((mixture - 1000.0 + 1.5_f64.ln()).abs() < 1e-4);
    }
}

#[test]
fn impossible_values_have_no_probability() {
    let log_prob = |output: Output, y: &[f64]| {
        let width = output.params_size();
        let outputs = tensor(&vec![0.3; width], [1, width], DType::F64);
        list(output.distribution(outputs).unwrap().log_prob(tensor(y, [1, y.len()], DType::F64)))[0]
    };
    let mixture = |of| Output::Mixture { components: 2, of: Box::new(of) };
    for (output, values) in [
        (Output::Bernoulli { event: 1 }, vec![vec![0.5], vec![2.0], vec![-1.0], vec![f64::NAN]]),
        (Output::Poisson { event: 1 }, vec![vec![-1.0], vec![1.5]]),
        (Output::Categorical { classes: 3 }, vec![vec![3.0], vec![-1.0], vec![0.5], vec![1e9]]),
        (Output::OneHotCategorical { classes: 2 }, vec![vec![0.0, 0.0], vec![1.0, 1.0], vec![0.5, 0.5]]),
    ] {
        for y in values {
            assert_eq!(log_prob(output.clone(), &y), f64::NEG_INFINITY, "{output:?} at {y:?}");
            assert_eq!(log_prob(mixture(output.clone()), &y), f64::NEG_INFINITY, "mixture of {output:?} at {y:?}");
        }
    }
}

/// Far tails: `ln Φ(-1000)` is `-½ 10^6 - ln(1000 sqrt(2π))`, up to 1e-6 of one; the logistic tail is a straight line.
#[test]
fn far_tails_are_not_lost() {
    let at = tensor(&[-1000.0], [1, 1], DType::F64);
    let tail = |output: Output, row: &[f64]| {
        let distribution = output.distribution(tensor(row, [1, row.len()], DType::F64)).unwrap();
        list(distribution.log_cdf(at.clone()).unwrap())[0]
    };
    // softplus⁻¹(1)
    let unit = (1.0_f64.exp() - 1.0).ln();
    let normal = tail(Output::Normal { event: 1 }, &[0.0, unit]);
    let expected = -5e5 - 1000.0_f64.ln() - 0.5 * core::f64::consts::TAU.ln();
    assert!((normal - expected).abs() < 2e-6, "{normal}, {expected}");
    assert!((tail(Output::Logistic { event: 1 }, &[0.0, unit]) + 1000.0).abs() < 1e-9);
    // One of two equal components: ln ½ less.
    let mixture = tail(Output::mixture_normal(2, 1), &[0.0, 0.0, 0.0, unit, 5000.0, unit]);
    assert!((mixture - expected - 0.5_f64.ln()).abs() < 2e-6, "{mixture}");
}

/// The moments that Student's distribution lacks are said to be missing, and have no gradient that is not a number.
#[test]
fn heavy_tails_have_no_moments() {
    let moments = |df: f64| {
        let distribution = Output::StudentT { event: 1, df: Some(df) };
        let distribution = distribution.distribution(tensor(&[0.5, 0.0], [1, 2], DType::F64)).unwrap();
        (list(distribution.mean())[0], list(distribution.variance())[0])
    };
    assert!(moments(1.0).0.is_nan() && moments(1.0).1.is_nan());
    assert_eq!(moments(2.0), (0.5, f64::INFINITY));
    assert!((moments(4.0).1 / (2.0 * core::f64::consts::LN_2.powi(2)) - 1.0).abs() < 1e-12);
}

#[test]
fn no_rows_give_no_rows() {
    for case in cases() {
        let (width, event) = (case.row.len(), case.event());
        let none = case.output.distribution(tensor(&[], [0, width], DType::F64)).unwrap();
        assert_eq!(none.dims(), [0, event]);
        let values = || tensor(&[], [0, event], DType::F64);
        assert_eq!(none.log_prob(values()).dims(), [0], "{:?}", case.output);
        assert_eq!((none.mean().dims(), none.variance().dims()), ([0, event], [0, event]));
        if let Some(log_cdf) = none.log_cdf(values()) {
            assert_eq!(log_cdf.dims(), [0, event]);
        }
    }
}

/// Half precision: relative error of a few units of 2^-11 in terms of size 10.
#[test]
fn half_precision_is_close() {
    for case in cases() {
        let (width, event) = (case.row.len(), case.event());
        let values = case.values(4);
        let exact = case.log_prob(&values);
        let outputs = tensor(&case.row, [1, width], DType::F16).repeat_dim(0, 4);
        let half = case.output.distribution(outputs).unwrap();
        let found = half.log_prob(tensor(&values, [4, event], DType::F16));
        assert_eq!(found.dtype(), DType::F16);
        for (found, exact) in list(found).into_iter().zip(exact) {
            assert!((found - exact).abs() < 0.05 * (1.0 + exact.abs()), "{:?}: {found}, {exact}", case.output);
        }
        let mut noise = elbo::Noise::seeded(1).stream("targets", 3).unwrap();
        let draws = half.sample(&mut noise).unwrap();
        assert_eq!((draws.dims(), draws.dtype()), ([3, 4, event], DType::F16), "{:?}", case.output);
        assert!(list(draws).into_iter().all(f64::is_finite));
    }
}

/// Classes that are ruled out by logits of minus infinity: they have no probability, and all else is as without them.
#[test]
fn classes_can_be_ruled_out() {
    let ruled = parameter(&[0.3, f64::NEG_INFINITY, 1.0], [1, 3], DType::F64);
    let with = OneHotCategorical { logits: ruled.clone() };
    let without = OneHotCategorical { logits: tensor(&[0.3, 1.0], [1, 2], DType::F64) };
    let at = |values: &[f64]| tensor(values, [1, values.len()], DType::F64);
    let log_prob = with.log_prob(at(&[0.0, 0.0, 1.0]));
    assert_eq!(list(log_prob.clone()), list(without.log_prob(at(&[0.0, 1.0]))));
    assert_eq!(list(with.log_prob(at(&[0.0, 1.0, 0.0]))), [f64::NEG_INFINITY]);
    let entropy = with.entropy().unwrap();
    assert_eq!(list(entropy.clone()), list(without.entropy().unwrap()));
    let slopes = list(ruled.grad(&(log_prob + entropy).backward()).unwrap());
    assert!(slopes.iter().all(|slope| slope.is_finite()) && slopes[1] == 0.0, "{slopes:?}");
}

/// Rates of e^-1000 and 0: the first counts have their leading terms, and slopes in the logarithm are counts.
#[test]
fn poisson_rates_below_every_number_have_tails() {
    for log_rate in [-1000.0, f64::NEG_INFINITY] {
        let outputs = parameter(&[log_rate; 3], [3, 1], DType::F64);
        let poisson = Output::Poisson { event: 1 }.distribution(outputs.clone()).unwrap();
        let counts = || tensor(&[-1.0, 0.0, 2.0], [3, 1], DType::F64);
        assert_eq!(list(poisson.log_prob(counts())), [f64::NEG_INFINITY, 0.0, 2.0 * log_rate - 2.0_f64.ln()]);
        assert_eq!(list(poisson.log_cdf(counts()).unwrap()), [f64::NEG_INFINITY, 0.0, 0.0]);
        let survival = poisson.log_survival(counts()).unwrap();
        assert_eq!(list(survival.clone()), [0.0, log_rate, 3.0 * log_rate - 6.0_f64.ln()]);
        if log_rate.is_finite() {
            assert_eq!(list(outputs.grad(&survival.sum().backward()).unwrap()), [0.0, 1.0, 3.0]);
        }
    }
}

/// The tail of a count far above the rate, `rate^(n + 1) / (n + 1)!` up to `rate / n`; rates that no type holds.
#[test]
fn poisson_tails_are_numbers() {
    let at = |log_rate: f64, count: f64| {
        let poisson = Output::Poisson { event: 1 }.distribution(tensor(&[log_rate], [1, 1], DType::F64)).unwrap();
        let count = || tensor(&[count], [1, 1], DType::F64);
        (list(poisson.log_cdf(count()).unwrap())[0], list(poisson.log_survival(count()).unwrap())[0])
    };
    let expected = -80.0 * 100_001.0 - (1..=100_001).map(|k| f64::from(k).ln()).sum::<f64>();
    assert!((at(-80.0, 1e5).1 / expected - 1.0).abs() < 1e-12, "{} {expected}", at(-80.0, 1e5).1);
    assert_eq!(at(1000.0, 3.0), (f64::NEG_INFINITY, 0.0));
    assert!((at(40.0, 40.0_f64.exp().floor()).0 + core::f64::consts::LN_2).abs() < 1e-6);
}

/// What lies before minus infinity has no probability, before infinity has all; and no values are still no numbers.
#[test]
fn distribution_functions_have_ends() {
    for output in [
        Output::Normal { event: 1 },
        Output::Logistic { event: 1 },
        Output::StudentT { event: 1, df: Some(3.0) },
        Output::mixture_normal(1, 1),
    ] {
        let width = output.params_size();
        let distribution = output.distribution(tensor(&vec![0.0; width], [1, width], DType::F64)).unwrap();
        let at = |y: f64| list(distribution.cdf(tensor(&[y], [1, 1], DType::F64)).unwrap())[0];
        assert_eq!((at(f64::NEG_INFINITY), at(f64::INFINITY)), (0.0, 1.0), "{output:?}");
        assert!(at(f64::NAN).is_nan());
    }
}

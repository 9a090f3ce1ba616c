//! Probabilities add up to 1, and moments, entropies and distribution functions are those of the density.

use crate::fixture::{Case, cases, list, tensor};
use burn::tensor::DType;
use elbo::output::Support;

/// Points and weights: `Σ w f(x)` is the sum or the integral of `f` over the events.
struct Rule {
    points: Vec<f64>,
    weights: Vec<f64>,
}

/// All events, or a grid fine enough for the trapezoidal rule to be exact to about 1e-10: the densities are analytic,
/// and the substitution `x = sinh t` makes them vanish at both ends.
fn rule(case: &Case) -> Rule {
    let event = case.event();
    let (axis, weights): (Vec<f64>, Vec<f64>) = match case.rows(1).support() {
        Support::Binary => (vec![0.0, 1.0], vec![1.0; 2]),
        Support::Counts => ((0..80).map(f64::from).collect(), vec![1.0; 80]),
        Support::Class(classes) => {
            ((0..classes).map(|k| f64::from(u32::try_from(k).unwrap())).collect(), vec![1.0; classes])
        }
        Support::OneHot(classes) => {
            let unit = |k: usize| (0..classes).map(move |j| f64::from(u8::from(j == k)));
            return Rule { points: (0..classes).flat_map(unit).collect(), weights: vec![1.0; classes] };
        }
        Support::Real => {
            let (h, half) = if event == 1 { (0.005, 5000) } else { (0.02, 220) };
            let t: Vec<f64> = (-half..=half).map(|i| h * f64::from(i)).collect();
            (t.iter().map(|t| t.sinh()).collect(), t.iter().map(|t| h * t.cosh()).collect())
        }
    };
    if event == 1 {
        return Rule { points: axis, weights };
    }
    let pairs = |f: &dyn Fn(usize, usize) -> Vec<f64>| {
        let n = axis.len();
        (0..n * n).flat_map(|i| f(i / n, i % n)).collect()
    };
    Rule { points: pairs(&|i, j| vec![axis[i], axis[j]]), weights: pairs(&|i, j| vec![weights[i] * weights[j]]) }
}

#[test]
fn everything_follows_from_the_density() {
    for case in cases() {
        let (event, rule) = (case.event(), rule(&case));
        let log_prob = case.log_prob(&rule.points);
        let mass: Vec<f64> = log_prob.iter().zip(&rule.weights).map(|(l, w)| l.exp() * w).collect();
        let expectation = |f: &dyn Fn(&[f64], f64) -> f64| {
            let terms = rule.points.chunks(event).zip(&log_prob).zip(&mass);
            terms.filter(|(_, mass)| **mass > 0.0).map(|((x, log), mass)| mass * f(x, *log)).sum::<f64>()
        };
        let check = |what: &str, found: f64, expected: f64| {
            let close = (found - expected).abs() < 1e-8 * (1.0 + expected.abs());
            assert!(close, "{:?}: {what} is {found}, the density gives {expected}", case.output);
        };
        check("the whole", 1.0, expectation(&|_, _| 1.0));
        let one = case.rows(1);
        let (mean, variance) = (list(one.mean()), list(one.variance()));
        for j in 0..event {
            check("mean", mean[j], expectation(&|x, _| x[j]));
            check("variance", variance[j], expectation(&|x, _| (x[j] - mean[j]).powi(2)));
        }
        for (i, found) in list(one.covariance().unwrap()).into_iter().enumerate() {
            let (j, k) = (i / event, i % event);
            check("covariance", found, expectation(&|x, _| (x[j] - mean[j]) * (x[k] - mean[k])));
        }
        if let Some(entropy) = one.entropy() {
            check("entropy", list(entropy)[0], -expectation(&|_, log| log));
        }
        if let Some(mode) = one.mode() {
            let at_mode = case.log_prob(&list(mode))[0];
            let highest = log_prob.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert!(
                at_mode >= highest - 1e-12,
                "{:?}: ln p is {at_mode} at the mode, {highest} elsewhere",
                case.output
            );
        }
    }
}

/// Whoever has a distribution function has both tails of it, and they are the sums of the density.
#[test]
fn distribution_functions_are_sums_of_the_density() {
    let mut found = 0;
    for case in cases().into_iter().filter(|case| case.event() == 1) {
        let rule = rule(&case);
        let log_prob = case.log_prob(&rule.points);
        let one = case.rows(1);
        let is_real = one.support() == Support::Real;
        for i in
            [0, 1, rule.points.len() / 3, rule.points.len() / 2, rule.points.len() / 2 + 100, rule.points.len() - 1]
        {
            let Some(&x) = rule.points.get(i) else { continue };
            let at = tensor(&[x], [1, 1], DType::F64);
            let (cdf, survival) = (list(one.cdf(at.clone()).unwrap())[0], list(one.survival(at.clone()).unwrap())[0]);
            assert!((cdf + survival - 1.0).abs() < 1e-14, "{:?} at {x}: {cdf} + {survival}", case.output);
            assert_eq!(list(one.log_cdf(at.clone()).unwrap())[0].exp(), cdf);
            // Half of the last interval belongs to an integral, all of the last term to a sum.
            let share = if is_real { 0.5 } else { 1.0 };
            let sum: f64 =
                (0..=i).map(|k| log_prob[k].exp() * rule.weights[k] * if k == i { share } else { 1.0 }).sum();
            // The trapezoidal rule ends inside of the support: its error is h² (f' x')' / 12.
            assert!((cdf - sum).abs() < if is_real { 2e-6 } else { 1e-12 }, "{:?} at {x}: {cdf}, {sum}", case.output);
            found += 1;
        }
        let below = tensor(&[-1.0], [1, 1], DType::F64);
        if !is_real {
            assert_eq!((list(one.cdf(below.clone()).unwrap())[0], list(one.survival(below).unwrap())[0]), (0.0, 1.0));
        }
    }
    assert!(found > 30);
}

#[test]
fn quantiles_invert_the_distribution_functions() {
    let mut families = 0;
    for case in cases().into_iter().filter(|case| case.event() == 1) {
        let p = [1e-9, 0.01, 0.3, 0.5, 0.8, 0.999];
        let rows = case.rows(p.len());
        let Some(quantiles) = rows.quantile(tensor(&p, [p.len(), 1], DType::F64)) else { continue };
        for (found, p) in list(rows.cdf(quantiles).unwrap()).into_iter().zip(p) {
            assert!((found / p - 1.0).abs() < 1e-10, "{:?}: {found}, {p}", case.output);
        }
        families += 1;
    }
    assert_eq!(families, 4, "normal, logistic, Student-t with two kinds of df");
}

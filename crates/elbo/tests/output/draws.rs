//! Draws have the moments and the law that the distribution says; seeds, names and threads decide as they should.

use crate::fixture::{cases, list, parameter, tensor};
use burn::tensor::DType;
use elbo::Noise;
use elbo::output::{Output, Support};

const DRAWS: usize = 20_000;

/// Means, variances and covariances of 20 000 draws in standard errors (that of a mean of products is taken from the
/// draws). 5.2 of them have probability 2e-7; there are fewer than 100 numbers: error rate below 2e-5 (fixed seed).
#[test]
fn moments_are_those_of_the_distribution() {
    for case in cases() {
        let (event, one) = (case.event(), case.rows(1));
        let mut noise = Noise::seeded(20_261_124).stream("targets", DRAWS).unwrap();
        let draws = one.sample(&mut noise).unwrap();
        assert_eq!(draws.dims(), [DRAWS, 1, event]);
        let (draws, mean) = (list(draws), list(one.mean()));
        let covariance = list(one.covariance().unwrap());
        let check = |what: &str, expected: f64, f: &dyn Fn(&[f64]) -> f64| {
            let values: Vec<f64> = draws.chunks(event).map(f).collect();
            let n = f64::from(u32::try_from(DRAWS).unwrap());
            let found = values.iter().sum::<f64>() / n;
            let spread = values.iter().map(|x| (x - found).powi(2)).sum::<f64>() / n;
            let z = (found - expected) / (spread / n).sqrt().max(1e-12);
            assert!(z.abs() < 5.2, "{:?}: {what} {found}, expected {expected}: {z} standard errors", case.output);
        };
        for j in 0..event {
            check("mean", mean[j], &|x| x[j]);
            for k in j..event {
                check("covariance", covariance[j * event + k], &|x| (x[j] - mean[j]) * (x[k] - mean[k]));
            }
        }
    }
}

/// Kolmogorov-Smirnov for real values, `sqrt(n) D < 2.7` (probability of more: 1e-6); for the others the share of each
/// event in standard errors, 5.2 at most (2e-7 each).
#[test]
fn the_law_is_that_of_the_distribution() {
    for case in cases().into_iter().filter(|case| case.event() == 1) {
        let mut noise = Noise::seeded(7).stream("targets", DRAWS).unwrap();
        let mut draws = list(case.rows(1).sample(&mut noise).unwrap());
        let n = f64::from(u32::try_from(DRAWS).unwrap());
        if case.rows(1).support() == Support::Real {
            draws.sort_by(f64::total_cmp);
            let cdf = list(case.rows(DRAWS).cdf(tensor(&draws, [DRAWS, 1], DType::F64)).unwrap());
            let gap = |(i, cdf): (u32, &f64)| (cdf - f64::from(i) / n).abs().max((cdf - f64::from(i + 1) / n).abs());
            let distance = (0..).zip(&cdf).map(gap).fold(0.0, f64::max);
            assert!(distance * n.sqrt() < 2.7, "{:?}: distance {distance}", case.output);
        } else {
            for value in 0..3 {
                let value = f64::from(value);
                let p = case.log_prob(&[value])[0].exp();
                let share = draws.iter().filter(|draw| **draw == value).count();
                let z = (f64::from(u32::try_from(share).unwrap()) - n * p) / (n * p * (1.0 - p)).sqrt().max(1e-9);
                assert!(z.abs() < 5.2, "{:?}: {value} is {z} standard errors off", case.output);
            }
        }
    }
}

/// Every draw is possible: its density is not 0.
#[test]
fn draws_are_in_the_support() {
    for case in cases() {
        let values = case.values(500);
        assert!(case.log_prob(&values).into_iter().all(f64::is_finite), "{:?}", case.output);
    }
}

#[test]
fn seeds_names_and_passes_decide_and_threads_do_not() {
    for case in cases() {
        let rows = 17;
        let draw = |seed, name: &str, pass, threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut noise = Noise::seeded(seed).starting_at(pass);
                list(case.rows(rows).sample(&mut noise.stream(name, 40).unwrap()).unwrap())
            })
        };
        let first = draw(1, "targets", 0, 1);
        assert!(first == draw(1, "targets", 0, 2), "{:?}: threads", case.output);
        for other in [draw(2, "targets", 0, 1), draw(1, "others", 0, 1), draw(1, "targets", 1, 1)] {
            assert!(first != other, "{:?}", case.output);
        }
    }
}

/// The first draws of a stream, in `f32`: a change here is value-breaking and must be announced.
#[test]
fn discrete_draws_are_stable() {
    let draw = |output: Output, row: &[f64]| {
        let outputs = tensor(row, [1, row.len()], DType::F32);
        let mut noise = Noise::seeded(42).stream("targets", 12).unwrap();
        list(output.distribution(outputs).unwrap().sample(&mut noise).unwrap())
    };
    assert_eq!(draw(Output::Bernoulli { event: 1 }, &[0.0]), STABLE_BERNOULLI);
    assert_eq!(draw(Output::Categorical { classes: 4 }, &[0.0; 4]), STABLE_CATEGORICAL);
    assert_eq!(draw(Output::Poisson { event: 1 }, &[1.5]), STABLE_POISSON);
}
const STABLE_BERNOULLI: [f64; 12] = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0];
const STABLE_CATEGORICAL: [f64; 12] = [2.0, 0.0, 3.0, 0.0, 0.0, 2.0, 2.0, 0.0, 1.0, 0.0, 0.0, 2.0];
const STABLE_POISSON: [f64; 12] = [4.0, 2.0, 7.0, 0.0, 1.0, 5.0, 5.0, 2.0, 4.0, 3.0, 3.0, 6.0];

/// A class of probability 0 is never drawn, whatever the rounding.
#[test]
fn impossible_classes_are_not_drawn() {
    let row = [-1000.0, 0.0, -1000.0, 1.0, -1000.0];
    for dtype in [DType::F32, DType::F64, DType::F16] {
        let categorical = Output::Categorical { classes: 5 }.distribution(tensor(&row, [1, 5], dtype)).unwrap();
        let mut noise = Noise::seeded(3).stream("targets", 100_000).unwrap();
        let draws = list(categorical.sample(&mut noise).unwrap());
        assert!(draws.into_iter().all(|class| class == 1.0 || class == 3.0), "{dtype:?}");
    }
}

/// Draws of real values move with the outputs: central differences of the sum of all draws, `h² f''' / 6 + ε / h`.
#[test]
fn real_draws_are_differentiable() {
    for case in cases().into_iter().filter(|case| case.rows(1).support() == Support::Real) {
        if matches!(case.output, Output::Mixture { .. }) {
            continue;
        }
        let sum = |row: &[f64]| {
            let outputs = parameter(row, [1, row.len()], DType::F64);
            let mut noise = Noise::seeded(4).stream("targets", 50).unwrap();
            let draws = case.output.distribution(outputs.clone()).unwrap().sample(&mut noise).unwrap();
            (draws.sum(), outputs)
        };
        let (total, outputs) = sum(&case.row);
        let gradient = list(outputs.grad(&total.backward()).unwrap());
        for (i, found) in gradient.into_iter().enumerate() {
            let at = |h: f64| {
                let mut row = case.row.clone();
                row[i] += h;
                sum(&row).0.into_scalar::<f64>()
            };
            let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(
                (found - expected).abs() < 1e-6 * (1.0 + expected.abs()),
                "{:?} {i}: {found}, {expected}",
                case.output
            );
        }
    }
}

/// Recorded uniforms go by a name of their own.
#[test]
fn noise_can_be_replayed() {
    use burn::tensor::TensorData;
    let mut noise = Noise::replay([("targets/uniform", TensorData::from([0.2, 0.9]))]);
    let bernoulli = Output::Bernoulli { event: 2 }.distribution(tensor(&[0.0, 0.0], [1, 2], DType::F64)).unwrap();
    assert_eq!(list(bernoulli.sample(&mut noise.stream("targets", 1).unwrap()).unwrap()), [1.0, 0.0]);
    let message = bernoulli.sample(&mut noise.stream("others", 1).unwrap()).unwrap_err().to_string();
    assert!(message.contains("others/uniform"), "{message}");
    assert!(noise.stream("targets", 0).is_err());
}

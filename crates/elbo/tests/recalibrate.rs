//! Recalibration as a whole: what maps must do to any examples, and what they must find in simulated ones.

use elbo::metric::{Probabilities, nll};
use elbo::recalibrate::{
    Binning, CLASS_METHODS, ClassCalibration, ClassMethod, CrossValidation, DirichletCalibration, DirichletPenalty,
    HistogramBinning, IsotonicCalibration, MonotoneCurve, QuantileRecalibration, RealCalibration, RealMethod,
    RecalibrationError, TemperatureScaling, VarianceScaling, VectorScaling,
};
use elbo_kernels::Stream;
use elbo_kernels::noise::{normal::normals_f64, uniform::uniforms_f64};
use proptest::prelude::*;

fn float(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|z| (z - largest).exp()).sum();
    logits.iter().map(|z| (z - largest).exp() / sum).collect()
}

/// `n` rows of softmax of normals of deviation `spread`.
fn predictions(seed: u64, n: usize, classes: usize, spread: f64) -> Probabilities {
    let logits = normals_f64(Stream::named(seed, "recalibrate test").draws(0, 1), n * classes);
    let rows = logits.chunks_exact(classes).flat_map(|z| softmax(&z.iter().map(|z| spread * z).collect::<Vec<_>>()));
    Probabilities::new(rows.collect(), classes).unwrap()
}

/// Labels drawn from `truth`.
fn labels(seed: u64, truth: &Probabilities) -> Vec<usize> {
    let uniforms = uniforms_f64(Stream::named(seed, "recalibrate labels").draws(0, 1), truth.rows());
    let draw = |(i, &u): (usize, &f64)| {
        let mut sum = 0.0;
        let below = truth.row(i).iter().take_while(|p| {
            sum += *p;
            sum < u
        });
        below.count().min(truth.classes() - 1)
    };
    uniforms.iter().enumerate().map(draw).collect()
}

/// What `map` makes of the logarithms of each row.
fn mapped(probs: &Probabilities, map: impl Fn(&[f64]) -> Vec<f64>) -> Probabilities {
    let rows = (0..probs.rows()).flat_map(|i| {
        let logs: Vec<f64> = probs.row(i).iter().map(|p| p.ln()).collect();
        softmax(&map(&logs))
    });
    Probabilities::new(rows.collect(), probs.classes()).unwrap()
}

/// Twice the gain in log likelihood of the fitted map over the true one. It is chi-square distributed with as many
/// degrees of freedom as there are parameters (Wilks 1938), and never negative.
fn likelihood_ratio(fitted: &Probabilities, truth: &Probabilities, labels: &[usize]) -> f64 {
    2.0 * float(labels.len()) * (nll(truth, labels).unwrap() - nll(fitted, labels).unwrap())
}

/// Quantiles `1 - 1e-6` of chi-square with 1, 6 and 8 degrees of freedom: the error rate of each test (fixed seeds).
const CHI_SQUARE_1: f64 = 23.93;
const CHI_SQUARE_6: f64 = 38.26;
const CHI_SQUARE_8: f64 = 42.70;

#[test]
fn a_known_temperature_is_found() {
    for (seed, temperature) in [(1, 0.4), (2, 1.0), (3, 2.5)] {
        let probs = predictions(seed, 4000, 4, 2.0);
        let truth = mapped(&probs, |logs| logs.iter().map(|x| x / temperature).collect());
        let labels = labels(seed, &truth);
        let scaling = TemperatureScaling::fit(&probs, &labels).unwrap();
        let ratio = likelihood_ratio(&scaling.apply(&probs).unwrap(), &truth, &labels);
        assert!((0.0..CHI_SQUARE_1).contains(&ratio), "{temperature}: {scaling:?}, {ratio}");
        // The standard error of 1/T is below 0.03 / T with 4000 examples of this spread; 5 of them and more.
        assert!((temperature / scaling.temperature() - 1.0).abs() < 0.15, "{temperature}: {scaling:?}");
    }
}

#[test]
fn a_known_vector_map_is_found() {
    let probs = predictions(4, 4000, 3, 1.5);
    let truth = mapped(&probs, |x| vec![0.5 * x[0] + 0.3, 1.5 * x[1] - 0.2, x[2]]);
    let labels = labels(4, &truth);
    let scaling = VectorScaling::fit(&probs, &labels, 0.0).unwrap();
    let ratio = likelihood_ratio(&scaling.apply(&probs).unwrap(), &truth, &labels);
    assert!((0.0..CHI_SQUARE_6).contains(&ratio), "{ratio}");
}

#[test]
fn a_known_matrix_is_found() {
    const W: [[f64; 3]; 3] = [[0.8, -0.3, 0.1], [0.2, 1.4, 0.0], [-0.1, 0.3, 0.6]];
    let probs = predictions(5, 6000, 3, 1.5);
    let row = |w: &[f64; 3], x: &[f64]| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
    let truth = mapped(&probs, |x| vec![row(&W[0], x) + 0.5, row(&W[1], x) - 0.5, row(&W[2], x)]);
    let labels = labels(5, &truth);
    let none = DirichletPenalty::l2(0.0);
    let map = DirichletCalibration::fit(&probs, &labels, none).unwrap();
    let ratio = likelihood_ratio(&map.apply(&probs).unwrap(), &truth, &labels);
    assert!((0.0..CHI_SQUARE_8).contains(&ratio), "{ratio}");
    // The same vector added to all rows of W changes nothing: differences of rows are what can be found.
    for j in [0, 1, 2] {
        let difference = |w: &dyn Fn(usize) -> f64| [w(0) - w(2), w(1) - w(2)];
        let (found, expected) = (difference(&|k| map.weights()[k][j]), difference(&|k| W[k][j]));
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.5), "{found:?}, {expected:?}");
    }
}

/// Calibrated predictions: the likelihood hardly improves, and what isotonic regression says of a block differs from
/// its mean probability by no more than Hoeffding's bound over all n² blocks, error rate 1e-6 (fixed seed).
#[test]
fn calibrated_predictions_stay() {
    let probs = predictions(6, 4000, 2, 2.0);
    let labels = labels(6, &probs);
    let temperature = TemperatureScaling::fit(&probs, &labels).unwrap();
    let ratio = likelihood_ratio(&temperature.apply(&probs).unwrap(), &probs, &labels);
    assert!((0.0..CHI_SQUARE_1).contains(&ratio), "{temperature:?}");
    let isotonic = IsotonicCalibration::fit(&probs, &labels, 0.0).unwrap();
    let mut blocks = std::collections::BTreeMap::new();
    for i in 0..probs.rows() {
        let p = probs.row(i)[0];
        let (n, sum, value) = blocks.entry(isotonic.curves()[0].at(p).to_bits()).or_insert((0.0, 0.0, 0.0));
        (*n, *sum, *value) = (*n + 1.0, *sum + p, isotonic.curves()[0].at(p));
    }
    assert!(blocks.len() > 10);
    for (n, sum, value) in blocks.into_values() {
        let bound = ((2.0 * 4000.0_f64.powi(2) / 1e-6).ln() / (2.0 * n)).sqrt();
        assert!((value - sum / n).abs() <= bound, "{value} of {n} with mean {}", sum / n);
    }
}

/// The empirical distribution of n uniforms is off by `sqrt(ln(2e6) / (2 n))` with probability at most 1e-6 (Massart
/// 1990); `1/(n + 1)` more for the knots.
#[test]
fn calibrated_levels_stay_and_others_are_repaired() {
    let n = 2000;
    let uniforms = uniforms_f64(Stream::named(7, "pit").draws(0, 1), n);
    let bound = (2e6_f64.ln() / (2.0 * float(n))).sqrt() + 1.0 / float(n);
    for power in [1.0, 0.5, 3.0] {
        // If the p-quantiles are missed as u^(1/power), R(p) = p^power.
        let pit: Vec<f64> = uniforms.iter().map(|u| u.powf(1.0 / power)).collect();
        let map = QuantileRecalibration::fit(&pit).unwrap();
        for p in (0..=100_u32).map(|i| f64::from(i) / 100.0) {
            assert!((map.apply(p) - p.powf(power)).abs() < bound, "{power}, {p}: {}", map.apply(p));
            assert!((map.apply(map.quantile_level(p)) - p).abs() < 1e-9, "{power}, {p}");
        }
    }
}

/// `n s² / σ²` is chi-square with n degrees of freedom: relative standard deviation `sqrt(2/n)`; five of them.
#[test]
fn a_known_scale_is_found() {
    let n = 5000;
    let z = normals_f64(Stream::named(8, "errors").draws(0, 2), n);
    let variances: Vec<f64> = z[n..].iter().map(|z| (0.5 * z).exp()).collect();
    let targets: Vec<f64> = z[..n].iter().zip(&variances).map(|(z, v)| 1.0 + 3.0 * v.sqrt() * z).collect();
    let means = vec![1.0; n];
    let map = VarianceScaling::fit(&means, &variances, &targets, 1).unwrap();
    assert!((map.apply(2.0) / 18.0 - 1.0).abs() < 5.0 * (2.0 / float(n)).sqrt(), "{}", map.apply(2.0));
    let binned = VarianceScaling::fit(&means, &variances, &targets, 10).unwrap();
    for v in [0.5, 1.0, 2.0] {
        assert!((binned.apply(v) / (9.0 * v) - 1.0).abs() < 5.0 * (20.0 / float(n)).sqrt(), "{v}: {}", binned.apply(v));
    }
    let log_density = |scale: f64| -> f64 {
        let of = |(y, v): (&f64, &f64)| -0.5 * ((y - 1.0).powi(2) / (scale * v) + (scale * v).ln());
        targets.iter().zip(&variances).map(of).sum()
    };
    let best = map.apply(1.0);
    assert!(log_density(best) > log_density(best * 1.01) && log_density(best) > log_density(best * 0.99));
    let quantile = RealCalibration::Variance(map).quantile(0.8, (1.0, 4.0), |_| 3.0);
    assert!((quantile - (1.0 + 2.0 * best.sqrt())).abs() < 1e-12);
}

/// Separable examples, and a class without any: no finite map without a penalty, and the error says so.
#[test]
fn maps_without_an_optimum_are_refused_and_penalties_help() {
    let separable = Probabilities::new(vec![0.6, 0.4, 0.7, 0.3, 0.4, 0.6, 0.2, 0.8], 2).unwrap();
    let one_class = predictions(9, 50, 3, 1.0);
    let mixed: Vec<usize> = labels(9, &one_class).iter().map(|&label| label.min(1)).collect();
    for (probs, labels) in [(&separable, &[0, 0, 1, 1][..]), (&one_class, &mixed[..]), (&one_class, &[2; 50])] {
        for result in [
            VectorScaling::fit(probs, labels, 0.0).map(|_| ()),
            DirichletCalibration::fit(probs, labels, DirichletPenalty::l2(0.0)).map(|_| ()),
        ] {
            let error = result.unwrap_err();
            assert!(matches!(error, RecalibrationError::NotConverged { .. }), "{error}");
            assert!(error.to_string().contains("Give a larger penalty"), "{error}");
        }
        for penalty in [1e-4, 0.01, 1.0] {
            let vector = VectorScaling::fit(probs, labels, penalty).unwrap();
            let dirichlet = DirichletCalibration::fit(probs, labels, DirichletPenalty::l2(penalty)).unwrap();
            let before = nll(probs, labels).unwrap();
            for after in [vector.apply(probs), dirichlet.apply(probs)] {
                assert!(nll(&after.unwrap(), labels).unwrap() < before);
            }
        }
    }
    // A free diagonal is refused too where only the diagonal could grow.
    let error = DirichletCalibration::fit(&separable, &[0, 0, 1, 1], DirichletPenalty::odir(1.0, 1.0)).unwrap_err();
    assert!(matches!(error, RecalibrationError::NotConverged { .. }), "{error}");
}

#[test]
fn fewer_examples_than_classes_and_zeros_are_fine_with_the_usual_settings() {
    let mut row = vec![0.0; 12];
    (row[3], row[7]) = (0.25, 0.75);
    let probs = Probabilities::new([row.clone(), row].concat(), 12).unwrap();
    for name in CLASS_METHODS {
        let map = ClassMethod::named(name).unwrap().fit(&probs, &[3, 7]).unwrap();
        let after = map.apply(&probs).unwrap();
        assert!(after.values().iter().all(|p| p.is_finite()), "{name}");
        assert!(nll(&after, &[3, 7]).unwrap().is_finite(), "{name}");
    }
}

#[test]
fn strong_penalties_leave_predictions() {
    let probs = predictions(10, 60, 5, 1.0);
    let labels = labels(11, &probs);
    let map = DirichletCalibration::fit(&probs, &labels, DirichletPenalty::l2(1e9)).unwrap();
    let after = map.apply(&probs).unwrap();
    assert!(probs.values().iter().zip(after.values()).all(|(a, b)| (a - b).abs() < 1e-6));
}

/// A hundred classes: ten thousand parameters, and no matrix of their second derivatives.
#[test]
fn a_hundred_classes_are_fine() {
    let probs = predictions(12, 300, 100, 1.0);
    let labels = labels(12, &probs);
    let map = ClassMethod::named("dirichlet").unwrap().fit(&probs, &labels).unwrap();
    assert!(nll(&map.apply(&probs).unwrap(), &labels).unwrap() < nll(&probs, &labels).unwrap());
}

#[test]
fn cross_validation_chooses_what_helps() {
    let probs = predictions(13, 400, 3, 2.0);
    let truth = mapped(&probs, |logs| logs.iter().map(|x| x / 3.0).collect());
    let methods = CLASS_METHODS.map(|name| ClassMethod::named(name).unwrap());
    let validation = CrossValidation::default();
    let (miscalibrated, calibrated) = (labels(13, &truth), labels(14, &probs));
    let choice = validation.choose(&methods, &probs, &miscalibrated).unwrap();
    assert_ne!(choice.method, ClassMethod::Identity, "{:?}", choice.scores);
    assert_eq!(choice.scores.len(), 6);
    let best = choice.scores.iter().filter_map(|score| score.nll).fold(f64::INFINITY, f64::min);
    let again = validation.predict(&choice.method, &probs, &miscalibrated).unwrap();
    assert_eq!(nll(&again, &miscalibrated).unwrap(), best);
    assert_eq!(choice.calibration, choice.method.fit(&probs, &miscalibrated).unwrap());
    assert!(best < nll(&probs, &miscalibrated).unwrap());
    // Labels from the predictions: nothing gains more than chance (0.01 nats of 400 examples).
    let choice = validation.choose(&methods, &probs, &calibrated).unwrap();
    let gains = choice.scores.iter().map(|score| nll(&probs, &calibrated).unwrap() - score.nll.unwrap());
    assert!(gains.clone().all(|gain| gain < 0.01), "{:?}", gains.collect::<Vec<_>>());
}

#[test]
fn cross_validation_explains_itself() {
    let probs = Probabilities::new(vec![0.6, 0.4, 0.7, 0.3, 0.4, 0.6, 0.2, 0.8], 2).unwrap();
    let labels = [0, 0, 1, 1];
    let validation = CrossValidation { folds: 2, seed: 1 };
    let choice = validation.choose(&[ClassMethod::Temperature, ClassMethod::Identity], &probs, &labels).unwrap();
    assert_eq!(choice.method, ClassMethod::Identity);
    assert!(choice.scores[0].failure.as_ref().unwrap().contains("every example is classified right"));
    assert!(validation.choose(&[ClassMethod::Temperature], &probs, &labels).is_err());
    assert!(validation.choose(&[], &probs, &labels).is_err());
    for folds in [0, 1, 5] {
        let error = CrossValidation { folds, seed: 1 }.choose(&[ClassMethod::Identity], &probs, &labels).unwrap_err();
        assert!(error.to_string().starts_with("`folds` must be at least 2"), "{error}");
    }
}

#[test]
fn every_map_survives_its_file() {
    let probs = predictions(15, 80, 3, 1.0);
    let labels = labels(15, &probs);
    for name in CLASS_METHODS {
        let method = ClassMethod::named(name).unwrap();
        let map = method.fit(&probs, &labels).unwrap();
        let json = serde_json::to_string(&map).unwrap();
        assert_eq!(serde_json::from_str::<ClassCalibration>(&json).unwrap(), map, "{json}");
        let toml = toml::to_string(&map).unwrap();
        assert_eq!(toml::from_str::<ClassCalibration>(&toml).unwrap(), map, "{toml}");
        let json = serde_json::to_string(&method).unwrap();
        assert_eq!(serde_json::from_str::<ClassMethod>(&json).unwrap(), method, "{json}");
        assert_eq!(map.apply(&predictions(1, 2, 4, 1.0)).is_ok(), matches!(name, "identity" | "temperature"));
    }
    for name in elbo::recalibrate::REAL_METHODS {
        let fit = RealMethod::named(name).unwrap().fit(&[0.0; 2], &[1.0; 2], &[0.3, 0.9], &[0.5, -1.0]).unwrap();
        let json = serde_json::to_string(&fit).unwrap();
        assert_eq!(serde_json::from_str::<RealCalibration>(&json).unwrap(), fit, "{json}");
        let toml = toml::to_string(&fit).unwrap();
        assert_eq!(toml::from_str::<RealCalibration>(&toml).unwrap(), fit, "{toml}");
    }
    for bad in [
        r#"{"method":"temperature","temperature":-1.0}"#,
        r#"{"method":"temperature"}"#,
        r#"{"method":"vector","weights":[1.0],"intercepts":[]}"#,
        r#"{"method":"dirichlet","weights":[[1.0,0.0]],"intercepts":[0.0]}"#,
        r#"{"method":"isotonic","curves":[{"x":[0.0],"y":[1.5]}]}"#,
        r#"{"method":"unknown"}"#,
    ] {
        assert!(serde_json::from_str::<ClassCalibration>(bad).is_err(), "{bad}");
    }
}

/// Some examples, with zeros among the probabilities.
fn examples() -> impl Strategy<Value = (Probabilities, Vec<usize>)> {
    (2_usize..5, 2_usize..30).prop_flat_map(|(classes, rows)| {
        let row = prop::collection::vec(prop_oneof![1 => Just(0.0), 6 => 0.01..1.0_f64], classes);
        let row = row.prop_filter_map("a distribution", |row| {
            let sum: f64 = row.iter().sum();
            (sum > 0.0).then(|| row.iter().map(|p| p / sum).collect::<Vec<f64>>())
        });
        (prop::collection::vec(row, rows), prop::collection::vec(0..classes, rows))
            .prop_map(move |(rows, labels)| (Probabilities::new(rows.concat(), classes).unwrap(), labels))
    })
}

proptest! {
    #[test]
    fn rows_sum_to_one_whatever_the_map((probs, labels) in examples()) {
        for name in CLASS_METHODS {
            match ClassMethod::named(name).unwrap().fit(&probs, &labels) {
                Ok(map) => {
                    let after = map.apply(&probs).unwrap();
                    for i in 0..after.rows() {
                        prop_assert!((after.row(i).iter().sum::<f64>() - 1.0).abs() < 1e-12, "{name}");
                    }
                }
                // One temperature may have no optimum; certain predictions that are wrong may be too much for Newton's steps,
                // and that is told.
                Err(error) => {
                    let told = name == "temperature" || error.to_string().contains("not converged");
                    prop_assert!(told, "{}: {}", name, error);
                }
            }
        }
    }

    #[test]
    fn temperatures_keep_the_order((probs, _) in examples(), temperature in 0.05..20.0_f64) {
        let after = TemperatureScaling::new(temperature).unwrap().apply(&probs).unwrap();
        for i in 0..probs.rows() {
            let (before, after) = (probs.row(i), after.row(i));
            for a in 0..before.len() {
                for b in 0..before.len() {
                    prop_assert!(before[a] <= before[b] || after[a] >= after[b]);
                }
            }
        }
    }

    /// Against the identity on the same footing: a zero counts as `2^-126`.
    #[test]
    fn fits_are_never_worse_than_the_identity((probs, labels) in examples()) {
        let floored = TemperatureScaling::new(1.0).unwrap().apply(&probs).unwrap();
        let before = nll(&floored, &labels).unwrap() + 1e-12;
        let after = |result: Result<ClassCalibration, RecalibrationError>| {
            result.ok().map(|map| nll(&map.apply(&probs).unwrap(), &labels).unwrap())
        };
        let odir = ClassMethod::Dirichlet { penalty: DirichletPenalty::odir(0.1, 0.1) };
        let methods = ["temperature", "vector", "dirichlet"].map(|name| ClassMethod::named(name).unwrap());
        for method in methods.into_iter().chain([odir]) {
            if let Some(after) = after(method.fit(&probs, &labels)) {
                prop_assert!(after <= before, "{method:?}: {after} and {before}");
            }
        }
        if probs.classes() == 2 {
            let after = after(ClassMethod::Isotonic { smoothing: 0.0 }.fit(&probs, &labels)).unwrap();
            prop_assert!(after <= before, "isotonic: {after} and {before}");
        }
    }

    #[test]
    fn isotonic_curves_rise_and_smoothing_keeps_them_inside((probs, labels) in examples(), m in 0.01..3.0_f64) {
        let map = IsotonicCalibration::fit(&probs, &labels, m).unwrap();
        for curve in map.curves() {
            let values: Vec<f64> = (0..=200_u32).map(|i| curve.at(f64::from(i) / 200.0)).collect();
            prop_assert!(values.is_sorted() && values[0] > 0.0 && values[200] < 1.0);
        }
    }

    /// What makes a monotone fit the best one: its sums from the left are the greatest convex minorant of the labels'
    /// (Barlow et al. 1972, theorem 1.1), so residuals sum to at least 0 from the left, and to 0 in all.
    #[test]
    fn isotonic_curves_are_projections((probs, labels) in examples()) {
        let map = IsotonicCalibration::fit(&probs, &labels, 0.0).unwrap();
        let mut seen: Vec<(f64, f64)> =
            (0..probs.rows()).map(|i| (probs.row(i)[0], f64::from(u8::from(labels[i] == 0)))).collect();
        seen.sort_by(|a, b| a.0.total_cmp(&b.0));
        let curve: &MonotoneCurve = &map.curves()[0];
        let mut sum = 0.0;
        for (i, &(x, y)) in seen.iter().enumerate() {
            sum += y - curve.at(x);
            // Equal predictions are one point.
            if seen.get(i + 1).is_none_or(|next| next.0 > x) {
                prop_assert!(sum >= -1e-9, "{sum} at {x}");
            }
        }
        prop_assert!(sum.abs() < 1e-9);
    }

    #[test]
    fn bins_hold_the_frequencies((probs, labels) in examples(), bins in 1_usize..6, width: bool) {
        let binning = if width { Binning::EqualWidth(bins) } else { Binning::EqualMass(bins) };
        let map = HistogramBinning::fit(&probs, &labels, binning, 0.0).unwrap();
        prop_assert!(map.apply(&probs).unwrap().values().iter().all(|p| (0.0..=1.0).contains(p)));
    }

    #[test]
    fn levels_rise_and_invert(pit in prop::collection::vec(0.0..=1.0_f64, 1..40)) {
        let map = QuantileRecalibration::fit(&pit).unwrap();
        let values: Vec<f64> = (0..=100_u32).map(|i| map.apply(f64::from(i) / 100.0)).collect();
        prop_assert!(values.is_sorted() && values[100] == 1.0);
        for p in [0.05, 0.5, 0.95] {
            prop_assert!(map.apply(map.quantile_level(p)) >= p - 1e-9);
        }
    }
}

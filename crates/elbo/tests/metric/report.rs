//! What a report holds: scores with intervals, and differences of two models.

use crate::calibrated;
use elbo::metric::{
    Binning, Bootstrap, BrierStrata, Detection, Probabilities, RegressionPredictions, RegressionScores, accuracy,
    brier, classification_differences, classification_scores, classwise_calibration_error, coverage,
    debiased_squared_calibration_error, equal_mass_calibration_error, expected_calibration_error, interval_score, mae,
    mean_nll, mean_width, nll, regression_differences, regression_scores, rmse, smooth_calibration_error, spearman,
    spherical, variation_ratio,
};
use elbo_kernels::Stream;
use elbo_kernels::noise::normal::normals_f64;

#[test]
fn a_report_holds_the_scores_and_their_intervals() {
    let (probs, labels) = calibrated(300, 0);
    let scores = classification_scores(&probs, &labels, &Bootstrap::default()).unwrap();
    let expected = [
        accuracy(&probs, &labels).unwrap(),
        nll(&probs, &labels).unwrap(),
        brier(&probs, &labels).unwrap(),
        expected_calibration_error(&probs, &labels, 15).unwrap(),
    ];
    for (estimate, expected) in [scores.accuracy, scores.nll, scores.brier, scores.ece].into_iter().zip(expected) {
        assert!((estimate.value - expected).abs() < 1e-12, "{estimate:?}, expected {expected}");
        assert!(estimate.low < estimate.value && estimate.value < estimate.high, "{estimate:?}");
    }
    let more = [
        (scores.spherical, spherical(&probs, &labels).unwrap()),
        (scores.squared_ece_debiased, debiased_squared_calibration_error(&probs, &labels, 15).unwrap()),
    ];
    for (estimate, expected) in more {
        let estimate = estimate.unwrap();
        assert!((estimate.value - expected).abs() < 1e-12, "{estimate:?}, expected {expected}");
        assert!(estimate.low < estimate.value && estimate.value < estimate.high, "{estimate:?}");
    }
    let parts = BrierStrata::by_bins(&probs, &labels, Binning::EqualWidth(15)).unwrap().decomposition();
    let wrong: Vec<bool> = (0..300).map(|i| probs.predicted(i) != labels[i]).collect();
    let errors = Detection::new(&variation_ratio(&probs), &wrong).unwrap();
    let later = [
        (scores.ece_equal_mass, equal_mass_calibration_error(&probs, &labels, 15).unwrap()),
        (scores.ece_classwise, classwise_calibration_error(&probs, &labels, 15).unwrap()),
        (scores.ece_smooth, smooth_calibration_error(&probs, &labels).unwrap()),
        (scores.brier_reliability, parts.reliability),
        (scores.brier_resolution, parts.resolution),
        (scores.brier_uncertainty, parts.uncertainty),
        (scores.error_aupr, errors.aupr()),
        (scores.error_fpr95, errors.fpr_at_tpr(0.95).unwrap()),
    ];
    for (estimate, expected) in later {
        let estimate = estimate.unwrap();
        assert!((estimate.value - expected).abs() < 1e-12, "{estimate:?}, expected {expected}");
        assert!(estimate.low <= estimate.value && estimate.value <= estimate.high, "{estimate:?}");
    }
    for estimate in [scores.error_auroc, scores.aurc, scores.excess_aurc] {
        let estimate = estimate.unwrap();
        assert!(0.0 <= estimate.low && estimate.low < estimate.high && estimate.high <= 1.0, "{estimate:?}");
    }
    let json = serde_json::to_string(&scores).unwrap();
    assert_eq!(serde_json::from_str::<elbo::metric::ClassificationScores>(&json).unwrap(), scores);
}

/// No resample of balanced classes is as uncertain as they are: the interval holds the value all the same.
#[test]
fn the_uncertainty_of_balanced_classes_is_in_its_interval() {
    let probs = Probabilities::new(vec![0.1; 1000], 10).unwrap();
    let labels: Vec<usize> = (0..100).map(|i| i % 10).collect();
    let found = classification_scores(&probs, &labels, &Bootstrap::default()).unwrap().brier_uncertainty.unwrap();
    assert!((found.value - 0.9).abs() < 1e-12 && found.low < 0.9 && 0.9 < found.high, "{found:?}");
}

/// Without an error there is nothing to detect, and everything else is still a number.
#[test]
fn a_report_of_right_predictions_has_no_detection_of_errors() {
    let probs = Probabilities::new([0.9, 0.1].repeat(30), 2).unwrap();
    let scores = classification_scores(&probs, &[0; 30], &Bootstrap::default()).unwrap();
    assert_eq!((scores.accuracy.value, scores.error_auroc, scores.aurc.unwrap().high), (1.0, None, 0.0));
    assert!(serde_json::to_string(&scores).unwrap().contains(r#""error_auroc":null"#));
    let one_error: Vec<usize> = (0..30).map(|i| usize::from(i == 0)).collect();
    let scores = classification_scores(&probs, &one_error, &Bootstrap::default()).unwrap();
    // 36 % of the resamples are without the error: the others decide.
    assert_eq!(scores.error_auroc.unwrap().value, 0.5);
}

/// The same labels predicted with and without a systematic error: the difference is known, and its interval is shorter
/// than those of the scores.
#[test]
fn differences_are_paired() {
    let (probs, labels) = calibrated(400, 99);
    let sharper: Vec<f64> = (0..400)
        .flat_map(|i| {
            let square = |p: f64| p * p;
            let total: f64 = probs.row(i).iter().copied().map(square).sum();
            probs.row(i).iter().map(move |&p| square(p) / total)
        })
        .collect();
    let sharper = Probabilities::new(sharper, 2).unwrap();
    let bootstrap = Bootstrap::default();
    let differences = classification_differences(&sharper, &probs, &labels, &bootstrap).unwrap();
    let of = |name: &str| differences.iter().find(|row| row.score == name).unwrap().difference.unwrap();
    let expected = nll(&sharper, &labels).unwrap() - nll(&probs, &labels).unwrap();
    assert!((of("nll").value - expected).abs() < 1e-12 && of("nll").low < expected && expected < of("nll").high);
    // Overconfidence costs: the calibrated forecast wins, beyond chance.
    assert!(of("nll").low > 0.0 && of("ece").value > 0.0 && of("ece").low > 0.0, "{differences:?}");
    // The order of confidences is the same, so what looks at the order only does not differ at all.
    for name in ["accuracy", "error_auroc", "aurc", "excess_aurc"] {
        assert!(of(name).value.abs() < 1e-12 && of(name).high.abs() < 1e-12, "{name}: {:?}", of(name));
    }
    let alone = classification_scores(&sharper, &labels, &bootstrap).unwrap().brier;
    assert!(of("brier").high - of("brier").low < 0.7 * (alone.high - alone.low));
    let swapped = classification_differences(&probs, &sharper, &labels, &bootstrap).unwrap();
    for (a, b) in differences.iter().zip(&swapped) {
        let (a, b) = (a.difference.unwrap(), b.difference.unwrap());
        assert!((a.value + b.value).abs() < 1e-12 && (a.low + b.high).abs() < 1e-12, "{a:?} {b:?}");
    }
    assert!(classification_differences(&probs, &sharper, &labels[1..], &bootstrap).is_err());
}

#[test]
fn infinite_scores_have_no_difference() {
    let impossible = Probabilities::new([1.0, 0.0].repeat(20), 2).unwrap();
    let labels: Vec<usize> = (0..20).map(|i| usize::from(i % 2 == 0)).collect();
    let differences = classification_differences(&impossible, &impossible, &labels, &Bootstrap::default()).unwrap();
    assert_eq!((differences[1].score.as_str(), differences[1].difference), ("nll", None));
    assert!(differences[0].difference.is_some());
}

/// Where the percentile interval of the calibration error fails: on calibrated forecasts it misses the value itself.
#[test]
fn the_interval_of_the_calibration_error_holds_its_value() {
    let mut missed = 0;
    for draw in 0..20 {
        let (probs, labels) = calibrated(200, 10 + draw);
        let bootstrap = Bootstrap { resamples: 300, ..Bootstrap::default() };
        let ece = classification_scores(&probs, &labels, &bootstrap).unwrap().ece;
        assert!(0.0 <= ece.low && ece.low <= ece.value && ece.value <= ece.high && ece.high <= 1.0, "{ece:?}");
        assert!(ece.high > ece.low + 0.01, "{ece:?} has no length to speak of");
        let percentile = bootstrap.estimate(200, |chosen| {
            let rows = chosen.iter().flat_map(|&i| probs.row(i).to_vec()).collect();
            let labels: Vec<usize> = chosen.iter().map(|&i| labels[i]).collect();
            expected_calibration_error(&Probabilities::new(rows, 2).unwrap(), &labels, 15).unwrap()
        });
        missed += usize::from(percentile.unwrap().low > ece.value);
    }
    assert!(missed > 0, "the plain percentile interval would have done");
}

#[test]
fn an_impossible_label_makes_an_infinite_report_not_a_broken_one() {
    let probs = Probabilities::new([1.0, 0.0].repeat(20), 2).unwrap();
    let labels: Vec<usize> = (0..20).map(|i| usize::from(i == 0)).collect();
    let nll = classification_scores(&probs, &labels, &Bootstrap::default()).unwrap().nll;
    assert!(nll.value.is_infinite() && nll.high.is_infinite() && nll.low == 0.0, "{nll:?}");
    let json = serde_json::to_string(&nll).unwrap();
    assert_eq!(json, r#"{"value":"inf","low":0.0,"high":"inf"}"#);
}

#[test]
fn a_regression_report_holds_the_scores_and_their_intervals() {
    let rows = 400;
    let normals = normals_f64(Stream::named(5, "regression test").draws(0, 1), rows);
    let means = vec![1.0; rows];
    let targets: Vec<f64> = normals.iter().map(|z| 1.0 + 2.0 * z).collect();
    let density = |z: &f64| 0.5 * (z * z + (core::f64::consts::TAU * 4.0).ln());
    let nll: Vec<f64> = normals.iter().map(density).collect();
    let (low, high) = (vec![1.0 - 2.0 * 1.644_854; rows], vec![1.0 + 2.0 * 1.644_854; rows]);
    // Uncertainty says nothing about errors here.
    let stddevs: Vec<f64> = normals_f64(Stream::named(6, "regression test").draws(0, 1), rows);
    let stddevs: Vec<f64> = stddevs.iter().map(|z| 2.0 + 0.01 * z).collect();
    let predictions =
        RegressionPredictions { means: &means, stddevs: &stddevs, nll: &nll, low: &low, high: &high, crps: None };
    let scores = regression_scores(&predictions, &targets, &Bootstrap::default()).unwrap();
    let expected = [
        (scores.rmse, rmse(&means, &targets).unwrap(), 2.0),
        (scores.nll, mean_nll(&nll).unwrap(), 2.0_f64.ln() + 0.5 * (core::f64::consts::TAU.ln() + 1.0)),
        (scores.coverage_90, coverage(&low, &high, &targets).unwrap(), 0.9),
    ];
    for (estimate, value, _) in expected {
        assert!((estimate.value - value).abs() < 1e-12, "{estimate:?}, expected {value}");
        assert!(estimate.low < estimate.value && estimate.value < estimate.high, "{estimate:?}");
    }
    // Each 95 % interval, made twice as long, misses its truth with probability 1e-4 (3.9 standard errors; fixed seed).
    for (estimate, _, truth) in expected {
        assert!((estimate.value - truth).abs() < estimate.high - estimate.low, "{estimate:?}, truth {truth}");
    }
    let errors: Vec<f64> = targets.iter().map(|y| (y - 1.0).abs()).collect();
    for (estimate, value, truth) in [
        (scores.mae, mae(&means, &targets).unwrap(), 2.0 * core::f64::consts::FRAC_2_PI.sqrt()),
        // E crps(N, y) of the truth is half the mean difference, σ / √π.
        (scores.crps, scores.crps.unwrap().value, 2.0 / core::f64::consts::PI.sqrt()),
        (scores.interval_score_90, interval_score(&low, &high, &targets, 0.9).unwrap(), 2.0 * 2.0 * 2.062_713),
        (scores.error_spearman, spearman(&stddevs, &errors).unwrap(), 0.0),
    ] {
        let estimate = estimate.unwrap();
        assert!((estimate.value - value).abs() < 1e-12, "{estimate:?}, expected {value}");
        assert!((estimate.value - truth).abs() < estimate.high - estimate.low, "{estimate:?}, truth {truth}");
    }
    let width = scores.width_90.unwrap();
    assert!((width.value - mean_width(&low, &high).unwrap()).abs() < 1e-12 && (width.high - width.low).abs() < 1e-9);
    let json = serde_json::to_string(&scores).unwrap();
    assert_eq!(serde_json::from_str::<RegressionScores>(&json).unwrap(), scores);

    let wide = RegressionPredictions { low: &vec![-9.0; rows], high: &vec![11.0; rows], ..predictions };
    let differences = regression_differences(&predictions, &wide, &targets, &Bootstrap::default()).unwrap();
    let of = |name: &str| differences.iter().find(|row| row.score == name).unwrap().difference.unwrap();
    assert_eq!((of("rmse").value, of("rmse").low, of("rmse").high), (0.0, 0.0, 0.0));
    assert!(of("width_90").high < -13.0 && of("interval_score_90").high < 0.0 && of("coverage_90").high < 0.0);

    let short = RegressionPredictions { nll: &nll[1..], ..predictions };
    let error = regression_scores(&short, &targets, &Bootstrap::default()).unwrap_err();
    assert_eq!(error.to_string(), "nll: expected 400 values, found 399");
}

//! Scores as a whole: reference values, properties, and the intervals of a report.

use elbo::metric::{
    Bootstrap, ClassUncertainty, Probabilities, RegressionPredictions, accuracy, brier, brier_per_example,
    classification_scores, coverage, entropy, expected_calibration_error, mean_nll, nll, nll_per_example,
    regression_scores, reliability, rmse,
};
use elbo_kernels::Stream;
use elbo_kernels::noise::normal::normals_f64;
use proptest::prelude::*;

fn softmax(logits: &[f64]) -> Vec<f64> {
    let sum: f64 = logits.iter().map(|z| z.exp()).sum();
    logits.iter().map(|z| z.exp() / sum).collect()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-10 * (1.0 + expected.abs()), "expected {expected}, found {found}");
    }
}

/// The first examples of `classification_0_n60_k3` in the golden file `calibration_classification.json` (`NumPy`, `SciPy`
/// and `TensorFlow` Probability; its Brier score is ours less 1). Calibration error of these eight: `NumPy`.
#[test]
fn classification_agrees_with_reference_values() {
    const LOGITS: [[f64; 3]; 8] = [
        [1.365_382_105_260_908_3, 0.336_157_300_663_109_95, 0.015_969_022_346_578_737],
        [-0.264_279_563_976_492_27, -0.187_065_046_290_794_93, 0.581_509_335_021_895_3],
        [0.430_599_630_467_434_44, -0.599_290_795_418_961_9, 0.611_400_571_056_754_4],
        [-0.714_273_529_029_341_9, 0.626_842_931_227_235, 0.326_701_769_408_078_4],
        [-0.388_365_100_004_790_7, -0.155_799_439_734_388_23, -0.753_132_395_274_361_3],
        [0.823_088_812_038_732_4, 1.129_044_302_571_834_9, -0.542_101_318_474_232_7],
        [-1.349_682_464_084_313_7, 1.083_383_075_939_745, -0.237_185_993_051_562_8],
        [0.900_064_091_891_926_4, 1.512_364_574_206_499_5, -0.229_572_684_794_775_08],
    ];
    const NLL: [f64; 5] = [
        0.480_372_360_095_992,
        0.638_105_941_713_258_5,
        0.938_139_393_495_936_1,
        0.694_280_110_675_129_5,
        1.083_901_787_345_408_9,
    ];
    const BRIER_LESS_1: [f64; 5] = [
        -0.779_914_095_658_781_3,
        -0.666_071_813_793_039_3,
        -0.390_147_435_405_988_96,
        -0.595_515_950_246_836_8,
        -0.324_751_603_561_380_8,
    ];
    const ENTROPY: [f64; 5] = [
        0.924_340_614_424_967_3,
        1.018_157_162_563_891_2,
        0.997_268_045_713_236_6,
        0.980_501_832_173_426,
        1.070_309_999_945_79,
    ];
    let labels = [0, 2, 0, 1, 0, 1, 1, 2];
    let probs = Probabilities::new(LOGITS.iter().flat_map(|z| softmax(z)).collect(), 3).unwrap();
    assert_close(&nll_per_example(&probs, &labels).unwrap()[..5], &NLL);
    let less_1: Vec<f64> = brier_per_example(&probs, &labels).unwrap().iter().map(|score| score - 1.0).collect();
    assert_close(&less_1[..5], &BRIER_LESS_1);
    assert_close(&(0..5).map(|i| entropy(probs.row(i))).collect::<Vec<_>>(), &ENTROPY);
    assert_close(&[accuracy(&probs, &labels).unwrap()], &[5.0 / 8.0]);
    assert_close(&[expected_calibration_error(&probs, &labels, 5).unwrap()], &[0.083_591_336_511_255_5]);
}

/// The first two examples of `predictive_0_s5_n6_k3` in the golden file `calibration_uncertainty.json`.
#[test]
fn uncertainty_agrees_with_reference_values() {
    const SAMPLES: [[f64; 6]; 5] = [
        [
            0.192_075_612_521_422_13,
            0.236_180_912_846_110_98,
            0.571_743_474_632_467,
            0.346_191_231_935_302_93,
            0.017_930_200_022_637_684,
            0.635_878_568_042_059_2,
        ],
        [
            0.406_768_292_690_348_2,
            0.121_478_326_135_425_77,
            0.471_753_381_174_226_05,
            0.057_200_523_443_660_63,
            0.049_895_985_636_755_09,
            0.892_903_490_919_584_2,
        ],
        [
            0.080_970_742_317_622_43,
            0.120_747_120_141_434_57,
            0.798_282_137_540_943,
            0.096_139_740_719_509_89,
            0.031_172_312_471_003_15,
            0.872_687_946_809_487,
        ],
        [
            0.010_937_187_977_351_224,
            0.217_333_964_427_511_88,
            0.771_728_847_595_136_9,
            0.015_206_582_913_161_069,
            0.026_488_682_640_095_83,
            0.958_304_734_446_743_1,
        ],
        [
            0.391_123_424_831_066_66,
            0.241_885_098_168_649_06,
            0.366_991_477_000_284_2,
            0.130_857_171_117_408_66,
            0.051_986_971_218_508_84,
            0.817_155_857_664_082_5,
        ],
    ];
    let mut uncertainty = ClassUncertainty::new(2, 3).unwrap();
    for probs in &SAMPLES {
        uncertainty.push(probs).unwrap();
    }
    let split = uncertainty.finish().unwrap();
    assert_close(&split.probabilities.row(0)[..2], &[0.216_375_052_067_562_1, 0.187_525_084_343_826_45]);
    assert_close(&split.predictive_entropy, &[0.953_492_388_816_530_4, 0.533_057_732_474_066_8]);
    assert_close(&split.expected_entropy, &[0.850_371_728_435_333_4, 0.475_840_138_937_785_2]);
    assert_close(&split.mutual_information, &[0.103_120_660_381_197_05, 0.057_217_593_536_281_64]);
}

/// One distribution over K classes, none of them below about `e^-12 / K`.
fn distribution(classes: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-6.0..6.0, classes).prop_map(|logits| softmax(&logits))
}

/// Probabilities of some examples, with labels.
fn forecasts() -> impl Strategy<Value = (Probabilities, Vec<usize>)> {
    (1_usize..5, 1_usize..40).prop_flat_map(|(classes, rows)| {
        let probs = prop::collection::vec(distribution(classes), rows);
        (probs, prop::collection::vec(0..classes, rows))
            .prop_map(move |(probs, labels)| (Probabilities::new(probs.concat(), classes).unwrap(), labels))
    })
}

proptest! {
    /// `E_q S(p) - E_q S(q)` is `KL(q ‖ p)` for the logarithmic and `|p - q|²` for the Brier score: never below 0, and
    /// 0 for the truth only.
    #[test]
    fn proper_scores_are_best_at_the_truth((p, q) in (2_usize..6).prop_flat_map(|k| (distribution(k), distribution(k)))) {
        let classes = p.len();
        let labels: Vec<usize> = (0..classes).collect();
        let repeat = |p: &[f64]| Probabilities::new(p.repeat(classes), classes).unwrap();
        let expect = |scores: Vec<f64>| scores.iter().zip(&q).map(|(score, q)| score * q).sum::<f64>();
        let kl: f64 = p.iter().zip(&q).map(|(p, q)| q * (q / p).ln()).sum();
        let excess = expect(nll_per_example(&repeat(&p), &labels).unwrap())
            - expect(nll_per_example(&repeat(&q), &labels).unwrap());
        prop_assert!((excess - kl).abs() < 1e-12 && excess > -1e-12, "{excess} and {kl}");
        let distance: f64 = p.iter().zip(&q).map(|(p, q)| (p - q) * (p - q)).sum();
        let excess = expect(brier_per_example(&repeat(&p), &labels).unwrap())
            - expect(brier_per_example(&repeat(&q), &labels).unwrap());
        prop_assert!((excess - distance).abs() < 1e-12, "{excess} and {distance}");
    }

    #[test]
    fn scores_are_within_their_bounds((probs, labels) in forecasts(), num_bins in 1_usize..20) {
        let right = accuracy(&probs, &labels).unwrap();
        let error = expected_calibration_error(&probs, &labels, num_bins).unwrap();
        prop_assert!((0.0..=1.0).contains(&right));
        prop_assert!((0.0..=1.0 + 1e-12).contains(&error));
        prop_assert!((0.0..=2.0 + 1e-12).contains(&brier(&probs, &labels).unwrap()));
        prop_assert!(nll(&probs, &labels).unwrap() >= -1e-12);
        // One bin is the coarsest: its gap bounds every binning from below (triangle inequality).
        let coarse = expected_calibration_error(&probs, &labels, 1).unwrap();
        prop_assert!(coarse <= error + 1e-12);
        let bins = reliability(&probs, &labels, num_bins).unwrap();
        let filled = || bins.iter().filter(|bin| bin.count > 0);
        prop_assert!(filled().all(|bin| (bin.low - 1e-12..=bin.high + 1e-12).contains(&bin.confidence)));
        prop_assert_eq!(filled().map(|bin| bin.count).sum::<usize>(), labels.len());
    }

    /// Sums in another order differ by rounding only.
    #[test]
    fn the_order_of_examples_does_not_matter((probs, labels) in forecasts(), num_bins in 1_usize..20) {
        let rows: Vec<f64> = (0..labels.len()).rev().flat_map(|i| probs.row(i).to_vec()).collect();
        let turned = Probabilities::new(rows, probs.classes()).unwrap();
        let turned_labels: Vec<usize> = labels.iter().rev().copied().collect();
        let all = |probs: &Probabilities, labels: &[usize]| {
            let ece = expected_calibration_error(probs, labels, num_bins).unwrap();
            [accuracy(probs, labels).unwrap(), nll(probs, labels).unwrap(), brier(probs, labels).unwrap(), ece]
        };
        for (a, b) in all(&probs, &labels).into_iter().zip(all(&turned, &turned_labels)) {
            prop_assert!((a - b).abs() < 1e-12, "{a} and {b}");
        }
    }

    #[test]
    fn entropy_splits_and_is_bounded(
        (classes, samples) in (1_usize..5, 1_usize..8)
            .prop_flat_map(|(k, s)| (Just(k), prop::collection::vec(distribution(k), s)))
    ) {
        let mut uncertainty = ClassUncertainty::new(1, classes).unwrap();
        for probs in &samples {
            uncertainty.push(probs).unwrap();
        }
        let split = uncertainty.finish().unwrap();
        let [total, noise, information] =
            [split.predictive_entropy[0], split.expected_entropy[0], split.mutual_information[0]];
        #[allow(clippy::cast_precision_loss)] // below 8
        let most = (classes.min(samples.len()) as f64).ln();
        prop_assert!((total - noise - information).abs() < 1e-12);
        prop_assert!((0.0..=most + 1e-12).contains(&information), "{information} of at most {most}");
        prop_assert!(noise >= 0.0);
    }

    #[test]
    fn regression_scores_follow_their_definitions(
        examples in prop::collection::vec((-9.0..9.0_f64, -9.0..9.0_f64, 0.1..4.0_f64), 1..40)
    ) {
        let means: Vec<f64> = examples.iter().map(|e| e.0).collect();
        let targets: Vec<f64> = examples.iter().map(|e| e.1).collect();
        let low: Vec<f64> = examples.iter().map(|e| e.0 - e.2).collect();
        let high: Vec<f64> = examples.iter().map(|e| e.0 + e.2).collect();
        let error = rmse(&means, &targets).unwrap();
        let largest = examples.iter().map(|e| (e.0 - e.1).abs()).fold(0.0, f64::max);
        let share = coverage(&low, &high, &targets).unwrap();
        #[allow(clippy::cast_precision_loss)] // below 40
        let n = examples.len() as f64;
        prop_assert!(error <= largest * (1.0 + 1e-12) && error * n.sqrt() >= largest * (1.0 - 1e-12));
        let missed = examples.iter().zip(low.iter().zip(&high)).filter(|(e, (l, h))| e.1 < **l || e.1 > **h).count();
        #[allow(clippy::cast_precision_loss)] // below 40
        let missed = missed as f64;
        prop_assert!((share - (1.0 - missed / n)).abs() < 1e-12);
    }
}

/// Two classes; the label is drawn from the forecast, so the forecast is calibrated.
fn calibrated(rows: usize, draw: u64) -> (Probabilities, Vec<usize>) {
    let normals = normals_f64(Stream::named(5, "metric test").draws(draw, 2), rows);
    let uniform = |z: f64| 0.5 * libm::erfc(-z / core::f64::consts::SQRT_2);
    let first: Vec<f64> = normals[..rows].iter().map(|&z| uniform(z)).collect();
    let labels = first.iter().zip(&normals[rows..]).map(|(&p, &z)| usize::from(uniform(z) >= p)).collect();
    (Probabilities::new(first.iter().flat_map(|&p| [p, 1.0 - p]).collect(), 2).unwrap(), labels)
}

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
    let json = serde_json::to_string(&scores).unwrap();
    assert_eq!(serde_json::from_str::<elbo::metric::ClassificationScores>(&json).unwrap(), scores);
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
    let predictions = RegressionPredictions { means: &means, nll: &nll, low: &low, high: &high };
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
    let short = RegressionPredictions { nll: &nll[1..], ..predictions };
    let error = regression_scores(&short, &targets, &Bootstrap::default()).unwrap_err();
    assert_eq!(error.to_string(), "nll: expected 400 values, found 399");
}

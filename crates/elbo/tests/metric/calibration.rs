//! Properties of calibration errors, and how they behave where the truth is known.

use crate::{calibrated, count, forecasts, turned, z_score};
use elbo::metric::{
    BinnedGaps, Binning, Bootstrap, Probabilities, QuantileBuckets, classwise_calibration_error,
    debiased_squared_calibration_error, equal_mass_calibration_error, expected_calibration_error,
    max_calibration_error, reliability, reliability_diagram, smooth_calibration_error, wilson_interval,
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn errors_are_within_their_bounds((probs, labels) in forecasts(), num_bins in 1_usize..20) {
        let error = expected_calibration_error(&probs, &labels, num_bins).unwrap();
        let by_mass = equal_mass_calibration_error(&probs, &labels, num_bins).unwrap();
        let most = max_calibration_error(&probs, &labels, num_bins).unwrap();
        let smooth = smooth_calibration_error(&probs, &labels).unwrap();
        prop_assert!([error, by_mass, most, smooth].iter().all(|e| (0.0..=1.0 + 1e-12).contains(e)));
        prop_assert!((0.0..=1.0 + 1e-12).contains(&classwise_calibration_error(&probs, &labels, num_bins).unwrap()));
        prop_assert!((-1.0..=1.0).contains(&debiased_squared_calibration_error(&probs, &labels, num_bins).unwrap()));
        // One bin is the coarsest: its gap bounds every binning, and every smoothing, from below (triangle inequality).
        let coarse = expected_calibration_error(&probs, &labels, 1).unwrap();
        prop_assert!(coarse <= error + 1e-12 && coarse <= by_mass + 1e-12 && coarse <= smooth * (1.0 + 1e-3));
        prop_assert!(error <= most + 1e-12);
        let bins = reliability(&probs, &labels, num_bins).unwrap();
        let filled = || bins.iter().filter(|bin| bin.count > 0);
        prop_assert!(filled().all(|bin| (bin.low - 1e-12..=bin.high + 1e-12).contains(&bin.confidence)));
        prop_assert_eq!(filled().map(|bin| bin.count).sum::<usize>(), labels.len());
    }

    #[test]
    fn diagrams_add_up_to_their_errors((probs, labels) in forecasts(), num_bins in 1_usize..12) {
        let bootstrap = Bootstrap { resamples: 20, ..Bootstrap::default() };
        for binning in [Binning::EqualWidth(num_bins), Binning::EqualMass(num_bins)] {
            let diagram = reliability_diagram(&probs, &labels, binning, &bootstrap).unwrap();
            let gap = |bin: &elbo::metric::BandedBin| count(bin.bin.count) * (bin.bin.accuracy - bin.bin.confidence).abs();
            let sum = diagram.iter().map(gap).sum::<f64>() / count(labels.len());
            let error = BinnedGaps::top_label(&probs, &labels, binning).unwrap().expected();
            prop_assert!((sum - error).abs() < 1e-12);
            for banded in diagram {
                let (bin, filled) = (banded.bin, banded.bin.count > 0);
                prop_assert_eq!((banded.wilson.is_some(), banded.consistency.is_some()), (filled, filled));
                let within = |[low, high]: [f64; 2]| 0.0 <= low && low <= high && high <= 1.0;
                prop_assert!(banded.wilson.into_iter().chain(banded.consistency).all(within));
                prop_assert!(banded.wilson.is_none_or(|[low, high]| low <= bin.accuracy && bin.accuracy <= high));
                prop_assert!(bin.low <= bin.high);
                let inside = bin.low - 1e-12 <= bin.confidence && bin.confidence <= bin.high + 1e-12;
                prop_assert!(!filled || inside, "{:?}", bin);
            }
        }
    }

    #[test]
    fn the_order_of_examples_does_not_matter((probs, labels) in forecasts(), num_bins in 1_usize..20) {
        let (turned, turned_labels) = turned(&probs, &labels);
        let all = |probs: &Probabilities, labels: &[usize]| {
            [
                expected_calibration_error(probs, labels, num_bins),
                equal_mass_calibration_error(probs, labels, num_bins),
                max_calibration_error(probs, labels, num_bins),
                debiased_squared_calibration_error(probs, labels, num_bins),
                classwise_calibration_error(probs, labels, num_bins),
                smooth_calibration_error(probs, labels),
            ]
            .map(Result::unwrap)
        };
        for (a, b) in all(&probs, &labels).into_iter().zip(all(&turned, &turned_labels)) {
            // The smooth error is found to 1e-7.
            prop_assert!((a - b).abs() < 1e-6, "{a} and {b}");
        }
    }

    /// Every example is in one bucket, and one bucket is one bin.
    #[test]
    fn quantile_buckets_partition((probs, labels) in forecasts(), num_buckets in 1_usize..12) {
        let correct = elbo::metric::correct_per_example(&probs, &labels).unwrap();
        let confidences: Vec<f64> = (0..probs.rows()).map(|i| probs.confidence(i).min(1.0)).collect();
        let buckets = QuantileBuckets::new(&confidences, &correct, num_buckets).unwrap();
        prop_assert_eq!(buckets.counts.iter().sum::<usize>(), labels.len());
        prop_assert!(buckets.edges.is_sorted());
        let coarse = expected_calibration_error(&probs, &labels, 1).unwrap();
        prop_assert!(coarse <= buckets.error() + 1e-12 && buckets.error() <= 1.0 + 1e-12);
        let whole = QuantileBuckets::new(&confidences, &correct, 1).unwrap();
        prop_assert!((whole.error() - coarse).abs() < 1e-12);
    }

    #[test]
    fn wilson_intervals_hold_their_share(hits in 0_u32..50, more in 0_u32..50, level in 0.5..0.999_f64) {
        let n = (hits + more).max(1);
        let share = f64::from(hits) / f64::from(n);
        let [low, high] = wilson_interval(share.min(1.0), n as usize, level).unwrap();
        prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
        let [mirrored, _] = wilson_interval(1.0 - share, n as usize, level).unwrap();
        prop_assert!((mirrored - (1.0 - high)).abs() < 1e-12);
    }
}

/// Of 400 calibrated sets the debiased square has mean 0; 4.4 standard errors have error rate 1e-5 (fixed seeds). The
/// plug-in error of the same sets is far above 0.
#[test]
fn the_debiased_square_is_0_for_calibrated_forecasts() {
    let sets: Vec<_> = (0..400).map(|draw| calibrated(150, 1000 + draw)).collect();
    let squares = sets.iter().map(|(p, y)| debiased_squared_calibration_error(p, y, 15).unwrap());
    let z = z_score(&squares.collect::<Vec<_>>(), 0.0);
    assert!(z.abs() < 4.4, "{z}");
    let plain = sets.iter().map(|(p, y)| equal_mass_calibration_error(p, y, 15).unwrap());
    assert!(z_score(&plain.collect::<Vec<_>>(), 0.0) > 50.0);
}

/// Of the bins of 200 calibrated sets, 10 % are outside a 90 % consistency band, a little less for steps of a share:
/// 1000 bins, and between 5 and 14 % is 4.2 binomial standard errors (0.95 %) from 9 or 10 % (fixed seeds).
#[test]
fn accuracies_of_calibrated_forecasts_are_within_the_consistency_bands() {
    let bootstrap = Bootstrap { resamples: 400, level: 0.9, seed: 3, block: 1 };
    let mut outside = 0_u32;
    for draw in 0..200 {
        let (probs, labels) = calibrated(300, 2000 + draw);
        for banded in reliability_diagram(&probs, &labels, Binning::EqualMass(5), &bootstrap).unwrap() {
            let [low, high] = banded.consistency.unwrap();
            outside += u32::from(banded.bin.accuracy < low || banded.bin.accuracy > high);
        }
    }
    assert!((50..=140).contains(&outside), "{outside} of 1000");
}

/// Two forecasts on the two sides of a bin's edge, a hair apart: bins see two gaps of ½, and none once they are joined.
#[test]
fn the_smooth_error_does_not_jump() {
    let around = |edge: f64| {
        let row = |i: u32| if i.is_multiple_of(2) { edge + 1e-9 } else { edge - 1e-9 };
        let rows = (0..40).flat_map(|i| [row(i), 1.0 - row(i)]).collect();
        (Probabilities::new(rows, 2).unwrap(), (0..40).map(|i| usize::from(i % 2 == 0)).collect::<Vec<_>>())
    };
    let (across, labels) = around(0.7);
    let (within, _) = around(0.75);
    let jump = expected_calibration_error(&across, &labels, 10).unwrap()
        - expected_calibration_error(&within, &labels, 10).unwrap();
    assert!(jump > 0.2, "{jump}");
    let smooth = [&across, &within].map(|probs| smooth_calibration_error(probs, &labels).unwrap());
    assert!((smooth[0] - 0.2).abs() < 1e-3 && (smooth[1] - 0.25).abs() < 1e-3, "{smooth:?}");
}

/// A systematic gap is found, and noise is not taken for one.
#[test]
fn the_smooth_error_is_that_of_the_model() {
    let (probs, labels) = calibrated(4000, 77);
    assert!(smooth_calibration_error(&probs, &labels).unwrap() < 0.03);
    let always = Probabilities::new([0.9, 0.1].repeat(4000), 2).unwrap();
    let half: Vec<usize> = (0..4000).map(|i| i % 2).collect();
    assert!((smooth_calibration_error(&always, &half).unwrap() - 0.4).abs() < 1e-3);
}

//! Properties of scores of an order, against their definitions written out.

use crate::count;
use elbo::metric::{Bootstrap, Detection, Selective, detection_scores, spearman};
use elbo_kernels::Stream;
use elbo_kernels::noise::normal::normals_f64;
use proptest::prelude::*;

/// Scores with many ties, and which are positive: at least one and not all.
fn ranked() -> impl Strategy<Value = (Vec<f64>, Vec<bool>)> {
    (2_usize..30)
        .prop_flat_map(|n| {
            (prop::collection::vec((-4..5_i32).prop_map(f64::from), n), prop::collection::vec(any::<bool>(), n))
        })
        .prop_map(|(scores, mut positives)| {
            (positives[0], positives[1]) = (true, false);
            (scores, positives)
        })
}

fn not(positives: &[bool]) -> Vec<bool> {
    positives.iter().map(|positive| !positive).collect()
}

/// Counts of positives and negatives at or above a threshold.
fn above(scores: &[f64], positives: &[bool], threshold: f64) -> [f64; 2] {
    let of = |kind| count(scores.iter().zip(positives).filter(|&(&s, &p)| s >= threshold && p == kind).count());
    [of(true), of(false)]
}

proptest! {
    #[test]
    fn auroc_is_the_share_of_pairs_in_order((scores, positives) in ranked()) {
        let detection = Detection::new(&scores, &positives).unwrap();
        let (mut in_order, mut pairs) = (0.0, 0.0);
        for (a, _) in scores.iter().zip(&positives).filter(|(_, positive)| **positive) {
            for (b, _) in scores.iter().zip(&positives).filter(|(_, positive)| !**positive) {
                in_order += if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 };
                pairs += 1.0;
            }
        }
        prop_assert!((detection.auroc() - in_order / pairs).abs() < 1e-12);
    }

    /// Swapping the kinds, or turning the scores round, gives the complement; a rising function of them nothing new.
    #[test]
    fn auroc_is_symmetric((scores, positives) in ranked()) {
        let auroc = |scores: &[f64], positives: &[bool]| Detection::new(scores, positives).unwrap().auroc();
        let value = auroc(&scores, &positives);
        let negated: Vec<f64> = scores.iter().map(|s| -s).collect();
        let risen: Vec<f64> = scores.iter().map(|s| s.exp() - 3.0).collect();
        prop_assert!((0.0..=1.0).contains(&value));
        prop_assert!((auroc(&scores, &not(&positives)) + value - 1.0).abs() < 1e-12);
        prop_assert!((auroc(&negated, &positives) + value - 1.0).abs() < 1e-12);
        prop_assert!((auroc(&risen, &positives) - value).abs() < 1e-15);
    }

    #[test]
    fn aupr_and_fpr_are_those_of_all_thresholds((scores, positives) in ranked(), tpr in 0.05..0.999_f64) {
        let detection = Detection::new(&scores, &positives).unwrap();
        let mut thresholds = scores.clone();
        thresholds.sort_unstable_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let [p, n] = above(&scores, &positives, f64::NEG_INFINITY);
        let (mut area, mut recall, mut least) = (0.0, 0.0, 1.0_f64);
        for &threshold in &thresholds {
            let [tp, fp] = above(&scores, &positives, threshold);
            area += (tp / p - recall) * tp / (tp + fp);
            recall = tp / p;
            if tp / p >= tpr - 1e-12 {
                least = least.min(fp / n);
            }
        }
        prop_assert!((detection.aupr() - area).abs() < 1e-12);
        prop_assert!((detection.fpr_at_tpr(tpr).unwrap() - least).abs() < 1e-12);
        prop_assert!(detection.aupr() > 0.0 && detection.aupr() <= 1.0 + 1e-12);
    }

    /// A choice of all examples in another order is all examples; a resample is the examples written out.
    #[test]
    fn choices_are_examples((scores, positives) in ranked(), seed in any::<u64>()) {
        let detection = Detection::new(&scores, &positives).unwrap();
        let back: Vec<usize> = (0..scores.len()).rev().collect();
        prop_assert!((detection.auroc_of(&back) - detection.auroc()).abs() < 1e-15);
        prop_assert!((detection.aupr_of(&back) - detection.aupr()).abs() < 1e-12);
        let n = scores.len() as u64;
        let draw = |k: u64| usize::try_from(seed.wrapping_mul(2 * k + 1) % n).unwrap();
        let chosen: Vec<usize> = [0, 1].into_iter().chain((0..n).map(draw)).collect();
        let taken: Vec<f64> = chosen.iter().map(|&i| scores[i]).collect();
        let kinds: Vec<bool> = chosen.iter().map(|&i| positives[i]).collect();
        let written_out = Detection::new(&taken, &kinds).unwrap();
        prop_assert!((detection.auroc_of(&chosen) - written_out.auroc()).abs() < 1e-12);
        prop_assert!((detection.aupr_of(&chosen) - written_out.aupr()).abs() < 1e-12);
        prop_assert!((detection.fpr_at_tpr_of(0.95, &chosen) - written_out.fpr_at_tpr(0.95).unwrap()).abs() < 1e-12);
        let losses: Vec<f64> = (0..scores.len()).map(|i| f64::from(u8::from(positives[i]))).collect();
        let taken_losses: Vec<f64> = chosen.iter().map(|&i| losses[i]).collect();
        let selective = Selective::new(&scores, &losses).unwrap();
        let written_out = Selective::new(&taken, &taken_losses).unwrap();
        prop_assert!((selective.aurc_of(&chosen) - written_out.aurc()).abs() < 1e-12);
        prop_assert!((selective.excess_aurc_of(&chosen) - written_out.excess_aurc()).abs() < 1e-12);
    }

    /// Between the best order and the worst, the mean loss if nothing is said; errors as losses give 0 to 1.
    #[test]
    fn aurc_is_within_its_bounds(
        examples in prop::collection::vec(((-4..5_i32).prop_map(f64::from), 0.0..3.0_f64), 1..30)
    ) {
        let (uncertainties, losses): (Vec<f64>, Vec<f64>) = examples.iter().copied().unzip();
        let aurc = |uncertainties: &[f64]| Selective::new(uncertainties, &losses).unwrap().aurc();
        let negated: Vec<f64> = losses.iter().map(|loss| -loss).collect();
        let value = aurc(&uncertainties);
        prop_assert!(aurc(&losses) <= value + 1e-12 && value <= aurc(&negated) + 1e-12);
        let overall = losses.iter().sum::<f64>() / count(losses.len());
        prop_assert!((aurc(&vec![0.0; losses.len()]) - overall).abs() < 1e-12);
        let selective = Selective::new(&uncertainties, &losses).unwrap();
        prop_assert!((selective.excess_aurc() - (value - aurc(&losses)).max(0.0)).abs() < 1e-12);
        let curve = selective.curve();
        let last = curve.last().unwrap();
        prop_assert!(last.coverage == 1.0 && (last.risk - overall).abs() < 1e-12);
        prop_assert!(curve.windows(2).all(|w| w[0].coverage < w[1].coverage && w[0].uncertainty < w[1].uncertainty));
        let risen: Vec<f64> = uncertainties.iter().map(|u| u.exp()).collect();
        prop_assert!((aurc(&risen) - value).abs() < 1e-12);
    }

    #[test]
    fn spearman_is_a_correlation_of_orders(
        pairs in prop::collection::vec(((-4..5_i32).prop_map(f64::from), -3.0..3.0_f64), 2..30)
    ) {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let value = spearman(&a, &b).unwrap();
        prop_assume!(!value.is_nan());
        let negated: Vec<f64> = b.iter().map(|x| -x).collect();
        let risen: Vec<f64> = a.iter().map(|x| x.exp()).collect();
        prop_assert!((-1.0..=1.0).contains(&value));
        prop_assert!((spearman(&b, &a).unwrap() - value).abs() < 1e-12);
        prop_assert!((spearman(&a, &negated).unwrap() + value).abs() < 1e-12);
        prop_assert!((spearman(&risen, &b).unwrap() - value).abs() < 1e-15);
        prop_assert!((spearman(&a, &a).unwrap() - 1.0).abs() < 1e-12);
    }
}

/// Normals a standard deviation apart: `AUROC = Φ(1 / √2) = 0.760250`; 300 data sets of 60 and 40, whose 90 % intervals
/// should hold it in 270, by 4.4 binomial standard deviations of 5.2 and a little for short intervals (fixed seeds).
#[test]
fn intervals_of_two_samples_cover_the_truth() {
    let bootstrap = Bootstrap { resamples: 300, level: 0.9, seed: 4, block: 1 };
    let normals = |draw, n| normals_f64(Stream::named(9, "detection test").draws(draw, 1), n);
    let mut hits = 0;
    for draw in 0..300 {
        let foreign: Vec<f64> = normals(2 * draw + 1, 40).iter().map(|z| z + 1.0).collect();
        let scores = detection_scores(&normals(2 * draw, 60), &foreign, &bootstrap).unwrap();
        assert!(scores.auroc.low <= scores.auroc.value && scores.auroc.value <= scores.auroc.high);
        hits += u32::from((scores.auroc.low..=scores.auroc.high).contains(&0.760_250));
    }
    assert!((240..=293).contains(&hits), "{hits} of 300");
}

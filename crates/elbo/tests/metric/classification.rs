//! Properties of scores of class probabilities.

use crate::{count, distribution, forecasts, turned};
use elbo::metric::{
    Binning, BrierStrata, ClassUncertainty, Probabilities, accuracy, brier, brier_per_example, entropy, nll,
    nll_per_example, spherical, spherical_per_example, variation_ratio,
};
use proptest::prelude::*;

/// The three partitions of the Brier score.
fn strata(probs: &Probabilities, labels: &[usize]) -> [BrierStrata; 4] {
    [
        BrierStrata::by_forecast(probs, labels),
        BrierStrata::by_predicted_class(probs, labels),
        BrierStrata::by_bins(probs, labels, Binning::EqualWidth(5)),
        BrierStrata::by_bins(probs, labels, Binning::EqualMass(3)),
    ]
    .map(Result::unwrap)
}

proptest! {
    /// `E_q S(p) - E_q S(q)` is `KL(q ‖ p)` for the logarithmic, `|p - q|²` for the Brier score and
    /// `|q| (cos(p, q) - 1)` for the spherical one, of which larger is better: the truth is never beaten.
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
        let norm = |p: &[f64]| p.iter().map(|p| p * p).sum::<f64>().sqrt();
        let cosine = p.iter().zip(&q).map(|(p, q)| p * q).sum::<f64>() / (norm(&p) * norm(&q));
        let excess = expect(spherical_per_example(&repeat(&p), &labels).unwrap())
            - expect(spherical_per_example(&repeat(&q), &labels).unwrap());
        prop_assert!((excess - norm(&q) * (cosine - 1.0)).abs() < 1e-12 && excess < 1e-12, "{excess}");
    }

    #[test]
    fn scores_are_within_their_bounds((probs, labels) in forecasts()) {
        prop_assert!((0.0..=1.0).contains(&accuracy(&probs, &labels).unwrap()));
        prop_assert!((0.0..=2.0 + 1e-12).contains(&brier(&probs, &labels).unwrap()));
        prop_assert!(nll(&probs, &labels).unwrap() >= -1e-12);
        prop_assert!((0.0..=1.0 + 1e-12).contains(&spherical(&probs, &labels).unwrap()));
        let most = 1.0 - 1.0 / count(probs.classes());
        prop_assert!(variation_ratio(&probs).iter().all(|ratio| (-1e-12..=most + 1e-12).contains(ratio)));
    }

    /// Sums in another order differ by rounding only.
    #[test]
    fn the_order_of_examples_does_not_matter((probs, labels) in forecasts()) {
        let (turned, turned_labels) = turned(&probs, &labels);
        let all = |probs: &Probabilities, labels: &[usize]| {
            let mut all = vec![accuracy(probs, labels), nll(probs, labels), brier(probs, labels), spherical(probs, labels)];
            let parts = strata(probs, labels).map(|strata| strata.decomposition());
            all.extend(parts.iter().flat_map(|p| [p.reliability, p.resolution, p.covariance].map(Ok)));
            all.into_iter().map(Result::unwrap).collect::<Vec<f64>>()
        };
        for (a, b) in all(&probs, &labels).into_iter().zip(all(&turned, &turned_labels)) {
            prop_assert!((a - b).abs() < 1e-12, "{a} and {b}");
        }
    }

    /// The parts add up whatever the strata, no part is negative, and strata of one forecast have no covariance.
    #[test]
    fn the_brier_score_is_the_sum_of_its_parts((probs, labels) in forecasts()) {
        let score = brier(&probs, &labels).unwrap();
        for strata in strata(&probs, &labels) {
            let parts = strata.decomposition();
            prop_assert!((parts.brier() - score).abs() < 1e-12, "{parts:?} and {score}");
            prop_assert!(parts.reliability >= 0.0 && parts.resolution >= 0.0, "{parts:?}");
            prop_assert!(parts.resolution <= parts.uncertainty + 1e-12, "{parts:?}");
            prop_assert!(parts.uncertainty <= 1.0 - 1.0 / count(probs.classes()) + 1e-12, "{parts:?}");
        }
        prop_assert!(strata(&probs, &labels)[0].decomposition().covariance.abs() < 1e-12);
        // Of a resample it is the decomposition of the resampled examples.
        let chosen: Vec<usize> = (0..labels.len()).map(|i| i / 2).collect();
        let rows: Vec<f64> = chosen.iter().flat_map(|&i| probs.row(i).to_vec()).collect();
        let resampled = Probabilities::new(rows, probs.classes()).unwrap();
        let score = brier(&resampled, &chosen.iter().map(|&i| labels[i]).collect::<Vec<_>>()).unwrap();
        for strata in strata(&probs, &labels) {
            prop_assert!((strata.decomposition_of(&chosen).brier() - score).abs() < 1e-12);
        }
    }

    #[test]
    fn uncertainty_splits_and_is_bounded(
        (classes, samples) in (1_usize..5, 1_usize..8)
            .prop_flat_map(|(k, s)| (Just(k), prop::collection::vec(distribution(k), s)))
    ) {
        let mut uncertainty = ClassUncertainty::new(1, classes).unwrap();
        for probs in &samples {
            uncertainty.push(probs).unwrap();
        }
        let variances = uncertainty.variances().unwrap();
        let split = uncertainty.finish().unwrap();
        let [total, noise, information] =
            [split.predictive_entropy[0], split.expected_entropy[0], split.mutual_information[0]];
        let most = count(classes.min(samples.len())).ln();
        prop_assert!((total - noise - information).abs() < 1e-12);
        prop_assert!((0.0..=most + 1e-12).contains(&information), "{information} of at most {most}");
        prop_assert!(noise >= 0.0 && (total - entropy(split.probabilities.row(0))).abs() < 1e-15);

        let [total, noise, epistemic] = [variances.total[0], variances.aleatoric[0], variances.epistemic[0]];
        let gini = |p: &[f64]| 1.0 - p.iter().map(|p| p * p).sum::<f64>();
        prop_assert!((total - gini(split.probabilities.row(0))).abs() < 1e-12);
        prop_assert!((noise - samples.iter().map(|p| gini(p)).sum::<f64>() / count(samples.len())).abs() < 1e-12);
        prop_assert!((total - noise - epistemic).abs() < 1e-12 && epistemic >= 0.0);
        prop_assert!(total <= 1.0 - 1.0 / count(classes) + 1e-12);
    }
}

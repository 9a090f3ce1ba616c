//! Properties of scores of predicted numbers, and statistical tests where the truth is known.

use crate::{count, mean, z_score};
use elbo::metric::{
    Bootstrap, Forecasts, coverage, ensemble_crps, fair_ensemble_crps, interval_score, level_coverages, mae, mean_nll,
    pinball, pit_histogram, randomized_pit, rmse,
};
use elbo_kernels::Stream;
use elbo_kernels::noise::normal::normals_f64;
use elbo_kernels::noise::uniform::uniforms_f64;
use proptest::prelude::*;

fn normals(draw: u64, n: usize) -> Vec<f64> {
    normals_f64(Stream::named(8, "regression scores").draws(draw, 1), n)
}

/// The middles of equally likely parts of a normal: expectations under it, nearly.
fn middles(mean: f64, stddev: f64) -> Vec<f64> {
    let law = |p: f64| Forecasts::normal(&[mean], &[stddev]).unwrap().quantiles(p).unwrap()[0];
    (0..400).map(|k| law((f64::from(k) + 0.5) / 400.0)).collect()
}

/// The Kolmogorov distance from the uniform law, times `sqrt(n)`.
fn kolmogorov(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = count(values.len());
    let gap = |(k, x): (usize, &f64)| f64::max(x - count(k) / n, count(k + 1) / n - x);
    values.iter().enumerate().map(gap).fold(0.0, f64::max) * n.sqrt()
}

/// The distance is above 2.47 with probability `2 exp(-2 · 2.47²) = 1e-5`.
const KOLMOGOROV: f64 = 2.47;

proptest! {
    #[test]
    fn point_and_interval_scores_follow_their_definitions(
        examples in prop::collection::vec((-9.0..9.0_f64, -9.0..9.0_f64, 0.1..4.0_f64), 1..40)
    ) {
        let column = |f: &dyn Fn(&(f64, f64, f64)) -> f64| examples.iter().map(f).collect::<Vec<f64>>();
        let (means, targets) = (column(&|e| e.0), column(&|e| e.1));
        let (low, high) = (column(&|e| e.0 - e.2), column(&|e| e.0 + e.2));
        let (error, size) = (rmse(&means, &targets).unwrap(), mae(&means, &targets).unwrap());
        let largest = examples.iter().map(|e| (e.0 - e.1).abs()).fold(0.0, f64::max);
        let share = coverage(&low, &high, &targets).unwrap();
        let n = count(examples.len());
        prop_assert!(error <= largest * (1.0 + 1e-12) && error * n.sqrt() >= largest * (1.0 - 1e-12));
        prop_assert!(size <= error * (1.0 + 1e-12));
        let missed = examples.iter().zip(low.iter().zip(&high)).filter(|(e, (l, h))| e.1 < **l || e.1 > **h).count();
        prop_assert!((share - (1.0 - count(missed) / n)).abs() < 1e-12);
        // Turned round, nothing changes but the rounding.
        let back = |values: &[f64]| values.iter().rev().copied().collect::<Vec<f64>>();
        let score = |l: &[f64], h: &[f64], y: &[f64]| interval_score(l, h, y, 0.8).unwrap();
        let (one, other) = (score(&low, &high, &targets), score(&back(&low), &back(&high), &back(&targets)));
        prop_assert!((one - other).abs() < 1e-9);
        // An interval score is the pinball losses of both ends, 2 / α of them (Gneiting and Raftery 2007, eq. 43).
        let (lower, upper) = (pinball(&low, &targets, 0.1).unwrap(), pinball(&high, &targets, 0.9).unwrap());
        prop_assert!((one - 10.0 * (lower + upper)).abs() < 1e-9);
    }

    /// `E_q crps(p, Y) - E_q crps(q, Y) = ∫ (F_p - F_q)²`, exactly, for ensembles as distributions: at least 0.
    #[test]
    fn the_crps_is_best_at_the_truth(
        p in prop::collection::vec(-3.0..3.0_f64, 1..9), q in prop::collection::vec(-3.0..3.0_f64, 1..9)
    ) {
        let score = |forecast: &[f64]| {
            mean(&ensemble_crps(&forecast.repeat(q.len()), forecast.len(), &q).unwrap())
        };
        let mut points = [&p[..], &q[..]].concat();
        points.sort_unstable_by(f64::total_cmp);
        let cdf = |members: &[f64], x: f64| count(members.iter().filter(|&&m| m <= x).count()) / count(members.len());
        let step = |w: &[f64]| (cdf(&p, w[0]) - cdf(&q, w[0])).powi(2) * (w[1] - w[0]);
        let distance: f64 = points.windows(2).map(step).sum();
        prop_assert!((score(&p) - score(&q) - distance).abs() < 1e-12, "{distance}");
    }

    /// Of normal data no other normal has a better expectation, and the excess of the logarithmic score is the
    /// divergence; 400 middles stand for the expectation.
    #[test]
    fn proper_scores_are_best_at_the_truth(loc in -2.0..2.0_f64, scale in 0.3..3.0_f64) {
        let targets = middles(0.0, 1.0);
        let n = targets.len();
        let (means, stddevs) = (vec![loc; n], vec![scale; n]);
        let forecasts = Forecasts::normal(&means, &stddevs).unwrap();
        let (zeros, ones) = (vec![0.0; n], vec![1.0; n]);
        let truth = Forecasts::normal(&zeros, &ones).unwrap();
        let excess = mean(&forecasts.crps(&targets).unwrap()) - mean(&truth.crps(&targets).unwrap());
        prop_assert!(excess > -1e-4, "crps {excess}");
        let nll = |f: &Forecasts<'_>| mean_nll(&f.nll(&targets).unwrap()).unwrap();
        let kl = scale.ln() + (1.0 + loc * loc) / (2.0 * scale * scale) - 0.5;
        prop_assert!((nll(&forecasts) - nll(&truth) - kl).abs() < 0.01 * (1.0 + 1.0 / (scale * scale)), "kl {kl}");
        for level in [0.5, 0.9] {
            let score = |f: &Forecasts<'_>| {
                let (low, high) = f.central_intervals(level).unwrap();
                interval_score(&low, &high, &targets, level).unwrap()
            };
            prop_assert!(score(&forecasts) - score(&truth) > -1e-2);
        }
        for p in [0.1, 0.5, 0.8] {
            let score = |f: &Forecasts<'_>| pinball(&f.quantiles(p).unwrap(), &targets, p).unwrap();
            prop_assert!(score(&forecasts) - score(&truth) > -1e-3);
        }
    }

    /// In another unit every score of that unit is scaled, a shift of all changes nothing, and mirroring neither.
    #[test]
    fn crps_has_the_unit_of_the_target(
        (loc, scale, y) in (-3.0..3.0_f64, 0.2..3.0_f64, -5.0..5.0_f64), (shift, unit) in (-9.0..9.0_f64, 0.1..9.0_f64)
    ) {
        let moved = |x: f64| shift + unit * x;
        let weights = [0.3, 0.7];
        let (here, there) = ([loc, -loc], [moved(loc), moved(-loc)]);
        let (scales, larger) = ([scale, 1.0], [unit * scale, unit]);
        let pairs = [
            (Forecasts::normal(&here[..1], &scales[..1]), Forecasts::normal(&there[..1], &larger[..1])),
            (Forecasts::logistic(&here[..1], &scales[..1]), Forecasts::logistic(&there[..1], &larger[..1])),
            (Forecasts::student_t(&[3.5], &here[..1], &scales[..1]), Forecasts::student_t(&[3.5], &there[..1], &larger[..1])),
            (Forecasts::normal_mixture(&weights, &here, &scales), Forecasts::normal_mixture(&weights, &there, &larger)),
            (Forecasts::ensemble(&here, 2), Forecasts::ensemble(&there, 2)),
        ];
        for (a, b) in pairs {
            let (a, b) = (a.unwrap(), b.unwrap());
            let (one, other) = (a.crps(&[y]).unwrap()[0], b.crps(&[moved(y)]).unwrap()[0]);
            prop_assert!(one >= 0.0 && (other - unit * one).abs() < 1e-9 * (1.0 + other), "{a:?}: {one} and {other}");
            // At least the distance of the means less half the mean difference, at most the distance (Jensen).
            prop_assert!((a.pit(&[y], 1).unwrap()[0] - b.pit(&[moved(y)], 1).unwrap()[0]).abs() < 1e-9);
        }
    }

    /// The order of members does not matter, and the fair score is the plain one less the spread's share.
    #[test]
    fn ensembles_have_no_order(members in prop::collection::vec(-3.0..3.0_f64, 2..20), y in -4.0..4.0_f64) {
        let size = members.len();
        let plain = ensemble_crps(&members, size, &[y]).unwrap()[0];
        let back: Vec<f64> = members.iter().rev().copied().collect();
        prop_assert!((plain - ensemble_crps(&back, size, &[y]).unwrap()[0]).abs() < 1e-12);
        let pairs: f64 = members.iter().flat_map(|a| members.iter().map(move |b| (a - b).abs())).sum();
        let fair = fair_ensemble_crps(&members, size, &[y]).unwrap()[0];
        let s = count(size);
        prop_assert!((plain - fair - (pairs / (2.0 * s * (s - 1.0)) - pairs / (2.0 * s * s))).abs() < 1e-12);
        let largest = members.iter().map(|x| (x - y).abs()).fold(0.0, f64::max);
        prop_assert!((0.0..=largest).contains(&plain));
    }

    /// Wider levels cover more and are longer.
    #[test]
    fn coverage_grows_with_the_level(targets in prop::collection::vec(-3.0..3.0_f64, 1..30)) {
        let (zeros, ones) = (vec![0.0; targets.len()], vec![1.0; targets.len()]);
        let forecasts = Forecasts::logistic(&zeros, &ones).unwrap();
        let table = level_coverages(&forecasts, &targets, &[0.1, 0.5, 0.8, 0.99]).unwrap();
        prop_assert!(table.windows(2).all(|w| w[0].coverage <= w[1].coverage && w[0].mean_width < w[1].mean_width));
        prop_assert!(table.iter().all(|row| (0.0..=1.0).contains(&row.coverage)));
    }

    #[test]
    fn histograms_count_everyone(pit in prop::collection::vec(0.0..=1.0_f64, 1..60), num_bins in 1_usize..12) {
        let histogram = pit_histogram(&pit, num_bins, 0.9).unwrap();
        prop_assert_eq!(histogram.counts.iter().sum::<usize>(), pit.len());
        let [low, high] = histogram.band.map(count);
        prop_assert!(low <= histogram.expected.ceil() && histogram.expected.floor() <= high);
    }
}

/// 20000 ensembles of 5 normals, and a target of the same law: the fair score is unbiased for `1/√π`, the score of the
/// law itself, and the plain one is above it by half the mean difference over S, `1/√π / 5`. 4.4 standard errors: error
/// rate 1e-5 each (fixed seeds).
#[test]
fn the_fair_crps_is_unbiased() {
    let (members, targets) = (normals(0, 100_000), normals(1, 20_000));
    let exact = 1.0 / core::f64::consts::PI.sqrt();
    let fair = z_score(&fair_ensemble_crps(&members, 5, &targets).unwrap(), exact);
    assert!(fair.abs() < 4.4, "{fair}");
    let plain = ensemble_crps(&members, 5, &targets).unwrap();
    assert!(z_score(&plain, exact * 1.2).abs() < 4.4 && z_score(&plain, exact) > 10.0);
}

/// Where targets come from the forecasts, transforms are uniform: Kolmogorov's test, error rate 1e-5 each (fixed seeds).
#[test]
fn transforms_of_calibrated_forecasts_are_uniform() {
    let n = 4000;
    let (locs, scales) = (normals(2, n), normals(3, n).iter().map(|z| z.exp()).collect::<Vec<f64>>());
    let u = uniforms_f64(Stream::named(8, "targets").draws(0, 1), n);
    let df = vec![3.0; n];
    let weights = [0.25, 0.75];
    let (means, stddevs): (Vec<f64>, Vec<f64>) = (0..n).flat_map(|i| [(locs[i], 0.2), (-locs[i], scales[i])]).unzip();
    for forecasts in [
        Forecasts::normal(&locs, &scales).unwrap(),
        Forecasts::student_t(&df, &locs, &scales).unwrap(),
        Forecasts::logistic(&locs, &scales).unwrap(),
        Forecasts::normal_mixture(&weights, &means, &stddevs).unwrap(),
    ] {
        // The u_i quantile of every forecast i, by a table of quantiles of all.
        let targets: Vec<f64> = (0..n).map(|i| one_quantile(&forecasts, i, u[i])).collect();
        let distance = kolmogorov(forecasts.pit(&targets, 0).unwrap());
        assert!(distance < KOLMOGOROV, "{distance}");
        // And they are not if the targets are shifted.
        let shifted: Vec<f64> = targets.iter().map(|y| y + 0.5).collect();
        assert!(kolmogorov(forecasts.pit(&shifted, 0).unwrap()) > 2.0 * KOLMOGOROV);
    }
    let (members, targets) = (normals(4, 7 * n), normals(5, n));
    let ensemble = Forecasts::ensemble(&members, 7).unwrap();
    assert!(kolmogorov(ensemble.pit(&targets, 1).unwrap()) < KOLMOGOROV);
    let table = level_coverages(&Forecasts::normal(&vec![0.0; n], &vec![1.0; n]).unwrap(), &targets, &[0.9]).unwrap();
    // Binomial standard error 0.0047; 4.4 of them.
    assert!((table[0].coverage - 0.9).abs() < 0.021, "{table:?}");
}

fn one_quantile(forecasts: &Forecasts<'_>, i: usize, u: f64) -> f64 {
    let (mut low, mut high) = (-1e6, 1e6);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if forecasts.cdf(i, middle) < u { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Geometric counts, `Pr(Y >= k) = ½^k`: the randomised transform is uniform, the plain ones are not.
#[test]
fn randomised_transforms_of_counts_are_uniform() {
    let u = uniforms_f64(Stream::named(8, "counts").draws(0, 1), 4000);
    let counts: Vec<f64> = u.iter().map(|u| (u.ln() / 0.5_f64.ln()).floor()).collect();
    let below: Vec<f64> = counts.iter().map(|k| 1.0 - 0.5_f64.powf(*k)).collect();
    let at: Vec<f64> = counts.iter().map(|k| 1.0 - 0.5_f64.powf(k + 1.0)).collect();
    assert!(kolmogorov(randomized_pit(&below, &at, 4).unwrap()) < KOLMOGOROV);
    assert!(kolmogorov(at) > 10.0 * KOLMOGOROV);
}

#[test]
fn means_per_example_have_intervals() {
    let targets = normals(6, 300);
    let crps = Forecasts::normal(&vec![0.0; 300], &vec![1.0; 300]).unwrap().crps(&targets).unwrap();
    let estimate = Bootstrap::default().mean(&crps).unwrap();
    // Twice the 95 % interval is missed with probability 1e-4 (fixed seed).
    let truth = 1.0 / core::f64::consts::PI.sqrt();
    assert!((estimate.value - truth).abs() < estimate.high - estimate.low, "{estimate:?}");
}

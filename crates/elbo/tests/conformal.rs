//! Conformal prediction as a whole: its coverage against the exact law, in simulations and on predictions of networks.
//!
//! Without ties, so many of m new examples are covered as the beta-binomial law of [`CoverageLaw`] says. Tests compare
//! the mean of 1,000 resamplings (4.9 standard deviations: error rate 1e-6 each) and the whole empirical law
//! (Dvoretzky, Kiefer and Wolfowitz 1956, with Massart's constant: error rate 1e-6 each). Seeds are fixed.

use burn::tensor::Device;
use elbo::conformal::{
    AdaptiveConformal, Band, ClassConformal, ClassConformalConfig, ClassScore, CoverageLaw, DistributionConformal,
    DynamicConformal, HorizonConformal, IntervalConformal, Intervals, PredictionSets, Threshold,
};
use elbo::data::{Dataset, Labels, Scaler, ScalingKind, TargetScaling, embedded, read, shuffled};
use elbo::metric::{Bootstrap, Probabilities, coverage};
use elbo::model::{InputShape, Model, preset};
use elbo::objective::Likelihood;
use elbo::predict::Predictions;
use elbo::run::predict_posterior;
use elbo::train::{Trainer, TrainingConfig, TrainingData};
use elbo_kernels::Stream;
use elbo_kernels::noise::{normal::normals_f64, uniform::uniforms_f64};
use proptest::prelude::*;
use std::path::Path;

const RESAMPLES: u64 = 1000;
const ALPHA: f64 = 0.1;

fn float(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

const RANDOMISED: [ClassScore; 3] = [
    ClassScore::Thr,
    ClassScore::Aps { randomised: true },
    ClassScore::Raps { randomised: true, penalty: 0.05, free: 1 },
];

/// Compares the numbers of covered examples, of m each, with the law.
#[track_caller]
fn assert_law(what: &str, law: CoverageLaw, m: usize, covered: &[usize]) {
    let (r, p) = (float(covered.len()), law.mean());
    let mean = covered.iter().map(|&k| float(k)).sum::<f64>() / r / float(m);
    // Var K / m² = C (1 - C) / m averaged over C, and the variance of C.
    let variance = law.stddev().powi(2) + (p * (1.0 - p) - law.stddev().powi(2)) / float(m);
    let z = (mean - p) / (variance / r).sqrt();
    println!("{what}: coverage {mean:.4}, expected {p:.4}, z {z:.2}");
    assert!(z.abs() < 4.9, "{what}: coverage {mean}, expected {p}, z {z}");
    let (mut expected, mut gap) = (0.0, 0.0_f64);
    for (k, p) in law.covered_probabilities(m).iter().enumerate() {
        expected += p;
        let found = float(covered.iter().filter(|&&c| c <= k).count()) / r;
        gap = gap.max((found - expected).abs());
    }
    let bound = (2e6_f64.ln() / (2.0 * r)).sqrt();
    assert!(gap < bound, "{what}: the law is off by {gap}, the bound is {bound}");
}

/// `rows` predictions over 4 classes that are too sure of themselves, and labels of flatter ones.
fn simulated(draw: u64, rows: usize) -> (Probabilities, Vec<usize>) {
    let logits = normals_f64(Stream::named(1, "conformal test").draws(draw, 1), 4 * rows);
    let uniforms = uniforms_f64(Stream::named(1, "conformal labels").draws(draw, 1), rows);
    let softmax = |z: &[f64], scale: f64| -> Vec<f64> {
        let sum: f64 = z.iter().map(|z| (scale * z).exp()).sum();
        z.iter().map(|z| (scale * z).exp() / sum).collect()
    };
    let label = |(z, &u): (&[f64], &f64)| {
        let mut sum = 0.0;
        let below = softmax(z, 1.0).into_iter().take_while(|p| {
            sum += p;
            sum < u
        });
        below.count().min(3)
    };
    let labels = logits.chunks_exact(4).zip(&uniforms).map(label).collect();
    let values = logits.chunks_exact(4).flat_map(|z| softmax(z, 3.0)).collect();
    (Probabilities::new(values, 4).unwrap(), labels)
}

fn rows(probs: &Probabilities, chosen: &[usize]) -> Probabilities {
    Probabilities::new(chosen.iter().flat_map(|&i| probs.row(i).to_vec()).collect(), probs.classes()).unwrap()
}

/// The sets of the examples `new`, with thresholds from the examples `held`, and the labels of the new ones.
fn sets_of(
    (probs, labels): &(Probabilities, Vec<usize>),
    held: &[usize],
    new: &[usize],
    config: ClassConformalConfig,
) -> (PredictionSets, Vec<usize>) {
    let of = |chosen: &[usize]| chosen.iter().map(|&i| labels[i]).collect::<Vec<usize>>();
    let conformal = ClassConformal::fit(&rows(probs, held), &of(held), config).unwrap();
    (conformal.predict(&rows(probs, new)).unwrap(), of(new))
}

fn hits(sets: &PredictionSets, labels: &[usize]) -> usize {
    sets.covered(labels).unwrap().into_iter().filter(|&covered| covered).count()
}

#[test]
fn sets_cover_as_the_law_says() {
    let (n, m) = (47, 60);
    let law = CoverageLaw::new(n, ALPHA).unwrap();
    let (held, new): (Vec<usize>, Vec<usize>) = ((0..n).collect(), (n..n + m).collect());
    for score in RANDOMISED {
        let covered: Vec<usize> = (0..RESAMPLES)
            .map(|draw| {
                let config = ClassConformalConfig { alpha: ALPHA, score, seed: draw, ..Default::default() };
                let (sets, labels) = sets_of(&simulated(draw, n + m), &held, &new, config);
                hits(&sets, &labels)
            })
            .collect();
        assert_law(&format!("{score:?}"), law, m, &covered);
    }
}

/// Without randomisation and without empty sets more is covered: the lower bound holds, at 4.9 standard deviations.
#[test]
fn larger_sets_cover_at_least_as_much() {
    let (n, m) = (47, 60);
    let law = CoverageLaw::new(n, ALPHA).unwrap();
    let (held, new): (Vec<usize>, Vec<usize>) = ((0..n).collect(), (n..n + m).collect());
    let larger = [
        (ClassScore::Aps { randomised: false }, false),
        (ClassScore::Raps { randomised: false, penalty: 0.05, free: 1 }, false),
        (ClassScore::Aps { randomised: true }, true),
    ];
    for (score, nonempty) in larger {
        let mut covered = 0;
        for draw in 0..RESAMPLES {
            let config = ClassConformalConfig { alpha: ALPHA, score, nonempty, seed: draw, ..Default::default() };
            let (sets, labels) = sets_of(&simulated(draw, n + m), &held, &new, config);
            covered += hits(&sets, &labels);
            assert!(!nonempty || (0..m).all(|i| sets.size(i) > 0));
        }
        let mean = float(covered) / float(m) / 1000.0;
        let deviation = (law.stddev().powi(2) + law.mean() * (1.0 - law.mean()) / float(m)).sqrt() / 1000.0_f64.sqrt();
        assert!(mean > law.mean() - 4.9 * deviation, "{score:?}: {mean}");
    }
}

/// Each class on its own: given how many examples of it there are, its covered ones follow their own law.
#[test]
fn classes_are_covered_one_by_one() {
    let (n, m) = (120, 120);
    let (held, new): (Vec<usize>, Vec<usize>) = ((0..n).collect(), (n..n + m).collect());
    let (mut excess, mut variance) = ([0.0; 4], [0.0; 4]);
    for draw in 0..RESAMPLES {
        let (mut probs, mut labels) = simulated(draw, n + m);
        // Class 3 is rarer and the model knows nothing of it.
        labels.iter_mut().zip(uniforms_f64(Stream::named(2, "rare").draws(draw, 1), n + m)).for_each(|(label, u)| {
            if *label == 3 && u < 0.5 {
                *label = 0;
            }
        });
        let values = probs.values().chunks_exact(4).flat_map(|p| [p[0] + 0.9 * p[3], p[1], p[2], 0.1 * p[3]]);
        probs = Probabilities::new(values.collect(), 4).unwrap();
        let config = ClassConformalConfig { alpha: ALPHA, per_class: true, seed: draw, ..Default::default() };
        let data = (probs, labels);
        let (sets, new_labels) = sets_of(&data, &held, &new, config);
        for class in 0..4 {
            let held_of_class = data.1[..n].iter().filter(|&&label| label == class).count();
            let law = CoverageLaw::new(held_of_class, ALPHA).unwrap();
            let of_class = (0..m).filter(|&i| new_labels[i] == class);
            let size = float(of_class.clone().count());
            let covered = float(of_class.filter(|&i| sets.contains(i, class)).count());
            let p = law.mean();
            excess[class] += covered - size * p;
            variance[class] += size * (p * (1.0 - p) + (size - 1.0) * law.stddev().powi(2));
        }
    }
    let z: Vec<f64> = (0..4).map(|class| excess[class] / variance[class].sqrt()).collect();
    assert!(z.iter().all(|z| z.abs() < 4.9), "{z:?}");
}

#[test]
fn too_few_examples_are_said_and_everything_is_allowed() {
    let data = simulated(0, 40);
    let first: Vec<usize> = (0..8).collect();
    let labels: Vec<usize> = first.iter().map(|&i| data.1[i]).collect();
    let conformal = ClassConformal::fit(&rows(&data.0, &first), &labels, ClassConformalConfig::default()).unwrap();
    assert_eq!(conformal.always_included(), [0, 1, 2, 3]);
    let sets = conformal.predict(&data.0).unwrap();
    assert!((0..40).all(|i| sets.size(i) == 4));
    let json = serde_json::to_string(&conformal).unwrap();
    assert_eq!(serde_json::from_str::<ClassConformal>(&json).unwrap(), conformal);
    let config = ClassConformalConfig { per_class: true, ..Default::default() };
    let by_class = ClassConformal::fit(&data.0, &data.1, config).unwrap();
    let json = serde_json::to_string(&by_class).unwrap();
    assert_eq!(serde_json::from_str::<ClassConformal>(&json).unwrap(), by_class);
    let toml = toml::to_string(&by_class).unwrap();
    assert_eq!(toml::from_str::<ClassConformal>(&toml).unwrap(), by_class, "{toml}");
    assert!(serde_json::from_str::<ClassConformal>(&json.replace("\"classes\":4", "\"classes\":5")).is_err());
    assert!(serde_json::from_str::<ClassConformal>(&json.replacen("\"alpha\":0.1", "\"alpha\":0.2", 1)).is_err());
    let three = Probabilities::new(vec![0.2, 0.3, 0.5], 3).unwrap();
    assert_eq!(conformal.predict(&three).unwrap_err().to_string(), "classes: expected 4 values, found 3");
}

/// Targets with noise that grows with x; predictions with the wrong deviation.
struct Regression {
    means: Vec<f64>,
    stddevs: Vec<f64>,
    targets: Vec<f64>,
}

fn regression(draw: u64, n: usize) -> Regression {
    let z = normals_f64(Stream::named(3, "conformal regression").draws(draw, 1), 2 * n);
    let (means, noise) = z.split_at(n);
    let stddevs: Vec<f64> = means.iter().map(|x| 0.1 + 0.3 * x.abs()).collect();
    let targets = means.iter().zip(noise).map(|(x, z)| x + (0.3 + x.abs()) * z).collect();
    Regression { means: means.to_vec(), stddevs, targets }
}

fn covered(intervals: &Intervals, targets: &[f64]) -> usize {
    let inside = |i: &usize| (intervals.low[*i]..=intervals.high[*i]).contains(&targets[*i]);
    (0..targets.len()).filter(inside).count()
}

#[test]
fn intervals_cover_as_the_law_says() {
    let (n, m) = (58, 50);
    let law = CoverageLaw::new(n, ALPHA).unwrap();
    let mut counts = [vec![], vec![], vec![], vec![]];
    for draw in 0..RESAMPLES {
        let Regression { means, stddevs, targets } = regression(draw, n + m);
        let ends = |sign: f64| means.iter().zip(&stddevs).map(|(x, s)| x + sign * 1.6 * s).collect::<Vec<f64>>();
        let (low, high) = (ends(-1.0), ends(1.0));
        let parts = |from: usize, to: usize| {
            let (means, stddevs) = (&means[from..to], &stddevs[from..to]);
            let quantiles = Band::Quantiles { low: &low[from..to], high: &high[from..to] };
            [Band::Mean { means }, Band::Scaled { means, stddevs }, quantiles]
        };
        for (k, (held, new)) in parts(0, n).into_iter().zip(parts(n, n + m)).enumerate() {
            let conformal = IntervalConformal::fit(held, &targets[..n], ALPHA).unwrap();
            counts[k].push(covered(&conformal.predict(new).unwrap(), &targets[n..]));
        }
        let normal = |i: usize| 0.5 * libm::erfc((means[i] - targets[i]) / stddevs[i] / core::f64::consts::SQRT_2);
        let pit: Vec<f64> = (0..n + m).map(normal).collect();
        let (low, high) = DistributionConformal::fit(&pit[..n], ALPHA).unwrap().levels();
        counts[3].push(pit[n..].iter().filter(|u| (low..=high).contains(*u)).count());
    }
    for (what, counts) in ["mean", "scaled", "quantiles", "distribution"].iter().zip(&counts) {
        // Distribution functions of exactly 0 or 1 are ties, which only add coverage: there are hardly any here.
        assert_law(what, law, m, counts);
    }
}

/// Trains a small network and predicts the test part with 50 weight samples.
fn test_predictions(name: &str, train: &Dataset, test: &Dataset, epochs: usize) -> (Probabilities, Vec<usize>) {
    let scaler = Scaler::fit(ScalingKind::PerSeries, train).unwrap();
    let Labels::Classes { names, .. } = &train.labels else { panic!("{name} has classes") };
    let test = scaler.apply(&test.clone().with_classes(names).unwrap()).unwrap();
    let train = TrainingData::classes(scaler.apply(train).unwrap()).unwrap();
    let input = InputShape { channels: 1, length: train.series.length_range().unwrap().1 };
    let likelihood = Likelihood::categorical(names.len());
    let config = TrainingConfig { epochs, kl_weight: 0.1, ..TrainingConfig::default() };
    let device = Device::flex().autodiff();
    let model = Model::new(&preset("mlp").unwrap(), input, likelihood, 1, &device).unwrap();
    let mut trainer = Trainer::new(config, model).unwrap();
    while !trainer.is_done() {
        trainer.run_epoch(&train, None, |_| ()).unwrap();
    }
    let Labels::Classes { labels, .. } = &test.labels else { panic!("{name} has classes") };
    match predict_posterior(&trainer.trained(), &test, &TargetScaling::None, 50, 1).unwrap() {
        Predictions::Classes(split) => (split.probabilities, labels.clone()),
        Predictions::Real(_) => unreachable!("the likelihood is categorical"),
    }
}

/// Three data sets, half of each test part held out: 90 % but for what the beta-binomial law allows with error rate
/// 1e-3 for each of the nine, on the first split. Given the predictions, random splits are independent draws of the
/// law, so 1,000 of them are compared with it as simulations are.
#[test]
fn networks_on_three_data_sets_cover_90_percent() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/ArrowHead");
    let file = |part: &str| read(&folder.join(format!("ArrowHead_{part}.ts"))).unwrap();
    let sets = [
        ("italy-power-demand", embedded("italy-power-demand").unwrap()),
        ("gun-point", embedded("gun-point").unwrap()),
        ("arrow-head", (file("TRAIN"), file("TEST"))),
    ];
    for (name, (train, test)) in &sets {
        let data = test_predictions(name, train, test, 60);
        let n = data.1.len() / 2;
        let m = (data.1.len() - n).min(100);
        let law = CoverageLaw::new(n, ALPHA).unwrap();
        for score in RANDOMISED {
            let counts: Vec<usize> = (0..RESAMPLES)
                .map(|split| {
                    let order = shuffled(data.1.len(), 1, split);
                    let config = ClassConformalConfig { alpha: ALPHA, score, seed: split, ..Default::default() };
                    let (sets, labels) = sets_of(&data, &order[..n], &order[n..n + m], config);
                    if split == 0 {
                        let (low, high) = law.covered_between(m, 1e-3).unwrap();
                        let hits = hits(&sets, &labels);
                        let scores = sets.scores(&labels, &Bootstrap::default()).unwrap();
                        println!("{name} {score:?}: {hits} of {m}, [{low}, {high}]; {:?}", scores.mean_size);
                        assert!((low..=high).contains(&hits), "{name} {score:?}: {hits} of {m}, [{low}, {high}]");
                        assert!((scores.coverage.value - float(hits) / float(m)).abs() < 1e-12);
                    }
                    hits(&sets, &labels)
                })
                .collect();
            assert_law(&format!("{name} {score:?}"), law, m, &counts);
        }
    }
}

/// Errors five times as large from the middle on.
fn shifted_scores(n: usize) -> Vec<f64> {
    let z = normals_f64(Stream::named(4, "series").draws(0, 1), n);
    z.iter().enumerate().map(|(i, z)| z.abs() * if i < n / 2 { 1.0 } else { 5.0 }).collect()
}

/// After the shift a fixed threshold misses half of the targets, levels that learn miss 10 % again: of 400 times, with
/// standard deviation 1.5 % for independent misses, 5 % more or less allowed.
#[test]
fn levels_that_learn_follow_a_shift() {
    let scores = shifted_scores(1000);
    let fixed = Threshold::fit(&scores[..400], ALPHA).unwrap().value();
    let mut adaptive = AdaptiveConformal::new(ALPHA, 0.05).unwrap();
    let mut dynamic = DynamicConformal::with_usual_steps(ALPHA, 100).unwrap();
    let mut missed = [0; 3];
    for t in 100..1000 {
        // The last hundred scores.
        let past = &scores[t - 100..t];
        let hits =
            [scores[t] <= fixed, adaptive.observe(past, scores[t]).unwrap(), dynamic.observe(past, scores[t]).unwrap()];
        if t >= 600 {
            hits.iter().zip(&mut missed).for_each(|(hit, missed)| *missed += usize::from(!hit));
        }
    }
    let share = missed.map(|missed| float(missed) / 400.0);
    assert!(share[0] > 0.5 && share[1..].iter().all(|share| (share - ALPHA).abs() < 0.05), "{share:?}");
}

/// The same three steps ahead, each learnt when it is known: 10 % of the values of every step are missed again. 400
/// forecasts; misses after a shift hang together, so 6 % more or less.
#[test]
fn horizons_follow_a_shift() {
    let z = normals_f64(Stream::named(5, "series").draws(0, 1), 3000);
    let scores: Vec<f64> = z.iter().enumerate().map(|(k, z)| z.abs() * if k < 1500 { 1.0 } else { 5.0 }).collect();
    let mut conformal = HorizonConformal::new(ALPHA, 3, 1).unwrap();
    let used = conformal.follow(&scores).unwrap();
    for step in 0..3 {
        let rows = || (0..1000).map(|i| i * 3 + step);
        let missed = |from: usize, to: usize| {
            let missed = rows().skip(from).take(to - from).filter(|&k| scores[k] > used[k]).count();
            float(missed) / float(to - from)
        };
        assert!((missed(100, 500) - ALPHA).abs() < 0.06, "step {step}: {}", missed(100, 500));
        assert!((missed(600, 1000) - ALPHA).abs() < 0.06, "step {step}: {}", missed(600, 1000));
        let fixed = Threshold::fit(&rows().take(400).map(|k| scores[k]).collect::<Vec<_>>(), ALPHA).unwrap().value();
        let missed = rows().skip(600).filter(|&k| scores[k] > fixed).count();
        assert!(float(missed) / 400.0 > 0.5, "a fixed threshold does not follow");
    }
}

/// Errors that are five times as large for 48 rows, then small for 48, and so on: what holds a target one row ahead is
/// out of date many rows ahead. 5,900 forecasts; misses come in runs of up to 48, so the share's standard deviation is at most
/// `sqrt(0.09 48 / 5900) = 2.7 %`, with levels that correct it far less.
#[test]
fn late_targets_are_held_as_often() {
    let z = normals_f64(Stream::named(6, "series").draws(0, 1), 6000);
    let scores: Vec<f64> =
        z.iter().enumerate().map(|(i, z)| z.abs() * if i / 48 % 2 == 0 { 1.0 } else { 5.0 }).collect();
    for horizon in [1, 12, 24, 48] {
        let repeated: Vec<f64> = scores.iter().flat_map(|&score| vec![score; horizon]).collect();
        let used = HorizonConformal::new(ALPHA, horizon, 1).unwrap().follow(&repeated).unwrap();
        let missed = (100..6000).filter(|i| scores[*i] > used[i * horizon + horizon - 1]).count();
        let share = float(missed) / 5900.0;
        assert!((share - ALPHA).abs() < 0.02, "{horizon} ahead: {share}");
    }
}

proptest! {
    /// Proposition 4.1 of Gibbs and Candès holds for every sequence, an adversary's too.
    #[test]
    fn missed_targets_stay_within_the_bound(
        scores in prop::collection::vec(prop_oneof![-5.0..5.0_f64, Just(1e9), Just(-1e9)], 1..300),
        alpha in 0.01..0.99_f64,
        gamma in 0.005..1.0_f64,
    ) {
        let mut adaptive = AdaptiveConformal::new(alpha, gamma).unwrap();
        let mut missed = 0;
        for t in 0..scores.len() {
            missed += usize::from(!adaptive.observe(&scores[..t], scores[t]).unwrap());
            prop_assert!((-gamma - 1e-12..=1.0 + gamma + 1e-12).contains(&adaptive.level()));
            let share = float(missed) / float(t + 1);
            prop_assert!((share - alpha).abs() <= adaptive.error_bound(t + 1) + 1e-12);
        }
    }

    #[test]
    fn smaller_alphas_give_larger_sets(draw in 0_u64..1000, low in 0.02..0.5_f64, more in 0.0..0.4_f64) {
        let data = simulated(draw, 60);
        let (held, new): (Vec<usize>, Vec<usize>) = ((0..40).collect(), (40..60).collect());
        for score in RANDOMISED {
            let of = |alpha| {
                let config = ClassConformalConfig { alpha, score, seed: draw, ..Default::default() };
                sets_of(&data, &held, &new, config).0
            };
            let (larger, smaller) = (of(low), of(low + more));
            prop_assert!((0..20).all(|i| smaller.members(i).all(|class| larger.contains(i, class))));
        }
    }

    /// On the held-out examples themselves at least `⌈(n + 1)(1 - α)⌉` targets are inside, ties or not.
    #[test]
    fn held_out_targets_are_inside(
        targets in prop::collection::vec(prop_oneof![-3.0..3.0_f64, Just(1.0)], 1..60), alpha in 0.01..0.99_f64,
    ) {
        let (means, stddevs) = (vec![0.5; targets.len()], vec![0.7; targets.len()]);
        let band = Band::Scaled { means: &means, stddevs: &stddevs };
        let conformal = IntervalConformal::fit(band, &targets, alpha).unwrap();
        let inside = band.scores(&targets).unwrap().iter().filter(|s| **s <= conformal.threshold().value()).count();
        let least = ((float(targets.len()) + 1.0) * (1.0 - alpha) - 1e-9).ceil().min(float(targets.len()));
        prop_assert!(float(inside) >= least);
        let intervals = conformal.predict(band).unwrap();
        // The interval ends at the target of the threshold, up to rounding.
        let wider = |end: &f64, by: f64| end + by * 1e-12 * end.abs().max(1.0);
        let low: Vec<f64> = intervals.low.iter().map(|low| wider(low, -1.0)).collect();
        let high: Vec<f64> = intervals.high.iter().map(|high| wider(high, 1.0)).collect();
        let held = coverage(&low, &high, &targets).unwrap();
        prop_assert!((held - float(inside) / float(targets.len())).abs() < 1e-12, "{} of {}", held, inside);
    }
}

//! Posterior prediction does not depend on how a pass is cut to fit its memory budget.

#[path = "device/mod.rs"]
mod device;

use elbo::data::{Dataset, TargetScaling, embedded};
use elbo::metric::UncertaintySplit;
use elbo::model::{InputShape, LayerDescription, Model, preset};
use elbo::objective::Likelihood;
use elbo::predict::{PosteriorPredictive, Predictions};
use elbo::{Estimator, Noise};
use std::ops::RangeInclusive;

/// Probabilities of 60 series, with their credible intervals, under a preset with an estimator; `lengths` are those that series have.
fn probabilities(network: &str, estimator: Estimator, lengths: RangeInclusive<usize>, bytes: usize) -> Vec<f64> {
    let (_, test) = embedded("italy-power-demand").unwrap();
    let mut data = test.subset(&(0..60).collect::<Vec<_>>());
    for (i, example) in data.examples.iter_mut().enumerate() {
        example.values.truncate(lengths.start() + 7 * i % (lengths.end() - lengths.start() + 1));
    }
    let mut description = preset(network).unwrap();
    for layer in &mut description.layers {
        if let LayerDescription::Conv1d { estimator: own, .. } | LayerDescription::Dense { estimator: own, .. } = layer
        {
            *own = estimator;
        }
    }
    let input = InputShape { channels: 1, length: 24 };
    let model = Model::new(&description, input, Likelihood::categorical(2), 3, &device::plain()).unwrap();
    let predictive = PosteriorPredictive::new(20, Noise::seeded(1)).unwrap().with_memory_budget(bytes);
    let bare = classes(&predictive, &model, &data);
    let split = classes(&predictive.with_class_posteriors(), &model, &data);
    let posteriors = split.posteriors.as_ref().unwrap();
    assert!(bare.posteriors.is_none() && bare.probabilities == split.probabilities);
    // Two classes: their variances are equal, together those of the split, and one's interval is the other's turned around.
    let (low, high) = posteriors.credible_interval(0.8).unwrap();
    for i in 0..60 {
        let variance: f64 = posteriors.stddev()[2 * i..2 * i + 2].iter().map(|s| s * s).sum();
        assert!((variance - split.variances.epistemic[i]).abs() < 1e-12);
        assert!((low[2 * i] - (1.0 - high[2 * i + 1])).abs() < 1e-12 && low[2 * i] < high[2 * i]);
    }
    (0..60).flat_map(|i| [split.probabilities.row(i)[0], low[2 * i], high[2 * i]]).collect()
}

fn classes(predictive: &PosteriorPredictive, model: &Model, data: &Dataset) -> UncertaintySplit {
    match predictive.predict(model, data, &TargetScaling::None).unwrap() {
        Predictions::Classes(split) => split,
        Predictions::Real(_) => unreachable!("the data have classes"),
    }
}

/// Passes of 1 example, of some, and of all examples under several samples. Whatever its size, a product adds up in the
/// same order.
#[test]
fn memory_budgets_do_not_change_predictions() {
    for estimator in [Estimator::Reparameterization, Estimator::Flipout, Estimator::LocalReparameterization] {
        let whole = probabilities("conv1d", estimator, 24..=24, 1 << 30);
        assert!(whole.iter().any(|p| (p - whole[0]).abs() > 1e-2), "{estimator:?}: predictions differ");
        for bytes in [1, 70_000, 1_200_000] {
            let found = probabilities("conv1d", estimator, 24..=24, bytes);
            for (i, (found, whole)) in found.iter().zip(&whole).enumerate() {
                assert_eq!(found, whole, "{estimator:?}, {bytes} bytes, example {i}");
            }
        }
    }
}

/// Series of unequal lengths: which go together depends on the budget, and what is drawn for each must not.
#[test]
fn memory_budgets_do_not_change_predictions_of_unequal_lengths() {
    for estimator in [Estimator::Reparameterization, Estimator::Flipout, Estimator::LocalReparameterization] {
        let of = |bytes| probabilities("tcn", estimator, 9..=24, bytes);
        let whole = of(1 << 30);
        assert!(whole.iter().any(|p| (p - whole[0]).abs() > 1e-2), "{estimator:?}: predictions differ");
        for bytes in [1, 70_000, 300_000, 1_200_000] {
            for (i, (found, whole)) in of(bytes).iter().zip(&whole).enumerate() {
                assert_eq!(found, whole, "{estimator:?}, {bytes} bytes, example {i}");
            }
        }
    }
}

//! Posterior prediction does not depend on how a pass is cut to fit its memory budget.

#[path = "device/mod.rs"]
mod device;

use elbo::data::{TargetScaling, embedded};
use elbo::model::{InputShape, LayerDescription, Model, preset};
use elbo::objective::Likelihood;
use elbo::predict::{PosteriorPredictive, Predictions};
use elbo::{Estimator, Noise};
use std::ops::RangeInclusive;

/// Probabilities of 60 series under a preset with an estimator; `lengths` are those that series have.
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
    match predictive.predict(&model, &data, &TargetScaling::None).unwrap() {
        Predictions::Classes(split) => (0..60).map(|i| split.probabilities.row(i)[0]).collect(),
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

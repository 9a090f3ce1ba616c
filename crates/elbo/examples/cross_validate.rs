//! Chooses settings on training data: k-fold cross-validation of the `conv1d` preset over prior scales, initial
//! posterior scales and KL weights, by the negative log likelihood of the posterior predictive. The defaults of the
//! presets were chosen so.
//!
//! `cargo run --release -p elbo --example cross_validate -- [TRAIN.ts ..]`; without files, on the embedded sets.

use burn::tensor::Device;
use elbo::Result;
use elbo::data::{Dataset, Labels, NAMES, Scaler, ScalingKind, TargetScaling, embedded, read, shuffled};
use elbo::metric;
use elbo::model::{InputShape, Model, ModelDescription, PriorDescription, Size, preset};
use elbo::objective::Likelihood;
use elbo::predict::Predictions;
use elbo::run::predict_posterior;
use elbo::train::{Trainer, TrainingConfig, TrainingData};
use std::path::Path;

const FOLDS: usize = 4;
const REPEATS: u8 = 2;
const SAMPLES: usize = 100;
/// Scales, each divided by the root of the fan-in.
const PRIOR: [f64; 3] = [0.7, core::f64::consts::SQRT_2, 3.0];
const POSTERIOR: [f64; 2] = [0.1, 0.5];
const KL_WEIGHT: [f64; 6] = [1.0, 0.1, 0.03, 0.01, 0.003, 0.001];

fn main() -> Result<()> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let mut sets = files.iter().map(|file| Ok(read(Path::new(file))?)).collect::<Result<Vec<Dataset>>>()?;
    if sets.is_empty() {
        sets = NAMES.iter().filter_map(|name| embedded(name)).map(|(train, _)| train).collect();
    }
    println!("prior  posterior  KL weight | held-out NLL (accuracy) of each set | mean NLL");
    let grid =
        PRIOR.iter().flat_map(|&p| POSTERIOR.iter().flat_map(move |&q| KL_WEIGHT.iter().map(move |&k| (p, q, k))));
    for (prior, posterior, kl_weight) in grid {
        let of = |data: &Dataset| cross_validate(data, prior, posterior, kl_weight);
        let scores = sets.iter().map(of).collect::<Result<Vec<[f64; 2]>>>()?;
        let cells: Vec<String> = scores.iter().map(|[nll, accuracy]| format!("{nll:.4} ({accuracy:.3})")).collect();
        let mean = scores.iter().map(|[nll, _]| nll).sum::<f64>() / float(scores.len());
        println!("{prior:.2}  {posterior:.1}  {kl_weight:<5} | {} | {mean:.4}", cells.join("  "));
    }
    Ok(())
}

/// Mean NLL and accuracy over all held-out examples of all folds.
fn cross_validate(data: &Dataset, prior: f64, posterior: f64, kl_weight: f64) -> Result<[f64; 2]> {
    let mut description = preset("conv1d")?;
    description.prior = PriorDescription::Normal { scale: Size::PerFanIn { per_fan_in: prior } };
    description.posterior.scale = Size::PerFanIn { per_fan_in: posterior };
    let config = TrainingConfig { kl_weight, ..TrainingConfig::default() };
    let mut sums = [0.0; 2];
    for repeat in 0..REPEATS {
        let order = by_class(data, shuffled(data.len(), 1, u64::from(repeat)));
        for fold in 0..FOLDS {
            let held_out: Vec<usize> = order.iter().skip(fold).step_by(FOLDS).copied().collect();
            let kept: Vec<usize> = order.iter().filter(|i| !held_out.contains(i)).copied().collect();
            let scores = fit_and_score(&description, &config, &data.subset(&kept), &data.subset(&held_out))?;
            (0..2).for_each(|i| sums[i] += scores[i] * float(held_out.len()));
        }
    }
    Ok(sums.map(|sum| sum / float(data.len()) / f64::from(REPEATS)))
}

/// Examples of a class next to each other, so that every k-th one is a stratified part.
fn by_class(data: &Dataset, mut order: Vec<usize>) -> Vec<usize> {
    if let Labels::Classes { labels, .. } = &data.labels {
        order.sort_by_key(|&i| labels[i]);
    }
    order
}

fn fit_and_score(
    description: &ModelDescription,
    config: &TrainingConfig,
    train: &Dataset,
    held_out: &Dataset,
) -> Result<[f64; 2]> {
    let scaler = Scaler::fit(ScalingKind::PerSeries, train)?;
    let (train, held_out) = (TrainingData::classes(scaler.apply(train)?)?, scaler.apply(held_out)?);
    let length = train.series.length_range().map_or(0, |(_, longest)| longest);
    let input = InputShape { channels: train.series.channels, length };
    let likelihood = Likelihood::categorical(train.series.class_counts().len());
    let model = Model::new(description, input, likelihood, config.seed, &Device::flex().autodiff())?;
    let mut trainer = Trainer::new(config.clone(), model)?;
    while !trainer.is_done() {
        trainer.run_epoch(&train, None, |_| ())?;
    }
    match (
        predict_posterior(&trainer.trained(), &held_out, &TargetScaling::None, SAMPLES, config.seed)?,
        &held_out.labels,
    ) {
        (Predictions::Classes(split), Labels::Classes { labels, .. }) => {
            Ok([metric::nll(&split.probabilities, labels)?, metric::accuracy(&split.probabilities, labels)?])
        }
        _ => unreachable!("the likelihood is categorical and the data have classes"),
    }
}

#[allow(clippy::cast_precision_loss)] // counts of examples
fn float(n: usize) -> f64 {
    n as f64
}

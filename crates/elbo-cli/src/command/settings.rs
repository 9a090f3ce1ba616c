//! From arguments to a run's configuration, and back: what a resumed run may not be told anew.

use super::calibration;
use crate::cli::{SeriesArgs, SweepArgs, TrainArgs};
use anyhow::{Context, Result, bail};
use elbo::data::{ReadOptions, ScalingKind, SeriesColumns, WindowShape};
use elbo::model::{ModelDescription, preset};
use elbo::run::{
    Choice, DataSource, Dimension, Parts, PredictionConfig, RealLikelihood, RunConfig, Setting, SweepConfig, Targets,
    prepare,
};
use elbo::train::TrainingConfig;
use std::fs;
use std::path::{Path, PathBuf};

const DEFAULT_DATASET: &str = "italy-power-demand";
const DEFAULT_PRESET: &str = "conv1d";
const SERIES_PRESET: &str = "tcn";
const DEFAULT_TEST_FRACTION: f64 = 0.2;
/// Steps of training that a perceptron on a table has at least, unless told otherwise.
const LEAST_STEPS: usize = 20_000;

/// The configuration of a new run, and its data.
pub fn new_run(args: &TrainArgs) -> Result<(RunConfig, Parts)> {
    let mut training = training(args);
    training.check()?;
    let sweep = sweep(&args.sweep)?;
    check_not_given(args, sweep.as_ref())?;
    let samples = args.samples.unwrap_or(PredictionConfig::default().samples);
    let prediction = calibration::prediction(&args.calibration, samples);
    // A bad number of samples is told before training, not after.
    elbo::predict::PosteriorPredictive::new(prediction.samples, elbo::Noise::seeded(0))?;
    let model = model(args)?;
    let scaling = args.scaling.map_or_else(|| default_scaling(args), Into::into);
    let likelihood = args.likelihood.map_or(RealLikelihood::default(), Into::into);
    let read = args.read.options(&ReadOptions::default());
    let (data, parts) = prepare(source(args)?, read, scaling, likelihood, &training)?;
    prediction.check(&data.targets, parts.calibration.as_ref(), &training)?;
    training.kl_weight = args.kl_weight.unwrap_or_else(|| data.targets.default_kl_weight());
    training.epochs = args.epochs.unwrap_or_else(|| default_epochs(args, &data.targets, &training, parts.train.len()));
    let elbo_version = env!("CARGO_PKG_VERSION").to_owned();
    Ok((RunConfig { elbo_version, training, prediction, sweep, data, model }, parts))
}

/// The usual number. A perceptron that learns a real target from a small table is not done by then (see `docs/defaults.md`).
fn default_epochs(args: &TrainArgs, targets: &Targets, training: &TrainingConfig, examples: usize) -> usize {
    let usual = TrainingConfig::default().epochs;
    match (args.preset.as_deref(), targets) {
        (Some("mlp"), Targets::Real { .. }) => {
            let steps = examples.div_ceil(training.batch_size).max(1);
            usual.max(LEAST_STEPS.div_ceil(steps))
        }
        _ => usual,
    }
}

/// A perceptron's inputs are columns, and those of a table have units of their own; other networks look along a series.
fn default_scaling(args: &TrainArgs) -> ScalingKind {
    let is_table =
        args.train.as_ref().and_then(|path| path.extension()).is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    match args.preset.as_deref() {
        _ if args.series.series.is_some() => ScalingKind::PerWindow,
        Some("mlp") if is_table => ScalingKind::PerFeature,
        _ => ScalingKind::PerSeries,
    }
}

fn training(args: &TrainArgs) -> TrainingConfig {
    let default = TrainingConfig::default();
    TrainingConfig {
        epochs: args.epochs.unwrap_or(default.epochs),
        batch_size: args.batch_size.unwrap_or(default.batch_size),
        learning_rate: args.lr.unwrap_or(default.learning_rate),
        kl_weight: args.kl_weight.unwrap_or(default.kl_weight),
        samples: args.train_samples.unwrap_or(default.samples),
        seed: args.seed.unwrap_or(default.seed),
        // Folds hold out in their own way.
        validation_fraction: args.sweep.folds.map_or(args.validation.unwrap_or(default.validation_fraction), |_| 0.0),
        calibration_fraction: calibration::fraction(&args.calibration),
        ..default
    }
}

/// The sweep that is asked for.
fn sweep(args: &SweepArgs) -> Result<Option<SweepConfig>> {
    if args.sweep.is_empty() {
        return Ok(None);
    }
    let dimension = |text: &String| text.parse::<Dimension>().with_context(|| format!("--sweep {text}"));
    let space = args.sweep.iter().map(dimension).collect::<Result<_>>()?;
    let choose = args.choose.map_or(Choice::default(), Into::into);
    let sweep = SweepConfig { space, trials: args.trials, folds: args.folds, choose };
    sweep.check()?;
    Ok(Some(sweep))
}

/// A setting that is swept has no other value.
fn check_not_given(args: &TrainArgs, sweep: Option<&SweepConfig>) -> Result<()> {
    for Dimension { setting, values } in sweep.iter().flat_map(|sweep| &sweep.space) {
        let given = match setting {
            Setting::KlWeight => args.kl_weight,
            Setting::LearningRate => args.lr,
            Setting::PriorScale | Setting::PosteriorScale => None,
        };
        if let Some(given) = given {
            let name = setting.name();
            bail!("--{name}: expected no value beside --sweep {name}={values}, found {given}");
        }
    }
    Ok(())
}

fn model(args: &TrainArgs) -> Result<ModelDescription> {
    let Some(path) = &args.model else {
        let default = if args.series.series.is_some() { SERIES_PRESET } else { DEFAULT_PRESET };
        return Ok(preset(args.preset.as_deref().unwrap_or(default))?);
    };
    let text = fs::read_to_string(path).with_context(|| format!("{}: cannot read", path.display()))?;
    Ok(ModelDescription::from_toml(&text, &path.display().to_string())?)
}

/// Files by their absolute paths: a run can be resumed from any folder.
fn source(args: &TrainArgs) -> Result<DataSource> {
    let absolute = |path: &PathBuf| fs::canonicalize(path).with_context(|| format!("{}: cannot read", path.display()));
    if let Some(series) = &args.series.series {
        return series_source(absolute(series)?, &args.series);
    }
    match &args.train {
        Some(train) => {
            Ok(DataSource::Files { train: absolute(train)?, test: args.test.as_ref().map(absolute).transpose()? })
        }
        None => Ok(DataSource::Embedded { dataset: args.dataset.clone().unwrap_or_else(|| DEFAULT_DATASET.into()) }),
    }
}

/// A window of twice the horizon, and of 8 rows at least, unless one is given.
fn series_source(series: PathBuf, args: &SeriesArgs) -> Result<DataSource> {
    let horizon = args.horizon.context("--series: expected --horizon with it, found none")?;
    let window = args.window.unwrap_or_else(|| horizon.saturating_mul(2).max(8));
    Ok(DataSource::Series {
        series,
        shape: WindowShape { window, horizon },
        test_fraction: args.test_fraction.unwrap_or(DEFAULT_TEST_FRACTION),
        columns: SeriesColumns {
            time: args.time_column.clone(),
            targets: args.target.clone(),
            covariates: (!args.covariate.is_empty()).then(|| args.covariate.clone()),
        },
    })
}

/// Refuses arguments that differ from those that the run began with: it would not be the same run.
pub fn check_resumed(args: &TrainArgs, config: &RunConfig, folder: &Path) -> Result<()> {
    let training = &config.training;
    let numbers = [
        ("--epochs", args.epochs.map(|n| n.to_string()), training.epochs.to_string()),
        ("--batch-size", args.batch_size.map(|n| n.to_string()), training.batch_size.to_string()),
        ("--lr", args.lr.map(|x| x.to_string()), training.learning_rate.to_string()),
        ("--kl-weight", args.kl_weight.map(|x| x.to_string()), training.kl_weight.to_string()),
        ("--samples", args.samples.map(|n| n.to_string()), config.prediction.samples.to_string()),
        ("--train-samples", args.train_samples.map(|n| n.to_string()), training.samples.to_string()),
        ("--seed", args.seed.map(|n| n.to_string()), training.seed.to_string()),
        ("--validation", args.validation.map(|x| x.to_string()), training.validation_fraction.to_string()),
    ];
    let scaling = args.scaling.map(|scaling| format!("{:?}", ScalingKind::from(scaling)));
    let scaling = ("--scaling", scaling, format!("{:?}", config.data.scaler.kind));
    let likelihood = args.likelihood.map(|likelihood| format!("{:?}", RealLikelihood::from(likelihood)));
    let likelihood = ("--likelihood", likelihood, format!("{:?}", config.data.targets.real_likelihood()));
    let after = calibration::given(&args.calibration, config);
    for (flag, given, began) in numbers.into_iter().chain([scaling, likelihood]).chain(after) {
        if let Some(given) = given.filter(|given| *given != began) {
            differs(flag, &given, &began, folder)?;
        }
    }
    check_sweep(&args.sweep, config, folder)?;
    check_source(args, config, folder)?;
    if (args.model.is_some() || args.preset.is_some()) && model(args)? != config.model {
        differs("--model or --preset", "another network", "the one in config.toml", folder)?;
    }
    let read = args.read.options(&config.data.read);
    if read != config.data.read {
        differs("--csv-label or --task", &format!("{read:?}"), &format!("{:?}", config.data.read), folder)?;
    }
    Ok(())
}

fn check_sweep(args: &SweepArgs, config: &RunConfig, folder: &Path) -> Result<()> {
    let given = sweep(args)?;
    if given.is_some() && given != config.sweep {
        let said = |sweep: Option<SweepConfig>| sweep.map_or("none".to_owned(), |sweep| format!("{sweep:?}"));
        differs("--sweep", &said(given), &said(config.sweep.clone()), folder)?;
    }
    Ok(())
}

fn check_source(args: &TrainArgs, config: &RunConfig, folder: &Path) -> Result<()> {
    if args.train.is_none() && args.dataset.is_none() && args.series.series.is_none() {
        return Ok(());
    }
    let given = source(args)?;
    if given != config.data.source {
        let (given, began) = (format!("{given:?}"), format!("{:?}", config.data.source));
        differs("the data", &given, &began, folder)?;
    }
    Ok(())
}

fn differs(flag: &str, given: &str, began: &str, folder: &Path) -> Result<()> {
    bail!(
        "{}: the run began with other settings: {flag}: expected {began}, found {given}; leave the option out, or \
         begin a new run with --out",
        folder.display()
    )
}

/// `runs/<data set>-<number>`, the first that is free.
pub fn free_folder(config: &RunConfig) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = match &config.data.source {
        DataSource::Embedded { dataset } => dataset.clone(),
        DataSource::Files { .. } | DataSource::Series { .. } => config.data.name.chars().map(plain).collect(),
    };
    (1_usize..)
        .map(|number| PathBuf::from("runs").join(format!("{name}-{number}")))
        .find(|path| !path.exists())
        .expect("numbers do not run out")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;
    use elbo::data::TargetScaler;

    fn epochs(arguments: &[&str], targets: &Targets, examples: usize) -> usize {
        let Command::Train(args) = Cli::parse_from([&["elbo", "train"], arguments].concat()).command else {
            panic!("{arguments:?}");
        };
        default_epochs(&args, targets, &training(&args), examples)
    }

    #[test]
    fn small_tables_are_trained_long_enough() {
        let real = Targets::Real { scaler: TargetScaler::NEUTRAL, likelihood: RealLikelihood::default() };
        let classes = Targets::Classes { names: vec!["a".into(), "b".into()] };
        // 250 examples make 16 steps of 16 an epoch.
        assert_eq!(epochs(&["--preset", "mlp"], &real, 250), 1250);
        assert_eq!(epochs(&["--preset", "mlp", "--batch-size", "250"], &real, 250), 20_000);
        assert_eq!(epochs(&["--preset", "mlp"], &real, 100_000), 300);
        assert_eq!((epochs(&["--preset", "mlp"], &classes, 250), epochs(&[], &real, 250)), (300, 300));
    }
}

//! Reading a run and the data it is to look at.

use crate::cli::ReadArgs;
use burn::tensor::Device;
use elbo::data::{Dataset, Example, ReadOptions, read_series, read_with};
use elbo::model::Model;
use elbo::run::{Adjustments, DataSource, RunConfig, RunFolder};
use elbo::{Error, Result};
use std::collections::HashSet;
use std::path::Path;

/// A finished run.
pub struct Trained {
    pub config: RunConfig,
    pub model: Model,
}

impl ReadArgs {
    /// Options of a reader: those given, else those of the run.
    pub fn options(&self, run: &ReadOptions) -> ReadOptions {
        ReadOptions {
            csv_label: self.csv_label.clone().or_else(|| run.csv_label.clone()),
            task: self.task.map(Into::into).or(run.task),
        }
    }
}

/// Reads the run in `folder` onto a device.
pub fn trained(folder: &Path, device: &Device) -> Result<Trained> {
    if !folder.is_dir() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such folder");
        return Err(Error::io(folder, "read", source));
    }
    let run = RunFolder::new(folder);
    Ok(Trained { config: run.config()?, model: run.model(device)? })
}

/// What the predictions of a run are adjusted by: by nothing if they are to be `raw`.
pub fn adjustments(folder: &Path, config: &RunConfig, raw: bool) -> Result<Adjustments> {
    if raw { Ok(Adjustments::default()) } else { RunFolder::new(folder).adjustments(config) }
}

/// Reads a file as the run's own data were read; a series becomes all its windows.
pub fn data(path: &Path, args: &ReadArgs, config: &RunConfig) -> Result<Dataset> {
    match &config.data.source {
        DataSource::Series { shape, columns, .. } => {
            let series = read_series(path, columns)?;
            Ok(series.windows(*shape, 0..series.len())?)
        }
        DataSource::Embedded { .. } | DataSource::Files { .. } => {
            Ok(read_with(path, &args.options(&config.data.read))?)
        }
    }
}

/// That examples of `data` were trained on, or that predictions were adjusted by them, if some were: their scores are too
/// good. Nothing is said where the training data are gone or have changed.
pub fn known(data: &Dataset, path: &Path, config: &RunConfig, adjustments: &Adjustments) -> Vec<String> {
    let loaded = config.data.source.load(&config.data.read, &config.training);
    let Some(loaded) = loaded.ok().filter(|loaded| loaded.fingerprint == config.data.fingerprint) else {
        return Vec::new();
    };
    let warning = |known: &Dataset, what: &str| {
        let again = shared(data, known);
        (again > 0).then(|| format!("{again} of {} examples of {} {what}", data.len(), path.display()))
    };
    let trained = warning(&loaded.train, "were trained on: their scores and uncertainties are too good");
    let adjusted =
        "fitted the recalibration or the thresholds: recalibrated scores and coverage of theirs are too good";
    // Forecasts that thresholds learnt from are not scored.
    let is_adjusted = *adjustments != Adjustments::default() && !adjustments.learn();
    let adjusted = is_adjusted.then(|| warning(&loaded.calibration, adjusted)).flatten();
    trained.into_iter().chain(adjusted).collect()
}

/// That examples of the test file were trained on, if some were.
pub fn leaked(config: &RunConfig) -> Option<String> {
    let DataSource::Files { test: Some(path), .. } = &config.data.source else { return None };
    let loaded = config.data.source.load(&config.data.read, &config.training).ok()?;
    let test = loaded.test.filter(|_| loaded.fingerprint == config.data.fingerprint)?;
    let again = shared(&test, &loaded.train);
    (again > 0).then(|| {
        let (all, path) = (test.len(), path.display());
        format!(
            "{again} of {all} test examples of {path} have the values of training examples: their scores are too good"
        )
    })
}

/// How many examples of `data` have the values of one that is known.
fn shared(data: &Dataset, known: &Dataset) -> usize {
    let bits = |example: &Example| example.values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
    let known: HashSet<Vec<u32>> = known.examples.iter().map(bits).collect();
    data.examples.iter().filter(|example| known.contains(&bits(example))).count()
}

/// That thresholds and maps belong to other draws of the weights than those asked for, if there are any.
pub fn other_draws(adjustments: &Adjustments, (samples, seed): (usize, u64), config: &RunConfig) -> Option<String> {
    let (fitted, of) = (config.prediction.samples, config.training.seed);
    (*adjustments != Adjustments::default() && (samples, seed) != (fitted, of)).then(|| {
        format!(
            "recalibration and thresholds were fitted to predictions of {fitted} weight samples with seed {of}, not of \
             {samples} with seed {seed}: they may not hold what they promise"
        )
    })
}

/// Reads a file to predict from; of a series what follows its end is predicted.
pub fn unlabelled(path: &Path, args: &ReadArgs, config: &RunConfig) -> Result<Dataset> {
    match &config.data.source {
        DataSource::Series { shape, columns, .. } => Ok(read_series(path, columns)?.last_window(*shape)?),
        DataSource::Embedded { .. } | DataSource::Files { .. } => data(path, args, config),
    }
}

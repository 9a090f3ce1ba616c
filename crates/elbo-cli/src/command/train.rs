//! `elbo train`: data in; a trained model, its scores and its predictions out.

use super::stop::Stop;
use super::{Outcome, settings, sweep};
use crate::cli::TrainArgs;
use crate::output::{self, Progress};
use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use elbo::data::{Gaps, read_series};
use elbo::device::DeviceName;
use elbo::record::parameter_names;
use elbo::run::{
    Adjustments, DataSource, Event, EventLog, Metrics, ModelSummary, PartSizes, Parts, RunConfig, RunFolder, Sweep,
    TestScores, Timing, TrainingSummary, evaluate_adjusted, predictions_csv,
};
use elbo::train::{Trainer, TrainingData};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A run in the making.
struct Run<'a> {
    folder: &'a RunFolder,
    config: RunConfig,
    parts: Parts,
    trainer: Trainer,
    device: DeviceName,
    checkpoint_every: f64,
}

pub fn run(args: &TrainArgs, json: bool) -> Result<Outcome> {
    let stop = Stop::listen()?;
    let started = Instant::now();
    let device = args.on.device;
    if let Some(folder) = args.resume.as_ref().map(RunFolder::new).filter(RunFolder::is_finished) {
        settings::check_resumed(args, &began(&folder)?, folder.path())?;
        return show_finished(&folder, args, json);
    }
    let opened = device.open()?;
    let (folder, _alone, begun) = begin(args, &opened)?;
    let (config, parts) = match begun {
        Begun::Run(config, parts) => (*config, *parts),
        Begun::Sweep(sweep) => {
            let table = sweep::run(&folder, &sweep, &stop, json)?;
            if args.sweep.sweep_only {
                return Ok(Outcome::Done);
            }
            let (config, parts) = sweep.chosen(&table)?;
            folder.begin(&config)?;
            (config, parts)
        }
    };
    let trainer = trainer(&folder, &config, opened)?;
    let mut run = Run { folder: &folder, config, parts, trainer, device, checkpoint_every: args.checkpoint_every };
    run.train(&stop, json)?;
    let metrics = run.finish(started.elapsed().as_secs_f64())?;
    show(&folder, &metrics, &Page::write(&folder, args), json)
}

/// What is to be done in a folder.
enum Begun {
    /// Training.
    Run(Box<RunConfig>, Box<Parts>),
    /// A sweep, and training after it.
    Sweep(Box<Sweep>),
}

/// The configuration that the folder began with: with a sweep, the one before the choice.
fn began(folder: &RunFolder) -> elbo::Result<RunConfig> {
    if folder.has_sweep() { folder.sweep_config() } else { folder.config() }
}

/// The folder, the lock that keeps others from it, and what is to be done there: a new run, or the one that is resumed.
fn begin(args: &TrainArgs, device: &Device) -> Result<(RunFolder, File, Begun)> {
    if let Some(path) = &args.resume {
        let folder = RunFolder::new(path);
        if folder.has_run() || folder.has_sweep() {
            let alone = folder.lock()?;
            settings::check_resumed(args, &began(&folder)?, path)?;
            let begun = resumed(&folder, device)?;
            return Ok((folder, alone, begun));
        }
    }
    let (config, parts) = settings::new_run(args)?;
    // The model is built once before anything is written: a bad description leaves no folder behind.
    let described = || args.model.as_ref().map_or("the preset".into(), |path| path.display().to_string());
    config.build_model(&Device::flex()).with_context(described)?;
    let path = args.resume.clone().or_else(|| args.out.clone()).unwrap_or_else(|| settings::free_folder(&config));
    let folder = RunFolder::new(path);
    let sweep = config.sweep.is_some().then(|| Sweep::open(folder.clone(), config.clone())).transpose()?;
    folder.check_new()?;
    let alone = folder.lock()?;
    if let Some(sweep) = sweep.map(|sweep| sweep.on(device)) {
        folder.begin_sweep(&config)?;
        return Ok((folder, alone, Begun::Sweep(Box::new(sweep))));
    }
    folder.begin(&config)?;
    Ok((folder, alone, Begun::Run(Box::new(config), Box::new(parts))))
}

fn resumed(folder: &RunFolder, device: &Device) -> Result<Begun> {
    if !folder.has_run() {
        return Ok(Begun::Sweep(Box::new(Sweep::open(folder.clone(), folder.sweep_config()?)?.on(device))));
    }
    let config = folder.config()?;
    let parts = config.data.reload(&config.training)?;
    Ok(Begun::Run(Box::new(config), Box::new(parts)))
}

/// A trainer at its beginning, or at the last checkpoint.
fn trainer(folder: &RunFolder, config: &RunConfig, device: Device) -> Result<Trainer> {
    let model = config.build_model(&device.autodiff())?;
    let trainer = Trainer::new(config.training.clone(), model)?;
    Ok(match folder.checkpoint(config)? {
        Some(checkpoint) => trainer.resumed(&checkpoint)?,
        None => trainer,
    })
}

impl Run<'_> {
    /// Trains to the last epoch.
    fn train(&mut self, stop: &Stop, json: bool) -> Result<()> {
        let done = self.trainer.epoch();
        let mut log = EventLog::open(&self.folder.events_path(), done)?;
        let start = self.start_event();
        log.log(&start)?;
        let steps = self.trainer.steps_per_epoch(self.parts.train.len());
        let mut progress = Progress::new(json, self.config.training.epochs, steps, done);
        progress.begin(&self.headline(), &start);
        let mut saved = Instant::now();
        while !self.trainer.is_done() {
            let validation = self.parts.validation.as_ref();
            let report = self.trainer.run_epoch(&self.parts.train, validation, |step| progress.step(step))?;
            let event = Event::Epoch(report.clone());
            log.log(&event)?;
            progress.epoch(&report, &event);
            let stopped = stop.is_asked();
            if stopped || self.trainer.is_done() || saved.elapsed().as_secs_f64() >= self.checkpoint_every {
                self.folder.save_checkpoint(&self.trainer.checkpoint()?, &self.config)?;
                saved = Instant::now();
            }
            if stopped && !self.trainer.is_done() {
                return self.interrupted(&mut log, &progress);
            }
        }
        progress.finish();
        // What is left is scoring, which can be done again.
        stop.at_once();
        Ok(())
    }

    /// Says how to go on.
    fn interrupted(&self, log: &mut EventLog, progress: &Progress) -> Result<()> {
        let epoch = self.trainer.epoch();
        let event = Event::Interrupted { epoch };
        log.log(&event)?;
        progress.interrupted(&event);
        let (epochs, folder) = (self.config.training.epochs, self.folder.path().display());
        bail!("interrupted after epoch {epoch} of {epochs}; go on with `elbo train --resume {folder}`")
    }

    fn start_event(&self) -> Event {
        Event::Start {
            epoch: self.trainer.epoch(),
            epochs: self.config.training.epochs,
            train: self.parts.train.len(),
            validation: self.parts.validation.as_ref().map_or(0, TrainingData::len),
            parameters: self.parameters(),
            device: self.device.to_string(),
        }
    }

    fn parameters(&self) -> usize {
        parameter_names(self.trainer.model()).iter().map(|(_, _, shape)| shape.iter().product::<usize>()).sum()
    }

    /// What is about to be trained, in words.
    fn headline(&self) -> String {
        output::headline(&self.config, &self.parts, self.parameters(), self.folder.path())
    }

    /// Scores the model and writes the run's files; the scores last, as the sign of a finished run.
    fn finish(&self, training_seconds: f64) -> Result<Metrics> {
        let model = self.trainer.trained();
        self.folder.save_model(&model, &self.config)?;
        let started = Instant::now();
        let test = self.test(&model, &self.adjust(&model)?)?;
        let epochs = self.trainer.epoch();
        let metrics = Metrics {
            schema: elbo::run::METRICS_SCHEMA,
            dataset: self.config.data.name.clone(),
            examples: self.sizes(),
            model: ModelSummary { parameters: self.parameters() },
            training: TrainingSummary {
                epochs,
                steps: self.trainer.step(),
                last_epoch: self.trainer.last_epoch().cloned(),
            },
            test,
            timing: Timing {
                device: self.device.to_string(),
                training_seconds,
                evaluation_seconds: started.elapsed().as_secs_f64(),
            },
        };
        EventLog::open(&self.folder.events_path(), epochs)?.log(&Event::Done { epoch: epochs })?;
        self.folder.save_metrics(&metrics)?;
        Ok(metrics)
    }

    fn sizes(&self) -> PartSizes {
        let size = |part: &Option<TrainingData>| part.as_ref().map_or(0, TrainingData::len);
        let Parts { train, validation, calibration, test } = &self.parts;
        PartSizes { train: train.len(), validation: size(validation), calibration: size(calibration), test: size(test) }
    }

    /// Fits and writes what predictions are adjusted by.
    fn adjust(&self, model: &elbo::model::Model) -> Result<Adjustments> {
        let (part, seed) = (self.parts.calibration.as_ref(), self.config.training.seed);
        let adjustments = Adjustments::fit(model, part, &self.config.prediction, seed)?;
        self.folder.save_adjustments(&adjustments)?;
        Ok(adjustments)
    }

    /// Predicts and scores the test part.
    fn test(&self, model: &elbo::model::Model, adjustments: &Adjustments) -> Result<Option<TestScores>> {
        let Some(test) = &self.parts.test else { return Ok(None) };
        let (samples, seed) = (self.config.prediction.samples, self.config.training.seed);
        let tested = evaluate_adjusted(model, test, samples, seed, adjustments)?;
        let names = self.config.data.target_names();
        self.folder.save_predictions(&predictions_csv(&test.series, &tested.predictions, &tested.adjusted, names)?)?;
        Ok(Some(tested.scores))
    }
}

/// A run that was finished before is shown again.
fn show_finished(folder: &RunFolder, args: &TrainArgs, json: bool) -> Result<Outcome> {
    if !json {
        output::note(&format!("{}: the run is finished already", folder.path().display()));
    }
    let page = Page::found(folder).unwrap_or_else(|| Page::write(folder, args));
    show(folder, &folder.metrics()?, &page, json)
}

/// The report of a run that is done. Whatever goes wrong with it, the run's results are there already.
enum Page {
    Written(PathBuf),
    Failed(String),
    NotAsked,
}

impl Page {
    /// The report that was written after the run was finished; one of before tells of an unfinished run.
    fn found(folder: &RunFolder) -> Option<Self> {
        let path = folder.path().join(elbo_report::FILE);
        let changed = |path: &Path| std::fs::metadata(path).ok()?.modified().ok();
        let is_new = changed(&path)? >= changed(&folder.path().join("metrics.json"))?;
        is_new.then_some(Self::Written(path))
    }

    fn write(folder: &RunFolder, args: &TrainArgs) -> Self {
        if args.no_report {
            return Self::NotAsked;
        }
        let written = std::panic::catch_unwind(|| elbo_report::write_report(folder, None));
        match written {
            Ok(Ok(path)) => Self::Written(path),
            Ok(Err(error)) => Self::Failed(error.to_string()),
            Err(_) => Self::Failed("a fault of the program".into()),
        }
    }

    /// For programs: the path, or why there is none.
    fn add_to(&self, value: &mut serde_json::Value) {
        match self {
            Self::Written(path) => value["report"] = serde_json::json!(path),
            Self::Failed(reason) => value["report_error"] = reason.as_str().into(),
            Self::NotAsked => {}
        }
    }

    fn show(&self) {
        match self {
            Self::Written(path) => output::text(&format!("Report: {}\n", path.display())),
            Self::Failed(reason) => output::note(&format!("warning: there is no report: {reason}")),
            Self::NotAsked => {}
        }
    }
}

/// Rows of a series that are further apart than usual: windows do not know.
fn gaps(config: &RunConfig) -> Option<String> {
    let DataSource::Series { series, columns, .. } = &config.data.source else { return None };
    let Gaps { longer, steps, first: (before, after) } = read_series(series, columns).ok()?.gaps()?;
    Some(format!(
        "{longer} of the {steps} steps from row to row are longer than usual, the first from {before} to {after}: rows are taken \
         one after the other all the same; add the rows that are missing, with `?` for their values"
    ))
}

fn show(folder: &RunFolder, metrics: &Metrics, page: &Page, json: bool) -> Result<Outcome> {
    let config = folder.config()?;
    let adjusted = folder.adjustments(&config)?.warnings(config.data.target_names());
    let warnings: Vec<String> = gaps(&config).into_iter().chain(adjusted).chain(super::read::leaked(&config)).collect();
    if json {
        let mut value = serde_json::json!({ "event": "result", "run": folder.path(), "metrics": metrics });
        if !warnings.is_empty() {
            value["warnings"] = warnings.into();
        }
        page.add_to(&mut value);
        output::json(&value);
        return Ok(Outcome::Done);
    }
    for warning in warnings {
        output::note(&format!("warning: {warning}"));
    }
    if let Some(test) = &metrics.test {
        let part = format!("{} test examples of {}", metrics.examples.test, metrics.dataset);
        output::scores(&part, test, config.data.target_names());
    }
    output::files(folder.path());
    page.show();
    Ok(Outcome::Done)
}

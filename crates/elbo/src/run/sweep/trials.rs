//! A sweep from its first trial to the final run.

use super::OWNER;
use super::config::SweepConfig;
use super::files::TrialFolder;
use super::score::{FoldScores, no_validation, train_and_score};
use super::table::{SweepTable, Trial, TrialRow};
use crate::data::{Dataset, stratified_folds};
use crate::error::{Error, Result};
use crate::run::prepare::prepare_loaded;
use crate::run::{DataSource, Loaded, Parts, RunConfig, RunFolder, Targets, prepare};
use burn::tensor::Device;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Instant;

/// A sweep in the folder of a run.
#[derive(Clone, Debug)]
pub struct Sweep {
    folder: RunFolder,
    base: RunConfig,
    config: SweepConfig,
    points: Vec<Vec<f64>>,
    held_out: HeldOut,
    device: Device,
}

/// What trials are scored on.
#[derive(Clone, Debug)]
enum HeldOut {
    /// The validation part.
    Validation(Box<Parts>),
    /// Every part of the training data in turn.
    Folds { whole: Dataset, parts: Vec<Vec<usize>> },
}

/// How far a trial is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialProgress {
    /// Epochs done, of all folds together.
    pub done: usize,
    /// Epochs in all.
    pub epochs: usize,
}

impl Sweep {
    /// Reads the data and checks everything before anything is trained or written. `base` is the configuration that
    /// trials differ from, with the sweep in it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a sweep that is not allowed, one without held-out examples, a setting that the model
    /// does not have, and folds of one series (its windows overlap: what is held out of one is in another);
    /// [`Error::ModelDescription`] if the data have changed since the sweep began; those of reading data.
    pub fn open(folder: RunFolder, base: RunConfig) -> Result<Self> {
        let config = base.sweep.clone();
        let config = config.ok_or_else(|| Error::argument(OWNER, "space", "given", "a run without a sweep"))?;
        let points = config.points(base.training.seed)?;
        for point in &points {
            config.apply(point, &base)?;
        }
        let held_out = HeldOut::new(&config, &base)?;
        Ok(Self { folder, base, config, points, held_out, device: Device::flex() })
    }

    /// The same sweep with its trials trained on another device than the CPU. `device` is a plain one, without autodiff.
    #[must_use]
    pub fn on(self, device: &Device) -> Self {
        Self { device: device.clone(), ..self }
    }

    /// The configuration that trials differ from.
    #[must_use]
    pub fn base(&self) -> &RunConfig {
        &self.base
    }

    /// Number of trials.
    #[must_use]
    pub fn trials(&self) -> usize {
        self.points.len()
    }

    /// Examples that a trial is scored on.
    #[must_use]
    pub fn held_out(&self) -> usize {
        (0..self.held_out.folds()).map(|fold| self.held_out.size(fold)).sum()
    }

    /// Runs trial `trial`, counted from 1, or reads what it came to if it was run before. `watch` is told after every epoch
    /// how far it is, and says whether to go on; without that the fold in the making is lost, and the answer `None`.
    ///
    /// A trial whose training fails for its settings (a loss that is not a number) is a result too: its score is infinite.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another number; those of training, prediction and files.
    pub fn run_trial(&self, trial: usize, watch: &mut dyn FnMut(TrialProgress) -> bool) -> Result<Option<TrialRow>> {
        Ok(self.trial(trial, watch)?.map(|trial| trial.row))
    }

    /// Reads all trials, chooses and writes `sweep.json` and `sweep.csv`. Trials that were not run are run now.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if no trial has a finite score; those of [`run_trial`](Self::run_trial).
    ///
    /// # Panics
    /// Never: nobody asks a trial to stop.
    pub fn finish(&self) -> Result<SweepTable> {
        let all = (1..=self.trials()).map(|trial| self.trial(trial, &mut |_| true));
        let all = all.map(|trial| trial.map(|trial| trial.expect("it was not asked to stop")));
        let table = SweepTable::new(&self.config, &all.collect::<Result<Vec<_>>>()?)?;
        self.folder.save_sweep_table(&table)?;
        Ok(table)
    }

    /// The final run: the chosen settings, trained on all training data.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the table is of another sweep; those of reading data.
    pub fn chosen(&self, table: &SweepTable) -> Result<(RunConfig, Parts)> {
        let mut config = self.config_of(table.chosen)?;
        config.training.validation_fraction = 0.0;
        let data = &self.base.data;
        let (source, read, likelihood) = (data.source.clone(), data.read.clone(), data.targets.real_likelihood());
        let (data, parts) = prepare(source, read, data.scaler.kind, likelihood, &config.training)?;
        Ok((RunConfig { data, sweep: Some(self.config.clone()), ..config }, parts))
    }

    /// The configuration of a trial: a run's, without a sweep.
    fn config_of(&self, trial: usize) -> Result<RunConfig> {
        let point = trial.checked_sub(1).and_then(|i| self.points.get(i));
        let expected = || Error::argument(OWNER, "trial", format!("between 1 and {}", self.trials()), trial);
        let config = self.config.apply(point.ok_or_else(expected)?, &self.base)?;
        Ok(RunConfig { sweep: None, ..config })
    }

    fn trial(&self, trial: usize, watch: &mut dyn FnMut(TrialProgress) -> bool) -> Result<Option<Trial>> {
        let config = self.config_of(trial)?;
        let folder = TrialFolder::open(&self.folder, trial, &config)?;
        let (mut folds, of_fold) = (Vec::new(), config.training.epochs);
        let epochs = of_fold.saturating_mul(self.held_out.folds());
        for fold in 0..self.held_out.folds() {
            let mut on_epoch = |epoch| watch(TrialProgress { done: fold * of_fold + epoch, epochs });
            let scores = match folder.fold(fold + 1, self.held_out.size(fold))? {
                Some(scores) => Some(scores),
                None => self.run_fold(&folder, fold, &config, &mut on_epoch)?,
            };
            let Some(scores) = scores else { return Ok(None) };
            let has_failed = scores.failed.is_some();
            folds.push(scores);
            // One is enough to know what becomes of the trial.
            if has_failed {
                break;
            }
        }
        let names = self.config.space.iter().map(|dimension| dimension.setting.name().to_owned());
        let settings: BTreeMap<String, f64> = names.zip(self.points[trial - 1].iter().copied()).collect();
        let classes = matches!(self.base.data.targets, Targets::Classes { .. });
        let trial = Trial::new(trial, settings, &folds, (classes, self.base.data.steps()));
        folder.save_row(&trial.row)?;
        Ok(Some(trial))
    }

    fn run_fold(
        &self,
        folder: &TrialFolder,
        fold: usize,
        config: &RunConfig,
        on_epoch: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Option<FoldScores>> {
        let started = Instant::now();
        let (config, parts) = self.held_out.parts(fold, config)?;
        let Some(scored) = train_and_score(&config, &parts, &self.device, on_epoch)? else { return Ok(None) };
        let scores = FoldScores::new(scored, started.elapsed().as_secs_f64());
        folder.save_fold(fold + 1, &scores)?;
        Ok(Some(scores))
    }
}

impl HeldOut {
    fn new(config: &SweepConfig, base: &RunConfig) -> Result<Self> {
        let Some(folds) = config.folds else {
            let parts = base.data.reload(&base.training)?;
            return if parts.validation.is_some() {
                Ok(Self::Validation(Box::new(parts)))
            } else {
                Err(no_validation())
            };
        };
        if matches!(base.data.source, DataSource::Series { .. }) {
            let expected = "left out for a series, whose windows overlap: the validation part follows in time";
            return Err(Error::argument(OWNER, "folds", expected, folds));
        }
        let training = crate::train::TrainingConfig { validation_fraction: 0.0, ..base.training.clone() };
        let Loaded { train: whole, fingerprint, .. } = base.data.source.load(&base.data.read, &training)?;
        base.data.check_fingerprint(&fingerprint)?;
        let parts = stratified_folds(&whole, folds, base.training.seed)?;
        Ok(Self::Folds { whole, parts })
    }

    fn folds(&self) -> usize {
        match self {
            Self::Validation(_) => 1,
            Self::Folds { parts, .. } => parts.len(),
        }
    }

    /// Examples that are held out in a fold.
    fn size(&self, fold: usize) -> usize {
        match self {
            Self::Validation(parts) => parts.validation.as_ref().map_or(0, crate::train::TrainingData::len),
            Self::Folds { parts, .. } => parts[fold].len(),
        }
    }

    /// What is trained on and held out in a fold, scaled by what is trained on, and the configuration with that scaling.
    fn parts<'a>(&'a self, fold: usize, config: &'a RunConfig) -> Result<(Cow<'a, RunConfig>, Cow<'a, Parts>)> {
        let (whole, parts) = match self {
            Self::Validation(parts) => return Ok((Cow::Borrowed(config), Cow::Borrowed(&**parts))),
            Self::Folds { whole, parts } => (whole, parts),
        };
        let others = parts.iter().enumerate().filter(|(other, _)| *other != fold);
        let mut kept: Vec<usize> = others.flat_map(|(_, part)| part).copied().collect();
        kept.sort_unstable();
        let data = &config.data;
        let loaded = Loaded {
            train: whole.subset(&kept),
            validation: whole.subset(&parts[fold]),
            calibration: whole.subset(&[]),
            test: None,
            fingerprint: data.fingerprint.clone(),
        };
        let (source, read, likelihood) = (data.source.clone(), data.read.clone(), data.targets.real_likelihood());
        let (data, parts) = prepare_loaded(loaded, source, read, data.scaler.kind, likelihood)?;
        Ok((Cow::Owned(RunConfig { data, ..config.clone() }), Cow::Owned(parts)))
    }
}

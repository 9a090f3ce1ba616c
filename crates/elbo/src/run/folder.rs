//! The folder of a run.

use super::adjustments::Adjustments;
use super::calibration::CALIBRATION_SCHEMA;
use super::config::RunConfig;
use super::conformal::CONFORMAL_SCHEMA;
use super::metrics::{METRICS_SCHEMA, Metrics};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::record::{NamedTensors, is_temporary, load_parameters, parameters, write_atomically};
use crate::train::Checkpoint;
use burn::tensor::Device;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.toml";
const MODEL: &str = "model.safetensors";
const METRICS: &str = "metrics.json";
const CALIBRATION: &str = "calibration.json";
const CONFORMAL: &str = "conformal.json";
const PREDICTIONS: &str = "predictions.csv";
const EVENTS: &str = "events.jsonl";
const CHECKPOINTS: &str = "checkpoints";
pub(super) const SWEEP: &str = "sweep.toml";
pub(super) const TRIALS: &str = "trials";
const LOCK: &str = ".lock";
const LAST: &str = "last.safetensors";
const MODEL_FORMAT: &str = "elbo-model-1";
const CONFIG_KEY: &str = "config";

/// A folder with the files of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// The run at `path`, whether or not there is one yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a run was begun here.
    #[must_use]
    pub fn has_run(&self) -> bool {
        self.path.join(CONFIG).exists()
    }

    /// Whether the run was finished: its scores are written last.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.has_run() && self.path.join(METRICS).exists() && self.path.join(MODEL).exists()
    }

    /// That neither a run nor a sweep was begun here. Ask before [`lock`](Self::lock), which makes the folder, and begin after:
    /// then nothing is left behind where nothing can begin, and no two processes begin the same run.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] naming what there is.
    pub fn check_new(&self) -> Result<()> {
        if self.has_sweep() {
            let expected = "a folder without a sweep (or resume it)";
            return Err(Error::argument("run", "out", expected, self.path.display()));
        }
        self.check_free()
    }

    /// Keeps other processes from working on the run while the guard lives; makes the folder if there is none. The lock ends
    /// with the process, however that ends.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if another process holds it, [`Error::Io`].
    pub fn lock(&self) -> Result<File> {
        fs::create_dir_all(&self.path).map_err(|error| Error::io(&self.path, "create", error))?;
        let path = self.path.join(LOCK);
        let fail = |error| Error::io(&path, "lock", error);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {
                self.sweep();
                Ok(file)
            }
            Err(TryLockError::WouldBlock) => {
                let expected = "a run that no other process works on";
                Err(Error::argument("run", "out", expected, self.path.display()))
            }
            Err(TryLockError::Error(error)) => Err(fail(error)),
        }
    }

    /// Removes what a killed process was writing. A file that cannot be removed does no harm.
    fn sweep(&self) {
        let entries = |folder| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let folders = [self.path.clone(), self.path.join(CHECKPOINTS)].into_iter();
        for folder in folders.chain(entries(self.path.join(TRIALS))) {
            entries(folder).filter(|path| is_temporary(path)).for_each(|path| _ = fs::remove_file(path));
        }
    }

    /// Begins a run: makes the folder and writes the configuration.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is a run already, [`Error::Io`].
    pub fn begin(&self, config: &RunConfig) -> Result<()> {
        if config.sweep.is_none() && self.path.join(SWEEP).exists() {
            let expected = "a folder without a sweep (or resume it)";
            return Err(Error::argument("run", "out", expected, self.path.display()));
        }
        self.check_free()?;
        let checkpoints = self.path.join(CHECKPOINTS);
        fs::create_dir_all(&checkpoints).map_err(|error| Error::io(&checkpoints, "create", error))?;
        self.write(CONFIG, config_text(config)?.as_bytes())
    }

    /// That there are no files of another run.
    pub(super) fn check_free(&self) -> Result<()> {
        if self.has_run() {
            let expected = "a folder without a run (or resume it)";
            return Err(Error::argument("run", "out", expected, self.path.display()));
        }
        if let Some(name) = [MODEL, METRICS, EVENTS, PREDICTIONS, CALIBRATION, CONFORMAL]
            .iter()
            .find(|name| self.path.join(name).exists())
        {
            let expected = "a folder without the files of another run";
            return Err(Error::argument("run", "out", expected, self.path.join(name).display()));
        }
        let checkpoints = self.path.join(CHECKPOINTS);
        if checkpoints.join(LAST).exists() {
            let expected = "a folder without the checkpoint of another run";
            return Err(Error::argument("run", "out", expected, checkpoints.join(LAST).display()));
        }
        Ok(())
    }

    /// Reads the configuration.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ModelDescription`] with the place in the text.
    pub fn config(&self) -> Result<RunConfig> {
        let path = self.path.join(CONFIG);
        let text = fs::read_to_string(&path).map_err(|error| Error::io(&path, "read", error))?;
        parse_config(&text, &path)
    }

    /// Writes the parameters of a trained model, with the configuration beside them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save_model(&self, model: &Model, config: &RunConfig) -> Result<()> {
        let metadata = BTreeMap::from([(CONFIG_KEY.to_owned(), config_text(config)?)]);
        let file = NamedTensors { tensors: parameters(model), metadata };
        let path = self.path.join(MODEL);
        write_atomically(&path, &file.to_bytes(MODEL_FORMAT, &path)?)
    }

    /// The trained model.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ModelFile`] for a truncated, damaged or foreign file.
    pub fn model(&self, device: &Device) -> Result<Model> {
        let path = self.path.join(MODEL);
        if self.has_run() && !path.exists() {
            let reason = "the run was not finished: resume it first".to_owned();
            return Err(Error::ModelFile { path, reason });
        }
        let (model, config) = Self::read_model(&path, device)?;
        if config == self.config()? {
            return Ok(model);
        }
        Err(Error::ModelFile { path, reason: format!("it belongs to another run than the {CONFIG} beside it") })
    }

    /// A model and its configuration from a `model.safetensors` alone.
    ///
    /// # Errors
    /// As [`model`](Self::model).
    pub fn read_model(path: &Path, device: &Device) -> Result<(Model, RunConfig)> {
        let NamedTensors { tensors, metadata } = NamedTensors::read(path, MODEL_FORMAT)?;
        let missing = || Error::ModelFile { path: path.to_owned(), reason: "its configuration is missing".into() };
        let config = parse_config(metadata.get(CONFIG_KEY).ok_or_else(missing)?, path)?;
        let model = load_parameters(config.build_model(device)?, &tensors, path)?;
        Ok((model, config))
    }

    /// Writes a checkpoint in place of the last one.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save_checkpoint(&self, checkpoint: &Checkpoint, config: &RunConfig) -> Result<()> {
        checkpoint.save(&self.path.join(CHECKPOINTS).join(LAST), &config_text(config)?)
    }

    /// The last checkpoint, if there is one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ModelFile`], also if it was written under another configuration than `config`.
    pub fn checkpoint(&self, config: &RunConfig) -> Result<Option<Checkpoint>> {
        let path = self.path.join(CHECKPOINTS).join(LAST);
        let config = config_text(config)?;
        path.exists().then(|| Checkpoint::load(&path, &config)).transpose()
    }

    /// Writes the scores: the last file of a run.
    ///
    /// # Errors
    /// [`Error::Io`].
    ///
    /// # Panics
    /// Never: scores are plain data.
    pub fn save_metrics(&self, metrics: &Metrics) -> Result<()> {
        self.write_json(METRICS, metrics)
    }

    /// Writes what predictions are adjusted by: before the scores.
    ///
    /// # Errors
    /// [`Error::Io`].
    ///
    /// # Panics
    /// Never: maps and thresholds are plain data.
    pub fn save_adjustments(&self, adjustments: &Adjustments) -> Result<()> {
        if let Some(calibration) = &adjustments.calibration {
            self.write_json(CALIBRATION, calibration)?;
        }
        adjustments.conformal.as_ref().map_or(Ok(()), |conformal| self.write_json(CONFORMAL, conformal))
    }

    /// What the predictions of a run with this configuration are adjusted by.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ModelFile`] if a file is damaged, of a later schema, or missing although the configuration
    /// asks for it, or if thresholds are those of recalibrated probabilities and there is no map.
    pub fn adjustments(&self, config: &RunConfig) -> Result<Adjustments> {
        let (calibrate, conformal) = (config.prediction.calibrate.is_some(), config.prediction.conformal.is_some());
        let found = Adjustments {
            calibration: self.read_if_there(CALIBRATION, CALIBRATION_SCHEMA, calibrate)?,
            conformal: self.read_if_there(CONFORMAL, CONFORMAL_SCHEMA, conformal)?,
        };
        let recalibrated = found.conformal.as_ref().is_some_and(|conformal| conformal.recalibrated);
        if recalibrated && found.calibration.is_none() {
            let reason = format!("its thresholds are those of recalibrated predictions, but there is no {CALIBRATION}");
            return Err(Error::ModelFile { path: self.path.join(CONFORMAL), reason });
        }
        Ok(found)
    }

    /// Reads a file; `None` if it is neither there nor `wanted`.
    fn read_if_there<T: DeserializeOwned>(&self, name: &str, schema: u32, wanted: bool) -> Result<Option<T>> {
        let path = self.path.join(name);
        match (path.exists(), wanted) {
            (true, _) => self.read_json(name, schema).map(Some),
            (false, false) => Ok(None),
            (false, true) => {
                Err(Error::ModelFile { path, reason: "the run asks for it, but it is missing (or predict raw)".into() })
            }
        }
    }

    /// Reads the scores, of a file of this or an earlier version.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ModelFile`] if the file is damaged or of a later schema.
    pub fn metrics(&self) -> Result<Metrics> {
        self.read_json(METRICS, METRICS_SCHEMA)
    }

    /// Writes the predictions of the test part.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save_predictions(&self, csv: &[u8]) -> Result<()> {
        self.write(PREDICTIONS, csv)
    }

    /// Where events are logged.
    #[must_use]
    pub fn events_path(&self) -> PathBuf {
        self.path.join(EVENTS)
    }

    /// Reads a file that begins with its schema, `last` at most.
    fn read_json<T: DeserializeOwned>(&self, name: &str, last: u32) -> Result<T> {
        let path = self.path.join(name);
        let text = fs::read_to_string(&path).map_err(|error| Error::io(&path, "read", error))?;
        let fail = |reason| Error::ModelFile { path: path.clone(), reason };
        let Schema { schema } = serde_json::from_str(&text).map_err(|error| fail(error.to_string()))?;
        if !(1..=last).contains(&schema) {
            return Err(fail(format!("expected schema 1 to {last}, found {schema}")));
        }
        serde_json::from_str(&text).map_err(|error| fail(error.to_string()))
    }

    fn write_json(&self, name: &str, data: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(data).expect("plain data have a JSON form");
        text.push('\n');
        self.write(name, text.as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_atomically(&self.path.join(name), bytes)
    }
}

/// What every version of a JSON file begins with.
#[derive(serde::Deserialize)]
struct Schema {
    schema: u32,
}

pub(super) fn config_text(config: &RunConfig) -> Result<String> {
    toml::to_string(config).map_err(|error| Error::ModelDescription {
        origin: CONFIG.into(),
        reason: format!("cannot be written as TOML: {error}"),
    })
}

pub(super) fn parse_config(text: &str, path: &Path) -> Result<RunConfig> {
    toml::from_str(text).map_err(|error| Error::ModelDescription {
        origin: path.display().to_string(),
        reason: error.to_string().trim_end().to_owned(),
    })
}

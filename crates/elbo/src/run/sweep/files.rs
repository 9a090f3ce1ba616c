//! The files of a sweep.

use super::SweepTable;
use super::score::FoldScores;
use super::table::TrialRow;
use crate::error::{Error, Result};
use crate::record::write_atomically;
use crate::run::folder::{SWEEP, TRIALS, config_text, parse_config};
use crate::run::{RunConfig, RunFolder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};

const JSON: &str = "sweep.json";
const CSV: &str = "sweep.csv";

impl RunFolder {
    /// Whether a sweep was begun here.
    #[must_use]
    pub fn has_sweep(&self) -> bool {
        self.path().join(SWEEP).exists()
    }

    /// Begins a sweep: makes the folder and writes the configuration.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is a run or a sweep already, [`Error::Io`].
    pub fn begin_sweep(&self, config: &RunConfig) -> Result<()> {
        self.check_new()?;
        let trials = self.path().join(TRIALS);
        fs::create_dir_all(&trials).map_err(|error| Error::io(&trials, "create", error))?;
        write_atomically(&self.path().join(SWEEP), config_text(config)?.as_bytes())
    }

    /// The configuration that the sweep began with.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ModelDescription`] with the place in the text.
    pub fn sweep_config(&self) -> Result<RunConfig> {
        read_config(&self.path().join(SWEEP))
    }

    /// The table of a sweep that is done, if there is one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ModelFile`] for a damaged file.
    pub fn sweep_table(&self) -> Result<Option<SweepTable>> {
        read_json(&self.path().join(JSON))
    }

    pub(super) fn save_sweep_table(&self, table: &SweepTable) -> Result<()> {
        write_atomically(&self.path().join(CSV), &table.to_csv()?)?;
        write_json(&self.path().join(JSON), table)
    }
}

/// The folder of one trial.
pub(super) struct TrialFolder {
    path: PathBuf,
}

impl TrialFolder {
    /// Trial `trial`, counted from 1, of a sweep: begun now or before.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::ModelFile`] if there is a trial of another configuration.
    pub(super) fn open(sweep: &RunFolder, trial: usize, config: &RunConfig) -> Result<Self> {
        let path = sweep.path().join(TRIALS).join(format!("{trial:03}"));
        let of = path.join("config.toml");
        if !of.exists() {
            fs::create_dir_all(&path).map_err(|error| Error::io(&path, "create", error))?;
            write_atomically(&of, config_text(config)?.as_bytes())?;
        } else if read_config(&of)? != *config {
            let reason = "it belongs to another sweep than the sweep.toml above it".to_owned();
            return Err(Error::ModelFile { path: of, reason });
        }
        Ok(Self { path })
    }

    /// The scores of a fold, counted from 1 and of so many examples, that was done before.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::ModelFile`] for a file that is damaged or of another fold.
    pub(super) fn fold(&self, fold: usize, examples: usize) -> Result<Option<FoldScores>> {
        let path = self.fold_path(fold);
        let found: Option<FoldScores> = read_json(&path)?;
        match &found {
            Some(scores)
                if scores.failed.is_none() && (scores.nll.len(), scores.second.len()) != (examples, examples) =>
            {
                let (nll, second) = (scores.nll.len(), scores.second.len());
                let reason = format!("expected scores of {examples} examples, found {nll} and {second}");
                Err(Error::ModelFile { path, reason })
            }
            _ => Ok(found),
        }
    }

    pub(super) fn save_fold(&self, fold: usize, scores: &FoldScores) -> Result<()> {
        write_json(&self.fold_path(fold), scores)
    }

    pub(super) fn save_row(&self, row: &TrialRow) -> Result<()> {
        write_json(&self.path.join("trial.json"), row)
    }

    fn fold_path(&self, fold: usize) -> PathBuf {
        self.path.join(format!("fold-{fold}.json"))
    }
}

fn read_config(path: &Path) -> Result<RunConfig> {
    let text = fs::read_to_string(path).map_err(|error| Error::io(path, "read", error))?;
    parse_config(&text, path)
}

/// Plain data always have a JSON form.
fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let fail = |error: serde_json::Error| Error::ModelFile { path: path.to_owned(), reason: error.to_string() };
    let mut text = serde_json::to_string_pretty(value).map_err(fail)?;
    text.push('\n');
    write_atomically(path, text.as_bytes())
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let fail = |error: serde_json::Error| Error::ModelFile { path: path.to_owned(), reason: error.to_string() };
            serde_json::from_str(&text).map(Some).map_err(fail)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path, "read", error)),
    }
}

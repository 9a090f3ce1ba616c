//! The state of a run in a file: parameters, optimizer, counters.

use super::trainer::EpochReport;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::record::{NamedTensors, load_parameters, parameters, write_atomically};
use burn::optim::ModuleOptimizer;
use burn::tensor::{Bytes, DType, TensorData};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const FORMAT: &str = "elbo-checkpoint-1";
const OPTIMIZER: &str = "optimizer";
const REPORT: &str = "last_epoch";
const RUN: &str = "run";
const MODEL_PREFIX: &str = "model.";

/// All that a run needs to go on.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Epochs done.
    pub epoch: usize,
    /// Steps done.
    pub step: u64,
    /// The report of the last epoch.
    pub last: Option<EpochReport>,
    parameters: BTreeMap<String, TensorData>,
    optimizer: Vec<u8>,
    /// Where it was read from, for messages.
    origin: PathBuf,
}

impl Checkpoint {
    pub(super) fn new(
        model: &Model,
        optimizer: &ModuleOptimizer,
        (epoch, step): (usize, u64),
        last: Option<EpochReport>,
    ) -> Result<Self> {
        let origin = PathBuf::from("checkpoint");
        let optimizer = optimizer.into_bytes().map_err(|error| Error::ModelFile {
            path: origin.clone(),
            reason: format!("the optimizer's state cannot be written: {error}"),
        })?;
        Ok(Self { epoch, step, last, parameters: parameters(model), optimizer: optimizer.to_vec(), origin })
    }

    /// Writes the file: to a temporary name, synced, renamed.
    ///
    /// `run` describes the run; [`load`](Self::load) asks for it again.
    ///
    /// # Errors
    /// [`Error::Io`].
    ///
    /// # Panics
    /// Never: a report is plain data.
    pub fn save(&self, path: &Path, run: &str) -> Result<()> {
        let mut tensors: BTreeMap<String, TensorData> =
            self.parameters.iter().map(|(name, data)| (format!("{MODEL_PREFIX}{name}"), data.clone())).collect();
        let length = self.optimizer.len();
        let bytes = Bytes::from_bytes_vec(self.optimizer.clone());
        tensors.insert(OPTIMIZER.into(), TensorData::from_bytes(bytes, vec![length], DType::U8));
        let report = serde_json::to_string(&self.last).expect("plain data have a JSON form");
        let metadata = [
            ("epoch", self.epoch.to_string()),
            ("step", self.step.to_string()),
            (REPORT, report),
            (RUN, run.to_owned()),
        ];
        let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        write_atomically(path, &NamedTensors { tensors, metadata }.to_bytes(FORMAT, path)?)
    }

    /// Reads a file of [`save`](Self::save).
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::ModelFile`] for a truncated, damaged or foreign file, or one of another run.
    pub fn load(path: &Path, run: &str) -> Result<Self> {
        let NamedTensors { mut tensors, metadata } = NamedTensors::read(path, FORMAT)?;
        let fail = |what: &str| Error::ModelFile { path: path.to_owned(), reason: format!("`{what}` is missing") };
        let number = |key: &str| metadata.get(key).and_then(|text| text.parse::<u64>().ok()).ok_or_else(|| fail(key));
        if metadata.get(RUN).map(String::as_str) != Some(run) {
            let reason = "it was written under other settings than those of the run".to_owned();
            return Err(Error::ModelFile { path: path.to_owned(), reason });
        }
        let last = metadata.get(REPORT).and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| fail(REPORT))?;
        let optimizer = tensors.remove(OPTIMIZER).ok_or_else(|| fail(OPTIMIZER))?;
        let parameters = tensors
            .into_iter()
            .filter_map(|(name, data)| Some((name.strip_prefix(MODEL_PREFIX)?.to_owned(), data)))
            .collect();
        Ok(Self {
            epoch: usize::try_from(number("epoch")?).map_err(|_| fail("epoch"))?,
            step: number("step")?,
            last,
            parameters,
            optimizer: optimizer.as_bytes().to_vec(),
            origin: path.to_owned(),
        })
    }

    pub(super) fn load_model(&self, model: Model) -> Result<Model> {
        load_parameters(model, &self.parameters, &self.origin)
    }

    pub(super) fn load_optimizer(&self, optimizer: ModuleOptimizer) -> Result<ModuleOptimizer> {
        optimizer.from_bytes(Bytes::from_bytes_vec(self.optimizer.clone())).map_err(|error| Error::ModelFile {
            path: self.origin.clone(),
            reason: format!("the optimizer's state cannot be read: {error}"),
        })
    }
}

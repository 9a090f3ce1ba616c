//! `events.jsonl`: what happened in a run, one JSON object a line, told apart by `event`.

use crate::error::{Error, Result};
use crate::record::write_atomically;
use crate::train::EpochReport;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began, or went on after an interruption.
    Start {
        /// Epochs done before.
        epoch: usize,
        /// Epochs in all.
        epochs: usize,
        /// Examples that are trained on.
        train: usize,
        /// Examples held out.
        validation: usize,
        /// Parameters of the model.
        parameters: usize,
        /// Name of the device. Logs of a version that had but one have none.
        #[serde(default = "super::metrics::cpu")]
        device: String,
    },
    /// An epoch is done.
    Epoch(EpochReport),
    /// The run was asked to stop; it can be resumed.
    Interrupted {
        /// Epochs done.
        epoch: usize,
    },
    /// All epochs are done and all files are written.
    Done {
        /// Epochs done.
        epoch: usize,
    },
}

impl Event {
    /// Epochs done when it happened.
    #[must_use]
    pub fn epoch(&self) -> usize {
        match self {
            Self::Start { epoch, .. } | Self::Interrupted { epoch } | Self::Done { epoch } => *epoch,
            Self::Epoch(report) => report.epoch,
        }
    }

    /// The event as one line of JSON.
    ///
    /// # Panics
    /// Never: events are plain data.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data have a JSON form")
    }
}

/// The log of a run.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: File,
}

impl EventLog {
    /// Opens the log of a run of which `epochs_done` epochs count. What was logged of later epochs (the run was
    /// killed after them and before the next checkpoint) and half a last line are dropped.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(path: &Path, epochs_done: usize) -> Result<Self> {
        let kept = match fs::read(path) {
            Ok(bytes) => kept_lines(&String::from_utf8_lossy(&bytes), epochs_done),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::io(path, "read", error)),
        };
        write_atomically(path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(path).map_err(|error| Error::io(path, "write", error))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends an event.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn log(&mut self, event: &Event) -> Result<()> {
        let line = event.to_json() + "\n";
        self.file.write_all(line.as_bytes()).map_err(|error| Error::io(&self.path, "write", error))
    }
}

/// The whole lines of events within the first `epochs_done` epochs.
fn kept_lines(text: &str, epochs_done: usize) -> String {
    let epoch = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?["epoch"].as_u64();
    let within = |line: &&str| epoch(line).is_some_and(|epoch| epoch <= epochs_done as u64);
    text.lines().filter(within).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_log_has_every_epoch_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut log = EventLog::open(&path, 0).unwrap();
        for epoch in 1..=3 {
            log.log(&Event::Interrupted { epoch }).unwrap();
        }
        log.file.write_all(b"{\"event\":\"interr").unwrap();
        drop(log);
        let mut log = EventLog::open(&path, 2).unwrap();
        log.log(&Event::Done { epoch: 3 }).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.iter().map(Event::epoch).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(events[2], Event::Done { epoch: 3 });
    }
}

//! `events.jsonl`, read back.

use crate::error::Result;
use elbo::run::Event;
use elbo::train::EpochReport;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// What happened in a run.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Every epoch's report, in order.
    pub epochs: Vec<EpochReport>,
    /// Epochs after which the run was stopped and later gone on with.
    pub interrupted: Vec<usize>,
    /// Examples trained on and held out, and parameters; 0 before the first event.
    pub sizes: Sizes,
    /// Lines that could not be read.
    pub unreadable: usize,
}

/// Numbers that the first event tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    /// Examples that are trained on.
    pub train: usize,
    /// Examples held out.
    pub validation: usize,
    /// Parameters of the model.
    pub parameters: usize,
}

impl Log {
    /// Reads the log; a run that has none yet has an empty one.
    pub fn read(path: &Path) -> Result<Self> {
        match fs::read(path) {
            Ok(bytes) => Ok(Self::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(elbo::Error::io(path, "read", error).into()),
        }
    }

    fn parse(text: &str) -> Self {
        let mut log = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            match serde_json::from_str(line) {
                Ok(event) => log.add(event),
                Err(_) => log.unreadable += 1,
            }
        }
        log
    }

    fn add(&mut self, event: Event) {
        match event {
            Event::Start { train, validation, parameters, .. } => {
                self.sizes = Sizes { train, validation, parameters };
            }
            Event::Epoch(report) => self.epochs.push(report),
            Event::Interrupted { epoch } => self.interrupted.push(epoch),
            Event::Done { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_is_counted_and_the_rest_read() {
        let start =
            Event::Start { epoch: 0, epochs: 9, train: 60, validation: 7, parameters: 10, device: "flex".into() }
                .to_json();
        let log = Log::parse(&format!("{start}\n{}\n\n{{\"event\":\"epo", Event::Interrupted { epoch: 4 }.to_json()));
        assert_eq!((log.sizes.train, log.interrupted.as_slice(), log.unreadable), (60, &[4][..], 1));
        assert!(log.epochs.is_empty());
    }
}

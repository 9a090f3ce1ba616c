//! Ctrl-C.

use crate::output;
use anyhow::{Context, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What Ctrl-C does: the first one lets the epoch end and a checkpoint be written, a second one, or one after training,
/// ends the program at once.
#[derive(Clone, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    at_once: Arc<AtomicBool>,
}

impl Stop {
    pub fn listen() -> Result<Self> {
        let stop = Self::default();
        let handler = stop.clone();
        ctrlc::set_handler(move || handler.ask()).context("cannot listen for Ctrl-C")?;
        Ok(stop)
    }

    fn ask(&self) {
        if self.asked.swap(true, Ordering::Relaxed) || self.at_once.load(Ordering::Relaxed) {
            output::note("error: interrupted; go on with `elbo train --resume DIR`");
            std::process::exit(2);
        }
        output::note("Stopping after this epoch; once more to stop at once");
    }

    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub fn at_once(&self) {
        self.at_once.store(true, Ordering::Relaxed);
    }
}

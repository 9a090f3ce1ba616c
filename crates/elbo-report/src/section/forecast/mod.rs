//! Sections on forecasts.

mod calibration;
mod fans;
mod residuals;
mod steps;
mod words;

pub use words::words;

use crate::error::Result;
use crate::number::counted;
use crate::page::Section;
use crate::read::{Horizon, Run};

/// The most variables that have plots of their own.
const VARIABLES: usize = 3;

/// The sections, in order.
pub fn sections(run: &Run, horizon: &Horizon) -> Result<Vec<Section>> {
    Ok(vec![
        fans::section(run, horizon),
        steps::section(run, horizon)?,
        calibration::section(horizon)?,
        residuals::section(horizon),
    ])
}

/// Numbers of the variables that have plots, and what is said of the others.
fn shown(horizon: &Horizon) -> (core::ops::Range<usize>, Option<String>) {
    let all = horizon.variables.len();
    let note = || format!("Plots are of the first {VARIABLES} of {}.", counted(all, "variable"));
    (0..all.min(VARIABLES), (all > VARIABLES).then(note))
}

/// A title, with the name of the variable where there are several.
fn titled(title: &str, horizon: &Horizon, v: usize) -> String {
    match horizon.variables.len() {
        1 => title.to_owned(),
        _ => format!("{title}: {}", crate::number::shortened(&horizon.variables[v], 24)),
    }
}

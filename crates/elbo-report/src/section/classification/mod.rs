//! Sections on class probabilities.

mod calibration;
mod chance;
mod confusion;
mod examples;
mod selective;
mod uncertainty;
mod words;

pub use words::words;

use crate::error::Result;
use crate::page::Section;
use crate::read::{Classes, Run};

/// The sections, in order.
pub fn sections(run: &Run, classes: &Classes) -> Result<Vec<Section>> {
    Ok(vec![
        calibration::section(classes)?,
        confusion::section(classes),
        selective::section(classes)?,
        uncertainty::section(classes)?,
        examples::section(run, classes),
    ])
}

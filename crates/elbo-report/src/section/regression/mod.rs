//! Sections on real predictions.

mod calibration;
mod examples;
mod predictions;
mod residuals;
mod uncertainty;
mod words;

pub use words::words;

use crate::error::Result;
use crate::page::Section;
use crate::read::{Reals, Run};

/// The sections, in order.
pub fn sections(run: &Run, reals: &Reals) -> Result<Vec<Section>> {
    Ok(vec![
        predictions::section(reals),
        calibration::section(reals)?,
        residuals::section(reals),
        uncertainty::section(reals)?,
        examples::section(run, reals),
    ])
}

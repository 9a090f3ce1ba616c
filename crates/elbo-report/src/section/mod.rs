//! The sections of a report, a file each.
//!
//! Every report has those of [`common`](sections); what is told about predictions depends on the task, and each task has
//! a folder of its own with a list of its sections. Another task is another folder, and another arm of
//! [`of_task`].

mod classification;
mod coverage;
mod forecast;
mod largest;
mod meaning;
mod posterior;
mod regression;
mod settings;
mod summary;
mod training;

use crate::error::Result;
use crate::page::Section;
use crate::read::{Predicted, Run};

/// All sections of a run's report, in order. What has nothing to show is left out.
pub fn sections(run: &Run) -> Result<Vec<Section>> {
    let mut sections = vec![summary::section(run)?];
    sections.extend(of_task(run)?);
    sections.extend(training::section(run));
    sections.extend(posterior::section(run));
    sections.push(settings::section(run)?);
    Ok(sections)
}

/// The sections on predictions.
fn of_task(run: &Run) -> Result<Vec<Section>> {
    match &run.predicted {
        Some(Predicted::Classes(classes)) => classification::sections(run, classes),
        Some(Predicted::Reals(reals)) => regression::sections(run, reals),
        Some(Predicted::Horizon(horizon)) => forecast::sections(run, horizon),
        None => Ok(Vec::new()),
    }
}

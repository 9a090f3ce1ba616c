//! The report of a run: one HTML file that needs nothing else, and runs side by side.
//!
//! [`report`] reads the folder of a run and says in words, numbers and plots how it was trained, how good its predictions
//! are, whether its probabilities and intervals can be relied on, and what its weights have learned. [`compare`] puts runs
//! with one test set beside each other, with paired bootstrap intervals of their differences.
//!
//! ```text
//! folder -> read -> section, section, .. -> page
//! ```
//!
//! | folder | what is in it |
//! | --- | --- |
//! | `read` | the files of a run, as far as they are there |
//! | `plot` | kinds of plots, a file each |
//! | `section` | sections of the report, a file each; what depends on the task in a folder for each task |
//! | `page` | the page around them: style sheet, script |
//! | `compare` | runs side by side |
//!
//! The pages load nothing, follow the reader's light or dark theme, fit a phone and a printer. Every plot has a text that
//! says what it shows, and its values in a table. Everything that comes from a file is escaped.

#![forbid(unsafe_code)]

mod compare;
mod error;
mod number;
mod page;
mod plot;
mod read;
mod section;

pub use compare::{Comparison, Verdict, compare};
pub use error::{Error, Result};

use elbo::record::write_atomically;
use elbo::run::{RunFolder, Targets};
use maud::html;
use page::Page;
use read::Run;
use std::path::{Path, PathBuf};

/// The name of the report in the folder of a run.
pub const FILE: &str = "report.html";

/// The report of a run, finished or not, as one HTML page.
///
/// Only the folder is read, and for the examples that are drawn the run's data; if they are gone the report says so.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// use elbo::run::RunFolder;
/// let missing = elbo_report::report(&RunFolder::new(folder.path())).unwrap_err();
/// assert!(missing.to_string().contains("config.toml"));
/// ```
///
/// # Errors
/// [`Error::Run`] without a configuration or if a file is damaged, [`Error::Predictions`] if the predictions do not belong
/// to the run.
pub fn report(folder: &RunFolder) -> Result<String> {
    let run = Run::read(folder)?;
    let page = Page {
        title: run.config.data.name.clone(),
        kicker: kicker(&run),
        lead: html! { p class="lead" { (run.path.display()) } },
        sections: section::sections(&run)?,
    };
    Ok(page.html())
}

/// Writes the report of a run to `path`, or to [`FILE`] in its folder; gives the path.
///
/// # Errors
/// Those of [`report`]; [`elbo::Error::Io`] if the file cannot be written.
pub fn write_report(folder: &RunFolder, path: Option<&Path>) -> Result<PathBuf> {
    let path = path.map_or_else(|| folder.path().join(FILE), Path::to_owned);
    write_atomically(&path, report(folder)?.as_bytes())?;
    Ok(path)
}

/// What kind of run it is.
fn kicker(run: &Run) -> String {
    let task = match run.config.data.targets {
        Targets::Classes { .. } => "classification",
        Targets::Real { .. } => "regression",
        Targets::Horizon { .. } => "forecast",
    };
    let state = if run.is_finished() { "" } else { ", not finished" };
    format!("Report of a Bayesian network: {task}{state}")
}

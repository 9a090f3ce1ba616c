//! `elbo report`: a run as a page.

use super::{Outcome, pages};
use crate::cli::ReportArgs;
use crate::output;
use anyhow::Result;
use elbo::run::RunFolder;
use elbo_report::write_report;

pub fn run(args: &ReportArgs, json: bool) -> Result<Outcome> {
    let folder = RunFolder::new(&args.run);
    let path = write_report(&folder, args.output.as_deref())?;
    if json {
        output::json(&serde_json::json!({ "run": args.run, "report": path }));
    } else {
        output::text(&format!("Report: {}\n", path.display()));
    }
    if args.open {
        pages::open(&path)?;
    }
    Ok(Outcome::Done)
}

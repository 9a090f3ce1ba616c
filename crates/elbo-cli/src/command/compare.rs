//! `elbo compare`: runs side by side.

use super::{Outcome, pages};
use crate::cli::CompareArgs;
use crate::output;
use anyhow::Result;
use elbo::record::write_atomically;
use elbo::run::RunFolder;
use std::path::PathBuf;

const FILE: &str = "compare.html";

pub fn run(args: &CompareArgs, json: bool) -> Result<Outcome> {
    let folders: Vec<RunFolder> = args.runs.iter().map(RunFolder::new).collect();
    let comparison = elbo_report::compare(&folders)?;
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(FILE));
    write_atomically(&path, comparison.html().as_bytes())?;
    if json {
        let mut value = comparison.json();
        value["page"] = serde_json::json!(path);
        output::json(&value);
    } else {
        output::text(&comparison.text());
        output::text(&format!("\nPage: {}\n", path.display()));
    }
    if args.open {
        pages::open(&path)?;
    }
    Ok(Outcome::Done)
}

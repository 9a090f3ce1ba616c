//! The commands.

mod evaluate;
mod inspect;
mod predict;
mod read;
mod settings;
mod train;

use crate::cli::{Cli, Command};
use anyhow::{Context, Result};
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Done,
    /// A score did not reach its target.
    TargetNotMet,
}

impl Outcome {
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::TargetNotMet => ExitCode::from(1),
        }
    }
}

/// Runs a command.
pub fn run(cli: Cli) -> Result<Outcome> {
    elbo::switch::check()?;
    if let Some(threads) = cli.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().with_context(|| format!("cannot start {threads} threads"))?;
    }
    match cli.command {
        Command::Train(args) => train::run(&args, cli.json),
        Command::Predict(args) => predict::run(&args, cli.json),
        Command::Evaluate(args) => evaluate::run(&args, cli.json),
        Command::Inspect(args) => inspect::run(&args, cli.json),
    }
}

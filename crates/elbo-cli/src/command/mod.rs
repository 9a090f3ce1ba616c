//! The commands.

mod calibration;
mod compare;
mod evaluate;
mod inspect;
mod ood;
mod pages;
mod predict;
mod read;
mod report;
mod settings;
mod stop;
mod sweep;
mod train;

use crate::cli::{Cli, Command};
use anyhow::Result;
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
        elbo::threads::start(threads)?;
    }
    match cli.command {
        Command::Train(args) => train::run(&args, cli.json),
        Command::Predict(args) => predict::run(&args, cli.json),
        Command::Evaluate(args) => evaluate::run(&args, cli.json),
        Command::Inspect(args) => inspect::run(&args, cli.json),
        Command::Report(args) => report::run(&args, cli.json),
        Command::Compare(args) => compare::run(&args, cli.json),
    }
}

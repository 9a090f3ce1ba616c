//! `elbo`: train Bayesian neural networks, and predict with honest uncertainty, from a shell.
//!
//! Exit codes: 0 done, 1 target not met, 2 error.

#![forbid(unsafe_code)]

mod cli;
mod command;
mod output;

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match command::run(cli) {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => {
            // Nothing can be done about a closed stderr.
            let _ = writeln!(std::io::stderr(), "error: {}", output::one_message(&error));
            ExitCode::from(2)
        }
    }
}

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

/// A step's arrays take the places of the last step's.
#[global_allocator]
static ALLOCATOR: elbo::memory::Recycling = elbo::memory::Recycling::new();

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // What no check foresaw is an error as well, and not a backtrace.
    std::panic::set_hook(Box::new(|_| ()));
    let ended = std::panic::catch_unwind(|| command::run(cli));
    let ended = ended.unwrap_or_else(|panic| Err(anyhow::anyhow!("a fault of the program: {}", message_of(&*panic))));
    match ended {
        Ok(outcome) => outcome.exit_code(),
        Err(error) => {
            // Nothing can be done about a closed stderr.
            let _ = writeln!(std::io::stderr(), "error: {}", output::one_message(&error));
            ExitCode::from(2)
        }
    }
}

/// What a panic said.
fn message_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

//! Showing a page in the user's browser.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// The program that opens a file as a double click would.
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else if cfg!(windows) {
    "explorer"
} else {
    "xdg-open"
};

/// Opens a page.
pub fn open(page: &Path) -> Result<()> {
    let page = std::fs::canonicalize(page).with_context(|| format!("{}: cannot read", page.display()))?;
    let mut command = Command::new(OPENER);
    let status = command.arg(&page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status.with_context(|| format!("--open: cannot run `{OPENER}`"))? {
        // Windows' explorer ends with 1 when all is well.
        status if status.success() || cfg!(windows) => Ok(()),
        status => bail!("--open: `{OPENER}` failed ({status}) on {}", page.display()),
    }
}

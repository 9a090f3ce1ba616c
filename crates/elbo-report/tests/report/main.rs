//! Pages made from the folders of runs: what they say, odd runs, and how they look in a browser.

#[cfg(unix)]
mod browser;
mod comparison;
mod odd;
#[cfg(unix)]
mod pages;
mod runs;

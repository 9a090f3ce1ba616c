//! Forecasting: from a file with a time column to windows of a series and what follows them.
//!
//! ```text
//! file -> TimeSeries -> chronological parts -> windows -> Dataset
//! ```
//!
//! An example is `window` rows of all variables; its label ([`Labels::Horizon`](super::Labels)) the `horizon` rows of
//! the target variables that follow. Parts follow each other in time, and no row that is predicted in one part is
//! predicted in another or was trained on: scoring the test part is an evaluation with a rolling origin (Tashman 2000)
//! of a model that was trained once.

mod gaps;
mod parts;
mod read;
mod season;
mod series;
mod windows;

pub use gaps::Gaps;
pub use parts::{HeldOut, SeriesParts, chronological};
pub use read::{SeriesColumns, parse_series, read_series};
pub use season::best_period;
pub(crate) use season::periods_before;
pub use series::TimeSeries;
pub use windows::WindowShape;

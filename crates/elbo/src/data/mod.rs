//! Data: from a file to batches.
//!
//! ```text
//! file -> read -> Dataset -> stratified_split -> Scaler (fitted on the training part) -> batches
//! ```
//!
//! [`read()`] takes the archive format `.ts` of the time-series community, UCR `.tsv` or `.txt`, and `.csv` with a row
//! per example or in long form. Two small sets come with the crate ([`embedded()`]). Series have one or more channels,
//! equal or unequal lengths, and missing values (`NaN` in memory); labels are classes or real targets.
//!
//! [`read_series`] takes a CSV file with a time column for forecasting: windows of it are examples, what follows is the
//! label.
//!
//! Everything random here is a pure function of a seed: the same split and the same order of examples on every machine.

mod batch;
mod dataset;
mod embedded;
mod error;
mod forecast;
mod labels;
mod lines;
mod permutation;
mod read;
mod scaling;
mod split;
mod table;
mod target_scaling;
mod ts;
mod tsv;
mod value;

pub(crate) use batch::batches_by_length;
pub use batch::{Batch, Padding, batches, shuffled};
pub use dataset::{Dataset, Example, Labels};
pub use embedded::{NAMES, embedded};
pub use error::{DataError, Place};
pub(crate) use forecast::periods_before;
pub use forecast::{
    Gaps, HeldOut, SeriesColumns, SeriesParts, TimeSeries, WindowShape, best_period, chronological, parse_series,
    read_series,
};
pub use read::{Format, ReadOptions, TaskKind, parse_csv, parse_ts, parse_tsv, parse_with, read, read_with};
pub use scaling::{Scaler, ScalingKind};
pub(crate) use split::random_split;
pub use split::{stratified_folds, stratified_split};
pub use target_scaling::{TargetScaler, TargetScaling};

//! A run: everything that belongs to one trained model, in one folder.
//!
//! | file | content |
//! | --- | --- |
//! | `config.toml` | [`RunConfig`]: all that is needed to repeat the run, and to read new data as it read its own |
//! | `model.safetensors` | parameters by name; the configuration in its metadata |
//! | `metrics.json` | [`Metrics`]: scores with intervals |
//! | `predictions.csv` | the test part, example by example |
//! | `events.jsonl` | what happened, a line each |
//! | `checkpoints/last.safetensors` | the state to go on from |
//!
//! A [`Sweep`] that chose the run's settings has left `sweep.toml`, `trials/`, `sweep.json` and `sweep.csv` beside them.
//!
//! Every file is written to a temporary name, synced and renamed, but for `events.jsonl`, which grows line by line.

mod config;
mod evaluate;
mod events;
mod folder;
mod metrics;
mod predictions;
mod prepare;
mod source;
pub mod sweep;

pub use config::{DataConfig, PredictionConfig, RealLikelihood, RunConfig, Targets};
pub use evaluate::{Evaluated, Scores, evaluate, predict_mean, predict_posterior};
pub use events::{Event, EventLog};
pub use folder::RunFolder;
pub use metrics::{METRICS_SCHEMA, Metrics, ModelSummary, PartSizes, TestScores, Timing, TrainingSummary};
pub use predictions::predictions_csv;
pub use prepare::{Parts, prepare};
pub use source::{DataSource, Loaded};
pub use sweep::{
    Choice, Dimension, SWEEP_SCHEMA, Setting, Sweep, SweepConfig, SweepTable, TrialProgress, TrialRow, Values,
};

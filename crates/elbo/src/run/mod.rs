//! A run: everything that belongs to one trained model, in one folder.
//!
//! | file | content |
//! | --- | --- |
//! | `config.toml` | [`RunConfig`]: all that is needed to repeat the run, and to read new data as it read its own |
//! | `model.safetensors` | parameters by name; the configuration in its metadata |
//! | `calibration.json` | [`Calibration`]: the map that recalibrates predictions, if the run asked for one |
//! | `conformal.json` | [`Conformal`]: the thresholds of sets or intervals, if the run asked for them |
//! | `metrics.json` | [`Metrics`]: scores with intervals |
//! | `predictions.csv` | the test part, example by example |
//! | `events.jsonl` | what happened, a line each |
//! | `checkpoints/last.safetensors` | the state to go on from |
//!
//! A [`Sweep`] that chose the run's settings has left `sweep.toml`, `trials/`, `sweep.json` and `sweep.csv` beside them.
//!
//! Every file is written to a temporary name, synced and renamed, but for `events.jsonl`, which grows line by line.

mod adjustments;
mod calibration;
mod config;
mod conformal;
mod evaluate;
mod events;
mod folder;
mod metrics;
mod ood;
mod predictions;
mod prepare;
mod source;
pub mod sweep;

pub use adjustments::{Adjusted, Adjustments, Tested, evaluate_adjusted};
pub use calibration::{CALIBRATION_SCHEMA, Calibration, CalibrationMap, CalibrationMethod};
pub use config::{DataConfig, PredictionConfig, RealLikelihood, RunConfig, TargetKind, Targets};
pub use conformal::{
    CONFORMAL_SCHEMA, Conformal, ConformalConfig, ConformalScore, ConformalScores, CoverageScores, ExpectedCoverage,
    ForecastConformal, ForecastIntervalScores, IntervalScores, StepCoverage, Thresholds,
};
pub use evaluate::{Evaluated, Scores, evaluate, posterior_predictive, predict_mean, predict_posterior};
pub use events::{Event, EventLog};
pub use folder::RunFolder;
pub use metrics::{METRICS_SCHEMA, Metrics, ModelSummary, PartSizes, TestScores, Timing, TrainingSummary};
pub use ood::{Uncertainty, UncertaintyDetection, detect, uncertainties};
pub use predictions::{PredictionColumns, predictions_csv, predictions_csv_with};
pub use prepare::{Parts, prepare};
pub use source::{DataSource, Loaded};
pub use sweep::{
    Choice, Dimension, SWEEP_SCHEMA, Setting, Sweep, SweepConfig, SweepTable, TrialProgress, TrialRow, Values,
};

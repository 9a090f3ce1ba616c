//! Scores of predicted numbers.

mod crps;
mod ensemble;
mod errors;
mod forecast;
mod interval;
mod nll;
mod pinball;
mod pit;

pub use ensemble::{ensemble_crps, fair_ensemble_crps};
pub use errors::{absolute_errors, mae, rmse, squared_errors};
pub use forecast::Forecasts;
pub use interval::{
    LevelCoverage, coverage, covered_per_example, interval_score, interval_score_per_example, level_coverages,
    mean_width,
};
pub use nll::mean_nll;
pub use pinball::{pinball, pinball_per_example};
pub use pit::{PitHistogram, pit_histogram, randomized_pit};

pub(crate) use crps::{mean_size, student_t_size};

pub(super) use crate::output::special::normal::quantile as normal_quantile;

//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use elbo::data::{ScalingKind, TaskKind};
use elbo::device::DeviceName;
use elbo::run::{CalibrationMethod, Choice, ConformalScore, RealLikelihood};
use elbo::threads::MAX_THREADS;
use std::path::PathBuf;

/// Bayesian neural networks from the command line: train, predict with honest uncertainty, evaluate.
///
/// `elbo train` without arguments trains a Bayesian convolutional network on an embedded data set.
///
/// Exit codes: 0 done, 1 target not met, 2 error.
#[derive(Debug, Parser)]
#[command(name = "elbo", version, max_term_width = 100)]
pub struct Cli {
    /// Number of threads; no result depends on it [default: one per core]
    #[arg(long, global = true, value_name = "N", env = "ELBO_THREADS", value_parser = thread_count)]
    pub threads: Option<usize>,
    /// Print JSON and nothing else
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model and score it on the test part
    Train(Box<TrainArgs>),
    /// Predict the series of a file
    Predict(PredictArgs),
    /// Score a run on a file with labels
    Evaluate(EvaluateArgs),
    /// Show a run, a model file, a model description or a data file
    Inspect(InspectArgs),
    /// Write a run's report: one page with its scores, plots and settings
    Report(ReportArgs),
    /// Compare runs on their common test examples
    Compare(CompareArgs),
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Training data: .ts, .tsv, .txt or .csv
    #[arg(long, value_name = "FILE", conflicts_with = "dataset")]
    pub train: Option<PathBuf>,
    /// Test data, scored at the end
    #[arg(long, value_name = "FILE", requires = "train")]
    pub test: Option<PathBuf>,
    /// Embedded data set: italy-power-demand or gun-point [default: italy-power-demand]
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// Network: conv1d, mlp or tcn [default: conv1d; tcn with --series]
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    pub preset: Option<String>,
    /// Network described in a TOML file
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Passes over the training data [default: 300; of a table with the preset mlp and a real target as many as make 20000
    /// steps, if that is more]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Examples of a step
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Learning rate at its highest
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub lr: Option<f64>,
    /// Weight of the divergence: 1 is the ELBO, below 1 a cold posterior [default: 0.01 for classes, 0.3 for real
    /// targets]
    #[arg(long, value_name = "BETA", allow_negative_numbers = true)]
    pub kl_weight: Option<f64>,
    /// Weight samples of a prediction
    #[arg(long, value_name = "S")]
    pub samples: Option<usize>,
    /// Weight samples of a training step
    #[arg(long, value_name = "S")]
    pub train_samples: Option<usize>,
    /// Seed of initial values, order and noise
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Part of the training data that is held out for validation
    #[arg(long, value_name = "FRACTION", allow_negative_numbers = true)]
    pub validation: Option<f64>,
    /// How inputs are scaled [default: per-series; per-feature for a .csv with the preset mlp; per-window with --series]
    #[arg(long, value_enum)]
    pub scaling: Option<Scaling>,
    /// Distribution of real targets
    #[arg(long, value_enum)]
    pub likelihood: Option<Likelihood>,
    #[command(flatten)]
    pub calibration: CalibrationArgs,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub on: DeviceArgs,
    /// Folder of the run [default: runs/<data set>-<number>]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub out: Option<PathBuf>,
    /// Go on with the run in DIR; begins it if there is none yet
    #[arg(long, value_name = "DIR")]
    pub resume: Option<PathBuf>,
    /// Seconds between checkpoints
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = not_negative)]
    pub checkpoint_every: f64,
    /// Do not write report.html
    #[arg(long)]
    pub no_report: bool,
    // Last: options after these would stand under their headings.
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub sweep: SweepArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Forecasting")]
pub struct SeriesArgs {
    /// Series to forecast: a .csv file with a row per time
    #[arg(long, value_name = "FILE", conflicts_with_all = ["train", "dataset"], requires = "horizon")]
    pub series: Option<PathBuf>,
    /// Rows to forecast
    #[arg(long, value_name = "H", requires = "series")]
    pub horizon: Option<usize>,
    /// Rows that a forecast is made from [default: 2 H, at least 8]
    #[arg(long, value_name = "W", requires = "series")]
    pub window: Option<usize>,
    /// Column of times [default: time, date, datetime, timestamp, ds or index, else the first]
    #[arg(long, value_name = "COLUMN", requires = "series")]
    pub time_column: Option<String>,
    /// Column to forecast, may be given several times [default: all but times and covariates]
    #[arg(long, value_name = "COLUMN", requires = "series")]
    pub target: Vec<String>,
    /// Column to look at only, may be given several times [default: all but times and targets]
    #[arg(long, value_name = "COLUMN", requires = "series")]
    pub covariate: Vec<String>,
    /// Part of the rows, the last ones, that is forecast and scored at the end [default: 0.2]
    #[arg(long, value_name = "FRACTION", allow_negative_numbers = true, requires = "series")]
    pub test_fraction: Option<f64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "After training")]
pub struct CalibrationArgs {
    /// Recalibrates class probabilities (temperature, vector, dirichlet, isotonic, histogram) or predictions of real targets
    /// (quantile, variance); auto chooses by cross-validation [default: none]
    #[arg(long, value_enum)]
    pub calibrate: Option<Calibrate>,
    /// Makes sets of classes (thr, aps, raps) or intervals of real targets (distribution, scaled, mean, cqr) that hold the
    /// label with probability 1 - alpha, or intervals of forecasts (adaptive) that hold so many in the long run
    /// [default: none]
    #[arg(long, value_enum)]
    pub conformal: Option<Conformal>,
    /// How likely a set or interval may miss [default: 0.1]
    #[arg(long, value_name = "ALPHA", allow_negative_numbers = true, requires = "conformal")]
    pub alpha: Option<f64>,
    /// Keeps to alpha within every class
    #[arg(long, requires = "conformal")]
    pub per_class: bool,
    /// Part of the training data, or of the rows of a series, that is kept for these, half for each if both are asked for [default: 0.2 if one is,
    /// else 0]
    #[arg(long, value_name = "FRACTION", allow_negative_numbers = true)]
    pub calibration_fraction: Option<f64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Sweep")]
pub struct SweepArgs {
    /// Values to try for a setting, may be given for several: a list, kl-weight=0.01,0.1,1, or a range,
    /// lr=1e-4..1e-2:log (with --trials)
    ///
    /// Settings: kl-weight, lr, prior-scale, posterior-scale; the scales in the form that the model has them, in presets
    /// divided by the square root of the fan-in. Every trial is scored on held-out examples by the negative log likelihood
    /// of its posterior predictive; the best settings then train the final model on all training data.
    /// DIR/sweep.csv has a row per trial. A sweep that was interrupted goes on with --resume DIR.
    #[arg(long, value_name = "NAME=VALUES")]
    pub sweep: Vec<String>,
    /// Points to try, spread evenly over the values [default: all combinations of lists]
    #[arg(long, value_name = "N", requires = "sweep")]
    pub trials: Option<usize>,
    /// Score by cross-validation: every one of K parts of the training data is held out in turn [default: score on the
    /// validation part]
    #[arg(long, value_name = "K", requires = "sweep", conflicts_with = "validation")]
    pub folds: Option<usize>,
    /// Which trial is chosen
    #[arg(long, value_enum, requires = "sweep")]
    pub choose: Option<Choose>,
    /// End with the table of trials; --resume DIR trains the final model later
    #[arg(long, requires = "sweep")]
    pub sweep_only: bool,
}

#[derive(Debug, Args)]
pub struct ReadArgs {
    /// Column of a CSV file that holds the label; an empty name for none
    #[arg(long, value_name = "COLUMN")]
    pub csv_label: Option<String>,
    /// What labels are, where the file does not say
    #[arg(long, value_enum)]
    pub task: Option<Task>,
}

#[derive(Debug, Args)]
pub struct DeviceArgs {
    /// What computes: flex (the CPU), wgpu, vulkan, metal, cuda or rocm, where the build has it; cuda:1 is the second
    /// of several
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceName::FLEX)]
    pub device: DeviceName,
}

#[derive(Debug, Args)]
pub struct PredictArgs {
    /// Folder of a finished run
    #[arg(long, value_name = "DIR")]
    pub run: PathBuf,
    /// Series to predict
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Weight samples [default: as in training]
    #[arg(long, value_name = "S")]
    pub samples: Option<usize>,
    /// Seed of the draws [default: as in training]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Leave predictions as the model makes them: neither recalibrated nor with sets or intervals
    #[arg(long)]
    pub raw: bool,
    /// Add 90 % credible intervals: how far the weights leave open every class probability, or the mean of a real target
    #[arg(long)]
    pub intervals: bool,
    /// Add the K most probable classes, the most probable first
    #[arg(long, value_name = "K")]
    pub top: Option<usize>,
    /// Where predictions go, as CSV [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub on: DeviceArgs,
}

#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Folder of a finished run
    #[arg(long, value_name = "DIR")]
    pub run: PathBuf,
    /// Series with labels; with --ood they may have none
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Series of another kind: also says how well each uncertainty tells them from those of --input
    #[arg(long, value_name = "FILE")]
    pub ood: Option<PathBuf>,
    /// Weight samples [default: as in training]
    #[arg(long, value_name = "S")]
    pub samples: Option<usize>,
    /// Seed of the draws [default: as in training]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Leave predictions as the model makes them: neither recalibrated nor with sets or intervals
    #[arg(long)]
    pub raw: bool,
    /// Exit with 1 if the posterior predictive's accuracy is below this
    #[arg(long, value_name = "ACCURACY", value_parser = not_negative)]
    pub min_accuracy: Option<f64>,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub on: DeviceArgs,
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A run's folder, a model.safetensors, a model.toml, or a data file
    #[arg(value_name = "DIR|FILE")]
    pub path: PathBuf,
    #[command(flatten)]
    pub read: ReadArgs,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of a run, finished or not
    #[arg(value_name = "DIR")]
    pub run: PathBuf,
    /// Where the page goes [default: report.html in DIR]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Show the page in the browser
    #[arg(long)]
    pub open: bool,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Folders of finished runs with one test set; each is compared with the first
    #[arg(value_name = "DIR", num_args = 2.., required = true)]
    pub runs: Vec<PathBuf>,
    /// Where the page goes [default: compare.html]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Show the page in the browser
    #[arg(long)]
    pub open: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Scaling {
    /// Values as they are
    None,
    /// Every series to mean 0 and standard deviation 1
    PerSeries,
    /// Every channel by the mean and standard deviation of the training part
    PerChannel,
    /// Every column of a table by the mean and standard deviation of the training part
    PerFeature,
    /// Every window by its mean and standard deviation, not below a tenth of that of the training part
    PerWindow,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Likelihood {
    /// Normal noise, trained
    Gaussian,
    /// Student's distribution with 4 degrees of freedom, its scale predicted: for outliers
    StudentT,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Choose {
    /// The best score (default)
    Minimum,
    /// The highest KL weight, then the lowest prior scale, that the best does not beat by more than a standard error
    OneSe,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Task {
    /// One of some classes
    Classes,
    /// A real number
    Real,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Calibrate {
    /// Predictions as they are
    None,
    /// The best of those for the targets, or none, by cross-validation
    Auto,
    /// Classes: one temperature
    Temperature,
    /// Classes: a weight and an intercept for each class
    Vector,
    /// Classes: a matrix and intercepts
    Dirichlet,
    /// Classes: a monotone curve for each class
    Isotonic,
    /// Classes: ten bins for each class
    Histogram,
    /// Real targets: a monotone curve of levels
    Quantile,
    /// Real targets: one factor of all variances
    Variance,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Conformal {
    /// Neither sets nor intervals
    None,
    /// Sets of the classes above a probability
    Thr,
    /// Sets that grow where the prediction is unsure
    Aps,
    /// The same with a price for every class beyond the fifth
    Raps,
    /// Intervals between two quantiles of the predictive distribution, whose levels are moved
    Distribution,
    /// Intervals whose width follows the predictive standard deviation
    Scaled,
    /// Intervals of one width
    Mean,
    /// Intervals between two quantiles of the predictive distribution, moved by one distance
    Cqr,
    /// With --series: intervals whose width follows the predictive standard deviation, and learns from what came
    Adaptive,
}

impl Calibrate {
    pub fn method(self) -> Option<CalibrationMethod> {
        match self {
            Self::None => None,
            Self::Auto => Some(CalibrationMethod::Auto),
            Self::Temperature => Some(CalibrationMethod::Temperature),
            Self::Vector => Some(CalibrationMethod::Vector),
            Self::Dirichlet => Some(CalibrationMethod::Dirichlet),
            Self::Isotonic => Some(CalibrationMethod::Isotonic),
            Self::Histogram => Some(CalibrationMethod::Histogram),
            Self::Quantile => Some(CalibrationMethod::Quantile),
            Self::Variance => Some(CalibrationMethod::Variance),
        }
    }
}

impl Conformal {
    pub fn score(self) -> Option<ConformalScore> {
        match self {
            Self::None => None,
            Self::Thr => Some(ConformalScore::Thr),
            Self::Aps => Some(ConformalScore::Aps),
            Self::Raps => Some(ConformalScore::Raps),
            Self::Distribution => Some(ConformalScore::Distribution),
            Self::Scaled => Some(ConformalScore::Scaled),
            Self::Mean => Some(ConformalScore::Mean),
            Self::Cqr => Some(ConformalScore::Cqr),
            Self::Adaptive => Some(ConformalScore::Adaptive),
        }
    }
}

impl From<Scaling> for ScalingKind {
    fn from(scaling: Scaling) -> Self {
        match scaling {
            Scaling::None => Self::None,
            Scaling::PerSeries => Self::PerSeries,
            Scaling::PerChannel => Self::PerChannel,
            Scaling::PerFeature => Self::PerFeature,
            Scaling::PerWindow => Self::PerWindow,
        }
    }
}

impl From<Likelihood> for RealLikelihood {
    fn from(likelihood: Likelihood) -> Self {
        match likelihood {
            Likelihood::Gaussian => Self::Gaussian,
            Likelihood::StudentT => Self::StudentT,
        }
    }
}

impl From<Choose> for Choice {
    fn from(choose: Choose) -> Self {
        match choose {
            Choose::Minimum => Self::Minimum,
            Choose::OneSe => Self::OneStandardError,
        }
    }
}

impl From<Task> for TaskKind {
    fn from(task: Task) -> Self {
        match task {
            Task::Classes => Self::Classes,
            Task::Real => Self::Real,
        }
    }
}

fn thread_count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MAX_THREADS).contains(number));
    number.ok_or_else(|| format!("expected a whole number between 1 and {MAX_THREADS}"))
}

fn not_negative(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "expected a number, at least 0".into())
}

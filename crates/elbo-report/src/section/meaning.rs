//! What every score is called, and what it says in a line.

use elbo::metric::{ClassificationScores, Estimate, ForecastScores, RegressionScores};
use elbo::run::Scores;

/// A score as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// Its value; `None` in runs of earlier versions, and where the predictions do not give it.
    pub estimate: Option<Estimate>,
    /// Whether it is shown in per cent.
    pub is_share: bool,
    /// Whether it is one of the first things to know.
    pub is_main: bool,
}

impl Row {
    fn new(name: &'static str, estimate: impl Into<Option<Estimate>>, meaning: &'static str) -> Self {
        Self { name, meaning, estimate: estimate.into(), is_share: false, is_main: false }
    }

    fn main(self) -> Self {
        Self { is_main: true, ..self }
    }

    fn share(self) -> Self {
        Self { is_share: true, ..self }
    }
}

/// The scores in order.
pub fn rows(scores: &Scores) -> Vec<Row> {
    match scores {
        Scores::Classification(scores) => of_classes(scores),
        Scores::Regression(scores) => of_reals(scores),
        Scores::Forecast(scores) => of_forecasts(scores),
    }
}

const NLL: &str = "Negative log likelihood (nats)";
const COVERAGE: &str = "Coverage of 90 % intervals";
const HELD: &str = "Share of the targets within their interval: 90 % if it can be relied on.";
const DENSITY: &str = "How little density the predictions gave to what came; lower is better, and it may be below 0.";
const CRPS: &str = "Error of the whole predicted distribution, in the unit of the target; lower is better.";
const RMSE: &str = "Typical error of the predicted mean, in the unit of the target; large errors count most.";
const MAE: &str = "Mean size of the error, in the unit of the target.";

fn of_classes(scores: &ClassificationScores) -> Vec<Row> {
    vec![
        Row::new("Accuracy", scores.accuracy, "Share of the examples whose most probable class is right.")
            .main()
            .share(),
        Row::new(NLL, scores.nll, "How little probability the true classes were given; lower is better.").main(),
        Row::new("Brier score", scores.brier, "Squared error of the probabilities, 0 to 2; lower is better.").main(),
        Row::new(
            "Calibration error (15 bins)",
            scores.ece,
            "Mean gap between stated probability and frequency; above 0 by chance even if there is none.",
        )
        .main(),
        Row::new(
            "Debiased squared calibration error",
            scores.squared_ece_debiased,
            "The same gap squared, less what chance adds: 0 on average if calibrated. An interval above 0 is evidence of a gap.",
        ),
        Row::new(
            "Calibration error, equal mass",
            scores.ece_equal_mass,
            "The same gap in 15 bins of equally many examples: no bin is left to a few.",
        ),
        Row::new(
            "Calibration error, by class",
            scores.ece_classwise,
            "The same gap of every class's own probability, averaged over the classes.",
        ),
        Row::new(
            "Calibration error, smooth",
            scores.ece_smooth,
            "The same gap without bins: averaged by a kernel as wide as the error itself.",
        ),
        Row::new(
            "Brier score: reliability",
            scores.brier_reliability,
            "The part that comes from probabilities that are not frequencies; lower is better.",
        ),
        Row::new(
            "Brier score: resolution",
            scores.brier_resolution,
            "What telling the examples apart takes off; higher is better.",
        ),
        Row::new(
            "Brier score: uncertainty",
            scores.brier_uncertainty,
            "What always predicting the frequencies of the classes has: a property of the data.",
        ),
        Row::new(
            "AUROC of errors",
            scores.error_auroc,
            "How often a wrong prediction is less sure than a right one: 1 is best, 0.5 is chance.",
        ),
        Row::new(
            "AUPR of errors",
            scores.error_aupr,
            "Mean share of wrong predictions among the least sure, up to each wrong one; chance is the share of errors.",
        ),
        Row::new(
            "FPR at 95 % of errors",
            scores.error_fpr95,
            "Share of the right predictions that are doubted too where 95 % of the wrong ones are; lower is better.",
        )
        .share(),
        Row::new(
            "AURC",
            scores.aurc,
            "Mean share of errors over all ways of answering only the surest examples; lower is better.",
        ),
        Row::new("Excess AURC", scores.excess_aurc, "The part of it that a better order of the examples would remove."),
    ]
}

fn of_reals(scores: &RegressionScores) -> Vec<Row> {
    vec![
        Row::new("Root mean squared error", scores.rmse, RMSE).main(),
        Row::new("Mean absolute error", scores.mae, MAE),
        Row::new(NLL, scores.nll, DENSITY).main(),
        Row::new("CRPS", scores.crps, CRPS).main(),
        Row::new(COVERAGE, scores.coverage_90, HELD).main().share(),
        Row::new("Width of 90 % intervals", scores.width_90, "Narrower is better if the coverage is right."),
        Row::new(
            "Interval score of 90 % intervals",
            scores.interval_score_90,
            "Width, and a price for targets outside: coverage and width in one; lower is better.",
        ),
        Row::new(
            "Rank correlation of spread and error",
            scores.error_spearman,
            "1 if larger errors are always foreseen by a larger standard deviation, 0 if none is.",
        ),
    ]
}

fn of_forecasts(scores: &ForecastScores) -> Vec<Row> {
    vec![
        Row::new("Root mean squared error", scores.rmse, RMSE).main(),
        Row::new(
            "Error of saying that nothing changes",
            scores.persistence_rmse,
            "Root mean squared error of forecasting the last value that was seen (persistence): what to be better than.",
        )
        .main(),
        Row::new(
            "Error relative to that",
            scores.relative_rmse,
            "The ratio of the two, the geometric mean over the variables: below 1 is better than saying that nothing changes.",
        ),
        Row::new(
            "Error of repeating the last season",
            scores.seasonal_naive.map(|naive| naive.rmse),
            "Root mean squared error of the seasonal naive forecast, with the period that the training part repeats itself best \
             after.",
        ),
        Row::new(COVERAGE, scores.coverage_90, HELD).main().share(),
        Row::new("CRPS", scores.crps, CRPS).main(),
        Row::new("Mean absolute error", scores.mae, MAE),
        Row::new(NLL, scores.nll, DENSITY),
    ]
}

//! What came out, in words and numbers.

use super::meaning::{Row, rows};
use super::{classification, forecast, regression};
use crate::error::Result;
use crate::number::{counted, ends, interval, percent, percent_interval, value};
use crate::page::{Section, explained_table, paragraphs, remark};
use crate::read::{Predicted, Run};
use elbo::metric::Estimate;
use elbo::run::{
    ConformalConfig, ConformalScores, CoverageScores, ExpectedCoverage, ForecastIntervalScores, Scores, TestScores,
};
use maud::{Markup, html};

/// The section.
pub fn section(run: &Run) -> Result<Section> {
    let words = match &run.predicted {
        Some(Predicted::Classes(classes)) => classification::words(run, classes)?,
        Some(Predicted::Reals(reals)) => regression::words(run, reals)?,
        Some(Predicted::Horizon(horizon)) => forecast::words(run, horizon)?,
        None => vec![without_predictions(run)],
    };
    let test = run.metrics.as_ref().and_then(|metrics| metrics.test.as_ref());
    let body = html! {
        @if !run.is_finished() { p class="notice" { (unfinished(run)) } }
        @if let Some(test) = test { (cards(&test.posterior_predictive)) }
        (paragraphs(&words))
        @if let Some(test) = test { (paragraphs(&afterwards(test))) (both_ways(test)) (remark(INTERVALS)) }
        @if let Some(Predicted::Horizon(_)) = &run.predicted { (remark(OVERLAP)) }
        @if run.log.unreadable > 0 {
            p class="notice" {
                (counted(run.log.unreadable, "line")) " of events.jsonl could not be read and "
                @if run.log.unreadable == 1 { "is" } @else { "are" } " left out."
            }
        }
    };
    Ok(Section { id: "summary", title: "Summary".into(), body })
}

const INTERVALS: &str = "Brackets hold 95 % intervals from resampling the test examples: how far a number would move with \
    another test set of this size from the same source. They do not tell how far it would move with another training run; \
    with few examples they are too short, and where all examples score the same they have no length.";

const OVERLAP: &str = "Of a forecast with all its steps one example is made here. Forecasts that start less than a horizon \
    apart share rows, so as many in a row as there are steps are drawn together. Where the test part is not many times as \
    long as that, or errors hang together for longer, brackets are too short all the same.";

fn unfinished(run: &Run) -> String {
    let (done, epochs) = (run.log.epochs.len(), run.config.training.epochs);
    format!(
        "This run is not finished: {done} of {} are done. There are no scores and no predictions yet. Go on with: elbo train \
         --resume {}",
        counted(epochs, "epoch"),
        run.path.display()
    )
}

fn without_predictions(run: &Run) -> String {
    if run.is_finished() {
        "The run has no test part, so nothing is known about how well it predicts: the curves below are of the data that it \
         was trained on and of the part that was held out for validation. Score it on new data with `elbo evaluate`."
            .to_owned()
    } else {
        "What there is so far: the training curves, and the settings.".to_owned()
    }
}

fn cards(scores: &Scores) -> Markup {
    let range = |estimate: &Estimate, is_share: bool| match is_share {
        _ if !estimate.has_interval() => "too few for an interval".to_owned(),
        true => format!("{} to {}", percent(estimate.low), percent(estimate.high)),
        false => ends(estimate).replace(['[', ']'], "").replace(',', " to"),
    };
    let main = rows(scores).into_iter().filter(|row| row.is_main);
    html! {
        dl class="scores" {
            @for (row, estimate) in main.filter_map(|row| Some((row, row.estimate?))) {
                div {
                    dt { (row.name) }
                    dd { @if row.is_share { (percent(estimate.value)) } @else { (value(&estimate)) } }
                    dd class="range" { (range(&estimate, row.is_share)) }
                }
            }
        }
    }
}

/// What was done to the predictions after training.
fn afterwards(test: &TestScores) -> Vec<String> {
    let recalibrated = test.calibrated.as_ref().map(|_| {
        "The predictions were recalibrated on held-out examples; the last column has their scores. Everything else on this \
         page is of the predictions as the model makes them."
            .to_owned()
    });
    recalibrated.into_iter().chain(test.conformal.as_ref().map(conformal)).collect()
}

fn conformal(scores: &ConformalScores) -> String {
    let ConformalConfig { score, alpha, per_class } = scores.config;
    let (kind, size) = match &scores.scores {
        CoverageScores::Sets(sets) => ("sets", format!("name {} classes on average", value(&sets.mean_size))),
        CoverageScores::Intervals(of) => ("intervals", format!("are {} wide on average", value(&of.mean_width))),
        CoverageScores::Forecast(of) => return of_forecasts(scores, of),
    };
    let expected = match scores.expected.as_slice() {
        [ExpectedCoverage { class: None, low, high }] => {
            format!(" (between {} and {} in 99 of 100 cases)", percent(*low), percent(*high))
        }
        _ => String::new(),
    };
    format!(
        "Conformal {kind} ({}, from {}) promise to hold {} of new targets{}. They hold {} of the test part's{expected}, and \
         {size}.",
        score.name(),
        counted(scores.examples, "held-out example"),
        percent(1.0 - alpha),
        if per_class { " of every class" } else { "" },
        percent(scores.scores.coverage().value),
    )
}

/// Intervals whose thresholds learn.
fn of_forecasts(scores: &ConformalScores, of: &ForecastIntervalScores) -> String {
    let steps = || of.by_step.iter().map(|step| step.coverage);
    let (fewest, most) = (steps().fold(1.0, f64::min), steps().fold(0.0, f64::max));
    let single = match of.by_step.len() {
        1 => String::new(),
        _ => format!(", at single steps between {} and {}", percent(fewest), percent(most)),
    };
    let width = of.mean_width.as_ref().map(|width| format!(", and are {} wide on average", value(width)));
    let unbounded = match of.unbounded {
        0.0 => String::new(),
        share => format!(" After many misses nothing can be left out: {} of them are the whole line.", percent(share)),
    };
    format!(
        "Adaptive conformal intervals (from {}) hold {} of the values in the long run: their width learns from what became \
         known. They hold {} of the test part's{single}{}.{unbounded}",
        counted(scores.examples, "held-out forecast"),
        percent(1.0 - scores.config.alpha),
        if of.coverage.has_interval() { percent_interval(&of.coverage) } else { percent(of.coverage.value) },
        width.unwrap_or_default(),
    )
}

/// The average over the posterior beside the network of means.
fn both_ways(test: &TestScores) -> Markup {
    let posterior = format!("posterior predictive, {}", counted(test.samples, "weight sample"));
    let mut columns = vec!["score", posterior.as_str(), "network of posterior means"];
    columns.extend(test.calibrated.as_ref().map(|_| "recalibrated"));
    let calibrated = test.calibrated.as_ref().map(rows).unwrap_or_default();
    let cell = |row: &Row| match &row.estimate {
        Some(estimate) if row.is_share => percent_interval(estimate),
        Some(estimate) => interval(estimate),
        None => "–".to_owned(),
    };
    let pairs = rows(&test.posterior_predictive).into_iter().zip(rows(&test.mean_network));
    let known = pairs.filter(|(averaged, mean)| averaged.estimate.is_some() || mean.estimate.is_some());
    let rows: Vec<_> = known
        .map(|(averaged, mean)| {
            let after = calibrated.iter().find(|row| row.name == averaged.name).map(cell);
            let cells = [cell(&averaged), cell(&mean)].into_iter().chain(after).collect();
            (averaged.name, averaged.meaning, cells)
        })
        .collect();
    explained_table("Scores on the test part", &columns, &rows)
}

//! What came out, in words and numbers.

use super::{classification, regression};
use crate::error::Result;
use crate::number::{counted, ends, interval, percent, percent_interval, value};
use crate::page::{Section, paragraphs, remark, table};
use crate::read::{Predicted, Run};
use elbo::metric::Estimate;
use elbo::run::{Scores, TestScores};
use maud::{Markup, html};

/// The section.
pub fn section(run: &Run) -> Result<Section> {
    let words = match &run.predicted {
        Some(Predicted::Classes(classes)) => classification::words(run, classes)?,
        Some(Predicted::Reals(reals)) => regression::words(run, reals)?,
        None => vec![without_predictions(run)],
    };
    let test = run.metrics.as_ref().and_then(|metrics| metrics.test.as_ref());
    let body = html! {
        @if !run.is_finished() { p class="notice" { (unfinished(run)) } }
        @if let Some(test) = test { (cards(&test.posterior_predictive)) }
        (paragraphs(&words))
        @if let Some(test) = test { (both_ways(test)) (remark(INTERVALS)) }
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

/// A score, and whether it is a share.
type Row = (&'static str, Estimate, bool);

fn rows(scores: &Scores) -> Vec<Row> {
    match scores {
        Scores::Classification(scores) => vec![
            ("Accuracy", scores.accuracy, true),
            ("Negative log likelihood (nats)", scores.nll, false),
            ("Brier score", scores.brier, false),
            ("Calibration error (15 bins)", scores.ece, false),
        ],
        Scores::Regression(scores) => vec![
            ("Root mean squared error", scores.rmse, false),
            ("Negative log likelihood (nats)", scores.nll, false),
            ("Coverage of 90 % intervals", scores.coverage_90, true),
        ],
        Scores::Forecast(scores) => vec![
            ("Root mean squared error", scores.rmse, false),
            ("Mean absolute error", scores.mae, false),
            ("Coverage of 90 % intervals", scores.coverage_90, true),
            ("Error of saying that nothing changes", scores.persistence_rmse, false),
        ],
    }
}

fn cards(scores: &Scores) -> Markup {
    let range = |estimate: &Estimate, is_share: bool| match is_share {
        true => format!("{} to {}", percent(estimate.low), percent(estimate.high)),
        false => ends(estimate).replace(['[', ']'], "").replace(',', " to"),
    };
    html! {
        dl class="scores" {
            @for (name, estimate, is_share) in rows(scores) {
                div {
                    dt { (name) }
                    dd { @if is_share { (percent(estimate.value)) } @else { (value(&estimate)) } }
                    dd class="range" { (range(&estimate, is_share)) }
                }
            }
        }
    }
}

/// The average over the posterior beside the network of means.
fn both_ways(test: &TestScores) -> Markup {
    let posterior = format!("posterior predictive, {}", counted(test.samples, "weight sample"));
    let columns = ["score", posterior.as_str(), "network of posterior means"];
    let cell = |estimate: &Estimate, share: bool| if share { percent_interval(estimate) } else { interval(estimate) };
    let pairs = rows(&test.posterior_predictive).into_iter().zip(rows(&test.mean_network));
    let rows: Vec<Vec<String>> = pairs
        .map(|((name, averaged, share), (_, mean, _))| vec![name.into(), cell(&averaged, share), cell(&mean, share)])
        .collect();
    table("Scores on the test part", &columns, &rows)
}

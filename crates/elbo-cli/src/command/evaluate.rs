//! `elbo evaluate`: the scores of a run on any labelled file, and how well it tells another kind of series from those.

use super::ood::{self, Found};
use super::{Outcome, read};
use crate::cli::EvaluateArgs;
use crate::output;
use anyhow::{Result, bail};
use elbo::data::Dataset;
use elbo::run::{Adjustments, Scores, TestScores, evaluate_adjusted};

pub fn run(args: &EvaluateArgs, json: bool) -> Result<Outcome> {
    let trained = read::trained(&args.run, &args.on.device.open()?)?;
    let data = read::data(&args.input, &args.read, &trained.config)?;
    let draws =
        (args.samples.unwrap_or(trained.config.prediction.samples), args.seed.unwrap_or(trained.config.training.seed));
    let found = args.ood.as_ref().map(|other| ood::run(args, other, &trained, &data, draws)).transpose()?;
    let is_scored = found.is_none() || args.min_accuracy.is_some() || !ood::is_unlabelled(&data);
    let adjustments = read::adjustments(&args.run, &trained.config, args.raw)?;
    let scores = is_scored.then(|| scored(&adjustments, &trained, &data, draws)).transpose()?;
    let mut warnings = read::known(&data, &args.input, &trained.config, &adjustments);
    warnings.extend(read::other_draws(&adjustments, draws, &trained.config));
    let names = trained.config.data.target_names();
    show(args, (data.len(), names), (scores.as_ref(), found.as_ref(), &warnings), json);
    match &scores {
        Some(scores) => outcome(args.min_accuracy, &scores.posterior_predictive),
        None => Ok(Outcome::Done),
    }
}

fn scored(
    adjustments: &Adjustments,
    trained: &read::Trained,
    data: &Dataset,
    (samples, seed): (usize, u64),
) -> Result<TestScores> {
    let data = trained.config.data.labelled(data.clone())?;
    Ok(evaluate_adjusted(&trained.model, &data, samples, seed, adjustments)?.scores)
}

fn show(
    args: &EvaluateArgs,
    (examples, names): (usize, &[String]),
    (scores, found, warnings): (Option<&TestScores>, Option<&Found>, &[String]),
    json: bool,
) {
    if json {
        let mut value = serde_json::json!({ "input": args.input, "examples": examples });
        if !warnings.is_empty() {
            value["warnings"] = warnings.into();
        }
        if let Some(scores) = scores {
            value["scores"] = serde_json::json!(scores);
        }
        if let Some(found) = found {
            value["ood"] = found.json();
        }
        return output::json(&value);
    }
    for warning in warnings {
        output::note(&format!("warning: {warning}"));
    }
    let part = format!("{examples} examples of {}", args.input.display());
    if let Some(scores) = scores {
        output::scores(&part, scores, names);
    }
    if let Some(found) = found {
        found.show(&part);
    }
}

fn outcome(min_accuracy: Option<f64>, scores: &Scores) -> Result<Outcome> {
    match (min_accuracy, scores) {
        (None, _) => Ok(Outcome::Done),
        (Some(least), Scores::Classification(scores)) if scores.accuracy.value >= least => Ok(Outcome::Done),
        (Some(_), Scores::Classification(_)) => Ok(Outcome::TargetNotMet),
        (Some(_), Scores::Regression(_) | Scores::Forecast(_)) => {
            bail!("--min-accuracy: expected a run that predicts classes, found real targets")
        }
    }
}

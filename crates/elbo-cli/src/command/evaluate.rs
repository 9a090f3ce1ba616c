//! `elbo evaluate`: the scores of a run on any labelled file.

use super::{Outcome, read};
use crate::cli::EvaluateArgs;
use crate::output;
use anyhow::{Result, bail};
use elbo::run::{Scores, TestScores, evaluate};

pub fn run(args: &EvaluateArgs, json: bool) -> Result<Outcome> {
    let read::Trained { config, model } = read::trained(&args.run, &args.on.device.open()?)?;
    let data = config.data.labelled(read::data(&args.input, &args.read, &config)?)?;
    let samples = args.samples.unwrap_or(config.prediction.samples);
    let seed = args.seed.unwrap_or(config.training.seed);
    let evaluated = evaluate(&model, &data, samples, seed)?;
    let (posterior_predictive, mean_network) = (evaluated.posterior_predictive, evaluated.mean_network);
    let scores = TestScores { samples, posterior_predictive, mean_network };
    if json {
        output::json(&serde_json::json!({ "input": args.input, "examples": data.len(), "scores": scores }));
    } else {
        output::scores(&format!("{} examples of {}", data.len(), args.input.display()), &scores);
    }
    outcome(args.min_accuracy, &scores.posterior_predictive)
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

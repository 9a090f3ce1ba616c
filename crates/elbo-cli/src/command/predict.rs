//! `elbo predict`: series in, predictions with their uncertainty out.

use super::{Outcome, read};
use crate::cli::PredictArgs;
use crate::output;
use anyhow::Result;
use elbo::record::write_atomically;
use elbo::run::{Adjustments, PredictionColumns, posterior_predictive, predict_posterior, predictions_csv_with};

/// Of credible intervals.
const LEVEL: f64 = 0.9;

pub fn run(args: &PredictArgs, json: bool) -> Result<Outcome> {
    let trained = read::trained(&args.run, &args.on.device.open()?)?;
    let read::Trained { config, model } = &trained;
    let data = read::unlabelled(&args.input, &args.read, config)?;
    let series = config.data.scaled(&data)?;
    let samples = args.samples.unwrap_or(config.prediction.samples);
    let seed = args.seed.unwrap_or(config.training.seed);
    let columns = PredictionColumns { intervals: args.intervals, top: args.top };
    // Too many classes are told before predicting, not after.
    columns.check(config.data.class_names().unwrap_or_default())?;
    let predictive = posterior_predictive(samples, seed)?;
    let predictive = if args.intervals { predictive.with_credible_level(LEVEL)? } else { predictive };
    let predictions = predictive.predict(model, &series, &config.data.target_scaling(&data))?;
    let adjustments = followed(args, &trained, (samples, seed))?;
    if let Some(warning) = read::other_draws(&adjustments, (samples, seed), config) {
        output::note(&format!("warning: {warning}"));
    }
    let adjusted = adjustments.apply(&predictions, &series)?;
    let csv = predictions_csv_with(&data, &predictions, &adjusted, config.data.target_names(), columns)?;
    match &args.out {
        Some(path) => {
            write_atomically(path, &csv)?;
            if json {
                output::json(&serde_json::json!({ "predictions": path, "examples": data.len(), "samples": samples }));
            } else {
                output::note(&format!("{} predictions in {}", data.len(), path.display()));
            }
        }
        None if json => output::json(&output::rows_as_json(&csv)?),
        None => output::text(&String::from_utf8_lossy(&csv)),
    }
    Ok(Outcome::Done)
}

/// What predictions are adjusted by: of forecasts, after all those of the file that became known.
fn followed(args: &PredictArgs, trained: &read::Trained, (samples, seed): (usize, u64)) -> Result<Adjustments> {
    let read::Trained { config, model } = trained;
    let adjustments = read::adjustments(&args.run, config, args.raw)?;
    if !adjustments.learn() {
        return Ok(adjustments);
    }
    let known = adjustments.unknown(&read::data(&args.input, &args.read, config)?);
    if known.is_empty() {
        return Ok(adjustments);
    }
    let scaling = config.data.target_scaling(&known);
    let predictions = predict_posterior(model, &config.data.scaled(&known)?, &scaling, samples, seed)?;
    Ok(adjustments.learned(&predictions, &known)?)
}

//! `elbo predict`: series in, predictions with their uncertainty out.

use super::{Outcome, read};
use crate::cli::PredictArgs;
use crate::output;
use anyhow::Result;
use elbo::record::write_atomically;
use elbo::run::{ClassColumns, posterior_predictive, predictions_csv_with};

pub fn run(args: &PredictArgs, json: bool) -> Result<Outcome> {
    let read::Trained { config, model } = read::trained(&args.run, &args.on.device.open()?)?;
    let columns = ClassColumns { intervals: args.intervals, top: args.top };
    columns.check(&config.data.targets)?;
    let data = read::unlabelled(&args.input, &args.read, &config)?;
    let series = config.data.scaled(&data)?;
    let samples = args.samples.unwrap_or(config.prediction.samples);
    let seed = args.seed.unwrap_or(config.training.seed);
    let mut predictive = posterior_predictive(samples, seed)?;
    if columns.intervals {
        predictive = predictive.with_class_posteriors();
    }
    let predictions = predictive.predict(&model, &series, &config.data.target_scaling(&data))?;
    let adjusted = read::adjustments(&args.run, &config, args.raw)?.apply(&predictions)?;
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

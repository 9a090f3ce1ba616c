//! `elbo predict`: series in, predictions with their uncertainty out.

use super::{Outcome, read};
use crate::cli::PredictArgs;
use crate::output;
use anyhow::Result;
use elbo::record::write_atomically;
use elbo::run::{predict_posterior, predictions_csv};

pub fn run(args: &PredictArgs, json: bool) -> Result<Outcome> {
    let read::Trained { config, model } = read::trained(&args.run, &args.on.device.open()?)?;
    let data = read::unlabelled(&args.input, &args.read, &config)?;
    let series = config.data.scaled(&data)?;
    let samples = args.samples.unwrap_or(config.prediction.samples);
    let seed = args.seed.unwrap_or(config.training.seed);
    let predictions = predict_posterior(&model, &series, &config.data.target_scaling(&data), samples, seed)?;
    let adjusted = read::adjustments(&args.run, &config, args.raw)?.apply(&predictions)?;
    let csv = predictions_csv(&data, &predictions, &adjusted, config.data.target_names())?;
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

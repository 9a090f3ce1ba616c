//! `elbo inspect`: what is in a run, a model or a data file.

use super::{Outcome, read};
use crate::cli::{InspectArgs, ReadArgs};
use crate::output;
use anyhow::{Context, Result};
use burn::tensor::{Device, Tensor};
use elbo::data::{Dataset, Labels, ReadOptions, read_with};
use elbo::model::{Model, ModelDescription, SeriesBatch};
use elbo::record::parameter_names;
use elbo::run::{RunConfig, RunFolder};
use elbo::{Noise, Trace};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

pub fn run(args: &InspectArgs, json: bool) -> Result<Outcome> {
    let path = &args.path;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let found = match extension.as_deref() {
        _ if path.is_dir() => of_run(path)?,
        Some("safetensors") => of_model_file(path)?,
        Some("toml") => of_description(path)?,
        _ => of_data(path, &args.read)?,
    };
    if json {
        output::json(&found);
    } else {
        output::inspected(&found);
    }
    Ok(Outcome::Done)
}

fn of_run(path: &Path) -> Result<Value> {
    let folder = RunFolder::new(path);
    let config = folder.config()?;
    if !folder.is_finished() {
        let epoch = folder.checkpoint(&config)?.map_or(0, |checkpoint| checkpoint.epoch);
        let status =
            format!("unfinished: {epoch} of {} epochs; elbo train --resume {}", config.training.epochs, path.display());
        return Ok(json!({ "kind": "run", "status": status, "data": of_config(&config), "model": config.model }));
    }
    let read::Trained { config, model } = read::trained(path, &Device::flex())?;
    let mut value = of_model(&model, &config)?;
    value["kind"] = json!("run");
    value["status"] = json!("finished");
    Ok(value)
}

fn of_model_file(path: &Path) -> Result<Value> {
    let (model, config) = RunFolder::read_model(path, &Device::flex())?;
    let mut value = of_model(&model, &config)?;
    value["kind"] = json!("model");
    Ok(value)
}

/// Layers, parameters and divergences of a trained model.
fn of_model(model: &Model, config: &RunConfig) -> Result<Value> {
    let parameters: Vec<Value> = parameter_names(model)
        .into_iter()
        .map(|(name, _, shape)| json!({ "name": name, "shape": shape, "values": shape.iter().product::<usize>() }))
        .collect();
    let total: u64 = parameters.iter().filter_map(|parameter| parameter["values"].as_u64()).sum();
    let kl = divergences(model)?;
    let sum: f64 = kl.iter().map(|(_, nats)| nats).sum();
    let by_weight: serde_json::Map<String, Value> = kl.into_iter().map(|(path, nats)| (path, json!(nats))).collect();
    Ok(json!({
        "data": of_config(config),
        "model": config.model,
        "parameters": parameters,
        "parameters_total": total,
        "kl_nats": sum,
        "kl_nats_by_weight": by_weight,
    }))
}

/// The divergence of every weight, by a pass over one empty series. Where there is no closed form it is the mean over 100
/// drawn weights.
fn divergences(model: &Model) -> Result<Vec<(String, f64)>> {
    let shape = model.network.input_shape();
    let series = Tensor::zeros([1, shape.length, shape.channels], &Device::flex());
    let mut trace = Trace::sampling(&mut Noise::seeded(0)).with_samples(100);
    let _ = model.network.forward(SeriesBatch::new(series), &mut trace)?;
    let losses = trace.divergences();
    Ok(losses.into_iter().map(|loss| (loss.weight_path(), loss.value.into_scalar::<f64>())).collect())
}

fn of_config(config: &RunConfig) -> Value {
    json!({
        "name": config.data.name,
        "channels": config.data.channels,
        "length": config.data.length,
        "targets": config.data.targets,
        "scaling": config.data.scaler.kind,
        "source": config.data.source,
    })
}

fn of_description(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("{}: cannot read", path.display()))?;
    let origin = path.display().to_string();
    let description = match toml::from_str::<RunConfig>(&text) {
        Ok(config) => config.model,
        Err(_) => ModelDescription::from_toml(&text, &origin)?,
    };
    Ok(json!({ "kind": "model description", "model": description }))
}

fn of_data(path: &Path, args: &ReadArgs) -> Result<Value> {
    let data = read_with(path, &args.options(&ReadOptions::default()))?;
    let (shortest, longest) = data.length_range().unwrap_or((0, 0));
    Ok(json!({
        "kind": "data",
        "name": data.name,
        "examples": data.len(),
        "channels": data.channels,
        "length": { "shortest": shortest, "longest": longest },
        "missing_values": data.missing(),
        "labels": labels(&data),
    }))
}

fn labels(data: &Dataset) -> Value {
    match &data.labels {
        Labels::Classes { names, .. } => {
            let counts = names.iter().cloned().zip(data.class_counts().into_iter().map(|count| json!(count)));
            json!({ "kind": "classes", "examples_by_class": counts.collect::<serde_json::Map<String, Value>>() })
        }
        Labels::Real(values) => {
            let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &y| (l.min(y), h.max(y)));
            json!({ "kind": "real", "smallest": low, "largest": high })
        }
        // Files are not read as windows here.
        Labels::Horizon { .. } | Labels::None => json!({ "kind": "none" }),
    }
}

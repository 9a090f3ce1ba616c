//! `predictions.csv`.
//!
//! Classes: `id, label, predicted, prob_<class>.., predictive_entropy, mutual_information` (nats). Real targets:
//! `id, label, predicted, stddev, aleatoric_stddev, epistemic_stddev, low_90, high_90, pit`. `label` is empty where it is
//! not known. Horizons have `step` (counted from 1) and `variable` after `id`, and a row for each.

use crate::data::{Dataset, Labels};
use crate::error::{Error, Result};
use crate::metric::UncertaintySplit;
use crate::predict::{Predictions, RealPredictions};
use csv::Writer;

/// The file's content for the examples of `data`; `names` are those of the model's classes, or of the variables that are
/// forecast.
///
/// # Errors
/// [`Error::ModelDescription`] if a row cannot be written down.
pub fn predictions_csv(data: &Dataset, predictions: &Predictions, names: &[String]) -> Result<Vec<u8>> {
    let mut writer = Writer::from_writer(Vec::new());
    let written = match predictions {
        Predictions::Classes(split) => class_rows(&mut writer, data, split, names),
        Predictions::Real(real) if names.is_empty() => real_rows(&mut writer, data, real),
        Predictions::Real(real) => horizon_rows(&mut writer, data, real, names),
    };
    let fail = |reason: String| Error::ModelDescription { origin: "predictions.csv".into(), reason };
    written.map_err(|error| fail(error.to_string()))?;
    writer.into_inner().map_err(|error| fail(error.to_string()))
}

fn class_rows(
    writer: &mut Writer<Vec<u8>>,
    data: &Dataset,
    split: &UncertaintySplit,
    classes: &[String],
) -> csv::Result<()> {
    let probabilities = classes.iter().map(|class| format!("prob_{class}"));
    let header = ["id", "label", "predicted"].map(str::to_owned).into_iter().chain(probabilities);
    writer.write_record(header.chain(["predictive_entropy", "mutual_information"].map(str::to_owned)))?;
    for (i, example) in data.examples.iter().enumerate() {
        let predicted = classes[split.probabilities.predicted(i)].clone();
        let numbers = split.probabilities.row(i).iter().copied();
        let numbers = numbers.chain([split.predictive_entropy[i], split.mutual_information[i]]);
        let texts = [example.id.clone(), label(data, i), predicted].into_iter();
        writer.write_record(texts.chain(numbers.map(|number| number.to_string())))?;
    }
    Ok(())
}

/// What is said of a real number.
const REAL: [&str; 8] =
    ["label", "predicted", "stddev", "aleatoric_stddev", "epistemic_stddev", "low_90", "high_90", "pit"];

fn real_rows(writer: &mut Writer<Vec<u8>>, data: &Dataset, real: &RealPredictions) -> csv::Result<()> {
    writer.write_record(["id"].into_iter().chain(REAL))?;
    let target = |i: usize| match &data.labels {
        Labels::Real(values) => Some(values[i]),
        _ => None,
    };
    for (i, example) in data.examples.iter().enumerate() {
        let label = label(data, i);
        writer.write_record([example.id.clone(), label].into_iter().chain(numbers(real, i, target(i))))?;
    }
    Ok(())
}

fn horizon_rows(
    writer: &mut Writer<Vec<u8>>,
    data: &Dataset,
    real: &RealPredictions,
    names: &[String],
) -> csv::Result<()> {
    writer.write_record(["id", "step", "variable"].into_iter().chain(REAL))?;
    let target = |k: usize| match &data.labels {
        Labels::Horizon { values, .. } => Some(values[k]),
        _ => None,
    };
    for k in 0..real.mean.len() {
        let (example, value) = (k / real.values, k % real.values);
        let (step, variable) = (value / names.len() + 1, &names[value % names.len()]);
        let texts = [data.examples[example].id.clone(), step.to_string(), variable.clone()].into_iter();
        let label = target(k).map(|y| y.to_string()).unwrap_or_default();
        writer.write_record(texts.chain([label]).chain(numbers(real, k, target(k))))?;
    }
    Ok(())
}

/// What is said of target value `k`, from `predicted` on.
fn numbers(real: &RealPredictions, k: usize, target: Option<f64>) -> impl Iterator<Item = String> {
    let (low, high) = real.distributions[k].interval(0.9);
    let parts = [real.aleatoric_variance[k].sqrt(), real.epistemic_variance[k].sqrt(), low, high];
    let pit = target.map(|y| real.distributions[k].cdf(y).to_string()).unwrap_or_default();
    let numbers = [real.mean[k], real.stddev(k)].into_iter().chain(parts).map(|number| number.to_string());
    numbers.chain([pit])
}

/// The label of an example as text; empty where there is none.
fn label(data: &Dataset, i: usize) -> String {
    match &data.labels {
        Labels::Classes { names, labels } => names[labels[i]].clone(),
        Labels::Real(values) => values[i].to_string(),
        Labels::Horizon { .. } | Labels::None => String::new(),
    }
}

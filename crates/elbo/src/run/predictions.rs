//! `predictions.csv`.
//!
//! Classes: `id, label, predicted, prob_<class>.., predictive_entropy, mutual_information` (nats). Real targets:
//! `id, label, predicted, stddev, aleatoric_stddev, epistemic_stddev, low_90, high_90`. `label` is empty where it is
//! not known.

use crate::data::{Dataset, Labels};
use crate::error::{Error, Result};
use crate::metric::UncertaintySplit;
use crate::predict::{Predictions, RealPredictions};
use csv::Writer;

/// The file's content for the examples of `data`; `classes` are the names of the model's classes.
///
/// # Errors
/// [`Error::ModelDescription`] if a row cannot be written down.
pub fn predictions_csv(data: &Dataset, predictions: &Predictions, classes: &[String]) -> Result<Vec<u8>> {
    let mut writer = Writer::from_writer(Vec::new());
    let written = match predictions {
        Predictions::Classes(split) => class_rows(&mut writer, data, split, classes),
        Predictions::Real(real) => real_rows(&mut writer, data, real),
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

fn real_rows(writer: &mut Writer<Vec<u8>>, data: &Dataset, real: &RealPredictions) -> csv::Result<()> {
    writer.write_record([
        "id",
        "label",
        "predicted",
        "stddev",
        "aleatoric_stddev",
        "epistemic_stddev",
        "low_90",
        "high_90",
    ])?;
    let (low, high) = real.interval_90();
    for (i, example) in data.examples.iter().enumerate() {
        let parts = [real.aleatoric_variance[i].sqrt(), real.epistemic_variance[i].sqrt(), low[i], high[i]];
        let numbers = [real.mean[i], real.stddev(i)].into_iter().chain(parts);
        let texts = [example.id.clone(), label(data, i)].into_iter();
        writer.write_record(texts.chain(numbers.map(|number| number.to_string())))?;
    }
    Ok(())
}

/// The label of an example as text; empty where there is none.
fn label(data: &Dataset, i: usize) -> String {
    match &data.labels {
        Labels::Classes { names, labels } => names[labels[i]].clone(),
        Labels::Real(values) => values[i].to_string(),
        Labels::None => String::new(),
    }
}

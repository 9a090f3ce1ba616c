//! `predictions.csv`.
//!
//! Classes: `id, label, predicted, prob_<class>.., predictive_entropy, mutual_information` (nats). Real targets:
//! `id, label, predicted, stddev, aleatoric_stddev, epistemic_stddev, low_90, high_90, pit`. `label` is empty where it is
//! not known. Horizons have `step` (counted from 1) and `variable` after `id`, and a row for each.
//!
//! On demand ([`PredictionColumns`]) follow 90 % credible intervals, `low_90_<class>.., high_90_<class>..` of the class
//! probabilities or `mean_low_90, mean_high_90` of the mean of a real target, and the most probable classes,
//! `top_1, prob_top_1, ..`.
//!
//! All of these are the model's own. What has become of them follows: `calibrated_<class>..`, `set` (the names of its
//! classes, joined by `|`) and `set_size`; of a real target `calibrated_low_90, calibrated_high_90` and
//! `conformal_low, conformal_high`.

use super::adjustments::Adjusted;
use crate::conformal::Intervals;
use crate::data::{Dataset, Labels};
use crate::error::{Error, Result};
use crate::metric::UncertaintySplit;
use crate::predict::{Predictions, RealPredictions};
use csv::Writer;

/// What a file has beside the usual columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PredictionColumns {
    /// The ends of credible intervals: of class probabilities where the predictions [have
    /// them](crate::predict::PosteriorPredictive::with_credible_level), of the means of real targets always.
    pub intervals: bool,
    /// So many of the most probable classes.
    pub top: Option<usize>,
}

impl PredictionColumns {
    /// That a model with classes of these names (none for real targets) has such columns.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for more classes than there are, and for a class whose column would have the name of
    /// another.
    pub fn check(&self, classes: &[String]) -> Result<()> {
        let Some(top) = self.top else { return Ok(()) };
        let fail = |expected: String| Err(Error::argument("predictions", "top", expected, top));
        let is_taken = |name: &&String| (1..=top.min(classes.len())).any(|k| **name == format!("top_{k}"));
        match classes.len() {
            0 => fail("left out for real targets".into()),
            n if !(1..=n).contains(&top) => fail(format!("between 1 and the model's {n} classes")),
            _ => match classes.iter().find(is_taken) {
                Some(name) => fail(format!("left out where a class is called `{name}`, like a column of its")),
                None => Ok(()),
            },
        }
    }
}

/// The file's content for the examples of `data`, with what has become of their predictions; `names` are those of the
/// model's classes, or of the variables that are forecast.
///
/// # Errors
/// [`Error::ModelDescription`] if a row cannot be written down.
pub fn predictions_csv(
    data: &Dataset,
    predictions: &Predictions,
    adjusted: &Adjusted,
    names: &[String],
) -> Result<Vec<u8>> {
    predictions_csv_with(data, predictions, adjusted, names, PredictionColumns::default())
}

/// The same with more columns.
///
/// # Errors
/// As [`predictions_csv`] and [`PredictionColumns::check`].
pub fn predictions_csv_with(
    data: &Dataset,
    predictions: &Predictions,
    adjusted: &Adjusted,
    names: &[String],
    columns: PredictionColumns,
) -> Result<Vec<u8>> {
    let mut writer = Writer::from_writer(Vec::new());
    let written = match predictions {
        Predictions::Classes(split) => {
            columns.check(names)?;
            class_rows(&mut writer, data, (split, adjusted), (names, columns))
        }
        Predictions::Real(real) => {
            columns.check(&[])?;
            let means =
                columns.intervals.then(|| real.credible_interval(0.9)).map(|(low, high)| Intervals { low, high });
            match names {
                [] => real_rows(&mut writer, data, (real, means.as_ref()), adjusted),
                names => horizon_rows(&mut writer, data, (real, means.as_ref()), (names, adjusted)),
            }
        }
    };
    let fail = |reason: String| Error::ModelDescription { origin: "predictions.csv".into(), reason };
    written.map_err(|error| fail(error.to_string()))?;
    writer.into_inner().map_err(|error| fail(error.to_string()))
}

fn class_rows(
    writer: &mut Writer<Vec<u8>>,
    data: &Dataset,
    (split, adjusted): (&UncertaintySplit, &Adjusted),
    (classes, columns): (&[String], PredictionColumns),
) -> csv::Result<()> {
    let probabilities = classes.iter().map(|class| format!("prob_{class}"));
    let header = ["id", "label", "predicted"].map(str::to_owned).into_iter().chain(probabilities);
    let header = header.chain(["predictive_entropy", "mutual_information"].map(str::to_owned));
    let added = added_header(split, classes, columns);
    writer.write_record(header.chain(added).chain(adjusted_header(adjusted, classes)))?;
    for (i, example) in data.examples.iter().enumerate() {
        let predicted = classes[split.probabilities.predicted(i)].clone();
        let numbers = split.probabilities.row(i).iter().copied();
        let numbers = numbers.chain([split.predictive_entropy[i], split.mutual_information[i]]);
        let texts = [example.id.clone(), label(data, i), predicted].into_iter();
        let texts = texts.chain(numbers.map(|number| number.to_string()));
        let texts = texts.chain(added_fields(split, i, classes, columns));
        writer.write_record(texts.chain(adjusted_fields(adjusted, i, classes)))?;
    }
    Ok(())
}

/// Names of what was asked for.
fn added_header(split: &UncertaintySplit, classes: &[String], columns: PredictionColumns) -> Vec<String> {
    let ends = split.intervals.iter().filter(|_| columns.intervals).flat_map(|of| {
        let percent = 100.0 * of.level;
        ["low", "high"]
            .into_iter()
            .flat_map(move |end| classes.iter().map(move |class| format!("{end}_{percent}_{class}")))
    });
    let top = (1..=columns.top.unwrap_or(0)).flat_map(|k| [format!("top_{k}"), format!("prob_top_{k}")]);
    ends.chain(top).collect()
}

/// The same of example `i`.
fn added_fields(split: &UncertaintySplit, i: usize, classes: &[String], columns: PredictionColumns) -> Vec<String> {
    let row = i * classes.len()..(i + 1) * classes.len();
    let ends = split.intervals.iter().filter(|_| columns.intervals);
    let ends = ends.flat_map(|of| of.low[row.clone()].iter().chain(&of.high[row.clone()])).map(f64::to_string);
    let probabilities = split.probabilities.row(i);
    let top = columns.top.map(|top| split.probabilities.top_k(i, top)).unwrap_or_default().into_iter();
    ends.chain(top.flat_map(|class| [classes[class].clone(), probabilities[class].to_string()])).collect()
}

/// Names of what follows the model's own columns.
fn adjusted_header(adjusted: &Adjusted, classes: &[String]) -> Vec<String> {
    let calibrated = adjusted.calibrated.iter().flat_map(|_| classes.iter().map(|class| format!("calibrated_{class}")));
    let sets = adjusted.sets.iter().flat_map(|_| ["set", "set_size"].map(str::to_owned));
    calibrated.chain(sets).collect()
}

/// The same of example `i`.
fn adjusted_fields(adjusted: &Adjusted, i: usize, classes: &[String]) -> Vec<String> {
    let calibrated = adjusted.calibrated.iter().flat_map(|probs| probs.row(i).iter().map(f64::to_string));
    let sets = adjusted.sets.iter().flat_map(|sets| {
        let names: Vec<&str> = sets.members(i).map(|class| classes[class].as_str()).collect();
        [names.join("|"), names.len().to_string()]
    });
    calibrated.chain(sets).collect()
}

/// What is said of a real number.
const REAL: [&str; 8] =
    ["label", "predicted", "stddev", "aleatoric_stddev", "epistemic_stddev", "low_90", "high_90", "pit"];

fn real_rows(
    writer: &mut Writer<Vec<u8>>,
    data: &Dataset,
    (real, means): (&RealPredictions, Option<&Intervals>),
    adjusted: &Adjusted,
) -> csv::Result<()> {
    let intervals = adjusted_ends(adjusted);
    let ends = intervals.iter().flat_map(|(names, _)| *names);
    writer.write_record(["id"].into_iter().chain(REAL).chain(of_mean(means)).chain(ends))?;
    let target = |i: usize| match &data.labels {
        Labels::Real(values) => Some(values[i]),
        _ => None,
    };
    for (i, example) in data.examples.iter().enumerate() {
        let own = [example.id.clone(), label(data, i)].into_iter().chain(numbers(real, i, target(i)));
        writer.write_record(own.chain(ends_of_mean(means, i)).chain(ends_of(&intervals, i)))?;
    }
    Ok(())
}

fn horizon_rows(
    writer: &mut Writer<Vec<u8>>,
    data: &Dataset,
    (real, means): (&RealPredictions, Option<&Intervals>),
    (names, adjusted): (&[String], &Adjusted),
) -> csv::Result<()> {
    let intervals = adjusted_ends(adjusted);
    let ends = intervals.iter().flat_map(|(names, _)| *names);
    writer.write_record(["id", "step", "variable"].into_iter().chain(REAL).chain(of_mean(means)).chain(ends))?;
    let target = |k: usize| match &data.labels {
        Labels::Horizon { values, .. } => Some(values[k]),
        _ => None,
    };
    for k in 0..real.mean.len() {
        let (example, value) = (k / real.values, k % real.values);
        let (step, variable) = (value / names.len() + 1, &names[value % names.len()]);
        let texts = [data.examples[example].id.clone(), step.to_string(), variable.clone()].into_iter();
        let label = target(k).map(|y| y.to_string()).unwrap_or_default();
        let numbers = numbers(real, k, target(k)).chain(ends_of_mean(means, k)).chain(ends_of(&intervals, k));
        writer.write_record(texts.chain([label]).chain(numbers))?;
    }
    Ok(())
}

/// What has become of the intervals of real targets, with the names of their ends.
fn adjusted_ends(adjusted: &Adjusted) -> Vec<([&'static str; 2], &Intervals)> {
    let calibrated = adjusted.calibrated_90.as_ref().map(|ends| (["calibrated_low_90", "calibrated_high_90"], ends));
    let conformal = adjusted.intervals.as_ref().map(|ends| (["conformal_low", "conformal_high"], ends));
    calibrated.into_iter().chain(conformal).collect()
}

/// Their ends for target value `k`.
fn ends_of(intervals: &[([&str; 2], &Intervals)], k: usize) -> impl Iterator<Item = String> {
    intervals.iter().flat_map(move |(_, ends)| [ends.low[k], ends.high[k]]).map(|end| end.to_string())
}

/// Names of the ends of a mean's interval.
fn of_mean<T>(means: Option<T>) -> impl Iterator<Item = &'static str> {
    means.into_iter().flat_map(|_| ["mean_low_90", "mean_high_90"])
}

/// The ends for target value `k`.
fn ends_of_mean(means: Option<&Intervals>, k: usize) -> impl Iterator<Item = String> {
    means.into_iter().flat_map(move |ends| [ends.low[k], ends.high[k]]).map(|end| end.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_cannot_be_are_refused() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let top = |top| PredictionColumns { top: Some(top), intervals: false };
        assert!(top(2).check(&names(&["a", "b"])).is_ok() && PredictionColumns::default().check(&[]).is_ok());
        let text = |columns: PredictionColumns, of: &[&str]| columns.check(&names(of)).unwrap_err().to_string();
        assert!(text(top(3), &["a", "b"]).contains("between 1 and the model's 2 classes, found 3"));
        assert!(text(top(1), &[]).contains("left out for real targets"));
        // Its probability would be called `prob_top_2`, and so would that of the second most probable class.
        assert!(text(top(2), &["a", "top_2"]).contains("left out where a class is called `top_2`"));
        assert!(top(1).check(&names(&["a", "top_2"])).is_ok());
    }
}

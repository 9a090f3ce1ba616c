//! `predictions.csv`.
//!
//! Classes: `id, label, predicted, prob_<class>.., predictive_entropy, mutual_information` (nats). Real targets:
//! `id, label, predicted, stddev, aleatoric_stddev, epistemic_stddev, low_90, high_90, pit`. `label` is empty where it is
//! not known. Horizons have `step` (counted from 1) and `variable` after `id`, and a row for each.
//!
//! Where [`ClassColumns`] asks for them there are `low_90_<class>, high_90_<class>..` (90 % credible intervals of the
//! probabilities under the posterior of the weights) and `top_1, prob_top_1, ..` (the most probable classes).
//!
//! All of these are the model's own. What has become of them follows: `calibrated_<class>..`, `set` (the names of its
//! classes, joined by `|`) and `set_size`; of a real target `calibrated_low_90, calibrated_high_90` and
//! `conformal_low, conformal_high`.

use super::adjustments::Adjusted;
use super::config::Targets;
use crate::conformal::Intervals;
use crate::data::{Dataset, Labels};
use crate::error::{Error, Result};
use crate::metric::{Probabilities, UncertaintySplit};
use crate::predict::{Predictions, RealPredictions};
use csv::Writer;

/// Of the intervals.
const LEVEL: f64 = 0.9;

/// Columns that predictions of classes can have beside those that they always have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassColumns {
    /// 90 % credible intervals of the probabilities, `low_90_<class>, high_90_<class>..`: of predictions
    /// [with posteriors](crate::predict::PosteriorPredictive::with_class_posteriors).
    pub intervals: bool,
    /// So many of the most probable classes, and their probabilities: `top_1, prob_top_1, ..`.
    pub top: Option<usize>,
}

impl ClassColumns {
    /// That there are such columns for the targets of a run.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for real targets, and for more classes than there are, or none.
    pub fn check(self, targets: &Targets) -> Result<()> {
        let fail = |argument, expected: String, found: &dyn core::fmt::Display| {
            Err(Error::argument("predictions", argument, expected, found))
        };
        match (targets, self.top) {
            (Targets::Classes { names }, Some(top)) if !(1..=names.len()).contains(&top) => {
                fail("top", format!("between 1 and {}, the number of classes", names.len()), &top)
            }
            (Targets::Classes { names }, Some(top)) if (1..=top).any(|rank| names.contains(&format!("top_{rank}"))) => {
                fail("top", "left out where a class has the name of such a column".into(), &top)
            }
            (Targets::Real { .. } | Targets::Horizon { .. }, Some(top)) => {
                fail("top", "left out for real targets".into(), &top)
            }
            (Targets::Real { .. } | Targets::Horizon { .. }, None) if self.intervals => {
                fail("intervals", "left out for real targets: low_90 and high_90 are always there".into(), &true)
            }
            _ => Ok(()),
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
    predictions_csv_with(data, predictions, adjusted, names, ClassColumns::default())
}

/// The same with further columns of classes.
///
/// # Errors
/// As [`predictions_csv`]; [`Error::InvalidArgument`] for intervals of predictions without posteriors, [`Error::Metric`]
/// for more of the most probable classes than there are.
pub fn predictions_csv_with(
    data: &Dataset,
    predictions: &Predictions,
    adjusted: &Adjusted,
    names: &[String],
    columns: ClassColumns,
) -> Result<Vec<u8>> {
    let mut writer = Writer::from_writer(Vec::new());
    let written = match predictions {
        Predictions::Classes(split) => {
            let further = Further::new(split, columns, names)?;
            class_rows(&mut writer, data, (split, adjusted), &further, names)
        }
        Predictions::Real(real) if names.is_empty() => real_rows(&mut writer, data, real, adjusted),
        Predictions::Real(real) => horizon_rows(&mut writer, data, real, names),
    };
    let fail = |reason: String| Error::ModelDescription { origin: "predictions.csv".into(), reason };
    written.map_err(|error| fail(error.to_string()))?;
    writer.into_inner().map_err(|error| fail(error.to_string()))
}

/// The further columns: their names, and the fields of each example.
struct Further {
    header: Vec<String>,
    fields: Vec<Vec<String>>,
}

impl Further {
    fn new(split: &UncertaintySplit, columns: ClassColumns, classes: &[String]) -> Result<Self> {
        let mut further = Self { header: Vec::new(), fields: vec![Vec::new(); split.probabilities.rows()] };
        if columns.intervals {
            further.add_intervals(split, classes)?;
        }
        if let Some(top) = columns.top {
            further.add_top(&split.probabilities, top, classes)?;
        }
        Ok(further)
    }

    fn add_intervals(&mut self, split: &UncertaintySplit, classes: &[String]) -> Result<()> {
        let missing =
            || Error::argument("predictions", "intervals", "asked for of predictions with posteriors", "none");
        let (low, high) = split.posteriors.as_ref().ok_or_else(missing)?.credible_interval(LEVEL)?;
        self.header.extend(classes.iter().flat_map(|class| [format!("low_90_{class}"), format!("high_90_{class}")]));
        for (fields, ends) in self.fields.iter_mut().zip(low.chunks(classes.len()).zip(high.chunks(classes.len()))) {
            fields.extend(ends.0.iter().zip(ends.1).flat_map(|(low, high)| [low.to_string(), high.to_string()]));
        }
        Ok(())
    }

    fn add_top(&mut self, probs: &Probabilities, top: usize, classes: &[String]) -> Result<()> {
        self.header.extend((1..=top).flat_map(|rank| [format!("top_{rank}"), format!("prob_top_{rank}")]));
        for (i, fields) in self.fields.iter_mut().enumerate() {
            let ranked = probs.top_k(i, top)?.into_iter();
            fields.extend(ranked.flat_map(|class| [classes[class].clone(), probs.row(i)[class].to_string()]));
        }
        Ok(())
    }
}

fn class_rows(
    writer: &mut Writer<Vec<u8>>,
    data: &Dataset,
    (split, adjusted): (&UncertaintySplit, &Adjusted),
    further: &Further,
    classes: &[String],
) -> csv::Result<()> {
    let probabilities = classes.iter().map(|class| format!("prob_{class}"));
    let header = ["id", "label", "predicted"].map(str::to_owned).into_iter().chain(probabilities);
    let header = header.chain(["predictive_entropy", "mutual_information"].map(str::to_owned));
    let header = header.chain(further.header.iter().cloned());
    writer.write_record(header.chain(adjusted_header(adjusted, classes)))?;
    for (i, example) in data.examples.iter().enumerate() {
        let predicted = classes[split.probabilities.predicted(i)].clone();
        let numbers = split.probabilities.row(i).iter().copied();
        let numbers = numbers.chain([split.predictive_entropy[i], split.mutual_information[i]]);
        let texts = [example.id.clone(), label(data, i), predicted].into_iter();
        let texts = texts.chain(numbers.map(|number| number.to_string())).chain(further.fields[i].iter().cloned());
        writer.write_record(texts.chain(adjusted_fields(adjusted, i, classes)))?;
    }
    Ok(())
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
    real: &RealPredictions,
    adjusted: &Adjusted,
) -> csv::Result<()> {
    let calibrated = adjusted.calibrated_90.as_ref().map(|ends| (["calibrated_low_90", "calibrated_high_90"], ends));
    let conformal = adjusted.intervals.as_ref().map(|ends| (["conformal_low", "conformal_high"], ends));
    let intervals: Vec<([&str; 2], &Intervals)> = calibrated.into_iter().chain(conformal).collect();
    let ends = intervals.iter().flat_map(|(names, _)| *names);
    writer.write_record(["id"].into_iter().chain(REAL).chain(ends))?;
    let target = |i: usize| match &data.labels {
        Labels::Real(values) => Some(values[i]),
        _ => None,
    };
    for (i, example) in data.examples.iter().enumerate() {
        let own = [example.id.clone(), label(data, i)].into_iter().chain(numbers(real, i, target(i)));
        let ends = intervals.iter().flat_map(|(_, ends)| [ends.low[i], ends.high[i]]).map(|end| end.to_string());
        writer.write_record(own.chain(ends))?;
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
    let (low, high) = real.distributions[k].interval(LEVEL);
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
    use crate::data::TargetScaler;
    use crate::metric::{ClassPosteriors, ClassUncertainty};
    use crate::run::RealLikelihood;

    fn names() -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    /// Two weight samples of one series.
    fn split() -> UncertaintySplit {
        let (mut uncertainty, mut posteriors) =
            (ClassUncertainty::new(1, 3).unwrap(), ClassPosteriors::new(1, 3).unwrap());
        for probs in [[0.25, 0.25, 0.5], [0.25, 0.5, 0.25]] {
            uncertainty.push(&probs).unwrap();
            posteriors.push(&probs).unwrap();
        }
        UncertaintySplit { posteriors: Some(posteriors), ..uncertainty.finish().unwrap() }
    }

    fn csv(split: UncertaintySplit, columns: ClassColumns) -> Result<String> {
        let data = crate::data::embedded("gun-point").unwrap().0.subset(&[0]);
        let data = Dataset { labels: Labels::None, ..data };
        let csv = predictions_csv_with(&data, &Predictions::Classes(split), &Adjusted::default(), &names(), columns)?;
        Ok(String::from_utf8(csv).unwrap())
    }

    #[test]
    fn further_columns_by_hand() {
        let text = csv(split(), ClassColumns { intervals: true, top: Some(2) }).unwrap();
        let (header, row) = text.split_once('\n').unwrap();
        assert!(header.ends_with(
            "mutual_information,low_90_a,high_90_a,low_90_b,high_90_b,low_90_c,high_90_c,top_1,prob_top_1,top_2,prob_top_2"
        ));
        assert!(row.ends_with(",0.25,0.25,0.25,0.5,0.25,0.5,b,0.375,c,0.375\n"), "{row}");
        let own = csv(split(), ClassColumns::default()).unwrap();
        assert!(header.starts_with(own.lines().next().unwrap()) && row.starts_with(own.lines().nth(1).unwrap()));
    }

    #[test]
    fn columns_that_cannot_be_are_named() {
        let columns = |intervals, top| ClassColumns { intervals, top };
        let bare = UncertaintySplit { posteriors: None, ..split() };
        assert!(csv(bare, columns(true, None)).unwrap_err().to_string().contains("predictions with posteriors"));
        assert!(csv(split(), columns(false, Some(4))).unwrap_err().to_string().starts_with("`k` must be"));

        let text = |targets: &Targets, columns: ClassColumns| columns.check(targets).unwrap_err().to_string();
        let classes = Targets::Classes { names: names() };
        assert!(columns(true, Some(3)).check(&classes).is_ok());
        for top in [0, 4] {
            let expected = format!("predictions: `top` must be between 1 and 3, the number of classes, found {top}");
            assert_eq!(text(&classes, columns(false, Some(top))), expected);
        }
        let odd = Targets::Classes { names: vec!["a".into(), "top_2".into()] };
        assert!(columns(true, Some(1)).check(&odd).is_ok());
        assert!(text(&odd, columns(true, Some(2))).contains("the name of such a column"));
        let scaler = TargetScaler::fit(&[0.0, 1.0]);
        let real = Targets::Real { scaler, likelihood: RealLikelihood::Gaussian };
        assert!(columns(false, None).check(&real).is_ok());
        assert!(text(&real, columns(false, Some(1))).contains("`top` must be left out for real targets"));
        assert!(text(&real, columns(true, None)).contains("low_90 and high_90 are always there"));
    }
}

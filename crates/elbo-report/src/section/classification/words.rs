//! The summary in words.

use super::chance::{confidences, consistent_ece};
use crate::error::Result;
use crate::number::{count, counted, interval, mean, percent, percent_interval, short};
use crate::read::{Classes, Run};
use elbo::metric::{Bootstrap, ClassificationScores, Estimate};
use elbo::run::Scores;

/// Below this the largest probability counts as unsure.
const SURE: f64 = 0.9;
/// With fewer examples little can be said.
const FEW: usize = 30;

/// Paragraphs on how good the predictions are.
pub fn words(run: &Run, classes: &Classes) -> Result<Vec<String>> {
    let test = run.metrics.as_ref().and_then(|metrics| metrics.test.as_ref());
    let Some(Scores::Classification(scores)) = test.map(|test| &test.posterior_predictive) else {
        return Ok(Vec::new());
    };
    let mut words = vec![
        accuracy(run, classes, scores) + &baseline(classes)?,
        calibration(classes, scores),
        unsure(classes),
        parts(classes),
    ];
    if classes.labels.len() < FEW {
        words.push(format!(
            "Only {}: take all of this as a first impression.",
            counted(classes.labels.len(), "test example")
        ));
    }
    Ok(words)
}

fn accuracy(run: &Run, classes: &Classes, scores: &ClassificationScores) -> String {
    format!(
        "On {} of {} the most probable class is right in {} of the cases. The negative log likelihood is {} nats per \
         example; a forecast of the class frequencies alone has {}. ",
        counted(classes.labels.len(), "test example"),
        run.config.data.name,
        percent_interval(&scores.accuracy),
        interval(&scores.nll),
        short(frequency_nll(classes)),
    )
}

/// The entropy of the labels: the negative log likelihood of their frequencies.
fn frequency_nll(classes: &Classes) -> f64 {
    let mut counts = vec![0.0; classes.names.len()];
    classes.labels.iter().for_each(|&label| counts[label] += 1.0);
    let frequencies: Vec<f64> = counts.iter().map(|n| n / count(classes.labels.len())).collect();
    elbo::metric::entropy(&frequencies)
}

fn baseline(classes: &Classes) -> Result<String> {
    let (most, share, over) = over_most_frequent(classes)?;
    let naming =
        format!("Always naming the most frequent class, “{}”, is right in {}", classes.names[most], percent(share));
    if share == 1.0 {
        return Ok(format!(
            "All test examples are of one class, “{}”, so they cannot tell classes apart.",
            classes.names[most]
        ));
    }
    let points = |e: Estimate| interval(&Estimate { value: 100.0 * e.value, low: 100.0 * e.low, high: 100.0 * e.high });
    let difference = format!("{} percentage points", points(absolute(&over)));
    Ok(match over {
        _ if over.low > 0.0 => format!("{naming}: the model is better by {difference}."),
        _ if over.high < 0.0 => format!("{naming}: the model is worse by {difference}."),
        _ => format!(
            "{naming}. The difference, {} percentage points, cannot be told from chance: on this test part the model has \
             not been shown to be better than that.",
            points(over)
        ),
    })
}

/// The difference of accuracy to always naming the class that is most frequent in the test part, and that class.
fn over_most_frequent(classes: &Classes) -> Result<(usize, f64, Estimate)> {
    let mut counts = vec![0_usize; classes.names.len()];
    classes.labels.iter().for_each(|&label| counts[label] += 1);
    let most = (0..counts.len()).fold(0, |best, class| if counts[class] > counts[best] { class } else { best });
    let is = |yes: bool| f64::from(u8::from(yes));
    let differences: Vec<f64> =
        (0..classes.labels.len()).map(|i| is(classes.is_right(i)) - is(classes.labels[i] == most)).collect();
    let estimate = Bootstrap::default().mean(&differences)?;
    Ok((most, count(counts[most]) / count(classes.labels.len()), estimate))
}

/// A difference of known sign as a size.
fn absolute(estimate: &Estimate) -> Estimate {
    let Estimate { value, low, high } = *estimate;
    if value < 0.0 { Estimate { value: -value, low: -high, high: -low } } else { *estimate }
}

/// Whether the stated probabilities can be relied on.
pub fn calibration(classes: &Classes, scores: &ClassificationScores) -> String {
    let confidence = mean(&confidences(&classes.probabilities));
    let (low, high, share) = consistent_ece(&classes.probabilities, scores.ece.value);
    let found = format!(
        "The calibration error is {}. A perfectly calibrated model with the same probabilities would show {} to {} on this \
         many examples by chance",
        interval(&scores.ece),
        short(low),
        short(high)
    );
    let means = format!("on average it is {} sure and {} right", percent(confidence), percent(scores.accuracy.value));
    let verdict = if share > 0.025 {
        format!("so there is no sign that the probabilities are off ({means})")
    } else if confidence > scores.accuracy.value {
        format!("so the probabilities are off: the model is over-confident ({means})")
    } else {
        format!("so the probabilities are off: the model is under-confident ({means})")
    };
    format!("{found}, {verdict}.")
}

fn unsure(classes: &Classes) -> String {
    let confidence = confidences(&classes.probabilities);
    let n = confidence.len();
    let unsure: Vec<usize> = (0..n).filter(|&i| confidence[i] < SURE).collect();
    if unsure.is_empty() {
        return format!("For every example the largest probability is at least {}.", percent(SURE));
    }
    let right = |chosen: &[usize]| count(chosen.iter().filter(|&&i| classes.is_right(i)).count()) / count(chosen.len());
    let sure: Vec<usize> = (0..n).filter(|&i| confidence[i] >= SURE).collect();
    let of_sure = match sure.is_empty() {
        true => "there are no others".to_owned(),
        false => format!("among the others {}", percent(right(&sure))),
    };
    format!(
        "For {} of {} ({}) the largest probability is below {}: the model is unsure of them. It is right in {} of these, {of_sure}.",
        unsure.len(),
        counted(n, "example"),
        percent(count(unsure.len()) / count(n)),
        percent(SURE),
        percent(right(&unsure)),
    )
}

/// Where the uncertainty comes from.
fn parts(classes: &Classes) -> String {
    let (total, epistemic) = (mean(&classes.entropy), mean(&classes.information));
    if total <= 0.0 {
        return "The predictions have no uncertainty at all.".into();
    }
    format!(
        "Of the mean uncertainty of {} nats, {} is epistemic: what the weights would agree on if there were more training \
         data. The rest is noise that the model ascribes to the data themselves.",
        short(total),
        percent(epistemic / total)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo::metric::Probabilities;

    #[test]
    fn the_most_frequent_class_is_the_measure() {
        let classes = Classes {
            names: vec!["right".into(), "wrong".into()],
            ids: ["1", "2", "3", "4"].map(str::to_owned).into(),
            labels: vec![0, 0, 0, 1],
            probabilities: Probabilities::new([0.9, 0.1].repeat(4), 2).unwrap(),
            entropy: vec![0.1; 4],
            information: vec![0.0; 4],
        };
        let (most, share, over) = over_most_frequent(&classes).unwrap();
        assert_eq!((most, share, over.value), (0, 0.75, 0.0));
    }
}

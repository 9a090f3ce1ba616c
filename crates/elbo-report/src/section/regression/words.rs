//! The summary in words.

use crate::error::Result;
use crate::number::{count, counted, interval, mean, percent, short};
use crate::read::{Reals, Run};
use crate::section::coverage::{Covered, coverages};
use elbo::metric::{Bootstrap, Estimate, RegressionScores, wilson_interval};
use elbo::run::Scores;

/// With fewer examples little can be said.
const FEW: usize = 30;

/// Paragraphs on how good the predictions are.
pub fn words(run: &Run, reals: &Reals) -> Result<Vec<String>> {
    let test = run.metrics.as_ref().and_then(|metrics| metrics.test.as_ref());
    let Some(Scores::Regression(scores)) = test.map(|test| &test.posterior_predictive) else { return Ok(Vec::new()) };
    let mut words = vec![
        format!(
            "On {} of {} the root mean squared error is {}, in the unit of the target. ",
            counted(reals.targets.len(), "test example"),
            run.config.data.name,
            interval(&scores.rmse)
        ) + &baseline(reals)?,
        calibration(reals, scores)? + &other_levels(reals)?,
        parts(reals),
    ];
    if reals.targets.len() < FEW {
        words.push(format!(
            "Only {}: take all of this as a first impression.",
            counted(reals.targets.len(), "test example")
        ));
    }
    Ok(words)
}

/// Beside always predicting the mean of the test targets.
fn baseline(reals: &Reals) -> Result<String> {
    let Some(explained) = explained(reals) else {
        return Ok("All test targets are equal, so they cannot tell whether the model sees differences.".into());
    };
    let centre = mean(&reals.targets);
    let gains: Vec<f64> = (0..reals.targets.len())
        .map(|i| (reals.targets[i] - centre).powi(2) - (reals.targets[i] - reals.mean[i]).powi(2))
        .collect();
    let Estimate { low, high, .. } = Bootstrap::default().mean(&gains)?;
    let spread = (reals.targets.iter().map(|y| (y - centre).powi(2)).sum::<f64>() / count(reals.targets.len())).sqrt();
    let always = format!("Always predicting the mean of the test targets has {}", short(spread));
    Ok(match explained {
        _ if low > 0.0 => format!("{always}: the model explains {} of the variance.", percent(explained)),
        _ if high < 0.0 => format!("{always}: the model is worse than that."),
        _ => format!("{always}: on this test part the model has not been shown to be better than that."),
    })
}

/// Part of the targets' variance that the predicted means explain: `1 - Σ (y - mean)² / Σ (y - ȳ)²`; `None` if all targets
/// are equal.
pub fn explained(reals: &Reals) -> Option<f64> {
    let centre = mean(&reals.targets);
    let squares = |of: &dyn Fn(usize) -> f64| (0..reals.targets.len()).map(|i| of(i).powi(2)).sum::<f64>();
    let (left, all) = (squares(&|i| reals.targets[i] - reals.mean[i]), squares(&|i| reals.targets[i] - centre));
    (all > 0.0).then(|| 1.0 - left / all)
}

/// Whether the intervals keep what they promise.
fn calibration(reals: &Reals, scores: &RegressionScores) -> Result<String> {
    let share = scores.coverage_90.value;
    // The bootstrap knows no doubt where all targets are held, or none; this interval does.
    let [low, high] = wilson_interval(share, reals.targets.len(), 0.95)?;
    let width = mean(&(0..reals.low.len()).map(|i| reals.high[i] - reals.low[i]).collect::<Vec<_>>());
    let verdict = match share {
        _ if high < 0.9 => "fewer than promised: the model is over-confident, and its intervals are too narrow",
        _ if low > 0.9 => "more than promised: the model is under-confident, and its intervals are too wide",
        _ => "at this level there is no sign that they are too narrow or too wide",
    };
    let found = format!(
        "The 90 % intervals hold {} of the targets (95 % Wilson interval {} to {}): {verdict}. They are {} wide on average. The negative log likelihood is {} \
         nats per example.",
        percent(share),
        percent(low),
        percent(high),
        short(width),
        interval(&scores.nll)
    );
    Ok(found)
}

/// Where intervals of other levels do not keep what they promise.
fn other_levels(reals: &Reals) -> Result<String> {
    let found = coverages(&reals.transforms()?, reals.targets.len())?;
    let listed = |is_off: &dyn Fn(&Covered) -> bool| {
        let off = found.iter().filter(|c| (c.level - 0.9).abs() > 1e-9 && is_off(c));
        off.map(|c| percent(c.level)).collect::<Vec<_>>().join(", ")
    };
    let (fewer, more) = (listed(&Covered::is_below), listed(&Covered::is_above));
    let sentence = |levels: &str, what: &str| match levels {
        "" => String::new(),
        levels => format!(" Intervals of {levels} hold {what} targets than promised."),
    };
    Ok(sentence(&fewer, "fewer") + &sentence(&more, "more"))
}

fn parts(reals: &Reals) -> String {
    let squares = |values: &[f64]| mean(&values.iter().map(|x| x * x).collect::<Vec<_>>());
    let (aleatoric, epistemic) = (squares(&reals.aleatoric), squares(&reals.epistemic));
    let total = aleatoric + epistemic;
    if total <= 0.0 {
        return "The predictions have no uncertainty at all.".into();
    }
    format!(
        "Of the mean predictive variance, {} is epistemic: what the weights would agree on if there were more training data. \
         The rest is noise that the model ascribes to the data themselves.",
        percent(epistemic / total)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_is_explained() {
        let reals = |targets: &[f64]| Reals { targets: targets.to_vec(), mean: vec![0.0; 2], ..Reals::default() };
        assert_eq!((explained(&reals(&[1.0, 1.0])), explained(&reals(&[-1.0, 1.0]))), (None, Some(0.0)));
    }
}

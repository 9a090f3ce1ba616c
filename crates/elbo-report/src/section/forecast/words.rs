//! The summary in words.

use super::steps::by_step;
use crate::error::Result;
use crate::number::{count, counted, mean, percent, said, short};
use crate::read::{Horizon, Observed, Run};
use crate::section::coverage::{Covered, covered};
use elbo::metric::{Estimate, ForecastScores, Forecasts, SeasonalNaive};
use elbo::run::Scores;

/// With fewer forecasts that share no row nothing is said of chance.
const FEW: usize = 5;

/// Paragraphs on how good the forecasts are.
pub fn words(run: &Run, horizon: &Horizon) -> Result<Vec<String>> {
    let test = run.metrics.as_ref().and_then(|metrics| metrics.test.as_ref());
    let Some(Scores::Forecast(scores)) = test.map(|test| &test.posterior_predictive) else { return Ok(Vec::new()) };
    let separate = horizon.separate(horizon.steps);
    let mut words = vec![
        errors(run, horizon, scores)
            + &against_persistence(run, horizon, scores)?
            + &against_season(run, horizon, scores)?,
        calibration(horizon)?,
        parts(horizon),
    ];
    if separate < FEW && horizon.steps > 1 {
        words.push(format!(
            "Only {separate} of these forecasts share no row of what they forecast: take all of this as a first impression. \
             There are too few for intervals of the scores; a longer test part (--test-fraction) would tell more."
        ));
    }
    Ok(words)
}

fn errors(run: &Run, horizon: &Horizon, scores: &ForecastScores) -> String {
    let steps = &scores.by_step;
    let growth = match (steps.first(), steps.last()) {
        (Some(first), Some(last)) if steps.len() > 1 => {
            format!(": {} a step ahead, {} at step {}", short(first.rmse), short(last.rmse), last.step)
        }
        _ => String::new(),
    };
    format!(
        "From {} of the test part of {}, {} ahead {} forecast ({}). The root mean squared error over all steps is {}{growth}. ",
        counted(horizon.len(), "row"),
        run.config.data.name,
        counted(horizon.steps, "step"),
        if horizon.steps == 1 { "is" } else { "are" },
        named(&horizon.variables),
        said(&scores.rmse),
    )
}

/// A few names.
fn named(names: &[String]) -> String {
    match names {
        [first @ .., last] if names.len() <= 4 && !first.is_empty() => format!("{} and {last}", first.join(", ")),
        [one] => one.clone(),
        _ => counted(names.len(), "variable"),
    }
}

/// Beside saying that nothing changes.
fn against_persistence(run: &Run, horizon: &Horizon, scores: &ForecastScores) -> Result<String> {
    let naive = format!("Saying that nothing changes, persistence, has {}", said(&scores.persistence_rmse));
    let gain = run.observed.as_ref().map(|seen| gain(horizon, |n, _, v| seen.before(n, v))).transpose()?.flatten();
    Ok(match scores.persistence_rmse.value {
        rmse if rmse <= 0.0 => format!("{naive}: the series does not change in the test part."),
        rmse => beside(&naive, scores.rmse.value / rmse, gain),
    })
}

/// Beside saying what was a season ago.
fn against_season(run: &Run, horizon: &Horizon, scores: &ForecastScores) -> Result<String> {
    let Some(SeasonalNaive { period, rmse }) = scores.seasonal_naive else { return Ok(String::new()) };
    let rows = counted(period, "row");
    let naive = format!(
        " Repeating the last {rows} (seasonal naive; in the training part no other period repeats as well) has {}",
        said(&rmse)
    );
    let of = |seen: &Observed, n, h, v| seen.a_season_before(n, h, v, period);
    let gain = run.observed.as_ref().map(|seen| gain(horizon, |n, h, v| of(seen, n, h, v))).transpose()?.flatten();
    Ok(match rmse.value {
        rmse if rmse <= 0.0 => format!("{naive}."),
        rmse => beside(&naive, scores.rmse.value / rmse, gain),
    })
}

/// What was said of a naive forecast, and how the model's error, `ratio` times that one's, compares.
fn beside(naive: &str, ratio: f64, gain: Option<Estimate>) -> String {
    let change = percent((1.0 - ratio).abs());
    let side = if ratio < 1.0 { "smaller" } else { "larger" };
    match gain {
        Some(gain) if gain.low > 0.0 => format!("{naive}: the model is better, its error {change} smaller."),
        Some(gain) if gain.high < 0.0 => format!("{naive}: the model is worse than that, its error {change} larger."),
        Some(_) => {
            format!(
                "{naive}; the model's error is {change} {side}, which on this test part cannot be told from chance."
            )
        }
        None => format!("{naive}; the model's error is {change} {side}."),
    }
}

/// By how much the mean squared error of a naive forecast, of forecast n at step h of variable v, is larger, with a 95 % interval from the means of blocks of as many
/// consecutive forecasts as there are steps (batch means, Law and Kelton 2000, section 9.5.3): Student's t knows how few
/// they are. `None` for less than five blocks, and where the last values are not known.
fn gain(horizon: &Horizon, naive: impl Fn(usize, usize, usize) -> f64) -> Result<Option<Estimate>> {
    let values = &horizon.values;
    let of = |n: usize| {
        let places = (0..horizon.steps).flat_map(|h| (0..horizon.variables.len()).map(move |v| (h, v)));
        let gains = places.map(|(h, v)| {
            let k = horizon.at(n, h, v);
            (values.targets[k] - naive(n, h, v)).powi(2) - (values.targets[k] - values.mean[k]).powi(2)
        });
        mean(&gains.collect::<Vec<_>>())
    };
    let known: Vec<f64> = (0..horizon.len()).map(of).filter(|gain| gain.is_finite()).collect();
    let blocks: Vec<f64> = known.chunks_exact(horizon.steps).map(mean).collect();
    if blocks.len() < FEW {
        return Ok(None);
    }
    let (value, n) = (mean(&blocks), count(blocks.len()));
    let variance = blocks.iter().map(|block| (block - value).powi(2)).sum::<f64>() / (n - 1.0);
    let quantile = Forecasts::student_t(&[n - 1.0], &[0.0], &[1.0])?.quantiles(0.975)?[0];
    let half = quantile * (variance / n).sqrt();
    Ok(Some(Estimate { value, low: value - half, high: value + half }))
}

/// Whether the intervals keep what they promise, in all and step by step.
fn calibration(horizon: &Horizon) -> Result<String> {
    let values = &horizon.values;
    let all = covered(&values.transforms()?, 0.9, horizon.separate(horizon.steps))?;
    let width = mean(&values.low.iter().zip(&values.high).map(|(low, high)| high - low).collect::<Vec<_>>());
    let verdict = match &all {
        _ if all.is_below() => "fewer than promised: the model is over-confident, and its intervals are too narrow",
        _ if all.is_above() => "more than promised: the model is under-confident, and its intervals are too wide",
        _ => "there is no sign that they do not keep their promise",
    };
    let [low, high] = all.interval;
    let found = format!(
        "The 90 % intervals hold {} of the values (95 % interval {} to {}, reckoned from forecasts that share no row): \
         {verdict}. They are {} wide on average.",
        percent(all.share),
        percent(low),
        percent(high),
        short(width)
    );
    Ok(found + &by_steps(&by_step(horizon)?))
}

fn by_steps(found: &[Covered]) -> String {
    if found.len() < 2 {
        return String::new();
    }
    let those = |is_off: &dyn Fn(&Covered) -> bool| {
        ranges(&(0..found.len()).filter(|&h| is_off(&found[h])).map(|h| h + 1).collect::<Vec<_>>())
    };
    let sentence = |steps: String, what: &str| match steps.as_str() {
        "" => String::new(),
        steps => format!(" Step by step, those of {steps} hold {what} than promised."),
    };
    let (fewer, more) = (those(&Covered::is_below), those(&Covered::is_above));
    match (fewer.is_empty(), more.is_empty()) {
        (true, true) => " At no single step is there one either.".into(),
        _ => sentence(fewer, "fewer") + &sentence(more, "more"),
    }
}

/// `step 3`, `steps 1 to 4, 7`.
fn ranges(steps: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for &step in steps {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == step => *last = step,
            _ => parts.push((step, step)),
        }
    }
    let part = |&(first, last): &(usize, usize)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first} to {last}"),
    };
    let noun = if steps.len() == 1 { "step" } else { "steps" };
    let text = parts.iter().map(part).collect::<Vec<_>>().join(", ");
    if text.is_empty() { text } else { format!("{noun} {text}") }
}

fn parts(horizon: &Horizon) -> String {
    let squares = |values: &[f64]| mean(&values.iter().map(|x| x * x).collect::<Vec<_>>());
    let (aleatoric, epistemic) = (squares(&horizon.values.aleatoric), squares(&horizon.values.epistemic));
    if aleatoric + epistemic <= 0.0 {
        return "The forecasts have no uncertainty at all.".into();
    }
    format!(
        "Of the mean predictive variance, {} is epistemic: what the weights would agree on if there were more training data. \
         The rest is noise that the model ascribes to the series itself.",
        percent(epistemic / (aleatoric + epistemic))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Reals;

    #[test]
    fn steps_are_told_in_ranges() {
        assert_eq!(ranges(&[1, 2, 3, 5, 7, 8]), "steps 1 to 3, 5, 7, 8");
        assert_eq!((ranges(&[4]), ranges(&[])), ("step 4".into(), String::new()));
    }

    /// One step, ten rows: the model is right, persistence off by 1 each time.
    #[test]
    fn persistence_is_beaten_by_what_it_is_off() {
        let targets: Vec<f64> = (1..=10).map(f64::from).collect();
        let values = Reals { mean: targets.clone(), targets: targets.clone(), ..Reals::default() };
        let ids = (0..10).map(|i| i.to_string()).collect();
        let horizon = Horizon { variables: vec!["x".into()], steps: 1, ids, values };
        let rows: Vec<f64> = (0..=10).map(f64::from).collect();
        let times = vec![String::new(); 11];
        let seen = Observed { times, values: rows, variables: 1, origins: (1..=10).collect() };
        assert_eq!(
            gain(&horizon, |n, _, v| seen.before(n, v)).unwrap(),
            Some(Estimate { value: 1.0, low: 1.0, high: 1.0 })
        );
        // Two of five blocks are better by 2, three worse by 1: a bootstrap of five might be sure, this is not.
        let mut noisy = horizon.clone();
        noisy.values.mean = targets.iter().enumerate().map(|(i, y)| y + if i % 5 < 2 { 0.0 } else { 1.5 }).collect();
        let found = gain(&noisy, |n, _, v| seen.before(n, v)).unwrap().unwrap();
        assert!(
            (found.value - (0.4 - 0.6 * 1.25)).abs() < 1e-12 && found.low < found.value && found.value < found.high
        );
        // Ten blocks of one step: mean -0.35, standard deviation 1.162, and the 97.5 % quantile of t with 9 degrees.
        assert!((found.high - found.value - 2.262_157 * 1.161_895 / 10.0_f64.sqrt()).abs() < 1e-5, "{found:?}");
        let short = Horizon { ids: vec!["a".into(); 4], ..horizon };
        assert_eq!(gain(&short, |n, _, v| seen.before(n, v)).unwrap(), None);
    }
}

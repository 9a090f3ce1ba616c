//! What the training data taught the weights.

use crate::number::{count, grouped, percent, short};
use crate::page::{Section, paragraphs, plots, table};
use crate::plot::bars::bars;
use crate::plot::histogram::{Histogram, binned, edges};
use crate::plot::{Axis, Figure, Ink};
use crate::read::{Run, WeightSummary};
use maud::html;

/// Bins of a histogram, and its ends in powers of ten.
const BINS: usize = 30;
const LOW: f64 = -3.0;
const HIGH: f64 = 3.0;

/// The section; `None` for a run without a trained model.
pub fn section(run: &Run) -> Option<Section> {
    let weights = run.weights.as_deref().filter(|weights| !weights.is_empty())?;
    let mut figures: Vec<Figure> = kl_shares(weights).into_iter().collect();
    figures.extend(weights.iter().enumerate().filter_map(|(number, weight)| signal_to_noise(number, weight)));
    let words = [
        "Each weight is a distribution. Signal to noise is the size of its mean over its standard deviation: below 1 the \
         sign of a weight is hardly known, and a network without it would predict much the same.",
        "How far it is from the prior says how much the data had to tell: a weight that has not moved (0) and is as wide as \
         the prior (1) has learned nothing.",
    ];
    let rows: Vec<Vec<String>> = weights.iter().map(|weight| row(weight, total_kl(weights))).collect();
    let body = html! {
        (paragraphs(&words))
        (table("Posterior of each weight", &COLUMNS, &rows))
        (plots(&figures))
    };
    Some(Section { id: "posterior", title: "Posterior of the weights".into(), body })
}

const COLUMNS: [&str; 8] = [
    "weight",
    "values",
    "KL (nats)",
    "share of the KL",
    "KL per value",
    "median signal to noise",
    "moved, in prior scales",
    "width, in prior scales",
];

fn total_kl(weights: &[WeightSummary]) -> f64 {
    weights.iter().filter_map(|weight| weight.kl).sum()
}

fn row(weight: &WeightSummary, total: f64) -> Vec<String> {
    let or_none = |value: Option<f64>| value.map_or("–".into(), short);
    let share = weight.kl.filter(|_| total > 0.0).map_or("–".into(), |kl| percent(kl / total));
    vec![
        weight.path.clone(),
        grouped(weight.values),
        or_none(weight.kl),
        share,
        or_none(weight.kl.map(|kl| kl / count(weight.values))),
        or_none(weight.signal_to_noise.as_deref().and_then(median)),
        or_none(weight.from_prior.map(|far| far.moved)),
        or_none(weight.from_prior.map(|far| far.width)),
    ]
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (below, above) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some(0.5 * (below + above))
}

fn kl_shares(weights: &[WeightSummary]) -> Option<Figure> {
    let shares: Vec<(String, f64)> = weights.iter().filter_map(|w| Some((w.path.clone(), w.kl?))).collect();
    let total: f64 = shares.iter().map(|(_, kl)| kl).sum();
    let (most, kl) = shares.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let text = format!(
        "The weights are {} nats from their priors in all; {most} has the most, {} ({}).",
        short(total),
        short(*kl),
        percent(kl / total.max(f64::MIN_POSITIVE))
    );
    let title = ("posterior-kl", "KL divergence by weight");
    Some(bars(title, ("weight", "KL divergence (nats)"), &shares, short).with_text(text))
}

fn signal_to_noise(number: usize, weight: &WeightSummary) -> Option<Figure> {
    let values = weight.signal_to_noise.as_deref().filter(|values| !values.is_empty())?;
    let powers = values.iter().map(|value| value.max(1e-300).log10());
    let counts = binned(powers, LOW, HIGH, BINS);
    let below = count(values.iter().filter(|&&value| value < 1.0).count()) / count(values.len());
    let histogram = Histogram {
        id: format!("posterior-signal-{number}"),
        title: format!("Signal to noise of {}", weight.path),
        x_axis: Axis::log("mean / standard deviation, logarithmic", [10_f64.powf(LOW), 10_f64.powf(HIGH)]),
        counted: "values".into(),
        edges: edges(LOW, HIGH, BINS).into_iter().map(|power| 10_f64.powf(power)).collect(),
        kinds: vec![("values".into(), Ink::Series(0), counts)],
        expected: None,
        line: Some((1.0, "as large as its noise".into())),
    };
    let middle = median(values).map_or(String::new(), short);
    let text = format!("Median {middle}; {} of {} values are below 1.", percent(below), grouped(values.len()));
    Some(histogram.figure().with_text(text))
}

//! Scores as a whole: properties, statistical tests, and the intervals of a report. Reference values are in the golden
//! files (`tests/golden`).

mod calibration;
mod classification;
mod ranking;
mod regression;
mod report;

use elbo::metric::Probabilities;
use elbo_kernels::Stream;
use elbo_kernels::noise::normal::normals_f64;
use proptest::prelude::*;

fn softmax(logits: &[f64]) -> Vec<f64> {
    let sum: f64 = logits.iter().map(|z| z.exp()).sum();
    logits.iter().map(|z| z.exp() / sum).collect()
}

/// One distribution over K classes, none of them below about `e^-12 / K`.
fn distribution(classes: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-6.0..6.0, classes).prop_map(|logits| softmax(&logits))
}

/// Probabilities of some examples, with labels.
fn forecasts() -> impl Strategy<Value = (Probabilities, Vec<usize>)> {
    (1_usize..5, 1_usize..40).prop_flat_map(|(classes, rows)| {
        let probs = prop::collection::vec(distribution(classes), rows);
        (probs, prop::collection::vec(0..classes, rows))
            .prop_map(move |(probs, labels)| (Probabilities::new(probs.concat(), classes).unwrap(), labels))
    })
}

/// The same examples in reverse order.
fn turned(probs: &Probabilities, labels: &[usize]) -> (Probabilities, Vec<usize>) {
    let rows: Vec<f64> = (0..labels.len()).rev().flat_map(|i| probs.row(i).to_vec()).collect();
    (Probabilities::new(rows, probs.classes()).unwrap(), labels.iter().rev().copied().collect())
}

/// Two classes; the label is drawn from the forecast, so the forecast is calibrated.
fn calibrated(rows: usize, draw: u64) -> (Probabilities, Vec<usize>) {
    let normals = normals_f64(Stream::named(5, "metric test").draws(draw, 2), rows);
    let uniform = |z: f64| 0.5 * libm::erfc(-z / core::f64::consts::SQRT_2);
    let first: Vec<f64> = normals[..rows].iter().map(|&z| uniform(z)).collect();
    let labels = first.iter().zip(&normals[rows..]).map(|(&p, &z)| usize::from(uniform(z) >= p)).collect();
    (Probabilities::new(first.iter().flat_map(|&p| [p, 1.0 - p]).collect(), 2).unwrap(), labels)
}

#[allow(clippy::cast_precision_loss)] // small
fn count(n: usize) -> f64 {
    n as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

/// How many standard errors the mean of `values` is from `expected`.
fn z_score(values: &[f64], expected: f64) -> f64 {
    let centre = mean(values);
    let variance = values.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (count(values.len()) - 1.0);
    (centre - expected) / (variance / count(values.len())).sqrt()
}

//! Whether a stated probability is a frequency.

use super::local::{BINS, confidences};
use crate::error::Result;
use crate::number::{count, counted, percent};
use crate::page::{Section, paragraphs, plots};
use crate::plot::histogram::{Histogram, binned, edges};
use crate::plot::intervals::{Held, Intervals};
use crate::plot::{Axis, Figure, Ink};
use crate::read::Classes;
use crate::section::local::wilson;
use elbo::metric::{ReliabilityBin, reliability};
use maud::html;

/// The section.
pub fn section(classes: &Classes) -> Result<Section> {
    let bins = reliability(&classes.probabilities, &classes.labels, BINS)?;
    let words = [
        "Of the predictions that are made with a probability of 80 %, 80 % should be right. Points below the diagonal are \
         over-confident, points above it under-confident; a grey bar that meets the diagonal is in accord with it.",
    ];
    let figures = [diagram(&bins), confidence(classes)];
    let body = html! { (paragraphs(&words)) (plots(&figures)) };
    Ok(Section { id: "calibration", title: "Calibration".into(), body })
}

fn diagram(bins: &[ReliabilityBin]) -> Figure {
    let filled: Vec<&ReliabilityBin> = bins.iter().filter(|bin| bin.count > 0).collect();
    let all: usize = bins.iter().map(|bin| bin.count).sum();
    let held = |bin: &&ReliabilityBin| Held {
        weight: count(bin.count) / count(all),
        x: bin.confidence,
        y: bin.accuracy,
        interval: wilson(bin.accuracy * count(bin.count), count(bin.count)),
        more: bin.count.to_string(),
    };
    let points: Vec<Held> = filled.iter().map(held).collect();
    let off = points.iter().filter(|p| p.x < p.interval.0 || p.x > p.interval.1).count();
    let text = format!(
        "Share of right predictions in {} of equal width that are not empty, with 95 % Wilson intervals. In {off} of them \
         the mean probability lies outside the interval.",
        counted(filled.len(), "bin")
    );
    let names =
        ["share that is right (larger dots: more examples)", "95 % interval", "perfectly calibrated", "test examples"]
            .map(str::to_owned);
    Intervals {
        id: "reliability".into(),
        title: "Reliability diagram".into(),
        axes: (Axis::unit("mean probability of the predicted class"), Axis::unit("share that is right")),
        points,
        names,
    }
    .figure()
    .with_text(text)
}

fn confidence(classes: &Classes) -> Figure {
    let values = confidences(&classes.probabilities);
    let low = 1.0 / count(classes.names.len().max(2));
    let of = |right: bool| {
        let chosen = (0..values.len()).filter(|&i| classes.is_right(i) == right).map(|i| values[i]);
        binned(chosen, low, 1.0, 20)
    };
    let above = count(values.iter().filter(|&&p| p >= 0.95).count()) / count(values.len());
    let text =
        format!("For {} of the test examples the predicted class has a probability of 95 % or more.", percent(above));
    Histogram {
        id: "confidence".into(),
        title: "How sure the model is".into(),
        x_axis: Axis::linear("probability of the predicted class", low, 1.0),
        counted: "test examples".into(),
        edges: edges(low, 1.0, 20),
        kinds: vec![("wrong".into(), Ink::Wrong, of(false)), ("right".into(), Ink::Right, of(true))],
        expected: None,
        line: None,
    }
    .figure()
    .with_text(text)
}

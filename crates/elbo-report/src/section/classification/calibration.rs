//! Whether a stated probability is a frequency.

use super::chance::{BINS, confidences};
use crate::error::Result;
use crate::number::{count, counted, percent};
use crate::page::{Section, paragraphs, plots};
use crate::plot::histogram::{Histogram, binned, edges};
use crate::plot::intervals::{Held, Intervals};
use crate::plot::{Axis, Figure, Ink};
use crate::read::Classes;
use elbo::metric::{BandedBin, Binning, Bootstrap, reliability_diagram};
use maud::html;

/// The section.
pub fn section(classes: &Classes) -> Result<Section> {
    let binning = Binning::EqualWidth(BINS);
    let bins = reliability_diagram(&classes.probabilities, &classes.labels, binning, &Bootstrap::default())?;
    let words = [
        "Of the predictions that are made with a probability of 80 %, 80 % should be right. Points below the diagonal are \
         over-confident, points above it under-confident. Of a perfectly calibrated model 95 % of the points would lie on \
         their grey bars: on so many examples it would not lie on the diagonal either.",
    ];
    let figures = [diagram(&bins), confidence(classes)];
    let body = html! { (paragraphs(&words)) (plots(&figures)) };
    Ok(Section { id: "calibration", title: "Calibration".into(), body })
}

fn diagram(bins: &[BandedBin]) -> Figure {
    let all: usize = bins.iter().map(|banded| banded.bin.count).sum();
    let held = |banded: &BandedBin| {
        let bin = &banded.bin;
        Some(Held {
            weight: count(bin.count) / count(all),
            x: bin.confidence,
            y: bin.accuracy,
            interval: banded.consistency?,
            more: bin.count.to_string(),
        })
    };
    let points: Vec<Held> = bins.iter().filter_map(held).collect();
    let off = points.iter().filter(|p| p.y < p.interval[0] || p.y > p.interval[1]).count();
    let text = format!(
        "Share of right predictions in {} of equal width that are not empty. In {off} of them it lies where that of a \
         calibrated model would lie in less than 5 % of all test parts of this size.",
        counted(points.len(), "bin")
    );
    let names = [
        "share that is right (larger dots: more examples)",
        "95 % of calibrated models",
        "perfectly calibrated",
        "test examples",
    ];
    Intervals {
        id: "reliability".into(),
        title: "Reliability diagram".into(),
        axes: (Axis::unit("mean probability of the predicted class"), Axis::unit("share that is right")),
        points,
        level: None,
        names: names.map(str::to_owned),
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

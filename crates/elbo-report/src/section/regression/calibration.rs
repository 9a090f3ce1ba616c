//! Whether intervals hold as many targets as they promise.

use super::local::{Covered, coverages, expected_counts, integral_transform};
use crate::error::Result;
use crate::number::{percent, short};
use crate::page::{Section, paragraphs, plots, table};
use crate::plot::histogram::{Histogram, binned, edges};
use crate::plot::intervals::{Held, Intervals};
use crate::plot::{Axis, Figure, Ink};
use crate::read::Reals;
use maud::html;

const BINS: usize = 10;

/// The section.
pub fn section(reals: &Reals) -> Result<Section> {
    let found = coverages(reals)?;
    let words = [
        "Of the intervals that promise 90 %, 90 % should hold their target. Each prediction is taken for a normal \
         distribution with its mean and standard deviation.",
        "The probability integral transform is where in its predicted distribution a target lies: all places should be \
         equally frequent. A hollow middle means intervals that are too narrow, a hump too wide, a slope that predictions \
         lean to one side.",
    ];
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    let columns = ["promised", "found", "95 % interval of what was found", "mean width"];
    let body = html! {
        (paragraphs(&words))
        (table("Coverage of intervals", &columns, &rows))
        (plots(&[diagram(&found), transform(reals)]))
    };
    Ok(Section { id: "calibration", title: "Calibration".into(), body })
}

fn row(covered: &Covered) -> Vec<String> {
    let (low, high) = covered.interval;
    let interval = format!("{} to {}", percent(low), percent(high));
    vec![percent(covered.level), percent(covered.share), interval, short(covered.width)]
}

fn diagram(found: &[Covered]) -> Figure {
    let held = |c: &Covered| Held { x: c.level, y: c.share, interval: c.interval, weight: 0.15, more: short(c.width) };
    let off = found.iter().filter(|c| c.level < c.interval.0 || c.level > c.interval.1).count();
    let text = format!(
        "At {off} of {} levels what was promised lies outside the 95 % Wilson interval of what was found.",
        found.len()
    );
    Intervals {
        id: "coverage".into(),
        title: "Promised and found coverage".into(),
        axes: (Axis::unit("promised"), Axis::unit("found")),
        points: found.iter().map(held).collect(),
        names: ["found coverage", "95 % interval", "perfectly calibrated", "mean width"].map(str::to_owned),
    }
    .figure()
    .with_text(text)
}

fn transform(reals: &Reals) -> Figure {
    let counts = binned(integral_transform(reals), 0.0, 1.0, BINS);
    let (low, high) = expected_counts(reals.targets.len(), 0.1);
    let outside = counts.iter().filter(|&&n| !(low..=high).contains(&crate::number::count(n))).count();
    let text = format!(
        "Of {BINS} bins, {outside} hold more or fewer targets than 95 % of bins would by chance ({} to {}).",
        short(low.ceil()),
        short(high.floor())
    );
    Histogram {
        id: "pit".into(),
        title: "Probability integral transform".into(),
        x_axis: Axis::unit("place of the target in its prediction"),
        counted: "test examples".into(),
        edges: edges(0.0, 1.0, BINS),
        kinds: vec![("test examples".into(), Ink::Series(0), counts)],
        expected: Some((low, high, "expected for 95 % of bins".into())),
        line: None,
    }
    .figure()
    .with_text(text)
}

//! What is left when the prediction is taken off.

use crate::number::{count, mean, percent, short};
use crate::page::{Section, paragraphs, plots};
use crate::plot::histogram::{Histogram, binned, edges};
use crate::plot::scatter::{Point, Scatter};
use crate::plot::{Axis, Figure, Ink, Size};
use crate::read::Reals;
use maud::html;

const BINS: usize = 20;
/// Ends of the histogram, in standard deviations.
const REACH: f64 = 4.0;

/// The section.
pub fn section(reals: &Reals) -> Section {
    let words =
        ["The true value less the predicted one. There should be no pattern in them: no slope, no bend, no one side."];
    let body = html! { (paragraphs(&words)) (plots(&[over_predictions(reals), spread(reals)])) };
    Section { id: "residuals", title: "Residuals".into(), body }
}

fn over_predictions(reals: &Reals) -> Figure {
    let point = |i: usize| {
        let residual = reals.targets[i] - reals.mean[i];
        let is_held = reals.is_held(i);
        let cells = vec![reals.ids[i].clone(), short(reals.mean[i]), short(residual)];
        Point { x: reals.mean[i], y: residual, interval: None, is_marked: !is_held, cells }
    };
    let points: Vec<Point> = (0..reals.targets.len()).map(point).collect();
    let residuals: Vec<f64> = points.iter().map(|point| point.y).collect();
    let x = Axis::over("predicted", reals.mean.iter().copied());
    let y = Axis::over("true − predicted", residuals.iter().copied().chain([0.0]));
    let line = vec![(x.low(), 0.0), (x.high(), 0.0)];
    let text = format!("The mean of the residuals is {}, in the unit of the target.", short(mean(&residuals)));
    Scatter {
        id: "residuals-predicted".into(),
        title: "Residuals over predictions".into(),
        size: Size::PLOT,
        axes: (x, y),
        points,
        columns: ["example", "predicted", "true − predicted"].map(str::to_owned).into(),
        kinds: [("within its 90 % interval".into(), Ink::Right), ("outside".into(), Ink::Wrong)],
        line: Some((line, "no error".into())),
        interval: None,
    }
    .figure()
    .with_text(text)
}

fn spread(reals: &Reals) -> Figure {
    let values = reals.standardized();
    let counts = binned(values.iter().copied(), -REACH, REACH, BINS);
    let beyond = values.iter().filter(|value| value.abs() > 2.0).count();
    let text = format!(
        "{} of the residuals are larger than 2 predicted standard deviations; for a normal it would be 4.6 %. What is beyond \
         {REACH} is counted in the last bins.",
        percent(count(beyond) / count(values.len()))
    );
    Histogram {
        id: "residuals-standardized".into(),
        title: "Residuals in standard deviations".into(),
        x_axis: Axis::linear("(true − predicted) / standard deviation", -REACH, REACH),
        counted: "test examples".into(),
        edges: edges(-REACH, REACH, BINS),
        kinds: vec![("test examples".into(), Ink::Series(0), counts)],
        expected: None,
        line: Some((0.0, "no error".into())),
    }
    .figure()
    .with_text(text)
}

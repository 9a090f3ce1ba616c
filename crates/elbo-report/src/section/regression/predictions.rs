//! Predictions with their intervals.

use super::words::explained;
use crate::number::{count, percent, short};
use crate::page::{Section, paragraphs, plots};
use crate::plot::scatter::{Point, Scatter};
use crate::plot::{Axis, Figure, Ink, Size};
use crate::read::Reals;
use maud::html;

/// The section.
pub fn section(reals: &Reals) -> Section {
    let words = ["Bars are the 90 % intervals. A target outside its interval is orange: it should be one in ten."];
    let body = html! { (paragraphs(&words)) (plots(&[against_truth(reals), in_order(reals)])) };
    Section { id: "predictions", title: "Predictions".into(), body }
}

fn cells(reals: &Reals, i: usize) -> Vec<String> {
    let interval = format!("{} to {}", short(reals.low[i]), short(reals.high[i]));
    vec![reals.ids[i].clone(), short(reals.targets[i]), short(reals.mean[i]), interval]
}

fn scatter((id, title): (&str, &str), axes: (Axis, Axis), points: Vec<Point>) -> Scatter {
    Scatter {
        id: id.into(),
        title: title.into(),
        size: Size::SQUARE,
        axes,
        points,
        columns: ["example", "true value", "predicted", "90 % interval"].map(str::to_owned).into(),
        kinds: [("interval holds the target".into(), Ink::Right), ("it does not".into(), Ink::Wrong)],
        line: None,
        interval: Some("90 % interval".into()),
    }
}

fn against_truth(reals: &Reals) -> Figure {
    let point = |i: usize| Point {
        x: reals.targets[i],
        y: reals.mean[i],
        interval: Some((reals.low[i], reals.high[i])),
        is_marked: !reals.is_held(i),
        cells: cells(reals, i),
    };
    let points: Vec<Point> = (0..reals.targets.len()).map(point).collect();
    let x = Axis::over("true value", reals.targets.iter().copied());
    let y = Axis::over("predicted, with 90 % interval", reals.low.iter().chain(&reals.high).copied());
    let (low, high) = (x.low().max(y.low()), x.high().min(y.high()));
    let mut scatter = scatter(("predicted-true", "Predicted and true values"), (x, y), points);
    scatter.line = (low < high).then(|| (vec![(low, low), (high, high)], "predicted = true".into()));
    let text = match explained(reals) {
        None => "All test targets are equal.".into(),
        Some(share) if share > 0.0 => {
            format!("The predicted means explain {} of the variance of the test targets.", percent(share))
        }
        Some(_) => "The mean of the test targets would be nearer to them than these predictions are.".into(),
    };
    scatter.figure().with_text(text)
}

/// Targets over the examples in order of their predictions.
fn in_order(reals: &Reals) -> Figure {
    let mut order: Vec<usize> = (0..reals.targets.len()).collect();
    order.sort_by(|&a, &b| reals.mean[a].total_cmp(&reals.mean[b]));
    let point = |(place, &i): (usize, &usize)| Point {
        x: count(place + 1),
        y: reals.targets[i],
        interval: Some((reals.low[i], reals.high[i])),
        is_marked: !reals.is_held(i),
        cells: cells(reals, i),
    };
    let points: Vec<Point> = order.iter().enumerate().map(point).collect();
    let outside = points.iter().filter(|point| point.is_marked).count();
    let y = Axis::over(
        "true value, with 90 % interval",
        reals.low.iter().chain(&reals.high).chain(&reals.targets).copied(),
    );
    let x = Axis::whole("test examples in order of their prediction", 1, points.len());
    let text = format!("{outside} of {} targets lie outside their 90 % interval.", points.len());
    scatter(("predicted-order", "Targets in order of the prediction"), (x, y), points).figure().with_text(text)
}

//! What is left when the forecast is taken off.

use crate::number::{count, mean, percent, short, thinned};
use crate::page::{Section, paragraphs, plots};
use crate::plot::histogram::{Histogram, binned, edges};
use crate::plot::intervals::{Held, Intervals};
use crate::plot::{Axis, Figure, Ink};
use crate::read::Horizon;
use maud::html;

const BINS: usize = 20;
/// Ends of the histogram, in standard deviations.
const REACH: f64 = 4.0;
const POINTS: usize = 24;

/// The section.
pub fn section(horizon: &Horizon) -> Section {
    let words = [
        "The true value less the predicted one, in predicted standard deviations. At no step should they lie on one side: \
         that would be a trend that the model does not see.",
    ];
    let off = horizon.values.standardized();
    let body = html! { (paragraphs(&words)) (plots(&[by_step(horizon, &off), spread(&off)])) };
    Section { id: "residuals", title: "Residuals".into(), body }
}

fn by_step(horizon: &Horizon, off: &[f64]) -> Figure {
    let held = |h: usize| {
        let mut values: Vec<f64> = horizon.of_step(h).into_iter().map(|k| off[k]).collect();
        values.sort_unstable_by(f64::total_cmp);
        let interval = [0.05, 0.95].map(|p| quantile(&values, p));
        Held { x: count(h + 1), y: mean(&values), interval, weight: 0.15, more: values.len().to_string() }
    };
    let points: Vec<Held> = thinned(horizon.steps, POINTS).into_iter().map(held).collect();
    let beyond = points.iter().filter(|p| p.interval[0] > 0.0 || p.interval[1] < 0.0).count();
    let largest = points.iter().fold(&points[0], |worst, p| if p.y.abs() > worst.y.abs() { p } else { worst });
    let text = format!(
        "The mean is furthest from 0 at step {}: {} standard deviations. At {beyond} of {} steps nearly all residuals lie on \
         one side.",
        short(largest.x),
        short(largest.y),
        points.len()
    );
    let ends = points.iter().flat_map(|p| p.interval).chain([0.0]);
    Intervals {
        id: "residuals-steps".into(),
        title: "Residuals by step".into(),
        axes: (
            Axis::over("steps ahead", [0.5, count(horizon.steps) + 0.5]),
            Axis::over("(true − predicted) / standard deviation", ends),
        ),
        points,
        level: Some(0.0),
        names: ["mean", "middle 90 %", "no error", "values"].map(str::to_owned),
    }
    .figure()
    .with_text(text)
}

/// Linear between ordered values (definition 7 of Hyndman and Fan 1996).
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a place in the list
fn quantile(ordered: &[f64], p: f64) -> f64 {
    let place = p * count(ordered.len() - 1);
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(ordered.len() - 1);
    ordered[below] + part * (ordered[above] - ordered[below])
}

fn spread(off: &[f64]) -> Figure {
    let beyond = off.iter().filter(|value| value.abs() > 2.0).count();
    let text = format!(
        "{} of the residuals are larger than 2 predicted standard deviations; for a normal it would be 4.6 %. What is beyond \
         {REACH} is counted in the last bins.",
        percent(count(beyond) / count(off.len()))
    );
    Histogram {
        id: "residuals-standardized".into(),
        title: "Residuals in standard deviations".into(),
        x_axis: Axis::linear("(true − predicted) / standard deviation", -REACH, REACH),
        counted: "values that were forecast".into(),
        edges: edges(-REACH, REACH, BINS),
        kinds: vec![("values".into(), Ink::Series(0), binned(off.iter().copied(), -REACH, REACH, BINS))],
        expected: None,
        line: Some((0.0, "no error".into())),
    }
    .figure()
    .with_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        assert_eq!((quantile(&[1.0, 2.0, 4.0], 0.75), quantile(&[3.0], 0.05)), (3.0, 3.0));
    }
}

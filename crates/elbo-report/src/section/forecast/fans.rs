//! The series with some of its forecasts.

use super::{shown, titled};
use crate::number::{counted, mean, short, shortened};
use crate::page::{Section, paragraphs, plots, remark};
use crate::plot::fan::{Fan, FanPlot};
use crate::plot::{Figure, MOST_POINTS, Size};
use crate::read::{Horizon, Observed, Run};
use elbo::run::DataSource;
use maud::html;
use std::ops::Range;

/// The section.
pub fn section(run: &Run, horizon: &Horizon) -> Section {
    let (variables, note) = shown(horizon);
    let words = format!(
        "A rolling origin: the model was trained once, on rows before the test part. From each of {} of the test part it \
         then forecasts {}, and knows what came before them. A row is so forecast several times, from near and from afar.",
        counted(horizon.len(), "row"),
        match horizon.steps {
            1 => "that row".to_owned(),
            steps => format!("{steps} rows, that one and those that follow"),
        }
    );
    let figures: Vec<Figure> = run
        .observed
        .iter()
        .flat_map(|seen| variables.clone().flat_map(|v| of_variable(run, horizon, seen, v)))
        .collect();
    let body = html! {
        (paragraphs(&[words]))
        @if let Some(note) = note { (remark(&note)) }
        (plots(&figures))
    };
    Section { id: "forecasts", title: "Forecasts".into(), body }
}

fn of_variable(run: &Run, horizon: &Horizon, seen: &Observed, v: usize) -> Vec<Figure> {
    let mut figures = vec![end_to_end(horizon, seen, v)];
    let context = context(run, horizon);
    for (kind, n) in chosen(horizon, v) {
        figures.push(single(horizon, seen, v, (kind, n), context));
    }
    figures
}

/// Rows before a forecast that are shown: the window, as far as it is not much longer than what is forecast.
fn context(run: &Run, horizon: &Horizon) -> usize {
    let window = match &run.config.data.source {
        DataSource::Series { shape, .. } => shape.window,
        _ => 0,
    };
    window.min((2 * horizon.steps).max(8))
}

/// First, middle and last forecast and the one with the largest error; each once.
fn chosen(horizon: &Horizon, v: usize) -> Vec<(&'static str, usize)> {
    let last = horizon.len() - 1;
    let worse = |a: &usize, b: &usize| error(horizon, *a, v).total_cmp(&error(horizon, *b, v)).then(b.cmp(a));
    let worst = (0..=last).max_by(worse).unwrap_or(last);
    let all = [("worst", worst), ("first", 0), ("middle", last / 2), ("last", last)];
    let mut chosen: Vec<(&'static str, usize)> = Vec::new();
    for (kind, n) in all {
        if chosen.iter().all(|&(_, known)| known != n) {
            chosen.push((kind, n));
        }
    }
    // The worst one is looked at last.
    chosen.rotate_left(1);
    chosen
}

/// Root mean squared error of forecast `n` of variable `v`.
fn error(horizon: &Horizon, n: usize, v: usize) -> f64 {
    let values = &horizon.values;
    let squares = (0..horizon.steps).map(|h| horizon.at(n, h, v)).map(|k| (values.mean[k] - values.targets[k]).powi(2));
    mean(&squares.collect::<Vec<_>>()).sqrt()
}

/// Forecasts that follow each other, so that every row is forecast once.
fn end_to_end(horizon: &Horizon, seen: &Observed, v: usize) -> Figure {
    let start = seen.origins[0];
    let end = (seen.origins[horizon.len() - 1] + horizon.steps).min(start + MOST_POINTS);
    let mut free = start;
    let mut chosen = Vec::new();
    for (n, &origin) in seen.origins.iter().enumerate() {
        if origin >= free && origin + horizon.steps <= end {
            chosen.push(n);
            free = origin + horizon.steps;
        }
    }
    let all = seen.origins[horizon.len() - 1] + horizon.steps - start;
    let note =
        (end - start < all).then(|| format!(" Of {all} rows of the test part the first {} are drawn.", end - start));
    let text = format!(
        "{} of {} ahead one after the other, in the test part. {}{}",
        counted(chosen.len(), "forecast"),
        counted(horizon.steps, "step"),
        held(horizon, &chosen, v),
        note.unwrap_or_default()
    );
    // A row of before, so that the first fan has where to open.
    let rows = start.saturating_sub(1)..end;
    let title = titled("The test part, forecast end to end", horizon, v);
    plot(horizon, seen, v, (&format!("fans-{v}"), &title), rows, &chosen, Size { height: 220.0, ..Size::PLOT })
        .with_text(text)
}

fn single(horizon: &Horizon, seen: &Observed, v: usize, (kind, n): (&str, usize), context: usize) -> Figure {
    let origin = seen.origins[n];
    let rows = origin.saturating_sub(context)..origin + horizon.steps;
    let name = match kind {
        "first" => "The first forecast",
        "middle" => "The one in the middle",
        "last" => "The last one",
        _ => "The one with the largest error",
    };
    let text = format!(
        "From {} on; root mean squared error {}. {}",
        shortened(&horizon.ids[n], 32),
        short(error(horizon, n, v)),
        held(horizon, &[n], v)
    );
    let title = titled(name, horizon, v);
    plot(horizon, seen, v, (&format!("fan-{v}-{kind}"), &title), rows, &[n], Size { height: 190.0, ..Size::PLOT })
        .with_text(text)
}

/// How many values of these forecasts lie outside.
fn held(horizon: &Horizon, forecasts: &[usize], v: usize) -> String {
    let places = forecasts.iter().flat_map(|&n| (0..horizon.steps).map(move |h| (n, h)));
    let outside = places.filter(|&(n, h)| !horizon.values.is_held(horizon.at(n, h, v))).count();
    format!("{outside} of {} values lie outside their 90 % interval.", forecasts.len() * horizon.steps)
}

fn plot(
    horizon: &Horizon,
    seen: &Observed,
    v: usize,
    (id, title): (&str, &str),
    rows: Range<usize>,
    forecasts: &[usize],
    size: Size,
) -> Figure {
    let values = &horizon.values;
    let fan = |&n: &usize| {
        let step = |h| {
            let k = horizon.at(n, h, v);
            [values.mean[k], values.low[k], values.high[k]]
        };
        Fan { origin: seen.origins[n], steps: (0..horizon.steps).map(step).collect() }
    };
    FanPlot {
        id: id.into(),
        title: title.into(),
        size,
        variable: shortened(&horizon.variables[v], 40),
        observed: rows.clone().map(|t| seen.value(t, v)).collect(),
        times: rows.clone().map(|t| seen.time(t)).collect(),
        rows,
        fans: forecasts.iter().map(fan).collect(),
    }
    .figure()
}

//! How good forecasts are a step ahead, two steps ahead, and so on.

use super::{shown, titled};
use crate::error::Result;
use crate::number::{count, mean, percent, short, thinned};
use crate::page::{Section, paragraphs, plots, remark, table};
use crate::plot::curves::{Curve, CurvePlot};
use crate::plot::intervals::{Held, Intervals};
use crate::plot::{Axis, Figure, Ink};
use crate::read::{Horizon, Observed, Run};
use crate::section::coverage::{Covered, covered};
use elbo::metric::VariableScores;
use elbo::run::Scores;
use maud::html;

/// Rows of the table, and points of the plot of coverages.
const ROWS: usize = 24;

/// The section.
pub fn section(run: &Run, horizon: &Horizon) -> Result<Section> {
    let found = by_step(horizon)?;
    let (variables, note) = shown(horizon);
    let mut figures: Vec<Figure> = variables.clone().map(|v| errors(horizon, run.observed.as_ref(), v)).collect();
    figures.push(coverage(horizon, &found));
    figures.extend(variables.map(|v| widths(horizon, v)));
    let words = [
        "The further ahead, the less is known: errors grow with the step, and intervals should grow with them, so that as \
         many targets are held at every step.",
        "Forecasts h steps ahead whose first rows are less than h rows apart share what they did not know, and are no \
         independent evidence. Intervals of what was found count every h-th of them.",
    ];
    let columns =
        ["step", "RMSE", "mean absolute error", "held by 90 % intervals", "95 % interval of that", "mean width"];
    let body = html! {
        (paragraphs(&words))
        (table(&caption(horizon), &columns, &rows(horizon, &found)))
        @if let Some(rows) = by_variable(run, horizon) { (table(EACH, &EACH_COLUMNS, &rows)) }
        @if let Some(note) = note { (remark(&note)) }
        (plots(&figures))
    };
    Ok(Section { id: "steps", title: "Step by step".into(), body })
}

const EACH: &str = "Forecasts of each variable, all steps together, in its unit";
const EACH_COLUMNS: [&str; 6] =
    ["variable", "RMSE", "that of persistence", "mean absolute error", "held by 90 % intervals", "mean width"];

/// The variables one by one, where there are several.
fn by_variable(run: &Run, horizon: &Horizon) -> Option<Vec<Vec<String>>> {
    let test = run.metrics.as_ref()?.test.as_ref()?;
    let Scores::Forecast(scores) = &test.posterior_predictive else { return None };
    let row = |(name, of): (&String, &VariableScores)| {
        let [rmse, persistence, mae, width] = [of.rmse, of.persistence_rmse, of.mae, of.width_90].map(short);
        vec![name.clone(), rmse, persistence, mae, percent(of.coverage_90), width]
    };
    let rows: Vec<_> = horizon.variables.iter().zip(&scores.by_variable).map(row).collect();
    (!rows.is_empty()).then_some(rows)
}

/// Coverage of 90 % intervals at every step.
pub fn by_step(horizon: &Horizon) -> Result<Vec<Covered>> {
    let pit = horizon.values.transforms()?;
    let of = |h: usize| {
        let transforms: Vec<f64> = horizon.of_step(h).into_iter().map(|k| pit[k]).collect();
        covered(&transforms, 0.9, horizon.separate(h + 1))
    };
    (0..horizon.steps).map(of).collect()
}

fn caption(horizon: &Horizon) -> String {
    match horizon.variables.len() {
        1 => format!("Forecasts of {} by step ahead", horizon.variables[0]),
        n => format!("Forecasts of all {n} variables together by step ahead, each in its unit"),
    }
}

fn rows(horizon: &Horizon, found: &[Covered]) -> Vec<Vec<String>> {
    let values = &horizon.values;
    let row = |h: usize| {
        let places = horizon.of_step(h);
        let of = |value: &dyn Fn(usize) -> f64| mean(&places.iter().map(|&k| value(k)).collect::<Vec<_>>());
        let error = |k: usize| values.targets[k] - values.mean[k];
        let [low, high] = found[h].interval;
        vec![
            (h + 1).to_string(),
            short(of(&|k| error(k).powi(2)).sqrt()),
            short(of(&|k| error(k).abs())),
            percent(found[h].share),
            format!("{} to {}", percent(low), percent(high)),
            short(of(&|k| values.high[k] - values.low[k])),
        ]
    };
    thinned(horizon.steps, ROWS).into_iter().map(row).collect()
}

/// Means over the forecasts of one variable, a value for each step.
fn over_steps(horizon: &Horizon, v: usize, value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let of = |h: usize| (0..horizon.len()).map(|n| value(n, horizon.at(n, h, v))).filter(|x| !x.is_nan()).collect();
    (0..horizon.steps).map(|h| mean(&of(h) as &Vec<f64>)).collect()
}

fn curves(horizon: &Horizon, (id, title): (String, String), y_title: &str, curves: Vec<Curve>) -> Figure {
    let y_axis = Axis::from_zero(y_title, curves.iter().flat_map(|curve| curve.values.iter().copied()));
    let x = (1..=horizon.steps).map(count).collect();
    let x_axis = Axis::whole("steps ahead", 1, horizon.steps);
    CurvePlot { id, title, x, x_axis, y_axis, curves, noun: "steps" }.figure()
}

fn errors(horizon: &Horizon, seen: Option<&Observed>, v: usize) -> Figure {
    let values = &horizon.values;
    let model: Vec<f64> = over_steps(horizon, v, |_, k| (values.targets[k] - values.mean[k]).powi(2));
    let last = |n: usize| seen.map_or(f64::NAN, |seen| seen.before(n, v));
    let persistence: Vec<f64> = over_steps(horizon, v, |n, k| (values.targets[k] - last(n)).powi(2));
    let root = |squares: &[f64]| squares.iter().map(|x| x.sqrt()).collect::<Vec<_>>();
    let (model, persistence) = (root(&model), root(&persistence));
    let line = |name: &str, values: Vec<f64>, ink| Curve { name: name.into(), values, ink };
    let mut lines = vec![line("model", model.clone(), Ink::Series(0))];
    let mut text = format!("The error of the model goes from {}", from_to(&model));
    if persistence.iter().all(|x| x.is_finite()) {
        let better = model.iter().zip(&persistence).filter(|(a, b)| a < b).count();
        text += &format!(
            "; that of saying that nothing changes from {}. The model's is the smaller one at {better} of {} steps",
            from_to(&persistence),
            horizon.steps
        );
        lines.push(line("nothing changes", persistence, Ink::Ideal));
    }
    let title = titled("Error by step", horizon, v);
    curves(horizon, (format!("error-{v}"), title), "root mean squared error", lines).with_text(text + ".")
}

fn widths(horizon: &Horizon, v: usize) -> Figure {
    let values = &horizon.values;
    let root = |squares: Vec<f64>| squares.into_iter().map(f64::sqrt).collect::<Vec<_>>();
    let width = over_steps(horizon, v, |_, k| values.high[k] - values.low[k]);
    let aleatoric = root(over_steps(horizon, v, |_, k| values.aleatoric[k].powi(2)));
    let epistemic = root(over_steps(horizon, v, |_, k| values.epistemic[k].powi(2)));
    let text = format!(
        "The 90 % intervals are {} wide on average. Standard deviations of their two parts, root mean square: aleatoric {}, \
         epistemic {}.",
        from_to(&width),
        from_to(&aleatoric),
        from_to(&epistemic)
    );
    let line = |name: &str, values: Vec<f64>, ink| Curve { name: name.into(), values, ink };
    let lines = vec![
        line("width of the 90 % interval", width, Ink::Series(0)),
        line("aleatoric standard deviation", aleatoric, Ink::Series(2)),
        line("epistemic standard deviation", epistemic, Ink::Series(1)),
    ];
    let title = titled("Width by step", horizon, v);
    curves(horizon, (format!("width-{v}"), title), "in the unit of the target", lines).with_text(text)
}

/// `1.2 (1 step ahead) to 3.4 (12 steps ahead)`.
fn from_to(values: &[f64]) -> String {
    match values {
        [only] => format!("{} (1 step ahead)", short(*only)),
        [first, .., last] => {
            format!("{} (1 step ahead) to {} ({} steps ahead)", short(*first), short(*last), values.len())
        }
        [] => String::new(),
    }
}

fn coverage(horizon: &Horizon, found: &[Covered]) -> Figure {
    let chosen = thinned(horizon.steps, ROWS);
    let held = |&h: &usize| {
        let more = format!("{} of {}", found[h].held, found[h].of);
        Held { x: count(h + 1), y: found[h].share, interval: found[h].interval, weight: 0.15, more }
    };
    let off = found.iter().filter(|c| c.is_below() || c.is_above()).count();
    let text = format!(
        "At {off} of {} steps 90 % lies outside the 95 % Wilson interval of what was found.{}",
        horizon.steps,
        if chosen.len() < horizon.steps {
            format!(" {} steps are drawn, evenly spread.", chosen.len())
        } else {
            String::new()
        }
    );
    Intervals {
        id: "coverage-steps".into(),
        title: "Coverage of 90 % intervals by step".into(),
        axes: (Axis::over("steps ahead", [0.5, count(horizon.steps) + 0.5]), Axis::unit("share of targets held")),
        points: chosen.iter().map(held).collect(),
        level: Some(0.9),
        names: ["found coverage", "95 % interval", "promised", "targets held"].map(str::to_owned),
    }
    .figure()
    .with_text(text)
}

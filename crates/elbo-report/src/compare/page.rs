//! The comparison as a page.

use super::scores::Better;
use super::{Compared, Comparison, Verdict};
use crate::number::{count, counted, ends, interval, short, shortened, value};
use crate::page::{Page, Section, paragraphs, plots, remark, table};
use crate::plot::curves::{Curve, CurvePlot};
use crate::plot::whiskers::whiskers;
use crate::plot::{Axis, Figure, Ink};
use crate::read::{Predicted, Run};
use elbo::metric::Estimate;
use elbo::train::EpochReport;
use maud::html;
use std::collections::{BTreeMap, BTreeSet};

/// The page as a file.
pub fn html(comparison: &Comparison) -> String {
    let mut sections = vec![scores(comparison), differences(comparison)];
    sections.extend(training(comparison));
    sections.push(settings(comparison));
    let page = Page {
        title: comparison.runs[0].config.data.name.clone(),
        kicker: format!("{} compared", counted(comparison.runs.len(), "run")),
        lead: html! { p class="lead" { "On " (counted(comparison.examples, "common test example")) "." } },
        sections,
    };
    page.html()
}

fn scores(comparison: &Comparison) -> Section {
    let scored = |compared: &Compared| format!("{} ({})", compared.score.name, compared.score.direction());
    let columns: Vec<String> = ["run".to_owned()].into_iter().chain(comparison.scores.iter().map(scored)).collect();
    let row = |run: usize| {
        let cells = comparison
            .scores
            .iter()
            .map(|compared| compared.values[run].as_ref().map_or_else(|| "–".to_owned(), interval));
        [comparison.names[run].clone()].into_iter().chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = (0..comparison.runs.len()).map(row).collect();
    let figures: Vec<Figure> =
        comparison.scores.iter().filter_map(|compared| value_figure(comparison, compared)).collect();
    let body = html! {
        (table("Scores with 95 % bootstrap intervals", &columns, &rows))
        (plots(&figures))
        (remark("Intervals that overlap do not mean that runs are equal: they were tested on the same examples, and the \
                 differences below tell more."))
    };
    Section { id: "scores", title: "Scores".into(), body }
}

fn value_figure(comparison: &Comparison, compared: &Compared) -> Option<Figure> {
    let named = comparison.names.iter().cloned().zip(&compared.values);
    let estimates: Vec<(String, Estimate)> = named.filter_map(|(name, value)| Some((name, (*value)?))).collect();
    let said: Vec<String> = estimates.iter().map(|(name, estimate)| format!("{name} {}", interval(estimate))).collect();
    let (id, title) = (format!("score-{}", compared.score.key), sentence(compared.score.name));
    let line = (compared.score.better == Better::Coverage).then_some(0.9);
    let figure = || {
        let figure = whiskers((&id, &title), compared.score.direction(), &estimates, (line, 0));
        figure.with_text(said.join("; ") + ".")
    };
    (!estimates.is_empty()).then(figure)
}

fn differences(comparison: &Comparison) -> Section {
    let first = &comparison.names[0];
    let words: Vec<String> = (1..comparison.runs.len()).map(|run| words(comparison, run)).collect();
    let columns: Vec<String> = ["run", "score", "difference", "95 % interval", "verdict"].map(str::to_owned).into();
    let mut rows = Vec::new();
    for run in 1..comparison.runs.len() {
        for compared in &comparison.scores {
            rows.push(row(&comparison.names[run], compared, run));
        }
    }
    let figures: Vec<Figure> =
        comparison.scores.iter().filter_map(|compared| difference_figure(comparison, compared)).collect();
    let body = html! {
        (paragraphs(&words))
        (table(&format!("Each run less {first}, on the same resamples of the test examples"), &columns, &rows))
        (plots(&figures))
        @if let Some(Predicted::Horizon(_)) = &comparison.runs[0].predicted { (remark(OVERLAP)) }
        (remark("An interval says how far a difference would move with other test examples, not with another seed: two runs \
                 that differ only in their seed can differ in their scores. With several runs and scores, one interval in \
                 twenty leaves out 0 by chance."))
    };
    Section { id: "differences", title: format!("Differences to {first}"), body }
}

const OVERLAP: &str = "Resamples are of forecasts, each with all its steps, and of as many in a row as there are steps, since \
    those share rows. With fewer than twenty such blocks in the test part take a difference as a hint only.";

/// What is shown of one run.
fn words(comparison: &Comparison, run: usize) -> String {
    let with = |verdict: Verdict| {
        let is =
            |compared: &&Compared| compared.differences[run].is_some_and(|d| compared.score.verdict(&d) == verdict);
        let names: Vec<&str> = comparison.scores.iter().filter(is).map(|compared| compared.score.name).collect();
        listed(&names)
    };
    let (name, first) = (&comparison.names[run], &comparison.names[0]);
    match (with(Verdict::Better), with(Verdict::Worse)) {
        (better, worse) if better.is_empty() && worse.is_empty() => {
            format!("{name} has not been shown to differ from {first} in any score.")
        }
        (better, worse) if worse.is_empty() => format!("{name} is better than {first} in {better}."),
        (better, worse) if better.is_empty() => format!("{name} is worse than {first} in {worse}."),
        (better, worse) => format!("{name} is better than {first} in {better}, and worse in {worse}."),
    }
}

fn row(name: &str, compared: &Compared, run: usize) -> Vec<String> {
    let (name, score) = (name.to_owned(), compared.score.name.to_owned());
    match &compared.differences[run] {
        Some(difference) => {
            let verdict = compared.score.verdict(difference).text().to_owned();
            vec![name, score, signed(difference), ends(difference), verdict]
        }
        None => vec![name, score, "–".into(), "–".into(), "not defined".into()],
    }
}

fn signed(difference: &Estimate) -> String {
    if difference.value > 0.0 { format!("+{}", value(difference)) } else { value(difference) }
}

fn difference_figure(comparison: &Comparison, compared: &Compared) -> Option<Figure> {
    let named = comparison.names.iter().cloned().zip(&compared.differences);
    let estimates: Vec<(String, Estimate)> = named.filter_map(|(name, found)| Some((name, (*found)?))).collect();
    let said: Vec<String> = estimates
        .iter()
        .map(|(name, d)| format!("{name}: {} {}, {}", signed(d), ends(d), compared.score.verdict(d).text()))
        .collect();
    let (id, title) = (format!("difference-{}", compared.score.key), format!("Difference of {}", compared.score.name));
    let axis = format!("less {} ({})", shortened(&comparison.names[0], 16), compared.score.direction());
    let figure = || whiskers((&id, &title), &axis, &estimates, (Some(0.0), 1)).with_text(said.join("; ") + ".");
    (!estimates.is_empty()).then(figure)
}

fn training(comparison: &Comparison) -> Option<Section> {
    let loss = curves(comparison, ("compare-loss", "Loss"), |epoch| epoch.loss)?;
    let nll = |epoch: &EpochReport| epoch.validation.map_or(f64::NAN, |v| v.nll);
    let validation = curves(comparison, ("compare-validation", "Negative log likelihood on validation"), nll);
    let figures: Vec<Figure> = [Some(loss), validation].into_iter().flatten().collect();
    let body = html! {
        (plots(&figures))
        (remark("Losses of runs with different KL weights or priors are different quantities. Validation parts differ where \
                 seeds or fractions do."))
    };
    Some(Section { id: "training", title: "Training".into(), body })
}

fn curves(
    comparison: &Comparison,
    (id, title): (&str, &str),
    of_epoch: impl Fn(&EpochReport) -> f64,
) -> Option<Figure> {
    let longest = comparison.runs.iter().map(|run| run.log.epochs.len()).max().filter(|&n| n > 0)?;
    let of = |run: &Run| (0..longest).map(|i| run.log.epochs.get(i).map_or(f64::NAN, &of_epoch)).collect::<Vec<f64>>();
    let curve = |(number, run): (usize, &Run)| Curve {
        name: comparison.names[number].clone(),
        values: of(run),
        ink: Ink::series(number),
    };
    let curves: Vec<Curve> = comparison.runs.iter().enumerate().map(curve).collect();
    let all: Vec<f64> = curves.iter().flat_map(|curve| curve.values.iter().copied()).collect();
    let last = |curve: &Curve| curve.values.iter().copied().rfind(|value| value.is_finite());
    let said: Vec<String> =
        curves.iter().filter_map(|curve| Some(format!("{} ends at {}", curve.name, short(last(curve)?)))).collect();
    let figure = || {
        let x: Vec<f64> = (1..=longest).map(count).collect();
        let (x_axis, y_axis) = (Axis::whole("epoch", 1, longest), Axis::over("nats per example", all.iter().copied()));
        let (id, title, curves) = (id.to_owned(), title.to_owned(), curves.clone());
        CurvePlot { id, title, x, x_axis, y_axis, curves, noun: "epochs" }.figure().with_text(said.join("; ") + ".")
    };
    all.iter().any(|value| value.is_finite()).then(figure)
}

/// What the runs were told differently.
fn settings(comparison: &Comparison) -> Section {
    let all: Vec<BTreeMap<String, String>> = comparison.runs.iter().map(flat).collect();
    let keys: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let of = |settings: &BTreeMap<String, String>, key: &String| settings.get(key).cloned().unwrap_or("–".into());
    let differing = keys.into_iter().filter(|&key| all.iter().any(|settings| settings.get(key) != all[0].get(key)));
    let rows: Vec<Vec<String>> = differing
        .map(|key| [key.clone()].into_iter().chain(all.iter().map(|settings| of(settings, key))).collect())
        .collect();
    let columns: Vec<String> = ["setting".to_owned()].into_iter().chain(comparison.names.iter().cloned()).collect();
    let body = html! {
        @if rows.is_empty() { p { "The runs have the same settings." } }
        @else { (table("Settings that differ", &columns, &rows)) }
        p { "Folders: " @for run in &comparison.runs { code { (run.path.display()) } " " } }
    };
    Section { id: "settings", title: "Settings".into(), body }
}

/// A configuration as names with dots and values.
fn flat(run: &Run) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    if let Ok(value) = toml::Value::try_from(&run.config) {
        flatten("", &value, &mut out);
    }
    out
}

fn flatten(name: &str, value: &toml::Value, out: &mut BTreeMap<String, String>) {
    let inner = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    match value {
        toml::Value::Table(table) => table.iter().for_each(|(key, value)| flatten(&inner(key), value, out)),
        toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => {
            list.iter().enumerate().for_each(|(i, value)| flatten(&inner(&(i + 1).to_string()), value, out));
        }
        toml::Value::String(text) => _ = out.insert(name.to_owned(), shortened(text, 60)),
        other => _ = out.insert(name.to_owned(), shortened(&other.to_string(), 60)),
    }
}

/// `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

//! Where uncertainty comes from, and whether it goes with the errors.

use crate::error::Result;
use crate::number::{mean, short};
use crate::page::{Section, paragraphs, plots, table};
use crate::plot::scatter::{Point, Scatter};
use crate::plot::{Axis, Figure, Ink, Size};
use crate::read::Reals;
use elbo::metric::spearman;
use maud::html;

/// The section.
pub fn section(reals: &Reals) -> Result<Section> {
    let words = [
        "The predictive variance is the sum of two parts. The epistemic one is how much the weight samples disagree: more \
         training data of this kind would lessen it. The aleatoric one is the noise that they expect: it would stay.",
    ];
    let row = |name: &str, values: &[f64]| {
        let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
        vec![name.to_owned(), short(mean(values)), short(low), short(high)]
    };
    let rows = [row("total", &reals.stddev), row("aleatoric", &reals.aleatoric), row("epistemic", &reals.epistemic)];
    let body = html! {
        (paragraphs(&words))
        (table("Predictive standard deviations, in the unit of the target", &["part", "mean", "smallest", "largest"], &rows))
        (plots(&[errors(reals)?, parts(reals)]))
    };
    Ok(Section { id: "uncertainty", title: "Uncertainty".into(), body })
}

fn errors(reals: &Reals) -> Result<Figure> {
    let error = |i: usize| (reals.targets[i] - reals.mean[i]).abs();
    let point = |i: usize| {
        let cells = vec![reals.ids[i].clone(), short(reals.stddev[i]), short(error(i))];
        Point { x: reals.stddev[i], y: error(i), interval: None, is_marked: false, cells }
    };
    let points: Vec<Point> = (0..reals.targets.len()).map(point).collect();
    let sizes: Vec<f64> = points.iter().map(|point| point.y).collect();
    let text = match spearman(&reals.stddev, &sizes)? {
        rank if !rank.is_nan() => format!(
            "The rank correlation of standard deviation and error is {}: 1 if larger errors are always foreseen, 0 if none is.",
            short(rank)
        ),
        _ => "All predictions are equally uncertain, or all errors equal.".into(),
    };
    let axes = (
        Axis::over("predicted standard deviation", reals.stddev.iter().copied()),
        Axis::from_zero("|true − predicted|", sizes),
    );
    let figure =
        scatter(("uncertainty-errors", "Uncertainty and error"), axes, points, ["standard deviation", "error"]);
    Ok(figure.with_text(text))
}

fn parts(reals: &Reals) -> Figure {
    let point = |i: usize| {
        let cells = vec![reals.ids[i].clone(), short(reals.aleatoric[i]), short(reals.epistemic[i])];
        Point { x: reals.aleatoric[i], y: reals.epistemic[i], interval: None, is_marked: false, cells }
    };
    let points: Vec<Point> = (0..reals.targets.len()).map(point).collect();
    let larger = points.iter().filter(|point| point.y > point.x).count();
    let axes = (
        Axis::over("aleatoric standard deviation", reals.aleatoric.iter().copied()),
        Axis::from_zero("epistemic standard deviation", reals.epistemic.iter().copied()),
    );
    let text = format!("The epistemic part is the larger one for {larger} of {} test examples.", points.len());
    scatter(("uncertainty-parts", "Both parts of the uncertainty"), axes, points, ["aleatoric", "epistemic"])
        .with_text(text)
}

fn scatter((id, title): (&str, &str), axes: (Axis, Axis), points: Vec<Point>, columns: [&str; 2]) -> Figure {
    let kinds = [("test example".to_owned(), Ink::Series(0)), (String::new(), Ink::Wrong)];
    let (id, title) = (id.to_owned(), title.to_owned());
    let columns = ["example"].into_iter().chain(columns).map(str::to_owned).collect();
    Scatter { id, title, size: Size::PLOT, axes, points, columns, kinds, line: None, interval: None }.figure()
}

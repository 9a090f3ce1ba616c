//! Where uncertainty comes from, and whether it finds the errors.

use crate::error::Result;
use crate::number::{mean, percent, short};
use crate::page::{Section, beside, paragraphs, table};
use crate::plot::scatter::{Point, Scatter};
use crate::plot::{Axis, Figure, Ink, Size};
use crate::read::Classes;
use elbo::metric::{Detection, MetricError};
use maud::html;

/// The section.
pub fn section(classes: &Classes) -> Result<Section> {
    let words = [
        "Total uncertainty is the entropy of the predicted probabilities. Its epistemic part is how much the weight samples \
         disagree: more training data of this kind would lessen it. The aleatoric part is what each of them is unsure of: \
         it would stay.",
    ];
    let rows =
        [row("all", classes, |_| true), row("right", classes, |right| right), row("wrong", classes, |right| !right)];
    let rows: Vec<Vec<String>> = rows.into_iter().flatten().collect();
    let columns = ["test examples", "number", "total (nats)", "aleatoric (nats)", "epistemic (nats)"];
    let body = html! {
        (paragraphs(&words))
        (beside(Some(&figure(classes)?), &table("Mean uncertainty of the predictions", &columns, &rows)))
    };
    Ok(Section { id: "uncertainty", title: "Uncertainty".into(), body })
}

fn row(name: &str, classes: &Classes, is_wanted: impl Fn(bool) -> bool) -> Option<Vec<String>> {
    let chosen: Vec<usize> = (0..classes.labels.len()).filter(|&i| is_wanted(classes.is_right(i))).collect();
    let of = |values: &[f64]| mean(&chosen.iter().map(|&i| values[i]).collect::<Vec<_>>());
    let (total, epistemic) = (of(&classes.entropy), of(&classes.information));
    let numbers = [total, total - epistemic, epistemic].map(short);
    let text = || [name.to_owned(), chosen.len().to_string()].into_iter().chain(numbers).collect();
    (!chosen.is_empty()).then(text)
}

fn figure(classes: &Classes) -> Result<Figure> {
    let point = |i: usize| {
        let (epistemic, aleatoric) = (classes.information[i], (classes.entropy[i] - classes.information[i]).max(0.0));
        let is_right = classes.is_right(i);
        let verdict = if is_right { "right" } else { "wrong" };
        let cells = vec![classes.ids[i].clone(), short(aleatoric), short(epistemic), verdict.into()];
        Point { x: aleatoric, y: epistemic, interval: None, is_marked: !is_right, cells }
    };
    let points: Vec<Point> = (0..classes.labels.len()).map(point).collect();
    let axis = |title, values: Vec<f64>| Axis::from_zero(title, values);
    let axes = (
        axis("aleatoric (nats)", points.iter().map(|p| p.x).collect()),
        axis("epistemic (nats)", points.iter().map(|p| p.y).collect()),
    );
    let scatter = Scatter {
        id: "uncertainty-parts".into(),
        title: "Both parts of the uncertainty".into(),
        size: Size::PLOT,
        axes,
        points,
        columns: ["example", "aleatoric (nats)", "epistemic (nats)", "prediction"].map(str::to_owned).into(),
        kinds: [("right".into(), Ink::Right), ("wrong".into(), Ink::Wrong)],
        line: None,
        interval: None,
    };
    Ok(scatter.figure().with_text(detection(classes)?))
}

/// How well each part tells wrong from right.
fn detection(classes: &Classes) -> Result<String> {
    let wrong: Vec<bool> = (0..classes.labels.len()).map(|i| !classes.is_right(i)).collect();
    if !wrong.contains(&true) {
        return Ok("All predictions are right.".into());
    }
    if !wrong.contains(&false) {
        return Ok("All predictions are wrong.".into());
    }
    let auroc = |uncertainty: &[f64]| Ok::<_, MetricError>(percent(Detection::new(uncertainty, &wrong)?.auroc()));
    let (total, epistemic) = (auroc(&classes.entropy)?, auroc(&classes.information)?);
    Ok(format!(
        "A wrong prediction has more total uncertainty than a right one in {total} of all pairs of them, and more epistemic \
         uncertainty in {epistemic} (50 % would be chance)."
    ))
}

//! What is gained by answering only where the model is sure.

use super::local::RiskCoverage;
use crate::number::{percent, short};
use crate::page::{Section, beside, paragraphs, table};
use crate::plot::curves::{Curve, CurvePlot};
use crate::plot::{Axis, Figure, Ink};
use crate::read::Classes;
use maud::{Markup, html};

/// The section.
pub fn section(classes: &Classes) -> Section {
    let curve = RiskCoverage::new(classes);
    let words = [
        "Leave the examples to a person that the model is least sure of: how many errors remain among the others? The \
         curve should rise from left to right, and the lower it is the better the order of the confidences.",
    ];
    let body = html! { (paragraphs(&words)) (beside(Some(&figure(&curve)), &levels(&curve))) };
    Section { id: "selective", title: "Answering only when sure".into(), body }
}

/// Errors at some coverages.
fn levels(curve: &RiskCoverage) -> Markup {
    let row = |share: &f64| vec![percent(*share), percent(curve.at(*share))];
    let rows: Vec<Vec<String>> = [1.0, 0.95, 0.9, 0.8, 0.7, 0.5].iter().map(row).collect();
    table("Errors among the surest examples", &["answered", "wrong among them"], &rows)
}

fn figure(curve: &RiskCoverage) -> Figure {
    let all = curve.at(1.0);
    let text = format!(
        "Answering all examples, {} are wrong; the surest 90 %: {}; 80 %: {}; half: {}. The area under the curve is {}, \
         that of a random order {}.",
        percent(all),
        percent(curve.at(0.9)),
        percent(curve.at(0.8)),
        percent(curve.at(0.5)),
        short(curve.area),
        short(all)
    );
    let line = |name: &str, values: Vec<f64>, ink| Curve { name: name.into(), values, ink };
    let curves = vec![
        line("by confidence", curve.risk.clone(), Ink::Series(0)),
        line("best possible order", curve.best.clone(), Ink::Series(2)),
        line("random order", vec![all; curve.risk.len()], Ink::Ideal),
    ];
    let highest = curves.iter().flat_map(|curve| curve.values.iter().copied());
    CurvePlot {
        id: "risk-coverage".into(),
        title: "Risk and coverage".into(),
        x: curve.coverage.clone(),
        x_axis: Axis::linear("share of the examples that are answered", 0.0, 1.0),
        y_axis: Axis::from_zero("share of errors among them", highest),
        curves,
        noun: "coverages",
    }
    .figure()
    .with_text(text)
}

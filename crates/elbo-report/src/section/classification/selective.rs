//! What is gained by answering only where the model is sure.

use crate::error::Result;
use crate::number::{percent, short};
use crate::page::{Section, beside, paragraphs, table};
use crate::plot::curves::{Curve, CurvePlot};
use crate::plot::{Axis, Figure, Ink};
use crate::read::Classes;
use elbo::metric::{RiskCoverage, Selective, variation_ratio};
use maud::{Markup, html};

/// The section.
pub fn section(classes: &Classes) -> Result<Section> {
    let losses: Vec<f64> = (0..classes.labels.len()).map(|i| f64::from(u8::from(!classes.is_right(i)))).collect();
    let selective = Selective::new(&variation_ratio(&classes.probabilities), &losses)?;
    let curve = selective.curve();
    let words = [
        "Leave the examples to a person that the model is least sure of: how many errors remain among the others? The \
         curve should rise from left to right, and the lower it is the better the order of the confidences.",
    ];
    let body = html! { (paragraphs(&words)) (beside(Some(&figure(&selective, &curve)), &levels(&curve))) };
    Ok(Section { id: "selective", title: "Answering only when sure".into(), body })
}

/// The risk of the surest `share` of the examples. Among equally sure examples the order is chance: errors are as
/// frequent in any part of them as in all.
fn at(curve: &[RiskCoverage], share: f64) -> f64 {
    let next = curve.iter().position(|point| point.coverage >= share - 1e-12).unwrap_or(curve.len() - 1);
    let errors = |point: &RiskCoverage| (point.coverage, point.coverage * point.risk);
    let (until, sum) = errors(&curve[next]);
    let (from, before) = next.checked_sub(1).map_or((0.0, 0.0), |last| errors(&curve[last]));
    (before + (share - from) / (until - from) * (sum - before)) / share
}

/// Errors at some coverages.
fn levels(curve: &[RiskCoverage]) -> Markup {
    let row = |share: &f64| vec![percent(*share), percent(at(curve, *share))];
    let rows: Vec<Vec<String>> = [1.0, 0.95, 0.9, 0.8, 0.7, 0.5].iter().map(row).collect();
    table("Errors among the surest examples", &["answered", "wrong among them"], &rows)
}

fn figure(selective: &Selective, curve: &[RiskCoverage]) -> Figure {
    let all = at(curve, 1.0);
    let text = format!(
        "Answering all examples, {} are wrong; the surest 90 %: {}; 80 %: {}; half: {}. The area under the curve is {}, \
         that of a random order {}.",
        percent(all),
        percent(at(curve, 0.9)),
        percent(at(curve, 0.8)),
        percent(at(curve, 0.5)),
        short(selective.aurc()),
        short(all)
    );
    let line = |name: &str, values: Vec<f64>, ink| Curve { name: name.into(), values, ink };
    let curves = vec![
        line("by confidence", curve.iter().map(|point| point.risk).collect(), Ink::Series(0)),
        line("best possible order", curve.iter().map(|point| best(all, point.coverage)).collect(), Ink::Series(2)),
        line("random order", vec![all; curve.len()], Ink::Ideal),
    ];
    let highest = curves.iter().flat_map(|curve| curve.values.iter().copied());
    CurvePlot {
        id: "risk-coverage".into(),
        title: "Risk and coverage".into(),
        x: curve.iter().map(|point| point.coverage).collect(),
        x_axis: Axis::linear("share of the examples that are answered", 0.0, 1.0),
        y_axis: Axis::from_zero("share of errors among them", highest),
        curves,
        noun: "coverages",
    }
    .figure()
    .with_text(text)
}

/// The least risk that any order can have, of a share of errors among all: errors come last.
fn best(all: f64, coverage: f64) -> f64 {
    (1.0 - (1.0 - all) / coverage).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risk_by_hand() {
        let curve = Selective::new(&[0.1, 0.4, 0.2, 0.3], &[0.0, 0.0, 0.0, 1.0]).unwrap().curve();
        let found: Vec<f64> = [0.5, 0.75, 1.0].map(|share| at(&curve, share)).into();
        assert_eq!((found[0], found[2]), (0.0, 0.25));
        assert!((found[1] - 1.0 / 3.0).abs() < 1e-15);
        assert_eq!((best(0.25, 0.75), best(0.25, 1.0)), (0.0, 0.25));
        let tied = Selective::new(&[0.2; 4], &[1.0, 0.0, 1.0, 0.0]).unwrap().curve();
        assert_eq!((tied.len(), at(&tied, 0.3), at(&tied, 1.0)), (1, 0.5, 0.5));
    }
}

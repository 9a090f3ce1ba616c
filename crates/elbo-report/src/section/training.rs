//! How the run was trained.

use crate::number::{counted, percent, short};
use crate::page::{Section, paragraphs, plots};
use crate::plot::curves::{Curve, CurvePlot};
use crate::plot::{Axis, Figure, Ink};
use crate::read::Run;
use elbo::train::EpochReport;
use maud::html;
use std::collections::BTreeSet;

/// The section; `None` before the first epoch.
pub fn section(run: &Run) -> Option<Section> {
    let epochs = run.log.epochs.as_slice();
    let (first, last) = (epochs.first()?, epochs.last()?);
    let mut figures = vec![loss(epochs), divergence(epochs), learning_rate(epochs), kl_weight(epochs)];
    figures.extend(accuracy(epochs));
    let mut words = vec![format!(
        "In {} the loss went from {} to {} nats per example. It is the negative log likelihood ({} at the end) plus the KL \
         divergence from the prior ({} nats) times its weight ({}) over the number of training examples.",
        counted(epochs.len(), "epoch"),
        short(first.loss),
        short(last.loss),
        short(last.nll),
        short(last.kl),
        last.kl_weight
    )];
    words.extend(validation(last));
    if !run.log.interrupted.is_empty() {
        let after: Vec<String> = run.log.interrupted.iter().map(usize::to_string).collect();
        words.push(format!("The run was stopped after epoch {}.", after.join(", ")));
    }
    Some(Section { id: "training", title: "Training".into(), body: html! { (paragraphs(&words)) (plots(&figures)) } })
}

fn validation(last: &EpochReport) -> Option<String> {
    let found = last.validation?;
    let accuracy =
        found.accuracy.map_or(String::new(), |accuracy| format!(" and an accuracy of {}", percent(accuracy)));
    Some(format!(
        "On the part held out for validation the network of posterior means ends with a negative log likelihood of {} \
         nats{accuracy}.",
        short(found.nll)
    ))
}

/// Values of every epoch over its number.
fn over_epochs(
    epochs: &[EpochReport],
    (id, title): (&str, &str),
    y_axis: impl FnOnce(Vec<f64>) -> Axis,
    curves: Vec<Curve>,
) -> Figure {
    let x: Vec<f64> = epochs.iter().map(|epoch| crate::number::count(epoch.epoch)).collect();
    let ends = (epochs.first().map_or(1, |e| e.epoch), epochs.last().map_or(1, |e| e.epoch));
    let y_axis = y_axis(curves.iter().flat_map(|curve| curve.values.iter().copied()).collect());
    let text = curves.iter().map(from_to).collect::<Vec<_>>().join(" ");
    let (id, title) = (id.to_owned(), title.to_owned());
    let x_axis = Axis::whole("epoch", ends.0, ends.1);
    CurvePlot { id, title, x, x_axis, y_axis, curves, noun: "epochs" }.figure().with_text(text)
}

fn curve(name: &str, number: usize, epochs: &[EpochReport], value: impl Fn(&EpochReport) -> f64) -> Curve {
    Curve { name: name.to_owned(), values: epochs.iter().map(value).collect(), ink: Ink::series(number) }
}

/// `loss: from 0.7 to 0.1.`
fn from_to(curve: &Curve) -> String {
    let mut finite = curve.values.iter().copied().filter(|value| value.is_finite());
    match (finite.next(), finite.next_back()) {
        (None, _) => format!("{}: no finite value.", curve.name),
        (Some(only), None) => format!("{}: {}.", curve.name, short(only)),
        (Some(first), Some(last)) if first == last => format!("{}: {} throughout.", curve.name, short(first)),
        (Some(first), Some(last)) => format!("{}: from {} to {}.", curve.name, short(first), short(last)),
    }
}

fn loss(epochs: &[EpochReport]) -> Figure {
    let mut curves = vec![curve("loss", 0, epochs, |e| e.loss), curve("negative log likelihood", 1, epochs, |e| e.nll)];
    if epochs.iter().any(|epoch| epoch.validation.is_some()) {
        let held_out = |e: &EpochReport| e.validation.map_or(f64::NAN, |v| v.nll);
        curves.push(curve("the same on validation", 2, epochs, held_out));
    }
    let title = ("training-loss", "Loss and likelihood");
    over_epochs(epochs, title, |values| Axis::over("nats per example", values), curves)
}

fn divergence(epochs: &[EpochReport]) -> Figure {
    let weights: BTreeSet<&String> = epochs.iter().flat_map(|epoch| epoch.kl_by_weight.keys()).collect();
    let of = |(number, name): (usize, &&String)| {
        curve(name, number, epochs, |e| e.kl_by_weight.get(*name).copied().unwrap_or(f64::NAN))
    };
    let mut curves: Vec<Curve> = weights.iter().enumerate().map(of).collect();
    if curves.is_empty() {
        curves.push(curve("KL", 0, epochs, |e| e.kl));
    }
    let title = ("training-kl", "KL divergence of each weight");
    over_epochs(epochs, title, |values| Axis::log("nats, logarithmic", values), curves)
}

fn learning_rate(epochs: &[EpochReport]) -> Figure {
    let curves = vec![curve("learning rate", 0, epochs, |e| e.learning_rate)];
    over_epochs(epochs, ("training-rate", "Learning rate"), |values| Axis::from_zero("step size", values), curves)
}

fn kl_weight(epochs: &[EpochReport]) -> Figure {
    let curves = vec![curve("KL weight", 0, epochs, |e| e.kl_weight)];
    let title = ("training-temperature", "KL weight (temperature)");
    over_epochs(epochs, title, |values| Axis::from_zero("factor on the divergence", values), curves)
}

fn accuracy(epochs: &[EpochReport]) -> Option<Figure> {
    let value = |e: &EpochReport| e.validation.and_then(|v| v.accuracy).unwrap_or(f64::NAN);
    epochs.iter().any(|epoch| value(epoch).is_finite()).then(|| {
        let curves = vec![curve("accuracy", 0, epochs, value)];
        let axis = |values| Axis::over("share of the examples", values);
        over_epochs(epochs, ("training-accuracy", "Accuracy on validation"), axis, curves)
    })
}

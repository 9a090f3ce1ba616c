//! Examples to look at: the most uncertain, and the most confidently wrong.

use crate::number::{percent, shortened};
use crate::page::{Section, remark};
use crate::plot::series::series;
use crate::read::{Classes, Run, TestSeries};
use crate::section::largest::largest;
use elbo::data::Dataset;
use maud::{Markup, html};

/// Classes of an example.
const CLASSES: usize = 5;

/// The section.
pub fn section(run: &Run, classes: &Classes) -> Section {
    let all = || (0..classes.labels.len()).collect::<Vec<_>>();
    let uncertain = largest(all(), |i| classes.entropy[i]);
    let wrong = all().into_iter().filter(|&i| !classes.is_right(i)).collect();
    let wrong = largest(wrong, |i| classes.probabilities.confidence(i));
    let body = html! {
        @match &run.series {
            TestSeries::Found(data) => {
                h3 { "The most uncertain" }
                (cards("uncertain", data, classes, &uncertain))
                h3 { "The most confidently wrong" }
                @if wrong.is_empty() { p { "No test example is predicted wrong." } }
                @else { (cards("wrong", data, classes, &wrong)) }
                (remark("Series are drawn as they were read, before scaling. Blue is the true class, orange a wrong one that was predicted."))
            }
            TestSeries::Missing(reason) => p { "The series themselves cannot be shown: " (reason) "." }
        }
    };
    Section { id: "examples", title: "Examples".into(), body }
}

fn cards(kind: &str, data: &Dataset, classes: &Classes, chosen: &[usize]) -> Markup {
    html! { div class="plots" { @for &i in chosen { (card(kind, data, classes, i)) } } }
}

fn card(kind: &str, data: &Dataset, classes: &Classes, i: usize) -> Markup {
    let name = |class: usize| shortened(&classes.names[class], 24);
    let (label, taken) = (classes.labels[i], classes.probabilities.predicted(i));
    let odds = classes.probabilities.row(i);
    let text = format!(
        "True class {} with probability {}; predicted class {} with probability {}.",
        name(label),
        percent(odds[label]),
        name(taken),
        percent(odds[taken])
    );
    let title = format!("Example {}", shortened(&classes.ids[i], 24));
    let figure = series((&format!("example-{kind}-{i}"), &title), &data.examples[i].values, data.channels);
    figure.with_text(text).html_with(&probabilities(classes, i))
}

/// The probabilities of an example as bars: the largest, and that of the true class.
fn probabilities(classes: &Classes, i: usize) -> Markup {
    let odds = classes.probabilities.row(i);
    let mut order: Vec<usize> = (0..odds.len()).collect();
    order.sort_by(|&a, &b| odds[b].total_cmp(&odds[a]));
    let (label, taken) = (classes.labels[i], classes.probabilities.predicted(i));
    let place = order.iter().position(|&class| class == label).unwrap_or(0);
    let kept = order.iter().enumerate().filter(|&(n, _)| n < CLASSES || n == place).map(|(_, &class)| class);
    html! {
        dl class="odds" {
            @for class in kept {
                dt { (shortened(&classes.names[class], 24)) @if class == label { " ✓" } }
                dd class=(kind(class, label, taken)) {
                    div class="track" { div class="fill" style=(format!("width:{:.1}%", 100.0 * odds[class])) {} }
                }
                dd { (percent(odds[class])) }
            }
        }
    }
}

fn kind(class: usize, label: usize, taken: usize) -> &'static str {
    match class {
        _ if class == label => "true",
        _ if class == taken => "taken",
        _ => "other",
    }
}

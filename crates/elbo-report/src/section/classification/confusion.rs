//! Which classes are taken for which.

use crate::number::{count, grouped, percent};
use crate::page::{Section, beside, table};
use crate::plot::matrix::matrix;
use crate::read::Classes;
use maud::html;

/// The most classes of a drawn matrix.
const MOST_CLASSES: usize = 40;
/// The most confusions that are listed.
const MOST_LISTED: usize = 10;

/// The section.
pub fn section(classes: &Classes) -> Section {
    let counts = counts(classes);
    let figure = (classes.names.len() <= MOST_CLASSES).then(|| {
        matrix(("confusion-matrix", "Confusion matrix"), &classes.names, &counts).with_text(text(classes, &counts))
    });
    let rows: Vec<Vec<String>> =
        (0..classes.names.len()).map(|class| row(&classes.names[class], class, &counts)).collect();
    let listed = confusions(classes, &counts);
    let tables = html! {
        (table("Classes", &["class", "test examples", "found (recall)", "right when named (precision)"], &rows))
        @if !listed.is_empty() {
            (table("The most frequent confusions", &["true class", "taken for", "test examples"], &listed))
        }
    };
    let body = beside(figure.as_ref(), &tables);
    Section { id: "confusion", title: "Classes and confusions".into(), body }
}

/// `[true, predicted]`
fn counts(classes: &Classes) -> Vec<Vec<usize>> {
    let mut counts = vec![vec![0; classes.names.len()]; classes.names.len()];
    for (i, &label) in classes.labels.iter().enumerate() {
        counts[label][classes.probabilities.predicted(i)] += 1;
    }
    counts
}

fn text(classes: &Classes, counts: &[Vec<usize>]) -> String {
    let right: usize = (0..counts.len()).map(|class| counts[class][class]).sum();
    let wrong = classes.labels.len() - right;
    format!(
        "{} right, on the diagonal, and {} wrong. A cell is as strong in colour as its share of the true class.",
        grouped(right),
        grouped(wrong)
    )
}

fn row(name: &str, class: usize, counts: &[Vec<usize>]) -> Vec<String> {
    let (all, hits) = (counts[class].iter().sum::<usize>(), counts[class][class]);
    let named: usize = counts.iter().map(|line| line[class]).sum();
    let share = |of: usize| if of == 0 { "–".into() } else { percent(count(hits) / count(of)) };
    vec![name.to_owned(), grouped(all), share(all), share(named)]
}

fn confusions(classes: &Classes, counts: &[Vec<usize>]) -> Vec<Vec<String>> {
    let pairs = (0..counts.len()).flat_map(|a| (0..counts.len()).map(move |b| (a, b)));
    let mut wrong: Vec<(usize, usize)> = pairs.filter(|&(a, b)| a != b && counts[a][b] > 0).collect();
    wrong.sort_by_key(|&(a, b)| core::cmp::Reverse(counts[a][b]));
    let name = |class: usize| classes.names[class].clone();
    wrong.into_iter().take(MOST_LISTED).map(|(a, b)| vec![name(a), name(b), grouped(counts[a][b])]).collect()
}

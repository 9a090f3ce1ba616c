//! A confusion matrix: true classes down, predicted ones across.

use super::{Axis, Figure, Ink, Key, Size, Table};
use crate::number::{count, grouped, percent, shortened};

/// Up to so many classes the cells have their counts in them.
const WITH_COUNTS: usize = 10;

/// The figure of a matrix `[K, K]` of counts, rows by true class.
pub fn matrix((id, title): (&str, &str), names: &[String], counts: &[Vec<usize>]) -> Figure {
    let classes = names.len();
    let short_names: Vec<String> = names.iter().map(|name| shortened(name, 9)).collect();
    // The first class is at the top.
    let down: Vec<String> = short_names.iter().rev().cloned().collect();
    let axes = (Axis::names("predicted class", &short_names), Axis::names("true class", &down));
    let table = Table::new(["true class", "predicted class", "test examples", "share of the true class"]);
    let place = |row: usize| count(classes - 1 - row);
    Figure::new((id, title), Size::SQUARE, axes, table, |canvas, table| {
        for (row, line) in counts.iter().enumerate() {
            let total = count(line.iter().sum::<usize>().max(1));
            for (column, &n) in line.iter().enumerate() {
                let (x, y, share) = (count(column), place(row), count(n) / total);
                let ink = if row == column { Ink::Right } else { Ink::Wrong };
                if n > 0 {
                    let (low, high) = ((x - 0.47, y - 0.47), (x + 0.47, y + 0.47));
                    canvas.rectangle(low, high, ink, 0.08 + 0.5 * share);
                }
                if classes <= WITH_COUNTS {
                    canvas.text(&grouped(n), (x, y));
                }
                if n > 0 || classes <= WITH_COUNTS {
                    let cells = [names[row].clone(), names[column].clone(), grouped(n), percent(share)];
                    table.row(cells, [canvas.mark(x, y)]);
                }
            }
        }
    })
    .with_key(Key::Nearest)
}

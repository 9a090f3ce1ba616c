//! Estimates with intervals, one below the other.

use super::{Axis, Figure, Ink, Key, Size, Table};
use crate::number::{count, ends, shortened, value};
use elbo::metric::Estimate;

/// The figure of one estimate for each name; `line` is a value to compare with, `first` the number of the first series.
pub fn whiskers(
    (id, title): (&str, &str),
    value_title: &str,
    estimates: &[(String, Estimate)],
    (line, first): (Option<f64>, usize),
) -> Figure {
    let names: Vec<String> = estimates.iter().rev().map(|(name, _)| shortened(name, 14)).collect();
    let values = estimates.iter().flat_map(|(_, e)| [e.low, e.value, e.high]).chain(line);
    let axes = (Axis::over(value_title, values), Axis::names("", &names));
    let size = Size { height: 64.0 + 24.0 * count(estimates.len()), ..Size::PLOT };
    let table = Table::new(["run", value_title, "95 % interval"]);
    Figure::new((id, title), size, axes, table, |canvas, table| {
        if let Some(x) = line {
            canvas.line(&[(x, -0.5), (x, count(estimates.len()) - 0.5)], Ink::Ideal, 1.4);
        }
        for (number, (name, estimate)) in estimates.iter().enumerate() {
            let y = count(estimates.len() - 1 - number);
            if estimate.has_interval() {
                canvas.line(&[(estimate.low, y), (estimate.high, y)], Ink::Band, 4.0);
            }
            canvas.dot((estimate.value, y), 3.6, Ink::series(first + number));
            let cells = [name.clone(), value(estimate), ends(estimate)];
            table.row(cells, [canvas.mark(estimate.value, y)]);
        }
    })
    .with_key(Key::Nearest)
}

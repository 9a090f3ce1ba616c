//! Bars of named things, across.

use super::{Axis, Figure, Ink, Key, Size, Table};
use crate::number::{count, shortened};

/// The figure of one value for each name, from zero; `text` writes a value down.
pub fn bars(
    (id, title): (&str, &str),
    (what, value_title): (&str, &str),
    values: &[(String, f64)],
    text: impl Fn(f64) -> String,
) -> Figure {
    let names: Vec<String> = values.iter().rev().map(|(name, _)| shortened(name, 16)).collect();
    let axes = (Axis::from_zero(value_title, values.iter().map(|(_, x)| *x)), Axis::names("", &names));
    let size = Size { height: 60.0 + 26.0 * count(values.len()), ..Size::PLOT };
    Figure::new((id, title), size, axes, Table::new([what, value_title]), |canvas, table| {
        for (number, (name, value)) in values.iter().enumerate() {
            let y = count(values.len() - 1 - number);
            canvas.rectangle((0.0, y - 0.32), (*value, y + 0.32), Ink::Series(0), 0.85);
            table.row([name.clone(), text(*value)], [canvas.mark(*value, y)]);
        }
    })
    .with_key(Key::Nearest)
}

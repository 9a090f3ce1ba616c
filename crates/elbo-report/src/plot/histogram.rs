//! Counts in bins, one or two kinds on top of each other.

use super::{Axis, Figure, Ink, Mark, Size, Table};
use crate::number::{count, grouped, short};

/// What a histogram is made of.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Unique on the page.
    pub id: String,
    /// What it is.
    pub title: String,
    /// The x axis.
    pub x_axis: Axis,
    /// What is counted: `test examples`.
    pub counted: String,
    /// Ends of the bins, one more than there are bins.
    pub edges: Vec<f64>,
    /// Counts by kind, the lowest first.
    pub kinds: Vec<(String, Ink, Vec<usize>)>,
    /// A range of counts that is expected, and the level of its legend.
    pub expected: Option<(f64, f64, String)>,
    /// A vertical line.
    pub line: Option<(f64, String)>,
}

impl Histogram {
    /// Draws it.
    pub fn figure(self) -> Figure {
        let bins = self.edges.len().saturating_sub(1);
        let total = |bin: usize| count(self.kinds.iter().map(|(_, _, counts)| counts[bin]).sum());
        let tops = (0..bins).map(total).chain(self.expected.iter().map(|(_, high, _)| *high));
        let y_axis = Axis::from_zero(&self.counted, tops);
        let y_high = y_axis.high();
        let columns = ["from", "to"].map(str::to_owned).into_iter();
        let table = Table::new(columns.chain(self.kinds.iter().map(|(name, _, _)| name.clone())));
        let axes = (self.x_axis.clone(), y_axis);
        let figure = Figure::new((&self.id, &self.title), Size::PLOT, axes, table, |canvas, table| {
            let ends = self.edges.first().copied().zip(self.edges.last().copied());
            let expected = ends.zip(self.expected.as_ref());
            if let Some(((first, last), (low, high, _))) = expected {
                canvas.band(&[(first, *low, *high), (last, *low, *high)], Ink::Band);
            }
            for bin in 0..bins {
                let (from, to) = (self.edges[bin], self.edges[bin + 1]);
                let mut floor = 0.0;
                for (_, ink, counts) in &self.kinds {
                    let height = count(counts[bin]);
                    if height > 0.0 {
                        canvas.rectangle((from, floor), (to, floor + height), *ink, 0.85);
                    }
                    floor += height;
                }
                let cells = [short(from), short(to)].into_iter();
                let cells = cells.chain(self.kinds.iter().map(|(_, _, counts)| grouped(counts[bin])));
                table.row(cells, [canvas.mark(0.5 * (from + to), floor)]);
            }
            // The ends of the range are seen through the bars.
            if let Some(((first, last), (low, high, _))) = expected {
                for y in [*low, *high] {
                    canvas.line(&[(first, y), (last, y)], Ink::Ideal, 1.0);
                }
            }
            if let Some((x, _)) = self.line {
                canvas.line(&[(x, 0.0), (x, y_high)], Ink::Ideal, 1.4);
            }
        });
        figure.with_legend(self.legend())
    }

    fn legend(&self) -> Vec<(Mark, Ink, String)> {
        let kinds = self.kinds.iter().map(|(name, ink, _)| (Mark::Area, *ink, name.clone()));
        let expected = self.expected.iter().map(|(_, _, text)| (Mark::Area, Ink::Band, text.clone()));
        let line = self.line.iter().map(|(_, text)| (Mark::Line, Ink::Ideal, text.clone()));
        let all: Vec<_> = kinds.chain(expected).chain(line).collect();
        if all.len() > 1 { all } else { Vec::new() }
    }
}

/// Equal bins from `low` to `high`; what lies beyond an end is counted in the last bin there.
pub fn binned(values: impl IntoIterator<Item = f64>, low: f64, high: f64, bins: usize) -> Vec<usize> {
    let mut counts = vec![0; bins];
    for value in values.into_iter().filter(|value| !value.is_nan()) {
        counts[bin(value, low, high, bins)] += 1;
    }
    counts
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative, and capped
fn bin(value: f64, low: f64, high: f64, bins: usize) -> usize {
    let place = (value - low) / (high - low) * count(bins);
    (place.max(0.0) as usize).min(bins - 1)
}

/// The ends of equal bins.
pub fn edges(low: f64, high: f64, bins: usize) -> Vec<f64> {
    (0..=bins).map(|i| low + (high - low) * count(i) / count(bins)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_values_are_counted() {
        let values = [-5.0, 0.0, 0.24, 0.25, 0.99, 1.0, 7.0, f64::NAN];
        assert_eq!(binned(values, 0.0, 1.0, 4), [3, 1, 0, 3]);
        assert_eq!(edges(0.0, 1.0, 4), [0.0, 0.25, 0.5, 0.75, 1.0]);
    }
}

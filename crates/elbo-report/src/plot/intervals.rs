//! Points with intervals against a line: reliability diagrams, coverage.

use super::{Axis, Figure, Ink, Key, Mark, Size, Table};
use crate::number::short;

/// One point with its interval.
#[derive(Clone, Debug)]
pub struct Held {
    /// Where it is.
    pub x: f64,
    /// Its value.
    pub y: f64,
    /// Ends of the interval of y.
    pub interval: (f64, f64),
    /// How much stands behind it, 0 to 1: the more, the larger it is drawn.
    pub weight: f64,
    /// What else the table tells about it.
    pub more: String,
}

/// What the figure is made of.
#[derive(Clone, Debug)]
pub struct Intervals {
    /// Unique on the page.
    pub id: String,
    /// What it is.
    pub title: String,
    /// The axes.
    pub axes: (Axis, Axis),
    /// The points.
    pub points: Vec<Held>,
    /// Name of the points, of the interval, of the diagonal and of the last column of the table.
    pub names: [String; 4],
}

impl Intervals {
    /// Draws it, with the diagonal.
    pub fn figure(self) -> Figure {
        let [point, interval, diagonal, more] = &self.names;
        let columns = [self.axes.0.title.clone(), self.axes.1.title.clone(), interval.clone(), more.clone()];
        let low = self.axes.0.low().max(self.axes.1.low());
        let high = self.axes.0.high().min(self.axes.1.high());
        let axes = self.axes.clone();
        let figure = Figure::new((&self.id, &self.title), Size::SQUARE, axes, Table::new(columns), |canvas, table| {
            canvas.line(&[(low, low), (high, high)], Ink::Ideal, 1.4);
            for held in &self.points {
                canvas.line(&[(held.x, held.interval.0), (held.x, held.interval.1)], Ink::Band, 4.0);
            }
            for held in &self.points {
                canvas.dot((held.x, held.y), 2.2 + 3.2 * held.weight.sqrt(), Ink::Series(0));
                let (low, high) = held.interval;
                let ends = format!("{} to {}", short(low), short(high));
                table.row([short(held.x), short(held.y), ends, held.more.clone()], [canvas.mark(held.x, held.y)]);
            }
        });
        let legend = [
            (Mark::Dot, Ink::Series(0), point.clone()),
            (Mark::Area, Ink::Band, interval.clone()),
            (Mark::Line, Ink::Ideal, diagonal.clone()),
        ];
        figure.with_legend(legend).with_key(Key::Nearest)
    }
}

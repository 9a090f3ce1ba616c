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
    pub interval: [f64; 2],
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
    /// What the points are compared with: one value, or the diagonal.
    pub level: Option<f64>,
    /// Name of the points, of the interval, of what they are compared with and of the last column of the table.
    pub names: [String; 4],
}

impl Intervals {
    /// Draws it, with the line.
    pub fn figure(self) -> Figure {
        let [point, interval, line, more] = &self.names;
        let columns = [self.axes.0.title.clone(), self.axes.1.title.clone(), interval.clone(), more.clone()];
        let (x, y) = &self.axes;
        let (low, high) = (x.low().max(y.low()), x.high().min(y.high()));
        let (ends, size) = match self.level {
            Some(level) => ([(x.low(), level), (x.high(), level)], Size::PLOT),
            None => ([(low, low), (high, high)], Size::SQUARE),
        };
        let axes = self.axes.clone();
        let figure = Figure::new((&self.id, &self.title), size, axes, Table::new(columns), |canvas, table| {
            canvas.line(&ends, Ink::Ideal, 1.4);
            for held in &self.points {
                let [low, high] = held.interval;
                canvas.line(&[(held.x, low), (held.x, high)], Ink::Band, 4.0);
            }
            for held in &self.points {
                canvas.dot((held.x, held.y), 2.2 + 3.2 * held.weight.sqrt(), Ink::Series(0));
                let [low, high] = held.interval;
                let ends = format!("{} to {}", short(low), short(high));
                table.row([short(held.x), short(held.y), ends, held.more.clone()], [canvas.mark(held.x, held.y)]);
            }
        });
        let legend = [
            (Mark::Dot, Ink::Series(0), point.clone()),
            (Mark::Area, Ink::Band, interval.clone()),
            (Mark::Line, Ink::Ideal, line.clone()),
        ];
        figure.with_legend(legend).with_key(Key::Nearest)
    }
}

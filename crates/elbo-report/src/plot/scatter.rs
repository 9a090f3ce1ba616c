//! Points of one or two kinds.

use super::{Axis, Figure, Ink, Key, MOST_POINTS, Mark, Size, Table, thinning_note};
use crate::number::thinned;

/// One point.
#[derive(Clone, Debug)]
pub struct Point {
    /// Where it is.
    pub x: f64,
    /// Where it is.
    pub y: f64,
    /// Ends of a vertical interval.
    pub interval: Option<(f64, f64)>,
    /// Whether it is of the second kind, drawn as a triangle and over the others.
    pub is_marked: bool,
    /// Its row in the table.
    pub cells: Vec<String>,
}

/// What a figure of points is made of.
#[derive(Clone, Debug)]
pub struct Scatter {
    /// Unique on the page.
    pub id: String,
    /// What it is.
    pub title: String,
    /// Size of the drawing.
    pub size: Size,
    /// The axes.
    pub axes: (Axis, Axis),
    /// The points.
    pub points: Vec<Point>,
    /// Columns of the table.
    pub columns: Vec<String>,
    /// Names of the two kinds.
    pub kinds: [(String, Ink); 2],
    /// A line to compare with, and its name.
    pub line: Option<(Vec<(f64, f64)>, String)>,
    /// Name of the intervals.
    pub interval: Option<String>,
}

impl Scatter {
    /// Draws it. Points of the second kind are fewer: all of them stay when points are left out, as far as they may.
    pub fn figure(self) -> Figure {
        let (marked, others): (Vec<usize>, Vec<usize>) =
            (0..self.points.len()).partition(|&i| self.points[i].is_marked);
        let marked_kept: Vec<usize> = thinned(marked.len(), MOST_POINTS / 2).into_iter().map(|i| marked[i]).collect();
        let room = MOST_POINTS - marked_kept.len();
        let mut chosen: Vec<usize> = thinned(others.len(), room).into_iter().map(|i| others[i]).collect();
        chosen.extend(marked_kept);
        let table = Table::new(self.columns.iter().cloned());
        let figure = Figure::new((&self.id, &self.title), self.size, self.axes.clone(), table, |canvas, table| {
            if let Some((line, _)) = &self.line {
                canvas.line(line, Ink::Ideal, 1.4);
            }
            for &i in &chosen {
                if let Some((low, high)) = self.points[i].interval {
                    canvas.line(&[(self.points[i].x, low), (self.points[i].x, high)], Ink::Band, 1.6);
                }
            }
            for &i in &chosen {
                let point = &self.points[i];
                match point.is_marked {
                    true => canvas.triangle((point.x, point.y), 3.6, self.kinds[1].1),
                    false => canvas.dot((point.x, point.y), 2.6, self.kinds[0].1),
                }
                table.row(point.cells.iter().cloned(), [canvas.mark(point.x, point.y)]);
            }
        });
        let note = thinning_note(chosen.len(), self.points.len(), "points");
        figure.with_legend(self.legend(!marked.is_empty())).with_note(note).with_key(Key::Nearest)
    }

    fn legend(&self, has_marked: bool) -> Vec<(Mark, Ink, String)> {
        let [first, second] = &self.kinds;
        let mut legend = vec![(Mark::Dot, first.1, first.0.clone())];
        legend.extend(has_marked.then(|| (Mark::Triangle, second.1, second.0.clone())));
        legend.extend(self.interval.iter().map(|text| (Mark::Area, Ink::Band, text.clone())));
        legend.extend(self.line.iter().map(|(_, text)| (Mark::Line, Ink::Ideal, text.clone())));
        legend
    }
}

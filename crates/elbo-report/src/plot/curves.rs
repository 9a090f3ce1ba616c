//! Curves over a common x: training curves, risk over coverage.

use super::{Axis, Figure, Ink, MOST_POINTS, Mark, Size, Table, thinning_note};
use crate::number::{short, thinned};

/// One curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name, for legend and table.
    pub name: String,
    /// Its values, one for each x; not a number where there is none.
    pub values: Vec<f64>,
    /// What it is drawn in.
    pub ink: Ink,
}

/// What a figure of curves is made of.
#[derive(Clone, Debug)]
pub struct CurvePlot {
    /// Unique on the page.
    pub id: String,
    /// What it is.
    pub title: String,
    /// Common places.
    pub x: Vec<f64>,
    /// The x axis.
    pub x_axis: Axis,
    /// The y axis.
    pub y_axis: Axis,
    /// The curves, the first one on top.
    pub curves: Vec<Curve>,
    /// What a place is: for the remark where some are left out.
    pub noun: &'static str,
}

impl CurvePlot {
    /// Draws them.
    pub fn figure(self) -> Figure {
        let chosen = thinned(self.x.len(), MOST_POINTS);
        let names = self.curves.iter().map(|curve| curve.name.clone());
        let table = Table::new([self.x_axis.title.clone()].into_iter().chain(names));
        let axes = (self.x_axis.clone(), self.y_axis.clone());
        let figure = Figure::new((&self.id, &self.title), Size::PLOT, axes, table, |canvas, table| {
            for curve in self.curves.iter().rev() {
                let points: Vec<_> = chosen.iter().map(|&i| (self.x[i], curve.values[i])).collect();
                canvas.line(&points, curve.ink, 1.8);
            }
            for &i in &chosen {
                let values: Vec<f64> = self.curves.iter().map(|curve| curve.values[i]).collect();
                let cells = [self.x[i]].into_iter().chain(values.iter().copied());
                let cells = cells.map(|x| if x.is_nan() { "–".to_owned() } else { short(x) });
                let finite = values.iter().filter(|y| y.is_finite());
                table.row(cells, finite.map(|&y| canvas.mark(self.x[i], y)).collect::<Vec<_>>());
            }
        });
        let legend = self.curves.iter().map(|curve| (Mark::Line, curve.ink, curve.name.clone()));
        let legend: Vec<_> = if self.curves.len() > 1 { legend.collect() } else { Vec::new() };
        figure.with_legend(legend).with_note(thinning_note(chosen.len(), self.x.len(), self.noun))
    }
}

//! A series and what was forecast of it: means and intervals, from some rows on.

use super::{Axis, Figure, Ink, MOST_POINTS, Mark, Size, Table, thinning_note};
use crate::number::{count, short, thinned};
use std::ops::Range;

/// A forecast from one row on.
#[derive(Clone, Debug)]
pub struct Fan {
    /// The first row that is forecast.
    pub origin: usize,
    /// Mean, lower and upper end of the interval of this row and of those that follow.
    pub steps: Vec<[f64; 3]>,
}

/// What a figure of forecasts is made of.
#[derive(Clone, Debug)]
pub struct FanPlot {
    /// Unique on the page.
    pub id: String,
    /// What it is.
    pub title: String,
    /// Size of the drawing.
    pub size: Size,
    /// What is forecast, for the y axis.
    pub variable: String,
    /// The rows that are shown.
    pub rows: Range<usize>,
    /// What was observed in these rows; not a number where nothing was.
    pub observed: Vec<f64>,
    /// Their times.
    pub times: Vec<String>,
    /// Forecasts that share no row, in the order of time.
    pub fans: Vec<Fan>,
}

impl FanPlot {
    /// Draws it.
    pub fn figure(self) -> Figure {
        let columns = ["time", self.variable.as_str(), "forecast", "90 % interval"];
        let ends = self.fans.iter().flat_map(|fan| fan.steps.iter().flatten()).copied();
        let last = self.rows.end.saturating_sub(1);
        let x = Axis::times("", (self.rows.start, last), |t| self.times[t - self.rows.start].clone());
        let y = Axis::over(&self.variable, self.observed.iter().copied().chain(ends));
        let chosen: Vec<usize> =
            thinned(self.rows.len(), MOST_POINTS).into_iter().map(|i| self.rows.start + i).collect();
        let note = thinning_note(chosen.len(), self.rows.len(), "rows");
        let figure = Figure::new((&self.id, &self.title), self.size, (x, y), Table::new(columns), |canvas, table| {
            for fan in &self.fans {
                canvas.band(&self.edge(fan), Ink::Band);
            }
            let line: Vec<_> = self.rows.clone().map(|t| (count(t), self.seen(t))).collect();
            canvas.line(&line, Ink::Series(0), 1.8);
            for fan in &self.fans {
                let start = self.edge(fan).into_iter().take(usize::from(self.joins(fan))).map(|(x, y, _)| (x, y));
                let steps = (fan.origin..).zip(&fan.steps).map(|(t, [mean, ..])| (count(t), *mean));
                canvas.line(&start.chain(steps).collect::<Vec<_>>(), Ink::Series(2), 1.8);
            }
            for t in self.rows.clone().filter(|&t| self.is_outside(t)) {
                canvas.triangle((count(t), self.seen(t)), 3.2, Ink::Wrong);
            }
            for &t in &chosen {
                let (seen, said) = (self.seen(t), self.said(t));
                let cells = [self.times[t - self.rows.start].clone(), number(seen)];
                let interval =
                    said.map_or("–".to_owned(), |[_, low, high]| format!("{} to {}", short(low), short(high)));
                let cells = cells.into_iter().chain([number(said.map_or(f64::NAN, |[mean, ..]| mean)), interval]);
                let places = [seen, said.map_or(f64::NAN, |[mean, ..]| mean)];
                let at = places.into_iter().filter(|y| y.is_finite()).map(|y| canvas.mark(count(t), y));
                table.row(cells, at.collect::<Vec<_>>());
            }
        });
        figure.with_legend(self.legend()).with_note(note)
    }

    /// What was observed in row `t`.
    fn seen(&self, t: usize) -> f64 {
        self.observed[t - self.rows.start]
    }

    /// What was said of row `t`.
    fn said(&self, t: usize) -> Option<[f64; 3]> {
        self.fans.iter().find_map(|fan| fan.steps.get(t.checked_sub(fan.origin)?).copied())
    }

    fn is_outside(&self, t: usize) -> bool {
        self.said(t).is_some_and(|[_, low, high]| self.seen(t) < low || self.seen(t) > high)
    }

    /// Whether the value before a forecast is shown: the fan opens there.
    fn joins(&self, fan: &Fan) -> bool {
        fan.origin > self.rows.start && self.seen(fan.origin - 1).is_finite()
    }

    /// Row, lower and upper end; from the value before on if it is shown.
    fn edge(&self, fan: &Fan) -> Vec<(f64, f64, f64)> {
        let start = self.joins(fan).then(|| {
            let value = self.seen(fan.origin - 1);
            (count(fan.origin - 1), value, value)
        });
        let steps = (fan.origin..).zip(&fan.steps).map(|(t, &[_, low, high])| (count(t), low, high));
        start.into_iter().chain(steps).collect()
    }

    fn legend(&self) -> Vec<(Mark, Ink, String)> {
        let outside = self.rows.clone().any(|t| self.is_outside(t));
        let mut legend = vec![
            (Mark::Line, Ink::Series(0), "observed".to_owned()),
            (Mark::Line, Ink::Series(2), "forecast".to_owned()),
            (Mark::Area, Ink::Band, "90 % interval".to_owned()),
        ];
        legend.extend(outside.then(|| (Mark::Triangle, Ink::Wrong, "outside".to_owned())));
        legend
    }
}

fn number(x: f64) -> String {
    if x.is_nan() { "–".to_owned() } else { short(x) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fan_opens_at_the_last_value_that_was_seen() {
        let plot = FanPlot {
            id: "f".into(),
            title: "F".into(),
            size: Size::PLOT,
            variable: "x".into(),
            rows: 4..8,
            observed: vec![1.0, 2.0, 9.0, f64::NAN],
            times: (4..8).map(|t| format!("t{t}")).collect(),
            fans: vec![Fan { origin: 6, steps: vec![[3.0, 2.5, 3.5], [4.0, 3.0, 5.0]] }],
        };
        assert_eq!(plot.edge(&plot.fans[0]), [(5.0, 2.0, 2.0), (6.0, 2.5, 3.5), (7.0, 3.0, 5.0)]);
        assert!(plot.is_outside(6) && !plot.is_outside(7) && !plot.is_outside(5));
        let table = plot.figure().table;
        assert_eq!(table.rows[2].cells, ["t6", "9", "3", "2.500 to 3.500"]);
        assert_eq!((table.rows[3].cells[1].as_str(), table.rows[1].cells[2].as_str()), ("–", "–"));
    }
}

//! The series that was forecast, row by row.

use super::{Horizon, TestSeries};
use elbo::data::{TimeSeries, read_series};
use elbo::run::DataSource;

/// Rows of V variables, and where forecasts begin.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The time of every row `[T]`; empty where it is not known.
    pub times: Vec<String>,
    /// What was observed `[T, V]`, row-major; `NaN` where nothing was.
    pub values: Vec<f64>,
    /// V.
    pub variables: usize,
    /// The first row of every forecast `[N]`, ascending.
    pub origins: Vec<usize>,
}

impl Observed {
    /// The whole series if the run's data are still there and unchanged; else the rows that the predictions tell of.
    pub fn read(source: &DataSource, series: &TestSeries, horizon: &Horizon) -> Self {
        let DataSource::Series { series: path, columns, .. } = source else { return Self::told(horizon) };
        let whole = match series {
            TestSeries::Found(_) => read_series(path, columns).ok(),
            TestSeries::Missing(_) => None,
        };
        whole.and_then(|whole| Self::of(&whole, horizon)).unwrap_or_else(|| Self::told(horizon))
    }

    /// Forecasts placed by their times; `None` if one has no row.
    fn of(series: &TimeSeries, horizon: &Horizon) -> Option<Self> {
        let mut origins = Vec::with_capacity(horizon.len());
        let mut row = 0;
        for id in &horizon.ids {
            row += series.times[row..].iter().position(|time| time == id)?;
            origins.push(row);
        }
        let values = (0..series.len()).flat_map(|t| series.target_row(t)).copied().collect();
        Some(Self { times: series.times.clone(), values, variables: series.targets, origins })
    }

    /// Forecasts placed by what is true in them: the next one begins at the first row at which both agree on all rows
    /// that they share.
    fn told(horizon: &Horizon) -> Self {
        let (width, variables) = (horizon.steps * horizon.variables.len(), horizon.variables.len());
        let truth = |n: usize| &horizon.values.targets[n * width..(n + 1) * width];
        let agree = |n: usize, shift: usize| truth(n - 1)[shift * variables..] == truth(n)[..width - shift * variables];
        let mut observed = Self { times: Vec::new(), values: Vec::new(), variables, origins: Vec::new() };
        for n in 0..horizon.len() {
            let shift = |n| (1..horizon.steps).find(|&shift| agree(n, shift)).unwrap_or(horizon.steps);
            let origin = observed.origins.last().map_or(0, |last| last + shift(n));
            let known = observed.times.len() - origin.min(observed.times.len());
            observed.values.extend(&truth(n)[known * variables..]);
            observed.times.resize(origin + horizon.steps, String::new());
            observed.times[origin].clone_from(&horizon.ids[n]);
            observed.origins.push(origin);
        }
        observed
    }

    /// Variable `v` at row `t`.
    pub fn value(&self, t: usize, v: usize) -> f64 {
        self.values[t * self.variables + v]
    }

    /// The last value of variable `v` that was observed before forecast `n`; not a number where none is known.
    pub fn before(&self, n: usize, v: usize) -> f64 {
        let rows = (0..self.origins[n]).rev();
        rows.map(|t| self.value(t, v)).find(|value| !value.is_nan()).unwrap_or(f64::NAN)
    }

    /// What the seasonal naive forecast says of variable `v` at step `h` of forecast `n`, counted from 0: the value of the last
    /// `period` rows that is repeated there. Not a number where it is not known.
    pub fn a_season_before(&self, n: usize, h: usize, v: usize, period: usize) -> f64 {
        let row = (self.origins[n] + h % period).checked_sub(period);
        row.map_or(f64::NAN, |t| self.value(t, v))
    }

    /// The time of row `t`, or its number from 1.
    pub fn time(&self, t: usize) -> String {
        if self.times[t].is_empty() { format!("row {}", t + 1) } else { self.times[t].clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Reals;

    fn horizon(ids: &[&str], targets: &[f64]) -> Horizon {
        let values = Reals { targets: targets.to_vec(), ..Reals::default() };
        Horizon { variables: vec!["x".into()], steps: 3, ids: ids.iter().map(|&id| id.into()).collect(), values }
    }

    #[test]
    fn rows_are_told_by_what_is_true_in_the_forecasts() {
        // The second begins a row later, the third after a gap.
        let told = Observed::told(&horizon(&["a", "b", "f"], &[1.0, 2.0, 3.0, 2.0, 3.0, 4.0, 7.0, 8.0, 9.0]));
        assert_eq!(told.values, [1.0, 2.0, 3.0, 4.0, 7.0, 8.0, 9.0]);
        assert_eq!((told.origins.as_slice(), told.time(1), told.time(2)), (&[0, 1, 4][..], "b".into(), "row 3".into()));
    }

    #[test]
    fn rows_are_found_by_their_times() {
        let times: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).into();
        let (name, variables) = ("s".to_owned(), vec!["x".to_owned(), "price".to_owned()]);
        let values = vec![1.0, 9.0, 2.0, 9.0, 3.0, 9.0, 4.0, 9.0];
        let series = TimeSeries { name, times, variables, targets: 1, values };
        let found = Observed::of(&series, &horizon(&["b"], &[2.0, 3.0, 4.0])).unwrap();
        assert_eq!((found.origins.as_slice(), found.value(3, 0)), (&[1][..], 4.0));
        assert!(Observed::of(&series, &horizon(&["z"], &[2.0, 3.0, 4.0])).is_none());
        let gap = Observed { values: vec![1.0, f64::NAN, 3.0, 4.0], origins: vec![0, 2], ..found };
        let told = Observed::told(&horizon(&["a", "b", "f"], &[1.0, 2.0, 3.0, 2.0, 3.0, 4.0, 7.0, 8.0, 9.0]));
        assert_eq!([0, 1, 2].map(|h| told.a_season_before(2, h, 0, 2)), [3.0, 4.0, 3.0]);
        assert!(told.a_season_before(0, 0, 0, 2).is_nan());
        assert!(gap.before(0, 0).is_nan() && gap.before(1, 0) == 1.0, "the last one that was observed");
    }
}

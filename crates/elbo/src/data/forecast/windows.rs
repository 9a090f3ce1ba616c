//! Windows of a series as examples.

use super::super::dataset::{Dataset, Example, Labels};
use super::super::error::DataError;
use super::TimeSeries;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How much is looked at, and how far ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowShape {
    /// Rows that a forecast is made from.
    pub window: usize,
    /// Rows that are forecast.
    pub horizon: usize,
}

impl WindowShape {
    /// That there is something to look at and something to say, and that `series` has as many rows.
    ///
    /// # Errors
    /// [`DataError::Argument`].
    pub(super) fn check(self, series: &TimeSeries) -> Result<(), DataError> {
        let fail = |argument, expected: String, found: usize| {
            Err(DataError::Argument { origin: series.name.clone(), argument, expected, found: found.to_string() })
        };
        match (self.window, self.horizon) {
            (0, _) => fail("window", "at least 1".to_owned(), 0),
            (_, 0) => fail("horizon", "at least 1".to_owned(), 0),
            (window, _) if window > series.len() => {
                fail("window", format!("at most {}, the rows of the series", series.len()), window)
            }
            _ => Ok(()),
        }
    }
}

impl TimeSeries {
    /// The windows whose targets all lie in the rows `targets`, in the order of time. What is looked at may lie before
    /// them. Windows with a missing target are left out, and so are those that see no value of a variable that is forecast:
    /// nothing says where it is. The name of an example is the time of its first target.
    ///
    /// # Errors
    /// [`DataError::Argument`] for an empty window or horizon, or a window longer than the series.
    pub fn windows(&self, shape: WindowShape, targets: Range<usize>) -> Result<Dataset, DataError> {
        shape.check(self)?;
        let end = targets.end.min(self.len());
        let origins = targets.start.max(shape.window)..(end + 1).saturating_sub(shape.horizon);
        let (mut examples, mut values) = (Vec::new(), Vec::new());
        for origin in origins {
            let rows = origin..origin + shape.horizon;
            let missing = rows.clone().flat_map(|t| self.target_row(t)).any(|value| value.is_nan());
            if missing || !self.is_seen(origin - shape.window..origin) {
                continue;
            }
            examples.push(self.example(origin, shape, self.times[origin].clone()));
            values.extend(rows.flat_map(|t| self.target_row(t)));
        }
        let labels = Labels::Horizon { names: self.target_names().to_vec(), steps: shape.horizon, values };
        Ok(self.dataset(examples, labels))
    }

    /// Whether every variable that is forecast has a value in these rows.
    fn is_seen(&self, rows: Range<usize>) -> bool {
        let has_value = |v: usize| rows.clone().any(|t| !self.target_row(t)[v].is_nan());
        (0..self.target_names().len()).all(has_value)
    }

    /// The last rows as the one example to forecast from, called `after <last time>`.
    ///
    /// # Errors
    /// [`DataError::Argument`] for an empty window or horizon, or a window longer than the series.
    pub fn last_window(&self, shape: WindowShape) -> Result<Dataset, DataError> {
        shape.check(self)?;
        let last = self.times.last().cloned().unwrap_or_default();
        Ok(self.dataset(vec![self.example(self.len(), shape, format!("after {last}"))], Labels::None))
    }

    /// The rows before row `origin`.
    #[allow(clippy::cast_possible_truncation)] // what is read fits
    fn example(&self, origin: usize, shape: WindowShape, id: String) -> Example {
        let rows = origin - shape.window..origin;
        Example { id, values: rows.flat_map(|t| self.row(t)).map(|&value| value as f32).collect() }
    }

    fn dataset(&self, examples: Vec<Example>, labels: Labels) -> Dataset {
        Dataset { name: self.name.clone(), channels: self.variables.len(), examples, labels }
    }
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss)] // small numbers
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Variable v at time t is `10 t + v`; variables 0 and 1 are targets.
    fn series(rows: usize) -> TimeSeries {
        TimeSeries {
            name: "s".into(),
            times: (0..rows).map(|t| t.to_string()).collect(),
            variables: ["a", "b", "c"].map(str::to_owned).to_vec(),
            targets: 2,
            values: (0..3 * rows).map(|k| (10 * (k / 3) + k % 3) as f64).collect(),
        }
    }

    fn horizon(data: &Dataset) -> &[f64] {
        let Labels::Horizon { values, .. } = &data.labels else { panic!("{:?}", data.labels) };
        values
    }

    #[test]
    fn by_hand() {
        let data = series(5).windows(WindowShape { window: 2, horizon: 2 }, 0..5).unwrap();
        assert_eq!((data.channels, data.len(), data.examples[1].id.as_str()), (3, 2, "3"));
        assert_eq!(data.examples[1].values, [10.0, 11.0, 12.0, 20.0, 21.0, 22.0]);
        assert_eq!(horizon(&data), [20.0, 21.0, 30.0, 31.0, 30.0, 31.0, 40.0, 41.0]);
        let last = series(5).last_window(WindowShape { window: 2, horizon: 9 }).unwrap();
        assert_eq!((last.examples[0].id.as_str(), last.examples[0].values[0]), ("after 4", 30.0));
    }

    #[test]
    fn windows_that_see_nothing_of_a_target_are_left_out() {
        let mut series = series(8);
        (2..4).for_each(|t| series.values[t * 3 + 1] = f64::NAN);
        let data = series.windows(WindowShape { window: 2, horizon: 1 }, 0..8).unwrap();
        let first: Vec<&str> = data.examples.iter().map(|example| example.id.as_str()).collect();
        assert!(!first.contains(&series.times[4].as_str()), "{first:?} see a gap only");
        assert!(first.contains(&series.times[5].as_str()) && first.len() == 3, "{first:?}");
    }

    #[test]
    fn windows_with_a_missing_target_are_left_out() {
        let mut series = series(6);
        series.values[3 * 3 + 1] = f64::NAN; // a target at time 3
        series.values[2] = f64::NAN; // a covariate
        let data = series.windows(WindowShape { window: 2, horizon: 1 }, 0..6).unwrap();
        assert_eq!(data.examples.iter().map(|example| example.id.as_str()).collect::<Vec<_>>(), ["2", "4", "5"]);
        assert_eq!(data.missing(), 1 + 1 + 1, "what is looked at may be missing");
    }

    proptest! {
        #[test]
        fn targets_lie_in_the_range_and_follow_what_is_seen(
            rows in 1_usize..30, window in 1_usize..6, ahead in 1_usize..5, start in 0_usize..30, width in 0_usize..30,
        ) {
            prop_assume!(window <= rows);
            let shape = WindowShape { window, horizon: ahead };
            let data = series(rows).windows(shape, start..start + width).unwrap();
            let possible = (0..rows).filter(|&t| {
                t >= window && t >= start && t + ahead <= rows.min(start + width)
            });
            prop_assert_eq!(data.len(), possible.count());
            for (i, example) in data.examples.iter().enumerate() {
                let origin: usize = example.id.parse().unwrap();
                prop_assert_eq!(horizon(&data)[i * ahead * 2], (10 * origin) as f64);
                prop_assert_eq!(example.values[3 * (window - 1)], (10 * (origin - 1)) as f32);
            }
        }
    }

    #[test]
    fn misuse_is_explained() {
        let message =
            |window, horizon| series(5).windows(WindowShape { window, horizon }, 0..5).unwrap_err().to_string();
        assert_eq!(message(0, 1), "s: `window` must be at least 1, found 0");
        assert_eq!(message(1, 0), "s: `horizon` must be at least 1, found 0");
        assert_eq!(message(6, 1), "s: `window` must be at most 5, the rows of the series, found 6");
        assert!(series(5).windows(WindowShape { window: 3, horizon: 3 }, 0..5).unwrap().is_empty());
    }
}

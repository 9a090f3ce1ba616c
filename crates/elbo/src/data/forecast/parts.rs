//! Parts that follow each other in time.

use super::super::error::DataError;
use super::{TimeSeries, WindowShape};
use std::ops::Range;

/// The rows that are forecast in each part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesParts {
    /// What the model is trained to forecast.
    pub train: Range<usize>,
    /// What it is watched on; empty if nothing is held out.
    pub validation: Range<usize>,
    /// What its intervals learn from first; empty if nothing is kept for that.
    pub calibration: Range<usize>,
    /// What it is scored on; empty if nothing is.
    pub test: Range<usize>,
}

/// What parts of the rows are not trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeldOut {
    /// Of the validation part.
    pub validation: f64,
    /// Of the calibration part.
    pub calibration: f64,
    /// Of the test part.
    pub test: f64,
}

/// Cuts a series: of T rows the last `round(test T)` are the test part, the `round(calibration T)` before them the
/// calibration part, the `round(validation T)` before those the validation part, the rest is trained on. A part that is not
/// empty is made long enough for one window.
///
/// # Errors
/// [`DataError::Argument`] unless all fractions are at least 0 and below 1, for an impossible window, or if less than one
/// window is left to train on.
pub fn chronological(series: &TimeSeries, shape: WindowShape, fractions: HeldOut) -> Result<SeriesParts, DataError> {
    shape.check(series)?;
    let test = rows(series, shape, "test fraction", fractions.test)?;
    let calibration = rows(series, shape, "calibration fraction", fractions.calibration)?;
    let validation = rows(series, shape, "validation fraction", fractions.validation)?;
    let needed = shape.window.saturating_add(shape.horizon);
    let held_out = test.saturating_add(calibration).saturating_add(validation);
    if series.len() < needed.saturating_add(held_out) {
        return Err(DataError::Argument {
            origin: series.name.clone(),
            argument: "window",
            expected: format!(
                "so short that window and horizon fit into the {} rows that are trained on",
                series.len().saturating_sub(held_out)
            ),
            found: format!("{} and {}", shape.window, shape.horizon),
        });
    }
    let third = series.len() - test;
    let second = third - calibration;
    let first = second - validation;
    Ok(SeriesParts {
        train: 0..first,
        validation: first..second,
        calibration: second..third,
        test: third..series.len(),
    })
}

/// The rows of a part.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)] // 0 <= result <= T
fn rows(series: &TimeSeries, shape: WindowShape, argument: &'static str, fraction: f64) -> Result<usize, DataError> {
    if !(0.0..1.0).contains(&fraction) {
        return Err(DataError::Argument {
            origin: series.name.clone(),
            argument,
            expected: "at least 0 and below 1".to_owned(),
            found: fraction.to_string(),
        });
    }
    let rows = (fraction * series.len() as f64).round() as usize;
    Ok(if rows == 0 { 0 } else { rows.max(shape.horizon) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(rows: usize) -> TimeSeries {
        TimeSeries {
            name: "s".into(),
            times: (0..rows).map(|t| t.to_string()).collect(),
            variables: vec!["a".into()],
            targets: 1,
            values: vec![0.0; rows],
        }
    }

    fn of(validation: f64, test: f64) -> HeldOut {
        HeldOut { validation, test, ..HeldOut::default() }
    }

    proptest! {
        #[test]
        fn parts_follow_each_other_and_hold_windows(
            rows in 1_usize..200, window in 1_usize..10, horizon in 1_usize..10,
            validation in 0.0_f64..0.4, calibration in 0.0_f64..0.4, test in 0.0_f64..0.4,
        ) {
            let shape = WindowShape { window, horizon };
            let series = series(rows);
            if let Ok(parts) = chronological(&series, shape, HeldOut { validation, calibration, test }) {
                prop_assert_eq!((parts.train.start, parts.test.end), (0, rows));
                prop_assert_eq!(parts.train.end, parts.validation.start);
                prop_assert_eq!(parts.validation.end, parts.calibration.start);
                prop_assert_eq!(parts.calibration.end, parts.test.start);
                for part in [&parts.train, &parts.validation, &parts.calibration, &parts.test] {
                    prop_assert_eq!(series.windows(shape, part.clone()).unwrap().is_empty(), part.is_empty());
                }
            }
        }
    }

    #[test]
    fn by_hand() {
        let shape = WindowShape { window: 24, horizon: 12 };
        let parts = chronological(&series(144), shape, of(0.1, 0.2)).unwrap();
        assert_eq!(parts, SeriesParts { train: 0..101, validation: 101..115, calibration: 115..115, test: 115..144 });
        let kept = HeldOut { calibration: 0.1, ..of(0.1, 0.2) };
        let parts = chronological(&series(144), shape, kept).unwrap();
        assert_eq!(parts, SeriesParts { train: 0..87, validation: 87..101, calibration: 101..115, test: 115..144 });
        assert!(chronological(&series(144), shape, HeldOut::default()).unwrap().test.is_empty());
    }

    #[test]
    fn misuse_is_explained() {
        let shape = WindowShape { window: 4, horizon: 2 };
        let message = |rows, v, t| chronological(&series(rows), shape, of(v, t)).unwrap_err().to_string();
        assert_eq!(message(10, 1.0, 0.0), "s: `validation fraction` must be at least 0 and below 1, found 1");
        assert_eq!(message(10, 0.0, f64::NAN), "s: `test fraction` must be at least 0 and below 1, found NaN");
        assert_eq!(
            message(10, 0.0, 0.5),
            "s: `window` must be so short that window and horizon fit into the 5 rows that are trained on, found 4 and 2"
        );
    }
}

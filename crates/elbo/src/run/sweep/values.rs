//! The values of a setting: a list or a range, as text and back.

use super::OWNER;
use crate::error::{Error, Result};
use core::fmt;

/// The values that a setting may take. All are positive and finite.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Any of these.
    List(Vec<f64>),
    /// All from `low` to `high`.
    Range {
        /// The lowest.
        low: f64,
        /// The highest.
        high: f64,
        /// Whether every decade is as likely as every other; else every part of one length is.
        log: bool,
    },
}

impl Values {
    /// Reads `0.01,0.1,1`, `0.5..2` or `1e-4..1e-2:log`, the values of `setting`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for what is not a number, an empty list, a value that is not positive or comes twice,
    /// and a range whose ends are the wrong way round.
    pub(super) fn parse(setting: &'static str, text: &str) -> Result<Self> {
        let values = match text.split_once("..") {
            None => Self::List(text.split(',').map(|item| number(setting, item)).collect::<Result<_>>()?),
            Some((low, rest)) => {
                let (high, log) = match rest.split_once(':') {
                    None | Some((_, "linear")) => (rest.split(':').next().unwrap_or(rest), false),
                    Some((high, "log")) => (high, true),
                    Some((_, other)) => {
                        let expected = "`log` or `linear` after a range";
                        return Err(Error::argument(OWNER, setting, expected, format!("`{other}`")));
                    }
                };
                Self::Range { low: number(setting, low)?, high: number(setting, high)?, log }
            }
        };
        values.check(setting)?;
        Ok(values)
    }

    /// # Errors
    /// As [`parse`](Self::parse).
    pub(super) fn check(&self, setting: &'static str) -> Result<()> {
        let fail = |expected: &str, found: String| Err(Error::argument(OWNER, setting, expected, found));
        let ends = match self {
            Self::List(values) => values.clone(),
            Self::Range { low, high, .. } => vec![*low, *high],
        };
        if ends.is_empty() {
            return fail("a list of at least one value", "none".into());
        }
        if let Some(bad) = ends.iter().find(|value| !(value.is_finite() && **value > 0.0)) {
            return fail("positive and finite", bad.to_string());
        }
        match self {
            Self::Range { low, high, .. } if low >= high => fail("a range from low to high", self.to_string()),
            Self::List(values) => match (1..values.len()).find(|&i| values[..i].contains(&values[i])) {
                Some(i) => fail("a list of different values", format!("{} twice", values[i])),
                None => Ok(()),
            },
            Self::Range { .. } => Ok(()),
        }
    }

    /// The value at `u` of `[0, 1)`: of a range rounded to four digits, which a person can read and every machine
    /// rounds alike.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)] // 0 <= u < 1
    pub(super) fn at(&self, u: f64) -> f64 {
        match *self {
            Self::List(ref values) => values[((u * values.len() as f64) as usize).min(values.len() - 1)],
            Self::Range { low, high, log: false } => rounded(low + u * (high - low)).clamp(low, high),
            Self::Range { low, high, log: true } => {
                let (from, to) = (libm::log(low), libm::log(high));
                rounded(libm::exp(from + u * (to - from))).clamp(low, high)
            }
        }
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(values) => f.write_str(&values.iter().map(f64::to_string).collect::<Vec<_>>().join(",")),
            Self::Range { low, high, log } => write!(f, "{low}..{high}{}", if *log { ":log" } else { "" }),
        }
    }
}

fn number(setting: &'static str, text: &str) -> Result<f64> {
    let number = text.trim().parse();
    number.map_err(|_| Error::argument(OWNER, setting, "a number", format!("`{}`", text.trim())))
}

/// To four significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_read() {
        let parse = |text| Values::parse("lr", text).unwrap();
        assert_eq!(parse("0.01, 0.1,1e0"), Values::List(vec![0.01, 0.1, 1.0]));
        assert_eq!(parse("0.5..2"), Values::Range { low: 0.5, high: 2.0, log: false });
        assert_eq!(parse("0.5..2:linear"), Values::Range { low: 0.5, high: 2.0, log: false });
        assert_eq!(parse("1e-4..1e-2:log"), Values::Range { low: 1e-4, high: 1e-2, log: true });
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            ("", "sweep: `lr` must be a number, found ``"),
            ("0.1,,1", "sweep: `lr` must be a number, found ``"),
            ("abc", "sweep: `lr` must be a number, found `abc`"),
            ("0.1,0", "sweep: `lr` must be positive and finite, found 0"),
            ("-1", "sweep: `lr` must be positive and finite, found -1"),
            ("NaN", "sweep: `lr` must be positive and finite, found NaN"),
            ("1..inf", "sweep: `lr` must be positive and finite, found inf"),
            ("0..1:log", "sweep: `lr` must be positive and finite, found 0"),
            ("1,2,1.0", "sweep: `lr` must be a list of different values, found 1 twice"),
            ("2..1", "sweep: `lr` must be a range from low to high, found 2..1"),
            ("1..1:log", "sweep: `lr` must be a range from low to high, found 1..1:log"),
            ("1..2:cubic", "sweep: `lr` must be `log` or `linear` after a range, found `cubic`"),
        ] {
            assert_eq!(Values::parse("lr", text).unwrap_err().to_string(), message, "{text}");
        }
        let empty = Values::List(Vec::new()).check("lr").unwrap_err().to_string();
        assert_eq!(empty, "sweep: `lr` must be a list of at least one value, found none");
    }

    #[test]
    fn the_middle_of_decades_is_their_geometric_mean() {
        let at = |text, u| Values::parse("lr", text).unwrap().at(u);
        assert_eq!(at("1e-4..1e-2:log", 0.5), 1e-3);
        assert_eq!(at("1e-4..1e-2", 0.5), 0.005_05);
        assert_eq!([0.0, 0.49, 0.51, 0.999].map(|u| at("3,4", u)), [3.0, 3.0, 4.0, 4.0]);
    }

    proptest! {
        #[test]
        fn values_stay_within_their_ends_and_their_text(
            low in 1e-6_f64..1.0, factor in 1.001_f64..1e3, u in 0.0_f64..1.0, log: bool,
        ) {
            let range = Values::Range { low, high: low * factor, log };
            let value = range.at(u);
            prop_assert!(value >= low && value <= low * factor);
            prop_assert_eq!(Values::parse("lr", &range.to_string()).unwrap(), range);
        }
    }
}

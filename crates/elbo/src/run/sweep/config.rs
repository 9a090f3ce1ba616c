//! What is swept, and how.

use super::choice::Choice;
use super::{OWNER, Setting, Values};
use crate::error::{Error, Result};
use crate::run::RunConfig;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// The most trials of a sweep.
pub(super) const MAX_TRIALS: usize = 10_000;

/// One setting with its values, as text `lr=0.001,0.01` or `lr=1e-4..1e-2:log`.
///
/// ```
/// use elbo::run::{Dimension, Setting, Values};
/// let dimension: Dimension = "lr=1e-4..1e-2:log".parse()?;
/// assert_eq!(dimension.setting, Setting::LearningRate);
/// assert_eq!(dimension.values, Values::Range { low: 1e-4, high: 1e-2, log: true });
/// assert!("lr=2..1".parse::<Dimension>().is_err());
/// # Ok::<(), elbo::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dimension {
    /// The setting.
    pub setting: Setting,
    /// Its values.
    pub values: Values,
}

/// What is swept, and how: the section `[sweep]` of `sweep.toml` and `config.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepConfig {
    /// The settings and their values.
    pub space: Vec<Dimension>,
    /// How many points are tried; `None` for all combinations of lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<usize>,
    /// Parts of a cross-validation over the training part; `None` to score on the validation part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// Which trial is chosen.
    #[serde(default)]
    pub choose: Choice,
}

impl SweepConfig {
    /// Checks it by itself.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] naming what is not allowed: no setting or one that comes twice, bad [`Values`], no
    /// number of trials with a range, too many trials, fewer than 2 folds.
    pub fn check(&self) -> Result<()> {
        let fail =
            |argument, expected: &str, found: &dyn fmt::Display| Err(Error::argument(OWNER, argument, expected, found));
        if self.space.is_empty() {
            return fail("space", "a list of at least one setting", &"none");
        }
        for (i, Dimension { setting, values }) in self.space.iter().enumerate() {
            values.check(setting.name())?;
            if self.space[..i].iter().any(|other| other.setting == *setting) {
                return fail("space", "a list of different settings", &format!("{} twice", setting.name()));
            }
        }
        if let Some(folds @ ..2) = self.folds {
            return fail("folds", "at least 2", &folds);
        }
        match (self.trials, self.grid_size()) {
            (Some(trials), _) if !(1..=MAX_TRIALS).contains(&trials) => {
                fail("trials", &format!("between 1 and {MAX_TRIALS}"), &trials)
            }
            (None, None) => fail("trials", "given: ranges have no end of points", &"none"),
            (None, Some(size)) if size > MAX_TRIALS => {
                fail("trials", &format!("given: at most {MAX_TRIALS} combinations are tried"), &size)
            }
            _ => Ok(()),
        }
    }

    /// Combinations of lists; `None` with a range.
    pub(super) fn grid_size(&self) -> Option<usize> {
        self.space.iter().try_fold(1_usize, |size, dimension| match &dimension.values {
            Values::List(values) => Some(size.saturating_mul(values.len())),
            Values::Range { .. } => None,
        })
    }

    /// The configuration with the settings of a point.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the model has no such setting.
    pub(super) fn apply(&self, point: &[f64], config: &RunConfig) -> Result<RunConfig> {
        let mut config = config.clone();
        for (dimension, &value) in self.space.iter().zip(point) {
            dimension.setting.apply(value, &mut config)?;
        }
        config.training.check()?;
        Ok(config)
    }
}

impl FromStr for Dimension {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((name, values)) = text.split_once('=') else {
            return Err(Error::argument(OWNER, "space", "of the form NAME=VALUES", format!("`{text}`")));
        };
        let setting = Setting::named(name.trim())?;
        Ok(Self { setting, values: Values::parse(setting.name(), values.trim())? })
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.setting.name(), self.values)
    }
}

impl TryFrom<String> for Dimension {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Dimension> for String {
    fn from(dimension: Dimension) -> Self {
        dimension.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(space: &[&str]) -> SweepConfig {
        let space = space.iter().map(|text| text.parse().unwrap()).collect();
        SweepConfig { space, trials: None, folds: None, choose: Choice::Minimum }
    }

    #[test]
    fn a_sweep_survives_its_text() {
        let config =
            SweepConfig { trials: Some(9), folds: Some(4), ..sweep(&["lr=1e-4..1e-2:log", "kl-weight=0.01,1"]) };
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains(r#"space = ["lr=0.0001..0.01:log", "kl-weight=0.01,1"]"#), "{text}");
        assert_eq!(toml::from_str::<SweepConfig>(&text).unwrap(), config);
        let error = toml::from_str::<SweepConfig>("space = ['lr=2..1']").unwrap_err().to_string();
        assert!(error.contains("`lr` must be a range from low to high, found 2..1"), "{error}");
    }

    #[test]
    fn the_first_mistake_is_named() {
        let long = format!("lr={}", (1..=101).map(|i| i.to_string()).collect::<Vec<_>>().join(","));
        let long_weights = long.replace("lr", "kl-weight");
        let cases = [
            (sweep(&[]), "sweep: `space` must be a list of at least one setting, found none"),
            (sweep(&["lr=1", "lr=2"]), "sweep: `space` must be a list of different settings, found lr twice"),
            (sweep(&["lr=1..2"]), "sweep: `trials` must be given: ranges have no end of points, found none"),
            (
                sweep(&[&long, &long_weights]),
                "sweep: `trials` must be given: at most 10000 combinations are tried, found 10201",
            ),
            (
                SweepConfig { trials: Some(0), ..sweep(&["lr=1"]) },
                "sweep: `trials` must be between 1 and 10000, found 0",
            ),
            (SweepConfig { folds: Some(1), ..sweep(&["lr=1"]) }, "sweep: `folds` must be at least 2, found 1"),
        ];
        for (config, message) in cases {
            assert_eq!(config.check().unwrap_err().to_string(), message);
        }
        for (text, message) in [
            ("lr", "sweep: `space` must be of the form NAME=VALUES, found `lr`"),
            ("epochs=3", "sweep: `setting` must be one of kl-weight, lr, prior-scale, posterior-scale, found `epochs`"),
        ] {
            assert_eq!(text.parse::<Dimension>().unwrap_err().to_string(), message);
        }
        SweepConfig { trials: Some(3), ..sweep(&["lr=1..2", "kl-weight=1"]) }.check().unwrap();
    }
}

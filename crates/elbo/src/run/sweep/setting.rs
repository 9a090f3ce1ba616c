//! What can be swept.

use super::OWNER;
use crate::error::{Error, Result};
use crate::model::{PosteriorFamily, Size};
use crate::run::RunConfig;

/// A setting that a sweep gives values to. All are positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// `kl-weight`: the weight β of the divergence; 1 is the ELBO.
    KlWeight,
    /// `lr`: Adam's step size at its highest.
    LearningRate,
    /// `prior-scale`: the scale of the prior, in the form that the model has it: where that is divided by the square root
    /// of the fan-in, as in the presets, the numerator.
    PriorScale,
    /// `posterior-scale`: the scale that the posterior begins with, in the form that the model has it.
    PosteriorScale,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::KlWeight, Self::LearningRate, Self::PriorScale, Self::PosteriorScale];

    /// Its name, as written in a space.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KlWeight => "kl-weight",
            Self::LearningRate => "lr",
            Self::PriorScale => "prior-scale",
            Self::PosteriorScale => "posterior-scale",
        }
    }

    /// The setting of this name.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another name.
    pub fn named(name: &str) -> Result<Self> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|setting| setting.name() == name);
        found.ok_or_else(|| Error::argument(OWNER, "setting", format!("one of {}", names()), format!("`{name}`")))
    }

    /// Its value in a configuration; `None` where the model has no single one.
    #[must_use]
    pub fn of(self, config: &RunConfig) -> Option<f64> {
        match self {
            Self::KlWeight => Some(config.training.kl_weight),
            Self::LearningRate => Some(config.training.learning_rate),
            Self::PriorScale => config.model.prior.scale().map(Size::value),
            Self::PosteriorScale => Some(config.model.posterior.scale.value()),
        }
    }

    /// Gives it a value.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the model has no such setting.
    pub(super) fn apply(self, value: f64, config: &mut RunConfig) -> Result<()> {
        let model = &mut config.model;
        match self {
            Self::KlWeight => config.training.kl_weight = value,
            Self::LearningRate => config.training.learning_rate = value,
            Self::PriorScale => {
                let scaled = model.prior.scale().and_then(|scale| model.prior.with_scale(scale.with(value)));
                let missing = || Error::argument(OWNER, self.name(), "left out: the prior has two scales", value);
                model.prior = scaled.ok_or_else(missing)?;
            }
            Self::PosteriorScale if model.posterior.family == PosteriorFamily::Deterministic => {
                return Err(Error::argument(OWNER, self.name(), "left out: the posterior is a point mass", value));
            }
            Self::PosteriorScale => model.posterior.scale = model.posterior.scale.with(value),
        }
        Ok(())
    }
}

//! The description of a network, as it stands in a TOML file.
//!
//! ```toml
//! [prior]
//! kind = "normal"
//! scale = { per_fan_in = 1.4 }      # 1.4 / sqrt(fan_in); a plain number is the scale itself
//!
//! [posterior]
//! family = "mean_field_normal"
//! loc_stddev = { per_fan_in = 1.4 } # spread of the initial locations
//! scale = { per_fan_in = 0.5 }      # initial scale
//!
//! [[layer]]
//! kind = "conv1d"
//! filters = 64
//! kernel_size = 5
//! padding = "same"
//! activation = "relu"
//!
//! [[layer]]
//! kind = "flatten"
//!
//! [[layer]]
//! kind = "dense"                    # without `units`: as many as the likelihood needs
//! ```

use super::weights::{PosteriorDescription, PosteriorFamily, PriorDescription};
use crate::error::{Error, Result};
use crate::estimator::Estimator;
use serde::{Deserialize, Serialize};

/// The largest number of parameters of a network, unless its description says otherwise.
const MAX_PARAMETERS: usize = 200_000_000;

/// A network as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelDescription {
    /// Networks with more parameters are refused before memory is asked for.
    #[serde(default = "max_parameters")]
    pub max_parameters: usize,
    /// The prior of every kernel.
    #[serde(default)]
    pub prior: PriorDescription,
    /// The posterior of every kernel, and how it starts.
    #[serde(default)]
    pub posterior: PosteriorDescription,
    /// The layers, from input to output.
    #[serde(rename = "layer")]
    pub layers: Vec<LayerDescription>,
}

/// One layer. Names default to the kind, numbered where it occurs again: `conv1d`, `conv1d_1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerDescription {
    /// A temporal convolution, channels last.
    Conv1d {
        /// The layer's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Output channels.
        filters: usize,
        /// Length of the kernel.
        kernel_size: usize,
        /// Step between windows.
        #[serde(default = "one")]
        strides: usize,
        /// `valid`, `same` or `causal`.
        #[serde(default = "valid")]
        padding: String,
        /// Distance of a window's elements.
        #[serde(default = "one")]
        dilation_rate: usize,
        /// Parts of the channels that are convolved by themselves.
        #[serde(default = "one")]
        groups: usize,
        /// What is applied after the bias.
        #[serde(default = "linear")]
        activation: String,
        /// How a pass draws.
        #[serde(default)]
        estimator: Estimator,
        /// Whether there is a bias.
        #[serde(default = "yes")]
        bias: bool,
    },
    /// A matrix product over the last axis: of every time step before `flatten` or pooling, of the example after it.
    Dense {
        /// The layer's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Output features; without it as many as the likelihood needs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        units: Option<usize>,
        /// What is applied after the bias.
        #[serde(default = "linear")]
        activation: String,
        /// How a pass draws.
        #[serde(default)]
        estimator: Estimator,
        /// Whether there is a bias.
        #[serde(default = "yes")]
        bias: bool,
    },
    /// All time steps side by side: needs series of one length; shorter ones are padded.
    Flatten,
    /// The mean over time of every channel; padding does not count.
    GlobalAveragePooling,
    /// The last time step of every channel; padding does not count.
    LastStep,
}

impl ModelDescription {
    /// A network of these layers with the default prior and posterior.
    #[must_use]
    pub fn new(layers: Vec<LayerDescription>) -> Self {
        Self {
            max_parameters: MAX_PARAMETERS,
            prior: PriorDescription::default(),
            posterior: PosteriorDescription::default(),
            layers,
        }
    }

    /// Reads a description.
    ///
    /// # Errors
    /// [`Error::ModelDescription`] with the place in the text; `origin` names it in the message.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        let fail = |reason: String| Error::ModelDescription { origin: origin.to_owned(), reason };
        let description: Self = toml::from_str(text).map_err(|error| fail(error.to_string().trim_end().to_owned()))?;
        description.check().map_err(fail)?;
        Ok(description)
    }

    /// Checks what can be said without an input.
    pub(super) fn check(&self) -> Result<(), String> {
        self.prior.check()?;
        self.posterior.check()?;
        if self.layers.is_empty() {
            return Err("expected at least one [[layer]], found none".into());
        }
        let needs_scale = |estimator| matches!(estimator, Estimator::Flipout | Estimator::LocalReparameterization);
        let draws = self.layers.iter().filter_map(LayerDescription::estimator).any(needs_scale);
        if draws && self.posterior.family != PosteriorFamily::MeanFieldNormal {
            let found = self.posterior.family.name();
            return Err(format!(
                "estimators `flipout` and `local_reparameterization` need posterior.family `mean_field_normal`, found \
                 `{found}`"
            ));
        }
        Ok(())
    }

    /// The names of the layers: given, or made from the kind.
    pub(super) fn layer_names(&self) -> Result<Vec<String>, String> {
        let mut names: Vec<String> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let name = match layer.name() {
                Some(name) => checked_name(name)?.to_owned(),
                None => free_name(layer.kind(), &names),
            };
            if names.contains(&name) {
                return Err(format!("two layers are called `{name}`"));
            }
            names.push(name);
        }
        Ok(names)
    }
}

impl LayerDescription {
    /// The kind, as written in a file.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Conv1d { .. } => "conv1d",
            Self::Dense { .. } => "dense",
            Self::Flatten => "flatten",
            Self::GlobalAveragePooling => "global_average_pooling",
            Self::LastStep => "last_step",
        }
    }

    fn estimator(&self) -> Option<Estimator> {
        match self {
            Self::Conv1d { estimator, .. } | Self::Dense { estimator, .. } => Some(*estimator),
            Self::Flatten | Self::GlobalAveragePooling | Self::LastStep => None,
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Conv1d { name, .. } | Self::Dense { name, .. } => name.as_deref(),
            Self::Flatten | Self::GlobalAveragePooling | Self::LastStep => None,
        }
    }
}

/// A name that can stand in a parameter's path.
fn checked_name(name: &str) -> Result<&str, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(format!("a layer's name must consist of letters, digits, `_` and `-`, found `{name}`"));
    }
    Ok(name)
}

/// `kind`, `kind_1`, `kind_2`, .. whichever is free.
fn free_name(kind: &str, taken: &[String]) -> String {
    let mut name = kind.to_owned();
    let mut number = 0_usize;
    while taken.contains(&name) {
        number += 1;
        name = format!("{kind}_{number}");
    }
    name
}

fn max_parameters() -> usize {
    MAX_PARAMETERS
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

fn valid() -> String {
    "valid".into()
}

fn linear() -> String {
    "linear".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_or_numbered() {
        let text = "[[layer]]\nkind='flatten'\n[[layer]]\nkind='dense'\nunits=3\n[[layer]]\nkind='dense'\n";
        let description = ModelDescription::from_toml(text, "m.toml").unwrap();
        assert_eq!(description.layer_names().unwrap(), ["flatten", "dense", "dense_1"]);
    }

    #[test]
    fn a_description_survives_its_text() {
        for name in super::super::PRESETS {
            let description = super::super::preset(name).unwrap();
            let text = toml::to_string(&description).unwrap();
            assert_eq!(ModelDescription::from_toml(&text, name).unwrap(), description);
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let cases = [
            ("", "missing field `layer`"),
            (
                "[posterior]\nfamily = 'deterministic'\n[[layer]]\nkind = 'dense'\nestimator = 'flipout'",
                "need posterior.family `mean_field_normal`, found `deterministic`",
            ),
            ("layer = []", "expected at least one [[layer]], found none"),
            ("[[layer]]\nkind = 'conv2'", "unknown variant `conv2`"),
            ("[[layer]]\nkind = 'dense'\nunit = 3", "unknown field `unit`"),
            ("[[layer]]\nkind = 'conv1d'\nfilters = -1\nkernel_size = 3", "line 1"),
            ("[prior]\nkind = 'normal'\nscale = 0.0\n[[layer]]\nkind = 'flatten'", "positive and finite"),
        ];
        for (text, part) in cases {
            let message = ModelDescription::from_toml(text, "net.toml").unwrap_err().to_string();
            assert!(message.starts_with("net.toml: ") && message.contains(part), "{text}: {message}");
        }
    }
}

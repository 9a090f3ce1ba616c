//! The text of a layer's settings: field names are the file format.

use crate::estimator::Estimator;
use crate::prior::ScalarPrior;
use burn::tensor::TensorData;
use elbo_kernels::{ConvGeometry, DataFormat, Padding, TransposedGeometry};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version that is written, and the only one that is read.
pub(super) const VERSION: u32 = 1;

/// Tensors by name.
pub(super) type Tensors = BTreeMap<String, TensorData>;

/// A layer of the shape `S`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LayerSettings<S> {
    pub(super) version: u32,
    pub(super) class: String,
    pub(super) name: Option<String>,
    pub(super) shape: S,
    pub(super) activation: String,
    pub(super) activity_regularizer: Option<Penalty>,
    pub(super) estimator: Estimator,
    pub(super) dtype: Type,
    pub(super) kernel: WeightSettings,
    pub(super) bias: Option<WeightSettings>,
}

/// A layer of the shape `S` with one weight, which is always drawn as it is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SingleSettings<S> {
    pub(super) version: u32,
    pub(super) class: String,
    pub(super) name: Option<String>,
    pub(super) shape: S,
    pub(super) activation: String,
    pub(super) activity_regularizer: Option<Penalty>,
    pub(super) dtype: Type,
    pub(super) weight: WeightSettings,
}

/// What is read before everything else.
#[derive(Deserialize)]
struct Head {
    version: u32,
    class: String,
}

/// Settings of this version and of a layer of `class`.
pub(super) fn parse<T: DeserializeOwned>(text: &str, class: &str) -> Result<T, String> {
    let unreadable = |error: serde_json::Error| format!("settings: {error}");
    let head: Head = serde_json::from_str(text).map_err(unreadable)?;
    if head.version != VERSION {
        return Err(format!("settings: expected version {VERSION}, found {}", head.version));
    }
    if head.class != class {
        return Err(format!("expected a layer of class `{class}`, found `{}`", head.class));
    }
    serde_json::from_str(text).map_err(unreadable)
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DenseSettings {
    pub(super) inputs: usize,
    pub(super) units: usize,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConvolutionSettings {
    pub(super) channels_in: usize,
    pub(super) filters: usize,
    pub(super) kernel_size: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilation_rate: Vec<usize>,
    pub(super) groups: usize,
    pub(super) padding: String,
    pub(super) data_format: String,
}

impl ConvolutionSettings {
    pub(super) fn of(geometry: &ConvGeometry) -> Self {
        // All fields by name: one that is added has to be saved too.
        let ConvGeometry { rank, kernel, strides, dilation, padding, format, channels, filters, groups } = *geometry;
        let padding = match padding {
            Padding::Valid => "valid",
            Padding::Same => "same",
            Padding::Causal => "causal",
        };
        let data_format = match format {
            DataFormat::ChannelsLast => "channels_last",
            DataFormat::ChannelsFirst => "channels_first",
        };
        let axes = |sizes: [usize; 3]| sizes[3 - rank..].to_vec();
        Self {
            channels_in: channels,
            filters,
            kernel_size: axes(kernel),
            strides: axes(strides),
            dilation_rate: axes(dilation),
            groups,
            padding: padding.into(),
            data_format: data_format.into(),
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TransposedSettings {
    pub(super) sizes: ConvolutionSettings,
    /// None for the padding's own.
    pub(super) output_padding: Option<Vec<usize>>,
}

impl TransposedSettings {
    pub(super) fn of(geometry: &TransposedGeometry) -> Self {
        let TransposedGeometry { sizes, output_padding } = geometry;
        let output_padding = output_padding.map(|padding| padding[3 - sizes.rank..].to_vec());
        Self { sizes: ConvolutionSettings::of(sizes), output_padding }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DenseVariationalSettings {
    pub(super) inputs: usize,
    pub(super) units: usize,
    pub(super) use_bias: bool,
    pub(super) kl_weight: f64,
}

/// The types of variables.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Type {
    F64,
    F32,
    F16,
    Bf16,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WeightSettings {
    pub(super) posterior: PosteriorSettings,
    pub(super) prior: Option<PriorSettings>,
    pub(super) divergence: Option<DivergenceSettings>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum PosteriorSettings {
    MeanFieldNormal {
        loc: VariableSettings,
        untransformed_scale: VariableSettings,
    },
    Deterministic {
        loc: VariableSettings,
    },
    MultivariateNormalTriL {
        loc: VariableSettings,
        untransformed_scale: VariableSettings,
        /// None for a single weight.
        scale_off_diagonal: Option<VariableSettings>,
    },
    MultivariateNormalDiagPlusLowRank {
        rank: usize,
        loc: VariableSettings,
        untransformed_scale: VariableSettings,
        scale_perturb_factor: VariableSettings,
    },
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum PriorSettings {
    /// The same few numbers for every element.
    Scalar(ScalarPrior),
    /// A normal with moments of their own kinds.
    Normal { loc: MomentSettings, scale: MomentSettings },
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum MomentSettings {
    Fixed(f64),
    /// A constant tensor: in the file beside the parameters.
    Given,
    Learned(VariableSettings),
    LearnedPositive(VariableSettings),
    LearnedScalar(VariableSettings),
    LearnedPositiveScalar(VariableSettings),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DivergenceSettings {
    Kl,
    MonteCarlo,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VariableSettings {
    pub(super) name: String,
    pub(super) trainable: bool,
    pub(super) regularizer: Option<Penalty>,
    pub(super) constraint: Option<Projection>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Penalty {
    L1(f64),
    L2(f64),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Projection {
    NonNegative,
    /// No number is no bound.
    Clip {
        low: Option<f64>,
        high: Option<f64>,
    },
    MaxNorm(f64),
}

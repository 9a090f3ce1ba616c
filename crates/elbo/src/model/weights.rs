//! The prior and the posterior of a described network's kernels.

use crate::divergence::Divergence;
use crate::error::Result;
use crate::layer::{LayerOptions, WeightOptions};
use crate::posterior::{
    Family, LocScaleOptions, LowRankOptions, PosteriorFn, TriLOptions, default_mean_field_normal_fn,
    low_rank_normal_fn, multivariate_normal_tril_fn,
};
use crate::prior::{HorseshoePrior, LaplacePrior, Prior, PriorFn, ScaleMixturePrior, StudentTPrior, softplus_inverse};
use crate::variable::{Initializer, fans};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A scale: a number, or one that shrinks with the number of inputs of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Size {
    /// The number itself.
    Absolute(f64),
    /// Divided by the square root of the kernel's fan-in, which keeps the size of activations (Neal 1996, section 2.1).
    PerFanIn {
        /// The numerator.
        per_fan_in: f64,
    },
}

impl Size {
    /// The number for a kernel of this shape.
    #[must_use]
    pub fn of(self, shape: &[usize]) -> f64 {
        match self {
            Self::Absolute(value) => value,
            Self::PerFanIn { per_fan_in } => per_fan_in / as_float(fans(shape).0.max(1)).sqrt(),
        }
    }

    /// The number itself, or the numerator.
    #[must_use]
    pub fn value(self) -> f64 {
        let (Self::Absolute(value) | Self::PerFanIn { per_fan_in: value }) = self;
        value
    }

    /// The same form with another number.
    #[must_use]
    pub fn with(self, value: f64) -> Self {
        match self {
            Self::Absolute(_) => Self::Absolute(value),
            Self::PerFanIn { .. } => Self::PerFanIn { per_fan_in: value },
        }
    }

    fn check(self, argument: &str) -> Result<(), String> {
        let (Self::Absolute(value) | Self::PerFanIn { per_fan_in: value }) = self;
        if value.is_finite() && value > 0.0 {
            return Ok(());
        }
        Err(format!("`{argument}` must be positive and finite, found {value}"))
    }
}

/// The prior of every kernel, centred at 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PriorDescription {
    /// `N(0, scale²)`
    Normal {
        /// Standard deviation.
        scale: Size,
    },
    /// Double exponential.
    Laplace {
        /// Scale.
        scale: Size,
    },
    /// Student's t.
    StudentT {
        /// Degrees of freedom.
        df: f64,
        /// Scale.
        scale: Size,
    },
    /// Two centred normals.
    ScaleMixture {
        /// Weight of the first component.
        pi: f64,
        /// Standard deviation of the first component.
        scale1: Size,
        /// Standard deviation of the second component.
        scale2: Size,
    },
    /// Infinite peak at 0 and heavy tails.
    Horseshoe {
        /// Scale of the half Cauchy.
        scale: Size,
    },
}

impl Default for PriorDescription {
    fn default() -> Self {
        Self::Normal { scale: Size::Absolute(1.0) }
    }
}

impl PriorDescription {
    /// Its scale; `None` of a mixture, which has two.
    #[must_use]
    pub fn scale(&self) -> Option<Size> {
        match *self {
            Self::Normal { scale }
            | Self::Laplace { scale }
            | Self::Horseshoe { scale }
            | Self::StudentT { scale, .. } => Some(scale),
            Self::ScaleMixture { .. } => None,
        }
    }

    /// The same prior with another scale; `None` of a mixture, which has two.
    #[must_use]
    pub fn with_scale(self, scale: Size) -> Option<Self> {
        match self {
            Self::Normal { .. } => Some(Self::Normal { scale }),
            Self::Laplace { .. } => Some(Self::Laplace { scale }),
            Self::Horseshoe { .. } => Some(Self::Horseshoe { scale }),
            Self::StudentT { df, .. } => Some(Self::StudentT { df, scale }),
            Self::ScaleMixture { .. } => None,
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match *self {
            Self::Normal { scale } | Self::Laplace { scale } | Self::Horseshoe { scale } => scale.check("prior.scale"),
            Self::StudentT { df, scale } => {
                Size::Absolute(df).check("prior.df")?;
                scale.check("prior.scale")
            }
            Self::ScaleMixture { pi, scale1, scale2 } => {
                if !(pi > 0.0 && pi < 1.0) {
                    return Err(format!("`prior.pi` must be between 0 and 1, found {pi}"));
                }
                scale1.check("prior.scale1")?;
                scale2.check("prior.scale2")
            }
        }
    }

    /// The prior of a kernel of this shape.
    fn prior<const D: usize>(&self, shape: &[usize]) -> Prior<D> {
        match *self {
            Self::Normal { scale } => Prior::normal(0.0, scale.of(shape)),
            Self::Laplace { scale } => Prior::Laplace(LaplacePrior::new(0.0, scale.of(shape))),
            Self::StudentT { df, scale } => Prior::StudentT(StudentTPrior::new(df, 0.0, scale.of(shape))),
            Self::ScaleMixture { pi, scale1, scale2 } => {
                Prior::ScaleMixture(ScaleMixturePrior::new(pi, scale1.of(shape), scale2.of(shape)))
            }
            Self::Horseshoe { scale } => Prior::Horseshoe(HorseshoePrior::new(scale.of(shape))),
        }
    }

    fn prior_fn<const D: usize>(self) -> PriorFn<D> {
        Arc::new(move |request, _| Ok(self.prior(&request.shape)))
    }

    /// In closed form where there is one.
    fn divergence<const D: usize>(&self) -> Divergence<Family<D>, D> {
        match self {
            Self::Normal { .. } | Self::Laplace { .. } => Divergence::Kl,
            Self::StudentT { .. } | Self::ScaleMixture { .. } | Self::Horseshoe { .. } => Divergence::MonteCarlo,
        }
    }
}

/// Families of posteriors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum PosteriorFamily {
    /// Independent normals.
    #[default]
    MeanFieldNormal,
    /// A point mass: maximum a posteriori, for comparison.
    Deterministic,
    /// One normal of all weights of a kernel, with any covariance: for small kernels.
    #[serde(rename = "multivariate_normal_tril")]
    MultivariateNormalTriL,
    /// One normal whose covariance is diagonal plus low rank.
    MultivariateNormalDiagPlusLowRank {
        /// Number of shared directions.
        rank: usize,
    },
}

impl PosteriorFamily {
    /// Its name, as written in a file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::MeanFieldNormal => "mean_field_normal",
            Self::Deterministic => "deterministic",
            Self::MultivariateNormalTriL => "multivariate_normal_tril",
            Self::MultivariateNormalDiagPlusLowRank { .. } => "multivariate_normal_diag_plus_low_rank",
        }
    }

    /// Numbers of a kernel of `n` weights.
    pub(super) fn numbers(self, n: usize) -> Option<usize> {
        match self {
            Self::Deterministic => Some(n),
            Self::MeanFieldNormal => n.checked_mul(2),
            Self::MultivariateNormalTriL => (n.checked_mul(n.saturating_sub(1))? / 2).checked_add(n.checked_mul(2)?),
            Self::MultivariateNormalDiagPlusLowRank { rank } => n.checked_mul(rank.checked_add(2)?),
        }
    }
}

/// The posterior of every kernel and how it starts. Biases are point masses without a prior, as in the seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PosteriorDescription {
    /// The family.
    #[serde(default)]
    pub family: PosteriorFamily,
    /// Standard deviation of the initial locations.
    #[serde(default = "default_loc_stddev")]
    pub loc_stddev: Size,
    /// The initial scale.
    #[serde(default = "default_scale")]
    pub scale: Size,
}

impl Default for PosteriorDescription {
    fn default() -> Self {
        Self { family: PosteriorFamily::default(), loc_stddev: default_loc_stddev(), scale: default_scale() }
    }
}

impl PosteriorDescription {
    pub(super) fn check(&self) -> Result<(), String> {
        self.loc_stddev.check("posterior.loc_stddev")?;
        self.scale.check("posterior.scale")
    }

    fn posterior_fn<const D: usize>(self) -> PosteriorFn<D> {
        Arc::new(move |request, scope| {
            let loc_scale = LocScaleOptions {
                is_singular: self.family == PosteriorFamily::Deterministic,
                loc_initializer: Initializer::Normal { mean: 0.0, stddev: self.loc_stddev.of(&request.shape) },
                untransformed_scale_initializer: Initializer::Constant(softplus_inverse(self.scale.of(&request.shape))),
                ..LocScaleOptions::default()
            };
            match self.family {
                PosteriorFamily::MeanFieldNormal | PosteriorFamily::Deterministic => {
                    default_mean_field_normal_fn(loc_scale)(request, scope)
                }
                PosteriorFamily::MultivariateNormalTriL => {
                    multivariate_normal_tril_fn(TriLOptions { loc_scale, ..TriLOptions::default() })(request, scope)
                }
                PosteriorFamily::MultivariateNormalDiagPlusLowRank { rank } => {
                    // The shared part starts well below the independent one.
                    let stddev = 0.4 * self.scale.of(&request.shape);
                    let factor_initializer = Initializer::Normal { mean: 0.0, stddev };
                    let options = LowRankOptions { loc_scale, factor_initializer, ..LowRankOptions::new(rank) };
                    low_rank_normal_fn(options)(request, scope)
                }
            }
        })
    }
}

/// The options of a described layer's weights.
pub(super) fn layer_options<const D: usize>(
    prior: PriorDescription,
    posterior: PosteriorDescription,
    bias: bool,
) -> LayerOptions<D> {
    LayerOptions {
        kernel: WeightOptions {
            posterior_fn: posterior.posterior_fn(),
            posterior_tensor_fn: None,
            prior_fn: Some(prior.prior_fn()),
            divergence: Some(prior.divergence()),
        },
        bias: bias.then(|| WeightOptions {
            posterior_fn: default_mean_field_normal_fn(LocScaleOptions {
                loc_initializer: Initializer::Constant(0.0),
                ..LocScaleOptions::singular()
            }),
            ..WeightOptions::bias()
        }),
        ..LayerOptions::default()
    }
}

/// He et al. (2015): keeps the variance of activations through rectifiers.
fn default_loc_stddev() -> Size {
    Size::PerFanIn { per_fan_in: core::f64::consts::SQRT_2 }
}

fn default_scale() -> Size {
    Size::Absolute(0.05)
}

#[allow(clippy::cast_precision_loss)] // sizes of layers
fn as_float(n: usize) -> f64 {
    n as f64
}

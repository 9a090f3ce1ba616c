//! What a conversion can be told: how wide posteriors start, what their priors are, which weights are meant.

use super::Selection;
use crate::error::{Error, Result};
use crate::prior::ScalarPrior;
use elbo_kernels::DataFormat;

/// The scale that a posterior around a trained weight `w` starts with. The least that a posterior can have is the
/// machine epsilon of its type: smaller ones become 1.01 of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScaleRule {
    /// The same for every weight.
    Fixed(f64),
    /// `max(delta |w|, floor)` (Krishnan et al. 2020, section 3.2).
    Moped {
        /// Share of a weight's magnitude.
        delta: f64,
        /// Least scale: a weight of 0 is not certain.
        floor: f64,
    },
}

impl ScaleRule {
    /// The scale around a weight of value `w`.
    #[must_use]
    pub fn of(self, w: f64) -> f64 {
        match self {
            Self::Fixed(scale) => scale,
            Self::Moped { delta, floor } => (delta * w.abs()).max(floor),
        }
    }

    pub(crate) fn check(self, argument: &'static str) -> Result<()> {
        let numbers = match self {
            Self::Fixed(scale) => [scale, scale],
            Self::Moped { delta, floor } => [delta, floor],
        };
        if numbers.iter().all(|number| number.is_finite() && *number > 0.0) {
            return Ok(());
        }
        Err(Error::argument("conversion", argument, "made of positive finite numbers", format!("{self:?}")))
    }
}

/// The prior of a converted weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PriorRule {
    /// The same for every element; the divergence is in closed form for a normal, Monte Carlo for the others.
    Given(ScalarPrior),
    /// `N(w, s²)` around the trained weight with the scale of a rule: empirical Bayes. Its moments are parameters that
    /// are not trained, so that records hold them.
    Around(ScaleRule),
    /// No prior, hence no divergence.
    None,
}

impl PriorRule {
    /// `N(0, 1)`
    #[must_use]
    pub fn standard_normal() -> Self {
        Self::Given(ScalarPrior::Normal { loc: 0.0, scale: 1.0 })
    }

    /// The prior of MOPED: `N(w, max(delta |w|, floor)²)`.
    #[must_use]
    pub fn moped(delta: f64, floor: f64) -> Self {
        Self::Around(ScaleRule::Moped { delta, floor })
    }
}

/// How a trained network becomes a Bayesian one.
#[derive(Clone, Debug)]
pub struct ConvertOptions {
    /// Where scales of posteriors start.
    pub scale: ScaleRule,
    /// The priors of kernels, and of biases that are random.
    pub prior: PriorRule,
    /// Whether biases get a posterior too; otherwise they stay point masses without a prior.
    pub random_bias: bool,
    /// Layout of a converted convolution's inputs and outputs. Burn's own convolutions are channels first.
    pub data_format: DataFormat,
    /// Which weights of a whole network become random.
    pub selection: Selection,
    /// Name of the layer, or prefix of a network's weights: noise and losses go by it.
    pub name: Option<String>,
}

/// MOPED scales of a tenth of each weight, at least 1e-4; standard normal priors; biases as they are; channels first;
/// all weights.
impl Default for ConvertOptions {
    fn default() -> Self {
        Self {
            scale: ScaleRule::Moped { delta: 0.1, floor: 1e-4 },
            prior: PriorRule::standard_normal(),
            random_bias: false,
            data_format: DataFormat::ChannelsFirst,
            selection: Selection::All,
            name: None,
        }
    }
}

impl ConvertOptions {
    /// Where scales of posteriors start.
    #[must_use]
    pub fn with_scale(mut self, scale: ScaleRule) -> Self {
        self.scale = scale;
        self
    }

    /// The priors.
    #[must_use]
    pub fn with_prior(mut self, prior: PriorRule) -> Self {
        self.prior = prior;
        self
    }

    /// Whether biases get a posterior and a prior too.
    #[must_use]
    pub fn with_random_bias(mut self, random_bias: bool) -> Self {
        self.random_bias = random_bias;
        self
    }

    /// Layout of a converted convolution's inputs and outputs.
    #[must_use]
    pub fn with_data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    /// Which weights of a whole network become random.
    #[must_use]
    pub fn with_selection(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    /// Name of the layer, or prefix of a network's weights.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Checks all numbers.
    pub(super) fn check(&self) -> Result<()> {
        self.scale.check("scale")?;
        match self.prior {
            PriorRule::Given(prior) => prior.of_rank::<1>().check([1]),
            PriorRule::Around(rule) => rule.check("prior"),
            PriorRule::None => Ok(()),
        }
    }
}

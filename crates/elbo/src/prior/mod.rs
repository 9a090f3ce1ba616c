//! Priors p(W): what weights are believed to be before data are seen. Elements are independent.

mod cauchy;
mod exponential_integral;
mod horseshoe;
mod laplace;
mod learned;
mod moped;
mod normal;
mod scalar;
mod scale_mixture;
mod student_t;

pub use cauchy::CauchyPrior;
pub use horseshoe::HorseshoePrior;
pub use laplace::LaplacePrior;
pub use learned::{Learned, LearnedNormalOptions, learned_normal_prior_fn};
pub(crate) use moped::Moped;
pub use moped::moped_prior;
pub use normal::{Moment, NormalPrior};
pub(crate) use normal::{
    normal_log_density, positive, softplus_inverse, stable_softplus as softplus, untransformed_scale,
};
pub use scalar::ScalarPrior;
pub use scale_mixture::ScaleMixturePrior;
pub use student_t::StudentTPrior;

use crate::error::{Error, Result};
use crate::precision::wide;
use crate::sum::row_sums;
use crate::variable::{VariableInfo, VariableRequest, VariableScope};
use burn::module::Module;
use burn::tensor::{DType, Tensor};
use std::sync::Arc;

/// A prior over a weight of rank `D`.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // the common variant is the large one, and a layer has two
pub enum Prior<const D: usize> {
    /// Independent normals, with fixed or learned moments.
    Normal(NormalPrior<D>),
    /// Double exponential: pulls towards sparse weights.
    Laplace(LaplacePrior),
    /// Heavier tails than the normal.
    StudentT(StudentTPrior),
    /// The heaviest tails.
    Cauchy(CauchyPrior),
    /// Two normals of different width around 0.
    ScaleMixture(ScaleMixturePrior),
    /// Infinite peak at 0 and heavy tails: the sparsest.
    Horseshoe(HorseshoePrior),
}

/// Builds the prior of a weight: called once, when the layer is built.
pub type PriorFn<const D: usize> =
    Arc<dyn Fn(&VariableRequest<D>, &mut VariableScope<'_>) -> Result<Prior<D>> + Send + Sync>;

impl<const D: usize> Prior<D> {
    /// `N(loc, scale²)` for every element.
    #[must_use]
    pub fn normal(loc: f64, scale: f64) -> Self {
        Self::Normal(NormalPrior::new(loc, scale))
    }

    /// `N(0, 1)` for every element.
    #[must_use]
    pub fn standard_normal() -> Self {
        Self::normal(0.0, 1.0)
    }

    /// Its family, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Normal(_) => "Normal",
            Self::Laplace(_) => "Laplace",
            Self::StudentT(_) => "StudentT",
            Self::Cauchy(_) => "Cauchy",
            Self::ScaleMixture(_) => "ScaleMixture",
            Self::Horseshoe(_) => "Horseshoe",
        }
    }

    /// Checks the numbers, and that moments per element have the weight's shape.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    pub fn check(&self, shape: [usize; D]) -> Result<()> {
        match self {
            Self::Normal(prior) => prior.check(shape),
            Self::Laplace(p) => check_numbers("Laplace prior", p.loc, &[("scale", p.scale)]),
            Self::StudentT(p) => check_numbers("StudentT prior", p.loc, &[("df", p.df), ("scale", p.scale)]),
            Self::Cauchy(p) => check_numbers("Cauchy prior", p.loc, &[("scale", p.scale)]),
            Self::ScaleMixture(p) => {
                let positive = [("scale1", p.scale1), ("scale2", p.scale2), ("pi", p.pi), ("1 - pi", 1.0 - p.pi)];
                check_numbers("ScaleMixture prior", 0.0, &positive)
            }
            Self::Horseshoe(p) => check_numbers("Horseshoe prior", 0.0, &[("scale", p.scale)]),
        }
    }

    /// Checks that the type of the weights has the scales and their reciprocals.
    pub(crate) fn check_dtype(&self, dtype: DType) -> Result<()> {
        let scales = match self {
            Self::Normal(prior) => prior.constant_scales()?,
            Self::Laplace(p) => vec![p.scale],
            Self::StudentT(p) => vec![p.scale],
            Self::Cauchy(p) => vec![p.scale],
            Self::ScaleMixture(p) => vec![p.scale1, p.scale2],
            // Computed in `f64`.
            Self::Horseshoe(_) => Vec::new(),
        };
        let (least, most) = scales_of(dtype);
        match scales.into_iter().find(|scale| !(least..=most).contains(scale)) {
            None => Ok(()),
            Some(found) => {
                let expected = format!("between {least:e} and {most:e} in {dtype:?}");
                Err(Error::argument(format!("{} prior", self.name()), "scale", expected, found))
            }
        }
    }

    /// `Σ ln p(value)` of S values `[S, elements]`: `[S]`, in nats. Of values of half precision in `f32`.
    #[must_use]
    pub fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        row_sums(wide(match self {
            Self::Normal(prior) => prior.log_density(values),
            Self::Laplace(prior) => prior.log_density(values),
            Self::StudentT(prior) => prior.log_density(values),
            Self::Cauchy(prior) => prior.log_density(values),
            Self::ScaleMixture(prior) => prior.log_density(values),
            Self::Horseshoe(prior) => prior.log_density(values),
        }))
    }

    /// The prior's own variables.
    #[must_use]
    pub fn variables(&self) -> Vec<VariableInfo> {
        match self {
            Self::Normal(prior) => prior.variables(),
            _ => Vec::new(),
        }
    }

    /// The penalties on the prior's own variables, by name.
    #[must_use]
    pub fn regularization(&self) -> Vec<(String, Tensor<1>)> {
        match self {
            Self::Normal(prior) => prior.regularization(),
            _ => Vec::new(),
        }
    }

    /// The prior after the projections of its variables.
    #[must_use]
    pub fn constrained(self) -> Self {
        match self {
            Self::Normal(prior) => Self::Normal(prior.constrained()),
            other => other,
        }
    }
}

/// The least and the largest scale that a type can hold and divide by.
fn scales_of(dtype: DType) -> (f64, f64) {
    match dtype {
        DType::F64 => (f64::MIN_POSITIVE, 1.0 / f64::MIN_POSITIVE),
        DType::F16 => (1.0 / 65504.0, 65504.0),
        _ => (f64::from(f32::MIN_POSITIVE), 1.0 / f64::from(f32::MIN_POSITIVE)),
    }
}

/// A finite location, and positive finite numbers.
fn check_numbers(owner: &str, loc: f64, positive: &[(&'static str, f64)]) -> Result<()> {
    if !loc.is_finite() {
        return Err(Error::argument(owner, "loc", "finite", loc));
    }
    match positive.iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
        Some((argument, value)) => Err(Error::argument(owner, argument, "positive and finite", value)),
        None => Ok(()),
    }
}

/// A builder that gives the same fixed prior to every weight.
#[must_use]
pub fn fixed_prior<const D: usize>(prior: Prior<D>) -> PriorFn<D> {
    Arc::new(move |_, _| Ok(prior.clone()))
}

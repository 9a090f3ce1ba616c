//! Projections of variables, applied after an optimizer step. They do not change a forward pass.

use crate::error::{Error, Result};
use crate::precision::wide;
use crate::sum::ordered_sum;
use burn::tensor::Tensor;
use std::fmt;
use std::sync::Arc;

type Projection = dyn Fn(Tensor<1>) -> Tensor<1> + Send + Sync;

/// A projection of a variable's values.
#[derive(Clone)]
#[non_exhaustive]
pub enum Constraint {
    /// `max(x, 0)`
    NonNegative,
    /// `min(max(x, low), high)`
    Clip {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// Scales all values down so that their Euclidean norm is at most this.
    MaxNorm(f64),
    /// Any function of the flattened values that keeps their number.
    Custom(Arc<Projection>),
}

impl Constraint {
    /// A projection of your own, of the flattened values.
    pub fn custom(projection: impl Fn(Tensor<1>) -> Tensor<1> + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(projection))
    }

    /// Checks that its bounds are numbers, in order, and a norm positive. Infinite bounds of an interval are no bounds.
    pub(crate) fn check(&self, owner: &str) -> Result<()> {
        let (fine, expected) = match self {
            Self::Clip { low, high } => (low <= high, "an interval with low <= high"),
            Self::MaxNorm(limit) => (limit.is_finite() && *limit > 0.0, "a norm that is positive and finite"),
            Self::NonNegative | Self::Custom(_) => return Ok(()),
        };
        if fine { Ok(()) } else { Err(Error::argument(owner, "constraint", expected, format!("{self:?}"))) }
    }

    /// The projected values.
    #[must_use]
    pub fn project<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let shape = x.shape();
        let flat = x.flatten::<1>(0, D - 1);
        let projected = match self {
            Self::NonNegative => flat.clamp_min(0.0),
            Self::Clip { low, high } => flat.clamp(*low, *high),
            Self::MaxNorm(limit) => {
                let wide = wide(flat.clone());
                let norm = ordered_sum(wide.clone() * wide).sqrt();
                // limit / max(norm, limit) is 1 inside the ball.
                let factor = norm.clamp_min(*limit).recip().mul_scalar(*limit);
                let dtype = flat.dtype();
                flat * factor.cast(dtype)
            }
            Self::Custom(projection) => projection(flat),
        };
        projected.reshape(shape)
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonNegative => f.write_str("NonNegative"),
            Self::Clip { low, high } => write!(f, "Clip({low}, {high})"),
            Self::MaxNorm(limit) => write!(f, "MaxNorm({limit})"),
            Self::Custom(_) => f.write_str("Custom(..)"),
        }
    }
}

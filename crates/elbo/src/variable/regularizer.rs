//! Penalties on variables and outputs.

use crate::error::{Error, Result};
use crate::precision::wide;
use crate::sum::ordered_sum;
use burn::tensor::Tensor;
use std::fmt;
use std::sync::Arc;

type Penalty = dyn Fn(Tensor<1>) -> Tensor<1> + Send + Sync;

/// A penalty: a scalar function of all elements of a tensor.
#[derive(Clone)]
#[non_exhaustive]
pub enum Regularizer {
    /// `weight Σ |x|`
    L1(f64),
    /// `weight Σ x²`
    L2(f64),
    /// Any function of the flattened values with a result of shape `[1]`.
    Custom(Arc<Penalty>),
}

impl Regularizer {
    /// A penalty of your own, of the flattened values, with a result of shape `[1]`.
    pub fn custom(penalty: impl Fn(Tensor<1>) -> Tensor<1> + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(penalty))
    }

    /// Checks that its weight is finite and not negative.
    pub(crate) fn check(&self, owner: &str, argument: &'static str) -> Result<()> {
        match self {
            Self::L1(weight) | Self::L2(weight) if !(weight.is_finite() && *weight >= 0.0) => {
                Err(Error::argument(owner, argument, "of a finite weight that is not negative", format!("{self:?}")))
            }
            Self::L1(_) | Self::L2(_) | Self::Custom(_) => Ok(()),
        }
    }

    /// The penalty of `x`, shape `[1]`: of half precision, which holds no sums of many, in `f32`.
    #[must_use]
    pub fn penalty<const D: usize>(&self, x: Tensor<D>) -> Tensor<1> {
        let flat = x.flatten::<1>(0, D - 1);
        match self {
            Self::L1(weight) => ordered_sum(wide(flat).abs()).mul_scalar(*weight),
            Self::L2(weight) => {
                let flat = wide(flat);
                ordered_sum(flat.clone() * flat).mul_scalar(*weight)
            }
            Self::Custom(penalty) => wide(penalty(flat)),
        }
    }
}

impl fmt::Debug for Regularizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::L1(weight) => write!(f, "L1({weight})"),
            Self::L2(weight) => write!(f, "L2({weight})"),
            Self::Custom(_) => f.write_str("Custom(..)"),
        }
    }
}

//! A network's outputs as a distribution: the role of TFP's `DistributionLambda` and of the layers derived from it.
//!
//! On the path of a datum this is what comes after the last layer: `[rows, params_size]` numbers become one
//! [`OutputDistribution`] per row, and the [`likelihood`](crate::objective::likelihood) asks it for the log probability
//! of the targets. [`Output`] names a family, for files and programs; [`OutputLambda`] makes one of your own.
//!
//! An *event* is what one target is: `event` numbers, in row-major order where they have a shape of their own. The
//! parameters of a row are, in this order (`n` the event's size, `K` classes or components):
//!
//! | output | parameters of a row | `params_size` | TFP layer of the same order |
//! | --- | --- | --- | --- |
//! | [`Normal`] | loc `n`, u `n`; `scale = eps + softplus(u)` | `2 n` | `IndependentNormal` |
//! | [`Logistic`] | loc `n`, u `n`; `scale = eps + softplus(u)` | `2 n` | `IndependentLogistic` |
//! | [`StudentT`] | loc `n`, u `n`, and v `n` if df is predicted; `df = eps + softplus(v)` | `2 n` or `3 n` | none |
//! | [`Bernoulli`] | logits `n` | `n` | `IndependentBernoulli` |
//! | [`Poisson`] | log rates `n` | `n` | `IndependentPoisson` |
//! | [`Categorical`] | logits `K` | `K` | none (`DistributionLambda` of `Categorical`) |
//! | [`OneHotCategorical`] | logits `K` | `K` | `OneHotCategorical` |
//! | [`MultivariateNormalTriL`] | loc `n`, triangle `n (n + 1) / 2` | `n + n (n + 1) / 2` | `MultivariateNormalTriL` |
//! | [`Mixture`] | logits `K`, then the parameters of component 1, 2, .. | `K + K size(component)` | `MixtureSameFamily`, `MixtureNormal`, `MixtureLogistic`, `CategoricalMixtureOfOneHotCategorical` |
//!
//! A network imported from TFP therefore keeps its last layer as it is. Two numbers differ: TFP adds no `eps` (the
//! machine epsilon of the dtype) to the scale of `IndependentNormal` and `IndependentLogistic`; both add 1e-5 to the
//! diagonal of a triangle.
//!
//! Everything is in nats. Log densities are differentiable in the outputs and finite for logits and untransformed
//! scales of ±1000; a Poisson rate beyond the largest number of the dtype is infinite. Distribution functions of the
//! normal, Student's and the Poisson law are computed on the host, in double precision; their slope in the value and
//! in the location, scale or rate is on the tape, that in `df` is not.

mod bernoulli;
mod categorical;
mod family;
mod independent;
mod lambda;
mod logistic;
mod mixture;
mod multivariate_normal;
mod normal;
mod one_hot_categorical;
mod poisson;
pub(crate) mod special;
mod student_t;

pub use bernoulli::Bernoulli;
pub use categorical::Categorical;
pub use family::Output;
pub use lambda::{DistributionFn, OutputLambda};
pub use logistic::Logistic;
pub use mixture::Mixture;
pub use multivariate_normal::MultivariateNormalTriL;
pub use normal::Normal;
pub use one_hot_categorical::OneHotCategorical;
pub use poisson::Poisson;
pub use student_t::StudentT;

use crate::error::Result;
use crate::noise::WeightNoise;
use burn::tensor::Tensor;
use std::fmt;

/// What the values of an event can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Real numbers.
    Real,
    /// 0 or 1 each.
    Binary,
    /// 0, 1, 2, ..
    Counts,
    /// One class number, below this number of classes.
    Class(usize),
    /// A 1 among zeros, as long as there are classes.
    OneHot(usize),
}

/// One distribution per row, all over events of the same size.
///
/// A family of your own needs the first seven methods; the others say `None` where there is no closed form.
///
/// # Shapes
/// Values are `[rows, event]`, in the dtype of the parameters; what is said of the event as a whole is `[rows]`, what is
/// said of each of its values `[rows, event]`. Shapes are not checked here, but in a
/// [`Likelihood`](crate::objective::Likelihood): as in Burn's operations, an axis of length 1 is broadcast, and other
/// shapes panic.
pub trait OutputDistribution: fmt::Debug {
    /// Its family, for messages.
    fn name(&self) -> &str;

    /// What its values can be.
    fn support(&self) -> Support;

    /// Rows, and values per event.
    fn dims(&self) -> [usize; 2];

    /// `ln p(values)`: `[rows]`, in nats; minus infinity outside of the support.
    fn log_prob(&self, values: Tensor<2>) -> Tensor<1>;

    /// The mean: `[rows, event]`; a NaN where there is none.
    fn mean(&self) -> Tensor<2>;

    /// The variance of each value: `[rows, event]`; a NaN where there is none.
    fn variance(&self) -> Tensor<2>;

    /// One event per draw of the noise: `[S, rows, event]`. Differentiable in the parameters if the values are real
    /// and there are no components to choose from.
    ///
    /// # Errors
    /// [`Error::Replay`](crate::Error::Replay) if recorded noise does not fit.
    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<3>>;

    /// `-ln p(values)`: `[rows]`, in nats.
    fn nll(&self, values: Tensor<2>) -> Tensor<1> {
        self.log_prob(values).neg()
    }

    /// The standard deviation of each value: `[rows, event]`.
    fn stddev(&self) -> Tensor<2> {
        self.variance().sqrt()
    }

    /// The most probable event: `[rows, event]`.
    fn mode(&self) -> Option<Tensor<2>> {
        None
    }

    /// `-E[ln p]` of the event: `[rows]`, in nats.
    fn entropy(&self) -> Option<Tensor<1>> {
        None
    }

    /// The covariance of the values of an event: `[rows, event, event]`.
    fn covariance(&self) -> Option<Tensor<3>> {
        None
    }

    /// `ln Pr(Y_j <= y_j)` of each value by itself: `[rows, event]`.
    fn log_cdf(&self, _values: Tensor<2>) -> Option<Tensor<2>> {
        None
    }

    /// `ln Pr(Y_j > y_j)` of each value by itself: `[rows, event]`. Precise where the probability is small.
    fn log_survival(&self, _values: Tensor<2>) -> Option<Tensor<2>> {
        None
    }

    /// `Pr(Y_j <= y_j)` of each value by itself: `[rows, event]`.
    fn cdf(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.log_cdf(values)?.exp())
    }

    /// `Pr(Y_j > y_j)` of each value by itself: `[rows, event]`.
    fn survival(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.log_survival(values)?.exp())
    }

    /// The values below which each value is with probabilities `[rows, event]`.
    fn quantile(&self, _probabilities: Tensor<2>) -> Option<Tensor<2>> {
        None
    }
}

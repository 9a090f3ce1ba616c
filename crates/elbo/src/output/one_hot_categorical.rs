//! `p(e_k) = e^{logit_k} / Σ_j e^{logit_j}`, for the unit vector `e_k`.

use super::categorical::one_hot_mode;
use super::independent::{diagonal, one_hot, total};
use super::{Categorical, OutputDistribution, Support};
use crate::error::Result;
use crate::noise::WeightNoise;
use burn::tensor::{Tensor, activation::log_softmax};

/// One of K classes, told by a 1 among zeros: an event of K values.
#[derive(Clone, Debug)]
pub struct OneHotCategorical {
    /// Unnormalised log probabilities `[rows, K]`.
    pub logits: Tensor<2>,
}

impl OneHotCategorical {
    /// `classes`.
    #[must_use]
    pub fn params_size(classes: usize) -> usize {
        classes
    }

    pub(super) fn from_outputs(outputs: &Tensor<2>) -> Self {
        Self { logits: outputs.clone() }
    }

    fn numbers(&self) -> Categorical {
        Categorical { logits: self.logits.clone() }
    }
}

impl OutputDistribution for OneHotCategorical {
    fn name(&self) -> &'static str {
        "one_hot_categorical"
    }

    fn support(&self) -> Support {
        Support::OneHot(self.logits.dims()[1])
    }

    fn dims(&self) -> [usize; 2] {
        self.logits.dims()
    }

    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let outside = is_not_one_hot(&values);
        let log_probs = log_softmax(self.logits.clone(), 1);
        // Classes that are ruled out, with logits of minus infinity, cost nothing where they are not meant.
        let elsewhere = values.clone().equal_elem(0.0);
        total((values * log_probs).mask_fill(elsewhere, 0.0)).mask_fill(outside, f64::NEG_INFINITY)
    }

    /// The probabilities.
    fn mean(&self) -> Tensor<2> {
        log_softmax(self.logits.clone(), 1).exp()
    }

    /// `p_k (1 - p_k)`.
    fn variance(&self) -> Tensor<2> {
        let p = self.mean();
        p.clone() * p.neg().add_scalar(1.0)
    }

    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<3>> {
        Ok(one_hot(self.numbers().sample(noise)?, self.logits.dims()[1]))
    }

    fn mode(&self) -> Option<Tensor<2>> {
        Some(one_hot_mode(&self.logits))
    }

    fn entropy(&self) -> Option<Tensor<1>> {
        self.numbers().entropy()
    }

    /// `p_k δ_kl - p_k p_l`.
    fn covariance(&self) -> Option<Tensor<3>> {
        let p = self.mean();
        let products = p.clone().unsqueeze_dim::<3>(2) * p.clone().unsqueeze_dim::<3>(1);
        Some(diagonal(p) - products)
    }
}

/// Rows that are not a 1 among zeros: `[rows]`.
pub(super) fn is_not_one_hot(values: &Tensor<2>) -> Tensor<1, burn::tensor::Bool> {
    let neither = values.clone().not_equal_elem(0.0).bool_and(values.clone().not_equal_elem(1.0)).float();
    let ones = total(values.clone().equal_elem(1.0).float());
    total(neither).not_equal_elem(0.0).bool_or(ones.not_equal_elem(1.0))
}

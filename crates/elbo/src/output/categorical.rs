//! `p(k) = e^{logit_k} / Σ_j e^{logit_j}`, for the class number `k`.

use super::independent::{choice, class_numbers, log_sum_exp, one_hot, total};
use super::{OutputDistribution, Support};
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::precision::wide;
use burn::tensor::{Bool, Int, Tensor, activation::log_softmax};

/// One class number: an event of one value among `0 .. K`.
#[derive(Clone, Debug)]
pub struct Categorical {
    /// Unnormalised log probabilities `[rows, K]`.
    pub logits: Tensor<2>,
}

impl Categorical {
    /// `classes`.
    #[must_use]
    pub fn params_size(classes: usize) -> usize {
        classes
    }

    pub(super) fn from_outputs(outputs: &Tensor<2>) -> Self {
        Self { logits: outputs.clone() }
    }

    /// `ln p(k)` of every class: `[rows, K]`.
    #[must_use]
    pub fn log_probs(&self) -> Tensor<2> {
        log_softmax(self.logits.clone(), 1)
    }

    /// `ln p(k)` of one class per row, `[rows]`; numbers of classes that there are not give minus infinity.
    #[must_use]
    pub fn log_prob_of_classes(&self, classes: Tensor<1, Int>) -> Tensor<1> {
        let [rows, count] = self.logits.dims();
        let last = i64::try_from(count).unwrap_or(i64::MAX) - 1;
        let outside = classes.clone().lower_elem(0).bool_or(classes.clone().greater_elem(last));
        let classes = classes.mask_fill(outside.clone(), 0).reshape([rows, 1]);
        self.log_probs().gather(1, classes).reshape([rows]).mask_fill(outside, f64::NEG_INFINITY)
    }

    /// `ln Σ p(k)` over the classes that are not dropped: `[rows, 1]`.
    fn log_sum(&self, dropped: Tensor<2, Bool>) -> Tensor<2> {
        let terms = self.log_probs().mask_fill(dropped, f64::NEG_INFINITY);
        log_sum_exp(terms, 1)
    }

    /// Class numbers `[1, K]`.
    fn numbers(&self) -> Tensor<2> {
        class_numbers(self.logits.dims()[1], &self.logits).unsqueeze_dim(0)
    }
}

impl OutputDistribution for Categorical {
    fn name(&self) -> &'static str {
        "categorical"
    }

    fn support(&self) -> Support {
        Support::Class(self.logits.dims()[1])
    }

    fn dims(&self) -> [usize; 2] {
        [self.logits.dims()[0], 1]
    }

    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let rows = values.dims()[0];
        let values = values.reshape([rows]);
        let broken = values.clone().floor().not_equal(values.clone());
        self.log_prob_of_classes(values.int()).mask_fill(broken, f64::NEG_INFINITY)
    }

    /// The mean class number: of use if classes are in an order.
    fn mean(&self) -> Tensor<2> {
        (self.log_probs().exp() * self.numbers()).sum_dim(1)
    }

    fn variance(&self) -> Tensor<2> {
        let away = self.numbers() - self.mean();
        (self.log_probs().exp() * away.clone() * away).sum_dim(1)
    }

    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<3>> {
        let weights = wide(self.logits.clone()).detach();
        let u = wide(noise.uniform(&weights.clone().narrow(1, 0, 1))?);
        let probs = log_softmax(weights, 1).exp();
        Ok(choice(probs, u).cast(self.logits.dtype()))
    }

    /// The first of the most probable classes.
    fn mode(&self) -> Option<Tensor<2>> {
        Some(self.logits.clone().argmax(1).float().cast(self.logits.dtype()))
    }

    /// `-Σ p ln p`, with 0 for classes that are ruled out by logits of minus infinity.
    fn entropy(&self) -> Option<Tensor<1>> {
        let log_probs = self.log_probs();
        let log_probs = log_probs.clone().mask_fill(log_probs.equal_elem(f64::NEG_INFINITY), 0.0);
        Some(total((log_probs.clone().exp() * log_probs).neg()))
    }

    fn covariance(&self) -> Option<Tensor<3>> {
        Some(self.variance().unsqueeze_dim(2))
    }

    fn log_cdf(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.log_sum(self.numbers().greater(values)))
    }

    fn log_survival(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.log_sum(self.numbers().lower_equal(values)))
    }
}

/// One-hot rows of class numbers.
pub(super) fn one_hot_mode(scores: &Tensor<2>) -> Tensor<2> {
    let numbers = scores.clone().argmax(1).float().cast(scores.dtype());
    one_hot(numbers, scores.dims()[1])
}

//! `p(y) = Σ_k w_k p_k(y)`, `w = softmax(logits)`, over components of one family.

use super::categorical::one_hot_mode;
use super::independent::{choice, log_sum_exp, total};
use super::{OutputDistribution, Support};
use crate::error::Result;
use crate::noise::WeightNoise;
use crate::precision::wide;
use burn::tensor::{Int, Tensor, activation::log_softmax};

/// A mixture of K components per row.
#[derive(Debug)]
pub struct Mixture {
    /// Unnormalised logarithms of the weights `[rows, K]`.
    pub logits: Tensor<2>,
    /// The components: `rows K` of them, those of a row together.
    pub components: Box<dyn OutputDistribution>,
}

impl Mixture {
    /// `components + components · component_size`.
    #[must_use]
    pub fn params_size(components: usize, component_size: usize) -> usize {
        components.saturating_add(components.saturating_mul(component_size))
    }

    /// `make` turns `[rows K, size]` outputs into the components.
    pub(super) fn from_outputs(
        outputs: &Tensor<2>,
        components: usize,
        size: usize,
        make: impl FnOnce(Tensor<2>) -> Result<Box<dyn OutputDistribution>>,
    ) -> Result<Self> {
        let rows = outputs.dims()[0];
        let logits = outputs.clone().narrow(1, 0, components);
        let rest = outputs.clone().narrow(1, components, components * size).reshape([rows * components, size]);
        Ok(Self { logits, components: make(rest)? })
    }

    fn log_weights(&self) -> Tensor<2> {
        log_softmax(self.logits.clone(), 1)
    }

    /// `[rows, event] -> [rows K, event]`: every component of a row meets its values.
    fn for_components(&self, values: Tensor<2>) -> Tensor<2> {
        let ([rows, count], event) = (self.logits.dims(), values.dims()[1]);
        values.unsqueeze_dim::<3>(1).repeat_dim(1, count).reshape([rows * count, event])
    }

    /// `[rows K, event] -> [rows, K, event]`.
    fn by_row(&self, values: Tensor<2>) -> Tensor<3> {
        let ([rows, count], event) = (self.logits.dims(), values.dims()[1]);
        values.reshape([rows, count, event])
    }

    /// `Σ_k w_k x_k` of what the components say: `[rows K, event] -> [rows, event]`.
    fn average(&self, values: Tensor<2>) -> Tensor<2> {
        let weights = self.log_weights().exp().unsqueeze_dim::<3>(2);
        (weights * self.by_row(values)).sum_dim(1).reshape(self.dims())
    }

    /// `ln Σ_k w_k e^{x_k}`: `[rows K, event] -> [rows, event]`.
    fn log_average(&self, values: Tensor<2>) -> Tensor<2> {
        let terms = self.log_weights().unsqueeze_dim::<3>(2) + self.by_row(values);
        let [rows, _, event] = terms.dims();
        log_sum_exp(terms, 1).reshape([rows, event])
    }
}

impl OutputDistribution for Mixture {
    fn name(&self) -> &'static str {
        "mixture"
    }

    fn support(&self) -> Support {
        self.components.support()
    }

    fn dims(&self) -> [usize; 2] {
        [self.logits.dims()[0], self.components.dims()[1]]
    }

    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let rows = self.dims()[0];
        let each = self.components.log_prob(self.for_components(values));
        self.log_average(each.unsqueeze_dim::<2>(1)).reshape([rows])
    }

    fn mean(&self) -> Tensor<2> {
        self.average(self.components.mean())
    }

    /// `Σ_k w_k (variance_k + (mean_k - mean)²)`.
    fn variance(&self) -> Tensor<2> {
        let away = self.components.mean() - self.for_components(self.mean());
        self.average(self.components.variance() + away.clone() * away)
    }

    /// Every component draws, and a uniform number says whose event is taken.
    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<3>> {
        let all = self.components.sample(noise)?;
        let weights = wide(self.log_weights().exp().detach());
        let u = wide(noise.uniform(&weights.clone().narrow(1, 0, 1))?);
        let [rows, count] = self.logits.dims();
        let [samples, _, event] = all.dims();
        let chosen: Tensor<3, Int> = choice(weights, u).int();
        let chosen = chosen.unsqueeze_dim::<4>(3).repeat_dim(3, event);
        Ok(all.reshape([samples, rows, count, event]).gather(2, chosen).reshape([samples, rows, event]))
    }

    /// Of one-hot categoricals, whose mixture is one itself.
    fn mode(&self) -> Option<Tensor<2>> {
        matches!(self.support(), Support::OneHot(_)).then(|| one_hot_mode(&self.mean()))
    }

    /// Of one-hot categoricals, whose mixture is one itself.
    fn entropy(&self) -> Option<Tensor<1>> {
        let is_one_hot = matches!(self.support(), Support::OneHot(_));
        is_one_hot.then(|| {
            let p = self.mean();
            // 0 ln 0 = 0, and its slope must not be infinite.
            let log_p = p.clone().mask_fill(p.clone().equal_elem(0.0), 1.0).log();
            total((p * log_p).neg())
        })
    }

    /// `Σ_k w_k (covariance_k + (mean_k - mean) (mean_k - mean)ᵀ)`.
    fn covariance(&self) -> Option<Tensor<3>> {
        let [rows, event] = self.dims();
        let within = self.components.covariance()?;
        let away = self.components.mean() - self.for_components(self.mean());
        let between = away.clone().unsqueeze_dim::<3>(2) * away.unsqueeze_dim::<3>(1);
        let each = (within + between).reshape([rows, self.logits.dims()[1], event * event]);
        let weights = self.log_weights().exp().unsqueeze_dim::<3>(2);
        Some((weights * each).sum_dim(1).reshape([rows, event, event]))
    }

    fn log_cdf(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.log_average(self.components.log_cdf(self.for_components(values))?))
    }

    fn log_survival(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.log_average(self.components.log_survival(self.for_components(values))?))
    }
}

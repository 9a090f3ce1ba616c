//! `p(y) = Π_j rate_j^{y_j} e^{-rate_j} / y_j!`, `rate = e^{log_rate}`.

use super::independent::{diagonal, draws, total};
use super::special::gamma::ln_gamma;
use super::special::{Curve, incomplete_gamma, normal, on_host, with_slope};
use super::{OutputDistribution, Support};
use crate::error::Result;
use crate::noise::WeightNoise;
use burn::tensor::{Tensor, TensorData};

/// Rates beyond which the normal quantile, corrected for its skewness, is used: it is off by less than a count.
const LARGE: f64 = 1e8;

/// Independent counts.
#[derive(Clone, Debug)]
pub struct Poisson {
    /// Logarithm of the mean: `[rows, event]`.
    pub log_rate: Tensor<2>,
}

impl Poisson {
    /// `event`.
    #[must_use]
    pub fn params_size(event: usize) -> usize {
        event
    }

    pub(super) fn from_outputs(outputs: &Tensor<2>) -> Self {
        Self { log_rate: outputs.clone() }
    }

    /// `ln Q(⌊y⌋ + 1, rate)` or `ln P`, with the slope `∓ p(⌊y⌋) rate / (the probability)` in `log_rate`.
    fn log_tail(&self, values: &Tensor<2>, lower: bool) -> Tensor<2> {
        with_slope(self.log_rate.clone(), [values], |log_rate, [y]| {
            if y < 0.0 {
                return Curve { value: if lower { f64::NEG_INFINITY } else { 0.0 }, slope: 0.0 };
            }
            let (count, rate) = (y.floor(), log_rate.exp());
            if rate == 0.0 {
                return at_no_rate(count, log_rate, lower);
            }
            if rate == f64::INFINITY {
                return Curve { value: if lower { f64::NEG_INFINITY } else { 0.0 }, slope: 0.0 };
            }
            let (above, below) = incomplete_gamma::log_p_q(count + 1.0, rate);
            let (value, sign) = if lower { (below, -1.0) } else { (above, 1.0) };
            // A probability that is 0 in every digit has no slope that could be told.
            let is_zero = value == f64::NEG_INFINITY;
            let slope = if is_zero { 0.0 } else { (incomplete_gamma::log_prefix(count + 1.0, rate) - value).exp() };
            Curve { value, slope: sign * slope }
        })
    }
}

impl OutputDistribution for Poisson {
    fn name(&self) -> &'static str {
        "poisson"
    }

    fn support(&self) -> Support {
        Support::Counts
    }

    fn dims(&self) -> [usize; 2] {
        self.log_rate.dims()
    }

    /// `Σ_j y log_rate - rate - ln Γ(y + 1)`.
    fn log_prob(&self, values: Tensor<2>) -> Tensor<1> {
        let outside = values.clone().lower_elem(0.0).bool_or(values.clone().floor().not_equal(values.clone()));
        let values = values.mask_fill(outside.clone(), 0.0);
        let mean = self.log_rate.clone().exp();
        // 0! and 1! are what most counts have: their logarithm is exact.
        let log_factorial =
            ln_gamma(&values.clone().add_scalar(1.0)).mask_fill(values.clone().lower_equal_elem(1.0), 0.0);
        // A count of 0 at a rate of 0 is certain.
        let powers = (values.clone() * self.log_rate.clone()).mask_fill(values.equal_elem(0.0), 0.0);
        let terms = powers - mean - log_factorial;
        total(terms.mask_fill(outside, f64::NEG_INFINITY))
    }

    fn mean(&self) -> Tensor<2> {
        self.log_rate.clone().exp()
    }

    fn variance(&self) -> Tensor<2> {
        self.mean()
    }

    /// The quantile of a uniform number, found on the host. A NaN where the rate is not a finite number.
    fn sample(&self, noise: &mut WeightNoise) -> Result<Tensor<3>> {
        let [rows, event] = self.dims();
        let u = noise.uniform(&self.log_rate)?;
        let log_rate = self.log_rate.clone().detach().reshape([1, rows * event]);
        let counts = on_host(&u, [&log_rate], |u, [log_rate]| quantile(u, log_rate));
        let counts = TensorData::new(counts, u.dims());
        Ok(draws(Tensor::from_data(counts, (&self.log_rate.device(), self.log_rate.dtype())), self.dims()))
    }

    /// The largest integer that is not above the rate.
    fn mode(&self) -> Option<Tensor<2>> {
        Some(self.mean().floor())
    }

    fn covariance(&self) -> Option<Tensor<3>> {
        Some(diagonal(self.variance()))
    }

    fn log_cdf(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.log_tail(&values, true))
    }

    fn log_survival(&self, values: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.log_tail(&values, false))
    }
}

/// The tails where `e^log_rate` is below every number: all is at 0, and the first count above has the upper tail,
/// `rate^(count + 1) / (count + 1)!`.
fn at_no_rate(count: f64, log_rate: f64, lower: bool) -> Curve {
    if lower {
        return Curve { value: 0.0, slope: 0.0 };
    }
    let next = count + 1.0;
    Curve { value: next * log_rate - libm::lgamma(next + 1.0), slope: next }
}

/// `ln p(count)`.
fn log_probability(count: f64, log_rate: f64) -> f64 {
    count * log_rate - log_rate.exp() - libm::lgamma(count + 1.0)
}

/// The smallest count that is not exceeded with probability `u` or more.
fn quantile(u: f64, log_rate: f64) -> f64 {
    let rate = log_rate.exp();
    if !rate.is_finite() {
        return f64::NAN;
    }
    if rate < 10.0 {
        return climb(u, rate, 0.0, (-rate).exp(), (-rate).exp());
    }
    // Cornish and Fisher 1938: two terms.
    let z = normal::quantile(u);
    let guess = (rate + rate.sqrt() * z + (z * z - 1.0) / 6.0).floor().max(0.0);
    if rate > LARGE {
        return guess;
    }
    let mut count = guess;
    let mut cdf = incomplete_gamma::log_p_q(count + 1.0, rate).1.exp();
    let mut probability = log_probability(count, log_rate).exp();
    while count > 0.0 && cdf - probability >= u {
        cdf -= probability;
        probability *= count / rate;
        count -= 1.0;
    }
    climb(u, rate, count, cdf, probability)
}

/// Upwards from a count whose distribution function and probability are known.
fn climb(u: f64, rate: f64, mut count: f64, mut cdf: f64, mut probability: f64) -> f64 {
    while cdf < u && probability > f64::EPSILON * f64::EPSILON {
        count += 1.0;
        probability *= rate / count;
        cdf += probability;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Pr(k <= n - 1) < u <= Pr(k <= n)`, up to rounding, against the sums of probabilities.
    #[test]
    fn quantiles_invert_the_distribution_function() {
        for rate in [0.0, 0.01, 0.5, 3.0, 9.99, 10.0, 47.0, 300.0, 1e4] {
            let log_rate = f64::ln(rate);
            let cdf = |n: f64| {
                let terms = (0..20_000).map(f64::from).take_while(|k| *k <= n);
                if rate == 0.0 { 1.0 } else { terms.map(|k| log_probability(k, log_rate).exp()).sum::<f64>() }
            };
            for u in [1e-15, 1e-6, 0.1, 0.37, 0.5, 0.63, 0.9, 0.999_999] {
                let n = quantile(u, log_rate);
                assert!(cdf(n) >= u - 1e-10, "rate {rate}, u {u}: {n} is too small");
                assert!(n == 0.0 || cdf(n - 1.0) < u + 1e-10, "rate {rate}, u {u}: {n} is too large");
            }
        }
        assert!(quantile(0.5, 1000.0).is_nan() && quantile(0.5, f64::NAN).is_nan());
        let large = quantile(0.975, 1e12_f64.ln());
        assert!((large - 1e12 - 1_959_963.98).abs() < 2.0, "{large}");
    }

    /// One in 2^53 is the largest uniform: the search ends.
    #[test]
    fn the_last_uniform_ends_the_search() {
        for rate in [0.1_f64, 5.0, 20.0, 1e6] {
            assert!(quantile(1.0 - 0.5_f64.powi(53), rate.ln()).is_finite());
        }
    }
}

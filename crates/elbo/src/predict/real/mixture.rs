//! A mixture of location-scale distributions in bounded memory: one component per weight sample, neighbours joined once
//! there are many.
//!
//! `F(y) = Σ_c w_c F_c((y - μ_c) / s_c) / Σ_c w_c`, with `F_c` the standard normal or Student's distribution function.
//!
//! Components are joined as the centroids of a t-digest (Dunning and Ertl 2019, arXiv 1902.04023, scale function k₂):
//! finely in the tails, coarsely in the middle. A joined component keeps weight, mean and variance, the part within and the
//! part between those it was made of, so the mixture's moments stay exact; up to [`CAPACITY`] components everything is.

use crate::output::special::{incomplete_beta, normal};

/// Components that are kept before some are joined.
const CAPACITY: usize = 128;

/// The t-digest's δ: joining n leaves about `δ/2 ln n`.
const COMPRESSION: f64 = 20.0;

/// Weight samples whose distributions lie close together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Component {
    /// How many.
    pub(super) weight: f64,
    /// Mean of their locations.
    pub(super) loc: f64,
    /// Variance of their locations.
    between: f64,
    /// Mean of their squared scales.
    pub(super) square: f64,
    /// Mean of their variances; infinite if one has none.
    within: f64,
    /// Mean of 1 / df; 0 of a normal.
    pub(super) tail: f64,
}

/// The predictive distribution of one real number.
///
/// ```
/// use elbo::predict::Mixture;
/// let mut mixture = Mixture::default();
/// mixture.push_normal(-1.0, 0.5);
/// mixture.push_normal(1.0, 0.5);
/// assert_eq!((mixture.mean(), mixture.aleatoric_variance(), mixture.epistemic_variance()), (0.0, 0.25, 1.0));
/// assert!((mixture.quantile(mixture.cdf(0.7)) - 0.7).abs() < 1e-9);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mixture {
    components: Vec<Component>,
}

impl Component {
    fn join(&mut self, other: &Self) {
        let weight = self.weight + other.weight;
        let (a, b) = (self.weight / weight, other.weight / weight);
        let distance = other.loc - self.loc;
        self.between = a * self.between + b * other.between + a * b * distance * distance;
        self.square = a * self.square + b * other.square;
        self.within = a * self.within + b * other.within;
        // Not a rounding apart from equals, which would take the long way to their distribution function.
        if self.tail != other.tail {
            self.tail = a * self.tail + b * other.tail;
        }
        self.loc += b * distance;
        self.weight = weight;
    }

    /// The scale at which the distribution has the variance of those it was made of. Without a variance what joining has
    /// widened it by is added to the squared scale.
    pub(super) fn scale(&self) -> f64 {
        let variance = self.within + self.between;
        if self.tail == 0.0 || !variance.is_finite() {
            return (self.square + self.between).sqrt();
        }
        (variance * (1.0 - 2.0 * self.tail)).sqrt()
    }

    fn log_density(&self, y: f64) -> f64 {
        let (scale, z) = (self.scale(), (y - self.loc) / self.scale());
        let standard =
            if self.tail == 0.0 { normal::log_density(z) } else { incomplete_beta::log_density(z, 1.0 / self.tail) };
        standard - scale.ln()
    }

    fn cdf(&self, y: f64) -> f64 {
        self.beyond(y, 1.0)
    }

    /// `Pr(Y <= y)` for a sign of 1, `Pr(Y >= y)` for -1.
    pub(super) fn beyond(&self, y: f64, sign: f64) -> f64 {
        let z = sign * (y - self.loc) / self.scale();
        if self.tail == 0.0 { normal::log_cdf(z).exp() } else { incomplete_beta::cdf(z, 1.0 / self.tail) }
    }

    /// The quantile of the distribution before it was moved and scaled.
    fn standard_quantile(&self, p: f64) -> f64 {
        if self.tail == 0.0 { normal::quantile(p) } else { incomplete_beta::quantile(p, 1.0 / self.tail) }
    }
}

/// Variance of Student's distribution, `scale² ν / (ν - 2)`: infinite for 2 degrees of freedom or fewer.
fn variance(square: f64, tail: f64) -> f64 {
    if tail < 0.5 { square / (1.0 - 2.0 * tail) } else { f64::INFINITY }
}

impl Mixture {
    /// Adds `N(loc, scale²)`.
    pub fn push_normal(&mut self, loc: f64, scale: f64) {
        self.push(loc, scale, 0.0);
    }

    /// Adds Student's distribution with `df` degrees of freedom.
    pub fn push_student_t(&mut self, loc: f64, scale: f64, df: f64) {
        self.push(loc, scale, 1.0 / df);
    }

    /// Adds a component; `tail` is 1 / df.
    pub(super) fn push(&mut self, loc: f64, scale: f64, tail: f64) {
        if self.components.len() == CAPACITY {
            self.compress();
        }
        let square = scale * scale;
        let within = variance(square, tail);
        self.components.push(Component { weight: 1.0, loc, between: 0.0, square, within, tail });
    }

    /// Number of distributions added.
    #[must_use]
    pub fn samples(&self) -> f64 {
        self.components.iter().map(|component| component.weight).sum()
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.average(|component| component.loc)
    }

    /// `E_s Var[y | W_s]`: what more data would not remove.
    #[must_use]
    pub fn aleatoric_variance(&self) -> f64 {
        self.average(|component| component.within)
    }

    /// `Var_s E[y | W_s]`: what comes from not knowing the weights.
    #[must_use]
    pub fn epistemic_variance(&self) -> f64 {
        let mean = self.mean();
        self.average(|component| component.between + (component.loc - mean).powi(2))
    }

    /// The variance: the sum of both.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.aleatoric_variance() + self.epistemic_variance()
    }

    /// `Pr(Y <= y)`.
    #[must_use]
    pub fn cdf(&self, y: f64) -> f64 {
        self.average(|component| component.cdf(y)).clamp(0.0, 1.0)
    }

    /// `ln p(y)` in nats.
    #[must_use]
    pub fn log_density(&self, y: f64) -> f64 {
        let mut sum = super::LogSum::default();
        for component in &self.components {
            sum.add(component.weight.ln() + component.log_density(y));
        }
        sum.value() - self.samples().ln()
    }

    /// The y with `Pr(Y <= y) = p`: infinite at 0 and 1, NaN beyond.
    ///
    /// Newton's method on the distribution function between the least and the largest quantile of a component, which
    /// hold it; a step that leaves the bracket, or is not half as long as the one before, is replaced by one to its middle.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        let (mut low, mut high) = self.bracket(p);
        if !(low < high && low.is_finite() && high.is_finite()) {
            return if p.is_nan() || !(0.0..=1.0).contains(&p) { f64::NAN } else { high };
        }
        let mut y = 0.5 * (low + high);
        let mut before = high - low;
        for _ in 0..200 {
            let excess = self.cdf(y) - p;
            if excess == 0.0 {
                break;
            }
            if excess > 0.0 {
                high = y;
            } else {
                low = y;
            }
            let newton = y - excess / self.log_density(y).exp();
            let fast = (low..=high).contains(&newton) && (newton - y).abs() <= 0.5 * before;
            let next = if fast { newton } else { 0.5 * (low + high) };
            before = (next - y).abs();
            y = next;
            if before <= 1e-14 * y.abs().max(f64::MIN_POSITIVE) {
                break;
            }
        }
        y
    }

    /// The least and the largest quantile of a component. Neighbours with one tail share its standard quantile.
    fn bracket(&self, p: f64) -> (f64, f64) {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut of_tail = None;
        for component in &self.components {
            let z = match of_tail {
                Some((tail, z)) if tail == component.tail => z,
                _ => component.standard_quantile(p),
            };
            of_tail = Some((component.tail, z));
            let quantile = component.loc + component.scale() * z;
            (low, high) = (low.min(quantile), high.max(quantile));
        }
        (low, high)
    }

    /// Ends of the central interval that holds Y with probability `level`.
    #[must_use]
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let tail = 0.5 * (1.0 - level);
        (self.quantile(tail), self.quantile(1.0 - tail))
    }

    /// Ends of the central credible interval of the mean `E[y | W]` under the posterior of the weights: quantiles of the
    /// locations, linear between the middles of neighbours (Hazen's rule).
    #[must_use]
    pub fn credible_interval(&self, level: f64) -> (f64, f64) {
        let mut components = self.components.clone();
        components.sort_unstable_by(|a, b| a.loc.total_cmp(&b.loc));
        let tail = 0.5 * (1.0 - level);
        (location_quantile(&components, tail), location_quantile(&components, 1.0 - tail))
    }

    /// The distribution of `loc + scale Y`.
    pub(crate) fn scaled(mut self, loc: f64, scale: f64) -> Self {
        for component in &mut self.components {
            component.loc = loc + scale * component.loc;
            component.between *= scale * scale;
            component.square *= scale * scale;
            component.within *= scale * scale;
        }
        self
    }

    pub(super) fn components(&self) -> &[Component] {
        &self.components
    }

    pub(super) fn average(&self, of: impl Fn(&Component) -> f64) -> f64 {
        self.components.iter().map(|component| component.weight * of(component)).sum::<f64>() / self.samples()
    }

    /// Joins neighbours: a component of quantiles around q may have the share `4 q (1 - q) / δ`.
    fn compress(&mut self) {
        let total = self.samples();
        self.components.sort_unstable_by(|a, b| a.loc.total_cmp(&b.loc));
        let mut joined: Vec<Component> = Vec::with_capacity(CAPACITY);
        let mut before = 0.0;
        for component in &self.components {
            if let Some(last) = joined.last_mut() {
                let weight = last.weight + component.weight;
                let q = (before + 0.5 * weight) / total;
                if weight <= total * 4.0 * q * (1.0 - q) / COMPRESSION {
                    last.join(component);
                    continue;
                }
                before += last.weight;
            }
            joined.push(*component);
        }
        if joined.len() > CAPACITY / 4 * 3 {
            joined = joined.chunks(2).map(pair).collect();
        }
        self.components = joined;
    }
}

/// One or two components as one.
fn pair(components: &[Component]) -> Component {
    let mut joined = components[0];
    components[1..].iter().for_each(|other| joined.join(other));
    joined
}

/// The quantile of the locations of sorted components.
fn location_quantile(components: &[Component], p: f64) -> f64 {
    let total: f64 = components.iter().map(|component| component.weight).sum();
    let mut before = 0.0;
    let middles = components.iter().map(|component| {
        before += component.weight;
        ((before - 0.5 * component.weight) / total, component.loc)
    });
    let mut left: Option<(f64, f64)> = None;
    for (q, loc) in middles {
        match left {
            _ if q < p => left = Some((q, loc)),
            Some((start, from)) => return from + (loc - from) * (p - start) / (q - start),
            None => return loc,
        }
    }
    left.map_or(f64::NAN, |(_, loc)| loc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Locations that do not come in order, in the plane's most even sequence.
    fn spread(n: usize) -> impl Iterator<Item = f64> {
        (0..n).map(|i| {
            let u = (f64::from(u32::try_from(i).unwrap()) + 0.5) * 0.618_033_988_749_894_9;
            normal::quantile(u.fract())
        })
    }

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() <= tolerance * b.abs().max(1.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn moments_stay_exact_however_many_are_joined(
            parts in prop::collection::vec((-50.0_f64..50.0, 0.01_f64..10.0, 0.0_f64..0.4), 1..400),
        ) {
            let mut mixture = Mixture::default();
            for &(loc, scale, tail) in &parts {
                mixture.push(loc, scale, tail);
            }
            let n = f64::from(u32::try_from(parts.len()).unwrap());
            let mean = parts.iter().map(|p| p.0).sum::<f64>() / n;
            let between = parts.iter().map(|p| (p.0 - mean).powi(2)).sum::<f64>() / n;
            let within = parts.iter().map(|p| p.1 * p.1 / (1.0 - 2.0 * p.2)).sum::<f64>() / n;
            prop_assert!(close(mixture.mean(), mean, 1e-12) && close(mixture.epistemic_variance(), between, 1e-10));
            prop_assert!(close(mixture.aleatoric_variance(), within, 1e-10));
            prop_assert!(mixture.components.len() <= CAPACITY && close(mixture.samples(), n, 1e-12));
            // So are those of the distribution that is left.
            let second = |c: &Component| variance(c.scale() * c.scale(), c.tail) + (c.loc - mean).powi(2);
            prop_assert!(close(mixture.average(second), within + between, 1e-9));
        }

        #[test]
        fn quantiles_invert_the_distribution_function(
            parts in prop::collection::vec((-5.0_f64..5.0, 0.05_f64..2.0), 1..60), p in 0.001_f64..0.999, t: bool,
        ) {
            let mut mixture = Mixture::default();
            for &(loc, scale) in &parts {
                mixture.push(loc, scale, if t { 0.25 } else { 0.0 });
            }
            let y = mixture.quantile(p);
            prop_assert!((mixture.cdf(y) - p).abs() < 1e-9, "{} at {}", mixture.cdf(y), y);
            let (h, middle) = (1e-5, mixture.log_density(y).exp());
            let slope = (mixture.cdf(y + h) - mixture.cdf(y - h)) / (2.0 * h);
            prop_assert!((slope - middle).abs() < 1e-4 * middle.max(1.0), "{} and {}", slope, middle);
        }
    }

    /// 10,000 joined components against all of them.
    #[test]
    fn many_samples_keep_their_distribution() {
        for scale in [0.05, 0.3, 2.0] {
            let mut mixture = Mixture::default();
            spread(10_000).for_each(|loc| mixture.push_normal(loc, scale));
            let square = scale * scale;
            let part = |loc| Component { weight: 1.0, loc, between: 0.0, square, within: square, tail: 0.0 };
            let all = Mixture { components: spread(10_000).map(part).collect() };
            let stddev = f64::sqrt(1.0 + scale * scale);
            for p in [0.001, 0.025, 0.05, 0.25, 0.5, 0.9, 0.975, 0.999] {
                let (found, expected) = (mixture.quantile(p), all.quantile(p));
                assert!((found - expected).abs() < 0.01 * stddev, "{scale} {p}: {found} for {expected}");
                let found = mixture.cdf(expected);
                assert!((found - p).abs() < 0.001, "{scale} {p}: {found}");
            }
            let (low, high) = mixture.credible_interval(0.9);
            assert!((low + 1.644_85).abs() < 0.02 && (high - 1.644_85).abs() < 0.02, "{low} {high}");
        }
    }

    #[test]
    fn a_few_are_exact() {
        let mut mixture = Mixture::default();
        for loc in [3.0, 1.0, 2.0] {
            mixture.push_normal(loc, 0.1);
        }
        assert!(close(mixture.quantile(0.5), 2.0, 1e-12));
        // Order statistics at 1/6, 1/2 and 5/6.
        assert_eq!(mixture.credible_interval(2.0 / 3.0).0, 1.0);
        assert!(close(mixture.credible_interval(1.0 / 3.0).1, 2.5, 1e-12));
        let density = |y: f64| {
            [1.0, 2.0, 3.0].map(|loc| normal::log_density((y - loc) / 0.1).exp() / 0.1).iter().sum::<f64>() / 3.0
        };
        assert!(close(mixture.log_density(1.05), density(1.05).ln(), 1e-12));
        let moved = mixture.clone().scaled(10.0, 2.0);
        assert!(close(moved.mean(), 14.0, 1e-12) && close(moved.cdf(14.2), mixture.cdf(2.1), 1e-12));
    }

    #[test]
    fn ends_and_odd_cases() {
        let mut one = Mixture::default();
        one.push_normal(1.0, 2.0);
        assert_eq!((one.quantile(0.0), one.quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(one.quantile(1.5).is_nan() && one.quantile(f64::NAN).is_nan());
        assert_eq!(one.credible_interval(0.9), (1.0, 1.0));
        let mut cauchy = Mixture::default();
        cauchy.push_student_t(0.0, 1.0, 1.0);
        assert_eq!(cauchy.aleatoric_variance(), f64::INFINITY);
        assert!(close(cauchy.quantile(0.75), 1.0, 1e-12));
    }
}

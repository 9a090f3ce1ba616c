//! Selective prediction: the examples of least uncertainty are answered, the others left (El-Yaniv and Wiener 2010;
//! Geifman and El-Yaniv 2017).
//!
//! With losses in order of uncertainty, the selective risk of the first k is `r(k) = Σ_{i<=k} loss_i / k`, and
//!
//! `AURC = Σ_{k=1}^B r(k) / B`, excess AURC = AURC less that of the order of the losses themselves, the best there is
//! (Geifman, Uziel and El-Yaniv 2019, sections 3 and 4; exact, not with their logarithm).
//!
//! Among equal uncertainties the order is chance: `r(k)` is its mean over all orders of them, `(L + j G / g) / (a + j)`
//! for the j-th of a group of g with losses of sum G, after a examples with losses of sum L. A whole group adds
//! `G + (L - a G / g) (H(a + g) - H(a))` to `Σ_k r(k)`, with the harmonic numbers `H(k) = 1 + 1/2 + .. + 1/k`.

use super::super::lists::{check, check_numbers};
use super::super::order::{Ranked, multiplicities};
use super::super::{MetricError, all, count};
use serde::{Deserialize, Serialize};

/// A point of the risk-coverage curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskCoverage {
    /// Share of the examples that is answered, above 0.
    pub coverage: f64,
    /// Mean loss of these.
    pub risk: f64,
    /// The largest uncertainty among these: the threshold.
    pub uncertainty: f64,
}

/// Losses in order of uncertainty: prepared once for all examples and for resamples.
///
/// ```
/// use elbo::metric::{Bootstrap, Selective};
/// let (uncertainty, wrong) = ([0.1, 0.4, 0.2, 0.3], [0.0, 1.0, 0.0, 0.0]);
/// let selective = Selective::new(&uncertainty, &wrong)?;
/// assert!((selective.aurc() - 0.25 / 4.0).abs() < 1e-12); // the error is the last to be answered
/// assert_eq!(selective.excess_aurc(), 0.0);
/// assert_eq!(selective.curve()[2].risk, 0.0);
/// let aurc = Bootstrap::default().estimate(4, |chosen| selective.aurc_of(chosen))?;
/// assert!(aurc.high > aurc.value);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Selective {
    by_uncertainty: Ranked,
    by_loss: Ranked,
    uncertainties: Vec<f64>,
    losses: Vec<f64>,
    /// `H(0) .. H(B)`.
    harmonic: Vec<f64>,
}

impl Selective {
    /// Uncertainties of any kind, and losses of at least 0: 1 for an error and 0 for none, or squared errors.
    ///
    /// # Shapes
    /// - `uncertainties`, `losses`: `[B]`
    ///
    /// # Errors
    /// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Value`] if the lists do not fit, an uncertainty
    /// is not a number or a loss not a finite number of at least 0.
    pub fn new(uncertainties: &[f64], losses: &[f64]) -> Result<Self, MetricError> {
        check_numbers("uncertainties", uncertainties, uncertainties.len())?;
        let allowed = |x: f64| x.is_finite() && x >= 0.0;
        check("losses", losses, uncertainties.len(), allowed, "a finite number of at least 0")?;
        Ok(Self {
            by_uncertainty: Ranked::new(uncertainties),
            by_loss: Ranked::new(losses),
            uncertainties: uncertainties.to_vec(),
            losses: losses.to_vec(),
            harmonic: harmonic(losses.len()),
        })
    }

    /// Area under the risk-coverage curve, in the unit of the loss; smaller is better, and with errors as losses between
    /// 0 and 1. It has the error rate in it; [`excess_aurc`](Self::excess_aurc) compares orders alone.
    #[must_use]
    pub fn aurc(&self) -> f64 {
        self.aurc_of(&all(self.losses.len()))
    }

    /// AURC of a choice of examples; NaN for none.
    ///
    /// # Panics
    /// If a number is not below the number of examples.
    #[must_use]
    pub fn aurc_of(&self, chosen: &[usize]) -> f64 {
        self.areas(chosen)[0]
    }

    /// How much of AURC is due to the order, at least 0: 0 where every larger loss has the larger uncertainty.
    #[must_use]
    pub fn excess_aurc(&self) -> f64 {
        self.excess_aurc_of(&all(self.losses.len()))
    }

    /// Excess AURC of a choice of examples; NaN for none.
    ///
    /// # Panics
    /// If a number is not below the number of examples.
    #[must_use]
    pub fn excess_aurc_of(&self, chosen: &[usize]) -> f64 {
        self.areas(chosen)[1]
    }

    fn areas(&self, chosen: &[usize]) -> [f64; 2] {
        self.areas_with(&multiplicities(chosen, self.losses.len()), chosen.len())
    }

    /// AURC and its excess with every example taken so many times, `n` in all.
    pub(in super::super) fn areas_with(&self, times: &[f64], n: usize) -> [f64; 2] {
        let area = self.area(&self.by_uncertainty, times, n);
        let excess = area - self.area(&self.by_loss, times, n);
        // Rounding below 0 is clipped; a NaN stays one.
        [area, if excess < 0.0 { 0.0 } else { excess }]
    }

    /// The risk-coverage curve: a point for every distinct uncertainty, smallest first; the last has coverage 1 and the
    /// mean loss.
    #[must_use]
    pub fn curve(&self) -> Vec<RiskCoverage> {
        let (mut answered, mut loss) = (0, 0.0);
        let point = |group: &[usize]| {
            answered += group.len();
            loss += group.iter().map(|&i| self.losses[i]).sum::<f64>();
            let coverage = count(answered) / count(self.losses.len());
            RiskCoverage { coverage, risk: loss / count(answered), uncertainty: self.uncertainties[group[0]] }
        };
        self.by_uncertainty.groups().map(point).collect()
    }

    fn area(&self, ranked: &Ranked, times: &[f64], n: usize) -> f64 {
        let longer;
        let harmonic = if n < self.harmonic.len() {
            &self.harmonic
        } else {
            longer = harmonic(n);
            &longer
        };
        let (mut answered, mut before, mut loss, mut area) = (0, 0.0, 0.0, 0.0);
        for group in ranked.groups() {
            let size: f64 = group.iter().map(|&i| times[i]).sum();
            if size == 0.0 {
                continue;
            }
            let added: f64 = group.iter().map(|&i| times[i] * self.losses[i]).sum();
            let until = answered + whole(size);
            area += added + (loss - before * added / size) * (harmonic[until] - harmonic[answered]);
            (answered, before, loss) = (until, before + size, loss + added);
        }
        area / count(n)
    }
}

/// `H(0) .. H(n)`.
fn harmonic(n: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let next = |k: usize| {
        sum += if k == 0 { 0.0 } else { 1.0 / count(k) };
        sum
    };
    (0..=n).map(next).collect()
}

/// A count that was kept as a number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a whole number of at least 0
fn whole(x: f64) -> usize {
    x as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Losses in order 0, 1, 0, 1: risks 0, 1/2, 1/3, 1/2; best order 0, 0, 1, 1: 0, 0, 1/3, 1/2.
        let selective = Selective::new(&[0.1, 0.2, 0.3, 0.4], &[0.0, 1.0, 0.0, 1.0]).unwrap();
        assert!((selective.aurc() - (0.5 + 1.0 / 3.0 + 0.5) / 4.0).abs() < 1e-15);
        assert!((selective.excess_aurc() - 0.5 / 4.0).abs() < 1e-15);
        let risks: Vec<f64> = selective.curve().iter().map(|point| point.risk).collect();
        assert_eq!(risks, [0.0, 0.5, 1.0 / 3.0, 0.5]);
    }

    /// The mean over both orders of two equals: losses 0, (1, 0) and 0, (0, 1).
    #[test]
    fn ties_are_the_mean_over_orders() {
        let tied = Selective::new(&[0.1, 0.2, 0.2], &[0.0, 1.0, 0.0]).unwrap();
        let one = Selective::new(&[0.1, 0.2, 0.3], &[0.0, 1.0, 0.0]).unwrap();
        let other = Selective::new(&[0.1, 0.3, 0.2], &[0.0, 1.0, 0.0]).unwrap();
        assert!((tied.aurc() - 0.5 * (one.aurc() + other.aurc())).abs() < 1e-15);
        assert_eq!(tied.curve().len(), 2);
        // Uncertainties that say nothing: the error rate throughout.
        assert!((Selective::new(&[1.0; 4], &[0.0, 1.0, 0.0, 0.0]).unwrap().aurc() - 0.25).abs() < 1e-15);
    }

    #[test]
    fn repetitions_are_equals() {
        let selective = Selective::new(&[0.1, 0.2, 0.2], &[0.3, 2.0, 0.5]).unwrap();
        let written_out = Selective::new(&[0.1, 0.1, 0.2, 0.2], &[0.3, 0.3, 2.0, 0.5]).unwrap();
        assert!((selective.aurc_of(&[0, 2, 0, 1]) - written_out.aurc()).abs() < 1e-15);
        assert!((selective.excess_aurc_of(&[0, 2, 0, 1]) - written_out.excess_aurc()).abs() < 1e-15);
        assert!(selective.aurc_of(&[]).is_nan() && selective.excess_aurc_of(&[]).is_nan());
    }

    #[test]
    fn bad_lists_are_named() {
        let text = |u: &[f64], l: &[f64]| Selective::new(u, l).unwrap_err().to_string();
        assert_eq!(text(&[1.0], &[]), "losses: expected 1 values, found 0");
        assert_eq!(text(&[1.0], &[-1.0]), "losses of example 0: expected a finite number of at least 0, found -1");
        assert_eq!(text(&[f64::NAN], &[1.0]), "uncertainties of example 0: expected a number, found NaN");
    }
}

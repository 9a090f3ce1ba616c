//! Spearman's rank correlation (1904): Pearson's correlation of the ranks, equal values sharing the mean of theirs.

use super::super::lists::check_numbers;
use super::super::order::{Ranked, multiplicities};
use super::super::{MetricError, all, count};

/// Rank correlation of two lists, -1 to 1: 1 if one rises with the other, about 0 if they have nothing to do with each
/// other. NaN if all values of a list are equal, which has no order. With uncertainties and the sizes of errors: do
/// larger errors come with larger uncertainty?
///
/// ```
/// use elbo::metric::spearman;
/// assert!((spearman(&[1.0, 2.0, 3.0, 4.0], &[0.1, 0.3, 0.2, 9.0])? - 0.8).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `a`, `b`: `[B]`
///
/// # Errors
/// [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Value`] if the lists do not fit or hold a NaN.
pub fn spearman(a: &[f64], b: &[f64]) -> Result<f64, MetricError> {
    Ok(Spearman::new(a, b)?.value())
}

/// Two lists in their orders: prepared once for all examples and for resamples.
///
/// ```
/// use elbo::metric::{Bootstrap, Spearman};
/// let (stddev, error) = ([0.1, 0.2, 0.3, 0.4, 0.5], [0.0, 0.3, 0.1, 0.5, 0.4]);
/// let spearman = Spearman::new(&stddev, &error)?;
/// let interval = Bootstrap::default().estimate_where_defined(5, |chosen| spearman.value_of(chosen))?;
/// assert!((interval.expect("few resamples are of one example only").value - 0.8).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Spearman {
    a: Ranked,
    b: Ranked,
}

impl Spearman {
    /// Orders both lists; infinite values are allowed.
    ///
    /// # Errors
    /// As [`spearman`](fn@spearman).
    pub fn new(a: &[f64], b: &[f64]) -> Result<Self, MetricError> {
        check_numbers("first list", a, a.len())?;
        check_numbers("second list", b, a.len())?;
        Ok(Self { a: Ranked::new(a), b: Ranked::new(b) })
    }

    /// The correlation, -1 to 1; NaN if a list has no order.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value_of(&all(self.a.len()))
    }

    /// The correlation of a choice of examples; NaN if a list has no order there.
    ///
    /// # Panics
    /// If a number is not below the number of examples.
    #[must_use]
    pub fn value_of(&self, chosen: &[usize]) -> f64 {
        let times = multiplicities(chosen, self.a.len());
        let centre = 0.5 * (count(chosen.len()) + 1.0);
        let (a, b) = (ranks(&self.a, &times, centre), ranks(&self.b, &times, centre));
        let product =
            |x: &[f64], y: &[f64]| -> f64 { times.iter().zip(x.iter().zip(y)).map(|(t, (x, y))| t * x * y).sum() };
        let (spread_a, spread_b) = (product(&a, &a), product(&b, &b));
        if spread_a == 0.0 || spread_b == 0.0 {
            return f64::NAN;
        }
        // Rounding beyond 1 is clipped.
        (product(&a, &b) / (spread_a.sqrt() * spread_b.sqrt())).clamp(-1.0, 1.0)
    }
}

/// Middle ranks of the chosen examples, less their mean.
fn ranks(ranked: &Ranked, times: &[f64], centre: f64) -> Vec<f64> {
    let mut ranks = vec![0.0; times.len()];
    let mut below = 0.0;
    for group in ranked.groups() {
        let size: f64 = group.iter().map(|&i| times[i]).sum();
        for &i in group {
            ranks[i] = below + 0.5 * (size + 1.0) - centre;
        }
        below += size;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // No ties: 1 - 6 Σ d² / (n (n² - 1)), d = 0, 1, 1, 0.
        assert!(
            (spearman(&[1.0, 2.0, 3.0, 4.0], &[10.0, 30.0, 20.0, 40.0]).unwrap() - (1.0 - 12.0 / 60.0)).abs() < 1e-15
        );
        // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 · 5).
        let tied = spearman(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, f64::INFINITY]).unwrap();
        assert!((tied - 4.5 / 22.5_f64.sqrt()).abs() < 1e-15);
        assert!((spearman(&[1.0, 2.0], &[5.0, 4.0]).unwrap() + 1.0).abs() < 1e-15);
    }

    #[test]
    fn repetitions_are_ties() {
        let spearman = Spearman::new(&[1.0, 2.0, 3.0], &[2.0, 3.0, 1.0]).unwrap();
        let written_out = Spearman::new(&[1.0, 1.0, 2.0, 3.0], &[2.0, 2.0, 3.0, 1.0]).unwrap();
        assert!((spearman.value_of(&[2, 0, 1, 0]) - written_out.value()).abs() < 1e-15);
        assert!(spearman.value_of(&[1, 1]).is_nan());
    }

    #[test]
    fn no_order_is_not_a_number_and_bad_lists_are_named() {
        assert!(spearman(&[1.0, 1.0], &[1.0, 2.0]).unwrap().is_nan());
        assert_eq!(spearman(&[1.0], &[]).unwrap_err().to_string(), "second list: expected 1 values, found 0");
    }
}

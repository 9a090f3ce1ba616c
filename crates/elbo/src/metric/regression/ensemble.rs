//! The continuous ranked probability score of S draws `x_1 .. x_S`, in `O(S log S)`:
//!
//! `plain = Σ_i |x_i - y| / S - Σ_{i<j} |x_i - x_j| / S²`, that of the empirical distribution;
//! `fair = Σ_i |x_i - y| / S - Σ_{i<j} |x_i - x_j| / (S (S - 1))` (Ferro 2014, eq. 6),
//!
//! whose expectation over draws is the score of the distribution that they come from, so ensembles of different sizes
//! compare. With sorted draws `Σ_{i<j} |x_i - x_j| = Σ_k (2k - S + 1) x_(k)`, k from 0 (Jordan, Krüger and Lerch 2019,
//! section 4.2).

use super::super::MetricError;
use super::super::count;
use super::super::lists::check_count;
use super::Forecasts;
use super::forecast::sorted;

/// Score of every target against the empirical distribution of its ensemble, in the target's unit: `[B]`, at least 0.
/// For one member the absolute error.
///
/// ```
/// use elbo::metric::{ensemble_crps, fair_ensemble_crps};
/// let members = [0.0, 2.0, 4.0];
/// assert!((ensemble_crps(&members, 3, &[2.0])?[0] - (4.0 / 3.0 - 8.0 / 9.0)).abs() < 1e-15);
/// assert!((fair_ensemble_crps(&members, 3, &[2.0])?[0] - (4.0 / 3.0 - 8.0 / 6.0)).abs() < 1e-15);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `members`: `[B, size]`, row-major; `targets`: `[B]`
///
/// # Errors
/// [`MetricError::Setting`] for a size of 0; [`MetricError::Length`], [`MetricError::Empty`] or [`MetricError::Value`]
/// if the lists do not fit or a value is not finite.
pub fn ensemble_crps(members: &[f64], size: usize, targets: &[f64]) -> Result<Vec<f64>, MetricError> {
    Forecasts::ensemble(members, size)?.crps(targets)
}

/// Fair score of every target, in its unit: `[B]`. An unbiased estimate of the score of the distribution that the
/// members were drawn from: the mean over pairs of members of `(|a - y| + |b - y| - |a - b|) / 2`. Example at [`ensemble_crps`].
///
/// # Shapes
/// - `members`: `[B, size]`, row-major; `targets`: `[B]`
///
/// # Errors
/// As [`ensemble_crps`]; the size is at least 2.
pub fn fair_ensemble_crps(members: &[f64], size: usize, targets: &[f64]) -> Result<Vec<f64>, MetricError> {
    check_count("size", 2, size)?;
    Forecasts::ensemble(members, size)?.check_targets(targets)?;
    Ok(members.chunks_exact(size).zip(targets).map(|(row, &y)| score(row, y, count(size) - 1.0)).collect())
}

/// The plain score of one ensemble.
pub(super) fn plain(members: &[f64], y: f64) -> f64 {
    score(members, y, count(members.len()))
}

/// Distances are taken from the target, so that a large offset of all costs no digits.
fn score(members: &[f64], y: f64, divisor: f64) -> f64 {
    let size = count(members.len());
    let offsets: Vec<f64> = sorted(members).iter().map(|x| x - y).collect();
    let distance: f64 = offsets.iter().map(|x| x.abs()).sum();
    let spread: f64 = offsets.iter().enumerate().map(|(k, x)| (2.0 * count(k) - size + 1.0) * x).sum();
    // Rounding below 0 is clipped.
    ((distance - spread / divisor) / size).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pairs_agree() {
        let members = [1e6_f64 + 0.3, 1e6 - 2.0, 1e6 + 5.0, 1e6 + 0.3, 1e6 + 1.7];
        let y = 1e6 + 1.0;
        let distance = members.iter().map(|x| (x - y).abs()).sum::<f64>() / 5.0;
        let pairs: f64 = members.iter().flat_map(|a| members.map(|b| (a - b).abs())).sum();
        assert!((ensemble_crps(&members, 5, &[y]).unwrap()[0] - (distance - pairs / 50.0)).abs() < 1e-9);
        assert!((fair_ensemble_crps(&members, 5, &[y]).unwrap()[0] - (distance - pairs / 40.0)).abs() < 1e-9);
    }

    #[test]
    fn one_member_is_a_point() {
        assert_eq!(ensemble_crps(&[1.0, 4.0], 1, &[3.0, 4.0]).unwrap(), [2.0, 0.0]);
        let error = fair_ensemble_crps(&[1.0], 1, &[3.0]).unwrap_err();
        assert_eq!(error.to_string(), "`size` must be at least 2, found 1");
    }

    #[test]
    fn bad_lists_are_named() {
        let text = |result: Result<Vec<f64>, MetricError>| result.unwrap_err().to_string();
        assert_eq!(text(ensemble_crps(&[1.0, 2.0, 3.0], 2, &[0.0])), "members: expected 4 values, found 3");
        assert_eq!(text(ensemble_crps(&[1.0, 2.0], 2, &[])), "targets: expected 1 values, found 0");
        assert_eq!(text(fair_ensemble_crps(&[1.0, 2.0], 2, &[])), "targets: expected 1 values, found 0");
    }
}

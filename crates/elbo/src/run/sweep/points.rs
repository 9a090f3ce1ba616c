//! The points of a sweep: a function of its space and the seed.
//!
//! With a range, setting j (from 1) of trial i (from 0) is at `u_ij = frac(φ_{p_j}(i) + r_j)` of its values: the
//! Halton sequence (Halton 1960, section 2), where `φ_p(i)`, the radical inverse, mirrors the digits of i in base p at
//! the point, `p_j` is the j-th prime, and `r_j`, uniform from the seed, rotates it (Cranley and Patterson 1976). Any
//! first trials of it cover the space more evenly than independent draws would, every setting by itself as well, which
//! is why such sequences do better than grids and random search for hyper-parameters (Bousquet et al. 2017, "Critical
//! hyper-parameters: no random, no cry", arXiv 1706.03200).

use super::config::{Dimension, MAX_TRIALS, SweepConfig};
use super::{Setting, Values};
use crate::data::shuffled;
use crate::error::{Error, Result};
use elbo_kernels::Stream;

/// A base per setting: the first primes.
const BASES: [u64; Setting::ALL.len()] = [2, 3, 5, 7];

/// Of larger grids no part can be drawn.
const MAX_GRID: usize = 1_000_000;

/// Orders of examples are drawn with the numbers of epochs; this is none.
const NO_EPOCH: u64 = u64::MAX;

impl SweepConfig {
    /// The points, a value per setting of the space each; what they are is told in the [module](super).
    ///
    /// ```
    /// use elbo::run::{Choice, SweepConfig};
    /// let space = vec!["lr=0.001,0.01".parse()?, "kl-weight=0.1,1".parse()?];
    /// let grid = SweepConfig { space, trials: None, folds: None, choose: Choice::Minimum };
    /// assert_eq!(grid.points(7)?, [[0.001, 0.1], [0.001, 1.0], [0.01, 0.1], [0.01, 1.0]]);
    /// let space = vec!["lr=1e-4..1e-2:log".parse()?];
    /// let spread = SweepConfig { space, trials: Some(20), ..grid };
    /// assert!(spread.points(7)?.iter().all(|point| (1e-4..=1e-2).contains(&point[0])));
    /// # Ok::<(), elbo::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn points(&self, seed: u64) -> Result<Vec<Vec<f64>>> {
        self.check()?;
        let trials = self.trials.unwrap_or(MAX_TRIALS);
        match self.grid_size() {
            None => Ok((0..trials as u64).map(|i| self.halton(i, seed)).collect()),
            Some(size) if size <= trials => Ok((0..size).map(|i| self.combination(i)).collect()),
            Some(size) if size <= MAX_GRID => {
                let order = shuffled(size, seed, NO_EPOCH);
                Ok(order.into_iter().take(trials).map(|i| self.combination(i)).collect())
            }
            Some(size) => {
                let expected = format!("lists with at most {MAX_GRID} combinations");
                Err(Error::argument(super::OWNER, "space", expected, size))
            }
        }
    }

    /// Combination `i` of the lists: the last setting changes fastest.
    fn combination(&self, mut i: usize) -> Vec<f64> {
        let mut point = vec![0.0; self.space.len()];
        for (value, dimension) in point.iter_mut().zip(&self.space).rev() {
            if let Values::List(values) = &dimension.values {
                *value = values[i % values.len()];
                i /= values.len();
            }
        }
        point
    }

    /// Point `i` of the rotated sequence.
    fn halton(&self, i: u64, seed: u64) -> Vec<f64> {
        let stream = Stream::named(seed, "sweep/rotation");
        let at = |(j, dimension): (usize, &Dimension)| {
            let [word, ..] = stream.block(0, j as u64);
            let rotated = radical_inverse(i, BASES[j]) + f64::from(word) / 2_f64.powi(32);
            dimension.values.at(rotated.fract())
        };
        self.space.iter().enumerate().map(at).collect()
    }
}

/// `φ_p(i) = Σ_k d_k p^{-k-1}` for `i = Σ_k d_k p^k`, in `[0, 1)`.
#[allow(clippy::cast_precision_loss)] // i is small
fn radical_inverse(mut i: u64, base: u64) -> f64 {
    let (mut mirrored, mut size) = (0_u64, 1_u64);
    while i > 0 {
        mirrored = mirrored * base + i % base;
        size *= base;
        i /= base;
    }
    mirrored as f64 / size as f64
}

#[cfg(test)]
mod tests {
    use super::super::Choice;
    use super::*;
    use proptest::prelude::*;

    fn sweep(space: &[&str], trials: Option<usize>) -> SweepConfig {
        let space = space.iter().map(|text| text.parse().unwrap()).collect();
        SweepConfig { space, trials, folds: None, choose: Choice::Minimum }
    }

    #[test]
    fn digits_are_mirrored() {
        assert_eq!([1, 2, 3, 4, 5].map(|i| radical_inverse(i, 2)), [0.5, 0.25, 0.75, 0.125, 0.625]);
        assert_eq!([1, 2, 3, 4].map(|i| radical_inverse(i, 3)), [1.0 / 3.0, 2.0 / 3.0, 1.0 / 9.0, 4.0 / 9.0]);
    }

    #[test]
    fn lists_make_a_grid() {
        let points = sweep(&["lr=1,2", "kl-weight=3,4,5"], None).points(1).unwrap();
        assert_eq!(points, [[1.0, 3.0], [1.0, 4.0], [1.0, 5.0], [2.0, 3.0], [2.0, 4.0], [2.0, 5.0]]);
    }

    #[test]
    fn a_part_of_a_grid_has_no_point_twice() {
        let some = sweep(&["lr=1,2,3,4", "kl-weight=3,4,5"], Some(7));
        let mut points = some.points(5).unwrap();
        assert_ne!(points, some.points(6).unwrap());
        points.sort_by(|a, b| a.partial_cmp(b).unwrap());
        points.dedup();
        assert_eq!(points.len(), 7);
        let all = sweep(&["lr=1,2"], Some(50)).points(1).unwrap();
        assert_eq!(all, [[1.0], [2.0]]);
    }

    /// Every setting by itself: of `p^m` successive points one lies in each of the `p^m` equal parts, whatever the
    /// rotation: their
    /// distances are the length of a part, but for rounding to four digits.
    #[test]
    fn every_setting_is_covered_evenly() {
        let space = ["lr=1..2", "kl-weight=1..2", "prior-scale=1..2", "posterior-scale=1..2"];
        for seed in 0..20 {
            let points = sweep(&space, Some(343)).points(seed).unwrap();
            for (j, parts) in [(0, 256_u32), (1, 243), (2, 125), (3, 343)] {
                let mut values: Vec<f64> = points[..parts as usize].iter().map(|point| point[j]).collect();
                values.sort_by(f64::total_cmp);
                let width = 1.0 / f64::from(parts);
                let even = values.windows(2).all(|pair| (pair[1] - pair[0] - width).abs() < 1.01e-3);
                assert!(even && values[0] < 1.0 + width + 1e-3, "seed {seed}, setting {j}: {values:?}");
            }
        }
    }

    /// A change of these numbers changes what a resumed sweep tries.
    #[test]
    fn values_are_stable() {
        let points = sweep(&["lr=1e-4..1e-2:log", "kl-weight=0.5,1"], Some(3)).points(7).unwrap();
        assert_eq!(points, STABLE);
    }

    const STABLE: [[f64; 2]; 3] = [[1.925e-4, 1.0], [1.925e-3, 0.5], [6.088e-4, 0.5]];

    proptest! {
        #[test]
        fn later_trials_do_not_change_earlier_ones(seed: u64, some in 1_usize..20, more in 1_usize..20) {
            let points = |trials| sweep(&["lr=1e-4..1e-2:log", "kl-weight=1..2"], Some(trials)).points(seed).unwrap();
            prop_assert_eq!(&points(some + more)[..some], &points(some)[..]);
        }
    }
}

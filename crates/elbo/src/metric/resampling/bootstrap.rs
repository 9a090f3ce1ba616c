//! Intervals of scores by resampling examples with replacement (Efron 1979).
//!
//! Resample r of n examples takes, at position j, example `floor(w n / 2^32)` with `w` the word j of draw r of the
//! noise stream `"bootstrap"`: a function of `(seed, r, n, j)`, so an interval does not depend on threads. A resample
//! favours an example over another by at most `n / 2^32`.

use super::super::{MetricError, all, mean_of};
use super::{Estimate, Resampled};
use elbo_kernels::Stream;
use rayon::prelude::*;

/// Blocks of more than one example below which there is no interval.
const FEWEST_BLOCKS: usize = 5;

/// How intervals are made.
///
/// They account for which examples happened to be in the test set, and for nothing else: not for another training
/// run. With few examples they are too short, and where every example scores the same (all right, say) their length
/// is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Number of resamples.
    pub resamples: usize,
    /// Share of resampled scores between the ends, above 0 and below 1.
    pub level: f64,
    /// Seed of the resampling.
    pub seed: u64,
    /// Examples in a row that are drawn together, 1 for independent ones: blocks begin anywhere, and the first example
    /// follows the last (the circular block bootstrap of Politis and Romano 1992). Forecasts of H steps that begin one after
    /// the other share what they forecast with H - 1 others: blocks of H keep that. Errors that hang together for longer are
    /// still taken for too much evidence, and so are few blocks: of fewer than five there is no interval
    /// ([`Estimate::has_interval`]). Blocks as long as the data would always be all of it, turned about.
    pub block: usize,
}

impl Default for Bootstrap {
    /// 1000 resamples, level 0.95, seed 0, independent examples.
    fn default() -> Self {
        Self { resamples: 1000, level: 0.95, seed: 0, block: 1 }
    }
}

impl Bootstrap {
    /// The percentile interval of a statistic of n examples (Efron and Tibshirani 1993, section 13.3): the
    /// `(1 - level) / 2` and `(1 + level) / 2` quantiles of the statistic over resamples, linear between order
    /// statistics. `statistic` gets example numbers below n, n of them.
    ///
    /// ```
    /// use elbo::metric::Bootstrap;
    /// let errors = [0.1, 0.4, 0.2, 0.3];
    /// let mean = |chosen: &[usize]| chosen.iter().map(|&i| errors[i]).sum::<f64>() / 4.0;
    /// let estimate = Bootstrap::default().estimate(errors.len(), mean)?;
    /// assert!(estimate.low < 0.25 && 0.25 < estimate.high);
    /// # Ok::<(), elbo::metric::MetricError>(())
    /// ```
    ///
    /// # Errors
    /// [`MetricError::Empty`] without examples, [`MetricError::Setting`] for settings out of range or more than
    /// `2^32 - 1` examples, [`MetricError::Undefined`] if the statistic of a resample is not a number.
    pub fn estimate(&self, n: usize, statistic: impl Fn(&[usize]) -> f64 + Sync) -> Result<Estimate, MetricError> {
        self.resample(n, |chosen| [statistic(chosen)])?.percentile(0)
    }

    /// As [`estimate`](Self::estimate), for a statistic that resampling shifts, as it does calibration errors and
    /// everything else with an absolute value in it: the interval is the basic one about the bootstrap mean
    /// (Davison and Hinkley 1997, section 5.2.1, less the bootstrap estimate of bias). It holds the value, and is one
    /// of the statistic's expectation, with the bias that it has on so many examples.
    ///
    /// # Errors
    /// As [`estimate`](Self::estimate).
    pub fn estimate_shifted(
        &self,
        n: usize,
        statistic: impl Fn(&[usize]) -> f64 + Sync,
    ) -> Result<Estimate, MetricError> {
        self.resample(n, |chosen| [statistic(chosen)])?.centred(0)
    }

    /// As [`estimate`](Self::estimate), for a statistic that some choices of examples have not (the AUROC of errors
    /// where all predictions are right): those resamples are left out. `None` if the statistic of all examples is not a
    /// number, or that of half of the resamples or more.
    ///
    /// # Errors
    /// [`MetricError::Empty`] and [`MetricError::Setting`] as [`estimate`](Self::estimate).
    pub fn estimate_where_defined(
        &self,
        n: usize,
        statistic: impl Fn(&[usize]) -> f64 + Sync,
    ) -> Result<Option<Estimate>, MetricError> {
        Ok(self.resample(n, |chosen| [statistic(chosen)])?.where_defined(0))
    }

    /// The mean of one value per example, with its percentile interval.
    ///
    /// ```
    /// use elbo::metric::{Bootstrap, Probabilities, spherical_per_example};
    /// let probs = Probabilities::new(vec![0.9, 0.1, 0.2, 0.8, 0.5, 0.5], 2)?;
    /// let spherical = Bootstrap::default().mean(&spherical_per_example(&probs, &[0, 1, 1])?)?;
    /// assert!(spherical.low <= spherical.value && spherical.value <= spherical.high);
    /// # Ok::<(), elbo::metric::MetricError>(())
    /// ```
    ///
    /// # Errors
    /// As [`estimate`](Self::estimate).
    pub fn mean(&self, per_example: &[f64]) -> Result<Estimate, MetricError> {
        self.estimate(per_example.len(), |chosen| mean_of(per_example, chosen))
    }

    /// The difference `a - b` of a score of two models on the same n examples, with its percentile interval: every
    /// resample takes the same examples for both (a *paired* bootstrap), so what makes an example hard for both
    /// cancels, and the interval is shorter than two separate ones suggest. The models are distinguishable on such
    /// examples, at this level, if it does not hold 0. For shifted statistics take
    /// [`estimate_shifted`](Self::estimate_shifted) of the difference.
    ///
    /// ```
    /// use elbo::metric::Bootstrap;
    /// let (a, b) = ([0.3, 1.0, 2.2, 0.1], [0.1, 0.9, 2.0, 0.0]);
    /// let mean = |values: &[f64; 4], chosen: &[usize]| chosen.iter().map(|&i| values[i]).sum::<f64>() / 4.0;
    /// let difference = Bootstrap::default().difference(4, |chosen| mean(&a, chosen), |chosen| mean(&b, chosen))?;
    /// assert!(0.1 <= difference.low + 1e-12 && difference.high <= 0.2 + 1e-12); // the means spread over 2
    /// # Ok::<(), elbo::metric::MetricError>(())
    /// ```
    ///
    /// # Errors
    /// As [`estimate`](Self::estimate); two infinite scores have no difference.
    pub fn difference(
        &self,
        n: usize,
        a: impl Fn(&[usize]) -> f64 + Sync,
        b: impl Fn(&[usize]) -> f64 + Sync,
    ) -> Result<Estimate, MetricError> {
        self.estimate(n, |chosen| a(chosen) - b(chosen))
    }

    /// Several statistics of the same resamples.
    pub(in super::super) fn resample<const M: usize>(
        &self,
        n: usize,
        statistic: impl Fn(&[usize]) -> [f64; M] + Sync,
    ) -> Result<Resampled<M>, MetricError> {
        self.check(n)?;
        let stream = Stream::named(self.seed, "bootstrap");
        let row = |chosen: &mut Vec<usize>, r| statistic(choose_blocks(stream, r, self.block, chosen));
        let rows = (0..self.resamples).into_par_iter().map_init(|| vec![0; n], row).collect();
        Ok(Resampled { value: statistic(&all(n)), rows, level: self.level, is_few: self.is_few(n) })
    }

    /// Several statistics of two independent samples, each resampled within itself (Efron and Tibshirani 1993, section
    /// 8.3).
    pub(in super::super) fn resample_two<const M: usize>(
        &self,
        [n, m]: [usize; 2],
        statistic: impl Fn(&[usize], &[usize]) -> [f64; M] + Sync,
    ) -> Result<Resampled<M>, MetricError> {
        self.check(n)?;
        self.check(m)?;
        let streams = ["bootstrap", "bootstrap of the second sample"].map(|name| Stream::named(self.seed, name));
        let row = |(a, b): &mut (Vec<usize>, Vec<usize>), r| {
            let [first, second] = streams;
            statistic(choose_blocks(first, r, self.block, a), choose_blocks(second, r, self.block, b))
        };
        let rows = (0..self.resamples).into_par_iter().map_init(|| (vec![0; n], vec![0; m]), row).collect();
        let is_few = self.is_few(n) || self.is_few(m);
        Ok(Resampled { value: statistic(&all(n), &all(m)), rows, level: self.level, is_few })
    }

    /// Whether n examples are too few blocks for an interval.
    fn is_few(&self, n: usize) -> bool {
        self.block > 1 && n < self.block.saturating_mul(FEWEST_BLOCKS)
    }

    pub(in super::super) fn check(&self, n: usize) -> Result<(), MetricError> {
        let fail = |name, expected, found| Err(MetricError::Setting { name, expected, found });
        if n == 0 {
            return Err(MetricError::Empty { what: "bootstrap" });
        }
        if u32::try_from(n).is_err() {
            return fail("n", "below 2^32", n.to_string());
        }
        if self.resamples == 0 || u32::try_from(self.resamples).is_err() {
            return fail("resamples", "at least 1 and below 2^32", self.resamples.to_string());
        }
        if self.block == 0 {
            return fail("block", "at least 1", self.block.to_string());
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return fail("level", "above 0 and below 1", self.level.to_string());
        }
        Ok(())
    }
}

/// Fills `chosen` with the example numbers of one resample.
pub(in super::super) fn choose(stream: Stream, resample: usize, chosen: &mut [usize]) -> &[usize] {
    let n = chosen.len() as u64;
    for (block, places) in (0..).zip(chosen.chunks_mut(4)) {
        for (place, word) in places.iter_mut().zip(stream.block(resample as u64, block)) {
            *place = usize::try_from((u64::from(word) * n) >> 32).expect("below the number of examples");
        }
    }
    chosen
}

/// The same in blocks of `block` examples, the last of which is cut.
fn choose_blocks(stream: Stream, resample: usize, block: usize, chosen: &mut [usize]) -> &[usize] {
    let n = chosen.len();
    choose(stream, resample, chosen);
    if block > 1 {
        // Number k of the draws begins block k: from the back, so that none is overwritten before it is used.
        for k in (0..n.div_ceil(block)).rev() {
            let start = chosen[k];
            for at in (k * block..n.min((k + 1) * block)).rev() {
                chosen[at] = (start + at - k * block) % n;
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::super::super::mean;
    use super::*;
    use elbo_kernels::noise::normal::normals_f64;

    fn mean_among(values: &[f64]) -> impl Fn(&[usize]) -> f64 + Sync {
        |chosen| mean_of(values, chosen)
    }

    fn normals(draw: u64, n: usize) -> Vec<f64> {
        normals_f64(Stream::named(11, "bootstrap test").draws(draw, 1), n)
    }

    #[test]
    fn every_example_is_as_likely_as_another() {
        // 2000 resamples of 7: 14000 words, 2000 expected for each, standard deviation 41.4; 4.9 of them for 7 counts
        // gives a total error rate below 1e-5 (fixed seed).
        let mut counts = [0_i32; 7];
        for r in 0..2000 {
            for &i in choose(Stream::named(3, "bootstrap"), r, &mut [0; 7]) {
                counts[i] += 1;
            }
        }
        assert!(counts.iter().all(|count| (count - 2000).abs() <= 203), "{counts:?}");
    }

    #[test]
    fn blocks_begin_where_examples_would() {
        let stream = Stream::named(42, "bootstrap");
        for (n, block) in [(7, 3), (6, 2), (5, 9), (1, 4), (8, 1)] {
            let (mut starts, mut chosen) = (vec![0; n], vec![0; n]);
            choose(stream, 5, &mut starts);
            choose_blocks(stream, 5, block, &mut chosen);
            let expected = (0..n).map(|at| (starts[at / block] + at % block) % n);
            assert!(chosen.iter().copied().eq(expected), "{n} in blocks of {block}: {chosen:?}");
        }
    }

    /// Means of 30 in a row of a walk that repeats each normal ten times: intervals of independent examples are too short by
    /// the root of ten, those of blocks are near. 200 series, coverage 0.9 expected of blocks of 40; binomial error of 0.05 at
    /// 2.4 standard deviations, and up to 0.06 too few from 15 blocks (Lahiri 2003, section 2.5: of order 1 / blocks).
    #[test]
    fn blocks_account_for_what_hangs_together() {
        let covered = |block: usize| {
            let bootstrap = Bootstrap { resamples: 400, level: 0.9, seed: 1, block };
            let holds = |draw: u64| {
                let values: Vec<f64> = normals(draw, 60).iter().flat_map(|&x| [x; 10]).collect();
                let Estimate { low, high, .. } = bootstrap.estimate(600, mean_among(&values)).unwrap();
                low <= 0.0 && 0.0 <= high
            };
            (0..200).filter(|&draw| holds(draw)).count()
        };
        let (independent, blocks) = (covered(1), covered(40));
        assert!(independent < 110, "{independent} of 200");
        assert!((158..=192).contains(&blocks), "{blocks} of 200");
    }

    #[test]
    fn a_few_blocks_have_no_interval() {
        let of = |n: usize, block: usize| {
            let values = normals(3, n);
            Bootstrap { block, ..Bootstrap::default() }.mean(&values).unwrap()
        };
        assert!(of(20, 4).has_interval() && of(2, 1).has_interval());
        for (n, block) in [(19, 4), (4, 4), (1, 2), (7, 24)] {
            let estimate = of(n, block);
            let ends = (estimate.low, estimate.high);
            assert_eq!((ends, estimate.has_interval()), ((f64::NEG_INFINITY, f64::INFINITY), false));
            assert!((estimate.value - mean(&normals(3, n))).abs() < 1e-12);
        }
        let shifted = Bootstrap { block: 9, ..Bootstrap::default() }.estimate_shifted(9, |_| 0.5).unwrap();
        assert_eq!(shifted.clipped(), shifted);
    }

    #[test]
    fn resamples_are_stable() {
        let mut chosen = [0; 6];
        choose(Stream::named(42, "bootstrap"), 5, &mut chosen);
        assert_eq!(chosen, STABLE, "a change here changes every interval that was ever reported");
    }
    const STABLE: [usize; 6] = [3, 4, 3, 4, 4, 5];

    #[test]
    fn the_interval_of_a_mean_covers_it() {
        // 400 data sets of 100 normals; the 90 % interval is a little short (t quantiles), about 0.885 true coverage.
        // Binomial standard deviation 6.4: 354 +- 4.4 of them has error rate 1e-5 (fixed seed).
        let bootstrap = Bootstrap { resamples: 400, level: 0.9, seed: 1, block: 1 };
        let hits = (0..400).filter(|&draw| {
            let values = normals(draw, 100);
            let estimate = bootstrap.estimate(100, mean_among(&values)).unwrap();
            (estimate.low..=estimate.high).contains(&0.0)
        });
        let hits = hits.count();
        assert!((326..=382).contains(&hits), "{hits} of 400");
    }

    #[test]
    fn the_length_is_that_of_the_normal_interval() {
        // The bootstrap standard error of a mean is s / sqrt(n); the quantiles of 4000 resamples are known to 3 %.
        let values = normals(1000, 500);
        let centre = mean(&values);
        let deviation = (values.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / 500.0).sqrt();
        let estimate =
            Bootstrap { resamples: 4000, ..Bootstrap::default() }.estimate(500, mean_among(&values)).unwrap();
        let half = 1.959_964 * deviation / 500.0_f64.sqrt();
        assert!((estimate.high - estimate.low - 2.0 * half).abs() < 0.06 * 2.0 * half, "{estimate:?}, expected {half}");
        assert!(estimate.low < estimate.value && estimate.value < estimate.high);
    }

    #[test]
    fn the_seed_decides_and_threads_do_not() {
        let values = normals(7, 321);
        let run = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Bootstrap { seed, ..Bootstrap::default() }.estimate(321, mean_among(&values)).unwrap())
        };
        assert_eq!(run(1, 5), run(2, 5));
        assert_eq!(run(1, 5), run(7, 5));
        assert_ne!(run(1, 5), run(1, 6));
    }

    #[test]
    fn the_centred_interval_holds_the_value_of_a_shifted_statistic() {
        // |mean| of symmetric data: resampling moves it up, far above the value 0.
        let values: Vec<f64> = (0..50).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let mean = mean_among(&values);
        let resampled = Bootstrap::default().resample(50, |chosen| [mean(chosen).abs()]).unwrap();
        let estimate = resampled.centred(0).unwrap();
        assert!(estimate.low < estimate.value && estimate.value < estimate.high, "{estimate:?}");
        assert_eq!(Bootstrap::default().estimate_shifted(50, |chosen| mean(chosen).abs()).unwrap(), estimate);
    }

    #[test]
    fn a_paired_difference_is_free_of_what_both_share() {
        // Both models have the noise of the example, the second another 0.1 in the mean with little noise of its own:
        // the paired interval holds 0.1 and not 0, while each model's own is 2 · 1.96 / sqrt(100) long.
        let (shared, own) = (normals(40, 100), normals(41, 100));
        let other: Vec<f64> = shared.iter().zip(&own).map(|(x, e)| x + 0.1 + 0.05 * e).collect();
        let bootstrap = Bootstrap::default();
        let difference = bootstrap.difference(100, mean_among(&other), mean_among(&shared)).unwrap();
        // 5 standard errors of 0.005: error rate 6e-7 (fixed seed).
        assert!((difference.value - 0.1).abs() < 0.025 && difference.low > 0.05, "{difference:?}");
        let alone = bootstrap.mean(&other).unwrap();
        assert!(alone.high - alone.low > 10.0 * (difference.high - difference.low));
        let swapped = bootstrap.difference(100, mean_among(&shared), mean_among(&other)).unwrap();
        assert!((swapped.low + difference.high).abs() < 1e-12 && (swapped.high + difference.low).abs() < 1e-12);
    }

    #[test]
    fn two_samples_are_resampled_each_within_itself() {
        let (a, b) = (normals(50, 90), normals(51, 40));
        let resampled = Bootstrap::default().resample_two([90, 40], |x, y| {
            assert!(x.len() == 90 && y.len() == 40 && x.iter().all(|&i| i < 90) && y.iter().all(|&i| i < 40));
            [mean_of(&a, x) - mean_of(&b, y)]
        });
        let estimate = resampled.unwrap().percentile(0).unwrap();
        // The standard error is sqrt(s²/90 + s²/40) = 0.190 for s = 1; that of each sample is known to 10 % or so.
        let half = (estimate.high - estimate.low) / 2.0 / 1.96;
        assert!((0.14..0.24).contains(&half), "{half}");
    }

    #[test]
    fn bad_settings_are_named() {
        let text = |bootstrap: Bootstrap, n| bootstrap.estimate(n, |_| 0.0).unwrap_err().to_string();
        let good = Bootstrap::default();
        assert_eq!(text(good, 0), "bootstrap: expected at least one example, found none");
        assert_eq!(
            text(Bootstrap { resamples: 0, ..good }, 1),
            "`resamples` must be at least 1 and below 2^32, found 0"
        );
        for level in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(text(Bootstrap { level, ..good }, 1).starts_with("`level` must be above 0 and below 1, found"));
        }
        let undefined = good.estimate(2, |_| f64::NAN).unwrap_err();
        assert_eq!(undefined, MetricError::Undefined { resample: 0 });
    }
}

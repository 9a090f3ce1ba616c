//! Intervals of scores by resampling examples with replacement (Efron 1979).
//!
//! Resample r of n examples takes, at position j, example `floor(w n / 2^32)` with `w` the word j of draw r of the
//! noise stream `"bootstrap"`: a function of `(seed, r, n, j)`, so an interval does not depend on threads. A resample
//! favours an example over another by at most `n / 2^32`.

use super::{MetricError, count, mean, number};
use elbo_kernels::Stream;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A score and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The score of all examples.
    #[serde(with = "number")]
    pub value: f64,
    /// Lower end of the interval.
    #[serde(with = "number")]
    pub low: f64,
    /// Upper end of the interval.
    #[serde(with = "number")]
    pub high: f64,
}

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
}

impl Default for Bootstrap {
    /// 1000 resamples, level 0.95, seed 0.
    fn default() -> Self {
        Self { resamples: 1000, level: 0.95, seed: 0 }
    }
}

/// The values of M statistics: on all examples, and sorted on the resamples.
pub(super) struct Resampled<const M: usize> {
    value: [f64; M],
    sorted: [Vec<f64>; M],
    level: f64,
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
        Ok(self.resample(n, |chosen| [statistic(chosen)])?.percentile(0))
    }

    /// Several statistics of the same resamples.
    pub(super) fn resample<const M: usize>(
        &self,
        n: usize,
        statistic: impl Fn(&[usize]) -> [f64; M] + Sync,
    ) -> Result<Resampled<M>, MetricError> {
        self.check(n)?;
        let all: Vec<usize> = (0..n).collect();
        let value = statistic(&all);
        let stream = Stream::named(self.seed, "bootstrap");
        let rows: Vec<[f64; M]> = (0..self.resamples)
            .into_par_iter()
            .map_init(|| vec![0; n], |chosen, r| statistic(choose(stream, r, chosen)))
            .collect();
        if let Some(resample) = rows.iter().position(|row| row.iter().any(|x| x.is_nan())) {
            return Err(MetricError::Undefined { resample });
        }
        let sorted = core::array::from_fn(|m| {
            let mut column: Vec<f64> = rows.iter().map(|row| row[m]).collect();
            column.sort_unstable_by(f64::total_cmp);
            column
        });
        Ok(Resampled { value, sorted, level: self.level })
    }

    fn check(&self, n: usize) -> Result<(), MetricError> {
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
        if !(self.level > 0.0 && self.level < 1.0) {
            return fail("level", "above 0 and below 1", self.level.to_string());
        }
        Ok(())
    }
}

impl<const M: usize> Resampled<M> {
    /// The percentile interval of statistic `m`.
    pub(super) fn percentile(&self, m: usize) -> Estimate {
        let [low, high] = self.ends(m);
        Estimate { value: self.value[m], low, high }
    }

    /// The basic interval of statistic `m` about its own bootstrap mean, for a statistic that resampling shifts.
    ///
    /// The basic interval (Davison and Hinkley 1997, section 5.2.1) is `[t - (q_high - t), t - (q_low - t)]`, from the
    /// distribution of `t* - t`. Where `E* t* = t + b` (b is the bootstrap estimate of bias, Efron and Tibshirani 1993,
    /// section 10.3) it is not centred on the value and need not hold it. Here the deviations are `t* - mean(t*)`:
    /// `[t - (q_high - mean), t - (q_low - mean)]`. The interval is thus one of the *expected plug-in value*, with its
    /// bias in it. Needs finite statistics.
    pub(super) fn centred(&self, m: usize) -> Estimate {
        let (value, centre) = (self.value[m], mean(&self.sorted[m]));
        let [low, high] = self.ends(m);
        // The mean of a very skewed distribution can lie beyond a quantile: the value stays within the interval.
        Estimate { value, low: value - (high - centre).max(0.0), high: value - (low - centre).min(0.0) }
    }

    fn ends(&self, m: usize) -> [f64; 2] {
        let tail = (1.0 - self.level) / 2.0;
        [tail, 1.0 - tail].map(|p| quantile(&self.sorted[m], p))
    }
}

/// Fills `chosen` with the example numbers of one resample.
fn choose(stream: Stream, resample: usize, chosen: &mut [usize]) -> &[usize] {
    let n = chosen.len() as u64;
    for (block, places) in (0..).zip(chosen.chunks_mut(4)) {
        for (place, word) in places.iter_mut().zip(stream.block(resample as u64, block)) {
            *place = usize::try_from((u64::from(word) * n) >> 32).expect("below the number of examples");
        }
    }
    chosen
}

/// Quantile `p` of sorted values, linear between order statistics (definition 7 of Hyndman and Fan 1996).
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a position within the list
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let position = p * count(sorted.len() - 1);
    let below = (position as usize).min(sorted.len() - 1);
    let (a, b) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    let weight = position - count(below);
    // Equal neighbours may be infinite, and infinity less infinity is not a number.
    if weight <= 0.0 || a.total_cmp(&b).is_eq() { a } else { a + weight * (b - a) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_kernels::noise::normal::normals_f64;

    fn mean_of(values: &[f64]) -> impl Fn(&[usize]) -> f64 + Sync {
        |chosen| chosen.iter().map(|&i| values[i]).sum::<f64>() / count(chosen.len())
    }

    fn normals(draw: u64, n: usize) -> Vec<f64> {
        normals_f64(Stream::named(11, "bootstrap test").draws(draw, 1), n)
    }

    #[test]
    fn quantiles_by_hand() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        let expected = [(0.0, 1.0), (1.0, 8.0), (0.5, 3.0), (1.0 / 3.0, 2.0), (0.9, 6.8)];
        assert!(expected.iter().all(|&(p, value)| (quantile(&sorted, p) - value).abs() < 1e-14));
        assert!((quantile(&[5.0], 0.3) - 5.0).abs() < 1e-15);
        assert_eq!(quantile(&[0.0, f64::INFINITY, f64::INFINITY], 0.75).to_bits(), f64::INFINITY.to_bits());
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
        let bootstrap = Bootstrap { resamples: 400, level: 0.9, seed: 1 };
        let hits = (0..400).filter(|&draw| {
            let values = normals(draw, 100);
            let estimate = bootstrap.estimate(100, mean_of(&values)).unwrap();
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
        let estimate = Bootstrap { resamples: 4000, ..Bootstrap::default() }.estimate(500, mean_of(&values)).unwrap();
        let half = 1.959_964 * deviation / 500.0_f64.sqrt();
        assert!((estimate.high - estimate.low - 2.0 * half).abs() < 0.06 * 2.0 * half, "{estimate:?}, expected {half}");
        assert!(estimate.low < estimate.value && estimate.value < estimate.high);
    }

    #[test]
    fn the_seed_decides_and_threads_do_not() {
        let values = normals(7, 321);
        let run = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Bootstrap { seed, ..Bootstrap::default() }.estimate(321, mean_of(&values)).unwrap())
        };
        assert_eq!(run(1, 5), run(2, 5));
        assert_eq!(run(1, 5), run(7, 5));
        assert_ne!(run(1, 5), run(1, 6));
    }

    #[test]
    fn the_centred_interval_holds_the_value_of_a_shifted_statistic() {
        // |mean| of symmetric data: resampling moves it up, far above the value 0.
        let values: Vec<f64> = (0..50).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let mean = mean_of(&values);
        let resampled = Bootstrap::default().resample(50, |chosen| [mean(chosen).abs()]).unwrap();
        let estimate = resampled.centred(0);
        assert!(estimate.low < estimate.value && estimate.value < estimate.high, "{estimate:?}");
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

    #[test]
    fn infinite_values_survive_json() {
        let estimate = Estimate { value: f64::INFINITY, low: 0.5, high: f64::INFINITY };
        let json = serde_json::to_string(&estimate).unwrap();
        assert_eq!(json, r#"{"value":"inf","low":0.5,"high":"inf"}"#);
        assert_eq!(serde_json::from_str::<Estimate>(&json).unwrap(), estimate);
        assert!(serde_json::from_str::<Estimate>(r#"{"value":"big","low":0,"high":1}"#).is_err());
    }
}

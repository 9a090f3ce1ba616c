//! How far from the diagonal a reliability diagram may be by chance. Two bands with two meanings:
//!
//! | band | about | meaning |
//! | --- | --- | --- |
//! | Wilson | the accuracy of a bin | where the bin's true accuracy may lie (Wilson 1927; Brown et al. 2001, eq. 4) |
//! | consistency | the confidence of a bin | where the accuracy would lie if the forecasts were calibrated (Bröcker and Smith 2007, section 3) |
//!
//! Consistency bands come by resampling: forecasts are drawn with replacement, outcomes from the forecasts, and the
//! accuracy of each bin noted; the band is the central interval of these. An accuracy outside is evidence against
//! calibration, of that bin alone: of 15 bins of a calibrated model one or so is outside its 95 % band.

use super::super::order::central;
use super::super::resampling::choose;
use super::super::{Bootstrap, MetricError, Probabilities, count, lists, regression};
use super::reliability::reliability_bins;
use super::{Binning, ReliabilityBin, top_label};
use elbo_kernels::Stream;
use elbo_kernels::noise::uniform::uniforms_f64;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// A bin of a reliability diagram with its bands, `[low, high]` each; `None` for a bin that holds no example.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandedBin {
    /// The bin.
    pub bin: ReliabilityBin,
    /// Where its true accuracy may lie.
    pub wilson: Option<[f64; 2]>,
    /// Where its accuracy would lie if forecasts were calibrated.
    pub consistency: Option<[f64; 2]>,
}

/// The bins of a reliability diagram with both bands, at the level of `bootstrap` and with its resamples and seed.
///
/// ```
/// use elbo::metric::{Binning, Bootstrap, Probabilities, reliability_diagram};
/// let probs = Probabilities::new([0.8, 0.2].repeat(100), 2)?;
/// let diagram = reliability_diagram(&probs, &[0; 100], Binning::EqualWidth(10), &Bootstrap::default())?;
/// let [_, highest] = diagram[8].consistency.expect("all are in this bin");
/// assert!(diagram[8].bin.accuracy > highest); // always right is too often for 0.8
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Shapes
/// - `probs`: `[B, K]`; `labels`: `[B]`
///
/// # Errors
/// [`MetricError::Setting`] without bins or for a bad `bootstrap`; [`MetricError::Length`], [`MetricError::Empty`] or
/// [`MetricError::Label`] if the labels do not fit.
pub fn reliability_diagram(
    probs: &Probabilities,
    labels: &[usize],
    binning: Binning,
    bootstrap: &Bootstrap,
) -> Result<Vec<BandedBin>, MetricError> {
    let (confidences, correct) = top_label(probs, labels)?;
    bootstrap.check(labels.len())?;
    let (bins, of_example) = reliability_bins(&confidences, &correct, binning)?;
    let bands = consistency(&confidences, &of_example, bins.len(), bootstrap);
    let wilson = |bin: &ReliabilityBin| {
        let interval = || wilson_interval(bin.accuracy, bin.count, bootstrap.level);
        (bin.count > 0).then(interval).transpose()
    };
    let banded = |(bin, band): (ReliabilityBin, Option<[f64; 2]>)| {
        let consistency = band.filter(|_| bin.count > 0);
        Ok(BandedBin { bin, wilson: wilson(&bin)?, consistency })
    };
    bins.into_iter().zip(bands).map(banded).collect()
}

/// Central interval of each bin's accuracy over resamples in which labels follow the forecasts.
fn consistency(forecasts: &[f64], bins: &[usize], num_bins: usize, bootstrap: &Bootstrap) -> Vec<Option<[f64; 2]>> {
    let n = forecasts.len();
    let streams = ["bootstrap", "consistency"].map(|name| Stream::named(bootstrap.seed, name));
    let accuracies = |chosen: &mut Vec<usize>, resample: usize| {
        let uniforms = uniforms_f64(streams[1].draws(resample as u64, 1), n);
        let mut sums = vec![[0.0; 2]; num_bins];
        for (&i, uniform) in choose(streams[0], resample, chosen).iter().zip(uniforms) {
            sums[bins[i]][0] += 1.0;
            sums[bins[i]][1] += f64::from(u8::from(uniform < forecasts[i]));
        }
        sums
    };
    let rows: Vec<Vec<[f64; 2]>> =
        (0..bootstrap.resamples).into_par_iter().map_init(|| vec![0; n], accuracies).collect();
    let band = |bin: usize| {
        let filled = rows.iter().map(|row| row[bin]).filter(|&[n, _]| n > 0.0);
        let mut column: Vec<f64> = filled.map(|[n, right]| right / n).collect();
        column.sort_unstable_by(f64::total_cmp);
        (!column.is_empty()).then(|| central(&column, bootstrap.level))
    };
    (0..num_bins).map(band).collect()
}

/// Wilson's interval of a probability, of which a share of `n` examples was found: never empty, never beyond 0 or 1.
///
/// `(share + z²/2n ± z sqrt(share (1 - share) / n + z²/4n²)) / (1 + z²/n)`, z the `(1 + level) / 2` quantile of the
/// standard normal.
///
/// ```
/// use elbo::metric::wilson_interval;
/// let [low, high] = wilson_interval(1.0, 10, 0.95)?; // ten of ten
/// assert!((low - 0.7225).abs() < 1e-4 && high == 1.0);
/// # Ok::<(), elbo::metric::MetricError>(())
/// ```
///
/// # Errors
/// [`MetricError::Setting`] for a share beyond 0 and 1, no example or a level out of range.
pub fn wilson_interval(share: f64, n: usize, level: f64) -> Result<[f64; 2], MetricError> {
    lists::check_level("level", level)?;
    lists::check_count("n", 1, n)?;
    if !(0.0..=1.0).contains(&share) {
        return Err(MetricError::Setting { name: "share", expected: "between 0 and 1", found: share.to_string() });
    }
    let (n, z) = (count(n), regression::normal_quantile(0.5 + 0.5 * level));
    let centre = share + z * z / (2.0 * n);
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    // At a share of 0 or 1 one end is the share itself, up to rounding.
    let low = if share == 0.0 { 0.0 } else { (centre - half) / scale };
    Ok([low, if share == 1.0 { 1.0 } else { (centre + half) / scale }])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcombe 1998, table I: 81 of 263 gives
    /// 0.2553 to 0.3662, 15 of 148 gives 0.0624 to 0.1605, 0 of 20 gives 0 to 0.1611, 1 of 29 gives 0.0061 to 0.1718.
    #[test]
    fn published_intervals() {
        for (hits, n, low, high) in [
            (81.0, 263, 0.2553, 0.3662),
            (15.0, 148, 0.0624, 0.1605),
            (0.0, 20, 0.0, 0.1611),
            (1.0, 29, 0.0061, 0.1718),
        ] {
            let found = wilson_interval(hits / count(n), n, 0.95).unwrap();
            assert!((found[0] - low).abs() < 5.1e-5 && (found[1] - high).abs() < 5.1e-5, "{hits} of {n}: {found:?}");
        }
        assert!(wilson_interval(0.5, 0, 0.9).is_err() && wilson_interval(1.5, 3, 0.9).is_err());
        assert!(wilson_interval(0.5, 3, 1.0).is_err());
    }

    /// One bin, forecasts of one value: the accuracy is a binomial share, of standard deviation sqrt(0.16 / 400) = 0.02.
    #[test]
    fn the_consistency_band_of_equal_forecasts_is_binomial() {
        let bootstrap = Bootstrap { resamples: 4000, level: 0.9, seed: 2, block: 1 };
        let band = consistency(&[0.8; 400], &[0; 400], 2, &bootstrap);
        let [low, high] = band[0].unwrap();
        // Quantiles of 4000: standard error about 0.0007; 5 of them and half a step of 1 / 400.
        assert!(
            (low - (0.8 - 1.645 * 0.02)).abs() < 0.005 && (high - (0.8 + 1.645 * 0.02)).abs() < 0.005,
            "{low} {high}"
        );
        assert_eq!(band[1], None);
    }

    #[test]
    fn empty_bins_have_no_bands() {
        let probs = Probabilities::new([0.9, 0.1].repeat(5), 2).unwrap();
        let diagram = reliability_diagram(&probs, &[0; 5], Binning::EqualWidth(3), &Bootstrap::default()).unwrap();
        assert!(diagram[0].wilson.is_none() && diagram[0].consistency.is_none());
        assert!(diagram[2].wilson.is_some() && diagram[2].consistency.is_some());
        let by_mass = reliability_diagram(&probs, &[0; 5], Binning::EqualMass(3), &Bootstrap::default()).unwrap();
        assert_eq!(by_mass.iter().map(|banded| banded.bin.count).collect::<Vec<_>>(), [0, 5, 0]);
    }
}

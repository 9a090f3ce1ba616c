//! The period after which a series repeats itself best: what the seasonal naive forecast, the plainest one of a series with
//! seasons, looks back by (Hyndman and Athanasopoulos 2021, section 5.2).

use super::super::dataset::{Dataset, Labels};
use crate::metric::count;
use rayon::prelude::*;

/// Windows that a period is chosen from, at most; spread evenly over all of them.
const WINDOWS: usize = 2000;

/// Errors that are so many times the least one are as good if the period is a part of that one: twice a period repeats about as
/// well as the period.
const NEAR: f64 = 1.25;

/// The period L, up to a window, with the least squared error of saying for every row what was L rows before it, or 2 L, ..:
/// the last time that lies in the window. Errors of a variable count in units of those of saying that nothing changes. `None`
/// if nothing is better than that, and of data without targets to forecast. Of a period whose half, third, .. has an error
/// within a quarter of its own it is the shortest of these.
///
/// ```
/// use elbo::data::{Dataset, Example, Labels, best_period};
/// let week = [5.0, 5.0, 5.0, 5.0, 5.0, 1.0, 0.0_f64];
/// let examples = (0..20).map(|i| Example { id: i.to_string(), values: (i..i + 10).map(|t| week[t % 7] as f32).collect() });
/// let values = (0..20).flat_map(|i| [week[(i + 10) % 7], week[(i + 11) % 7]]).collect();
/// let labels = Labels::Horizon { names: vec!["sales".into()], steps: 2, values };
/// let windows = Dataset { name: "shop".into(), channels: 1, examples: examples.collect(), labels };
/// assert_eq!(best_period(&windows), Some(7));
/// ```
#[must_use]
pub fn best_period(windows: &Dataset) -> Option<usize> {
    let Labels::Horizon { names, steps, values } = &windows.labels else { return None };
    let (variables, every) = (names.len(), windows.len().div_ceil(WINDOWS).max(1));
    let rows = windows.examples.first()?.values.len() / windows.channels;
    let errors = |period: usize| -> Vec<f64> {
        let mut sums = vec![[0.0; 2]; variables];
        for i in (0..windows.len()).step_by(every) {
            let (seen, targets) = (&windows.examples[i].values, &values[i * steps * variables..][..steps * variables]);
            for (k, &target) in targets.iter().enumerate() {
                let (step, v) = (k / variables, k % variables);
                let naive = f64::from(seen[periods_before(step, period, rows) * windows.channels + v]);
                if !naive.is_nan() {
                    sums[v][0] += (naive - target).powi(2);
                    sums[v][1] += 1.0;
                }
            }
        }
        sums.iter().map(|[sum, n]| sum / n).collect()
    };
    let persistence = errors(1);
    let relative = |period: usize| -> f64 {
        let pairs = errors(period).into_iter().zip(&persistence).filter(|(_, naive)| **naive > 0.0);
        let logs: Vec<f64> = pairs.map(|(error, naive)| (error / naive).ln()).collect();
        logs.iter().sum::<f64>()
    };
    let found: Vec<(usize, f64)> = (2..=rows).into_par_iter().map(|period| (period, relative(period))).collect();
    let best = found.iter().filter(|(_, error)| *error < 0.0).min_by(|a, b| a.1.total_cmp(&b.1))?;
    let enough = (best.1 + count(variables) * NEAR.ln()).min(-f64::MIN_POSITIVE);
    found.iter().find(|(period, error)| best.0 % period == 0 && *error <= enough).map(|(period, _)| *period)
}

/// The row of a window of `rows` that the seasonal naive forecast of step `step`, counted from 0, repeats; `period` is not above
/// `rows`.
pub(crate) fn periods_before(step: usize, period: usize, rows: usize) -> usize {
    rows - period + step % period
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // small numbers
mod tests {
    use super::super::{TimeSeries, WindowShape};
    use super::*;

    fn windows(window: usize, of: impl Fn(usize) -> [f64; 2]) -> Dataset {
        let series = TimeSeries {
            name: "s".into(),
            times: (0..200).map(|t| t.to_string()).collect(),
            variables: ["a", "b"].map(str::to_owned).to_vec(),
            targets: 2,
            values: (0..200).flat_map(of).collect(),
        };
        series.windows(WindowShape { window, horizon: 5 }, 0..200).unwrap()
    }

    #[test]
    fn rows_repeat_within_the_window() {
        assert_eq!([0, 1, 2, 3, 4].map(|step| periods_before(step, 3, 10)), [7, 8, 9, 7, 8]);
        assert_eq!([0, 1, 2].map(|step| periods_before(step, 1, 4)), [3, 3, 3], "persistence");
    }

    #[test]
    fn periods_are_found_and_walks_have_none() {
        let noise = |t: usize| ((t * t) as f64 * 0.618_033_988_75).fract();
        let season = |t: usize| (t as f64 * core::f64::consts::TAU / 12.0).sin() * 5.0 + noise(t);
        assert_eq!(best_period(&windows(30, |t| [season(t), 1000.0 * season(t + 3)])), Some(12));
        assert_eq!(best_period(&windows(9, |t| [season(t), 7.0])), None, "no whole period, no change");
        // Two seasons of 7 in a window, and a noise: one says as much as two.
        let week = |t: usize| 5.0 * [0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0][t % 7] + noise(t);
        assert_eq!(best_period(&windows(14, |t| [week(t), week(t + 1)])), Some(7));
        let trend = |t: usize| [t as f64, 3.0 * t as f64];
        assert_eq!(best_period(&windows(20, trend)), None);
        let gap = |t: usize| if t % 17 == 3 { [f64::NAN, season(t)] } else { [season(t), season(t)] };
        assert_eq!(best_period(&windows(30, gap)), Some(12));
        assert_eq!(best_period(&Dataset { labels: Labels::None, ..windows(9, trend) }), None);
    }
}

//! Computations that only the report needs today; `elbo::metric` takes them over when it has them.

use crate::error::Result;
use crate::number::{count, mean};
use crate::read::Classes;
use elbo::metric::{Bootstrap, Estimate, Probabilities};
use elbo_kernels::Stream;
use elbo_kernels::noise::uniform::uniforms_f64;

/// Bins of calibration, as in the scores of a run.
pub const BINS: usize = 15;
/// Draws of outcomes under perfect calibration: fewer where there are very many examples.
const DRAWS: usize = 1000;
const FEWEST_DRAWS: usize = 100;
/// Outcomes that are drawn in all, about.
const OUTCOMES: usize = 50_000_000;

/// Largest probability of every example.
pub fn confidences(probabilities: &Probabilities) -> Vec<f64> {
    (0..probabilities.rows()).map(|i| probabilities.confidence(i)).collect()
}

/// Errors among the examples that a model is surest of.
pub struct RiskCoverage {
    /// Share of the examples that are answered.
    pub coverage: Vec<f64>,
    /// Share of errors among them.
    pub risk: Vec<f64>,
    /// The least risk that any order of the examples can have.
    pub best: Vec<f64>,
    /// Mean of the risk over all coverages (Geifman and El-Yaniv 2017, section 2): the area under the curve.
    pub area: f64,
}

impl RiskCoverage {
    /// The curve of a model that answers by confidence. Equally confident examples count with their mean, so that their
    /// order plays no part.
    pub fn new(classes: &Classes) -> Self {
        let confidence = confidences(&classes.probabilities);
        let mut order: Vec<usize> = (0..confidence.len()).collect();
        order.sort_by(|&a, &b| confidence[b].total_cmp(&confidence[a]));
        let wrong = |i: usize| f64::from(u8::from(!classes.is_right(i)));
        let errors: f64 = (0..order.len()).map(wrong).sum();
        let right = count(order.len()) - errors;
        let (mut coverage, mut risk, mut best, mut sum, mut start) = (Vec::new(), Vec::new(), Vec::new(), 0.0, 0);
        while start < order.len() {
            let level = confidence[order[start]];
            let tied = order[start..].iter().take_while(|&&i| confidence[i] == level).count();
            let share = mean(&order[start..start + tied].iter().map(|&i| wrong(i)).collect::<Vec<_>>());
            for k in start..start + tied {
                sum += share;
                let answered = count(k + 1);
                coverage.push(answered / count(order.len()));
                risk.push(sum / answered);
                best.push((answered - right).max(0.0) / answered);
            }
            start += tied;
        }
        let area = mean(&risk);
        Self { coverage, risk, best, area }
    }

    /// The risk of the surest `share` of the examples.
    pub fn at(&self, share: f64) -> f64 {
        let place = self.coverage.iter().position(|&coverage| coverage >= share - 1e-12);
        self.risk[place.unwrap_or(self.risk.len() - 1)]
    }
}

/// Calibration errors that a perfectly calibrated model with these confidences would show: 2.5 % and 97.5 % quantiles and
/// the share of draws at or above `found`. Outcomes are drawn with the probabilities that the model states (consistency
/// resampling: Broecker and Smith 2007, section 3; Vaicenavicius et al. 2019, section 5).
pub fn consistent_ece(probabilities: &Probabilities, found: f64) -> (f64, f64, f64) {
    let confidence = confidences(probabilities);
    let bins: Vec<usize> = confidence.iter().map(|&p| bin(p)).collect();
    let stream = Stream::named(0, "report/consistency");
    let draws = (OUTCOMES / confidence.len().max(1)).clamp(FEWEST_DRAWS, DRAWS);
    let mut errors: Vec<f64> = (0..draws as u64)
        .map(|draw| {
            let mut sums = [0.0; BINS];
            for (i, u) in uniforms_f64(stream.draws(draw, 1), confidence.len()).into_iter().enumerate() {
                sums[bins[i]] += confidence[i] - f64::from(u8::from(u < confidence[i]));
            }
            sums.iter().map(|sum| sum.abs()).sum::<f64>() / count(confidence.len())
        })
        .collect();
    errors.sort_unstable_by(f64::total_cmp);
    let above = errors.iter().filter(|&&error| error >= found).count();
    (errors[draws / 40], errors[draws - 1 - draws / 40], count(above) / count(draws))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a probability
fn bin(confidence: f64) -> usize {
    ((confidence * count(BINS)) as usize).min(BINS - 1)
}

/// The difference of accuracy to always naming the class that is most frequent in the test part, and that class.
pub fn over_most_frequent(classes: &Classes) -> Result<(usize, f64, Estimate)> {
    let mut counts = vec![0_usize; classes.names.len()];
    classes.labels.iter().for_each(|&label| counts[label] += 1);
    let most = (0..counts.len()).fold(0, |best, class| if counts[class] > counts[best] { class } else { best });
    let is = |yes: bool| f64::from(u8::from(yes));
    let differences: Vec<f64> =
        (0..classes.labels.len()).map(|i| is(classes.is_right(i)) - is(classes.labels[i] == most)).collect();
    let statistic = |chosen: &[usize]| chosen.iter().map(|&i| differences[i]).sum::<f64>() / count(chosen.len());
    let estimate = Bootstrap::default().estimate(differences.len(), statistic)?;
    Ok((most, count(counts[most]) / count(classes.labels.len()), estimate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(confidence: &[f64], right: &[bool]) -> Classes {
        let probabilities = confidence.iter().flat_map(|&p| [p, 1.0 - p]).collect();
        let n = confidence.len();
        Classes {
            names: vec!["a".into(), "b".into()],
            ids: (0..n).map(|i| i.to_string()).collect(),
            labels: right.iter().map(|&right| usize::from(!right)).collect(),
            probabilities: Probabilities::new(probabilities, 2).unwrap(),
            entropy: vec![0.1; n],
            information: vec![0.0; n],
        }
    }

    #[test]
    fn risk_and_coverage_by_hand() {
        let curve = RiskCoverage::new(&classes(&[0.9, 0.6, 0.8, 0.7], &[true, false, true, false]));
        assert_eq!(curve.coverage, [0.25, 0.5, 0.75, 1.0]);
        assert_eq!(curve.risk, [0.0, 0.0, 1.0 / 3.0, 0.5]);
        assert_eq!(curve.best, curve.risk);
        assert_eq!((curve.at(0.5), curve.at(1.0)), (0.0, 0.5));
        assert!((curve.area - (1.0 / 3.0 + 0.5) / 4.0).abs() < 1e-15);
        let tied = RiskCoverage::new(&classes(&[0.8; 4], &[true, false, true, false]));
        assert_eq!(tied.risk, [0.5; 4]);
    }

    #[test]
    fn certain_and_right_is_consistent_with_itself_alone() {
        let probabilities = Probabilities::new([1.0, 0.0].repeat(50), 2).unwrap();
        assert_eq!(consistent_ece(&probabilities, 0.0), (0.0, 0.0, 1.0));
        assert_eq!(consistent_ece(&probabilities, 0.1).2, 0.0);
    }

    /// Sum over one bin of n examples at confidence 0.75: mean |error| is near sqrt(2 / pi) sqrt(0.1875 / n) = 0.0346 for
    /// n = 100, its spread 0.026; quantiles of 1000 draws on a lattice of 0.01.
    #[test]
    fn the_range_is_that_of_chance() {
        let probabilities = Probabilities::new([0.75, 0.25].repeat(100), 2).unwrap();
        let (low, high, share) = consistent_ece(&probabilities, 0.0346);
        assert!(low < 0.011 && (0.07..0.12).contains(&high), "{low} {high}");
        assert!((0.25..0.65).contains(&share), "{share}");
    }

    #[test]
    fn the_most_frequent_class_is_the_measure() {
        let (most, share, over) = over_most_frequent(&classes(&[0.9; 4], &[true, true, true, false])).unwrap();
        assert_eq!((most, share, over.value), (0, 0.75, 0.0));
    }
}

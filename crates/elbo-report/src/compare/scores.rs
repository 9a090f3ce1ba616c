//! Scores of examples, and their paired differences.

use super::{Compared, Verdict};
use crate::error::Result;
use crate::number::count;
use crate::read::{Classes, Predicted, Reals};
use elbo::metric::{Bootstrap, Estimate, MetricError, brier_per_example, correct_per_example, nll_per_example};
use libm::erfc;

/// Scores that runs are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Score {
    /// Share of right classes.
    Accuracy,
    /// Negative log likelihood of classes, nats.
    Nll,
    /// Brier score.
    Brier,
    /// Root mean squared error.
    Rmse,
    /// Negative log density of the normal with the predictive's moments, nats.
    NormalNll,
    /// Continuous ranked probability score of the same normal, in the unit of the target.
    Crps,
    /// Share of the targets within their 90 % interval: nothing is better or worse by itself.
    Coverage,
}

const CLASSES: [Score; 3] = [Score::Accuracy, Score::Nll, Score::Brier];
const REALS: [Score; 4] = [Score::Rmse, Score::NormalNll, Score::Crps, Score::Coverage];

impl Score {
    /// Its name in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Nll => "nll",
            Self::Brier => "brier",
            Self::Rmse => "rmse",
            Self::NormalNll => "normal_nll",
            Self::Crps => "normal_crps",
            Self::Coverage => "coverage_90",
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Nll => "negative log likelihood (nats)",
            Self::Brier => "Brier score",
            Self::Rmse => "root mean squared error",
            Self::NormalNll => "negative log density of the normal (nats)",
            Self::Crps => "CRPS of the normal",
            Self::Coverage => "coverage of 90 % intervals",
        }
    }

    /// What is good.
    pub fn direction(self) -> &'static str {
        match self {
            Self::Accuracy => "higher is better",
            Self::Coverage => "best at 0.9",
            _ => "lower is better",
        }
    }

    /// What a difference of this score says.
    pub fn verdict(self, difference: &Estimate) -> Verdict {
        let (lower, higher) = match self {
            Self::Accuracy => (Verdict::Worse, Verdict::Better),
            Self::Coverage => (Verdict::NotShown, Verdict::NotShown),
            _ => (Verdict::Better, Verdict::Worse),
        };
        match difference {
            _ if difference.high < 0.0 => lower,
            _ if difference.low > 0.0 => higher,
            _ => Verdict::NotShown,
        }
    }

    /// What every example adds.
    fn per_example(self, predicted: &Predicted) -> Result<Vec<f64>, MetricError> {
        match predicted {
            Predicted::Classes(classes) => self.of_classes(classes),
            Predicted::Reals(reals) => Ok((0..reals.targets.len()).map(|i| self.of_real(reals, i)).collect()),
        }
    }

    fn of_classes(self, classes: &Classes) -> Result<Vec<f64>, MetricError> {
        match self {
            Self::Accuracy => correct_per_example(&classes.probabilities, &classes.labels),
            Self::Nll => nll_per_example(&classes.probabilities, &classes.labels),
            _ => brier_per_example(&classes.probabilities, &classes.labels),
        }
    }

    fn of_real(self, reals: &Reals, i: usize) -> f64 {
        let (y, mean, stddev) = (reals.targets[i], reals.mean[i], reals.stddev[i]);
        match self {
            Self::NormalNll => 0.5 * ((y - mean) / stddev).powi(2) + stddev.ln() + 0.5 * core::f64::consts::TAU.ln(),
            Self::Crps => normal_crps(y, mean, stddev),
            Self::Coverage => f64::from(u8::from((reals.low[i]..=reals.high[i]).contains(&y))),
            _ => (y - mean).powi(2),
        }
    }

    /// The score of chosen examples.
    fn of(self, values: &[f64], chosen: &[usize]) -> f64 {
        let mean = chosen.iter().map(|&i| values[i]).sum::<f64>() / count(chosen.len());
        if self == Self::Rmse { mean.sqrt() } else { mean }
    }
}

/// `σ (z (2 Φ(z) - 1) + 2 φ(z) - 1/√π)`, `z = (y - μ) / σ` (Gneiting and Raftery 2007, equation 21, with the sign of a loss).
fn normal_crps(y: f64, mean: f64, stddev: f64) -> f64 {
    let z = (y - mean) / stddev;
    let density = (-0.5 * z * z).exp() / core::f64::consts::TAU.sqrt();
    let twice_cdf = erfc(-z * core::f64::consts::FRAC_1_SQRT_2);
    stddev * (z * (twice_cdf - 1.0) + 2.0 * density - 1.0 / core::f64::consts::PI.sqrt())
}

/// All scores of runs with one test set.
pub fn compared(predicted: &[&Predicted]) -> Result<Vec<Compared>> {
    let scores: &[Score] = match predicted[0] {
        Predicted::Classes(_) => &CLASSES,
        Predicted::Reals(_) => &REALS,
    };
    scores.iter().map(|&score| compared_by(score, predicted)).collect()
}

fn compared_by(score: Score, predicted: &[&Predicted]) -> Result<Compared> {
    let bootstrap = Bootstrap::default();
    let values = predicted.iter().map(|p| score.per_example(p)).collect::<Result<Vec<_>, _>>()?;
    let n = values[0].len();
    let estimate = |values: &Vec<f64>| bootstrap.estimate(n, |chosen| score.of(values, chosen));
    let estimates = values.iter().map(estimate).collect::<Result<Vec<_>, _>>()?;
    let difference = |(run, other): (usize, &Vec<f64>)| {
        let statistic = |chosen: &[usize]| score.of(other, chosen) - score.of(&values[0], chosen);
        match bootstrap.estimate(n, statistic) {
            _ if run == 0 => Ok(None),
            // Two infinite scores have no difference.
            Err(MetricError::Undefined { .. }) => Ok(None),
            found => found.map(Some),
        }
    };
    let differences = values.iter().enumerate().map(difference).collect::<Result<Vec<_>, _>>()?;
    Ok(Compared { score, values: estimates, differences })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crps_by_hand() {
        // At the mean: sigma (sqrt(2) - 1) / sqrt(pi).
        let expected = 2.0 * (2.0_f64.sqrt() - 1.0) / core::f64::consts::PI.sqrt();
        assert!((normal_crps(3.0, 3.0, 2.0) - expected).abs() < 1e-15);
        // Far away it is the distance less sigma / sqrt(pi).
        assert!((normal_crps(100.0, 0.0, 1.0) - (100.0 - 1.0 / core::f64::consts::PI.sqrt())).abs() < 1e-12);
    }

    #[test]
    fn verdicts_follow_the_direction() {
        let less = Estimate { value: -0.2, low: -0.3, high: -0.1 };
        let more = Estimate { value: 0.2, low: 0.1, high: 0.3 };
        let both = Estimate { value: 0.0, low: -0.1, high: 0.1 };
        assert_eq!((Score::Nll.verdict(&less), Score::Nll.verdict(&more)), (Verdict::Better, Verdict::Worse));
        assert_eq!((Score::Accuracy.verdict(&less), Score::Accuracy.verdict(&more)), (Verdict::Worse, Verdict::Better));
        assert_eq!(
            (Score::Rmse.verdict(&both), Score::Coverage.verdict(&less)),
            (Verdict::NotShown, Verdict::NotShown)
        );
    }

    /// Run b is 0.1 worse on every example: the difference has no spread, however the scores themselves vary.
    #[test]
    fn differences_are_paired() {
        let reals = |shift: f64| {
            let n = 40;
            let targets: Vec<f64> = (0..n).map(|i| f64::from(i % 7)).collect();
            Predicted::Reals(Reals {
                ids: (0..n).map(|i| i.to_string()).collect(),
                mean: vec![0.0; targets.len()],
                stddev: vec![1.0; targets.len()],
                low: targets.iter().map(|y| y - shift).collect(),
                high: targets.iter().map(|y| y + shift).collect(),
                targets,
                ..Reals::default()
            })
        };
        let (a, b) = (reals(-1.0), reals(1.0));
        let coverage = compared_by(Score::Coverage, &[&a, &b]).unwrap();
        assert_eq!(coverage.differences[0], None);
        assert_eq!(coverage.differences[1], Some(Estimate { value: 1.0, low: 1.0, high: 1.0 }));
        let rmse = compared_by(Score::Rmse, &[&a, &b]).unwrap();
        assert_eq!(rmse.differences[1], Some(Estimate { value: 0.0, low: 0.0, high: 0.0 }));
        assert!(rmse.values[0].low < rmse.values[0].high);
    }
}

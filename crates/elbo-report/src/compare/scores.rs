//! Scores of runs on one test set, and their paired differences.

use super::{Compared, Verdict, horizon};
use crate::error::Result;
use crate::number::count;
use crate::read::{Classes, Predicted, Reals};
use elbo::metric::{
    Bootstrap, Estimate, Forecasts, MetricError, RegressionPredictions, ScoreDifference, classification_differences,
    classification_scores, covered_per_example, regression_differences, regression_scores,
};
use serde_json::Value;

/// A score that runs are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// Its name in JSON.
    pub key: &'static str,
    /// Its name in `metrics.json` and in differences.
    pub source: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What is good.
    pub better: Better,
}

/// What is good of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less of it.
    Lower,
    /// More of it.
    Higher,
    /// Nothing by itself: best at 0.9, how far off says its [gap](COVERAGE_GAP).
    Coverage,
}

/// Key of the distance between coverage and 0.9.
pub(super) const COVERAGE_GAP: &str = "coverage_gap_90";
const GAP: Score = score(COVERAGE_GAP, "distance of that coverage from 90 %", Better::Lower);

const fn score(key: &'static str, name: &'static str, better: Better) -> Score {
    Score { key, source: key, name, better }
}

const CLASSES: [Score; 6] = [
    score("accuracy", "accuracy", Better::Higher),
    score("nll", "negative log likelihood (nats)", Better::Lower),
    score("brier", "Brier score", Better::Lower),
    score("ece", "calibration error", Better::Lower),
    score("error_auroc", "AUROC of errors", Better::Higher),
    score("aurc", "AURC", Better::Lower),
];

/// Log density and CRPS are those of the normal with the predictive's moments: files of predictions tell no more.
const REALS: [Score; 7] = [
    score("rmse", "root mean squared error", Better::Lower),
    score("mae", "mean absolute error", Better::Lower),
    Score { source: "nll", ..score("normal_nll", "negative log density of the normal (nats)", Better::Lower) },
    Score { source: "crps", ..score("normal_crps", "CRPS of the normal", Better::Lower) },
    score("interval_score_90", "interval score of 90 % intervals", Better::Lower),
    score("coverage_90", "coverage of 90 % intervals", Better::Coverage),
    GAP,
];

pub(super) const HORIZON: [Score; 5] = [
    score("rmse", "root mean squared error", Better::Lower),
    score("normal_crps", "CRPS of the normal", Better::Lower),
    score("interval_score_90", "interval score of 90 % intervals", Better::Lower),
    score("coverage_90", "coverage of 90 % intervals", Better::Coverage),
    GAP,
];

/// How far a coverage is from 90 %.
pub(super) fn gap(coverage: f64) -> f64 {
    (coverage - 0.9).abs()
}

impl Score {
    /// What is good, in words.
    pub fn direction(self) -> &'static str {
        match self.better {
            Better::Higher => "higher is better",
            Better::Lower => "lower is better",
            Better::Coverage => "best at 0.9",
        }
    }

    /// What a difference of this score says.
    pub fn verdict(self, difference: &Estimate) -> Verdict {
        let (lower, higher) = match self.better {
            Better::Higher => (Verdict::Worse, Verdict::Better),
            Better::Lower => (Verdict::Better, Verdict::Worse),
            Better::Coverage => (Verdict::NotShown, Verdict::NotShown),
        };
        match difference {
            _ if difference.high < 0.0 => lower,
            _ if difference.low > 0.0 => higher,
            _ => Verdict::NotShown,
        }
    }
}

/// All scores of runs with one test set.
pub fn compared(predicted: &[&Predicted]) -> Result<Vec<Compared>> {
    if let Predicted::Horizon(_) = predicted[0] {
        return horizon::compared(predicted);
    }
    let values = predicted.iter().map(|run| scores(run)).collect::<Result<Vec<_>>>()?;
    let first = predicted[0];
    let later = predicted[1..].iter().map(|run| differences(run, first)).collect::<Result<Vec<_>>>()?;
    let shown: &[Score] = if matches!(first, Predicted::Classes(_)) { &CLASSES } else { &REALS };
    let of = |&score: &Score| match score {
        GAP => gaps(score, predicted),
        _ => Ok(of_score(score, &values, &later)),
    };
    shown.iter().map(of).collect()
}

/// The distance of coverage from 90 %. Resampling moves it away from 0, for which its intervals make up.
fn gaps(score: Score, predicted: &[&Predicted]) -> Result<Compared> {
    let covered = |run: &&Predicted| match run {
        Predicted::Reals(reals) => covered_per_example(&reals.low, &reals.high, &reals.targets),
        Predicted::Classes(_) | Predicted::Horizon(_) => Ok(Vec::new()),
    };
    let runs = predicted.iter().map(covered).collect::<Result<Vec<_>, _>>()?;
    let (bootstrap, n) = (Bootstrap::default(), runs[0].len());
    let of = |run: &[f64], chosen: &[usize]| gap(chosen.iter().map(|&i| run[i]).sum::<f64>() / count(chosen.len()));
    let value = |run: &Vec<f64>| bootstrap.estimate_shifted(n, |chosen| of(run, chosen)).map(Some);
    let difference =
        |run: &Vec<f64>| bootstrap.estimate_shifted(n, |chosen| of(run, chosen) - of(&runs[0], chosen)).map(Some);
    let later = runs[1..].iter().map(difference);
    Ok(Compared {
        score,
        values: runs.iter().map(value).collect::<Result<_, _>>()?,
        differences: core::iter::once(Ok(None)).chain(later).collect::<Result<_, _>>()?,
    })
}

fn of_score(score: Score, values: &[Value], later: &[Vec<ScoreDifference>]) -> Compared {
    // A score that the predictions do not give is null there.
    let value = |scores: &Value| serde_json::from_value(scores[score.source].clone()).ok();
    let difference = |all: &Vec<ScoreDifference>| all.iter().find(|d| d.score == score.source)?.difference;
    let differences = core::iter::once(None).chain(later.iter().map(difference)).collect();
    Compared { score, values: values.iter().map(value).collect(), differences }
}

/// The scores of one run, by their names in `metrics.json`.
fn scores(predicted: &Predicted) -> Result<Value> {
    let bootstrap = Bootstrap::default();
    let value = match predicted {
        Predicted::Classes(Classes { probabilities, labels, .. }) => {
            serde_json::to_value(classification_scores(probabilities, labels, &bootstrap)?)
        }
        Predicted::Reals(reals) => {
            let nll = nll(reals)?;
            serde_json::to_value(regression_scores(&of_reals(reals, &nll), &reals.targets, &bootstrap)?)
        }
        Predicted::Horizon(_) => Ok(Value::Null),
    };
    // Scores are numbers and texts, which JSON can hold.
    Ok(value.unwrap_or(Value::Null))
}

/// `run` less `first`; none of two kinds.
fn differences(run: &Predicted, first: &Predicted) -> Result<Vec<ScoreDifference>> {
    let bootstrap = Bootstrap::default();
    match (run, first) {
        (Predicted::Classes(a), Predicted::Classes(b)) => {
            Ok(classification_differences(&a.probabilities, &b.probabilities, &a.labels, &bootstrap)?)
        }
        (Predicted::Reals(a), Predicted::Reals(b)) => {
            let (nll_a, nll_b) = (nll(a)?, nll(b)?);
            let (of_a, of_b) = (of_reals(a, &nll_a), of_reals(b, &nll_b));
            Ok(regression_differences(&of_a, &of_b, &a.targets, &bootstrap)?)
        }
        _ => Ok(Vec::new()),
    }
}

fn nll(reals: &Reals) -> Result<Vec<f64>, MetricError> {
    Forecasts::normal(&reals.mean, &reals.stddev)?.nll(&reals.targets)
}

fn of_reals<'a>(reals: &'a Reals, nll: &'a [f64]) -> RegressionPredictions<'a> {
    let Reals { mean, stddev, low, high, .. } = reals;
    RegressionPredictions { means: mean, stddevs: stddev, nll, low, high, crps: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_follow_the_direction() {
        let less = Estimate { value: -0.2, low: -0.3, high: -0.1 };
        let more = Estimate { value: 0.2, low: 0.1, high: 0.3 };
        let both = Estimate { value: 0.0, low: -0.1, high: 0.1 };
        let [accuracy, nll, ..] = CLASSES;
        let [rmse, .., coverage, gap] = REALS;
        assert_eq!((nll.verdict(&less), nll.verdict(&more)), (Verdict::Better, Verdict::Worse));
        assert_eq!((accuracy.verdict(&less), accuracy.verdict(&more)), (Verdict::Worse, Verdict::Better));
        assert_eq!((gap.verdict(&less), gap.verdict(&more)), (Verdict::Better, Verdict::Worse));
        assert_eq!((rmse.verdict(&both), coverage.verdict(&less)), (Verdict::NotShown, Verdict::NotShown));
    }

    /// Run b misses what run a holds, and is as far off on every example: the differences have no spread, however the
    /// scores themselves vary.
    #[test]
    fn differences_are_paired() {
        let reals = |shift: f64| {
            let n = 40;
            let targets: Vec<f64> = (0..n).map(|i| f64::from(i % 7)).collect();
            Predicted::Reals(Reals {
                ids: (0..n).map(|i| i.to_string()).collect(),
                mean: vec![0.0; targets.len()],
                stddev: vec![1.0; targets.len()],
                low: targets.iter().map(|y| y + shift).collect(),
                high: targets.iter().map(|y| y + shift.max(0.0) + 1.0).collect(),
                targets,
                ..Reals::default()
            })
        };
        let found = compared(&[&reals(0.5), &reals(-1.0)]).unwrap();
        let of = |key: &str| found.iter().find(|compared| compared.score.key == key).unwrap();
        let coverage = of("coverage_90");
        assert_eq!(coverage.differences[0], None);
        assert_eq!(coverage.differences[1], Some(Estimate { value: 1.0, low: 1.0, high: 1.0 }));
        // Run a holds none of 90 %, run b all: it is nearer by 0.8.
        let gap = of("coverage_gap_90").differences[1].unwrap();
        assert!((gap.value + 0.8).abs() < 1e-12 && gap.high < -0.79, "{gap:?}");
        let rmse = of("rmse");
        assert_eq!(rmse.differences[1], Some(Estimate { value: 0.0, low: 0.0, high: 0.0 }));
        assert!(rmse.values[0].unwrap().low < rmse.values[0].unwrap().high);
        assert_eq!(found.iter().filter(|compared| compared.values[0].is_none()).count(), 0);
    }
}

//! `sweep.json` and `sweep.csv`: a row per trial.

use super::choice::{Choice, best};
use super::config::SweepConfig;
use super::score::FoldScores;
use crate::error::{Error, Result};
use crate::metric::{count, mean, number};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the layout of `sweep.json`.
pub const SWEEP_SCHEMA: u32 = 1;

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepTable {
    /// Version of this layout: [`SWEEP_SCHEMA`].
    pub schema: u32,
    /// How a trial was chosen.
    pub choose: Choice,
    /// Parts of the cross-validation; `None` if the validation part was scored.
    pub folds: Option<usize>,
    /// Examples that every trial was scored on.
    pub examples: usize,
    /// Number of the trial with the best score.
    pub best: usize,
    /// Number of the chosen trial.
    pub chosen: usize,
    /// The trials, in the order of their numbers.
    pub trials: Vec<TrialRow>,
}

/// One trial. Everything but `seconds` is a function of configuration and data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRow {
    /// Its number, from 1.
    pub trial: usize,
    /// The values of the swept settings, by name.
    pub settings: BTreeMap<String, f64>,
    /// Its score: mean negative log likelihood of the held-out examples, in nats per example; infinite if training failed.
    #[serde(with = "number")]
    pub nll: f64,
    /// `sd(L_i) / sqrt(n)` over the n held-out examples, of a series over as many means of a horizon's forecasts in a row,
    /// which share rows (batch means, Law and Kelton 2000, section 9.5.3); not a number for a single one or a failed trial.
    #[serde(with = "number")]
    pub standard_error: f64,
    /// What its score is above the best trial's; not a number, and left out of files, while that is not known.
    #[serde(with = "number", default = "unknown", skip_serializing_if = "is_unknown")]
    pub gap: f64,
    /// `sd(L_i - L*_i) / sqrt(n)`: the standard error of the gap, example by example.
    #[serde(with = "number", default = "unknown", skip_serializing_if = "is_unknown")]
    pub gap_standard_error: f64,
    /// Part of the held-out examples whose class is the most probable one; `None` for real targets.
    pub accuracy: Option<f64>,
    /// Root of the mean squared error on the held-out examples, in the targets' unit; `None` for classes.
    pub rmse: Option<f64>,
    /// Wall-clock time of training and scoring.
    pub seconds: f64,
    /// Why training stopped, if it did before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// A trial that is done, example by example.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub row: TrialRow,
    nll: Vec<f64>,
    /// So many examples in a row depend on each other.
    block: usize,
}

impl Trial {
    /// From the scores of its folds. (Its gap to the best is not known yet.)
    pub(super) fn new(
        trial: usize,
        settings: BTreeMap<String, f64>,
        folds: &[FoldScores],
        (classes, block): (bool, usize),
    ) -> Self {
        let nll: Vec<f64> = folds.iter().flat_map(|fold| &fold.nll).map(|value| value.0).collect();
        let second: Vec<f64> = folds.iter().flat_map(|fold| &fold.second).map(|value| value.0).collect();
        let failed = folds.iter().find_map(|fold| fold.failed.clone());
        let (score, standard_error) = match failed {
            Some(_) => (f64::INFINITY, f64::NAN),
            None => mean_and_error(&nll, block),
        };
        let second = failed.is_none().then(|| mean(&second));
        let row = TrialRow {
            trial,
            settings,
            nll: if score.is_nan() { f64::INFINITY } else { score },
            standard_error,
            gap: f64::NAN,
            gap_standard_error: f64::NAN,
            accuracy: second.filter(|_| classes),
            rmse: second.filter(|_| !classes).map(f64::sqrt),
            seconds: folds.iter().map(|fold| fold.seconds).sum(),
            failed,
        };
        Self { row, nll, block }
    }

    /// What it is above `best`, example by example.
    fn gap(&self, best: &Self) -> (f64, f64) {
        if self.row.trial == best.row.trial {
            return (0.0, 0.0);
        }
        if !self.row.nll.is_finite() {
            return (f64::INFINITY, f64::NAN);
        }
        mean_and_error(&self.nll.iter().zip(&best.nll).map(|(a, b)| a - b).collect::<Vec<_>>(), self.block)
    }
}

fn unknown() -> f64 {
    f64::NAN
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the signature that serde calls
fn is_unknown(value: &f64) -> bool {
    value.is_nan()
}

/// `m = Σ x_i / n` and, over the b means of whole blocks, `sqrt(Σ (x_j - m)² / (b - 1) / b)`.
fn mean_and_error(values: &[f64], block: usize) -> (f64, f64) {
    let blocks: Vec<f64> = values.chunks_exact(block.max(1)).map(mean).collect();
    let (middle, b) = (mean(&blocks), count(blocks.len()));
    let squares: f64 = blocks.iter().map(|value| (value - middle).powi(2)).sum();
    (mean(values), if b > 1.0 { (squares / (b - 1.0) / b).sqrt() } else { f64::NAN })
}

impl SweepTable {
    /// Of all trials of a sweep.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if no trial has a finite score.
    pub(super) fn new(config: &SweepConfig, trials: &[Trial]) -> Result<Self> {
        let mut rows: Vec<TrialRow> = trials.iter().map(|trial| trial.row.clone()).collect();
        let best = best(&rows)?.trial;
        let winner = trials.iter().find(|trial| trial.row.trial == best).expect("it is the row of one of them");
        for (row, trial) in rows.iter_mut().zip(trials) {
            (row.gap, row.gap_standard_error) = trial.gap(winner);
        }
        let chosen = config.choose.of(&rows)?.trial;
        let (choose, folds) = (config.choose, config.folds);
        Ok(Self { schema: SWEEP_SCHEMA, choose, folds, examples: winner.nll.len(), best, chosen, trials: rows })
    }

    /// The row of the chosen trial.
    #[must_use]
    pub fn chosen_row(&self) -> Option<&TrialRow> {
        self.trials.iter().find(|row| row.trial == self.chosen)
    }

    /// As CSV: `trial`, a column per setting, `nll`, `standard_error`, `gap`, `gap_standard_error`, `accuracy`, `rmse`,
    /// `seconds`, `chosen`, `failed`.
    ///
    /// # Errors
    /// [`Error::Io`], which memory does not give.
    pub fn to_csv(&self) -> Result<Vec<u8>> {
        let fail = |error| Error::io("sweep.csv", "write", std::io::Error::other(error));
        let mut writer = csv::Writer::from_writer(Vec::new());
        let names: Vec<&str> =
            self.trials.first().into_iter().flat_map(|row| row.settings.keys()).map(String::as_str).collect();
        const AFTER: [&str; 9] =
            ["nll", "standard_error", "gap", "gap_standard_error", "accuracy", "rmse", "seconds", "chosen", "failed"];
        writer.write_record(["trial"].iter().chain(&names).chain(&AFTER)).map_err(|error| fail(error.to_string()))?;
        for row in &self.trials {
            writer.write_record(self.csv_row(row)).map_err(|error| fail(error.to_string()))?;
        }
        writer.into_inner().map_err(|error| fail(error.to_string()))
    }

    fn csv_row(&self, row: &TrialRow) -> Vec<String> {
        let optional = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let mut cells = vec![row.trial.to_string()];
        cells.extend(row.settings.values().map(f64::to_string));
        cells.extend([row.nll, row.standard_error, row.gap, row.gap_standard_error].map(|value| value.to_string()));
        cells.extend([optional(row.accuracy), optional(row.rmse), row.seconds.to_string()]);
        cells.extend([(row.trial == self.chosen).to_string(), row.failed.clone().unwrap_or_default()]);
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::super::score::Number;
    use super::*;

    fn trial(number: usize, weight: f64, prior: f64, nll: &[f64]) -> Trial {
        let scores = |nll: &[f64]| FoldScores {
            nll: nll.iter().copied().map(Number).collect(),
            second: vec![Number(1.0); nll.len()],
            seconds: 0.5,
            failed: None,
        };
        let (first, second) = nll.split_at(nll.len() / 2);
        let settings = BTreeMap::from([("kl-weight".to_owned(), weight), ("prior-scale".to_owned(), prior)]);
        Trial::new(number, settings, &[scores(first), scores(second)], (true, 1))
    }

    fn table(choose: Choice, trials: &[Trial]) -> SweepTable {
        let config = SweepConfig { space: Vec::new(), trials: None, folds: Some(2), choose };
        SweepTable::new(&config, trials).unwrap()
    }

    /// By hand: the scores 1, 2, 3, 6 have mean 3 and squared deviations 4 + 1 + 0 + 9 = 14, so the standard error is
    /// sqrt(14 / 3 / 4). The second trial's are 1, 0, 1, 0 above them: gap 1/2, sqrt(1 / 3 / 4).
    #[test]
    fn scores_by_hand() {
        let trials = [trial(1, 1.0, 1.0, &[1.0, 2.0, 3.0, 6.0]), trial(2, 1.0, 1.0, &[2.0, 2.0, 4.0, 6.0])];
        let table = table(Choice::Minimum, &trials);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        let [first, second] = &table.trials[..] else { panic!("{table:?}") };
        assert!(close(first.nll, 3.0) && close(first.standard_error, (14.0_f64 / 12.0).sqrt()));
        assert_eq!((first.gap, first.gap_standard_error, first.accuracy, first.seconds), (0.0, 0.0, Some(1.0), 1.0));
        assert!(close(second.gap, 0.5) && close(second.gap_standard_error, (1.0_f64 / 12.0).sqrt()));
        assert_eq!((table.best, table.chosen, table.examples), (1, 1, 4));
    }

    /// Two in a row depend on each other: the means 1.5 and 4.5 have the standard error 1.5, the last one is left out.
    #[test]
    fn forecasts_that_share_rows_count_together() {
        let (mean, error) = mean_and_error(&[1.0, 2.0, 3.0, 6.0, 3.0], 2);
        assert!((mean - 3.0).abs() < 1e-12 && (error - 1.5).abs() < 1e-12, "{mean} {error}");
        assert!(mean_and_error(&[1.0, 2.0, 3.0], 2).1.is_nan(), "one block says nothing");
    }

    /// Trials 2 and 3 are as good as the best up to noise, trial 4 is worse by the same 0.1 everywhere: the differences
    /// tell what the scores, with a standard error of 1, cannot.
    #[test]
    fn one_standard_error_prefers_the_more_regularized() {
        let trials = [
            trial(1, 0.01, 1.0, &[1.0, 2.0, 3.0, 6.0]),
            trial(2, 0.1, 1.0, &[1.2, 1.9, 3.1, 5.9]),
            trial(3, 0.1, 0.5, &[1.2, 1.8, 3.3, 5.9]),
            trial(4, 1.0, 1.0, &[1.1, 2.1, 3.1, 6.1]),
        ];
        let table = table(Choice::OneStandardError, &trials);
        assert_eq!((table.best, table.chosen), (1, 3));
        assert_eq!(self::table(Choice::Minimum, &trials).chosen, 1);
    }

    #[test]
    fn failed_and_infinite_trials_never_win() {
        let failed = FoldScores { nll: Vec::new(), second: Vec::new(), seconds: 1.0, failed: Some("why".into()) };
        let failed = Trial::new(2, BTreeMap::from([("kl-weight".to_owned(), 9.0)]), &[failed], (true, 1));
        let trials = [trial(1, 9.0, 1.0, &[f64::INFINITY, 0.0]), failed, trial(3, 1.0, 1.0, &[5.0, 5.0])];
        for choose in [Choice::Minimum, Choice::OneStandardError] {
            let table = table(choose, &trials);
            assert_eq!(table.chosen, 3);
            let text = serde_json::to_string(&table).unwrap();
            let read: SweepTable = serde_json::from_str(&text).unwrap();
            assert_eq!((read.trials[0].nll, read.trials[1].failed.as_deref()), (f64::INFINITY, Some("why")));
        }
        let config = SweepConfig { space: Vec::new(), trials: None, folds: None, choose: Choice::Minimum };
        let error = SweepTable::new(&config, &trials[..2]).unwrap_err().to_string();
        assert!(error.contains("such that a trial has a finite score"), "{error}");
    }

    #[test]
    fn csv_has_a_row_per_trial() {
        let trials = [trial(1, 1.0, 0.5, &[1.0, 3.0]), trial(2, 1.0, 2.0, &[2.0, 2.5])];
        let csv = String::from_utf8(table(Choice::Minimum, &trials).to_csv().unwrap()).unwrap();
        let expected = "trial,kl-weight,prior-scale,nll,standard_error,gap,gap_standard_error,accuracy,rmse,seconds,\
                        chosen,failed\n1,1,0.5,2,1,0,0,1,,1,true,\n2,1,2,2.25,0.25,0.25,0.75,1,,1,false,\n";
        assert_eq!(csv, expected);
    }
}

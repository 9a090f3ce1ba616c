//! The sweep of `elbo train --sweep`: the trials, before the run that they choose the settings of.

use super::stop::Stop;
use crate::output::{self, Trials};
use anyhow::{Result, bail};
use elbo::run::{DataSource, RunFolder, Sweep, SweepTable};

/// Below this many held-out examples the choice is little more than chance, and the user is told.
const FEW: usize = 30;

/// Runs the trials that have not been run.
pub fn run(folder: &RunFolder, sweep: &Sweep, stop: &Stop, json: bool) -> Result<SweepTable> {
    warn_of_few(sweep);
    let trials = Trials::new(json, sweep.trials(), sweep.held_out());
    for trial in 1..=sweep.trials() {
        trials.begin(trial);
        let row = sweep.run_trial(trial, &mut |progress| {
            trials.progress(progress);
            !stop.is_asked()
        })?;
        let Some(row) = row else {
            trials.interrupted();
            let (all, folder) = (sweep.trials(), folder.path().display());
            bail!("interrupted in trial {trial} of {all}; go on with `elbo train --resume {folder}`");
        };
        trials.done(&row);
    }
    let table = sweep.finish()?;
    trials.finish();
    output::trials(&table, folder.path(), json);
    Ok(table)
}

/// Says what a choice on a handful of examples is worth, and what would be better.
fn warn_of_few(sweep: &Sweep) {
    let base = sweep.base();
    let held_out = sweep.held_out() / base.data.steps();
    let folds = base.sweep.as_ref().is_some_and(|sweep| sweep.folds.is_some());
    let advice = match base.data.source {
        DataSource::Series { .. } => "a larger --validation would tell more",
        _ => "--folds 5 would use all training examples",
    };
    let what = match base.data.steps() {
        1 => "held-out examples",
        _ => "held-out forecasts that share no row",
    };
    if held_out < FEW && !folds {
        output::note(&format!("warning: trials are compared on {held_out} {what} only; {advice}"));
    }
}

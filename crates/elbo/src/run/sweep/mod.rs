//! A sweep: settings chosen on data that the model was not trained on.
//!
//! Every trial trains the run's network under settings of its own, on the same examples with the same seed, and is
//! scored on the examples that were held out of its training: the validation part, or every part in turn
//! (`folds`: K-fold cross-validation; Stone 1974). The test part plays no role. What is chosen trains the final model,
//! on all training data.
//!
//! # The score
//! The mean negative log likelihood of the posterior predictive, in nats per example:
//! `L = -1/n Σ_i ln 1/S Σ_s p(y_i | x_i, w_s)`. It is strictly proper (Gneiting and Raftery 2007, sections 2 and 4.1),
//! so that settings cannot win by being sure and wrong, and smooth: on a few dozen examples nearly all trials have one
//! of two or three accuracies. The standard error is `sd(L_i) / sqrt(n)`, over examples. It takes the held-out examples
//! for independent: of K folds no unbiased estimate of the variance exists (Bengio and Grandvalet 2004, section 3), and
//! this one is too small, for folds share most of what they are trained on.
//!
//! # The choice
//! [`Choice::Minimum`]: the best score. [`Choice::OneStandardError`]: the most regularized of the trials that the best
//! one does not beat by more than a standard error (after Breiman, Friedman, Olshen and Stone 1984, section 3.4.3) — of
//! the *difference*, `sd(L_i - L*_i) / sqrt(n)`: all trials are scored on the same examples, and what makes an example
//! hard for all of them cancels. Most regularized is the highest KL weight, of equal ones the lowest prior scale, of
//! equal ones the best score.
//!
//! # The points
//! Lists make a grid: all combinations, or `trials` of them drawn without repetition. With a range setting j
//! (from 1) of trial i (from 0) is at `u_ij = frac(φ_{p_j}(i) + r_j)` of its values, linear or logarithmic: the Halton
//! sequence (Halton 1960, section 2) with its radical inverse `φ` in the j-th prime as base, rotated by the seed's `r_j`
//! (Cranley and Patterson 1976). It covers a space more evenly than independent draws, whatever the number of trials,
//! and finds better settings than they and grids do (Bousquet et al. 2017, arXiv 1706.03200). Points are a function of the space and the seed, not of the scores of
//! earlier trials: that is what makes a killed sweep resumable to the bit, and with four settings and tens of noisy
//! scores there is little that a model of the scores could add.
//!
//! # Files, in the folder of the run
//! | file | content |
//! | --- | --- |
//! | `sweep.toml` | the run's configuration before the choice, with the sweep in `[sweep]` |
//! | `trials/001/config.toml` | the configuration of trial 1 |
//! | `trials/001/fold-1.json` | its scores, example by example; written when the fold is done |
//! | `trials/001/trial.json` | its row; written when the trial is done |
//! | `sweep.json`, `sweep.csv` | [`SweepTable`]: a row per trial, and which was chosen |
//! | `config.toml` and all others | the final run |
//!
//! ```no_run
//! use elbo::run::{RunFolder, Sweep};
//! let folder = RunFolder::new("runs/a");
//! let sweep = Sweep::open(folder.clone(), folder.sweep_config()?)?;
//! for trial in 1..=sweep.trials() {
//!     sweep.run_trial(trial, &mut |_| true)?;
//! }
//! let table = sweep.finish()?;
//! let (config, parts) = sweep.chosen(&table)?;
//! println!("trial {}: learning rate {}", table.chosen, config.training.learning_rate);
//! # Ok::<(), elbo::Error>(())
//! ```

mod choice;
mod config;
mod files;
mod points;
mod score;
mod setting;
mod table;
mod trials;
mod values;

pub use choice::Choice;
pub use config::{Dimension, SweepConfig};
pub use setting::Setting;
pub use table::{SWEEP_SCHEMA, SweepTable, TrialRow};
pub use trials::{Sweep, TrialProgress};
pub use values::Values;

/// Who complains in this module's errors.
const OWNER: &str = "sweep";

//! What `elbo train` does after training, from its arguments.

use crate::cli::CalibrationArgs;
use elbo::run::{CalibrationMethod, ConformalConfig, PredictionConfig, RunConfig};

const DEFAULT_ALPHA: f64 = 0.1;
const DEFAULT_FRACTION: f64 = 0.2;

/// How a new run predicts, with so many weight samples.
pub fn prediction(args: &CalibrationArgs, samples: usize) -> PredictionConfig {
    PredictionConfig {
        samples,
        calibrate: args.calibrate.and_then(crate::cli::Calibrate::method),
        conformal: conformal(args, DEFAULT_ALPHA, false),
    }
}

/// The part of the training data that is kept for it.
pub fn fraction(args: &CalibrationArgs) -> f64 {
    let prediction = prediction(args, 1);
    let is_used = prediction.calibrate.is_some() || prediction.conformal.is_some();
    args.calibration_fraction.unwrap_or(if is_used { DEFAULT_FRACTION } else { 0.0 })
}

fn conformal(args: &CalibrationArgs, alpha: f64, per_class: bool) -> Option<ConformalConfig> {
    let score = args.conformal?.score()?;
    Some(ConformalConfig { score, alpha: args.alpha.unwrap_or(alpha), per_class: args.per_class || per_class })
}

/// What is given to a resumed run, and what the run began with: the option's name and both values, if it is given.
pub fn given(args: &CalibrationArgs, config: &RunConfig) -> Vec<(&'static str, Option<String>, String)> {
    let (prediction, fraction) = (&config.prediction, config.training.calibration_fraction);
    let calibrate = args.calibrate.map(|asked| method(asked.method()));
    let (alpha, per_class) =
        prediction.conformal.map_or((DEFAULT_ALPHA, false), |began| (began.alpha, began.per_class));
    let asked = args.conformal.map(|_| sets(conformal(args, alpha, per_class)));
    vec![
        ("--calibrate", calibrate, method(prediction.calibrate)),
        ("--conformal", asked, sets(prediction.conformal)),
        ("--calibration-fraction", args.calibration_fraction.map(|x| x.to_string()), fraction.to_string()),
    ]
}

fn method(asked: Option<CalibrationMethod>) -> String {
    asked.map_or("none", CalibrationMethod::name).to_owned()
}

fn sets(asked: Option<ConformalConfig>) -> String {
    let said = |ConformalConfig { score, alpha, per_class }| {
        let by_class = if per_class { " per class" } else { "" };
        format!("{} with alpha {alpha}{by_class}", score.name())
    };
    asked.map_or("none".into(), said)
}

//! What the run is made of, and how to repeat it.

use crate::error::Result;
use crate::number::{counted, grouped, short};
use crate::page::Section;
use crate::read::Run;
use elbo::data::{ScalingKind, TaskKind};
use elbo::model::{ModelDescription, PRESETS, preset};
use elbo::run::{DataSource, RealLikelihood, Targets};
use maud::html;

/// The section.
pub fn section(run: &Run) -> Result<Section> {
    let network = toml::to_string(&run.config.model).map_err(|error| elbo::Error::ModelDescription {
        origin: run.path.join("config.toml").display().to_string(),
        reason: error.to_string(),
    })?;
    let body = html! {
        dl class="settings" {
            @for (name, value) in entries(run) { dt { (name) } dd { (value) } }
        }
        h3 { "To repeat it" }
        p { "The same version, command and data give the same model, bit for bit on the same kind of machine." }
        pre { (command(run)) }
        @if preset_name(&run.config.model).is_none() {
            p { "Here " code { "model.toml" } " is the description below." }
        }
        details {
            summary { "The network as it is described" }
            pre { (network.trim_end()) }
        }
    };
    Ok(Section { id: "settings", title: "Settings".into(), body })
}

fn entries(run: &Run) -> Vec<(&'static str, String)> {
    let (config, sizes) = (&run.config, run.log.sizes);
    let (data, training) = (&config.data, &config.training);
    let examples =
        format!("{} trained on, {} held out for validation", grouped(sizes.train), grouped(sizes.validation));
    let tested = run.predicted.as_ref().map_or(String::new(), |found| format!(", {} tested on", grouped(found.len())));
    let seconds = run.metrics.as_ref().map(|metrics| metrics.timing.training_seconds);
    let mut entries = vec![
        ("Data", data.name.clone()),
        ("Examples", examples + &tested),
        ("Series", format!("{}, {}", counted(data.channels, "channel"), length(data.length, data.equal_length))),
        ("Target", target(&data.targets)),
        ("Scaling", scaling(data.scaler.kind).into()),
        ("Data fingerprint", format!("SHA-256 {}", data.fingerprint)),
        ("Network", preset_name(&config.model).map_or("described in a file".into(), |name| format!("preset {name}"))),
        ("Parameters", grouped(sizes.parameters)),
        ("Epochs", format!("{} with {} a step", grouped(training.epochs), counted(training.batch_size, "example"))),
        (
            "Learning rate",
            format!("{} at its highest, {:?} schedule", training.learning_rate, training.schedule).to_lowercase(),
        ),
        ("KL weight", kl_weight(training.kl_weight)),
        ("KL annealing", format!("{:?}", training.annealing).to_lowercase()),
        ("Weight samples", format!("{} a training step, {} a prediction", training.samples, config.prediction.samples)),
        ("Seed", training.seed.to_string()),
        ("Version", format!("elbo {}", config.elbo_version)),
    ];
    if let DataSource::Series { shape, test_fraction, .. } = &data.source {
        let (rows, part) = (counted(shape.window, "row"), crate::number::percent(*test_fraction));
        let text = format!("from {rows}, {} ahead; the last {part} of the rows are the test part", shape.horizon);
        entries.insert(3, ("Forecast", text));
    }
    match &data.targets {
        Targets::Classes { .. } => {}
        _ => entries.insert(4, ("Likelihood", likelihood(data.targets.real_likelihood()).into())),
    }
    entries.extend(seconds.map(|seconds| ("Training time", format!("{} s", short(seconds)))));
    entries
}

fn length(length: usize, is_equal: bool) -> String {
    if is_equal { counted(length, "time step") } else { format!("up to {}", counted(length, "time step")) }
}

fn target(targets: &Targets) -> String {
    match targets {
        Targets::Classes { names } => counted(names.len(), "class").replace("classs", "classes"),
        Targets::Real { .. } => "a real number".into(),
        Targets::Horizon { names, steps, .. } => format!("{} of {} ahead", counted(*steps, "step"), names.join(", ")),
    }
}

fn likelihood(likelihood: RealLikelihood) -> &'static str {
    match likelihood {
        RealLikelihood::Gaussian => "normal, with a standard deviation that is trained",
        RealLikelihood::StudentT => "Student's t with 4 degrees of freedom, its scale predicted",
    }
}

fn scaling(kind: ScalingKind) -> &'static str {
    match kind {
        ScalingKind::None => "none",
        ScalingKind::PerSeries => "every series to mean 0 and standard deviation 1",
        ScalingKind::PerChannel => "every channel by mean and standard deviation of the training part",
        ScalingKind::PerFeature => "every column by mean and standard deviation of the training part",
        ScalingKind::PerWindow => "every window by its mean and standard deviation",
    }
}

/// The weight of the divergence, and what that means.
fn kl_weight(weight: f64) -> String {
    let meaning = match weight {
        _ if weight == 1.0 => "the evidence lower bound itself",
        _ if weight < 1.0 => "below 1: a cold posterior, narrower than the Bayesian one",
        _ => "above 1: a warm posterior, nearer to the prior than the Bayesian one",
    };
    format!("{weight} ({meaning})")
}

fn preset_name(model: &ModelDescription) -> Option<&'static str> {
    PRESETS.into_iter().find(|name| preset(name).is_ok_and(|preset| preset == *model))
}

/// The command that began the run.
fn command(run: &Run) -> String {
    let (config, training) = (&run.config, &run.config.training);
    let mut words = vec!["elbo train".to_owned()];
    let mut option = |name: &str, value: &str| {
        words.push(format!("--{name}{}{}", if value.starts_with('-') { "=" } else { " " }, quoted(value)));
    };
    match &config.data.source {
        DataSource::Embedded { dataset } => option("dataset", dataset),
        DataSource::Files { train, test } => {
            option("train", &train.to_string_lossy());
            if let Some(test) = test {
                option("test", &test.to_string_lossy());
            }
        }
        DataSource::Series { series, shape, test_fraction, columns } => {
            option("series", &series.to_string_lossy());
            option("window", &shape.window.to_string());
            option("horizon", &shape.horizon.to_string());
            option("test-fraction", &test_fraction.to_string());
            columns.time.iter().for_each(|name| option("time-column", name));
            columns.targets.iter().for_each(|name| option("target", name));
            columns.covariates.iter().flatten().for_each(|name| option("covariate", name));
        }
    }
    if config.data.targets.real_likelihood() == RealLikelihood::StudentT {
        option("likelihood", "student-t");
    }
    match preset_name(&config.model) {
        Some(name) => option("preset", name),
        None => option("model", "model.toml"),
    }
    let scaling = match config.data.scaler.kind {
        ScalingKind::None => "none",
        ScalingKind::PerSeries => "per-series",
        ScalingKind::PerChannel => "per-channel",
        ScalingKind::PerFeature => "per-feature",
        ScalingKind::PerWindow => "per-window",
    };
    option("scaling", scaling);
    if let Some(column) = &config.data.read.csv_label {
        option("csv-label", column);
    }
    if let Some(task) = config.data.read.task {
        option("task", if task == TaskKind::Real { "real" } else { "classes" });
    }
    let numbers = [
        ("epochs", training.epochs.to_string()),
        ("batch-size", training.batch_size.to_string()),
        ("lr", training.learning_rate.to_string()),
        ("kl-weight", training.kl_weight.to_string()),
        ("samples", config.prediction.samples.to_string()),
        ("train-samples", training.samples.to_string()),
        ("validation", training.validation_fraction.to_string()),
        ("seed", training.seed.to_string()),
    ];
    for (name, value) in &numbers {
        option(name, value);
    }
    if training.calibration_fraction != 0.0 {
        option("calibration-fraction", &training.calibration_fraction.to_string());
    }
    if let Some(method) = config.prediction.calibrate {
        option("calibrate", method.name());
    }
    if let Some(conformal) = config.prediction.conformal {
        option("conformal", conformal.score.name());
        option("alpha", &conformal.alpha.to_string());
        words.extend(conformal.per_class.then(|| "--per-class".to_owned()));
    }
    let device = run.metrics.as_ref().map(|metrics| &metrics.timing.device);
    words.extend(device.filter(|device| *device != "flex").map(|device| format!("--device {}", quoted(device))));
    words.join(" \\\n  ")
}

/// A word of a shell's command line.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_are_quoted() {
        assert_eq!((quoted("a/b.ts"), quoted("it's"), quoted("")), ("a/b.ts".into(), "'it'\\''s'".into(), "''".into()));
    }
}

//! Small runs, made through the library as the program makes them.

use burn::tensor::Device;
use elbo::data::{Labels, ReadOptions, ScalingKind};
use elbo::model::{ModelDescription, preset};
use elbo::record::parameter_names;
use elbo::run::{
    DataSource, Event, EventLog, Metrics, ModelSummary, PartSizes, Parts, PredictionConfig, RealLikelihood, RunConfig,
    RunFolder, TestScores, Timing, TrainingSummary, evaluate, predictions_csv, prepare,
};
use elbo::train::{Trainer, TrainingConfig};
use std::fs;
use std::path::{Path, PathBuf};

/// What a run is made of.
pub struct Plan {
    pub source: DataSource,
    pub epochs: usize,
    /// Epochs after which it is left unfinished.
    pub stopped_after: Option<usize>,
    pub seed: u64,
    pub model: ModelDescription,
}

impl Plan {
    /// A run on the embedded power data.
    pub fn italy(epochs: usize) -> Self {
        Self::new(DataSource::Embedded { dataset: "italy-power-demand".into() }, epochs)
    }

    pub fn new(source: DataSource, epochs: usize) -> Self {
        Self { source, epochs, stopped_after: None, seed: 1, model: preset("mlp").unwrap() }
    }

    pub fn files(train: &Path, test: Option<&Path>, epochs: usize) -> Self {
        Self::new(DataSource::Files { train: train.to_owned(), test: test.map(Path::to_owned) }, epochs)
    }

    /// Trains and scores it in a folder.
    pub fn run(&self, path: PathBuf) -> RunFolder {
        let training = TrainingConfig {
            epochs: self.epochs,
            kl_weight: 0.01,
            seed: self.seed,
            validation_fraction: 0.2,
            ..TrainingConfig::default()
        };
        let scaling = ScalingKind::PerChannel;
        let (data, parts) =
            prepare(self.source.clone(), ReadOptions::default(), scaling, RealLikelihood::default(), &training)
                .unwrap();
        let prediction = PredictionConfig { samples: 20 };
        let (elbo_version, model) = ("0.1.0".into(), self.model.clone());
        let config = RunConfig { elbo_version, training, prediction, sweep: None, data, model };
        let folder = RunFolder::new(path);
        folder.begin(&config).unwrap();
        let trainer = self.train(&folder, &config, &parts);
        if self.stopped_after.is_none() {
            finish(&folder, &config, &parts, &trainer);
        }
        folder
    }

    fn train(&self, folder: &RunFolder, config: &RunConfig, parts: &Parts) -> Trainer {
        let model = config.build_model(&Device::flex().autodiff()).unwrap();
        let mut trainer = Trainer::new(config.training.clone(), model).unwrap();
        let mut log = EventLog::open(&folder.events_path(), 0).unwrap();
        let validation = parts.validation.as_ref().map_or(0, elbo::train::TrainingData::len);
        let (train, parameters) = (parts.train.len(), parameters(&trainer));
        log.log(&Event::Start { epoch: 0, epochs: self.epochs, train, validation, parameters }).unwrap();
        while !trainer.is_done() {
            let report = trainer.run_epoch(&parts.train, parts.validation.as_ref(), |_| ()).unwrap();
            log.log(&Event::Epoch(report)).unwrap();
            if self.stopped_after == Some(trainer.epoch()) {
                log.log(&Event::Interrupted { epoch: trainer.epoch() }).unwrap();
                break;
            }
        }
        trainer
    }
}

fn parameters(trainer: &Trainer) -> usize {
    parameter_names(trainer.model()).iter().map(|(_, _, shape)| shape.iter().product::<usize>()).sum()
}

fn finish(folder: &RunFolder, config: &RunConfig, parts: &Parts, trainer: &Trainer) {
    let model = trainer.trained();
    folder.save_model(&model, config).unwrap();
    let test = parts.test.as_ref().map(|test| {
        let evaluated = evaluate(&model, test, config.prediction.samples, config.training.seed).unwrap();
        let classes = match &test.series.labels {
            Labels::Classes { names, .. } => names.as_slice(),
            _ => &[],
        };
        folder.save_predictions(&predictions_csv(&test.series, &evaluated.predictions, classes).unwrap()).unwrap();
        let (posterior_predictive, mean_network) = (evaluated.posterior_predictive, evaluated.mean_network);
        TestScores { samples: config.prediction.samples, posterior_predictive, mean_network }
    });
    let size = |part: Option<&elbo::train::TrainingData>| part.map_or(0, elbo::train::TrainingData::len);
    let examples = PartSizes {
        train: parts.train.len(),
        validation: size(parts.validation.as_ref()),
        test: size(parts.test.as_ref()),
    };
    let training =
        TrainingSummary { epochs: trainer.epoch(), steps: trainer.step(), last_epoch: trainer.last_epoch().cloned() };
    let metrics = Metrics {
        schema: 1,
        dataset: config.data.name.clone(),
        examples,
        model: ModelSummary { parameters: parameters(trainer) },
        training,
        test,
        timing: Timing { training_seconds: 1.25, evaluation_seconds: 0.5 },
    };
    let epoch = trainer.epoch();
    EventLog::open(&folder.events_path(), epoch).unwrap().log(&Event::Done { epoch }).unwrap();
    folder.save_metrics(&metrics).unwrap();
}

/// A file of `rows` rows of 6 values and a real target that depends on them.
pub fn real_table(path: &Path, first: u32, rows: u32) -> PathBuf {
    let row = |i: u32| {
        let values: Vec<f64> = (0..6).map(|t| f64::from((i * 13 + t * 29) % 17) / 8.0 - 1.0).collect();
        let target = 30.0 + 4.0 * values.iter().sum::<f64>() + f64::from(i * 31 % 11) * 0.2;
        format!("{},{target:.3}\n", values.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
    };
    write(path, &("a,b,c,d,e,f,target\n".to_owned() + &(first..first + rows).map(row).collect::<String>()))
}

/// A file of `rows` rows of 5 values in two classes of these names; `class` says which one row `i` has.
pub fn class_table(path: &Path, names: [&str; 2], rows: u32, class: impl Fn(u32) -> usize) -> PathBuf {
    let row = |i: u32| {
        let level = if class(i) == 0 { -1.0 } else { 1.0 };
        let values: Vec<String> =
            (0..5).map(|t| format!("{:.2}", level + f64::from((i * 7 + t * 3) % 9) * 0.3)).collect();
        format!("{},\"{}\"\n", values.join(","), names[class(i)])
    };
    write(path, &("a,b,c,d,e,label\n".to_owned() + &(0..rows).map(row).collect::<String>()))
}

fn write(path: &Path, text: &str) -> PathBuf {
    fs::write(path, text).unwrap();
    path.to_owned()
}

//! Small runs, made through the library as the program makes them.

use burn::tensor::Device;
use elbo::data::{ReadOptions, ScalingKind, SeriesColumns, WindowShape};
use elbo::model::{ModelDescription, preset};
use elbo::record::parameter_names;
use elbo::run::{
    Adjustments, DataSource, Event, EventLog, METRICS_SCHEMA, Metrics, ModelSummary, PartSizes, Parts,
    PredictionConfig, RealLikelihood, RunConfig, RunFolder, Timing, TrainingSummary, evaluate_adjusted,
    predictions_csv, prepare,
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

    /// A run that forecasts `horizon` rows of `targets` of a file that [`series`] wrote.
    pub fn forecast(series: &Path, targets: &[&str], horizon: usize, epochs: usize) -> Self {
        let targets = targets.iter().map(|&target| target.to_owned()).collect();
        let source = DataSource::Series {
            series: series.to_owned(),
            shape: WindowShape { window: 24, horizon },
            test_fraction: 0.3,
            columns: SeriesColumns { targets, ..SeriesColumns::default() },
        };
        Self { model: preset("tcn").unwrap(), ..Self::new(source, epochs) }
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
        let scaling = match &self.source {
            DataSource::Series { .. } => ScalingKind::PerWindow,
            _ => ScalingKind::PerChannel,
        };
        let (source, read) = (self.source.clone(), ReadOptions::default());
        let (data, parts) = prepare(source, read, scaling, RealLikelihood::default(), &training).unwrap();
        let prediction = PredictionConfig { samples: 20, ..PredictionConfig::default() };
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
        log.log(&Event::Start { epoch: 0, epochs: self.epochs, train, validation, parameters, device: "flex".into() })
            .unwrap();
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
        let (samples, seed) = (config.prediction.samples, config.training.seed);
        let tested = evaluate_adjusted(&model, test, samples, seed, &Adjustments::default()).unwrap();
        let names = config.data.target_names();
        let csv = predictions_csv(&test.series, &tested.predictions, &tested.adjusted, names).unwrap();
        folder.save_predictions(&csv).unwrap();
        tested.scores
    });
    let size = |part: Option<&elbo::train::TrainingData>| part.map_or(0, elbo::train::TrainingData::len);
    let examples = PartSizes {
        train: parts.train.len(),
        validation: size(parts.validation.as_ref()),
        calibration: size(parts.calibration.as_ref()),
        test: size(parts.test.as_ref()),
    };
    let training =
        TrainingSummary { epochs: trainer.epoch(), steps: trainer.step(), last_epoch: trainer.last_epoch().cloned() };
    let metrics = Metrics {
        schema: METRICS_SCHEMA,
        dataset: config.data.name.clone(),
        examples,
        model: ModelSummary { parameters: parameters(trainer) },
        training,
        test,
        timing: Timing { device: "flex".into(), training_seconds: 1.25, evaluation_seconds: 0.5 },
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

/// A file of a trend with a season of 12 and some noise (a fixed pseudo-random sequence), its negative, and a price.
pub fn series(path: &Path, rows: u32) -> PathBuf {
    let row = |t: u32| {
        let x = f64::from(t);
        let noise = (x * 0.618_033_988_75 * 97.0).fract() - 0.5;
        let y = 50.0 + 0.5 * x + 10.0 * (x * core::f64::consts::TAU / 12.0).sin() + 2.0 * noise;
        format!("{:04}-{:02},{y:.4},{:.4},{}\n", 1990 + t / 12, 1 + t % 12, -0.1 * y, 3 + t % 5)
    };
    write(path, &("month,sales,returns,price\n".to_owned() + &(0..rows).map(row).collect::<String>()))
}

fn write(path: &Path, text: &str) -> PathBuf {
    fs::write(path, text).unwrap();
    path.to_owned()
}

//! The series that were predicted, from where the run's data came from.

use super::predictions::Predicted;
use elbo::data::Dataset;
use elbo::run::RunConfig;

/// The test part's series, if they are still there.
#[derive(Clone, Debug)]
pub enum TestSeries {
    /// As they were read, before scaling, in the order of the predictions.
    Found(Dataset),
    /// Why they cannot be shown.
    Missing(String),
}

impl TestSeries {
    /// Reads the data of a run again. Data that have changed are not shown as if they were the run's.
    pub fn read(config: &RunConfig, predicted: Option<&Predicted>) -> Self {
        let Some(predicted) = predicted else { return Self::Missing("the run has no predictions".into()) };
        let loaded = match config.data.source.load(&config.data.read, &config.training) {
            Ok(loaded) => loaded,
            Err(error) => return Self::Missing(error.to_string()),
        };
        if loaded.fingerprint != config.data.fingerprint {
            return Self::Missing("the data files have changed since the run began".into());
        }
        match loaded.test.filter(|test| test.examples.iter().map(|example| &example.id).eq(predicted.ids())) {
            Some(test) => Self::Found(test),
            None => Self::Missing("the predictions are of other examples".into()),
        }
    }
}

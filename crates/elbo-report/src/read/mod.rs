//! The folder of a run, as far as it is there.

mod events;
mod observed;
mod predictions;
mod series;
mod weights;

pub use events::Log;
pub use observed::Observed;
pub use predictions::{Classes, Horizon, Predicted, Reals};
pub use series::TestSeries;
pub use weights::WeightSummary;

use crate::error::Result;
use burn::tensor::Device;
use elbo::run::{Metrics, RunConfig, RunFolder};
use std::path::PathBuf;

/// Everything a report tells about.
pub struct Run {
    /// The folder.
    pub path: PathBuf,
    /// What the run is made of.
    pub config: RunConfig,
    /// Its scores; `None` if it was not finished.
    pub metrics: Option<Metrics>,
    /// What happened.
    pub log: Log,
    /// Predictions of the test part; `None` without one.
    pub predicted: Option<Predicted>,
    /// The test part's series.
    pub series: TestSeries,
    /// The rows that were forecast, and those before them; `None` of another task.
    pub observed: Option<Observed>,
    /// The weights of the trained model; `None` if it was not finished.
    pub weights: Option<Vec<WeightSummary>>,
}

impl Run {
    /// Reads what a report needs.
    ///
    /// # Errors
    /// Those of [`compared`](Self::compared), and of a damaged model.
    pub fn read(folder: &RunFolder) -> Result<Self> {
        let mut run = Self::compared(folder)?;
        if run.metrics.is_some() {
            run.weights = Some(weights::summaries(&folder.model(&Device::flex())?)?);
        }
        run.series = TestSeries::read(&run.config, run.predicted.as_ref());
        if let Some(Predicted::Horizon(horizon)) = &run.predicted {
            run.observed = Some(Observed::read(&run.config.data.source, &run.series, horizon));
        }
        Ok(run)
    }

    /// Reads what a comparison needs: neither model nor series.
    ///
    /// # Errors
    /// [`elbo::Error::Io`] without a configuration, and what says that a file is damaged.
    pub fn compared(folder: &RunFolder) -> Result<Self> {
        let config = folder.config()?;
        let metrics = if folder.is_finished() { Some(folder.metrics()?) } else { None };
        let predicted = match metrics.as_ref().and_then(|metrics| metrics.test.as_ref()) {
            Some(_) => Some(Predicted::read(&folder.path().join("predictions.csv"), &config.data)?),
            None => None,
        };
        let log = Log::read(&folder.events_path())?;
        let series = TestSeries::Missing("they were not asked for".into());
        Ok(Self {
            path: folder.path().to_owned(),
            config,
            metrics,
            log,
            predicted,
            series,
            observed: None,
            weights: None,
        })
    }

    /// Whether it was trained and scored.
    pub fn is_finished(&self) -> bool {
        self.metrics.is_some()
    }

    /// Its name: that of the folder.
    pub fn name(&self) -> String {
        self.path
            .file_name()
            .map_or_else(|| self.path.display().to_string(), |name| name.to_string_lossy().into_owned())
    }
}

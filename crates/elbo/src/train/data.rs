//! The data of a run: scaled series and what they are to be mapped to.

use crate::data::{Batch, Dataset, Labels, TargetScaler, TargetScaling};
use crate::error::{Error, Result};
use crate::objective::Targets;
use burn::tensor::{Device, Tensor, TensorData};

/// Scaled series with the targets that a likelihood takes.
#[derive(Clone, Debug)]
pub struct TrainingData {
    /// The series.
    pub series: Dataset,
    /// How real targets are scaled.
    pub target_scaling: TargetScaling,
    /// Rows after which a series repeats itself, if it does: what forecasts are compared with.
    pub season: Option<usize>,
}

impl TrainingData {
    /// Series with classes.
    ///
    /// # Errors
    /// [`Error::Targets`] if there are no classes.
    pub fn classes(series: Dataset) -> Result<Self> {
        match series.labels {
            Labels::Classes { .. } => Ok(Self { series, target_scaling: TargetScaling::None, season: None }),
            _ => Err(Error::labels("categorical", "classes", &series.labels)),
        }
    }

    /// Series with real targets, scaled by `scaler`.
    ///
    /// # Errors
    /// [`Error::Targets`] if there are no real targets.
    pub fn real(series: Dataset, scaler: TargetScaler) -> Result<Self> {
        match series.labels {
            Labels::Real(_) => Ok(Self { series, target_scaling: TargetScaling::Same(scaler), season: None }),
            _ => Err(Error::labels("gaussian", "real targets", &series.labels)),
        }
    }

    /// Series with what follows them, scaled by `scaling`; they repeat themselves after `season` rows, if they do.
    ///
    /// # Errors
    /// [`Error::Targets`] if nothing follows.
    pub fn horizon(series: Dataset, scaling: TargetScaling, season: Option<usize>) -> Result<Self> {
        match series.labels {
            Labels::Horizon { .. } => Ok(Self { series, target_scaling: scaling, season }),
            _ => Err(Error::labels("forecast", "a horizon of real targets", &series.labels)),
        }
    }

    /// Number of examples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The targets of a batch.
    #[must_use]
    pub fn targets(&self, batch: &Batch, device: &Device) -> Targets {
        match &self.series.labels {
            Labels::Classes { labels, .. } => {
                let chosen: Vec<usize> = batch.indices.iter().map(|&i| labels[i]).collect();
                Targets::classes(&chosen, device)
            }
            Labels::Real(values) => self.real_targets(values, 1, batch, device),
            Labels::Horizon { names, steps, values } => self.real_targets(values, names.len() * steps, batch, device),
            Labels::None => Targets::real(&[], device),
        }
    }

    /// `width` real targets per example, scaled.
    fn real_targets(&self, values: &[f64], width: usize, batch: &Batch, device: &Device) -> Targets {
        let scaled = |i: usize| (0..width).map(move |k| self.target_scaling.of(i, k).forward(values[i * width + k]));
        let chosen: Vec<f64> = batch.indices.iter().flat_map(|&i| scaled(i)).collect();
        Targets::real_events(Tensor::from_data(TensorData::new(chosen, [batch.indices.len(), width]), device))
    }
}

//! The data of a run: scaled series and what they are to be mapped to.

use crate::data::{Batch, Dataset, Labels, TargetScaler};
use crate::error::{Error, Result};
use crate::objective::Targets;
use burn::tensor::{Device, Tensor, TensorData};

/// Scaled series with the targets that a likelihood takes.
#[derive(Clone, Debug)]
pub struct TrainingData {
    /// The series.
    pub series: Dataset,
    /// How real targets were scaled; `None` for classes.
    pub target_scaler: Option<TargetScaler>,
}

impl TrainingData {
    /// Series with classes.
    ///
    /// # Errors
    /// [`Error::Targets`] if there are no classes.
    pub fn classes(series: Dataset) -> Result<Self> {
        match series.labels {
            Labels::Classes { .. } => Ok(Self { series, target_scaler: None }),
            _ => Err(Error::labels("categorical", "classes", &series.labels)),
        }
    }

    /// Series with real targets, scaled by `scaler`.
    ///
    /// # Errors
    /// [`Error::Targets`] if there are no real targets.
    pub fn real(series: Dataset, scaler: TargetScaler) -> Result<Self> {
        match series.labels {
            Labels::Real(_) => Ok(Self { series, target_scaler: Some(scaler) }),
            _ => Err(Error::labels("gaussian", "real targets", &series.labels)),
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
            Labels::Real(values) => {
                let scaler = self.target_scaler.unwrap_or(TargetScaler { loc: 0.0, scale: 1.0 });
                let chosen: Vec<f64> = batch.indices.iter().map(|&i| scaler.forward(values[i])).collect();
                let count = chosen.len();
                Targets::real_events(Tensor::from_data(TensorData::new(chosen, [count, 1]), device))
            }
            Labels::None => Targets::real(&[], device),
        }
    }
}

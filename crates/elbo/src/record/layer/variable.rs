//! Files of trained tensors.

use super::settings::SingleSettings;
use super::{open, read, save, write};
use crate::error::Result;
use crate::layer::{VARIABLE_LAYER, VariableLayer, VariableLayerConfig, VariableLayerOptions};
use crate::posterior::Family;
use crate::record::parameters;
use burn::tensor::Device;
use std::path::Path;

/// The tensor's path within the layer.
const WEIGHT: &str = "variable";

impl<const D: usize> VariableLayer<Family<D>, D> {
    /// Writes settings and numbers to `path`, all or nothing.
    ///
    /// # Errors
    /// [`Error::NotPlainData`](crate::Error::NotPlainData) naming the setting that is a function;
    /// [`Error::Io`](crate::Error::Io).
    pub fn save(&self, path: &Path) -> Result<()> {
        let shape = self.output_shape().to_vec();
        let settings = write::single(self.settings(), shape, WEIGHT, &self.variable)?;
        save(path, &settings, parameters(self), write::given(WEIGHT, &self.variable)?)
    }

    /// The layer that [`save`](Self::save) wrote, on `device`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::ModelFile`](crate::Error::ModelFile) if the file is damaged, of another
    /// class or version, has settings that are unknown, or tensors that do not fit them;
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if a setting is not allowed.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let (source, settings) = open::<SingleSettings<Vec<usize>>>(path, VARIABLE_LAYER)?;
        let other_rank = |found| source.fail(format!("expected a tensor of {D} axes, found shape {found:?}"));
        let shape = settings.shape.try_into().map_err(other_rank)?;
        let options = VariableLayerOptions {
            variable: source.weight(WEIGHT, settings.weight),
            activation: source.activation(&settings.activation)?,
            activity_regularizer: settings.activity_regularizer.map(read::regularizer),
            name: settings.name,
            dtype: Some(settings.dtype.into()),
            ..VariableLayerOptions::default()
        };
        let layer = VariableLayerConfig { shape, options }.init(device)?;
        source.check_names(&parameters(&layer), &[WEIGHT])?;
        Ok(layer)
    }
}

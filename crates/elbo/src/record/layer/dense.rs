//! Files of dense layers.

use super::settings::{DenseSettings, LayerSettings};
use super::{open, save, write};
use crate::error::Result;
use crate::layer::{DENSE, Dense, DenseConfig, DenseOptions};
use crate::record::parameters;
use burn::tensor::Device;
use std::path::Path;

impl Dense {
    /// Writes settings and numbers to `path`, all or nothing.
    ///
    /// # Errors
    /// [`Error::NotPlainData`](crate::Error::NotPlainData) naming the setting that is a function;
    /// [`Error::Io`](crate::Error::Io).
    pub fn save(&self, path: &Path) -> Result<()> {
        let (op, settings) = self.settings();
        let shape = DenseSettings { inputs: op.inputs, units: op.units };
        let settings = write::layer(settings, shape, &self.kernel, self.bias.as_ref())?;
        save(path, &settings, parameters(self), write::both_given(&self.kernel, self.bias.as_ref())?)
    }

    /// The layer that [`save`](Self::save) wrote, on `device`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::ModelFile`](crate::Error::ModelFile) if the file is damaged, of another
    /// class or version, has settings that are unknown, or tensors that do not fit them;
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if a setting is not allowed.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let (source, settings) = open::<LayerSettings<DenseSettings>>(path, DENSE)?;
        let DenseSettings { inputs, units } = settings.shape;
        let options = DenseOptions { layer: source.options(settings)? };
        let layer = DenseConfig { inputs, units, options }.init(device)?;
        source.check_names(&parameters(&layer), &["kernel", "bias"])?;
        Ok(layer)
    }
}

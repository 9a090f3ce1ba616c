//! Files of dense layers with a joint posterior.

use super::settings::{DenseVariationalSettings, SingleSettings};
use super::{open, read, save, write};
use crate::divergence::Divergence;
use crate::error::Result;
use crate::layer::{DENSE_VARIATIONAL, DenseVariational, DenseVariationalConfig, DenseVariationalOptions};
use crate::record::parameters;
use burn::tensor::Device;
use std::path::Path;

/// The weight's path within the layer.
const WEIGHT: &str = "weights";

impl DenseVariational {
    /// Writes settings and numbers to `path`, all or nothing.
    ///
    /// # Errors
    /// [`Error::NotPlainData`](crate::Error::NotPlainData) naming the setting that is a function;
    /// [`Error::Io`](crate::Error::Io).
    pub fn save(&self, path: &Path) -> Result<()> {
        let (op, settings) = self.settings();
        let (use_bias, kl_weight) = (self.use_bias(), self.kl_weight());
        let shape = DenseVariationalSettings { inputs: op.inputs, units: op.units, use_bias, kl_weight };
        let settings = write::single(settings, shape, WEIGHT, &self.weights)?;
        save(path, &settings, parameters(self), write::given(WEIGHT, &self.weights)?)
    }

    /// The layer that [`save`](Self::save) wrote, on `device`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::ModelFile`](crate::Error::ModelFile) if the file is damaged, of another
    /// class or version, has settings that are unknown, or tensors that do not fit them;
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if a setting is not allowed.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let (source, settings) = open::<SingleSettings<DenseVariationalSettings>>(path, DENSE_VARIATIONAL)?;
        let DenseVariationalSettings { inputs, units, use_bias, kl_weight } = settings.shape;
        let weight = source.weight(WEIGHT, settings.weight);
        let options = DenseVariationalOptions {
            posterior_fn: weight.posterior_fn,
            prior_fn: weight.prior_fn,
            use_bias,
            kl_weight,
            kl_use_exact: matches!(weight.divergence, Some(Divergence::Kl)),
            activation: source.activation(&settings.activation)?,
            activity_regularizer: settings.activity_regularizer.map(read::regularizer),
            name: settings.name,
            dtype: Some(settings.dtype.into()),
            ..DenseVariationalOptions::default()
        };
        let mut layer = DenseVariationalConfig { inputs, units, options }.init(device)?;
        // A configuration always has a divergence; a weight put in its place may have none.
        layer.weights.extras.divergence = weight.divergence;
        source.check_names(&parameters(&layer), &[WEIGHT])?;
        Ok(layer)
    }
}

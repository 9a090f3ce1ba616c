//! One layer in one file: its settings as text, its numbers by name.
//!
//! The file is safetensors with a checksum, written to a temporary name first. Its text `settings` is JSON with a
//! version; what is not known to this version is refused, never skipped. Functions (custom activations, divergences,
//! penalties, projections, tensor functions) cannot be saved: the error names the setting. Identities of parameters are
//! not saved: a loaded layer has new ones ([`name_parameters`](crate::record::name_parameters) gives those of its paths).

mod read;
mod settings;
mod write;

use super::{NamedTensors, parameters, write_atomically};
use crate::error::{Error, Result};
use crate::layer::{Choice, Conv, ConvConfig, ConvOptions, Dense, DenseConfig, DenseOptions, Sizes};
use burn::tensor::Device;
use read::Source;
use settings::{ConvolutionSettings, DenseSettings, LayerSettings};
use std::path::Path;

/// The format of files with one layer.
const FORMAT: &str = "elbo-layer-1";
/// The text that holds the settings.
const SETTINGS: &str = "settings";

impl Dense {
    /// Writes settings and numbers to `path`, all or nothing.
    ///
    /// # Errors
    /// [`Error::NotPlainData`] naming the setting that is a function; [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let (op, settings) = self.settings();
        let shape = DenseSettings { inputs: op.inputs, units: op.units };
        let settings = write::layer(settings, shape, &self.kernel, self.bias.as_ref())?;
        let given = [write::given("kernel", &self.kernel)?, write::bias_given(self.bias.as_ref())?].concat();
        save(path, &settings, parameters(self).into_iter().chain(given).collect())
    }

    /// The layer that [`save`](Self::save) wrote, on `device`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::ModelFile`] if the file is damaged, of another class or version, has settings that are
    /// unknown, or tensors that do not fit them; [`Error::InvalidArgument`] if a setting is not allowed.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let (source, settings) = open::<DenseSettings>(path, crate::layer::DENSE)?;
        let DenseSettings { inputs, units } = settings.shape;
        let options = DenseOptions { layer: source.options(settings)? };
        let layer = DenseConfig { inputs, units, options }.init(device)?;
        source.check_names(&parameters(&layer))?;
        Ok(layer)
    }
}

impl<const D: usize> Conv<D> {
    /// Writes settings and numbers to `path`, all or nothing.
    ///
    /// # Errors
    /// [`Error::NotPlainData`] naming the setting that is a function; [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let (geometry, settings) = self.settings();
        let settings = write::layer(settings, ConvolutionSettings::of(geometry), &self.kernel, self.bias.as_ref())?;
        let given = [write::given("kernel", &self.kernel)?, write::bias_given(self.bias.as_ref())?].concat();
        save(path, &settings, parameters(self).into_iter().chain(given).collect())
    }

    /// The layer that [`save`](Self::save) wrote, on `device`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::ModelFile`] if the file is damaged, of another class or version, has settings that are
    /// unknown, or tensors that do not fit them; [`Error::InvalidArgument`] if a setting is not allowed.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let (source, settings) = open::<ConvolutionSettings>(path, crate::layer::convolution_class::<D>())?;
        let shape = settings.shape.clone();
        let options = ConvOptions {
            strides: Sizes::Each(shape.strides),
            padding: Choice::Named(shape.padding),
            data_format: Choice::Named(shape.data_format),
            dilation_rate: Sizes::Each(shape.dilation_rate),
            groups: shape.groups,
            layer: source.options(settings)?,
        };
        let config = ConvConfig {
            channels_in: shape.channels_in,
            filters: shape.filters,
            kernel_size: Sizes::Each(shape.kernel_size),
            strides_with_dilation: true,
            options,
        };
        let layer = config.init(device)?;
        source.check_names(&parameters(&layer))?;
        Ok(layer)
    }
}

fn save<S: serde::Serialize>(path: &Path, settings: &LayerSettings<S>, tensors: settings::Tensors) -> Result<()> {
    let unwritable = |error| Error::ModelFile { path: path.to_owned(), reason: format!("settings: {error}") };
    let text = serde_json::to_string(settings).map_err(unwritable)?;
    let named = NamedTensors { tensors, metadata: [(SETTINGS.to_owned(), text)].into() };
    write_atomically(path, &named.to_bytes(FORMAT, path)?)
}

/// The tensors and settings of a file with a layer of `class`.
fn open<S: serde::de::DeserializeOwned>(path: &Path, class: &str) -> Result<(Source, LayerSettings<S>)> {
    let fail = |reason| Error::ModelFile { path: path.to_owned(), reason };
    let named = NamedTensors::read(path, FORMAT)?;
    let text = named.metadata.get(SETTINGS).ok_or_else(|| fail("there are no settings".to_owned()))?;
    let settings = LayerSettings::parse(text, class).map_err(fail)?;
    Ok((Source::new(path, named.tensors), settings))
}

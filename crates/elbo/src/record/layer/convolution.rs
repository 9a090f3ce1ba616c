//! Files of convolutions and transposed convolutions.

use super::settings::{ConvolutionSettings, LayerSettings, TransposedSettings};
use super::{open, save, write};
use crate::error::Result;
use crate::layer::{
    Choice, Conv, ConvConfig, ConvOptions, ConvTranspose, ConvTransposeConfig, LayerOptions, Sizes, convolution_class,
    transposed_class,
};
use crate::record::parameters;
use burn::tensor::Device;
use std::path::Path;

impl<const D: usize> Conv<D> {
    /// Writes settings and numbers to `path`, all or nothing.
    ///
    /// # Errors
    /// [`Error::NotPlainData`](crate::Error::NotPlainData) naming the setting that is a function;
    /// [`Error::Io`](crate::Error::Io).
    pub fn save(&self, path: &Path) -> Result<()> {
        let (geometry, settings) = self.settings();
        let settings = write::layer(settings, ConvolutionSettings::of(geometry), &self.kernel, self.bias.as_ref())?;
        save(path, &settings, parameters(self), write::both_given(&self.kernel, self.bias.as_ref())?)
    }

    /// The layer that [`save`](Self::save) wrote, on `device`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::ModelFile`](crate::Error::ModelFile) if the file is damaged, of another
    /// class or version, has settings that are unknown, or tensors that do not fit them;
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if a setting is not allowed.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let (source, settings) = open::<LayerSettings<ConvolutionSettings>>(path, convolution_class::<D>())?;
        let sizes = settings.shape.clone();
        let config = ConvConfig {
            channels_in: sizes.channels_in,
            filters: sizes.filters,
            kernel_size: Sizes::Each(sizes.kernel_size.clone()),
            strides_with_dilation: true,
            options: options(sizes, source.options(settings)?),
        };
        let layer = config.init(device)?;
        source.check_names(&parameters(&layer), &["kernel", "bias"])?;
        Ok(layer)
    }
}

impl<const D: usize> ConvTranspose<D> {
    /// Writes settings and numbers to `path`, all or nothing.
    ///
    /// # Errors
    /// [`Error::NotPlainData`](crate::Error::NotPlainData) naming the setting that is a function;
    /// [`Error::Io`](crate::Error::Io).
    pub fn save(&self, path: &Path) -> Result<()> {
        let (geometry, settings) = self.settings();
        let settings = write::layer(settings, TransposedSettings::of(geometry), &self.kernel, self.bias.as_ref())?;
        save(path, &settings, parameters(self), write::both_given(&self.kernel, self.bias.as_ref())?)
    }

    /// The layer that [`save`](Self::save) wrote, on `device`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::ModelFile`](crate::Error::ModelFile) if the file is damaged, of another
    /// class or version, has settings that are unknown, or tensors that do not fit them;
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if a setting is not allowed.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let (source, settings) = open::<LayerSettings<TransposedSettings>>(path, transposed_class::<D>())?;
        let TransposedSettings { sizes, output_padding } = settings.shape.clone();
        let config = ConvTransposeConfig {
            channels_in: sizes.channels_in,
            filters: sizes.filters,
            kernel_size: Sizes::Each(sizes.kernel_size.clone()),
            output_padding: output_padding.map(Sizes::Each),
            options: options(sizes, source.options(settings)?),
        };
        let layer = config.init(device)?;
        source.check_names(&parameters(&layer), &["kernel", "bias"])?;
        Ok(layer)
    }
}

fn options<const D: usize>(sizes: ConvolutionSettings, layer: LayerOptions<D>) -> ConvOptions<D> {
    ConvOptions {
        strides: Sizes::Each(sizes.strides),
        padding: Choice::Named(sizes.padding),
        data_format: Choice::Named(sizes.data_format),
        dilation_rate: Sizes::Each(sizes.dilation_rate),
        groups: sizes.groups,
        layer,
    }
}

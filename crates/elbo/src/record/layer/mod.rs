//! One layer in one file: its settings as text, its numbers by name.
//!
//! The file is safetensors with a checksum, written to a temporary name first. Its text `settings` is JSON with a
//! version; what is not known to this version is refused, never skipped. Functions (custom activations, divergences,
//! penalties, projections, tensor functions) cannot be saved: the error names the setting. Identities of parameters are
//! not saved: a loaded layer has new ones ([`name_parameters`](crate::record::name_parameters) gives those of its paths).

mod convolution;
mod dense;
mod dense_variational;
mod read;
mod settings;
mod variable;
mod write;

use super::{NamedTensors, write_atomically};
use crate::error::{Error, Result};
use burn::tensor::TensorData;
use read::Source;
use serde::Serialize;
use serde::de::DeserializeOwned;
use settings::Tensors;
use std::path::Path;

/// The format of files with one layer.
const FORMAT: &str = "elbo-layer-1";
/// The text that holds the settings.
const SETTINGS: &str = "settings";

/// Writes settings, parameters, and what else is `given` by name.
fn save(path: &Path, settings: &impl Serialize, mut tensors: Tensors, given: Vec<(String, TensorData)>) -> Result<()> {
    let unwritable = |error| Error::ModelFile { path: path.to_owned(), reason: format!("settings: {error}") };
    let text = serde_json::to_string(settings).map_err(unwritable)?;
    tensors.extend(given);
    let named = NamedTensors { tensors, metadata: [(SETTINGS.to_owned(), text)].into() };
    write_atomically(path, &named.to_bytes(FORMAT, path)?)
}

/// The tensors and settings of a file with a layer of `class`.
fn open<T: DeserializeOwned>(path: &Path, class: &str) -> Result<(Source, T)> {
    let fail = |reason| Error::ModelFile { path: path.to_owned(), reason };
    let named = NamedTensors::read(path, FORMAT)?;
    let text = named.metadata.get(SETTINGS).ok_or_else(|| fail("there are no settings".to_owned()))?;
    let settings = settings::parse(text, class).map_err(fail)?;
    Ok((Source::new(path, named.tensors), settings))
}

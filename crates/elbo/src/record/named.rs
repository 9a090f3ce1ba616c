//! Tensors by name, from a module, to a file, and back.

use super::hash::hex;
use super::paths::Path as NamePath;
use crate::error::{Error, Result};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

/// Files beyond this size are refused before they are read (16 GiB).
const MAX_FILE: u64 = 1 << 34;
const HASH_KEY: &str = "sha256";
const FORMAT_KEY: &str = "format";

/// Tensors and texts by name: what one file holds.
#[derive(Clone, Debug, Default)]
pub struct NamedTensors {
    /// Tensors.
    pub tensors: BTreeMap<String, TensorData>,
    /// Texts.
    pub metadata: BTreeMap<String, String>,
}

impl NamedTensors {
    /// The bytes of a safetensors file. Its metadata carry `format` and the SHA-256 of the tensors.
    ///
    /// # Errors
    /// [`Error::ModelFile`] if a tensor's type has no place in the format.
    pub fn to_bytes(&self, format: &str, path: &Path) -> Result<Vec<u8>> {
        let mut metadata: HashMap<String, String> =
            self.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        metadata.insert(FORMAT_KEY.into(), format.into());
        metadata.insert(HASH_KEY.into(), self.hash());
        self.serialized(metadata, path)
    }

    fn serialized(&self, metadata: HashMap<String, String>, path: &Path) -> Result<Vec<u8>> {
        let fail = |reason: String| Error::ModelFile { path: path.to_owned(), reason };
        let views = self
            .tensors
            .iter()
            .map(|(name, data)| {
                let dtype = to_safetensors(data.dtype()).ok_or_else(|| fail(format!("`{name}`: no such type")))?;
                let view = TensorView::new(dtype, data.shape().to_vec(), data.as_bytes());
                Ok((name.clone(), view.map_err(|error| fail(format!("`{name}`: {error}")))?))
            })
            .collect::<Result<Vec<_>>>()?;
        // Metadata are written in a fixed order, so that equal contents are equal files.
        serialize(views, metadata).map_err(fail)
    }

    /// Reads a file written by [`to_bytes`](Self::to_bytes) for `format`.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::ModelFile`] for a truncated, foreign or damaged file.
    pub fn read(path: &Path, format: &str) -> Result<Self> {
        let fail = |reason: String| Error::ModelFile { path: path.to_owned(), reason };
        let mut named = Self::read_foreign(path)?;
        match named.metadata.remove(FORMAT_KEY) {
            Some(found) if found == format => {}
            Some(found) => return Err(fail(format!("expected format `{format}`, found `{found}`"))),
            None => {
                return Err(fail(format!("expected format `{format}`, found a safetensors file of another program")));
            }
        }
        let expected = named.metadata.remove(HASH_KEY).unwrap_or_default();
        let found = named.hash();
        if found != expected {
            return Err(fail(format!("the numbers are damaged: expected SHA-256 {expected}, found {found}")));
        }
        Ok(named)
    }

    /// Reads a safetensors file of any program: all tensors and texts, unchecked.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::ModelFile`] for a truncated file or a type without place here.
    pub fn read_foreign(path: &Path) -> Result<Self> {
        let fail = |reason: String| Error::ModelFile { path: path.to_owned(), reason };
        let size = fs::metadata(path).map_err(|error| Error::io(path, "read", error))?.len();
        if size > MAX_FILE {
            return Err(fail(format!("expected at most {MAX_FILE} bytes, found {size}")));
        }
        let bytes = fs::read(path).map_err(|error| Error::io(path, "read", error))?;
        let not_ours = |error| fail(format!("not a whole safetensors file ({error})"));
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(not_ours)?;
        let file = SafeTensors::deserialize(&bytes).map_err(not_ours)?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let tensors = file
            .tensors()
            .into_iter()
            .map(|(name, view)| {
                let dtype = from_safetensors(view.dtype())
                    .ok_or_else(|| fail(format!("`{name}`: type {:?} is not supported", view.dtype())))?;
                let bytes = burn::tensor::Bytes::from_bytes_vec(view.data().to_vec());
                Ok((name, TensorData::from_bytes(bytes, view.shape().to_vec(), dtype)))
            })
            .collect::<Result<_>>()?;
        Ok(Self { tensors, metadata })
    }

    /// The bytes of a safetensors file for another program: the tensors and texts as they are, without format and hash.
    ///
    /// # Errors
    /// [`Error::ModelFile`] if a tensor's type has no place in the format; `path` is for the message.
    pub fn to_foreign_bytes(&self, path: &Path) -> Result<Vec<u8>> {
        let metadata = self.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        self.serialized(metadata, path)
    }

    /// SHA-256 over names, types, shapes, numbers and texts.
    fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for (name, data) in &self.tensors {
            hasher.update(format!("{name}\0{:?}\0{:?}\0", data.dtype(), data.shape().to_vec()));
            hasher.update(data.as_bytes());
        }
        for (key, value) in &self.metadata {
            hasher.update(format!("{key}\0{value}\0"));
        }
        hex(hasher)
    }
}

/// A safetensors file with its metadata in alphabetical order (the crate's own writer takes a hash map, whose order
/// changes from run to run): length of the header, header, tensors by descending alignment and then name.
fn serialize(
    views: Vec<(String, TensorView<'_>)>,
    metadata: HashMap<String, String>,
) -> std::result::Result<Vec<u8>, String> {
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())?;
    let (length, body) = bytes.split_at(8);
    let length = usize::try_from(u64::from_le_bytes(length.try_into().expect("eight bytes")))
        .map_err(|error| error.to_string())?;
    let (header, tensors) = body.split_at(length);
    // serde_json's map is ordered by key.
    let header: serde_json::Value = serde_json::from_slice(header).map_err(|error| error.to_string())?;
    let mut header = serde_json::to_vec(&header).map_err(|error| error.to_string())?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok([&(header.len() as u64).to_le_bytes()[..], &header, tensors].concat())
}

/// All float parameters of a module, by name.
#[must_use]
pub fn parameters<M: Module>(module: &M) -> BTreeMap<String, TensorData> {
    let mut collector = Collector { path: NamePath::default(), found: BTreeMap::new() };
    module.visit(&mut collector);
    collector.found
}

struct Collector {
    path: NamePath,
    found: BTreeMap<String, TensorData>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.insert(self.path.name(), param.val().into_data());
    }
}

/// Sets all float parameters of a module; identities, devices and trainability stay.
///
/// # Errors
/// [`Error::ModelFile`] if names, shapes or types are not exactly those of the module; `path` is for the message.
pub fn load_parameters<M: Module>(module: M, tensors: &BTreeMap<String, TensorData>, path: &Path) -> Result<M> {
    let mut loader = Loader { path: NamePath::default(), tensors: tensors.clone(), problem: None };
    let module = module.map(&mut loader);
    let problem = loader.problem.or_else(|| {
        let name = loader.tensors.keys().next()?;
        Some(format!("`{name}` is in the file but not in the model"))
    });
    match problem {
        None => Ok(module),
        Some(reason) => Err(Error::ModelFile { path: path.to_owned(), reason }),
    }
}

struct Loader {
    path: NamePath,
    tensors: BTreeMap<String, TensorData>,
    problem: Option<String>,
}

impl Loader {
    /// The tensor of the current path, if it is what the model needs.
    fn take(&mut self, shape: &[usize], dtype: DType) -> std::result::Result<TensorData, String> {
        let name = self.path.name();
        let data = self.tensors.remove(&name).ok_or_else(|| format!("`{name}` is in the model but not in the file"))?;
        let found = data.shape().to_vec();
        if found != shape {
            return Err(format!("`{name}`: expected shape {shape:?}, found {found:?}"));
        }
        if data.dtype() != dtype {
            return Err(format!("`{name}`: expected type {dtype:?}, found {:?}", data.dtype()));
        }
        Ok(data)
    }
}

impl ModuleMapper for Loader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, old, mapper) = param.consume();
        let dtype = old.dtype();
        let value = match self.take(&old.dims(), dtype) {
            Ok(data) => {
                let new = Tensor::from_data(data, (&old.device(), dtype));
                new.set_require_grad(old.is_require_grad())
            }
            Err(problem) => {
                self.problem.get_or_insert(problem);
                old
            }
        };
        Param::from_mapped_value(id, value, mapper)
    }
}

fn to_safetensors(dtype: DType) -> Option<Dtype> {
    Some(match dtype {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::U8 => Dtype::U8,
        _ => return None,
    })
}

fn from_safetensors(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::F64 => DType::F64,
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::I64 => DType::I64,
        Dtype::I32 => DType::I32,
        Dtype::U8 => DType::U8,
        _ => return None,
    })
}

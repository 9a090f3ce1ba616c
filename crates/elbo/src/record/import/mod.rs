//! Parameters from files that other libraries wrote.
//!
//! A file is safetensors (`state_dict` of the `PyTorch` libraries, variables of Keras layers by name). Which of its names
//! is which parameter here, and in which layout and parameterisation, is one table ([`Source::rows`]); `docs/import.md` shows it. The
//! layers come from this crate, built with the settings that the other library's had: a file of tensors does not hold
//! them.

mod export;
mod layout;
mod table;

pub use export::export;
pub use layout::Layout;
pub use table::{Part, Role, Row, Source, Transform};

use super::named::{NamedTensors, load_parameters, parameters};
use crate::convert::ScaleRule;
use crate::error::{Error, Result};
use crate::prior::untransformed_scale;
use burn::module::Module;
use burn::tensor::{DType, TensorData};
use layout::Transposed;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Shape and values, row-major.
type Numbers = (Vec<usize>, Vec<f64>);

/// An import: from which library, and which of its layers is which layer here.
///
/// ```no_run
/// use burn::tensor::Device;
/// use elbo::layer::DenseConfig;
/// use elbo::record::import::{Import, Source};
/// let dense = DenseConfig::new(4, 3).with_name("fc").init(&Device::flex())?;
/// let dense = Import::new(Source::Tfp).layer("", "dense_flipout").load(dense, "weights.safetensors".as_ref())?;
/// # Ok::<(), elbo::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Import {
    source: Source,
    layers: BTreeMap<String, String>,
    scale: ScaleRule,
    kept: BTreeSet<String>,
    ignored: BTreeSet<String>,
}

impl Import {
    /// An import in which layers have the same names on both sides.
    #[must_use]
    pub fn new(source: Source) -> Self {
        let scale = ScaleRule::Moped { delta: 0.1, floor: 1e-4 };
        Self { source, layers: BTreeMap::new(), scale, kept: BTreeSet::new(), ignored: BTreeSet::new() }
    }

    /// The layer at path `ours` of the module (empty for a module that is the layer itself) is called `theirs` in the
    /// file. Once one layer is mapped, all have to be.
    #[must_use]
    pub fn layer(mut self, ours: impl Into<String>, theirs: impl Into<String>) -> Self {
        self.layers.insert(theirs.into(), ours.into());
        self
    }

    /// The scales around weights of a file that has none ([`Source::PyTorch`], [`Source::Keras`]); by default a tenth of each weight's
    /// magnitude, at least 1e-4.
    #[must_use]
    pub fn with_scale(mut self, scale: ScaleRule) -> Self {
        self.scale = scale;
        self
    }

    /// Leaves what is at the path `ours` of the module as it is: the file has nothing for it.
    #[must_use]
    pub fn keep(mut self, ours: impl Into<String>) -> Self {
        self.kept.insert(ours.into());
        self
    }

    /// Leaves out what is under `theirs` in the file.
    #[must_use]
    pub fn ignore(mut self, theirs: impl Into<String>) -> Self {
        self.ignored.insert(theirs.into());
        self
    }

    /// The module with the numbers of the file `path`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::ModelFile`] if it is no safetensors file, and as [`apply`](Self::apply).
    pub fn load<M: Module>(&self, module: M, path: &Path) -> Result<M> {
        self.apply(module, &NamedTensors::read_foreign(path)?.tensors, path)
    }

    /// The module with the numbers of `tensors`, converted to its own type; `origin` is for messages. Parameters of
    /// priors stay as they are.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a scale that is not positive; [`Error::ModelFile`] if a tensor has no place, a parameter of the module has no tensor, two tensors are for one
    /// parameter, or a shape or number does not fit.
    pub fn apply<M: Module>(&self, module: M, tensors: &BTreeMap<String, TensorData>, origin: &Path) -> Result<M> {
        let fail = |reason| Error::ModelFile { path: origin.to_owned(), reason };
        self.scale.check("scale")?;
        let (own, transposed) = (parameters(&module), Transposed::of(&module));
        let placed = self.place(tensors, &own, &transposed).map_err(fail)?;
        let missing = own.keys().find(|name| !placed.contains_key(*name) && !self.is_kept(name));
        if let Some(missing) = missing {
            return Err(fail(format!("`{missing}` is in the model, but no tensor of the file is for it")));
        }
        let mut all = own;
        all.extend(placed);
        load_parameters(module, &all, origin)
    }

    /// Our parameters from their tensors.
    fn place(
        &self,
        tensors: &BTreeMap<String, TensorData>,
        own: &BTreeMap<String, TensorData>,
        transposed: &Transposed,
    ) -> Result<BTreeMap<String, TensorData>, String> {
        let mut placed = BTreeMap::new();
        for (theirs, data) in tensors.iter().filter(|(name, _)| !self.is_ignored(name)) {
            let (layer, row) =
                self.source.find(theirs).ok_or_else(|| format!("`{theirs}` is no parameter of {}", self.source))?;
            let Role::Parameter(part) = row.role else { continue };
            let layer = self.our_layer(theirs, &layer)?;
            let values = self.in_our_layout(part, read(theirs, data)?, &part.name(&layer), own, transposed);
            for (part, values) in self.parts(row, part, values, own, &layer) {
                let name = part.name(&layer);
                let data = fit(theirs, &name, values, own.get(&name))?;
                if placed.insert(name.clone(), data).is_some() {
                    return Err(format!("`{theirs}` and another tensor are both `{name}`"));
                }
            }
        }
        Ok(placed)
    }

    /// The numbers of a tensor in the layout of our parameter `name`.
    fn in_our_layout(
        &self,
        part: Part,
        (shape, values): Numbers,
        name: &str,
        own: &BTreeMap<String, TensorData>,
        transposed: &Transposed,
    ) -> Numbers {
        let layout = self.source.layout();
        match own.get(name).map(|data| data.shape().as_slice()) {
            Some(&[.., group_channels, _]) if transposed.contains(name) => {
                layout::transposed_to_ours(layout, shape, &values, group_channels)
            }
            _ if part.is_kernel() => layout::to_ours(layout, shape, &values),
            _ => (shape, values),
        }
    }

    /// The parameters that one tensor gives: itself, and a scale where the library has none and the layer wants one.
    fn parts(
        &self,
        row: &Row,
        part: Part,
        (shape, values): Numbers,
        own: &BTreeMap<String, TensorData>,
        layer: &str,
    ) -> Vec<(Part, Numbers)> {
        let scale = part.scale();
        let dtype = own.get(&scale.name(layer)).map(TensorData::dtype);
        let mut parts = Vec::new();
        if let (true, Some(dtype)) = (self.source.is_plain(), dtype) {
            let around = values.iter().map(|&w| untransformed_scale(self.scale.of(w), dtype)).collect();
            parts.push((scale, (shape.clone(), around)));
        }
        let values = match (part.is_scale(), dtype) {
            (true, Some(dtype)) => values.into_iter().map(|value| row.transform.to_ours(value, dtype)).collect(),
            _ => values,
        };
        parts.push((part, (shape, values)));
        parts
    }

    fn our_layer(&self, theirs: &str, layer: &str) -> Result<String, String> {
        if self.layers.is_empty() {
            return Ok(layer.replace('/', "."));
        }
        let ours = self.layers.get(layer).cloned();
        ours.ok_or_else(|| format!("`{theirs}`: layer `{layer}` is not in the map of names"))
    }

    fn is_kept(&self, name: &str) -> bool {
        let weights = [".kernel.prior.", ".bias.prior.", ".weights.prior.", ".variable.prior."];
        let is_prior = weights.iter().any(|prior| format!(".{name}").contains(prior));
        is_prior || self.kept.iter().any(|path| is_under(name, path))
    }

    fn is_ignored(&self, name: &str) -> bool {
        self.ignored.iter().any(|path| is_under(name, path))
    }
}

/// Whether `name` is `path` or has it as its first steps.
fn is_under(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
}

/// Shape and numbers of a tensor, which have to be finite floats.
fn read(name: &str, data: &TensorData) -> Result<Numbers, String> {
    if !matches!(data.dtype(), DType::F64 | DType::F32 | DType::F16 | DType::BF16) {
        return Err(format!("`{name}`: expected a float type, found {:?}", data.dtype()));
    }
    let values = data.clone().try_into_vec_as::<f64>().map_err(|error| format!("`{name}`: {error:?}"))?;
    match values.iter().find(|value| !value.is_finite()) {
        None => Ok((data.shape().to_vec(), values)),
        Some(value) => Err(format!("`{name}`: expected finite numbers, found {value}")),
    }
}

/// The data of the parameter `name`, if it is there and of this shape.
fn fit(theirs: &str, name: &str, (shape, values): Numbers, own: Option<&TensorData>) -> Result<TensorData, String> {
    let own = own.ok_or_else(|| format!("`{theirs}`: the model has no `{name}`"))?;
    let expected = own.shape().to_vec();
    if expected != shape {
        return Err(format!("`{theirs}`: expected shape {expected:?} for `{name}`, found {shape:?} in its layout"));
    }
    let data = TensorData::new(values, shape).convert_dtype(own.dtype());
    read(name, &data).map(|_| data).map_err(|reason| format!("`{theirs}` as {:?}: {reason}", own.dtype()))
}

//! Our parameters under another library's names.

use super::layout::{self, Transposed};
use super::table::{Part, Role, Row, Source};
use super::{is_under, read};
use crate::error::{Error, Result};
use crate::record::{NamedTensors, parameters};
use burn::module::Module;
use burn::tensor::TensorData;
use std::path::Path;

/// The posteriors of a module's layers under the names, in the layouts and parameterisations of a library: what
/// [`NamedTensors::to_foreign_bytes`] makes a file of. For [`Source::PyTorch`] and [`Source::Keras`] only locations are
/// written. Priors are not: the libraries keep them in code.
///
/// # Errors
/// [`Error::ModelFile`] if a parameter is not part of one of our layers' mean-field posteriors, or of a weight that is a
/// point mass where the library needs a scale, or of a transposed convolution's kernel, whose layout elsewhere depends on
/// the number of groups, which parameters do not tell; `keep` are paths to leave out.
pub fn export<M: Module>(module: &M, source: Source, keep: &[&str]) -> Result<NamedTensors> {
    let fail = |reason| Error::ModelFile { path: Path::new(&source.to_string()).to_owned(), reason };
    let (own, transposed) = (parameters(module), Transposed::of(module));
    let mut named = NamedTensors::default();
    for (name, data) in own.iter().filter(|(name, _)| !keep.iter().any(|path| is_under(name, path))) {
        if format!(".{name}").contains(".prior.") {
            continue;
        }
        let no_part = || fail(format!("`{name}` is no location or scale of a layer's posterior"));
        if transposed.contains(name) {
            return Err(fail(format!("`{name}` is the kernel of a transposed convolution, which is not exported")));
        }
        let (layer, part) = split(name).ok_or_else(no_part)?;
        if source.is_plain() && part.is_scale() {
            continue;
        }
        let row = row(source, part, data.shape().len()).ok_or_else(no_part)?;
        if !source.is_plain() && source != Source::Tfp && !own.contains_key(&part.scale().name(layer)) {
            return Err(fail(format!("`{name}` is a point mass, and {source} needs a scale")));
        }
        named.tensors.insert(their_name(source, layer, row), convert(name, source, part, row, data).map_err(fail)?);
    }
    Ok(named)
}

/// Layer and part of one of our names.
fn split(name: &str) -> Option<(&str, Part)> {
    Part::ALL.into_iter().find_map(|part| {
        let layer = name.strip_suffix(part.ours())?;
        if layer.is_empty() { Some((layer, part)) } else { Some((layer.strip_suffix('.')?, part)) }
    })
}

/// The row of a part; where a library has two names, the first is of dense layers.
fn row(source: Source, part: Part, rank: usize) -> Option<&'static Row> {
    let mut rows = source.rows().iter().filter(|row| row.role == Role::Parameter(part));
    let first = rows.next();
    if rank > 2 { rows.next().or(first) } else { first }
}

fn their_name(source: Source, layer: &str, row: &Row) -> String {
    let separator = source.separator();
    let layer = layer.replace('.', &separator.to_string());
    let between = if layer.is_empty() { String::new() } else { separator.to_string() };
    format!("{layer}{between}{}{}", row.theirs, source.ending())
}

fn convert(name: &str, source: Source, part: Part, row: &Row, data: &TensorData) -> Result<TensorData, String> {
    let (shape, values) = read(name, data)?;
    let (shape, values) =
        if part.is_kernel() { layout::to_theirs(source.layout(), shape, &values) } else { (shape, values) };
    let values = values.into_iter().map(|value| row.transform.to_theirs(value, data.dtype())).collect::<Vec<_>>();
    Ok(TensorData::new(values, shape).convert_dtype(data.dtype()))
}

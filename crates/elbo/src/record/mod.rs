//! Parameters by name: identities, files.
//!
//! A parameter's name is its path in the module, with dots, without the variants of enums and the wrapping of
//! [`Variable`](crate::variable::Variable): `conv1d.kernel.posterior.loc`. Files are safetensors: names, shapes, types
//! and numbers, nothing that is executed.

mod file;
mod hash;
pub mod import;
mod layer;
mod named;
mod paths;

pub(crate) use file::is_temporary;
pub use file::write_atomically;
pub(crate) use hash::hex;
pub use named::{NamedTensors, load_parameters, parameters};
pub(crate) use paths::Path as NamePath;
pub use paths::{name_parameters, parameter_names};

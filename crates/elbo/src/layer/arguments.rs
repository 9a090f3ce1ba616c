//! Arguments in the shapes in which people write them.

use crate::error::{Error, Result};
use elbo_kernels::{DataFormat, Padding};
use std::fmt::Debug;

/// One size for all spatial axes, or one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// The same on every axis.
    All(usize),
    /// One per axis.
    Each(Vec<usize>),
}

impl From<usize> for Sizes {
    fn from(size: usize) -> Self {
        Self::All(size)
    }
}

impl<const N: usize> From<[usize; N]> for Sizes {
    fn from(sizes: [usize; N]) -> Self {
        Self::Each(sizes.to_vec())
    }
}

impl From<Vec<usize>> for Sizes {
    fn from(sizes: Vec<usize>) -> Self {
        Self::Each(sizes)
    }
}

impl Sizes {
    /// Positive sizes for `rank` axes, with leading ones up to three.
    pub(crate) fn expand(&self, owner: &str, argument: &'static str, rank: usize) -> Result<[usize; 3]> {
        self.expand_from(1, owner, argument, rank)
    }

    /// Sizes of at least `smallest` for `rank` axes, with leading ones of that size up to three.
    pub(crate) fn expand_from(
        &self,
        smallest: usize,
        owner: &str,
        argument: &'static str,
        rank: usize,
    ) -> Result<[usize; 3]> {
        let sizes = match self {
            Self::All(size) => vec![*size; rank],
            Self::Each(sizes) => sizes.clone(),
        };
        if sizes.len() != rank {
            let expected = format!("one size or {rank} of them");
            return Err(Error::argument(owner, argument, expected, format!("{} sizes {sizes:?}", sizes.len())));
        }
        if sizes.iter().any(|&size| !(smallest..=super::options::MAX_SIZE).contains(&size)) {
            let expected = format!("between {smallest} and {}", super::options::MAX_SIZE);
            return Err(Error::argument(owner, argument, expected, format!("{sizes:?}")));
        }
        let mut out = [smallest; 3];
        out[3 - rank..].copy_from_slice(&sizes);
        Ok(out)
    }
}

/// A value, or its name in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice<T> {
    /// The value.
    Known(T),
    /// Its name, looked up when the layer is built.
    Named(String),
}

impl<T> From<T> for Choice<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl From<&str> for Choice<Padding> {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl From<&str> for Choice<DataFormat> {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl Choice<Padding> {
    pub(crate) fn resolve(&self, owner: &str) -> Result<Padding> {
        let table = [("valid", Padding::Valid), ("same", Padding::Same), ("causal", Padding::Causal)];
        self.lookup(owner, "padding", &table)
    }

    /// As [`resolve`](Self::resolve), where causal padding has no meaning.
    pub(crate) fn resolve_acausal(&self, owner: &str) -> Result<Padding> {
        self.lookup(owner, "padding", &[("valid", Padding::Valid), ("same", Padding::Same)])
    }
}

impl Choice<DataFormat> {
    pub(crate) fn resolve(&self, owner: &str) -> Result<DataFormat> {
        let table = [("channels_last", DataFormat::ChannelsLast), ("channels_first", DataFormat::ChannelsFirst)];
        self.lookup(owner, "data_format", &table)
    }
}

impl<T: Copy + PartialEq + Debug> Choice<T> {
    fn lookup(&self, owner: &str, argument: &'static str, table: &[(&str, T)]) -> Result<T> {
        let found = table.iter().find(|(known, value)| match self {
            Self::Known(given) => given == value,
            Self::Named(name) => *known == name.to_lowercase(),
        });
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names = table.iter().map(|(known, _)| format!("\"{known}\"")).collect::<Vec<_>>().join(", ");
            let found = match self {
                Self::Known(given) => format!("{given:?}"),
                Self::Named(name) => format!("\"{name}\""),
            };
            Error::argument(owner, argument, format!("one of {names}"), found)
        })
    }
}

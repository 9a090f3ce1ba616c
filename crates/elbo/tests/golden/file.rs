//! The files of a folder, and their common frame.

use crate::fields::{Failure, Fields};
use serde_json::Value;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A file, parsed and checked as far as all files are alike.
#[derive(Clone)]
pub struct File {
    pub name: String,
    pub cases: Vec<Value>,
}

/// One case.
pub struct Case<'a> {
    pub name: &'a str,
    pub config: Fields<'a>,
    pub inputs: Fields<'a>,
    pub expected: Fields<'a>,
}

/// The golden files of `folder`, in alphabetical order.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |error: std::io::Error| format!("golden folder {}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_file() && path.file_name().is_some_and(|name| name != "README.md") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("golden folder {}: there are no files in it", folder.display()));
    }
    Ok(files)
}

impl File {
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let fail = |reason: String| format!("{}: {reason}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        let value = serde_json::from_str(&text).map_err(|error| fail(format!("not JSON: {error}")))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self::parse(name, &value).map_err(fail)
    }

    /// Checks schema, number and names of the cases.
    fn parse(name: String, value: &Value) -> Result<Self, Failure> {
        let file = Fields::new("file", value)?;
        if file.size("schema")? != 1 {
            return Err(format!("expected schema 1, found {}", file.size("schema")?));
        }
        let announced = file.fields("meta")?.size("n_cases")?;
        let cases = file.value("cases")?.as_array().ok_or("`cases` must be a list")?.clone();
        file.finish()?;
        if cases.is_empty() || cases.len() != announced {
            return Err(format!("`meta.n_cases` is {announced}, found {} cases", cases.len()));
        }
        let mut names = HashSet::new();
        for case in &cases {
            let name = Fields::new("case", case)?.text("name")?.to_owned();
            if !names.insert(name.clone()) {
                return Err(format!("two cases are called `{name}`"));
            }
        }
        Ok(Self { name, cases })
    }
}

impl<'a> Case<'a> {
    pub fn new(value: &'a Value) -> Result<Self, Failure> {
        let case = Fields::new("case", value)?;
        let (config, inputs, expected) = (case.fields("config")?, case.fields("inputs")?, case.fields("expected")?);
        let name = case.text("name")?;
        // Remarks for readers; values of the library that made the file where they are known to be wrong.
        for remark in ["notes", "tfp_inexact"] {
            case.optional(remark);
        }
        case.finish()?;
        Ok(Self { name, config, inputs, expected })
    }
}

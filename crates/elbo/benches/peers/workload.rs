//! Workload files.

use super::Result;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::Path;

/// One line of the table, with the file's defaults filled in.
#[derive(Clone, Debug, Deserialize)]
pub struct Workload {
    pub name: String,
    pub kind: String,
    pub kl_divisor: f64,
    pub learning_rate: f64,
    pub net: Option<Net>,
    #[serde(default = "one")]
    pub samples: usize,
    #[serde(default)]
    pub n: usize,
    #[serde(default)]
    pub length: usize,
    #[serde(default)]
    pub channels: usize,
    #[serde(default)]
    pub estimator: String,
    #[serde(default)]
    pub spatial: Vec<usize>,
    #[serde(default)]
    pub kernel: Vec<usize>,
    #[serde(default)]
    pub cin: usize,
    #[serde(default)]
    pub cout: usize,
    #[serde(default = "one")]
    pub stride: usize,
    #[serde(default = "one")]
    pub dilation: usize,
    #[serde(default, rename = "in")]
    pub inputs: usize,
    #[serde(default, rename = "out")]
    pub units: usize,
    #[serde(default)]
    pub epochs: usize,
    #[serde(default)]
    pub batch: usize,
    #[serde(default)]
    pub train: String,
    #[serde(default)]
    pub test: String,
    #[serde(default)]
    pub of: String,
    #[serde(default)]
    pub iterations: usize,
}

/// Convolutions `(filters, kernel)`, then a head.
#[derive(Clone, Debug, Deserialize)]
pub struct Net {
    pub convs: Vec<(usize, usize)>,
    pub head: String,
    pub classes: usize,
}

impl Workload {
    /// The net of a kind that has one.
    pub fn net(&self) -> Result<&Net> {
        self.net.as_ref().ok_or_else(|| format!("{}: expected `net`, found none", self.name).into())
    }
}

fn one() -> usize {
    1
}

/// All workloads of a file.
pub fn read(path: &Path) -> Result<Vec<Workload>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let file: Value = serde_json::from_str(&text)?;
    let list = file["workloads"].as_array().ok_or("the file has no list `workloads`")?;
    let defaults = file["defaults"].as_object().cloned().unwrap_or_default();
    list.iter().map(|workload| whole(workload, &defaults, &file["nets"])).collect()
}

/// A workload over the defaults, its net by value.
fn whole(workload: &Value, defaults: &Map<String, Value>, nets: &Value) -> Result<Workload> {
    let mut whole = defaults.clone();
    whole.extend(workload.as_object().cloned().ok_or("a workload must be an object")?);
    if let Some(Value::String(name)) = whole.get("net").cloned() {
        whole.insert("net".into(), nets[&name].clone());
    }
    Ok(serde_json::from_value(Value::Object(whole))?)
}

/// Those that are asked for.
pub fn select<'a>(all: &'a [Workload], asked: &str) -> Result<Vec<&'a Workload>> {
    if asked == "all" {
        return Ok(all.iter().collect());
    }
    let wanted: Vec<&str> = asked.split(',').collect();
    let is_wanted = |name: &str| wanted.contains(&name) || name.split('/').next().is_some_and(|g| wanted.contains(&g));
    let chosen: Vec<&Workload> = all.iter().filter(|workload| is_wanted(&workload.name)).collect();
    if chosen.is_empty() { Err(format!("no workload matches {asked}").into()) } else { Ok(chosen) }
}

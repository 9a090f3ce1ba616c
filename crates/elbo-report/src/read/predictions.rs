//! `predictions.csv`, read back.

use crate::error::{Error, Result};
use csv::StringRecord;
use elbo::metric::Probabilities;
use elbo::run::{DataConfig, Targets};
use std::path::Path;

/// Predictions of the test part.
#[derive(Clone, Debug)]
pub enum Predicted {
    /// Class probabilities.
    Classes(Classes),
    /// Real numbers.
    Reals(Reals),
}

/// Class probabilities of B examples.
#[derive(Clone, Debug)]
pub struct Classes {
    /// Names of the classes `[K]`.
    pub names: Vec<String>,
    /// Names of the examples `[B]`.
    pub ids: Vec<String>,
    /// True classes `[B]`.
    pub labels: Vec<usize>,
    /// Probabilities `[B, K]`.
    pub probabilities: Probabilities,
    /// Total uncertainty in nats `[B]`.
    pub entropy: Vec<f64>,
    /// Epistemic part in nats `[B]`.
    pub information: Vec<f64>,
}

/// Real predictions of B examples, in the target's unit: all lists `[B]`.
#[derive(Clone, Debug, Default)]
pub struct Reals {
    /// Names of the examples.
    pub ids: Vec<String>,
    /// True values.
    pub targets: Vec<f64>,
    /// Predictive means.
    pub mean: Vec<f64>,
    /// Predictive standard deviations.
    pub stddev: Vec<f64>,
    /// Their part that more data would not remove.
    pub aleatoric: Vec<f64>,
    /// Their part from not knowing the weights.
    pub epistemic: Vec<f64>,
    /// Lower ends of 90 % intervals.
    pub low: Vec<f64>,
    /// Upper ends of 90 % intervals.
    pub high: Vec<f64>,
}

impl Predicted {
    /// Reads the file of a run with these data.
    pub fn read(path: &Path, data: &DataConfig) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| elbo::Error::io(path, "read", error))?;
        let mut lines = Lines { path, columns: columns(&data.targets), places: Vec::new() };
        let records = lines.records(&bytes)?;
        match &data.targets {
            Targets::Classes { names } => Ok(Self::Classes(lines.classes(&records, names)?)),
            Targets::Real { .. } | Targets::Horizon { .. } => Ok(Self::Reals(lines.reals(&records)?)),
        }
    }

    /// Number of examples B.
    pub fn len(&self) -> usize {
        self.ids().len()
    }

    /// Names of the examples.
    pub fn ids(&self) -> &[String] {
        match self {
            Self::Classes(classes) => &classes.ids,
            Self::Reals(reals) => &reals.ids,
        }
    }

    /// The label of example `i`, as text.
    pub fn label(&self, i: usize) -> String {
        match self {
            Self::Classes(classes) => classes.names[classes.labels[i]].clone(),
            Self::Reals(reals) => reals.targets[i].to_string(),
        }
    }
}

impl Classes {
    /// Whether example `i` is predicted right.
    pub fn is_right(&self, i: usize) -> bool {
        self.probabilities.predicted(i) == self.labels[i]
    }
}

/// The columns that a run's configuration asks for.
fn columns(targets: &Targets) -> Vec<String> {
    let names: Vec<String> = match targets {
        Targets::Classes { names } => names.iter().map(|name| format!("prob_{name}")).collect(),
        Targets::Real { .. } | Targets::Horizon { .. } => {
            ["stddev", "aleatoric_stddev", "epistemic_stddev", "low_90", "high_90"].map(str::to_owned).into()
        }
    };
    let last: &[&str] = match targets {
        Targets::Classes { .. } => &["predictive_entropy", "mutual_information"],
        Targets::Real { .. } | Targets::Horizon { .. } => &[],
    };
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    [texts(&["id", "label", "predicted"]), names, texts(last)].concat()
}

/// A file that is being read.
struct Lines<'a> {
    path: &'a Path,
    /// Columns that are needed; others may be there too.
    columns: Vec<String>,
    /// Where they stand.
    places: Vec<usize>,
}

impl Lines<'_> {
    fn fail<T>(&self, line: u64, what: &str, expected: impl Into<String>, found: impl Into<String>) -> Result<T> {
        let (path, what) = (self.path.to_owned(), what.to_owned());
        Err(Error::Predictions { path, line, what, expected: expected.into(), found: found.into() })
    }

    fn records(&mut self, bytes: &[u8]) -> Result<Vec<StringRecord>> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return self.fail(1, "header", "text", error.to_string()),
        };
        for name in &self.columns {
            let Some(place) = header.iter().position(|column| column == name) else {
                let found = header.iter().collect::<Vec<_>>().join(",");
                return self.fail(1, "header", format!("a column `{name}`"), found);
            };
            self.places.push(place);
        }
        let mut records = Vec::new();
        for (line, record) in (2..).zip(reader.records()) {
            match record {
                Ok(record) if record.len() == header.len() => records.push(record),
                Ok(record) => {
                    let expected = header.len().to_string();
                    return self.fail(line, "number of fields", expected, record.len().to_string());
                }
                Err(error) => return self.fail(line, "row", "text", error.to_string()),
            }
        }
        if records.is_empty() {
            return self.fail(2, "row", "at least one example", "none");
        }
        Ok(records)
    }

    fn classes(&self, records: &[StringRecord], names: &[String]) -> Result<Classes> {
        let mut labels = Vec::with_capacity(records.len());
        for (line, record) in (2..).zip(records) {
            match names.iter().position(|name| name == self.field(record, 1)) {
                Some(label) => labels.push(label),
                None => return self.fail(line, "label", "a class of the run", format!("`{}`", self.field(record, 1))),
            }
        }
        let classes = names.len();
        let mut probabilities = Vec::with_capacity(records.len() * classes);
        for (line, record) in (2..).zip(records) {
            for column in 3..3 + classes {
                probabilities.push(self.number(line, record, column)?);
            }
        }
        Ok(Classes {
            names: names.to_vec(),
            ids: self.ids(records),
            labels,
            probabilities: Probabilities::new(probabilities, classes)?,
            entropy: self.column(records, 3 + classes)?,
            information: self.column(records, 4 + classes)?,
        })
    }

    fn reals(&self, records: &[StringRecord]) -> Result<Reals> {
        Ok(Reals {
            ids: self.ids(records),
            targets: self.column(records, 1)?,
            mean: self.column(records, 2)?,
            stddev: self.column(records, 3)?,
            aleatoric: self.column(records, 4)?,
            epistemic: self.column(records, 5)?,
            low: self.column(records, 6)?,
            high: self.column(records, 7)?,
        })
    }

    fn column(&self, records: &[StringRecord], column: usize) -> Result<Vec<f64>> {
        (2..).zip(records).map(|(line, record)| self.number(line, record, column)).collect()
    }

    fn number(&self, line: u64, record: &StringRecord, column: usize) -> Result<f64> {
        match self.field(record, column).parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => self.fail(line, &self.columns[column], "a finite number", format!("`{}`", self.field(record, column))),
        }
    }

    /// The field of one of the columns that are needed.
    fn field<'a>(&self, record: &'a StringRecord, column: usize) -> &'a str {
        &record[self.places[column]]
    }

    fn ids(&self, records: &[StringRecord]) -> Vec<String> {
        records.iter().map(|record| self.field(record, 0).to_owned()).collect()
    }
}

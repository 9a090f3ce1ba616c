//! `predictions.csv`, read back.

use crate::error::{Error, Result};
use csv::StringRecord;
use elbo::metric::{Forecasts, MetricError, Probabilities};
use elbo::run::{DataConfig, Targets};
use std::path::Path;

/// Predictions of the test part.
#[derive(Clone, Debug)]
pub enum Predicted {
    /// Class probabilities.
    Classes(Classes),
    /// Real numbers.
    Reals(Reals),
    /// What follows a series.
    Horizon(Horizon),
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
    /// Where each true value lies in its predicted distribution; `None` in files of earlier versions.
    pub pit: Option<Vec<f64>>,
}

/// N forecasts of H steps of V variables, in the order of time.
#[derive(Clone, Debug, Default)]
pub struct Horizon {
    /// Names of the variables `[V]`.
    pub variables: Vec<String>,
    /// H.
    pub steps: usize,
    /// Times of the first rows that are forecast `[N]`.
    pub ids: Vec<String>,
    /// All values, lists of `[N, H, V]`, row-major; the names are those of their forecasts.
    pub values: Reals,
}

impl Predicted {
    /// Reads the file of a run with these data.
    pub fn read(path: &Path, data: &DataConfig) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| elbo::Error::io(path, "read", error))?;
        let mut lines = Lines { path, columns: columns(&data.targets), places: Vec::new(), pit: None };
        let records = lines.records(&bytes)?;
        match &data.targets {
            Targets::Classes { names } => Ok(Self::Classes(lines.classes(&records, names)?)),
            Targets::Real { .. } => Ok(Self::Reals(lines.reals(&records)?)),
            Targets::Horizon { names, steps, .. } => Ok(Self::Horizon(lines.horizon(&records, names, *steps)?)),
        }
    }

    /// Number of examples B, or of forecasts N.
    pub fn len(&self) -> usize {
        self.ids().len()
    }

    /// Names of the examples.
    pub fn ids(&self) -> &[String] {
        match self {
            Self::Classes(classes) => &classes.ids,
            Self::Reals(reals) => &reals.ids,
            Self::Horizon(horizon) => &horizon.ids,
        }
    }

    /// What is predicted and what is true, in a text for each row of the file: equal for runs with one test set.
    pub fn rows(&self) -> Vec<String> {
        let row = |id: &String, label: &dyn core::fmt::Display| format!("`{id}` with label `{label}`");
        match self {
            Self::Classes(classes) => {
                let label = |&label: &usize| &classes.names[label];
                classes.ids.iter().zip(&classes.labels).map(|(id, place)| row(id, label(place))).collect()
            }
            Self::Reals(reals) => reals.ids.iter().zip(&reals.targets).map(|(id, y)| row(id, y)).collect(),
            Self::Horizon(horizon) => (0..horizon.values.targets.len()).map(|k| horizon.row(k)).collect(),
        }
    }
}

impl Classes {
    /// Whether example `i` is predicted right.
    pub fn is_right(&self, i: usize) -> bool {
        self.probabilities.predicted(i) == self.labels[i]
    }
}

impl Reals {
    /// Where each true value lies in its predicted distribution, 0 to 1 (Dawid 1984): uniform if the predictions are
    /// right. Files of earlier versions do not tell; then it is taken for a normal with its mean and standard deviation.
    pub fn transforms(&self) -> Result<Vec<f64>, MetricError> {
        match &self.pit {
            Some(pit) => Ok(pit.clone()),
            None => Forecasts::normal(&self.mean, &self.stddev)?.pit(&self.targets, 0),
        }
    }

    /// `(y - mean) / stddev` of every value: of mean 0 and variance 1 if the predictions are right.
    pub fn standardized(&self) -> Vec<f64> {
        (0..self.targets.len()).map(|i| (self.targets[i] - self.mean[i]) / self.stddev[i]).collect()
    }

    /// Whether the 90 % interval holds true value `i`.
    pub fn is_held(&self, i: usize) -> bool {
        (self.low[i]..=self.high[i]).contains(&self.targets[i])
    }
}

impl Horizon {
    /// N.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Where forecast `n` of step `h` (from 0) of variable `v` stands.
    pub fn at(&self, n: usize, h: usize, v: usize) -> usize {
        (n * self.steps + h) * self.variables.len() + v
    }

    /// Forecasts of step `h` (from 0) of all variables.
    pub fn of_step(&self, h: usize) -> Vec<usize> {
        let variables = self.variables.len();
        (0..self.len()).flat_map(|n| (0..variables).map(move |v| self.at(n, h, v))).collect()
    }

    /// How many forecasts of `steps` steps do not overlap: errors of forecasts `steps` ahead are independent only if as
    /// many rows lie between them, even those of an ideal forecaster (Diebold and Mariano 1995, section 1.1).
    pub fn separate(&self, steps: usize) -> usize {
        self.len().div_ceil(steps.max(1))
    }

    fn row(&self, k: usize) -> String {
        let variables = self.variables.len();
        let (n, h, v) = (k / (self.steps * variables), k / variables % self.steps, k % variables);
        let (id, name, y) = (&self.ids[n], &self.variables[v], self.values.targets[k]);
        format!("step {} of `{name}` from `{id}` with value `{y}`", h + 1)
    }
}

/// The columns that a run's configuration asks for.
fn columns(targets: &Targets) -> Vec<String> {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let first = texts(&["id", "label", "predicted"]);
    let real = texts(&["stddev", "aleatoric_stddev", "epistemic_stddev", "low_90", "high_90"]);
    match targets {
        Targets::Classes { names } => {
            let probabilities = names.iter().map(|name| format!("prob_{name}")).collect();
            [first, probabilities, texts(&["predictive_entropy", "mutual_information"])].concat()
        }
        Targets::Real { .. } => [first, real].concat(),
        Targets::Horizon { .. } => [first, real, texts(&["step", "variable"])].concat(),
    }
}

/// A file that is being read.
struct Lines<'a> {
    path: &'a Path,
    /// Columns that are needed; others may be there too.
    columns: Vec<String>,
    /// Where they stand.
    places: Vec<usize>,
    /// Where `pit` stands, if it is there.
    pit: Option<usize>,
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
        self.pit = header.iter().position(|column| column == "pit");
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
        // A deviation of 0 would be divided by.
        let stddev = self.column(records, 3)?.into_iter().map(|stddev| stddev.max(f64::MIN_POSITIVE)).collect();
        Ok(Reals {
            ids: self.ids(records),
            targets: self.column(records, 1)?,
            mean: self.column(records, 2)?,
            stddev,
            aleatoric: self.column(records, 4)?,
            epistemic: self.column(records, 5)?,
            low: self.column(records, 6)?,
            high: self.column(records, 7)?,
            pit: self.pit.map(|place| self.pits(records, place)).transpose()?,
        })
    }

    /// Probabilities; rounding beyond 1 is clipped.
    fn pits(&self, records: &[StringRecord], place: usize) -> Result<Vec<f64>> {
        let pit = |(line, record): (u64, &StringRecord)| match record[place].parse::<f64>() {
            Ok(pit) if (-1e-9..=1.0 + 1e-9).contains(&pit) => Ok(pit.clamp(0.0, 1.0)),
            _ => self.fail(line, "pit", "a number between 0 and 1", format!("`{}`", &record[place])),
        };
        (2..).zip(records).map(pit).collect()
    }

    /// Rows of forecasts, of steps in each, of variables in each: anything else is not what a run writes.
    fn horizon(&self, records: &[StringRecord], names: &[String], steps: usize) -> Result<Horizon> {
        let width = steps * names.len();
        for (k, record) in records.iter().enumerate() {
            let (line, value) = (k as u64 + 2, k % width);
            let (step, variable) = ((value / names.len() + 1).to_string(), &names[value % names.len()]);
            let first = self.field(&records[k - value], 0);
            let expected = [("id", 0, first), ("step", 8, &step), ("variable", 9, variable)];
            for (what, column, expected) in expected {
                let found = self.field(record, column);
                if found != expected {
                    return self.fail(line, what, format!("`{expected}`"), format!("`{found}`"));
                }
            }
        }
        if !records.len().is_multiple_of(width) {
            let expected = format!("a multiple of {width}");
            return self.fail(records.len() as u64 + 1, "number of rows", expected, records.len().to_string());
        }
        let ids = records.iter().step_by(width).map(|record| self.field(record, 0).to_owned()).collect();
        Ok(Horizon { variables: names.to_vec(), steps, ids, values: self.reals(records)? })
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

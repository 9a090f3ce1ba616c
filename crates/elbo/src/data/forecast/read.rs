//! A series from comma-separated text: a row per time.

use super::super::error::{DataError, Place, listed, shown};
use super::super::read::stem;
use super::super::table::{
    rows::{Row, Rows},
    stamp::{Stamp, is_time},
};
use super::TimeSeries;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Names of a time column, the first that is there counts.
const TIMES: [&str; 6] = ["time", "date", "datetime", "timestamp", "ds", "index"];

/// Which columns of a file are what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeriesColumns {
    /// The column of times; if not given, the one called `time`, `date`, `datetime`, `timestamp`, `ds` or `index`, in
    /// this order and in any case, else the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The variables that are forecast; if empty, all that are neither the time nor covariates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Variables that are only looked at, up to the time of the forecast; if not given, all that are neither the time
    /// nor targets, where targets are given. Columns that are nothing are not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covariates: Option<Vec<String>>,
}

/// Reads the series in the file at `path`, whose name ends in `.csv`. Rows may come in any order.
///
/// # Errors
/// [`DataError::Extension`], [`DataError::Io`], [`DataError::NotText`], or an error naming the line or column that is
/// wrong.
pub fn read_series(path: &Path, columns: &SeriesColumns) -> Result<TimeSeries, DataError> {
    let origin = path.display().to_string();
    let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
    if !extension.as_deref().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        let found = extension.map_or_else(|| "none".to_owned(), |name| shown(&format!(".{name}")));
        return Err(DataError::Extension { origin, expected: ".csv", found });
    }
    let file = File::open(path).map_err(|source| DataError::Io { origin: origin.clone(), source })?;
    from_reader(BufReader::with_capacity(1 << 16, file), &origin, columns)
}

/// The series in `text`. `origin` is its name in messages, like a file name.
///
/// # Errors
/// An error naming the line or column that is wrong.
pub fn parse_series(text: &str, origin: &str, columns: &SeriesColumns) -> Result<TimeSeries, DataError> {
    from_reader(text.as_bytes(), origin, columns)
}

/// Columns by number.
struct Numbered {
    count: usize,
    time: usize,
    names: Vec<String>,
    /// The targets, then the others.
    values: Vec<usize>,
    targets: usize,
}

fn from_reader<R: Read>(reader: R, origin: &str, columns: &SeriesColumns) -> Result<TimeSeries, DataError> {
    let mut rows = Rows::new(reader, origin);
    let first = rows.next()?.ok_or_else(|| DataError::NoExamples { origin: origin.to_owned() })?;
    let header = is_header(&first);
    let names: Vec<String> = match header {
        true => first.fields().map(str::to_owned).collect(),
        false => (0..first.fields().count()).map(|column| format!("column {}", column + 1)).collect(),
    };
    let numbered = Numbered::new(names, columns, origin)?;
    let (mut stamps, mut values) = (Vec::new(), Vec::new());
    let mut next = if header { rows.next()? } else { Some(first) };
    while let Some(row) = next {
        row.check_width(numbered.count)?;
        let stamp = Stamp::new(&row, numbered.time, stamps.first())?;
        stamps.push(stamp);
        for &column in &numbered.values {
            values.push(value(&row, column, &numbered.names[column])?);
        }
        next = rows.next()?;
    }
    sorted(&stamps, &values, &numbered, origin)
}

/// Whether a first row names the columns: its first field is no time, or another one is neither a number nor missing.
fn is_header(row: &Row) -> bool {
    let is_value = |field: &str| matches!(field, "" | "?") || field.parse::<f64>().is_ok() || is_time(field);
    !is_time(row.field(0)) && row.field(0).parse::<f64>().is_err() || !row.fields().all(is_value)
}

impl Numbered {
    fn new(names: Vec<String>, columns: &SeriesColumns, origin: &str) -> Result<Self, DataError> {
        let find = |what: &'static str, name: &str| {
            position(&names, name).ok_or_else(|| missing(origin, what, listed(&names), &format!("`{name}`")))
        };
        let time = match &columns.time {
            Some(name) => find("time column", name)?,
            None => TIMES.iter().find_map(|name| position(&names, name)).unwrap_or(0),
        };
        let all = |what, names: &[String]| names.iter().map(|name| find(what, name)).collect::<Result<Vec<_>, _>>();
        let targets = all("target column", &columns.targets)?;
        let covariates = columns.covariates.as_deref().map(|names| all("covariate column", names)).transpose()?;
        let rest = |taken: &[usize]| (0..names.len()).filter(|c| *c != time && !taken.contains(c)).collect::<Vec<_>>();
        let (targets, covariates) = match (targets.is_empty(), covariates) {
            (true, covariates) => (rest(covariates.as_deref().unwrap_or(&[])), covariates.unwrap_or_default()),
            (false, covariates) => (targets.clone(), covariates.unwrap_or_else(|| rest(&targets))),
        };
        let count = targets.len();
        let values = [targets, covariates].concat();
        if count == 0 {
            return Err(missing(origin, "columns", "at least one target beside the time".into(), &listed(&names)));
        }
        match (1..values.len()).find(|&i| values[..i].contains(&values[i])).map(|i| values[i]) {
            Some(twice) => Err(used_twice(origin, &names[twice])),
            None if values.contains(&time) => Err(used_twice(origin, &names[time])),
            None => Ok(Self { count: names.len(), time, names, values, targets: count }),
        }
    }
}

fn missing(origin: &str, what: &'static str, expected: String, found: &str) -> DataError {
    DataError::Mismatch { place: Place::whole(origin), what, expected, found: found.to_owned() }
}

fn used_twice(origin: &str, name: &str) -> DataError {
    missing(origin, "columns", "every column to be one thing".into(), &format!("`{name}` twice"))
}

/// The column called `name`, exactly or else in another case.
fn position(names: &[String], name: &str) -> Option<usize> {
    let exact = names.iter().position(|found| found == name);
    exact.or_else(|| names.iter().position(|found| found.eq_ignore_ascii_case(name)))
}

/// A value that an `f32` can hold; NaN if it is missing.
fn value(row: &Row, column: usize, name: &str) -> Result<f64, DataError> {
    let field = row.field(column);
    if matches!(field, "" | "?") {
        return Ok(f64::NAN);
    }
    let (place, position, found) = (row.place.clone(), format!("column `{name}`"), shown(field));
    match field.parse::<f64>() {
        Ok(value) if value.is_finite() && value.abs() <= f64::from(f32::MAX) => Ok(value),
        Ok(_) => Err(DataError::NotFinite { place, position, found }),
        Err(_) => Err(DataError::NotNumber { place, position, found }),
    }
}

/// The rows in the order of their times.
fn sorted(stamps: &[Stamp], values: &[f64], columns: &Numbered, origin: &str) -> Result<TimeSeries, DataError> {
    if stamps.is_empty() {
        return Err(DataError::NoExamples { origin: origin.to_owned() });
    }
    let mut order: Vec<usize> = (0..stamps.len()).collect();
    order.sort_by(|&a, &b| stamps[a].compare(&stamps[b]));
    if let Some(pair) = order.windows(2).find(|pair| stamps[pair[0]].compare(&stamps[pair[1]]).is_eq()) {
        return Err(DataError::DuplicateTime {
            place: Place::line(origin, stamps[pair[1]].line),
            id: stem(origin),
            time: stamps[pair[1]].text.clone(),
            first: stamps[pair[0]].line,
        });
    }
    let width = columns.values.len();
    Ok(TimeSeries {
        name: stem(origin),
        times: order.iter().map(|&t| stamps[t].text.clone()).collect(),
        variables: columns.values.iter().map(|&column| columns.names[column].clone()).collect(),
        targets: columns.targets,
        values: order.iter().flat_map(|&t| &values[t * width..(t + 1) * width]).copied().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(time: Option<&str>, targets: &[&str], covariates: Option<&[&str]>) -> SeriesColumns {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        SeriesColumns { time: time.map(str::to_owned), targets: owned(targets), covariates: covariates.map(owned) }
    }

    fn parse(text: &str, columns: &SeriesColumns) -> TimeSeries {
        parse_series(text, "dir/sales.csv", columns).unwrap()
    }

    fn message(text: &str, columns: &SeriesColumns) -> String {
        parse_series(text, "sales.csv", columns).unwrap_err().to_string()
    }

    #[test]
    fn the_usual_files_need_no_options() {
        let all = SeriesColumns::default();
        let series = parse("Date,Passengers\n1949-01,112\n1949-02,\n1949-03,132.5\n", &all);
        assert_eq!((series.name.as_str(), series.target_names()), ("sales", &["Passengers".to_owned()][..]));
        assert_eq!(series.times, ["1949-01", "1949-02", "1949-03"]);
        assert!(series.values[1].is_nan() && series.values[2] == 132.5);
        // A nameless column of years, as data frames write it.
        let series = parse(",0\n1821,269\n1822,321\n", &all);
        assert_eq!((series.times.len(), series.row(1)), (2, &[321.0][..]));
        // No header at all.
        let series = parse("1,5,6\n2,7,8\n", &all);
        assert_eq!(
            (series.variables, series.values),
            (vec!["column 2".into(), "column 3".into()], vec![5.0, 6.0, 7.0, 8.0])
        );
    }

    #[test]
    fn columns_are_chosen_and_others_are_not_read() {
        let text = "note,time,a,b,c\nx,1,1,2,3\ny,2,4,5,6\n";
        let series = parse(text, &columns(None, &["C"], Some(&["a"])));
        assert_eq!((series.variables.clone(), series.targets), (vec!["c".into(), "a".into()], 1));
        assert_eq!((series.row(1), series.target_row(1)), (&[6.0, 4.0][..], &[6.0][..]));
        let series = parse("t,a,b\n1,2,3\n", &columns(None, &["b"], None));
        assert_eq!(series.variables, ["b", "a"], "the rest are covariates");
        let series = parse("t,a,b\n1,2,3\n", &columns(None, &[], Some(&["b"])));
        assert_eq!((series.variables, series.targets), (vec!["a".into(), "b".into()], 1));
    }

    #[test]
    fn rows_are_put_in_the_order_of_time() {
        let series = parse("t,x\n10,1\n9,2\n11,3\n", &SeriesColumns::default());
        assert_eq!((series.times, series.values), (vec!["9".into(), "10".into(), "11".into()], vec![2.0, 1.0, 3.0]));
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let all = SeriesColumns::default();
        assert_eq!(message("", &all), "sales.csv: expected at least one example, found none");
        assert_eq!(message("t,x\n", &all), "sales.csv: expected at least one example, found none");
        assert_eq!(
            message("t,x\n1,2\n1,3\n", &all),
            "sales.csv:3: expected one row per time, found time `1` of series `sales` again, first in line 2"
        );
        assert_eq!(
            message("t,x\n1,2\nsoon,3\n", &all),
            "sales.csv:3: time: expected a number, as in the rows before, found `soon`"
        );
        assert_eq!(
            message("t,x\n1,high\n", &all),
            "sales.csv:2: column `x`: expected a number, or `?` for a missing value, found `high`"
        );
        assert!(message("t,x\n1,1e40\n", &all).contains("expected a finite 32-bit number, found `1e40`"));
        assert_eq!(
            message("t,x\n1,2,3\n", &all),
            "sales.csv:2: number of fields: expected 2 fields as in the first row, found 3"
        );
        assert_eq!(
            message("t\n1\n", &all),
            "sales.csv: columns: expected at least one target beside the time, found `t`"
        );
        assert_eq!(
            message("t,x\n1,2\n", &columns(None, &["y"], None)),
            "sales.csv: target column: expected `t`, `x`, found `y`"
        );
        assert_eq!(
            message("t,x\n1,2\n", &columns(Some("x"), &["x"], None)),
            "sales.csv: columns: expected every column to be one thing, found `x` twice"
        );
        assert_eq!(
            message("t,x\n1,2\n", &columns(None, &["x"], Some(&["x"]))),
            "sales.csv: columns: expected every column to be one thing, found `x` twice"
        );
    }
}

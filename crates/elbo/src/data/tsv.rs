//! The UCR format: a line per example, the label first, then the values of one channel.
//!
//! Fields are between tabs; without a tab in the line between commas; else between runs of spaces. Series of unequal
//! length are padded with `NaN` at the end, which is cut off; `NaN` or nothing between two values, and `?` anywhere, is a
//! missing value. What the labels are is told by the rule of [`ReadOptions::task`].

use super::dataset::{Dataset, Example};
use super::error::{DataError, Place};
use super::labels::{RawLabel, from_fields};
use super::lines::Lines;
use super::read::{ReadOptions, stem};
use super::value::parse_value;
use std::io::BufRead;

/// Reads a set from its text.
///
/// # Errors
/// Any but those of using a set.
pub(super) fn read<R: BufRead>(reader: R, origin: &str, options: &ReadOptions) -> Result<Dataset, DataError> {
    let mut lines = Lines::new(reader, origin);
    let (mut examples, mut labels) = (Vec::new(), Vec::new());
    while let Some((line, text)) = lines.next_filled()? {
        let place = Place::line(origin, line);
        let (label, values) = parse_line(text, &place)?;
        labels.push(label);
        examples.push(Example { id: (examples.len() + 1).to_string(), values });
    }
    if examples.is_empty() {
        return Err(DataError::NoExamples { origin: origin.to_owned() });
    }
    let labels = from_fields(&labels, options.task, origin)?;
    Ok(Dataset { name: stem(origin), channels: 1, examples, labels })
}

/// Label and values of one line.
fn parse_line(text: &str, place: &Place) -> Result<(RawLabel, Vec<f32>), DataError> {
    if text.contains('\t') {
        parse_fields(text.split('\t'), place)
    } else if text.contains(',') {
        parse_fields(text.split(','), place)
    } else {
        parse_fields(text.split_whitespace(), place)
    }
}

fn parse_fields<'a>(
    mut fields: impl Iterator<Item = &'a str> + Clone,
    place: &Place,
) -> Result<(RawLabel, Vec<f32>), DataError> {
    let label = RawLabel::new(fields.next().unwrap_or(""), place, "a label in the first field")?;
    let filled = fields.clone().enumerate().filter(|(_, field)| !is_padding(field.trim()));
    let length = filled.last().map_or(0, |(t, _)| t + 1);
    if length == 0 {
        return Err(DataError::EmptySeries { place: place.clone(), what: "series after the label".to_owned() });
    }
    let mut values = Vec::with_capacity(length);
    for (t, field) in fields.take(length).enumerate() {
        let field = if is_padding(field.trim()) { "?" } else { field };
        values.push(parse_value(field, || place.clone(), || format!("value {}", t + 1))?);
    }
    Ok((label, values))
}

/// What fills the end of a short series.
fn is_padding(field: &str) -> bool {
    field.is_empty() || field.eq_ignore_ascii_case("nan")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Labels, TaskKind, parse_tsv, parse_with, read::Format};
    use proptest::prelude::*;

    fn values(text: &str) -> Vec<Vec<f32>> {
        parse_tsv(text, "f").unwrap().examples.into_iter().map(|example| example.values).collect()
    }

    #[test]
    fn tabs_commas_or_spaces() {
        let expected = [vec![0.5, -1.0], vec![2.0, 3.0]];
        for text in [
            "1\t0.5\t-1\n2\t2\t3\n",
            "1,0.5,-1\r\n2, 2, 3\r\n",
            "   1.0000000e+00   5.0000000e-01  -1\n   2.0e+00 2 3",
            "1\t 0.5 \t-1\t\n\n2\t2\t3\t",
        ] {
            assert_eq!(values(text), expected, "{text:?}");
        }
        let data = parse_tsv("b\t1\na\t2", "dir/Toy_TRAIN.tsv").unwrap();
        assert_eq!((data.name.as_str(), data.channels, data.examples[1].id.as_str()), ("Toy_TRAIN", 1, "2"));
        assert_eq!(data.labels, Labels::Classes { names: vec!["a".into(), "b".into()], labels: vec![1, 0] });
    }

    #[test]
    fn nan_pads_at_the_end_and_is_missing_before() {
        let data = parse_tsv("1\tNaN\t2\tnan\t\t3\tNaN\tNaN\n2\t1\t?\n", "f").unwrap();
        assert_eq!(data.length_range(), Some((2, 5)));
        let missing: Vec<bool> = data.examples[0].values.iter().map(|value| value.is_nan()).collect();
        assert_eq!(missing, [true, false, true, true, false]);
        assert!(data.examples[1].values[1].is_nan());
    }

    #[test]
    fn whole_numbers_are_classes_unless_told() {
        let labels = |text: &str, task| {
            parse_with(Format::Tsv, text, "f", &ReadOptions { task, ..ReadOptions::default() }).unwrap().labels
        };
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let classes = Labels::Classes { names: names(&["-1", "2", "10"]), labels: vec![2, 0, 1] };
        assert_eq!(labels("10 1\n-1 1\n2 1", None), classes);
        assert_eq!(labels("10 1\n-1 1\n2 1", Some(TaskKind::Real)), Labels::Real(vec![10.0, -1.0, 2.0]));
        assert_eq!(labels("0.5 1\n2 1", None), Labels::Real(vec![0.5, 2.0]));
    }

    #[test]
    fn messages() {
        let cases = [
            ("", ": expected at least one example, found none"),
            ("1\t2\n\t2\t3", ":2: expected a label in the first field, found no label"),
            ("NaN\t2", ":1: expected a label in the first field, found no label"),
            ("1\t2\n1", ":2: series after the label: expected at least one value, found none"),
            ("1\tNaN\tNaN", ":1: series after the label: expected at least one value, found none"),
            ("1\t2\n1\t2\tx", ":2: value 2: expected a number, or `?` for a missing value, found `x`"),
            ("1 inf", ":1: value 1: expected a finite 32-bit number, found `inf`; write `?` for a missing value"),
            ("1\t2\0", ":1: expected UTF-8 text, found byte 0x00"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_tsv(text, "f.tsv").unwrap_err().to_string(), format!("f.tsv{expected}"), "{text:?}");
        }
        let options = ReadOptions { task: Some(TaskKind::Real), ..ReadOptions::default() };
        let error = parse_with(Format::Tsv, "1\t2\na\t2", "f.tsv", &options).unwrap_err();
        assert_eq!(error.to_string(), "f.tsv:2: target: expected a finite number, found `a`");
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_an_error_at_worst(text in "(?s).{0,200}", rows in "[-0-9.,?aN\n\t ]{0,100}") {
            let _ = parse_tsv(&text, "f");
            let _ = parse_tsv(&rows, "f");
        }

        #[test]
        fn what_is_written_is_read(
            rows in prop::collection::vec(prop::collection::vec(-1e30_f32..1e30, 1..9), 1..9), separator in 0_usize..3,
        ) {
            let separator = ["\t", ",", "  "][separator];
            let line = |row: &Vec<f32>| {
                let fields = row.iter().map(f32::to_string).chain((row.len()..9).map(|_| "NaN".to_owned()));
                format!("1{separator}{}", fields.collect::<Vec<_>>().join(separator))
            };
            prop_assert_eq!(values(&rows.iter().map(line).collect::<Vec<_>>().join("\n")), rows);
        }
    }
}

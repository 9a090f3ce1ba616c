use crate::data::{Dataset, Example, Format, Labels, ReadOptions, TaskKind, parse_ts, parse_with};
use proptest::prelude::*;
use std::fmt::Write;

/// A header of which single lines can be replaced, and rows.
fn text(header: &str, rows: &str) -> String {
    format!("# a comment\n@problemName Toy\n{header}\n@data\n{rows}")
}

fn message(text: &str) -> String {
    parse_ts(text, "toy.ts").unwrap_err().to_string()
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let labelled = "@univariate true\n@equalLength true\n@seriesLength 2\n@classLabel true a b";
    let cases = [
        (text(labelled, "1,2:a\n1,2,3:b\n"), "toy.ts:9: length of a series: expected 2 as in `@seriesLength`, found 3"),
        (
            text("@equalLength true\n@classLabel true a b", "1,2:a\n1:b\n"),
            "toy.ts:7: length of a series: expected 2 as before, with `@equalLength true`, found 1",
        ),
        (text(labelled, "1,2:c\n"), "toy.ts:8: class of example `1`: expected one of `a`, `b`, found `c`"),
        (text(labelled, "1,2\n"), "toy.ts:8: expected a class after the last `:`, found no label"),
        (text(labelled, "1,2:\n"), "toy.ts:8: expected a class after the last `:`, found no label"),
        (
            text(labelled, "1,2:3,4:a\n"),
            "toy.ts:8: number of channels: expected 1 channel and a label, found 2 channels",
        ),
        (
            text("@univariate true", "1,2:a\n"),
            "toy.ts:5: number of channels: expected 1 channel and no label (the header has neither `@classLabel true` \
             nor `@targetLabel true`), found 2 channels",
        ),
        (
            text("@dimensions 2\n@classLabel true a b", "1,2:3:a\n"),
            "toy.ts:6: length of a channel: expected 2 values as in channel 1, found 1 value in channel 2",
        ),
        (
            text(labelled, "1,NaN:a\n"),
            "toy.ts:8: value 2: expected a finite 32-bit number, found `NaN`; write `?` for a missing value",
        ),
        (
            text(labelled, "1,-inf:a\n"),
            "toy.ts:8: value 2: expected a finite 32-bit number, found `-inf`; write `?` for a missing value",
        ),
        (
            text(labelled, "1,1e99:a\n"),
            "toy.ts:8: value 2: expected a finite 32-bit number, found `1e99`; write `?` for a missing value",
        ),
        (text(labelled, "1,x:a\n"), "toy.ts:8: value 2: expected a number, or `?` for a missing value, found `x`"),
        (text(labelled, ":a\n"), "toy.ts:8: channel 1: expected at least one value, found none"),
        (text(labelled, ""), "toy.ts: expected at least one example, found none"),
        (text("@targetLabel true", "1,2:high\n"), "toy.ts:5: target: expected a finite number, found `high`"),
        (
            text("@timeStamps true", "1\n"),
            "toy.ts:3: header `@timeStamps`: expected false (rows of plain values, equally spaced in time; time stamps \
             are not supported), found `true`",
        ),
        (text("@equalLength maybe", "1\n"), "toy.ts:3: header `@equalLength`: expected true or false, found `maybe`"),
        (
            text("@seriesLength 0", "1\n"),
            "toy.ts:3: header `@seriesLength`: expected a whole number above 0, found `0`",
        ),
        (
            text("@classLabel true a b a", "1:a\n"),
            "toy.ts:3: header `@classLabel`: expected each class once, found `a` twice",
        ),
        (
            text("@univariate true\n@dimensions 3", "1\n"),
            "toy.ts:5: `@dimensions`: expected 1 with `@univariate true`, found 3",
        ),
        (
            text("@classLabel true a b\n@targetLabel true", "1:a\n"),
            "toy.ts:5: kind of labels: expected one of `@classLabel true` and `@targetLabel true`, found both",
        ),
        (
            "1,2,3\n4,5,6\n".to_owned(),
            "toy.ts:1: not in the .ts format: expected a header line that starts with `@` before `@data`, found `1,2,3`",
        ),
        (
            "@problemName x\n".to_owned(),
            "toy.ts: not in the .ts format: expected a line `@data`, found the end of the file",
        ),
        (String::new(), "toy.ts: not in the .ts format: expected a line `@data`, found the end of the file"),
        ("@problemName \0x\n".to_owned(), "toy.ts:1: expected UTF-8 text, found byte 0x00"),
    ];
    for (text, expected) in cases {
        assert_eq!(message(&text), expected, "{text}");
    }
    let unknown = message(&text("@colour blue", "1\n"));
    assert!(unknown.starts_with("toy.ts:3: header `@colour`: expected one of @problemName"), "{unknown}");
}

#[test]
fn options_can_only_agree_with_the_header() {
    let options = ReadOptions { task: Some(TaskKind::Real), csv_label: None };
    let text = text("@classLabel true a b", "1:a\n2:b\n");
    let message = parse_with(Format::Ts, &text, "toy.ts", &options).unwrap_err().to_string();
    assert_eq!(
        message,
        "toy.ts: kind of labels: expected real targets (`@targetLabel true`), found `@classLabel true`"
    );
}

#[test]
fn classes_targets_and_missing_values_are_read() {
    let data = parse_ts(&text("@classLabel TRUE 10 9", "1,?:2,3:10\n\n4:5:9\r\n"), "toy.ts").unwrap();
    assert_eq!((data.name.as_str(), data.channels, data.missing()), ("Toy", 2, 1));
    assert_eq!(data.labels, Labels::Classes { names: vec!["9".into(), "10".into()], labels: vec![1, 0] });
    assert_eq!(data.examples[1].values, [4.0, 5.0]);
    let data = parse_ts(&text("@targetLabel true", "1,2:0.25\n"), "toy.ts").unwrap();
    assert_eq!(data.labels, Labels::Real(vec![0.25]));
}

/// A set of up to three channels, some values missing.
fn set() -> impl Strategy<Value = Dataset> {
    (1_usize..4, any::<bool>()).prop_flat_map(|(channels, equal)| {
        let value = prop_oneof![9 => -1e6_f32..1e6, 1 => Just(f32::NAN)];
        let lengths = if equal { 4..=4_usize } else { 1..=6 };
        let series = lengths.prop_flat_map(move |length| prop::collection::vec(value.clone(), length * channels));
        let rows = prop::collection::vec((series, 0_usize..2), 1..8);
        rows.prop_map(move |rows| {
            let (series, labels): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            let example = |(i, values)| Example { id: format!("{}", i + 1), values };
            let examples = series.into_iter().enumerate().map(example).collect();
            let names = vec!["no".to_owned(), "yes".to_owned()];
            Dataset { name: "Toy".into(), channels, examples, labels: Labels::Classes { names, labels } }
        })
    })
}

fn written(data: &Dataset) -> String {
    let Labels::Classes { labels, names } = &data.labels else { panic!("sets of this test have classes") };
    let mut rows = String::new();
    for (example, &label) in data.examples.iter().zip(labels) {
        for c in 0..data.channels {
            let field = |x: &f32| if x.is_nan() { "?".to_owned() } else { x.to_string() };
            let values: Vec<String> = example.values.iter().skip(c).step_by(data.channels).map(field).collect();
            let _ = write!(rows, "{}:", values.join(","));
        }
        let _ = writeln!(rows, "{}", names[label]);
    }
    text(&format!("@dimensions {}\n@classLabel true no yes", data.channels), &rows)
}

proptest! {
    #[test]
    fn what_is_written_is_read(data in set()) {
        prop_assert_eq!(parse_ts(&written(&data), "toy.ts").unwrap(), data);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,200}") {
        let _ = parse_ts(&text, "toy.ts");
    }

    #[test]
    fn damaged_files_never_panic(data in set(), place in 0.0_f64..1.0, byte: u8, cut: bool) {
        let mut bytes = written(&data).into_bytes();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // a place in the text
        let place = (place * bytes.len() as f64) as usize;
        if cut {
            bytes.truncate(place);
        } else {
            bytes[place] = byte;
        }
        if let Ok(read) = parse_ts(&String::from_utf8_lossy(&bytes), "toy.ts") {
            prop_assert!(read.examples.iter().all(|e| e.values.len() % read.channels == 0 && !e.values.is_empty()));
        }
    }
}
